"""When messages go out, how often, and to whom who has said what."""

from datetime import datetime

import pytest

from functions.notifications import store
from tests.functional.conftest import Service, publish_program
from tests.functional.factories import earn, enrol
from tests.functional.mailing import birthday, broken, prefer, rows, saying, statuses, titles
from tests.functional.people import change

NIGHT = "messages: {channels: [email, sms, inbox], quiet_hours: '21:00-08:00'}"
ADDRESSES = {"email": "ada@example.com", "phone": "+33600000011"}


@pytest.fixture
def quiet(service: Service) -> Service:
    """A programme that keeps quiet from nine to eight; it is half past nine in the evening in London."""
    saying(service, NIGHT)
    service.clock.time = datetime.fromisoformat("2026-11-21T21:30:00+00:00")
    return service


def bought(service: Service, dollars: int = 5, id: str = "receipt-1") -> None:
    earn(service, dollars=dollars, id=id, occurred_at=service.clock().isoformat())
    service.notify()


# --- the night -----------------------------------------------------------------------------------------------------


def test_in_the_night_points_are_in_the_inbox_at_once_and_the_rest_waits_for_the_morning(quiet: Service) -> None:
    member = enrol(quiet, **ADDRESSES, time_zone="Europe/London")
    quiet.notify()
    quiet.clock.move(seconds=1)
    bought(quiet)
    assert titles(quiet, member)[0] == "5 points for you"
    assert [row["template"] for row in rows(quiet) if row["status"] == "waiting"] == ["points_earned"]

    quiet.clock.time = datetime.fromisoformat("2026-11-22T07:59:59+00:00")
    assert quiet.wake() == []
    quiet.clock.move(seconds=1)
    quiet.wake()

    assert [mail.subject for mail in quiet.mails()] == ["Welcome to Record Club", "5 points for you"]
    assert len(quiet.texts()) == 2


def test_what_was_asked_for_goes_out_at_any_hour(quiet: Service) -> None:
    enrol(quiet, **ADDRESSES)
    quiet.notify()
    assert (len(quiet.mails()), len(quiet.texts())) == (1, 1)


@pytest.mark.parametrize(
    ("zone", "due"),
    [
        ("Europe/London", "2026-11-22T08:00:00.000000Z"),
        ("Europe/Paris", "2026-11-22T07:00:00.000000Z"),
        ("America/New_York", None),
        ("Asia/Tokyo", "2026-11-21T23:00:00.000000Z"),
        (None, "2026-11-22T08:00:00.000000Z"),
    ],
)
def test_it_is_night_where_the_member_is(quiet: Service, zone: str | None, due: str | None) -> None:
    enrol(quiet, **({"email": "ada@example.com"} | ({"time_zone": zone} if zone else {})))
    quiet.notify()
    bought(quiet)
    [row] = [one for one in rows(quiet) if one["template"] == "points_earned"]
    assert (row["status"], row.get("due_at")) == (("waiting", due) if due else ("sent", None))


def test_who_moves_while_it_waits_gets_it_in_the_morning_of_the_new_clock(quiet: Service) -> None:
    member = enrol(quiet, email="ada@example.com", time_zone="Europe/London")
    quiet.notify()
    bought(quiet)
    change(quiet, member, time_zone="Pacific/Honolulu")
    quiet.clock.time = datetime.fromisoformat("2026-11-22T08:00:00+00:00")  # ten in the evening there
    quiet.wake()
    assert statuses(quiet)["points_earned"] == ("waiting", "quiet_hours")
    quiet.clock.time = datetime.fromisoformat("2026-11-22T18:00:00+00:00")
    quiet.wake()
    assert statuses(quiet)["points_earned"][0] == "sent"


def test_what_failed_in_the_evening_is_not_tried_again_in_the_night(quiet: Service) -> None:
    enrol(quiet, email="ada@example.com")
    quiet.notify()
    quiet.clock.time = datetime.fromisoformat("2026-11-22T20:59:30+00:00")
    with broken("sesv2"):
        bought(quiet)
    quiet.clock.move(minutes=1)
    quiet.wake()
    assert statuses(quiet)["points_earned"] == ("waiting", "quiet_hours")
    quiet.clock.time = datetime.fromisoformat("2026-11-23T08:00:00+00:00")
    quiet.wake()
    assert statuses(quiet)["points_earned"][0] == "sent"


def test_what_has_waited_is_written_in_the_words_and_to_the_address_of_the_day(quiet: Service) -> None:
    member = enrol(quiet, email="ada@example.com")
    quiet.notify()
    bought(quiet)
    change(quiet, member, email="countess@example.com", locale="fr", given_name="Ada")
    quiet.clock.move(hours=11)
    quiet.wake()
    mail = quiet.mails()[-1]
    assert (mail.to, mail.subject) == (["countess@example.com"], "5 points pour vous")
    assert mail.body.startswith("Bonjour Ada,")


# --- what is not wanted any more -----------------------------------------------------------------------------------


def test_what_waited_and_is_not_wanted_any_more_is_not_sent(quiet: Service) -> None:
    member = enrol(quiet, **ADDRESSES)
    quiet.notify()
    bought(quiet)
    prefer(quiet, member, "email", "account", key="p-1", given=False)
    quiet.clock.move(hours=11)
    quiet.wake()
    assert statuses(quiet)["points_earned"] == ("not_sent", "unsubscribed")
    assert statuses(quiet, "sms")["points_earned"][0] == "sent"


