"""Holds over HTTPS: points are set aside, and then captured or given up: whichever comes first, once."""

import re

import pytest

from functions.ledger.awaited_items import hold_shard
from functions.redemption.spending import redemption_id
from tests.functional.conftest import CLIENT, Answer, Json, Service, publish_program
from tests.functional.factories import REDEMPTION, earn, enrol, problem, redeem, with_points, without_programme
from tests.functional.test_redemptions import CODE

ID = redemption_id(CLIENT, "redeem-1")
NOT_HELD = problem(
    409,
    "hold_not_found",
    "The redemption is not held",
    "The redemption is not held: it was captured, cancelled or timed out before.",
)


def parts(active: int = 0, held: int = 0) -> Json:
    return {"active": active, "pending": 0, "held": held, "debt": 0}


def hold(service: Service, key: str = "redeem-1", **changes: object) -> Answer:
    return redeem(service, key, capture=False, **changes)


def capture(service: Service, id: str = ID, client: str = CLIENT) -> Answer:
    return service.call("POST", f"/v1/redemptions/{id}/capture", client=client)


def cancel(service: Service, id: str = ID, client: str = CLIENT) -> Answer:
    return service.call("POST", f"/v1/redemptions/{id}/cancel", client=client)


FIVE_DAYS = 5 * 24 * 60
RESOLVE = {"capture": capture, "cancel": cancel}
STATUS = {"capture": "captured", "cancel": "cancelled"}


def effect(member: str, n: int, kind: str, operation: str, change: Json, balance: Json, **entry: object) -> Json:
    """What every answer of these tells of its effect."""
    return {
        "entry": {
            "id": f"{member}#{n}",
            "member_id": member,
            "n": n,
            "kind": kind,
            "balance_after": balance,
            "operation": {"kind": operation, "id": ID, "source": "till-client"},
            "program_version": 1,
            **entry,
        },
        "points": change,
        "balance": balance,
        "tier": None,
        "rewards_earned": [],
        "rewards_withdrawn": [],
        "explanation": [],
        "redemption_id": ID,
        "reward_id": "voucher-5",
        "value": 500,
        "money": 0,
        "currency": "USD",
        "refunded": 0,
        "fulfilment": None,
    }


@pytest.fixture
def ada(service: Service) -> str:
    """Ada has 120 points."""
    member = enrol(service)
    earn(service, dollars=120)
    return member


def test_a_hold_answers_with_its_whole_effect(service: Service, ada: str) -> None:
    answer = hold(service)

    assert (answer.status, answer.replayed) == (201, False)
    at = "2026-11-21T10:00:00Z"
    lots = [{"expires_on": None, "points": -100}]
    assert answer.body == {
        **effect(
            ada,
            2,
            "held",
            "redemption",
            change=parts(active=-100, held=100),
            balance=parts(active=20, held=100),
            points=0,
            lots=lots,
            occurred_at=at,
            recorded_at=at,
        ),
        "status": "held",
        "expires_at": "2026-11-21T10:15:00Z",
        "voucher": None,
    }


def test_a_capture_answers_with_its_whole_effect_and_the_voucher(service: Service, ada: str) -> None:
    hold(service, hold_minutes=FIVE_DAYS)
    service.clock.move(days=3)

    answer = capture(service)

    assert (answer.status, answer.replayed) == (200, False)
    code = answer.body["voucher"]["code"]
    assert re.fullmatch(CODE, code)
    at = "2026-11-24T10:00:00Z"
    assert answer.body == {
        **effect(
            ada,
            3,
            "redeemed",
            "capture",
            change=parts(held=-100),
            balance=parts(active=20),
            points=-100,
            lots=[],
            occurred_at=at,
            recorded_at=at,
        ),
        "status": "captured",
        "expires_at": None,
        "voucher": {"code": code, "value": 500, "currency": "USD", "valid_until": "2027-02-22"},
    }


def test_a_cancelled_hold_answers_with_its_whole_effect(service: Service, ada: str) -> None:
    hold(service)
    service.clock.move(days=3)

    answer = cancel(service)

    assert (answer.status, answer.replayed) == (200, False)
    at = "2026-11-24T10:00:00Z"
    lots = [{"expires_on": None, "points": 100}]
    assert answer.body == {
        **effect(
            ada,
            3,
            "released",
            "release",
            change=parts(active=100, held=-100),
            balance=parts(active=120),
            points=0,
            lots=lots,
            occurred_at=at,
            recorded_at=at,
        ),
        "status": "cancelled",
        "expires_at": None,
        "voucher": None,
    }


