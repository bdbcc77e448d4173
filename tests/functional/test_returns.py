"""Returns over HTTPS: what the goods had earned is taken back, line by line, once, and never more than they gave."""

from collections.abc import Mapping

import pytest

from tests.functional.conftest import Answer, Json, Service
from tests.functional.factories import (
    PURCHASE,
    a_purchase,
    a_reason,
    earn,
    enrol,
    problem,
    redeem,
    with_points,
    without_programme,
)

RETURNS = "/v1/purchases/receipt-1/returns"
ALL: Json = {"id": "return-1", "occurred_at": "2026-11-21T10:30:00+01:00"}
ONE: Json = {**ALL, "lines": [{"id": "2", "quantity": 1}]}


def parts(active: int = 0, pending: int = 0, held: int = 0, debt: int = 0) -> Json:
    return {"active": active, "pending": pending, "held": held, "debt": debt}


def give_back(
    service: Service, id: str = "return-1", lines: Mapping[str, int] = {}, purchase: str = "receipt-1"
) -> Answer:
    """Return pieces by line, or all that is left."""
    body = {**ALL, "id": id, "lines": [{"id": line, "quantity": quantity} for line, quantity in lines.items()]}
    return service.post(f"/v1/purchases/{purchase}/returns", body)


@pytest.fixture
def ada(service: Service) -> str:
    """Ada bought one piece for 12 points and two for 28."""
    member = enrol(service)
    assert service.post("/v1/purchases", PURCHASE).status == 201
    return member


def test_a_return_takes_back_all_and_answers_with_its_whole_effect(service: Service, ada: str) -> None:
    answer = service.post(RETURNS, ALL)

    assert (answer.status, answer.replayed) == (201, False)
    assert answer.body == {
        "entry": {
            "id": f"{ada}#2",
            "member_id": ada,
            "n": 2,
            "kind": "reversed",
            "points": -40,
            "lots": [{"expires_on": None, "points": -40}],
            "balance_after": parts(),
            "operation": {"kind": "return", "id": "return-1", "source": "till-client"},
            "program_version": 1,
            "occurred_at": "2026-11-21T09:30:00Z",
            "recorded_at": "2026-11-21T10:00:00Z",
        },
        "points": parts(active=-40),
        "balance": parts(),
        "tier": None,
        "rewards_earned": [],
        "rewards_withdrawn": [],
        "explanation": [a_reason("return", -40, lines={"1": -12, "2": -28}, facts={"to_take_back": 40})],
    }


def test_a_return_of_one_piece_takes_its_part_of_its_line(service: Service, ada: str) -> None:
    answer = service.post(RETURNS, ONE)

    assert (answer.status, answer.replayed) == (201, False)
    assert answer.body["points"] == parts(active=-14)
    assert answer.body["balance"] == parts(active=26)
    assert answer.body["explanation"] == [a_reason("return", -14, lines={"2": -14}, facts={"to_take_back": 14})]


def test_a_return_is_an_entry_a_changed_account_and_a_note_on_its_purchase_and_nothing_else(
    service: Service, ada: str
) -> None:
    before = service.tables()
    [purchase] = service.items("entries")

    service.post(RETURNS, ONE)

    after = service.tables()
    assert {name for name in after if after[name] != before[name]} == {"accounts", "entries"}
    noted, entry = service.items("entries")
    assert noted == {**purchase, "reversals": 1, "returned": {"2": [1, 14]}}
    assert len(entry.pop("hash")) == 32
    assert entry == {
        "operation": "return#till-client#return-1",
        "source": "till-client",
        "correlation": "request-1",
        "member": ada,
        "n": 2,
        "kind": "reversed",
        "change": {"lots": {"never": -14}},
        "balance": [26, 0, 0, 0],
        "tier": None,
        "occurred_at": "2026-11-21T09:30:00.000000Z",
        "recorded_at": "2026-11-21T10:00:00.000000Z",
        "version": 1,
        "why": [["return", True, -14, {"2": -14}, None, {"to_take_back": 14}]],
        "currency": "USD",
        "reversal": {
            "operation": "purchase#till-client#receipt-1",
            "seen": 0,
            "returned": {"2": [1, 14]},
            "forgiven": 0,
        },
        "counts": [["spend", {"2": -1399}], ["points", {"2": -14}]],
    }
    [account] = service.items("accounts")
    assert (account["n"], account["revision"], account["lots"], account["debt"]) == (2, 2, {"never": 26}, 0)
    assert account["latest"] == ["return#till-client#return-1"]


