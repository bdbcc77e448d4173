"""The link in a mail: it asks, or, for a mail program, does at once what it says (RFC 8058)."""

import pytest

from tests.functional.conftest import Answer, Json, Mail, Service
from tests.functional.factories import earn, enrol
from tests.functional.mailing import birthday, link_of, prefer, statuses
from tests.functional.people import leave, refused

FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
def mail(service: Service) -> Mail:
    """Ada's mail about points."""
    enrol(service, email="ada@example.com")
    earn(service, dollars=5)
    service.notify()
    return service.mails()[-1]


def member_of(mail: Mail) -> str:
    return mail.tags["member"]


def click(service: Service, link: str, body: str | None = "List-Unsubscribe=One-Click") -> Answer:
    """As a mail program does: a form, and nobody signed in."""
    return service.call("POST", link, body, scopes=(), headers=FORM, as_documented=False)


def consents(service: Service, member: str) -> list[tuple[str, str, bool]]:
    found: list[Json] = service.get(f"/v1/members/{member}/preferences").body["consents"]
    return [(one["channel"], one["purpose"], one["given"]) for one in found]


def earned_again(service: Service, id: str) -> int:
    """How many mails another purchase brings."""
    before = len(service.mails())
    earn(service, dollars=5, id=id)
    service.notify()
    return len(service.mails()) - before


# --- which mails have one ------------------------------------------------------------------------------------------


def test_news_of_points_can_be_left_with_one_click_and_what_was_asked_for_cannot(service: Service, mail: Mail) -> None:
    welcome = service.mails()[0]
    assert welcome.headers == {}
    assert "unsubscribe" not in welcome.body + welcome.html
    link = f"https://api.example.com{link_of(mail)}"
    assert mail.headers == {
        "List-Unsubscribe": f"<{link}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    assert mail.body.endswith(f"No more mails like this: {link}\n")
    assert f'<a href="{link}">No more mails like this</a>' in mail.html


def test_a_link_names_the_member_by_nothing_but_the_id(mail: Mail) -> None:
    assert "ada" not in link_of(mail).lower().replace(member_of(mail), "").split(".")[0]
    assert "%40" not in link_of(mail)
    assert "@" not in link_of(mail)


# --- what it does --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", ["List-Unsubscribe=One-Click", None, "", "{", '{"a": 1}'])
def test_one_click_unsubscribes_whatever_comes_with_it(service: Service, mail: Mail, body: str | None) -> None:
    answer = click(service, link_of(mail), body)
    assert answer.status == 200
    assert consents(service, member_of(mail)) == [("email", "account", False)]
    assert earned_again(service, "r-2") == 0
    assert statuses(service)["points_earned"][0] in {"sent", "not_sent"}


def test_to_open_the_link_only_asks(service: Service, mail: Mail) -> None:
    with service.unchanged():
        answer = service.call("GET", link_of(mail), scopes=())
    assert answer.status == 200
    assert '<form method="post"><button>No more messages</button></form>' in str(answer.body)


def test_the_page_says_that_it_is_done(service: Service, mail: Mail) -> None:
    answer = click(service, link_of(mail))
    assert "You will get no more messages like this one." in str(answer.body)
    assert "<form" not in str(answer.body)


def test_the_pages_are_kept_by_nobody_and_tell_no_other_page_of_themselves(service: Service, mail: Mail) -> None:
    for answer in (service.call("GET", link_of(mail), scopes=()), click(service, link_of(mail))):
        assert answer.headers["content-type"] == "text/html"
        assert (answer.headers["cache-control"], answer.headers["referrer-policy"]) == ("no-store", "no-referrer")


def test_the_pages_are_in_the_members_language(service: Service) -> None:
    enrol(service, email="ada@example.com", locale="fr-CA")
    earn(service, dollars=5)
    service.notify()
    answer = service.call("GET", link_of(service.mails()[-1]), scopes=())
    assert '<html lang="fr">' in str(answer.body)
    assert "Ne plus recevoir" in str(answer.body)


def test_a_second_click_changes_nothing(service: Service, mail: Mail) -> None:
    click(service, link_of(mail))
    with service.unchanged():
        answer = click(service, link_of(mail))
    assert (answer.status, "You will get no more" in str(answer.body)) == (200, True)


def test_the_same_link_works_again_for_who_came_back(service: Service, mail: Mail) -> None:
    member = member_of(mail)
    click(service, link_of(mail))
    prefer(service, member, "email", "account", key="p-1", given=True)
    assert earned_again(service, "r-2") == 1
    click(service, link_of(mail))
    assert consents(service, member) == [("email", "account", False)]
    assert earned_again(service, "r-3") == 0


def test_a_link_leaves_only_what_its_mail_was_for(service: Service, mail: Mail) -> None:
    member = member_of(mail)
    prefer(service, member, "email", "marketing", key="p-1", given=True)
    birthday(service, member)
    click(service, link_of(service.mails()[-1]))
    assert sorted(consents(service, member)) == [("email", "marketing", False)]
    assert earned_again(service, "r-2") == 1


def test_how_the_member_said_so_is_noted(service: Service, mail: Mail) -> None:
    click(service, link_of(mail))
    [consent] = service.get(f"/v1/members/{member_of(mail)}/preferences").body["consents"]
    assert (consent["how"], consent["wording"]) == ("link-in-mail", "unsubscribe-1")
    assert consent["at"] == "2026-11-21T10:00:00Z"


# --- who has gone --------------------------------------------------------------------------------------------------


def test_the_link_of_who_was_merged_into_another_unsubscribes_the_other(service: Service, mail: Mail) -> None:
    grace = enrol(service, key="enrol-2", card="RC-1906")
    assert service.post(f"/v1/members/{member_of(mail)}/merge", {"into": grace}, key="merge-1").status == 200
    click(service, link_of(mail))
    assert consents(service, grace) == [("email", "account", False)]


def test_the_link_of_who_has_left_does_no_harm(service: Service, mail: Mail) -> None:
    leave(service, member_of(mail))
    with service.unchanged():
        answers = [service.call("GET", link_of(mail), scopes=()), click(service, link_of(mail))]
    assert [answer.status for answer in answers] == [200, 200]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "change",
    [
        lambda link: link[:-1],
        lambda link: link.replace(".account.", ".marketing."),
        lambda link: link.replace(".email.", ".sms."),
        lambda link: "/v1/unsubscribe/x",
    ],
    ids=["cut", "purpose", "channel", "nothing"],
)
def test_a_link_that_we_have_not_made_is_none(service: Service, mail: Mail, method: str, change: object) -> None:
    assert callable(change)
    with service.unchanged():
        answer = service.call(method, change(link_of(mail)), scopes=())
    assert refused(answer) == (404, "link_not_found")


def test_a_link_is_not_logged(service: Service, mail: Mail) -> None:
    click(service, link_of(mail))
    service.call("GET", link_of(mail), scopes=())
    assert link_of(mail).rpartition(".")[2] not in service.log.getvalue()
