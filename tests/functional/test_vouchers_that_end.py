"""Vouchers whose last day is over: partners are told once, of those that could still have been used."""

from typing import Any

import pytest

from functions.ledger import ending as vouchers
from functions.lifecycle import ending
from functions.runtime import bus
from tests.functional.conftest import Json, Service
from tests.functional.factories import enrol
from tests.functional.people import leave
from tests.functional.shop import SHOP, another, code_of, error, had, member, then, use
from tests.functional.timed import at, of, timed


@pytest.fixture
def paris(service: Service) -> Service:
    """The shop of the tests, with days of Paris: the hours of `timed` are. Its vouchers last 30 days."""
    return timed(service, SHOP.replace("America/New_York", "Europe/Paris"))


@pytest.fixture
def ada(paris: Service) -> str:
    return member(paris)


def expired(told: list[Json]) -> list[tuple[str, str, Json]]:
    return of(told, "VoucherExpired")


def marked(service: Service) -> list[str]:
    """The last days of the vouchers that nobody has told of."""
    return sorted(item["ends_on"] for item in service.items("rewards") if "ends" in item)


def test_a_voucher_that_nobody_used_is_told_of_on_the_day_after_its_last(paris: Service, ada: str) -> None:
    voucher = had(paris, "five")
    assert marked(paris) == ["2026-12-21"]
    assert expired(at(paris, "2026-12-21", hour=23)) == []

    [told] = at(paris, "2026-12-22", hour=0)

    assert told["detail-type"] == "VoucherExpired"
    assert told["detail"]["data"] == {
        "member_id": ada,
        "redemption_id": voucher["redemption_id"],
        "reward_id": "five",
        "kind": "voucher",
        "value": 500,
        "currency": "USD",
        "valid_from": "2026-11-21",
        "valid_until": "2026-12-21",
        "money": 0,
        "fulfilment": "code",
    }
    metadata = told["detail"]["metadata"]
    assert metadata["event_id"] == f"{ada}#voucher-expired:{voucher['redemption_id']}"
    assert (metadata["occurred_at"], metadata["member_sequence"]) == ("2026-12-21T23:00:00.000000Z", None)
    assert voucher["voucher"]["code"] not in str(told)


def test_it_is_told_once(paris: Service, ada: str) -> None:
    code = code_of(paris)
    assert len(expired(at(paris, "2026-12-22"))) == 1
    assert marked(paris) == []
    with paris.unchanged():
        assert paris.every_hour() == []
    assert error(use(paris, code)) == (409, "voucher_not_usable")
    assert paris.get(f"/v1/vouchers/{code}").body["status"] == "expired"


def test_of_what_was_used_or_taken_back_nothing_is_told(paris: Service, ada: str) -> None:
    assert use(paris, code_of(paris)).status == 200
    had(paris, "five", "redeem-2")
    assert then(paris, "refund", key="redeem-2").status == 200
    assert marked(paris) == ["2026-12-21"] * 2
    assert expired(at(paris, "2026-12-22")) == []
    assert marked(paris) == []


def test_of_what_was_used_in_part_is_told_what_is_left(paris: Service, ada: str) -> None:
    card = code_of(paris, "gift-card")
    assert use(paris, card, amount=1200, lines=[{"id": "1", "sku": "s", "quantity": 1, "amount": 1200}]).status == 200
    [(_, _, data)] = expired(at(paris, "2027-11-22"))
    assert (data["reward_id"], data["value"], data["valid_until"]) == ("gift-card", 800, "2027-11-20")


def test_what_has_no_last_day_never_ends(paris: Service, ada: str) -> None:
    had(paris, "trees")
    assert marked(paris) == []
    assert vouchers.first() is None


def test_what_the_bus_does_not_take_is_told_by_the_next_run(
    paris: Service, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    code_of(paris)
    with monkeypatch.context() as patch:
        patch.setattr(bus, "publish", refuses)
        with paris.unchanged(), pytest.raises(bus.PublishError):
            at(paris, "2026-12-22")
    assert len(expired(paris.every_hour())) == 1


def test_who_dies_after_telling_tells_it_again_under_the_same_id(
    paris: Service, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    code_of(paris)
    with monkeypatch.context() as patch:
        patch.setattr(vouchers, "settle", dies)
        with pytest.raises(RuntimeError):
            at(paris, "2026-12-22")
    told = expired(paris.every_hour())
    assert {event_id for _, event_id, _ in told} == {f"{ada}#voucher-expired:{had_by(paris)}"}
    assert marked(paris) == []


def test_what_there_is_no_time_for_waits_for_the_next_run(paris: Service, ada: str) -> None:
    for i in range(3):
        had(paris, "five", f"redeem-{i}")
    paris.clock.move(days=31)
    assert ending.tell_of_ended(lambda: False) == 0
    assert len(expired(paris.every_hour())) == 3


def test_more_than_one_page_of_them_is_told_of(paris: Service, ada: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "_AT_ONCE", 1)
    for i in range(9):
        had(paris, "five", f"redeem-{i}")
    assert len(expired(at(paris, "2026-12-22"))) == 9


def test_of_who_has_left_nothing_is_told(paris: Service, ada: str) -> None:
    code_of(paris)
    assert leave(paris, ada).status == 200
    paris.settle()
    assert at(paris, "2026-12-22") == []
    assert marked(paris) == []


def test_it_is_told_of_the_member_who_has_it_after_a_merge(paris: Service, ada: str) -> None:
    code_of(paris)
    another(paris, "charles")
    charles = enrol(paris, key="enrol-charles", email="charles@example.com")
    merged = paris.post(f"/v1/members/{ada}/merge", {"into": charles}, key="merge-1")
    assert merged.status == 200, merged.body
    paris.settle()
    [(_, event_id, data)] = expired(at(paris, "2026-12-22"))
    assert (event_id[:24], data["member_id"]) == (charles, charles)


def test_without_a_programme_there_is_nothing_to_look_for(service: Service) -> None:
    service.clock.move(days=400)
    assert expired(service.every_hour()) == []


def had_by(service: Service) -> Any:
    [voucher] = [item for item in service.items("rewards") if item["key"].startswith("V#")]
    return voucher["redemption"]


def refuses(_events: object) -> None:
    raise bus.PublishError("out of order")


def dies(_key: str) -> None:
    raise RuntimeError("out of memory")
