"""Many at once: what threads on one member may not do to the books. moto cannot show this; the deployed stack can."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.embedded.partner import Partner, fresh, purchase

CALLERS = 8


def test_one_receipt_sent_by_many_at_once_earns_once(partner: Partner) -> None:
    member = partner.enrol()
    bought = purchase({"id": member})
    with ThreadPoolExecutor(CALLERS) as pool:
        answers = list(pool.map(lambda _: partner.post("/v1/purchases", bought), range(16)))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert Counter(answer.headers.get("idempotency-replayed") for answer in answers) == {None: 1, "true": 15}
    assert partner.balance(member)["active"] == 50


def test_parallel_purchases_of_one_member_all_succeed(partner: Partner) -> None:
    member = partner.enrol()
    with ThreadPoolExecutor(CALLERS) as pool:
        answers = list(pool.map(lambda _: partner.post("/v1/purchases", purchase({"id": member})), range(48)))

    assert {answer.status_code for answer in answers} == {201}
    assert partner.balance(member)["active"] == 48 * 50
    assert [entry["n"] for entry in partner.statement(member)] == list(range(1, 49))


def test_points_for_one_voucher_buy_one_voucher(partner: Partner) -> None:
    member = partner.enrol()
    partner.post("/v1/purchases", purchase({"id": member}, amount=19900))
    wanted = {"member": {"id": member}, "reward_id": "voucher-5"}
    with ThreadPoolExecutor(CALLERS) as pool:
        answers = list(pool.map(lambda _: partner.post("/v1/redemptions", wanted, fresh("redeem")), range(8)))

    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 7}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"insufficient_points"}
    assert partner.balance(member)["active"] == 99


def test_one_person_enrolled_by_many_at_once_is_one_member(partner: Partner) -> None:
    card = fresh("card")
    with ThreadPoolExecutor(CALLERS) as pool:
        answers = list(pool.map(lambda _: partner.post("/v1/members", {"card": card}, fresh("enrol")), range(8)))

    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 7}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"member_exists"}
