"""Activities over HTTPS and the bus: what members do besides buying, and what a partner makes of what waits for it."""

import json

import pytest

from tests.functional.conftest import Answer, Json, Service
from tests.functional.engaged import (
    CARDS,
    ENGAGED,
    KEEPING,
    account,
    act,
    an_activity,
    buy,
    decide,
    engaged,
    join,
    parts,
    refusals,
    types,
    why,
)
from tests.functional.factories import a_reason, problem
from tests.functional.test_races import meanwhile


@pytest.fixture
def club(service: Service) -> Service:
    return engaged(service)


@pytest.fixture
def ada(club: Service) -> str:
    """Ada has nothing yet: what enrolling earns is still on its way."""
    return join(club)


def balance(service: Service, member: str) -> Json:
    sheet = service.get(f"/v1/members/{member}/balance").body
    return {name: sheet[name] for name in parts()}


# Earning


def test_an_activity_earns_and_answers_with_its_whole_effect(club: Service, ada: str) -> None:
    answer = act(club, "visit")
    assert (answer.status, answer.replayed) == (201, False)
    assert answer.body["points"] == answer.body["balance"] == parts(active=3)
    assert answer.body["entry"]["operation"] == {"kind": "activity", "id": "act-1", "source": "till-client"}
    assert why(answer)["visit-thanks"] == a_reason("visit-thanks", 3)
    assert "every-dollar" not in why(answer), "nothing is said of rules on purchases"
    [entry] = club.get(f"/v1/members/{ada}/ledger").body["items"]
    assert (entry["activity"], entry["note"]) == ("visit", None)


def test_an_activity_over_the_bus_is_the_same_as_over_https(club: Service, ada: str) -> None:
    sent = an_activity(club, "visit")
    assert club.send("ActivityRecorded", sent, source="till-client") == []
    with club.unchanged():
        again = club.post("/v1/activities", sent)
    assert (again.status, again.replayed, again.body["balance"]) == (201, True, parts(active=3))


def test_an_activity_is_told_as_earning(club: Service, ada: str) -> None:
    club.settle()
    act(club, "quiz", right=4)
    [told] = club.settle()
    assert told["detail-type"] == "PointsEarned"
    assert told["detail"]["data"]["operation"]["kind"] == "activity"


def test_an_activity_that_is_sent_twice_earns_once(club: Service, ada: str) -> None:
    first = act(club, "visit")
    with club.unchanged():
        again = act(club, "visit")
        other = act(club, "quiz", right=4)
    assert (again.replayed, again.body) == (True, first.body)
    assert (other.status, other.body["code"]) == (422, "operation_id_reused")


def test_a_purchase_and_an_activity_may_have_the_same_number(club: Service, ada: str) -> None:
    act(club, "visit", "receipt-1")
    assert club.get("/v1/purchases/receipt-1").status == 404


@pytest.mark.parametrize(
    ("kind", "attributes", "wrong"),
    [
        ("dance", {}, [("/type", "unknown_activity")]),
        ("dance", {"right": 1}, [("/type", "unknown_activity")]),
        ("visit", {"right": 1}, [("/attributes/right", "unknown_attribute")]),
        ("quiz", {}, [("/attributes/right", "missing")]),
        ("quiz", {"left": 1}, [("/attributes/left", "unknown_attribute"), ("/attributes/right", "missing")]),
        ("quiz", {"right": True}, [("/attributes/right", "attribute_type")]),
        ("quiz", {"right": "three"}, [("/attributes/right", "attribute_type")]),
        ("review", {"stars": 5, "photo": 1}, [("/attributes/photo", "attribute_type")]),
        (
            "review",
            {"photo": "yes", "shop": 5, "wit": 1},
            [
                ("/attributes/photo", "attribute_type"),
                ("/attributes/shop", "attribute_type"),
                ("/attributes/stars", "missing"),
                ("/attributes/wit", "unknown_attribute"),
            ],
        ),
    ],
)
def test_what_the_programme_does_not_know_is_refused_and_all_of_it_is_named(
    club: Service, ada: str, kind: str, attributes: Json, wrong: list[tuple[str, str]]
) -> None:
    sent = an_activity(club, kind, **attributes)
    with club.unchanged():
        answer = club.post("/v1/activities", sent)
        assert club.send("ActivityRecorded", sent) == []
    assert (answer.status, answer.body["code"]) == (422, "invalid")
    assert sorted((one["pointer"], one["code"]) for one in answer.body["errors"]) == wrong
    [refused] = refusals(club.on_bus())
    assert (refused["operation_id"], refused["problem"]["errors"]) == ("act-1", answer.body["errors"])


