"""The wallet over HTTPS: what a member has, and how it came about."""

import pytest

from tests.functional.conftest import Json, Service
from tests.functional.factories import NOBODY, a_reason, earn, enrol, problem, redeem, with_points


def test_the_balance_of_a_new_member_is_empty(service: Service) -> None:
    member = enrol(service)
    answer = service.get(f"/v1/members/{member}/balance")
    assert answer.status == 200
    assert answer.body == {
        "member_id": member,
        "active": 0,
        "pending": 0,
        "held": 0,
        "debt": 0,
        "lots": [],
        "upcoming": [],
        "tier": None,
        "n": 0,
        "as_of": "2026-11-21T10:00:00Z",
    }


def test_the_balance_shows_what_expires_when_and_leaves_out_what_has(service: Service) -> None:
    member = enrol(service)
    earn(service, dollars=5, id="for-ever")
    with_points(service, "expire: {after_months: 12}")
    earn(service, dollars=20, id="next-year", occurred_at="2026-11-20T12:00:00Z")
    earn(service, dollars=10, id="today", occurred_at="2025-11-21T12:00:00Z")
    earn(service, dollars=40, id="yesterday", occurred_at="2025-11-20T12:00:00Z")

    today = service.get(f"/v1/members/{member}/balance").body
    service.clock.move(days=1)
    tomorrow = service.get(f"/v1/members/{member}/balance").body

    assert today == {
        "member_id": member,
        "active": 35,
        "pending": 0,
        "held": 0,
        "debt": 0,
        "lots": [
            {"expires_on": "2026-11-21", "points": 10},
            {"expires_on": "2027-11-20", "points": 20},
            {"expires_on": None, "points": 5},
        ],
        "upcoming": [
            {"on": "2026-11-21", "what": "last_day", "points": 10},
            {"on": "2027-11-20", "what": "last_day", "points": 20},
        ],
        "tier": None,
        "n": 4,
        "as_of": "2026-11-21T10:00:00Z",
    }
    assert tomorrow == {
        **today,
        "active": 25,
        "lots": today["lots"][1:],
        "upcoming": today["upcoming"][1:],
        "as_of": "2026-11-22T10:00:00Z",
    }


def test_the_statement_shows_every_entry_with_its_reasons_latest_first(service: Service) -> None:
    member = enrol(service)
    earn(service, dollars=120)
    redemption = redeem(service).body

    answer = service.get(f"/v1/members/{member}/ledger")

    assert answer.status == 200
    assert answer.body == {
        "items": [
            {
                "id": f"{member}#2",
                "member_id": member,
                "n": 2,
                "kind": "redeemed",
                "points": -100,
                "lots": [{"expires_on": None, "points": -100}],
                "balance_after": {"active": 20, "pending": 0, "held": 0, "debt": 0},
                "operation": {"kind": "redemption", "id": redemption["redemption_id"], "source": "till-client"},
                "program_version": 1,
                "occurred_at": "2026-11-21T10:00:00Z",
                "recorded_at": "2026-11-21T10:00:00Z",
                "explanation": [],
                "activity": None,
                "reward_id": "voucher-5",
                "redemption_id": redemption["redemption_id"],
                "note": None,
            },
            {
                "id": f"{member}#1",
                "member_id": member,
                "n": 1,
                "kind": "earned",
                "points": 120,
                "lots": [{"expires_on": None, "points": 120}],
                "balance_after": {"active": 120, "pending": 0, "held": 0, "debt": 0},
                "operation": {"kind": "purchase", "id": "receipt-1", "source": "till-client"},
                "program_version": 1,
                "occurred_at": "2026-11-20T17:00:00Z",
                "recorded_at": "2026-11-21T10:00:00Z",
                "explanation": [a_reason("every-dollar", 120, lines={"1": 120})],
                "activity": None,
                "reward_id": None,
                "redemption_id": None,
                "note": None,
            },
        ],
        "next_cursor": None,
    }


def test_the_statement_of_a_new_member_is_empty(service: Service) -> None:
    member = enrol(service)
    assert service.get(f"/v1/members/{member}/ledger").body == {"items": [], "next_cursor": None}


def test_a_statement_holds_nobody_elses_entries(service: Service) -> None:
    ada = enrol(service)
    enrol(service, key="enrol-2", email="grace@example.com")
    earn(service, dollars=1, id="ada")
    earn(service, dollars=1, id="grace", member={"email": "grace@example.com"})
    items = service.get(f"/v1/members/{ada}/ledger").body["items"]
    assert [entry["operation"]["id"] for entry in items] == ["ada"]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 200])
def test_pages_of_a_statement_hold_every_entry_once(service: Service, limit: int) -> None:
    member = enrol(service)
    for i in range(1, 5):
        earn(service, dollars=i, id=f"receipt-{i}")

    pages = _pages(service, f"/v1/members/{member}/ledger", limit)

    assert [entry["n"] for page in pages for entry in page["items"]] == [4, 3, 2, 1]
    assert [len(page["items"]) for page in pages[:-1]] == [limit] * (len(pages) - 1)
    assert 1 <= len(pages[-1]["items"]) <= limit


def test_a_page_that_was_begun_is_not_shifted_by_new_entries(service: Service) -> None:
    member = enrol(service)
    for i in range(1, 5):
        earn(service, dollars=1, id=f"receipt-{i}")
    first = service.get(f"/v1/members/{member}/ledger", limit="2").body
    earn(service, dollars=1, id="receipt-5")

    second = service.get(f"/v1/members/{member}/ledger", limit="2", cursor=first["next_cursor"]).body

    assert [entry["n"] for entry in first["items"] + second["items"]] == [4, 3, 2, 1]


@pytest.mark.parametrize("path", ["balance", "ledger"])
def test_nobody_has_no_wallet(service: Service, path: str) -> None:
    answer = service.get(f"/v1/members/{NOBODY}/{path}")
    assert answer.status == 404
    assert answer.body == problem(404, "member_not_found", "No such member", "No member has this id.")


def _pages(service: Service, path: str, limit: int) -> list[Json]:
    pages = [service.get(path, limit=str(limit)).body]
    while cursor := pages[-1]["next_cursor"]:
        pages.append(service.get(path, limit=str(limit), cursor=cursor).body)
    return pages
