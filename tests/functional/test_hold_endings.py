"""How a hold ends: captured, cancelled or by its time, whichever comes first, and exactly one of them."""

from collections.abc import Callable

import pytest

from functions.ledger import store as ledger
from functions.redemption import store
from tests.functional.conftest import Answer, Service
from tests.functional.factories import without_programme
from tests.functional.shop import (
    ID,
    active,
    another,
    ask,
    balance,
    error,
    held,
    meanwhile,
    member,
    of,
    pieces,
    shop,
    shown,
    then,
)

Patch = pytest.MonkeyPatch
Act = Callable[[Service], object]


@pytest.fixture(autouse=True)
def ada(service: Service) -> str:
    shop(service)
    return member(service)


def capture(service: Service) -> Answer:
    return then(service, "capture")


def cancel(service: Service) -> Answer:
    return then(service, "cancel")


def time_out(service: Service) -> None:
    service.clock.move(minutes=15)
    service.every_minute()


def waiting(service: Service) -> list[str]:
    """The entries that the clock will look at."""
    return [entry["operation"] for entry in service.items("entries") if "awaited" in entry]


def test_a_hold_ends_by_itself_when_its_time_is_over_and_not_before(service: Service, ada: str) -> None:
    assert held(service, "few")["expires_at"] == "2026-11-21T10:15:00Z"
    service.clock.move(minutes=14, seconds=59)
    with service.unchanged():
        service.every_minute()
    assert shown(service)["status"] == "held"

    service.clock.move(seconds=1)
    assert shown(service)["status"] == "expired", "also before the clock has come"
    service.every_minute()

    assert (shown(service)["status"], shown(service)["entry"]["kind"]) == ("expired", "released")
    assert (balance(service, ada)["held"], active(service, ada), pieces(service)) == (0, 1000, 2)
    assert waiting(service) == []
    told = [one["detail-type"] for one in service.settle() if one["detail-type"].startswith("Reward")]
    assert told == ["RewardHeld", "RewardReleased"]
    with service.unchanged():
        service.every_minute()
    assert ask(service, "few", key="again").status == 201, "the limit is free again"


def test_a_hold_lasts_as_long_as_was_asked(service: Service) -> None:
    held(service, "five", hold_minutes=43200)
    service.clock.move(days=30, minutes=-1)
    service.every_minute()
    assert capture(service).status == 200


ENDINGS: dict[str, tuple[Act, str, int, int]] = {
    "capture": (capture, "captured", 990, 1),
    "cancel": (cancel, "cancelled", 1000, 2),
    "time": (time_out, "expired", 1000, 2),
}


@pytest.mark.parametrize("second", ENDINGS)
@pytest.mark.parametrize("first", ENDINGS)
def test_whichever_comes_first_counts(service: Service, ada: str, first: str, second: str) -> None:
    held(service, "few")
    act, status, points, left = ENDINGS[first]
    act(service)
    ENDINGS[second][0](service)
    service.clock.move(days=1)
    service.every_minute()
    assert (shown(service)["status"], active(service, ada), pieces(service)) == (status, points, left)
    assert balance(service, ada)["held"] == 0
    assert waiting(service) == []


@pytest.mark.parametrize("second", ENDINGS)
@pytest.mark.parametrize("first", ["capture", "cancel"])
def test_of_two_endings_at_the_same_moment_one_counts(
    service: Service, ada: str, monkeypatch: Patch, first: str, second: str
) -> None:
    """The first is written after the second was decided."""
    held(service, "few")
    if second == "time":
        service.clock.move(minutes=15)
        before = service.clock.time

        def a_moment_before() -> None:
            service.clock.move(seconds=-1)
            ENDINGS[first][0](service)
            service.clock.time = before

        meanwhile(monkeypatch, a_moment_before)
        service.every_minute()
    else:
        meanwhile(monkeypatch, lambda: ENDINGS[first][0](service))
        ENDINGS[second][0](service)
    _, status, points, left = ENDINGS[first]
    assert (shown(service)["status"], active(service, ada), pieces(service)) == (status, points, left)


@pytest.mark.parametrize("what", ["capture", "cancel"])
def test_the_clock_may_come_while_a_partner_decides(service: Service, ada: str, monkeypatch: Patch, what: str) -> None:
    held(service, "few")
    meanwhile(monkeypatch, lambda: time_out(service))
    answer = then(service, what)
    assert error(answer) == (409, "hold_not_found") if what == "capture" else answer.replayed
    assert (shown(service)["status"], active(service, ada), pieces(service)) == ("expired", 1000, 2)


def test_a_capture_after_the_time_is_refused_also_where_the_clock_has_not_come(service: Service, ada: str) -> None:
    held(service, "five")
    service.clock.move(minutes=15)
    assert error(capture(service)) == (409, "hold_expired")
    assert capture(service).replayed
    service.every_minute()
    assert active(service, ada) == 1000


