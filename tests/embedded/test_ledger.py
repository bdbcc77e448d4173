"""The ledger under load on real tables: nothing lost, nothing twice, nothing refused that could wait."""

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from cli.inside import inside
from functions.accrual import reporting
from functions.accrual import store as accrual
from functions.accrual.contract import PurchaseIn
from functions.ledger import answering, proving, store
from functions.runtime import aws, bus
from functions.runtime.errors import TryAgainError
from functions.runtime.validation import parse
from tests.embedded.partner import Json, Partner, fresh, purchase

SOURCE = "soak"


@pytest.fixture
def books(partner: Partner) -> Iterator[Partner]:
    """The real store code in this process, on the deployed tables."""
    with inside(partner.stack):
        yield partner


def book(body: Json) -> answering.Committed:
    return accrual.record(accrual.Report(parse(PurchaseIn, body), SOURCE, "test"))


def book_as_partners_do(body: Json) -> answering.Committed:
    """Where the account is too busy, nothing is written, and the call is made again as it was: on a machine with other
    work, two hundred threads of one process may need it."""
    for _ in range(4):
        try:
            return book(body)
        except TryAgainError:
            continue
    return book(body)


def test_two_hundred_purchases_at_the_same_moment_are_all_booked(books: Partner) -> None:
    member = books.enrol()
    purchases = [purchase({"id": member}) for _ in range(200)]
    with ThreadPoolExecutor(200) as pool:
        committed = list(pool.map(book_as_partners_do, purchases))

    assert sorted(one.entry.n for one in committed) == list(range(1, 201))
    assert not any(one.replayed for one in committed)
    account = store.load(member, consistent=True)
    assert (account.n, account.lots) == (200, {"never": 200 * 50})
    assert proving.prove_account(account).drift is None


def test_an_answer_lost_after_the_commit_is_safe_to_ask_for_again(books: Partner) -> None:
    member = books.enrol()
    body = purchase({"id": member})
    lost: list[str] = []

    def lose_the_answer(model: Any, **_: Any) -> None:
        if model.name == "TransactWriteItems" and len(lost) < 3:
            lost.append(model.name)
            raise ReadTimeoutError(endpoint_url="the tables")

    events = aws.dynamodb().meta.events
    events.register("after-call.dynamodb.TransactWriteItems", lose_the_answer)
    with pytest.raises(ReadTimeoutError):
        book(body)
    events.unregister("after-call.dynamodb.TransactWriteItems", lose_the_answer)

    again = book(body)

    assert lost
    assert again.replayed
    assert store.load(member, consistent=True).n == 1


def test_a_batch_of_the_queue_is_one_transaction_per_member(books: Partner) -> None:
    members = [books.enrol(), books.enrol()]
    bodies = [purchase({"id": members[i % 2]}) for i in range(10)]
    calls: list[str] = []
    aws.dynamodb().meta.events.register(
        "before-call.dynamodb.TransactWriteItems", lambda model, **_: calls.append(model.name)
    )
    events = [event(body) for body in [*bodies, bodies[0], purchase({"id": members[0]}, currency="EUR")]]

    outcomes = reporting.record_events(events)

    assert outcomes[:11] == [None] * 11
    assert getattr(outcomes[11], "code", None) == "invalid"
    assert [store.load(member, consistent=True).n for member in members] == [5, 5]
    assert len(calls) <= 4  # one each, and what the repeated receipt needs


def event(body: Json) -> bus.Event:
    return bus.Event.model_validate(
        {
            "id": fresh("event"),
            "source": SOURCE,
            "time": "2026-11-21T10:00:00Z",
            "detail-type": "PurchaseCompleted",
            "detail": body,
        }
    )


def test_a_soak_of_sixteen_workers_with_a_fifth_of_repeats_adds_up(books: Partner) -> None:
    luck = random.Random(20261121)
    members = [books.enrol() for _ in range(5)]
    bodies = [purchase({"id": luck.choice(members)}, amount=luck.randrange(100, 20000)) for _ in range(400)]
    sent = bodies + luck.choices(bodies, k=100)
    luck.shuffle(sent)
    with ThreadPoolExecutor(16) as pool:
        committed = list(pool.map(book, sent))

    assert Counter(one.replayed for one in committed) == {False: 400, True: 100}
    expected = Counter[str]()
    for body in bodies:
        expected[body["member"]["id"]] += body["lines"][0]["amount"] // 100
    for member in members:
        account = store.load(member, consistent=True)
        assert account.lots == {"never": expected[member]}
        assert proving.prove_account(account).drift is None


def test_capture_and_cancel_of_one_hold_have_one_winner(partner: Partner) -> None:
    member = partner.enrol()
    for _ in range(5):
        partner.post("/v1/purchases", purchase({"id": member}, amount=10000))
        wanted = {"member": {"id": member}, "reward_id": "voucher-5", "capture": False}
        held = partner.post("/v1/redemptions", wanted, fresh("redeem")).json()["redemption_id"]
        with ThreadPoolExecutor(2) as pool:
            paths = [f"/v1/redemptions/{held}/{verb}" for verb in ("capture", "cancel")]
            answers = list(pool.map(lambda path: partner.post(path, {}), paths))

        assert sorted(answer.status_code for answer in answers) == [200, 409]
        refused = next(answer for answer in answers if answer.status_code == 409)
        assert refused.json()["code"] == "hold_not_found"
        winner = next(answer for answer in answers if answer.status_code == 200).json()
        assert partner.get(f"/v1/redemptions/{held}").json()["status"] == winner["status"]


def test_a_return_takes_back_what_the_line_had_earned(partner: Partner) -> None:
    member = partner.enrol()
    bought = purchase(
        {"id": member},
        lines=[
            {"id": "1", "sku": "lp-1", "quantity": 3, "amount": 1000},
            {"id": "2", "sku": "lp-2", "quantity": 1, "amount": 2500},
        ],
    )
    partner.post("/v1/purchases", bought)

    def give_back(**lines: int) -> Json:
        body = {
            "id": fresh("return"),
            "occurred_at": "2026-11-21T09:00:00Z",
            "lines": [{"id": line.removeprefix("line_"), "quantity": n} for line, n in lines.items()],
        }
        found: Json = partner.post(f"/v1/purchases/{bought['id']}/returns", body).json()
        return found

    taken = [give_back(line_1=1), give_back(line_1=1), give_back(line_1=1, line_2=1)]
    beyond = give_back(line_1=1)

    assert [back["points"]["active"] for back in taken] == [-3, -3, -29]
    assert beyond["code"] == "purchase_not_returnable"
    assert partner.balance(member)["active"] == 0