def test_a_return_that_is_sent_again_takes_nothing_and_gets_the_same_answer(service: Service, ada: str) -> None:
    first = service.post(RETURNS, ONE)
    give_back(service, "return-2")
    service.clock.move(days=400)

    with service.unchanged():
        again = service.post(RETURNS, {**ONE, "occurred_at": "2026-11-21T09:30:00Z"})

    assert (again.status, again.body, again.replayed) == (201, first.body, True)


@pytest.mark.parametrize(
    "changes",
    [
        {"lines": []},
        {"lines": [{"id": "2", "quantity": 2}]},
        {"lines": [{"id": "1", "quantity": 1}]},
        {"occurred_at": "2026-11-21T10:31:00+01:00"},
    ],
    ids=["all", "quantity", "line", "time"],
)
def test_the_number_of_a_return_cannot_be_used_for_another(service: Service, ada: str, changes: Json) -> None:
    service.post(RETURNS, ONE)

    with service.unchanged():
        answer = service.post(RETURNS, {**ONE, **changes})

    assert (answer.status, answer.replayed) == (422, False)
    assert answer.body == problem(
        422,
        "operation_id_reused",
        "This operation id was used with another payload",
        "The return return-1 was sent before with another payload.",
    )


def test_the_number_of_a_return_cannot_be_used_for_another_purchase(service: Service, ada: str) -> None:
    service.post("/v1/purchases", a_purchase(id="receipt-2"))
    service.post(RETURNS, ONE)
    with service.unchanged():
        answer = service.post("/v1/purchases/receipt-2/returns", ONE)
    assert (answer.status, answer.body["code"]) == (422, "operation_id_reused")


def test_two_partners_may_use_the_same_number_for_their_returns(service: Service, ada: str) -> None:
    service.post("/v1/purchases", PURCHASE, client="shop-client")
    till, shop = (service.post(RETURNS, ONE, client=client) for client in ("till-client", "shop-client"))
    assert (till.status, shop.status, shop.replayed) == (201, 201, False)


def test_a_return_and_a_purchase_may_have_the_same_number(service: Service, ada: str) -> None:
    assert give_back(service, "receipt-1", {"1": 1}).status == 201


def test_piece_by_piece_comes_back_exactly_what_the_line_gave(service: Service) -> None:
    """Ten points on three pieces: three, then three, then the four that are left."""
    enrol(service)
    line = {"id": "1", "sku": "lp-1", "quantity": 3, "amount": 1000}
    service.post("/v1/purchases", a_purchase(lines=[line]))
    taken = [give_back(service, f"return-{i}", {"1": 1}).body["points"]["active"] for i in range(3)]
    assert taken == [-3, -3, -4]


def test_a_purchase_shows_what_has_come_back_of_it(service: Service, ada: str) -> None:
    sent = service.post("/v1/purchases", PURCHASE)
    path = "/v1/purchases/receipt-1"
    assert service.get(path).body == {**sent.body, "returned": []}

    service.post(RETURNS, ONE)
    assert service.get(path).body == {**sent.body, "returned": [{"line": "2", "quantity": 1, "points": 14}]}

    give_back(service, "return-2", {"1": 1})
    whole_line = {"line": "1", "quantity": 1, "points": 12}
    assert service.get(path).body == {
        **sent.body,
        "returned": [whole_line, {"line": "2", "quantity": 1, "points": 14}],
    }

    give_back(service, "return-3")
    assert service.get(path).body == {
        **sent.body,
        "returned": [whole_line, {"line": "2", "quantity": 2, "points": 28}],
    }