def test_what_was_wrong_can_be_put_right_under_the_same_number(club: Service, ada: str) -> None:
    assert act(club, "quiz").status == 422
    assert act(club, "quiz", right=3).status == 201


@pytest.mark.parametrize("kind", ["enrolled", "birthday", "enrolment_anniversary", "referred", "referral_made"])
def test_what_happens_by_itself_is_reported_by_nobody(club: Service, ada: str, kind: str) -> None:
    with club.unchanged():
        answer = act(club, kind)
        assert club.send("ActivityRecorded", an_activity(club, kind)) == []
    assert [(one["pointer"], one["code"]) for one in answer.body["errors"]] == [("/type", "reserved")]
    assert len(club.parked()) == 1


def test_an_activity_of_the_future_is_refused(club: Service, ada: str) -> None:
    with club.unchanged():
        answer = club.post("/v1/activities", {**an_activity(club, "visit"), "occurred_at": "2026-12-01T00:00:00Z"})
    assert [(one["pointer"], one["code"]) for one in answer.body["errors"]] == [("/occurred_at", "future")]


# Limits


def test_what_is_had_once_is_had_once(club: Service, ada: str) -> None:
    assert act(club, "share", "one").body["points"]["active"] == 7
    again = act(club, "share", "two")
    assert (again.status, again.body["points"]["active"]) == (201, 0)
    assert why(again)["share-thanks"]["condition"] == "limit_reached"


def test_a_cooldown_is_waited_for(club: Service, ada: str) -> None:
    assert act(club, "quiz", "one", right=3).body["points"]["active"] == 5
    club.clock.move(days=6)
    early = why(act(club, "quiz", "two", right=3))["quiz-won"]
    assert (early["points"], early["condition"], early["facts"]) == (0, "cooldown", {"days_left": 1})
    club.clock.move(days=1)
    assert act(club, "quiz", "three", right=3).body["points"]["active"] == 5


def test_a_quiz_that_is_lost_starts_no_cooldown(club: Service, ada: str) -> None:
    assert why(act(club, "quiz", "one", right=2))["quiz-won"]["condition"] == "attributes.right"
    assert act(club, "quiz", "two", right=3).body["points"]["active"] == 5


def test_a_cap_gives_what_is_left_of_it_and_then_nothing(club: Service, ada: str) -> None:
    assert [act(club, "visit", f"act-{i}").body["points"]["active"] for i in range(3)] == [3, 2, 0]
    club.clock.move(days=10)
    assert act(club, "visit", "act-9").body["points"]["active"] == 3


# Confirming and declining


def test_what_needs_to_be_confirmed_is_pending_until_then(club: Service, ada: str) -> None:
    answer = act(club, "review", stars=5)
    assert answer.body["points"] == answer.body["balance"] == parts(pending=15)
    club.clock.move(days=1000)
    assert balance(club, ada) == parts(pending=15)

    confirmed = decide(club, "confirm")

    assert (confirmed.status, confirmed.replayed, confirmed.body["entry"]["kind"]) == (201, False, "activated")
    assert confirmed.body["points"] == parts(active=15, pending=-15)
    assert confirmed.body["balance"] == parts(active=15)
    assert confirmed.body["entry"]["operation"]["kind"] == "confirmation"
    assert types(club.settle())[:3] == ["MemberEnrolled", "PointsEarned", "PointsActivated"]


