"""Undoing a redemption: the very points with their days, the piece, the limit and the voucher; whole or in parts."""

import pytest

from functions.redemption.spending import redemption_id
from tests.functional.conftest import CLIENT, Json, Service
from tests.functional.factories import earn
from tests.functional.shop import (
    ID,
    active,
    balance,
    code_of,
    error,
    had,
    held,
    meanwhile,
    member,
    pieces,
    pointers,
    shop,
    shown,
    then,
    use,
)

Patch = pytest.MonkeyPatch


@pytest.fixture
def ada(service: Service) -> str:
    shop(service)
    return member(service)


def part(points: int, id: str = "part-1") -> Json:
    return {"id": id, "points": points}


def test_a_refund_gives_points_piece_and_limit_back_and_takes_the_voucher(service: Service, ada: str) -> None:
    code = code_of(service, "few")
    assert pieces(service) == 1

    answer = then(service, "refund")

    assert (answer.status, answer.body["status"], answer.body["refunded"]) == (200, "refunded", 10)
    assert answer.body["entry"]["kind"] == "reversed"
    assert answer.body["points"] == {"active": 10, "pending": 0, "held": 0, "debt": 0}
    assert (active(service, ada), pieces(service)) == (1000, 2)
    assert service.get(f"/v1/vouchers/{code}").body["status"] == "withdrawn"
    assert use(service, code).body["reason"] == "withdrawn"
    assert had(service, "few", key="again")["status"] == "captured", "a limit of one is free again"
    assert (shown(service)["status"], shown(service)["refunded"]) == ("refunded", 10)


def test_a_refund_is_made_once_and_its_repeat_is_answered_as_it_was(service: Service, ada: str) -> None:
    had(service, "five")
    first = then(service, "refund")
    service.clock.move(days=40)
    with service.unchanged():
        again = then(service, "refund")
        assert (again.status, again.body, again.replayed) == (200, first.body, True)
    with service.unchanged():
        assert then(service, "refund", {}).replayed, "nothing said is the whole"


def test_points_used_as_money_come_back_in_parts_and_never_more_than_all(service: Service, ada: str) -> None:
    had(service, "cash", points=500, purchase_amount=5000)

    first = then(service, "refund", part(120))

    assert (first.body["status"], first.body["refunded"], first.body["value"]) == ("captured", 120, 500)
    with service.unchanged():
        assert then(service, "refund", part(120)).replayed
        assert error(then(service, "refund", part(121))) == (422, "operation_id_reused")
        assert pointers(then(service, "refund", part(381, "part-2"))) == ["/points"]
    assert then(service, "refund", part(80, "part-2")).body["refunded"] == 200
    assert (shown(service)["status"], active(service, ada)) == ("captured", 700)

    rest = then(service, "refund")

    assert (rest.body["status"], rest.body["entry"]["points"], active(service, ada)) == ("refunded", 300, 1000)
    assert error(then(service, "refund", part(1, "part-3"))) == (409, "not_refundable")
    assert then(service, "refund", part(1, "part-3")).replayed
    assert shown(service)["refunded"] == 500


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"points": 10}, ""),
        ({"id": "a"}, ""),
        ({"id": "a", "points": 0}, "/points"),
        ({"id": "a", "points": -5}, "/points"),
        ({"id": "a", "points": 5, "why": "no"}, "/why"),
        ({"id": "a", "points": 50}, "/points"),
    ],
)
def test_a_part_that_cannot_come_back_is_named(service: Service, ada: str, body: Json, pointer: str) -> None:
    """The last: a voucher has one price."""
    had(service, "five")
    with service.unchanged():
        assert pointers(then(service, "refund", body)) == [pointer]
    assert then(service, "refund").status == 200


def test_a_captured_part_of_a_hold_is_refunded_and_no_more(service: Service, ada: str) -> None:
    held(service, "cash", points=500, purchase_amount=5000)
    then(service, "capture", {"points": 120})
    assert then(service, "refund", part(20)).body["refunded"] == 20
    assert then(service, "refund").body["entry"]["points"] == 100
    assert balance(service, ada) == {"active": 1000, "pending": 0, "held": 0, "debt": 0}


def test_what_is_held_is_not_refunded_and_can_be_when_it_is_captured(service: Service, ada: str) -> None:
    """The refusal is not kept: it was only too early."""
    held(service, "five")
    with service.unchanged():
        assert error(then(service, "refund")) == (409, "hold_not_found")
    then(service, "capture")
    assert then(service, "refund").body["status"] == "refunded"
    assert active(service, ada) == 1000


def test_what_was_given_up_is_not_refunded(service: Service, ada: str) -> None:
    held(service, "five")
    then(service, "cancel")
    with service.unchanged():
        assert error(then(service, "refund")) == (409, "hold_not_found")


def test_what_never_was_is_not_refunded(service: Service, ada: str) -> None:
    with service.unchanged():
        assert error(then(service, "refund")) == (404, "redemption_not_found")


def test_a_redemption_whose_voucher_was_used_is_not_refunded(service: Service, ada: str) -> None:
    use(service, code_of(service))
    answer = then(service, "refund")
    assert (error(answer), answer.body["reason"]) == ((409, "voucher_not_usable"), "used")
    assert then(service, "refund").replayed
    assert active(service, ada) == 900


