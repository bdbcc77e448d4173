"""What partners report, whoever the member is to them and however it comes: one receipt earns once."""

import json

import pytest

from functions.runtime.bus import TRIES
from tests.functional.conftest import CONSUMERS, FOLLOWER, Json, Service
from tests.functional.engaged import (
    a_return,
    account,
    an_activity,
    basket,
    buy,
    engaged,
    give_back,
    join,
    parts,
    refusals,
    types,
    why,
)
from tests.functional.factories import MEMBER, without_programme


@pytest.fixture
def club(service: Service) -> Service:
    return engaged(service)


# Identities


IDENTITIES: dict[str, Json] = {
    "external_id": {"external_id": "shop-1815"},
    "card": {"card": "RC-1815"},
    "email": {"email": "ADA@example.com"},
    "phone": {"phone": "+12125550100"},
}


@pytest.mark.parametrize("kind", [*IDENTITIES, "id"])
def test_a_member_is_found_by_every_identity(club: Service, kind: str) -> None:
    member = club.post("/v1/members", MEMBER, key="enrol-1").body["member_id"]
    who = {"id": member} if kind == "id" else IDENTITIES[kind]
    for i, answer in enumerate(
        (
            club.post("/v1/purchases", basket(club, "receipt-1", 10, member=who)),
            club.post("/v1/activities", {**an_activity(club, "visit"), "member": who}),
        ),
        1,
    ):
        assert (answer.status, answer.body["entry"]["member_id"], answer.body["entry"]["n"]) == (201, member, i)
    assert club.send("PurchaseCompleted", basket(club, "receipt-2", 10, member=who), source="till-client") == []
    assert account(club, member)["n"] == 3


def test_the_own_id_of_one_partner_is_nobody_to_another(club: Service) -> None:
    club.post("/v1/members", MEMBER, key="enrol-1")
    sent = basket(club, "receipt-1", 10, member=IDENTITIES["external_id"])
    with club.unchanged():
        answer = club.post("/v1/purchases", sent, client="shop-client")
    assert (answer.status, answer.body["code"]) == (404, "member_not_found")


# Paid in part


@pytest.mark.parametrize(
    ("payments", "points"),
    [
        ([], 30),
        ([{"method": "card", "amount": 3000}], 30),
        ([{"method": "card", "amount": 2000}, {"method": "voucher", "amount": 1000}], 20),
        ([{"method": "points", "amount": 500}, {"method": "voucher", "amount": 500}], 20),
        ([{"method": "points", "amount": 3000}], 0),
    ],
)
def test_what_points_and_vouchers_paid_earns_nothing(club: Service, payments: list[Json], points: int) -> None:
    join(club)
    lines = [
        {"id": "1", "sku": "lp", "quantity": 1, "amount": 2000},
        {"id": "2", "sku": "cd", "quantity": 1, "amount": 1000},
    ]
    answer = buy(club, "receipt-1", 0, lines=lines, payments=payments)
    assert answer.body["points"]["active"] == points
    assert sum(line["points"] for line in answer.body["lines"]) == points
    assert give_back(club, "receipt-1").body["balance"] == parts()


def test_a_purchase_paid_as_a_whole_in_such_a_way_earns_nothing(club: Service) -> None:
    join(club)
    assert buy(club, "receipt-1", 30, payment_method="voucher").body["points"]["active"] == 0


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"total": 2999}, "total"),
        ({"total": 0}, "total"),
        ({"payments": [{"method": "card", "amount": 3001}]}, "payments"),
    ],
)
def test_sums_that_do_not_add_up_are_refused(club: Service, changes: Json, code: str) -> None:
    join(club)
    sent = basket(club, "receipt-1", 30, **changes)
    with club.unchanged():
        answer = club.post("/v1/purchases", sent)
        assert club.send("PurchaseCompleted", sent) == []
    assert (answer.status, [one["code"] for one in answer.body["errors"]]) == (422, [code])
    assert len(club.parked()) == 1


def test_a_total_that_adds_up_is_taken(club: Service) -> None:
    join(club)
    assert buy(club, "receipt-1", 30, total=3000).body["points"]["active"] == 30


# One receipt, two systems


@pytest.fixture
def chain(club: Service, monkeypatch: pytest.MonkeyPatch) -> Service:
    """The till and the e-receipts of one chain number their receipts together; the shop does not."""
    names = {"till-client": "stores", "e-receipts": "stores"}
    monkeypatch.setenv("RECEIPT_NAMESPACES", json.dumps(names))
    join(club)
    return club


def test_one_receipt_from_two_systems_of_a_chain_earns_once(chain: Service) -> None:
    first = buy(chain, "receipt-1", 30)
    with chain.unchanged():
        again = chain.post("/v1/purchases", basket(chain, "receipt-1", 30), client="e-receipts")
        assert chain.send("PurchaseCompleted", basket(chain, "receipt-1", 30), source="e-receipts") == []
    assert (again.status, again.replayed, again.body) == (201, True, first.body)
    assert first.body["entry"]["operation"]["source"] == "stores"
    other = chain.post("/v1/purchases", basket(chain, "receipt-1", 30), client="shop-client")
    assert (other.status, other.replayed) == (201, False)


def test_a_receipt_that_two_systems_of_a_chain_tell_differently_earns_once(chain: Service) -> None:
    buy(chain, "receipt-1", 30)
    with chain.unchanged():
        answer = chain.post("/v1/purchases", basket(chain, "receipt-1", 31), client="e-receipts")
    assert (answer.status, answer.body["code"]) == (422, "operation_id_reused")