def test_a_hold_is_an_entry_and_a_changed_account_and_no_voucher(service: Service, ada: str) -> None:
    before = service.tables()

    hold(service)

    after = service.tables()
    assert {name for name in after if after[name] != before[name]} == {"accounts", "entries"}
    [entry] = [entry for entry in service.items("entries") if entry["n"] == 2]
    assert len(entry.pop("hash")) == 32
    assert entry == {
        "operation": f"redemption#{ID}",
        "source": "till-client",
        "correlation": "request-1",
        "member": ada,
        "n": 2,
        "kind": "held",
        "change": {"lots": {"never": -100}, "holds": {ID: {"never": 100}}},
        "balance": [20, 0, 100, 0],
        "tier": None,
        "occurred_at": "2026-11-21T10:00:00.000000Z",
        "recorded_at": "2026-11-21T10:00:00.000000Z",
        "version": 1,
        "why": [],
        "currency": "USD",
        "reward": {
            "redemption": ID,
            "reward": "voucher-5",
            "kind": "voucher",
            "value": 500,
            "currency": "USD",
            "code": None,
            "valid_from": None,
            "valid_until": None,
        },
        "until": "2026-11-21T10:15:00.000000Z",
        "awaited": hold_shard(ID),
        "report_at": "2026-11-21T10:15:00.000000Z",
    }
    [account] = service.items("accounts")
    assert (account["lots"], account["holds"]) == ({"never": 20}, {ID: {"never": 100}})


def test_there_is_a_voucher_only_after_the_capture(service: Service, ada: str) -> None:
    hold(service, hold_minutes=FIVE_DAYS)
    assert service.items("rewards") == []
    service.clock.move(days=3)

    code = capture(service).body["voucher"]["code"]

    assert [item["key"] for item in service.items("rewards")] == [f"V#{code}"]
    assert service.get(f"/v1/vouchers/{code}").body == {
        "code": code,
        "value": 500,
        "currency": "USD",
        "valid_from": "2026-11-24",
        "valid_until": "2027-02-22",
        "status": "active",
        "redemption_id": ID,
        "reward_id": "voucher-5",
        "uses": 0,
        "uses_left": 1,
        "minimum_spend": 0,
        "stores": [],
    }


def test_a_cancelled_hold_gives_no_voucher(service: Service, ada: str) -> None:
    hold(service)
    cancel(service)
    assert service.items("rewards") == []


def test_points_that_are_held_cannot_be_spent(service: Service, ada: str) -> None:
    hold(service)
    answer = redeem(service, key="redeem-2")
    assert (answer.status, answer.body["code"], answer.body["missing"]) == (409, "insufficient_points", 80)


def test_no_more_can_be_held_than_there_is(service: Service) -> None:
    enrol(service)
    earn(service, dollars=99)

    answer = hold(service)

    assert answer.status == 409
    assert answer.body == problem(
        409,
        "insufficient_points",
        "Not enough points",
        "100 points are needed; 1 are missing.",
        required=100,
        missing=1,
    )
    earn(service, dollars=1, id="receipt-2")
    again = hold(service)
    assert (again.status, again.body, again.replayed) == (409, answer.body, True)
    assert capture(service).status == 404


@pytest.mark.parametrize("resolve", RESOLVE)
def test_a_hold_that_is_asked_for_again_is_answered_as_it_was(service: Service, ada: str, resolve: str) -> None:
    first = hold(service)
    RESOLVE[resolve](service)
    with service.unchanged():
        again = hold(service)
    assert (again.status, again.body, again.replayed) == (201, first.body, True)


def test_a_hold_that_is_asked_for_again_while_it_is_held_is_a_repeat(service: Service, ada: str) -> None:
    first = hold(service)
    with service.unchanged():
        again = hold(service)
    assert (again.status, again.body, again.replayed) == (201, first.body, True)


def test_a_key_that_holds_cannot_be_used_for_another_hold(service: Service, ada: str) -> None:
    hold(service)
    with service.unchanged():
        answer = hold(service, member={"id": ada})
    assert (answer.status, answer.body["code"]) == (422, "operation_id_reused")


def test_a_key_is_for_holding_or_for_taking(service: Service, ada: str) -> None:
    hold(service)
    with service.unchanged():
        answer = redeem(service)
    assert (answer.status, answer.body["code"]) == (422, "operation_id_reused")


