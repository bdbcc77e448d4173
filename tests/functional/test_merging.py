"""Two members who are one person: everything of the one goes to the other, once, and nothing is lost or doubled."""

import pytest

from tests.functional.conftest import Answer, Service
from tests.functional.factories import MEMBER, enrol

BOUGHT_AT = "2026-11-21T09:00:00Z"


def two(service: Service) -> tuple[str, str]:
    """Ada, with every identity, and the one who stays."""
    return enrol(service, "enrol-ada", **MEMBER), enrol(service, "enrol-both", email="both@example.com")


def buy(service: Service, receipt: str, member: str, dollars: int) -> Answer:
    lines = [{"id": "1", "sku": "lp", "quantity": 1, "amount": dollars * 100}]
    body = {"id": receipt, "member": {"id": member}, "occurred_at": BOUGHT_AT, "currency": "USD", "lines": lines}
    return service.post("/v1/purchases", body)


def merge(service: Service, gone: str, into: str, key: str = "merge-1") -> Answer:
    return service.post(f"/v1/members/{gone}/merge", {"into": into}, key=key)


def refused(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.body["code"]


def balance(service: Service, member: str) -> tuple[int, int, int]:
    found = service.get(f"/v1/members/{member}/balance").body
    return found["active"], found["held"], found["debt"]


def test_points_with_their_days_and_identities_arrive(service: Service) -> None:
    ada, both = two(service)
    buy(service, "one", ada, 70)
    buy(service, "two", both, 30)
    lots = service.get(f"/v1/members/{ada}/balance").body["lots"]

    answer = merge(service, ada, both)

    assert (answer.status, answer.body["status"], answer.body["merged_into"]) == (200, "merged", both)
    assert {answer.body[name] for name in ("email", "card", "phone", "external_id", "given_name")} == {None}
    assert (balance(service, ada), balance(service, both)) == ((0, 0, 0), (100, 0, 0))
    assert service.get(f"/v1/members/{both}/balance").body["lots"] == [lots[0] | {"points": 100}]
    for identity in ({"email": "ada@example.com"}, {"card": MEMBER["card"]}, {"email": "both@example.com"}):
        assert service.get("/v1/members", **identity).body["member_id"] == both
    assert service.get(f"/v1/members/{both}").body["email"] == "both@example.com"


def test_a_repeat_changes_nothing_and_another_merge_of_the_same_is_refused(service: Service) -> None:
    ada, both = two(service)
    buy(service, "one", ada, 70)
    merge(service, ada, both)
    before = service.tables()

    again = merge(service, ada, both)
    assert (again.status, again.replayed, again.body["merged_into"]) == (200, True, both)
    assert service.tables() == before
    assert refused(merge(service, ada, both, key="merge-2")) == (409, "member_closed")
    assert refused(merge(service, both, ada, key="merge-3")) == (409, "member_closed")
    assert balance(service, both) == (70, 0, 0)


def test_what_still_comes_for_the_one_who_went_is_booked_on_the_other(service: Service) -> None:
    ada, both = two(service)
    buy(service, "before", ada, 150)
    held = service.post(
        "/v1/redemptions", {"member": {"id": ada}, "reward_id": "voucher-5", "capture": False}, key="hold"
    ).body["redemption_id"]
    merge(service, ada, both)
    assert balance(service, both) == (50, 100, 0)

    late = buy(service, "after", ada, 10)
    assert late.body["entry"]["member_id"] == both
    back = service.post("/v1/purchases/before/returns", {"id": "return-1", "occurred_at": "2026-11-21T09:30:00Z"})
    assert back.body["entry"]["member_id"] == both
    assert service.call("POST", f"/v1/redemptions/{held}/capture").status == 200
    assert balance(service, both) == (0, 0, 90)


@pytest.mark.parametrize("debtor", ["gone", "stays"])
def test_what_the_one_owes_the_points_of_the_other_pay(service: Service, debtor: str) -> None:
    ada, both = two(service)
    owing, owning = (ada, both) if debtor == "gone" else (both, ada)
    buy(service, "spent", owing, 100)
    service.post("/v1/redemptions", {"member": {"id": owing}, "reward_id": "voucher-5"}, key="spend")
    service.post("/v1/purchases/spent/returns", {"id": "return-1", "occurred_at": "2026-11-21T09:30:00Z"})
    buy(service, "saved", owning, 130)
    assert balance(service, owing) == (0, 0, 100)

    merge(service, ada, both)

    assert balance(service, both) == (30, 0, 0)


def test_the_audits_of_both_say_so(service: Service) -> None:
    ada, both = two(service)
    merge(service, ada, both)

    assert [(one["what"], one["after"]) for one in service.get(f"/v1/members/{ada}/audit").body["items"]] == [
        ("MemberMerged", {"into": both})
    ]
    assert [(one["what"], one["after"]) for one in service.get(f"/v1/members/{both}/audit").body["items"]] == [
        ("MemberMerged", {"from": ada})
    ]


def test_a_member_is_not_merged_into_itself_or_into_nobody(service: Service) -> None:
    ada, both = two(service)
    nobody = "mem_" + "a" * 20
    before = service.tables()

    assert refused(merge(service, ada, ada)) == (422, "invalid")
    assert refused(merge(service, ada, nobody, key="merge-2")) == (404, "member_not_found")
    assert refused(merge(service, nobody, both, key="merge-3")) == (404, "member_not_found")
    assert service.tables() == before


def test_the_member_stays_found_when_merged_twice_over(service: Service) -> None:
    ada, both = two(service)
    third = enrol(service, "enrol-third", email="third@example.com")
    buy(service, "one", ada, 20)
    merge(service, ada, both)
    merge(service, both, third, key="merge-2")

    assert buy(service, "two", ada, 5).body["entry"]["member_id"] == third
    assert balance(service, third) == (25, 0, 0)


def test_who_leaves_is_forgotten_in_the_books_of_the_one_who_was_merged_too(service: Service) -> None:
    ada, both = two(service)
    service.call("PATCH", f"/v1/members/{ada}", {"birth_date": "1990-02-17"}, headers={"idempotency-key": "patch-1"})
    body = {"id": "a-1", "points": 5, "reason": "goodwill", "note": "for Ada Lovelace"}
    service.post(f"/v1/members/{ada}/adjustments", body)
    merge(service, ada, both)

    left = service.call("DELETE", f"/v1/members/{both}", headers={"idempotency-key": "leave-1"})

    assert left.status == 200
    service.settle()
    service.wake()  # the last mail goes out, and the address with it
    everything = str(service.tables())
    assert not [word for word in ("Lovelace", "02-17", "ada@example.com", "both@example.com") if word in everything]


def test_who_was_merged_is_changed_no_more_and_the_other_not_by_the_old_id(service: Service) -> None:
    ada, both = two(service)
    merge(service, ada, both)
    before = service.get(f"/v1/members/{both}").body

    def change(method: str, path: str, body: object, key: str) -> tuple[int, str, str]:
        answer = service.call(method, path, body, headers={"idempotency-key": key})
        return *refused(answer), answer.body["merged_into"]

    path = f"/v1/members/{ada}"
    assert change("PATCH", path, {"given_name": "Eve"}, "patch-1") == (409, "member_closed", both)
    assert change("POST", f"{path}/suspend", {"reason": "fraud"}, "suspend-1") == (409, "member_closed", both)
    assert change("DELETE", path, None, "leave-1") == (409, "member_closed", both)
    assert service.get(f"/v1/members/{both}").body == before
