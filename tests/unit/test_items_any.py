"""Whatever a posting or an account may hold is read as it was written, and a large basket stays small."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import hypothesis.strategies as st
import pytest
from hypothesis import given

from functions.ledger import items
from functions.ledger.account import (
    Account,
    Balance,
    Change,
    Count,
    Draw,
    Entry,
    Line,
    MemberChange,
    MemberStatus,
    Posting,
    Reason,
    Returned,
    Reversal,
    TierStep,
    Traits,
    What,
)
from functions.ledger.rewards import Basis, IssuedReward, Voucher, Withdrawal
from functions.program import document
from functions.program.occasions import Purchase, PurchaseLine
from functions.runtime.tables import from_wire, to_wire
from tests.unit.factories import MEMBER, NOW, Journey, an_account, an_operation

ROOT = Path(__file__).parent.parent.parent

Names = st.text("abcdefghij-", min_size=1, max_size=8)
Words = st.text(min_size=1, max_size=12)
Points = st.integers(-1000, 1000).filter(bool)
Few = st.integers(0, 1000)
Instants = st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
Days = st.dates(date(2000, 1, 1), date(2090, 1, 1))
Lots = st.dictionaries(Days.map(str) | st.just("never"), Points, max_size=3)
Changes = st.builds(
    Change,
    Lots,
    st.dictionaries(Words, Points, max_size=2),
    st.dictionaries(Names, Lots, max_size=2),
    Points | st.just(0),
)
Steps = st.lists(
    st.builds(
        TierStep,
        Names,
        Instants,
        Days | st.none(),
        st.dictionaries(Names, Few, max_size=2),
        st.booleans(),
    ),
    max_size=3,
).map(tuple)
Bases = st.builds(
    Basis, Names, Few, st.dictionaries(Words | st.just(""), Few, max_size=2), Few, Few, Few, st.booleans()
)
Rewards = st.builds(
    IssuedReward,
    Names,
    Names,
    Names,
    Few,
    Names,
    Names | st.none(),
    Days | st.none(),
    Days | st.none(),
    Bases | st.none(),
)
Withdrawals = st.builds(Withdrawal, st.builds(Voucher, Rewards, st.just(""), Few), Few)
"""Whose voucher it was says the entry."""
Values = st.booleans() | st.integers(-(10**9), 10**9) | Words
AnyTraits = st.builds(
    Traits,
    st.lists(Words, max_size=2).map(tuple),
    st.just("02-29") | st.none(),
    st.dictionaries(Words, Values, max_size=3),
    Names | st.none(),
    st.booleans(),
    st.booleans(),
)
Statuses = st.sampled_from(get_args(MemberStatus))
MemberChanges = st.builds(
    MemberChange,
    st.sampled_from(get_args(What)),
    st.lists(Names, max_size=3).map(tuple),
    st.dictionaries(Names, Words, max_size=2),
    st.dictionaries(Names, Words, max_size=2),
    Statuses | st.none(),
    AnyTraits | st.none(),
    Names | st.none(),
)
SKIPPED = [
    "sku",
    "category",
    "brand",
    "discounted",
    "attributes",
    "cel",
    "another_gives_more",
    "another_comes_first",
]


@st.composite
def postings(draw: st.DrawFn) -> Posting:
    ids = draw(st.lists(Words, max_size=4, unique=True))
    lines = tuple(Line(id, draw(Few), draw(Few), draw(Few)) for id in ids)

    def by_line() -> dict[str, int]:
        """The lines of the purchase that have something; of what has no lines, whatever it says of others."""
        return draw(st.dictionaries(st.sampled_from(ids) if ids else Words, Points, max_size=4))

    def reason() -> Reason:
        given = by_line()
        left = [id for id in ids if id not in given]
        skipped = draw(st.dictionaries(st.sampled_from(left), st.sampled_from(SKIPPED))) if left else {}
        facts = draw(st.dictionaries(Names, Few | Words, max_size=2))
        return Reason(
            draw(Names),
            draw(st.booleans()),
            draw(Few),
            given,
            draw(Names | st.none()),
            facts,
            skipped,
            draw(Names | st.none()),
        )

    def count() -> Count:
        like = draw(st.sampled_from(["any", "amounts", "points", "none"]))
        amounts = {line.id: line.amount for line in lines if line.amount}
        points = {line.id: line.points for line in lines if line.points}
        values = {"any": by_line(), "amounts": amounts, "points": points, "none": {}}[like]
        return Count(draw(Names), values, draw(Few), draw(Few))

    times = st.integers(0, 3)
    tiers = draw(Steps | st.none())
    reversal = st.builds(Reversal, Names, Few, st.dictionaries(Names, st.builds(Returned, Few, Few), max_size=2), Few)
    return Posting(
        kind=draw(st.sampled_from(["earned", "redeemed", "reversed", "adjusted", "changed"])),
        change=draw(Changes),
        occurred_at=draw(Instants),
        program_version=draw(Few),
        explanation=tuple(reason() for _ in range(draw(times))),
        lines=lines,
        reward=draw(Rewards | st.none()),
        reversal=draw(reversal | st.none()),
        currency=draw(Names | st.none()),
        made=draw(Changes | st.none()),
        counts=tuple(count() for _ in range(draw(times))),
        tiers=tiers,
        tier_before=draw(Names | st.none()) if tiers is not None else None,
        issued=tuple(draw(st.lists(Rewards, max_size=2))),
        draws=tuple(draw(st.lists(st.builds(Draw, Names, Few, Few, Few), max_size=2))),
        referrer=draw(Names | st.none()),
        withdrawn=tuple(draw(st.lists(Withdrawals, max_size=2))),
        activity=draw(Names | st.none()),
        unconfirmed=draw(st.booleans()),
        note=draw(Words | st.none()),
        member=draw(MemberChanges | st.none()),
    )


@given(postings(), st.integers(-1, 1))
def test_any_posting_is_read_as_it_was_written(posting: Posting, days: int) -> None:
    booked_on = NOW.date() + timedelta(days=days)
    entry = Entry(an_operation(), MEMBER, 3, posting, Balance(1, 2, 3, 4), "gold", NOW, booked_on)
    assert items.entry_from_item(from_wire(to_wire(items.entry_to_item(entry)))) == entry


Accounts = st.builds(
    Account,
    member=Names,
    enrolled_at=Instants,
    updated_at=Instants,
    source=Words,
    tiers=Steps,
    n=Few,
    revision=Few,
    lots=Lots,
    pending=st.dictionaries(Words, Points, max_size=2),
    holds=st.dictionaries(Names, Lots, max_size=2),
    debt=Few,
    latest=st.lists(Words, max_size=3).map(tuple),
    counters=st.dictionaries(Words, Points, max_size=4),
    status=Statuses,
    traits=AnyTraits,
    merged_into=Names | st.none(),
)


@given(Accounts)
def test_any_account_is_read_as_it_was_written(account: Account) -> None:
    assert items.account_from_item(from_wire(to_wire(items.account_to_item(account)))) == account


# --- sizes ---------------------------------------------------------------------------------------------------------


def size(value: Any) -> int:
    """About what DynamoDB counts: UTF-8 of text and names, half a byte for each digit and one more, 3 bytes for each
    list and map and 1 for each thing in it."""
    match value:
        case dict():
            return 3 + sum(1 + len(name.encode()) + size(one) for name, one in value.items())
        case list() | tuple():
            return 3 + sum(1 + size(one) for one in value)
        case bool() | None:
            return 1
        case int():
            return (len(str(abs(value))) + 1) // 2 + 1 + (value < 0)
        case str():
            return len(value.encode())
    raise AssertionError(value)


def item_size(item: dict[str, Any]) -> int:
    return sum(len(name.encode()) + size(value) for name, value in item.items())


CATEGORIES = ["PRODUCE", "MEAT", "BAG SNACKS", "SOFT DRINKS", "CHEESE"]
BASKET = [
    PurchaseLine(
        str(i),
        quantity=1 + i % 3,
        amount=1299 + 517 * i,
        sku=f"sku-{88231 + i}",
        categories=(CATEGORIES[i % 5],),
        brand="Private" if i % 2 else "National",
        discounted=i % 4 == 0,
    )
    for i in range(1, 11)
]


@pytest.mark.parametrize(("file", "most"), [("tests/bench/ten-rules.yaml", 2048), ("programs/record-shop.yaml", 1024)])
def test_a_purchase_of_ten_lines_is_small(file: str, most: int) -> None:
    """A write unit is 1,024 bytes."""
    program = document.read((ROOT / file).read_text(), version=7)
    account = replace(an_account(), source="till")
    purchase = Purchase(
        "2026-11-21-0042-0815", NOW.replace(hour=2), program.currency, BASKET, store="367", channel="store"
    )
    entry = Journey(program, account).does(purchase, NOW)
    operation = replace(
        an_operation(id=purchase.id),
        payload_hash="0" * 32,
        correlation_id="01932c07-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
    )
    stored = item_size(items.entry_to_item(replace(entry, operation=operation)))
    print(f"{file}: {stored} bytes")  # noqa: T201
    assert len(entry.posting.lines) == 10
    assert stored < most