def test_a_purchase_that_is_sent_again_is_answered_as_it_was_before_the_return(service: Service, ada: str) -> None:
    first = service.post("/v1/purchases", PURCHASE)
    give_back(service)
    with service.unchanged():
        again = service.post("/v1/purchases", PURCHASE)
    assert (again.status, again.body, again.replayed) == (201, first.body, True)


MORE = "More is returned than is left of the purchase."


@pytest.mark.parametrize(
    ("lines", "detail", "wrong"),
    [
        ({"2": 2}, MORE, [{"line": "2", "quantity": 2, "returnable": 1}]),
        ({"1": 1, "2": 3}, MORE, [{"line": "2", "quantity": 3, "returnable": 1}]),
        ({"9": 1}, MORE, [{"line": "9", "quantity": 1, "returnable": 0}]),
        (
            {"9": 1, "1": 100_000},
            MORE,
            [{"line": "9", "quantity": 1, "returnable": 0}, {"line": "1", "quantity": 100_000, "returnable": 1}],
        ),
    ],
    ids=["one too many", "one of two", "no such line", "several"],
)
def test_more_than_is_left_cannot_be_returned(
    service: Service, ada: str, lines: dict[str, int], detail: str, wrong: list[Json]
) -> None:
    service.post(RETURNS, ONE)
    before = service.tables()

    answer = give_back(service, "return-2", lines)

    told = problem(409, "purchase_not_returnable", "More is returned than was bought", detail, lines=wrong)
    assert (answer.status, answer.replayed, answer.body) == (409, False, told)
    after = service.tables()
    assert {name for name in after if after[name] != before[name]} == {"entries"}
    [refusal] = [entry for entry in service.items("entries") if "refused" in entry]
    assert len(refusal.pop("hash")) == 32
    assert refusal == {
        "operation": "return#till-client#return-2",
        "refused": {name: value for name, value in told.items() if name != "status"},
    }


def test_what_has_come_back_as_a_whole_cannot_come_back_again(service: Service, ada: str) -> None:
    give_back(service)
    answer = give_back(service, "return-2")
    assert answer.status == 409
    assert answer.body == problem(
        409,
        "purchase_not_returnable",
        "More is returned than was bought",
        "All of this purchase has been returned before.",
        lines=[],
    )


def test_a_return_that_was_refused_stays_refused_under_its_number(service: Service, ada: str) -> None:
    first = give_back(service, "return-1", {"2": 3})

    with service.unchanged():
        again = give_back(service, "return-1", {"2": 3})
        other = give_back(service, "return-1", {"2": 2})

    assert (again.status, again.body, again.replayed) == (409, first.body, True)
    assert (other.status, other.body["code"], other.replayed) == (422, "operation_id_reused", False)
    assert give_back(service, "return-2", {"2": 2}).status == 201


@pytest.mark.parametrize(("purchase", "client"), [("receipt-2", "till-client"), ("receipt-1", "shop-client")])
def test_a_return_of_a_purchase_of_another_id_or_partner_waits_and_touches_no_account(
    service: Service, ada: str, purchase: str, client: str
) -> None:
    accounts = service.items("accounts")

    answer = service.post(f"/v1/purchases/{purchase}/returns", ALL, client=client)

    assert (answer.status, answer.replayed) == (202, False)
    assert answer.body == {"status": "waiting", "purchase_id": purchase, "until": "2026-12-21T10:00:00Z"}
    assert service.items("accounts") == accounts
    assert service.get("/v1/purchases/receipt-1").body["returned"] == []


def test_a_return_of_what_earned_nothing_is_booked_for_nothing(service: Service) -> None:
    enrol(service)
    earn(service, dollars=0)

    answer = give_back(service)

    assert answer.status == 201
    assert answer.body["points"] == answer.body["balance"] == parts()
    assert (answer.body["entry"]["points"], answer.body["entry"]["lots"]) == (0, [])
    assert service.get("/v1/purchases/receipt-1").body["returned"] == [{"line": "1", "quantity": 1, "points": 0}]
    assert give_back(service, "return-2").status == 409