def test_what_waited_for_an_address_that_is_gone_is_not_sent(quiet: Service) -> None:
    member = enrol(quiet, **ADDRESSES)
    quiet.notify()
    bought(quiet)
    change(quiet, member, email=None)
    quiet.clock.move(hours=11)
    quiet.wake()
    assert statuses(quiet)["points_earned"] == ("not_sent", "no_address")


def test_what_is_not_sent_stays_so_when_the_event_comes_again(service: Service) -> None:
    saying(service, NIGHT)
    member = enrol(service, card="RC-1815")
    service.publish()
    events = service.on_bus()
    service.notify(events)
    change(service, member, email="ada@example.com")
    service.notify(events)
    assert (service.mails(), statuses(service)) == ([], {"welcome": ("not_sent", "no_address")})


# --- consent -------------------------------------------------------------------------------------------------------


def test_marketing_is_only_for_who_said_yes(service: Service) -> None:
    saying(service, "messages: {channels: [email, sms]}")
    member = enrol(service, **ADDRESSES)
    service.notify()
    birthday(service, member)
    assert [statuses(service, channel)["birthday"] for channel in ("email", "sms")] == [("not_sent", "no_consent")] * 2

    prefer(service, member, "sms", "marketing", key="p-1", given=True)
    service.clock.move(days=365)
    birthday(service, member)
    assert [subject for subject in (mail.subject for mail in service.mails()) if "birthday" in subject] == []
    assert [text for _, text in service.texts()][-1] == "Record Club wishes you a happy birthday."


def test_consent_that_was_taken_back_is_none(service: Service) -> None:
    member = enrol(service, email="ada@example.com")
    service.notify()
    for key, given in (("p-1", True), ("p-2", False)):
        prefer(service, member, "email", "marketing", key=key, given=given)
    birthday(service, member)
    assert statuses(service)["birthday"] == ("not_sent", "no_consent")


def test_who_wants_no_news_of_points_still_hears_of_rewards(service: Service) -> None:
    member = enrol(service, email="ada@example.com")
    service.notify()
    prefer(service, member, "email", "account", key="p-1", given=False)
    bought(service, dollars=100)
    service.post(
        "/v1/redemptions", {"member": {"id": member}, "reward_id": "voucher-5", "capture": True}, key="redeem-1"
    )
    service.notify()
    assert [mail.subject for mail in service.mails()] == ["Welcome to Record Club", "Your voucher of $5.00"]
    assert statuses(service)["points_earned"] == ("not_sent", "unsubscribed")


# --- not too often -------------------------------------------------------------------------------------------------


def outcomes(service: Service) -> list[str]:
    """What became of each purchase's mail, in order."""
    found = [row for row in rows(service) if row["template"] == "points_earned"]
    return [row.get("why") or row["status"] for row in sorted(found, key=lambda row: int(row["message"].split("#")[1]))]


def test_no_more_go_out_than_the_programme_says_and_on_the_next_day_again(service: Service) -> None:
    saying(service, "messages: {channels: [email, sms, inbox], at_most: {per_day: 2}}")
    member = enrol(service, **ADDRESSES)
    service.notify()
    for i in range(3):
        service.clock.move(seconds=1)
        bought(service, id=f"r-{i}")
    service.clock.move(hours=24)
    bought(service, id="r-4")
    assert outcomes(service) == ["sent", "sent", "capped", "sent"]
    assert len(service.texts()) == 4
    assert len(titles(service, member)) == 5


def test_a_week_has_its_own_limit(service: Service) -> None:
    saying(service, "messages: {at_most: {per_week: 2}}")
    enrol(service, email="ada@example.com")
    service.notify()
    for i in range(4):
        bought(service, id=f"r-{i}")
        service.clock.move(days=3)
    assert outcomes(service) == ["sent", "sent", "capped", "sent"]


def test_what_was_asked_for_counts_for_nothing(service: Service) -> None:
    saying(service, "messages: {at_most: {per_day: 1}}")
    member = enrol(service, email="ada@example.com")
    service.notify()
    bought(service, dollars=200)
    for i in range(2):
        body = {"member": {"id": member}, "reward_id": "voucher-5", "capture": True}
        assert service.post("/v1/redemptions", body, key=f"redeem-{i}").status == 201
    service.notify()
    assert [row["status"] for row in rows(service)] == ["sent"] * 4


def test_what_was_not_sent_counts_for_nothing(service: Service) -> None:
    saying(service, "messages: {at_most: {per_day: 1}}")
    enrol(service, email="ada@example.com")
    service.notify()
    with broken("sesv2", "MessageRejected"):
        bought(service, id="r-1")
    bought(service, id="r-2")
    assert outcomes(service) == ["MessageRejected", "sent"]


def test_what_has_waited_for_the_morning_is_counted_when_it_goes_out(quiet: Service) -> None:
    text = quiet.get("/v1/program").body["text"]
    publish_program(quiet, text.replace("'21:00-08:00'", "'21:00-08:00', at_most: {per_day: 1}"))
    enrol(quiet, email="ada@example.com")
    quiet.notify()
    for i in range(2):
        bought(quiet, id=f"r-{i}")
    assert outcomes(quiet) == ["waiting", "waiting"]
    quiet.clock.move(hours=11)
    quiet.wake()
    assert sorted(outcomes(quiet)) == ["capped", "sent"]


def test_fifty_a_week_on_two_channels_are_fifty_on_each(service: Service) -> None:
    saying(service, "messages: {channels: [email, sms], at_most: {per_week: 50}}")
    member = enrol(service, **ADDRESSES)
    service.notify()
    for _ in range(50):
        for channel in ("email", "sms"):
            store.count(member, channel)
    bought(service)
    assert outcomes(service) == ["capped"]