def test_what_is_declined_goes(club: Service, ada: str) -> None:
    act(club, "review", stars=1)
    declined = decide(club, "decline")
    assert (declined.status, declined.body["entry"]["kind"]) == (201, "reversed")
    assert (declined.body["points"], declined.body["balance"]) == (parts(pending=-15), parts())
    assert why(declined)["declined"]["points"] == -15
    told = club.settle()[2]
    assert told["detail-type"] == "PointsReversed"
    assert told["detail"]["data"]["reversed_operation"] == "activity#till-client#act-1"


def test_only_its_own_points_are_confirmed(club: Service, ada: str) -> None:
    act(club, "review", "one", stars=5)
    act(club, "review", "two", stars=5)
    assert decide(club, "confirm", "one").body["balance"] == parts(active=15, pending=15)
    assert decide(club, "decline", "two").body["balance"] == parts(active=15)


@pytest.mark.parametrize("what", ["confirm", "decline"])
def test_a_decision_that_is_sent_twice_is_a_repeat(club: Service, ada: str, what: str) -> None:
    act(club, "review", stars=5)
    first = decide(club, what)
    event = {"activity_id": "act-1", "decision": {"confirm": "confirmed", "decline": "declined"}[what]}
    with club.unchanged():
        again = decide(club, what)
        assert club.send("ActivityDecided", event, source="till-client") == []
    assert (again.status, again.replayed, again.body) == (201, True, first.body)
    assert refusals(club.on_bus()) == []


@pytest.mark.parametrize(("first", "second"), [("confirm", "decline"), ("decline", "confirm")])
def test_there_is_one_decision(club: Service, ada: str, first: str, second: str) -> None:
    act(club, "review", stars=5)
    decide(club, first)
    with club.unchanged():
        answer = decide(club, second)
    assert (answer.status, answer.body["code"]) == (422, "operation_id_reused")


def test_what_needs_no_decision_takes_none(club: Service, ada: str) -> None:
    act(club, "visit")
    answers = [decide(club, what) for what in ("confirm", "decline")]
    assert [(one.status, one.body["code"]) for one in answers] == [
        (409, "activity_not_waiting"),
        (422, "operation_id_reused"),
    ]
    assert balance(club, ada) == parts(active=3)


def test_an_activity_that_nobody_sent_takes_no_decision(club: Service, ada: str) -> None:
    with club.unchanged():
        answer = decide(club, "confirm", "act-9")
    assert answer.body == problem(404, "activity_not_found", "No such activity", "You have not sent an activity act-9.")


def test_a_partner_decides_on_its_own_activities_only(club: Service, ada: str) -> None:
    act(club, "review", stars=5)
    with club.unchanged():
        answer = club.call("POST", "/v1/activities/act-1/confirm", client="shop-client")
    assert answer.status == 404


@pytest.mark.parametrize(("decision", "left"), [("confirmed", parts(active=15)), ("declined", parts())])
def test_a_decision_that_overtakes_its_activity_on_the_bus_comes_again(
    club: Service, ada: str, decision: str, left: Json
) -> None:
    event = {"activity_id": "act-1", "decision": decision}
    with club.unchanged():
        assert club.send("ActivityDecided", event) == ["record-0"]
    assert club.on_bus() == []
    assert club.send("ActivityRecorded", an_activity(club, "review", stars=5)) == []
    assert club.send("ActivityDecided", event, tries=2) == []
    assert balance(club, ada) == left


def test_a_decision_on_what_never_comes_is_refused_in_the_end_and_names_it(club: Service, ada: str) -> None:
    event = {"activity_id": "act-1", "decision": "declined"}
    with club.unchanged():
        club.send_until_taken("ActivityDecided", event)
    [refused] = refusals(club.on_bus())
    assert (refused["operation_id"], refused["problem"]["code"]) == ("act-1", "activity_not_found")
    assert club.parked() == []


@pytest.mark.parametrize("detail", [{}, {"activity_id": "a"}, {"activity_id": "a", "decision": "maybe"}])
def test_a_decision_that_cannot_be_read_is_parked(club: Service, ada: str, detail: Json) -> None:
    with club.unchanged():
        assert club.send("ActivityDecided", detail) == []
    assert len(club.parked()) == 1