@pytest.mark.parametrize("resolve", RESOLVE)
def test_a_hold_that_is_resolved_twice_in_the_same_way_is_a_repeat(service: Service, ada: str, resolve: str) -> None:
    hold(service)
    first = RESOLVE[resolve](service)
    service.clock.move(days=400)

    with service.unchanged():
        again = RESOLVE[resolve](service)

    assert (again.status, again.body, again.replayed) == (200, first.body, True)


@pytest.mark.parametrize(("first", "second"), [("capture", "cancel"), ("cancel", "capture")])
def test_a_hold_is_resolved_once_and_the_other_way_is_refused_for_ever(
    service: Service, ada: str, first: str, second: str
) -> None:
    hold(service)
    resolved = RESOLVE[first](service)
    before = service.tables()

    refused = RESOLVE[second](service)

    assert (refused.status, refused.replayed, refused.body) == (409, False, NOT_HELD)
    after = service.tables()
    assert {name for name in after if after[name] != before[name]} == {"entries"}
    with service.unchanged():
        again = RESOLVE[second](service)
    assert (again.status, again.replayed, again.body) == (409, True, NOT_HELD)
    assert service.get(f"/v1/redemptions/{ID}").body == resolved.body
    assert (RESOLVE[first](service).body, RESOLVE[first](service).replayed) == (resolved.body, True)


@pytest.mark.parametrize("resolve", RESOLVE)
def test_what_was_captured_at_once_is_not_held(service: Service, ada: str, resolve: str) -> None:
    made = redeem(service)

    answer = RESOLVE[resolve](service)

    detail = {"capture": "The redemption is not held: its points were taken at once.", "cancel": NOT_HELD["detail"]}
    assert (answer.status, answer.body) == (409, {**NOT_HELD, "detail": detail[resolve]})
    assert service.get(f"/v1/redemptions/{ID}").body == made.body
    assert len(service.items("rewards")) == 1


@pytest.mark.parametrize("resolve", RESOLVE)
def test_a_redemption_that_never_was_cannot_be_resolved(service: Service, ada: str, resolve: str) -> None:
    with service.unchanged():
        answer = RESOLVE[resolve](service)
    assert answer.status == 404
    assert answer.body == problem(404, "redemption_not_found", "No such redemption", f"There is no redemption {ID}.")


@pytest.mark.parametrize("resolve", RESOLVE)
def test_a_redemption_shows_what_it_is_now(service: Service, ada: str, resolve: str) -> None:
    held = hold(service)
    shown = service.get(f"/v1/redemptions/{ID}")
    assert (shown.status, shown.body, shown.replayed) == (200, held.body, False)

    resolved = RESOLVE[resolve](service)

    shown = service.get(f"/v1/redemptions/{ID}")
    assert (shown.status, shown.body, shown.body["status"]) == (200, resolved.body, STATUS[resolve])


def test_held_points_come_back_to_their_lots_with_their_days(service: Service) -> None:
    member = enrol(service)
    earn(service, dollars=70, id="for-ever")
    with_points(service, "expire: {after_months: 2}")
    earn(service, dollars=60, id="for-two-months")
    before = service.get(f"/v1/members/{member}/balance").body
    assert hold(service).body["entry"]["lots"] == [
        {"expires_on": "2027-01-20", "points": -60},
        {"expires_on": None, "points": -40},
    ]
    assert service.get(f"/v1/members/{member}/balance").body["lots"] == [{"expires_on": None, "points": 30}]

    answer = cancel(service)

    assert answer.body["entry"]["lots"] == [
        {"expires_on": "2027-01-20", "points": 60},
        {"expires_on": None, "points": 40},
    ]
    assert service.get(f"/v1/members/{member}/balance").body == {**before, "n": 4}


def test_what_expired_while_it_was_held_comes_back_expired(service: Service) -> None:
    member = enrol(service)
    earn(service, dollars=70, id="for-ever")
    with_points(service, "expire: {after_months: 2}")
    earn(service, dollars=60, id="for-two-months")
    hold(service)
    service.clock.move(days=90)

    assert cancel(service).body["balance"] == parts(active=70)
    assert service.get(f"/v1/members/{member}/balance").body["lots"] == [{"expires_on": None, "points": 70}]


def test_a_capture_counts_also_when_the_points_would_have_expired(service: Service) -> None:
    enrol(service)
    with_points(service, "expire: {after_months: 1}")
    earn(service, dollars=100)
    hold(service, hold_minutes=30 * 24 * 60)
    service.clock.move(days=30, minutes=-1)
    assert capture(service).body["balance"] == parts()