def test_refunded_points_have_their_days_or_the_grace_where_they_have_expired(service: Service, ada: str) -> None:
    with_points_for(service, months=2)
    earn(service, dollars=30, id="soon")
    had(service, "cash", points=80, purchase_amount=5000)
    service.clock.move(days=3)
    early = then(service, "refund", part(60)).body["entry"]["lots"]
    assert early == [{"expires_on": "2027-01-20", "points": 10}, {"expires_on": None, "points": 50}]
    service.clock.move(days=90)
    late = then(service, "refund").body
    assert late["entry"]["lots"] == [{"expires_on": "2027-03-24", "points": 20}], "30 days from 2027-02-22 on"
    assert late["balance"]["active"] == 1000 + 20


def with_points_for(service: Service, months: int) -> None:
    shop(service, ("earning:", f"points: {{expire: {{after_months: {months}}}}}\nearning:"))


def test_without_grace_what_has_expired_comes_back_expired(service: Service, ada: str) -> None:
    shop(service, ("earning:", "points: {expire: {after_months: 2}, refund_grace_days: 0}\nearning:"))
    earn(service, dollars=30, id="soon")
    had(service, "cash", points=80, purchase_amount=5000)
    service.clock.move(days=90)
    assert then(service, "refund").body["balance"]["active"] == 1000


def test_who_is_suspended_gets_a_refund_and_who_has_left_does_not(service: Service, ada: str) -> None:
    had(service, "five")
    had(service, "trees", key="tree")
    service.post(f"/v1/members/{ada}/suspend", {"reason": "fraud"}, key="suspend-1")
    assert then(service, "refund").body["balance"]["active"] == 980
    service.post(f"/v1/members/{ada}/reinstate", {}, key="reinstate-1")
    assert service.call("DELETE", f"/v1/members/{ada}", headers={"idempotency-key": "leave-1"}).status == 200
    assert error(then(service, "refund", key="tree")) == (409, "member_closed")


def test_a_refund_is_told_with_its_points_and_its_voucher(service: Service, ada: str) -> None:
    code = code_of(service)
    service.settle()
    then(service, "refund")
    told = service.settle()
    assert [one["detail-type"] for one in told] == ["PointsReversed", "RewardRefunded", "VoucherWithdrawn"]
    assert told[0]["detail"]["data"]["reversed_operation"] == f"redemption#{ID}"
    assert (told[1]["detail"]["data"]["points"], told[1]["detail"]["data"]["value"]) == (100, 500)
    assert code not in str(told)


def test_another_partner_may_refund_and_a_repeat_is_the_same_refund(service: Service, ada: str) -> None:
    had(service, "five")
    path = f"/v1/redemptions/{ID}/refund"
    assert service.call("POST", path, client="desk").status == 200
    assert service.call("POST", path, client="till-client").replayed


def test_of_a_refund_and_a_use_whichever_comes_first_counts(service: Service, ada: str, monkeypatch: Patch) -> None:
    code = code_of(service)
    with monkeypatch.context() as patch:
        meanwhile(patch, lambda: use(service, code))
        assert error(then(service, "refund")) == (409, "voucher_not_usable")
    other = code_of(service, key="redeem-2")
    meanwhile(monkeypatch, lambda: then(service, "refund", key="redeem-2"))
    lost = use(service, other, key="use-2")
    assert (error(lost), lost.body["reason"]) == ((409, "voucher_not_usable"), "withdrawn")
    assert active(service, ada) == 900


def test_of_two_refunds_of_parts_both_count_and_of_two_of_the_whole_one(
    service: Service, ada: str, monkeypatch: Patch
) -> None:
    had(service, "cash", points=500, purchase_amount=5000)
    with monkeypatch.context() as patch:
        meanwhile(patch, lambda: then(service, "refund", part(300, "a")))
        assert then(service, "refund", part(150, "b")).body["refunded"] == 450
    with monkeypatch.context() as patch:
        meanwhile(patch, lambda: then(service, "refund"))
        assert then(service, "refund").replayed
    assert active(service, ada) == 1000


def test_of_two_parts_that_are_too_much_together_the_second_is_refused(
    service: Service, ada: str, monkeypatch: Patch
) -> None:
    had(service, "cash", points=500, purchase_amount=5000)
    meanwhile(monkeypatch, lambda: then(service, "refund", part(300, "a")))
    assert pointers(then(service, "refund", part(201, "b"))) == ["/points"]
    assert active(service, ada) == 800


def test_a_refund_pays_what_is_owed_first(service: Service, ada: str) -> None:
    had(service, "cash", points=1000, purchase_amount=5000)
    body = {"id": "return-1", "occurred_at": service.clock().isoformat()}
    assert service.post("/v1/purchases/receipt-1/returns", body).body["balance"]["debt"] == 1000
    assert then(service, "refund").body["balance"] == {"active": 0, "pending": 0, "held": 0, "debt": 0}


def test_a_refund_goes_to_who_the_member_was_merged_into(service: Service, ada: str) -> None:
    had(service, "five")
    grace = service.post("/v1/members", {"email": "grace@example.com"}, key="enrol-grace").body["member_id"]
    merged = service.post(f"/v1/members/{ada}/merge", {"into": grace}, key="merge-1")
    assert merged.status == 200, merged.body
    assert then(service, "refund").body["entry"]["member_id"] == grace
    assert active(service, grace) == 1000


def test_ids_of_other_redemptions_are_no_ids_of_this(service: Service, ada: str) -> None:
    had(service, "cash", points=500, purchase_amount=5000)
    had(service, "cash", key="redeem-2", points=500, purchase_amount=5000)
    assert then(service, "refund", part(100)).status == 200
    assert then(service, "refund", part(200), key="redeem-2").status == 200
    assert redemption_id(CLIENT, "redeem-2") != ID
