"""The clock that can be turned: everything that would have happened happens, in order, and is told."""

import importlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from types import SimpleNamespace
from typing import Any

import pytest

from functions.lifecycle import sandbox
from functions.runtime import aws, clock
from tests.functional.conftest import GRANTS, NOW, Context, Service, deployed
from tests.functional.engaged import account, buy, join
from tests.functional.timed import NO_REMINDERS, entries, of, state, timed

REAL_NOW = clock.now
REAL_WALL = clock.wall


class Standing(datetime):
    """The wall clock stands still: only the sandbox's own clock moves."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "Standing":
        return cls.fromtimestamp((NOW + timedelta(hours=1)).timestamp(), tz)


def turned(service: Service, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let the service be a sandbox from now on; the functions that it starts."""
    started: list[str] = []

    def invoke(FunctionName: str, Payload: bytes) -> None:  # noqa: N803  what AWS calls them
        started.append(FunctionName)
        room, _, name = FunctionName.partition("-")
        with GRANTS.of(FunctionName):
            importlib.import_module(f"functions.{room}.{name.replace('-', '_')}").handler({}, Context())

    for name, value in {
        "SANDBOX": "yes",
        "SCHEDULED_FUNCTIONS": "redemption-every-minute accrual-every-night",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(clock, "datetime", Standing)
    monkeypatch.setattr(clock, "SECONDS_CACHED", 0)
    monkeypatch.setattr(clock, "now", REAL_NOW)
    monkeypatch.setattr(clock, "wall", REAL_WALL)
    monkeypatch.setattr(aws, "lambda_", lambda: SimpleNamespace(invoke=invoke))
    return started


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    with deployed(monkeypatch) as service:
        timed(service, NO_REMINDERS)
        turned(service, monkeypatch)
        yield service


def advance(service: Service, by: str) -> Any:
    answer = service.call("POST", "/v1/sandbox/clock", {"advance": by})
    assert answer.status == 200, answer.body
    service.clock.time = clock.now()
    return answer.body


def test_the_clock_tells_its_time_and_how_far_it_is_ahead(service: Service) -> None:
    assert service.get("/v1/sandbox/clock").body == {"now": "2026-11-21T11:00:00Z", "ahead_seconds": 0}
    advance(service, "P45D")
    assert service.get("/v1/sandbox/clock").body == {"now": "2027-01-05T11:00:00Z", "ahead_seconds": 45 * 86400}


def test_what_would_have_happened_happens_in_order_and_is_reported(service: Service) -> None:
    ada = join(service)
    buy(service, "receipt-1", 40)
    done = advance(service, "P90D")
    assert done["finished"]
    assert [(step["at"][:10], step["members"], step["booked"], step["told"]) for step in done["steps"]] == [
        ("2026-11-23", 1, 1, 0),  # midnight in Paris
        ("2027-01-20", 1, 1, 0),
    ]
    assert [entry[0] for entry in entries(service, ada)] == ["earned", "activated", "expired"]
    assert service.settle()


def test_everybody_sees_the_time_of_the_sandbox(service: Service) -> None:
    advance(service, "P10D")
    ada = join(service)
    assert account(service, ada)["enrolled_at"].startswith("2026-12-01T11:00:00")
    assert service.get(f"/v1/members/{ada}/balance").body["as_of"].startswith("2026-12-01T11:00:00")


@pytest.mark.parametrize("by", ["-P1D", "P0D", "tomorrow", "", "P1M", "P1Y", "P3661D", 45, 0, -1, None, True, [], "45"])
def test_what_is_no_time_to_come_is_refused(service: Service, by: object) -> None:
    with service.unchanged():
        assert service.call("POST", "/v1/sandbox/clock", {"advance": by}).status == 422


def test_outside_a_sandbox_nothing_can_be_put_forward(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX", "no")
    with service.unchanged(), pytest.raises(ValueError, match="only a sandbox"):
        clock.put_forward_to(datetime(2030, 1, 1, tzinfo=UTC))
    assert clock.shift() == timedelta()


def test_a_sandbox_puts_no_clock_forward_but_its_own(service: Service) -> None:
    """What partners check against theirs: signatures, and where the feed ends."""
    before, wall = clock.now(), clock.wall()
    advance(service, "P10D")
    assert (clock.wall() - wall, clock.now() - before) == (timedelta(), timedelta(days=10))


def test_the_clock_never_goes_back(service: Service) -> None:
    advance(service, "P10D")
    clock.put_forward_to(NOW)
    assert clock.shift() == timedelta(days=10)


def test_what_does_not_fit_in_a_call_goes_on_in_the_next(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = join(service)
    buy(service, "receipt-1", 40)
    with monkeypatch.context() as patched:
        patched.setattr(sandbox, "_SECONDS", -1.0)
        assert not advance(service, "P90D")["finished"]
    assert [entry[0] for entry in entries(service, ada)] == ["earned"]
    assert advance(service, "P90D")["finished"]
    assert [entry[0] for entry in entries(service, ada)] == ["earned", "activated", "expired"]


def test_a_hold_ends_in_its_time_and_what_comes_after_finds_its_points(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "_SECONDS", 5.0)
    ada = join(service)
    buy(service, "receipt-1", 40)
    advance(service, "P3D")
    body = {"member": {"id": ada}, "reward_id": "voucher-1", "capture": False}
    assert service.post("/v1/redemptions", body, key="hold-1").status == 201

    assert advance(service, "P90D")["finished"]

    assert [(kind, points) for kind, _, points in entries(service, ada)] == [
        ("earned", 40),
        ("activated", 0),
        ("held", -10),
        ("released", 10),
        ("expired", -40),
    ]


def test_a_voucher_ends_in_its_turn(service: Service) -> None:
    ada = join(service)
    buy(service, "receipt-1", 40)
    advance(service, "P3D")
    body = {"member": {"id": ada}, "reward_id": "voucher-1"}
    assert service.post("/v1/redemptions", body, key="voucher-1").status == 201  # until 22 February
    buy(service, "receipt-2", 30)
    service.settle()

    done = advance(service, "P100D")

    assert done["finished"]
    assert [(step["at"][:10], step["booked"], step["told"]) for step in done["steps"]] == [
        ("2026-11-26", 1, 0),  # midnight in Paris
        ("2027-01-20", 1, 0),
        ("2027-01-23", 1, 0),
        ("2027-02-22", 0, 1),
    ]
    [expired] = of(service.settle(), "VoucherExpired")
    assert expired[2]["valid_until"] == "2027-02-22"


def test_day_by_day_is_the_same_as_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    for steps in (["P1D"] * 80, ["P80D"]):
        with deployed(monkeypatch) as service, monkeypatch.context() as patched:
            timed(service, NO_REMINDERS)
            turned(service, patched)
            ada = join(service)
            for i in range(20):
                buy(service, f"receipt-{i}", 20 + i, occurred_at=f"2026-11-21T11:00:{i:02}+00:00")
            for by in steps:
                advance(service, by)
            service.settle()
            seen.append((state(service, ada), entries(service, ada)))
    assert seen[0] == seen[1]
    assert [entry[0] for entry in seen[0][1]][-1] in {"expired", "redeemed"}


def test_a_tier_is_told_with_what_becomes_of_it(service: Service) -> None:
    ada = join(service)
    buy(service, "receipt-1", 600)
    answer = service.get(f"/v1/members/{ada}/tier").body
    assert answer | {"since": None} == {
        "member_id": ada,
        "tier": "silver",
        "text": {"en": "Silver", "fr": "Argent"},
        "since": None,
        "held_until": "2027-03-31",
        "then": "member",
        "keep": [[{"measure": "spend", "have": 60000, "need": 50000}]],
        "next": None,
    }
    assert service.get("/v1/members/mem_aaaaaaaaaaaaaaaaaaaa/tier").status == 404


def test_the_balance_tells_what_becomes_of_it(service: Service) -> None:
    ada = join(service)
    buy(service, "receipt-1", 40)
    advance(service, "P3D")
    buy(service, "receipt-2", 10)
    assert service.get(f"/v1/members/{ada}/balance").body["upcoming"] == [
        {"on": "2026-11-27", "what": "active", "points": 10},
        {"on": "2027-01-20", "what": "last_day", "points": 40},
    ]