def test_a_sweep_that_is_cut_short_is_finished_by_the_next(service: Service, ada: str, monkeypatch: Patch) -> None:
    """Whether it dies before or after the points came back."""
    keys = [f"key-{i}" for i in range(5)]
    for key in keys:
        held(service, "trees", key=key)
    service.clock.move(minutes=15)
    real, left = ledger.hold_settled, [1, 0]

    def dies(redemption: str) -> None:
        if left and left.pop() == 1:
            raise RuntimeError("out of time")
        real(redemption)

    monkeypatch.setattr(ledger, "hold_settled", dies)
    with pytest.raises(RuntimeError):
        service.every_minute()
    assert len(waiting(service)) == 4
    assert active(service, ada) == 1000 - 3 * 20
    service.every_minute()
    assert (waiting(service), active(service, ada)) == ([], 1000)
    assert {shown(service, key)["status"] for key in keys} == {"expired"}
    assert [entry["n"] for entry in service.get(f"/v1/members/{ada}/ledger").body["items"]] == list(range(11, 0, -1))


def test_two_sweeps_at_once_end_each_hold_once(service: Service, ada: str, monkeypatch: Patch) -> None:
    held(service, "few")
    service.clock.move(minutes=15)
    meanwhile(monkeypatch, service.every_minute)
    service.every_minute()
    assert (active(service, ada), pieces(service), waiting(service)) == (1000, 2, [])


def test_how_many_holds_have_ended(service: Service) -> None:
    held(service, "trees", key="a")
    held(service, "trees", key="b", hold_minutes=60)
    service.clock.move(minutes=15)
    assert store.end_holds() == 1
    assert store.end_holds() == 0


def test_holds_end_also_where_no_programme_is_in_force_or_the_member_is_suspended(service: Service, ada: str) -> None:
    held(service, "few")
    service.post(f"/v1/members/{ada}/suspend", {"reason": "fraud"}, key="suspend-1")
    without_programme(service)
    time_out(service)
    assert active(service, ada) == 1000


@pytest.mark.parametrize("change", [("id: few", "id: less"), ("points: 10\n    stock: 2", "points: 500\n    stock: 0")])
def test_a_reward_that_is_changed_or_gone_is_captured_as_it_was_held(
    service: Service, ada: str, change: tuple[str, str]
) -> None:
    held(service, "few")
    shop(service, change)
    answer = capture(service)
    assert (answer.status, answer.body["entry"]["points"], answer.body["reward_id"]) == (200, -10, "few")
    assert answer.body["voucher"]["valid_until"] == "2026-12-21"
    assert active(service, ada) == 990


def test_who_is_suspended_cannot_capture_and_can_cancel(service: Service, ada: str) -> None:
    held(service, "five")
    service.post(f"/v1/members/{ada}/suspend", {"reason": "fraud"}, key="suspend-1")
    assert error(capture(service)) == (409, "member_suspended")
    assert cancel(service).body["balance"]["active"] == 1000


def test_who_holds_something_does_not_leave(service: Service, ada: str) -> None:
    held(service, "five")
    leave = service.call("DELETE", f"/v1/members/{ada}", headers={"idempotency-key": "leave-1"})
    assert leave.status == 409
    time_out(service)
    assert service.call("DELETE", f"/v1/members/{ada}", headers={"idempotency-key": "leave-2"}).status == 200


def test_another_partner_may_end_a_hold(service: Service) -> None:
    held(service, "five")
    assert service.call("POST", f"{of('redeem-1')}/cancel", client="desk").status == 200
    assert shown(service)["status"] == "cancelled"


def test_a_lot_that_expires_between_the_plan_and_the_commit_is_not_spent(
    service: Service, ada: str, monkeypatch: Patch
) -> None:
    """Midnight in New York passes while something else is written."""
    shop(service, ("earning:", "points: {expire: {after_months: 1}}\nearning:"))
    grace = another(service, "grace", points=100)
    service.clock.time = service.clock.time.replace(month=12, day=21, hour=4, minute=59)

    def midnight() -> None:
        service.clock.move(minutes=2)
        earn_one(service)

    def earn_one(service: Service) -> None:
        now = service.clock().isoformat()
        line = {"id": "1", "sku": "lp", "quantity": 1, "amount": 100}
        body = {"id": "late", "member": grace, "occurred_at": now, "currency": "USD", "lines": [line]}
        assert service.post("/v1/purchases", body).status == 201

    meanwhile(monkeypatch, midnight)
    answer = ask(service, "five", member=grace)
    assert error(answer) == (409, "insufficient_points")
    assert answer.body["missing"] == 99
    assert ID