def test_without_a_programme_nothing_is_returned(service: Service, ada: str) -> None:
    without_programme(service)
    with service.unchanged():
        answer = service.post(RETURNS, ALL)
    assert (answer.status, answer.body["code"]) == (409, "program_not_active")


# Points that are spent


def spent(service: Service, policy: str | None) -> str:
    """Of the 120 points of receipt-1, Ada spent 100; what her programme says about returns."""
    if policy:
        with_points(service, "expire: never", f"spent_then_returned: {policy}")
    member = enrol(service)
    earn(service, dollars=120)
    assert redeem(service).status == 201
    return member


def explained(points: int, **facts: int) -> list[Json]:
    """The one reason for a return of the whole of receipt-1."""
    return [a_reason("return", points, lines={"1": -120}, facts={"to_take_back": 120, **facts})]


@pytest.mark.parametrize("policy", [None, "carry"])
def test_what_is_spent_is_owed(service: Service, policy: str | None) -> None:
    member = spent(service, policy)

    answer = give_back(service)

    assert answer.status == 201
    assert (answer.body["entry"]["kind"], answer.body["entry"]["points"]) == ("reversed", -120)
    assert answer.body["entry"]["lots"] == [{"expires_on": None, "points": -20}]
    assert answer.body["points"] == parts(active=-20, debt=100)
    assert answer.body["balance"] == answer.body["entry"]["balance_after"] == parts(debt=100)
    assert answer.body["explanation"] == explained(-120)
    assert service.get(f"/v1/members/{member}/balance").body == {
        "member_id": member,
        **parts(debt=100),
        "lots": [],
        "upcoming": [],
        "tier": None,
        "n": 3,
        "as_of": "2026-11-21T10:00:00Z",
    }


def test_a_debt_is_paid_by_what_comes_in_before_anything_can_be_spent(service: Service) -> None:
    spent(service, "carry")
    give_back(service)

    first = earn(service, dollars=30, id="receipt-2").body
    second = earn(service, dollars=90, id="receipt-3").body

    assert (first["entry"]["points"], first["entry"]["lots"]) == (30, [])
    assert (first["points"], first["balance"]) == (parts(debt=-30), parts(debt=70))
    assert (second["entry"]["points"], second["entry"]["lots"]) == (90, [{"expires_on": None, "points": 20}])
    assert (second["points"], second["balance"]) == (parts(active=20, debt=-70), parts(active=20))


def test_other_points_are_taken_before_anything_is_owed(service: Service) -> None:
    spent(service, "carry")
    with_points(service, "expire: {after_months: 2}")
    earn(service, dollars=70, id="receipt-2")

    answer = give_back(service)

    assert answer.body["entry"]["lots"] == [
        {"expires_on": "2027-01-20", "points": -70},
        {"expires_on": None, "points": -20},
    ]
    assert (answer.body["points"], answer.body["balance"]) == (parts(active=-90, debt=30), parts(debt=30))


def test_what_is_spent_is_forgiven_where_the_programme_says_so(service: Service) -> None:
    spent(service, "forgive")

    answer = give_back(service)

    assert answer.status == 201
    assert answer.body["entry"]["points"] == -20
    assert answer.body["points"] == parts(active=-20)
    assert answer.body["balance"] == parts()
    assert answer.body["explanation"] == explained(-20, forgiven=100)
    assert service.get("/v1/purchases/receipt-1").body["returned"] == [{"line": "1", "quantity": 1, "points": 120}]


def test_a_return_of_what_is_spent_is_refused_where_the_programme_says_so(service: Service) -> None:
    spent(service, "block")
    before = service.tables()

    answer = give_back(service)

    told = problem(
        409,
        "points_spent",
        "The points to take back are spent",
        "100 points to take back are spent.",
        missing=100,
    )
    assert (answer.status, answer.replayed, answer.body) == (409, False, told)
    after = service.tables()
    assert {name for name in after if after[name] != before[name]} == {"entries"}
    assert service.get("/v1/purchases/receipt-1").body["returned"] == []