def test_an_activity_of_a_batch_may_be_decided_on_the_bus_beside_it(club: Service, ada: str) -> None:
    def event(detail_type: str, detail: Json) -> str:
        envelope = {"id": detail_type, "source": "shop", "time": club.clock().isoformat()}
        return json.dumps({**envelope, "detail-type": detail_type, "detail": detail})

    decision = event("ActivityDecided", {"activity_id": "act-1", "decision": "confirmed"})
    activity = event("ActivityRecorded", an_activity(club, "review", stars=5))
    assert club.deliver("functions.accrual.on_partner_event", decision, activity) == []
    assert balance(club, ada) == parts(active=15)


COUNTED = """
tiers:
  window: year
  held: next_window
  levels:
    - {id: member, text: {en: Member, fr: Membre}}
    - {id: silver, text: {en: Silver, fr: Argent}, reach: [{review: 2}]}
"""
GOAL = """
goals:
  - {id: two-reviews, counts: review, reach: 2, per: month, points: 8, reward: thanks-5,
     text: {en: Two reviews, fr: Deux avis}}
"""


def of_reviews(service: Service, text: str) -> Service:
    start, end = text.index("\ntiers:"), text.index("\ngroups:")
    text = text[:start] + COUNTED + text[end:]
    start, end = text.index("\ngoals:"), text.index("\nrewards:")
    return engaged(service, text[:start] + GOAL.replace("points: 8, ", "") + text[end:])


@pytest.mark.parametrize("text", [ENGAGED, KEEPING], ids=["take back", "keep"])
def test_a_declined_activity_takes_all_it_brought_along_whatever_is_kept_of_returns(
    service: Service, text: str
) -> None:
    of_reviews(service, text)
    member = join(service)
    act(service, "review", "one", stars=5)
    second = act(service, "review", "two", stars=5)
    assert second.body["tier"] == "silver"
    [given] = second.body["rewards_earned"]

    declined = decide(service, "decline", "one")

    assert declined.body["tier"] == "member"
    assert [one["left"] for one in declined.body["rewards_withdrawn"]] == [0]
    assert service.get(f"/v1/vouchers/{given['code']}").body["status"] == "withdrawn"
    assert account(service, member)["counters"]["review"] == 1


def test_a_declined_activity_makes_room_in_limits(service: Service) -> None:
    engaged(
        service, ENGAGED.replace("on: review, points: 15", "on: review, points: 15, limits: [{times: 1, per: ever}]")
    )
    join(service)
    act(service, "review", "one", stars=5)
    assert act(service, "review", "two", stars=5).body["points"] == parts()
    decide(service, "decline", "one")
    assert act(service, "review", "three", stars=5).body["points"] == parts(pending=15)


@pytest.mark.parametrize(("first", "second"), [("confirm", "decline"), ("decline", "confirm")])
def test_of_two_decisions_at_once_one_wins(
    club: Service, ada: str, monkeypatch: pytest.MonkeyPatch, first: str, second: str
) -> None:
    act(club, "review", stars=5)
    meanwhile(monkeypatch, lambda: decide(club, first))
    loser: Answer = decide(club, second)
    assert (loser.status, loser.body["code"]) == (422, "operation_id_reused")
    assert balance(club, ada) == (parts(active=15) if first == "confirm" else parts())


def test_a_confirmation_that_meets_a_purchase_keeps_both(
    club: Service, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    act(club, "review", stars=5)
    meanwhile(monkeypatch, lambda: buy(club, "receipt-1", 10))
    assert decide(club, "confirm").body["balance"] == parts(active=25)


def test_an_activity_says_nothing_personal_on_the_bus(club: Service, ada: str) -> None:
    act(club, "review", stars=5, shop="Ada Lovelace")
    said = str(club.settle())
    assert "Lovelace" not in said
    assert CARDS["ada"] not in said
