"""Accounts and entries as table items: what is written is what is read."""

from datetime import timedelta

import pytest

from functions.ledger import items
from functions.ledger.account import Entry, Line, Posting, Reason
from functions.ledger.lots import NEVER
from functions.runtime.tables import from_wire, to_wire
from tests.unit.factories import MEMBER, NOW, an_account, an_entry, an_issued_reward, an_operation

APPLIED = Reason("every-dollar", applied=True, points=12, lines={"1": 4, "2": 8})
FAILED = Reason("big-basket", applied=False, condition="amount_below_one_step", facts={"paid": 1299, "needed": 5000})
EARNED = Posting(
    kind="earned",
    lots={NEVER: 12},
    occurred_at=NOW - timedelta(days=1, microseconds=7),
    program_version=7,
    explanation=(APPLIED, FAILED),
    lines=(Line("1", 1, 499, 4), Line("2", 2, 800, 8)),
    currency="USD",
)


@pytest.mark.parametrize(
    "entry",
    [
        an_entry(EARNED),
        an_entry(Posting("earned", {}, NOW, program_version=1)),
        an_entry(
            Posting("redeemed", {NEVER: -100}, NOW, program_version=7, reward=an_issued_reward(), currency="USD"),
            operation=an_operation("redemption", "rdm_abcdefghij2345672345"),
        ),
        an_entry(Posting("redeemed", {NEVER: -100}, NOW, program_version=7, reward=an_issued_reward(None))),
    ],
    ids=["purchase", "purchase for nothing", "redemption", "reward without a last day"],
)
def test_an_entry_is_read_as_it_was_written(entry: Entry) -> None:
    assert items.entry_from_item(from_wire(to_wire(items.entry_to_item(entry)))) == entry


def test_an_account_is_read_as_it_was_written() -> None:
    account = an_account({NEVER: 12, "2027-01-31": 3}, n=2, revision=5, tier="gold", pending=9, latest=("a", "b"))
    assert items.account_from_item(from_wire(to_wire(items.account_to_item(account)))) == account


def test_the_account_and_its_mark_lie_side_by_side() -> None:
    assert items.account_key(MEMBER) == {"member": MEMBER, "part": "A"}
    assert items.published_key(MEMBER) == {"member": MEMBER, "part": "P"}


def test_a_source_with_the_separator_in_it_is_read_as_it_was_written() -> None:
    item = items.entry_to_item(an_entry(EARNED)) | {"operation": "purchase#a#b#receipt-1", "source": "a#b"}
    operation = items.operation_from_item(item)
    assert (operation.source, operation.id, operation.key) == ("a#b", "receipt-1", "purchase#a#b#receipt-1")