def test_one_system_of_a_chain_returns_what_the_other_sold(chain: Service) -> None:
    buy(chain, "receipt-1", 30)
    assert chain.post("/v1/purchases/receipt-1/returns", a_return(chain, "return-1"), client="e-receipts").status == 201
    assert chain.get("/v1/purchases/receipt-1").body["returned"] == [{"line": "1", "quantity": 1, "points": 30}]


def test_a_return_waits_for_a_purchase_that_the_other_system_of_the_chain_tells(chain: Service) -> None:
    sent = a_return(chain, "return-1")
    assert chain.post("/v1/purchases/receipt-1/returns", sent, client="e-receipts").status == 202
    member = buy(chain, "receipt-1", 30).body["entry"]["member_id"]
    chain.settle()
    assert chain.get(f"/v1/members/{member}/balance").body["active"] == 10


def test_what_a_partner_calls_a_member_stays_its_own_in_a_chain(chain: Service) -> None:
    chain.post("/v1/members", {"external_id": "mine-1"}, key="enrol-9")
    sent = basket(chain, "receipt-9", 30, member={"external_id": "mine-1"})
    assert chain.post("/v1/purchases", sent, client="e-receipts").status == 404
    assert chain.post("/v1/purchases", sent).status == 201


# Order does not matter


def test_what_comes_before_the_enrolment_comes_again_after_it(club: Service) -> None:
    purchase = basket(club, "receipt-1", 30)
    activity = an_activity(club, "visit")
    with club.unchanged():
        assert club.send("PurchaseCompleted", purchase) == ["record-0"]
        assert club.send("ActivityRecorded", activity) == ["record-0"]
    assert club.on_bus() == []
    member = join(club)
    for tries in (2, TRIES):
        assert club.send("PurchaseCompleted", purchase, tries=tries) == []
        assert club.send("ActivityRecorded", activity, tries=tries) == []
    assert account(club, member)["n"] == 2


def test_a_batch_from_the_queue_waits_for_the_enrolment_alone(club: Service) -> None:
    join(club, "grace")

    def event(id: str, name: str) -> str:
        envelope = {"id": id, "source": "shop", "time": club.clock().isoformat(), "detail-type": "PurchaseCompleted"}
        return json.dumps({**envelope, "detail": basket(club, id, 5, name)})

    failed = club.deliver(CONSUMERS["PurchaseCompleted"], event("e-1", "ada"), event("e-2", "grace"))
    assert failed == ["record-0"]
    assert [item["operation"] for item in club.items("entries")] == ["purchase#shop#e-2"]


def test_who_never_enrols_is_refused_on_the_last_try_but_one(club: Service) -> None:
    """One more is left, for a refusal that the bus does not take."""
    assert club.send_until_taken("PurchaseCompleted", basket(club, "receipt-1", 30)) == TRIES - 1
    [refused] = refusals(club.on_bus())
    assert (refused["operation_id"], refused["problem"]["code"]) == ("receipt-1", "member_not_found")
    assert club.parked() == []


# Enrolling


def test_enrolling_earns_once_where_the_programme_says_so(club: Service) -> None:
    member = join(club)
    told = club.settle()
    assert types(told) == ["MemberEnrolled", "PointsEarned"]
    assert told[1]["detail"]["data"]["operation"] == {
        "kind": "activity",
        "id": f"enrolled:{member}",
        "source": "loyalty",
    }
    enrolled = [one for one in told if one["detail-type"] == "MemberEnrolled"]
    with club.unchanged():
        assert club.hand(FOLLOWER, enrolled * 2) == []
    [entry] = club.get(f"/v1/members/{member}/ledger").body["items"]
    assert (entry["points"], entry["activity"]) == (10, "enrolled")


def test_enrolling_over_the_bus_earns_the_same(club: Service) -> None:
    assert club.send("MemberEnrolmentRequested", {"card": "RC-7", "idempotency_key": "k"}) == []
    club.settle()
    [entry] = club.items("entries")
    assert entry["change"] == {"lots": {"never": 10}}


def test_enrolling_is_no_entry_where_nothing_is_earned_by_it(service: Service) -> None:
    join(service)
    assert types(service.settle()) == ["MemberEnrolled"]
    assert service.items("entries") == []


def test_enrolling_without_a_programme_is_no_entry_and_no_dead_letter(service: Service) -> None:
    without_programme(service)
    join(service)
    assert types(service.settle()) == ["MemberEnrolled"]


def test_a_purchase_that_overtakes_the_news_of_the_enrolment_changes_nothing(club: Service) -> None:
    member = join(club)
    buy(club, "receipt-1", 30)
    club.settle()
    assert club.get(f"/v1/members/{member}/balance").body["active"] == 40
    assert why(buy(club, "receipt-2", 1)).keys().isdisjoint({"welcome"})


# Age


@pytest.mark.parametrize(("when", "code"), [("2026-11-21T11:10:01Z", "future"), ("1976-12-03T10:59:59Z", "too_late")])
def test_a_purchase_of_the_future_or_of_long_ago_is_refused(club: Service, when: str, code: str) -> None:
    join(club)
    with club.unchanged():
        answer = club.post("/v1/purchases", basket(club, "receipt-1", 10, occurred_at=when))
    assert [(one["pointer"], one["code"]) for one in answer.body["errors"]] == [("/occurred_at", code)]


@pytest.mark.parametrize("when", ["2026-11-21T11:10:00Z", "1976-12-03T11:00:00Z"])
def test_a_purchase_just_within_is_taken(club: Service, when: str) -> None:
    join(club)
    assert club.post("/v1/purchases", basket(club, "receipt-1", 10, occurred_at=when)).status == 201