def test_a_return_that_was_blocked_stays_so_and_a_new_one_is_free_when_the_points_are_there(service: Service) -> None:
    spent(service, "block")
    refused = give_back(service, "return-1")
    earn(service, dollars=100, id="receipt-2")

    with service.unchanged():
        again = give_back(service, "return-1")

    assert (again.status, again.body, again.replayed) == (409, refused.body, True)
    new = give_back(service, "return-2")
    assert (new.status, new.body["points"], new.body["balance"]) == (201, parts(active=-120), parts())


@pytest.mark.parametrize("policy", ["carry", "forgive", "block"])
def test_points_that_are_still_there_are_taken_under_any_policy(service: Service, policy: str) -> None:
    spent(service, policy)
    earn(service, dollars=15, id="receipt-2")
    answer = give_back(service, purchase="receipt-2")
    assert (answer.status, answer.body["points"]) == (201, parts(active=-15))


@pytest.mark.parametrize("policy", ["carry", "forgive", "block"])
def test_points_that_expired_are_not_asked_for(service: Service, policy: str) -> None:
    with_points(service, "expire: {after_months: 1}", f"spent_then_returned: {policy}")
    enrol(service)
    earn(service, dollars=120)
    redeem(service)
    service.clock.move(days=60)

    answer = give_back(service)

    assert answer.status == 201
    assert answer.body["balance"] == parts()
    assert answer.body["explanation"] == explained(-20, forgiven=100)


def test_points_that_are_held_are_owed_and_pay_it_when_they_come_back(service: Service) -> None:
    enrol(service)
    earn(service, dollars=120)
    held = redeem(service, capture=False).body

    returned = give_back(service).body
    cancelled = service.call("POST", f"/v1/redemptions/{held['redemption_id']}/cancel").body

    assert (returned["points"], returned["balance"]) == (parts(active=-20, debt=100), parts(held=100, debt=100))
    assert (cancelled["points"], cancelled["balance"]) == (parts(held=-100, debt=-100), parts())


def test_points_that_are_held_are_owed_also_where_spent_ones_are_forgiven(service: Service) -> None:
    """Or a member could hold points, return the goods they came from, and have them back."""
    with_points(service, "expire: never", "spent_then_returned: forgive")
    enrol(service)
    earn(service, dollars=220)
    redeem(service, key="redeem-1")
    held = redeem(service, key="redeem-2", capture=False).body

    returned = give_back(service).body
    cancelled = service.call("POST", f"/v1/redemptions/{held['redemption_id']}/cancel").body

    assert (returned["points"], returned["balance"]) == (parts(active=-20, debt=100), parts(held=100, debt=100))
    assert returned["explanation"][0]["facts"] == {"to_take_back": 220, "forgiven": 100}
    assert (cancelled["points"], cancelled["balance"]) == (parts(held=-100, debt=-100), parts())


def test_a_return_is_told_on_the_bus(service: Service) -> None:
    member = spent(service, "carry")
    service.publish()
    service.on_bus()
    give_back(service)

    service.publish()

    [event] = service.on_bus()
    assert (event["source"], event["detail-type"]) == ("loyalty", "PointsReversed")
    assert event["detail"] == {
        "metadata": {
            "event_id": f"{member}#3",
            "member_sequence": 3,
            "program_version": 2,
            "occurred_at": "2026-11-21T09:30:00.000000Z",
            "recorded_at": "2026-11-21T10:00:00.000000Z",
            "schema_version": 1,
            "correlation_id": "request-1",
        },
        "data": {
            "member_id": member,
            "entry_id": f"{member}#3",
            "operation": {"kind": "return", "id": "return-1", "source": "till-client"},
            "points": -120,
            "balance": parts(debt=100),
            "tier": None,
            "explanation": explained(-120),
            "reversed_operation": "purchase#till-client#receipt-1",
            "forgiven": 0,
        },
    }


def test_a_return_is_no_mail(service: Service, ada: str) -> None:
    service.notify()
    mails = len(service.mails())
    give_back(service)
    assert service.notify() == []
    assert len(service.mails()) == mails