def test_a_capture_is_at_the_price_and_for_the_value_it_was_held_for(service: Service, ada: str) -> None:
    hold(service)
    text = service.get("/v1/program").body["text"]
    publish_program(service, text.replace("points: 100", "points: 110").replace("value: 500", "value: 300"))

    answer = capture(service)

    assert answer.body["points"] == parts(held=-100)
    assert answer.body["voucher"]["value"] == 500


@pytest.mark.parametrize(("resolve", "left"), [("capture", 20), ("cancel", 120)])
def test_a_hold_is_resolved_by_the_version_that_it_was_opened_by_also_where_none_is_in_force(
    service: Service, ada: str, resolve: str, left: int
) -> None:
    hold(service)
    without_programme(service)
    assert RESOLVE[resolve](service).body["balance"] == parts(active=left)


def test_a_hold_over_the_bus_is_the_same_hold(service: Service, ada: str) -> None:
    event = {**REDEMPTION, "capture": False, "idempotency_key": "redeem-1"}
    assert service.send("RedemptionRequested", event, source=CLIENT) == []

    shown = service.get(f"/v1/redemptions/{ID}").body
    assert (shown["status"], shown["balance"]) == ("held", parts(active=20, held=100))
    assert capture(service).body["status"] == "captured"
    assert (hold(service).replayed, hold(service).body) == (True, shown)


def test_a_hold_that_comes_twice_over_the_bus_is_one(service: Service, ada: str) -> None:
    event = {**REDEMPTION, "capture": False, "idempotency_key": "redeem-1"}
    service.send("RedemptionRequested", event)
    with service.unchanged():
        assert service.send("RedemptionRequested", event) == []
    assert service.on_bus() == []


def test_what_becomes_of_a_hold_is_told_on_the_bus(service: Service, ada: str) -> None:
    hold(service, key="redeem-1")
    cancel(service)
    hold(service, key="redeem-2")
    capture(service, redemption_id(CLIENT, "redeem-2"))

    service.publish()

    told = service.on_bus()
    assert [(event["detail-type"], event["detail"]["metadata"]["event_id"]) for event in told[2:]] == [
        ("RewardHeld", f"{ada}#2"),
        ("RewardReleased", f"{ada}#3"),
        ("RewardHeld", f"{ada}#4"),
        ("PointsRedeemed", f"{ada}#5"),
        ("RewardRedeemed", f"{ada}#5.1"),
        ("VoucherIssued", f"{ada}#5.2"),
    ]
    reward = {"member_id": ada, "redemption_id": ID, "reward_id": "voucher-5", "kind": "voucher", "value": 500}
    promised = {**reward, "currency": "USD", "valid_from": None, "valid_until": None, "points": 100}
    promised |= {"money": 0, "fulfilment": "code"}
    ends = {"expires_at": "2026-11-21T10:15:00.000000Z"}
    assert [event["detail"]["data"] for event in told[2:4]] == [promised | ends, promised]
    assert told[6]["detail"]["data"] == {
        **promised,
        "redemption_id": redemption_id(CLIENT, "redeem-2"),
        "valid_from": "2026-11-21",
        "valid_until": "2027-02-19",
    }
    assert told[5]["detail"]["data"]["operation"] == {
        "kind": "capture",
        "id": redemption_id(CLIENT, "redeem-2"),
        "source": "till-client",
    }


def test_the_mail_comes_with_the_capture_and_carries_the_code(service: Service) -> None:
    enrol(service, email="ada@example.com", given_name="Ada")
    earn(service, dollars=120)
    hold(service)
    assert service.notify() == []
    assert [mail.subject for mail in service.mails()] == ["Welcome to Record Club", "120 points for you"]

    code = capture(service).body["voucher"]["code"]

    assert service.notify() == []
    last = service.mails()[-1]
    assert last.subject == "Your voucher of $5.00"
    assert last.body == (
        "Hello Ada,\n\n"
        "here is your voucher of $5.00 for 100 points:\n\n"
        f"    {code}\n\n"
        "Show it at the till until February 19, 2027.\n\n"
        "-- \nRecord Club\n"
    )
    assert len(service.mails()) == 3
    assert code not in service.log.getvalue()


def test_a_cancelled_hold_is_no_mail(service: Service, ada: str) -> None:
    service.notify()
    hold(service)
    cancel(service)
    assert service.notify() == []
    assert len(service.mails()) == 2
