"""Stock: whatever happens to a shelf, never a piece too many, and what is left is known."""

import zlib
from collections import Counter
from dataclasses import replace
from datetime import date
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from functions.ledger import store as ledger
from functions.ledger.account import Change, Draw, Posting
from functions.program.model import Program, Stock
from functions.program.periods import PeriodKind
from functions.program.stock import SHARDS, added, first_try, left, piece, portions, put_back, removed, shelf
from functions.redemption.stocking import Shelf
from functions.runtime.errors import RewardSoldOutError
from tests.unit.factories import NOW, TODAY, a_program, a_reward, an_account, an_issued_reward

OF = "stock.gift"
Members = st.sampled_from([f"mem_{i}" for i in range(40)])


class ShelfMachine(RuleBasedStateMachine):
    """Members take, give back, and pieces come and go, each on the condition that its draw names, as the store does."""

    def __init__(self) -> None:
        super().__init__()
        self.stock = Stock(0)
        self.taken: Counter[int] = Counter()
        self.there = 0
        self.had: list[Draw] = []

    @initialize(pieces=st.sampled_from([0, 1, 3, 15, 16, 17, 40]))
    def opens(self, pieces: int) -> None:
        self.stock, self.there = Stock(pieces), pieces

    @rule(member=Members)
    def takes_without_looking(self, member: str) -> None:
        draw = first_try(OF, self.stock, member)
        assert (draw is None) == (self.stock.pieces == 0)
        if draw and self._drawn(draw):
            self._had(draw)

    @rule(member=Members)
    def takes(self, member: str) -> None:
        draw = piece(OF, self.stock, member, self.taken)
        assert (draw is None) == (self.there == 0)
        if draw:
            assert self._drawn(draw)
            self._had(draw)

    @rule(one=Members, other=Members)
    def two_look_at_the_same_moment(self, one: str, other: str) -> None:
        """The second may find it gone, and looks again."""
        draws = [piece(OF, self.stock, member, self.taken) for member in (one, other)]
        for draw in draws:
            if draw and self._drawn(draw):
                self._had(draw)

    @rule(which=st.integers(0, 1000))
    def gives_back(self, which: int) -> None:
        if self.had:
            assert self._drawn(put_back(self.had.pop(which % len(self.had))))
            self.there += 1

    @rule(pieces=st.integers(1, 40))
    def come_in(self, pieces: int) -> None:
        draws = added(OF, pieces)
        assert -sum(draw.points for draw in draws) == pieces
        assert all(self._drawn(draw) for draw in draws)
        self.there += pieces

    @rule(pieces=st.integers(1, 40), meanwhile=Members, somebody=st.booleans())
    def go_out(self, pieces: int, meanwhile: str, somebody: bool) -> None:
        """All of them or none; none as well where one of the shards has changed since."""
        draws = removed(OF, self.stock, pieces, self.taken)
        assert (draws is None) == (self.there < pieces)
        if draws is None:
            return
        assert sum(draw.points for draw in draws) == pieces
        assert all(draw.points > 0 for draw in draws)
        assert len({draw.shard for draw in draws}) == len(draws)
        if somebody:
            self.takes(meanwhile)
        before = self.taken.copy()
        if all(self._drawn(draw) for draw in draws):
            self.there -= pieces
        else:
            assert somebody
            self.taken = before

    @invariant()
    def never_one_too_many(self) -> None:
        assert self.there >= 0
        assert left(self.stock, self.taken) == self.there
        assert all(self.taken[shard] <= held for shard, held in enumerate(portions(self.stock.pieces)))

    def _drawn(self, draw: Draw) -> bool:
        """The write, as the table makes it."""
        assert (draw.rule, draw.shard in range(SHARDS)) == (OF, True)
        if self.taken[draw.shard] > draw.room:
            return False
        self.taken[draw.shard] += draw.points
        return True

    def _had(self, draw: Draw) -> None:
        assert draw.points == 1
        self.had.append(draw)
        self.there -= 1


TestShelf = ShelfMachine.TestCase
TestShelf.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@given(st.integers(0, 100_000))
def test_the_shards_hold_all_pieces_evenly(pieces: int) -> None:
    held = portions(pieces)
    assert (len(held), sum(held)) == (SHARDS, pieces)
    assert max(held) - min(held) <= 1


@given(st.integers(1, 100), Members)
def test_a_member_tries_the_same_shard_first_and_one_that_holds_something(pieces: int, member: str) -> None:
    draw = first_try(OF, Stock(pieces), member)
    assert draw == first_try(OF, Stock(pieces), member)
    assert draw
    assert draw.room == portions(pieces)[draw.shard] - 1 >= 0
    if pieces >= SHARDS:
        assert draw == piece(OF, Stock(pieces), member, {})
        assert draw.shard == zlib.crc32(member.encode()) % SHARDS


def test_members_spread_over_the_shards() -> None:
    draws = [first_try(OF, Stock(160), f"mem_{i}") for i in range(400)]
    assert len({draw.shard for draw in draws if draw}) == SHARDS


def test_where_a_shard_is_empty_the_next_ones_are_looked_at_in_turn() -> None:
    first = zlib.crc32(b"mem_1") % SHARDS
    empty = dict.fromkeys(range(SHARDS), 2)
    assert piece(OF, Stock(32), "mem_1", empty) is None
    before = (first - 1) % SHARDS
    assert piece(OF, Stock(32), "mem_1", empty | {before: 1}) == Draw(OF, before, 1, 1)
    after = (first + 1) % SHARDS
    assert piece(OF, Stock(32), "mem_1", empty | {before: 1, after: 0}) == Draw(OF, after, 1, 1)


def test_pieces_go_out_of_the_fullest_shards_on_the_condition_that_nobody_was_there_meanwhile() -> None:
    taken = {0: -5, 1: 1, 2: 2}
    assert removed(OF, Stock(32), 8, taken) == [Draw(OF, 0, 7, -5), Draw(OF, 3, 1, 0)]
    assert removed(OF, Stock(32), 35, taken) is None


def test_a_shelf_from_which_more_was_taken_than_a_later_version_has_is_empty_and_not_less() -> None:
    taken = {0: 9, 1: 0}
    assert left(Stock(16), taken) == 15
    assert sum(draw.points for draw in removed(OF, Stock(16), 15, taken) or []) == 15
    assert removed(OF, Stock(16), 16, taken) is None


@pytest.mark.parametrize(
    ("per", "of"),
    [
        ("ever", "stock.voucher-5"),
        ("day", "stock.voucher-5/day@2026-11-21"),
        ("month", "stock.voucher-5/month@2026-11-01"),
        ("fiscal", "stock.voucher-5/fiscal@2026-03-01"),
    ],
)
def test_every_period_has_a_shelf_of_its_own(per: PeriodKind, of: str) -> None:
    program = a_program(fiscal_year=(3, 1))
    assert shelf(a_reward(), Stock(5, per), program, TODAY) == of
    assert (shelf(a_reward(), Stock(5, per), program, date(2028, 1, 1)) == of) == (per == "ever")


# --- where one redemption takes its piece from ---------------------------------------------------------------------


def asked(shelf: Shelf, program: Program) -> Posting:
    posting = Posting("redeemed", Change(), NOW, program_version=7, reward=an_issued_reward())
    return shelf.with_a_piece(posting, an_account(), program, NOW)


def of_stock(stock: Stock | None) -> Program:
    return a_program(rewards=[replace(a_reward(), stock=stock)])


def the_shelf_says(taken: dict[int, int], monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    looks: list[Any] = []

    def drawn(*asked: object) -> dict[int, int]:
        looks.append(asked)
        return taken

    monkeypatch.setattr(ledger, "drawn", drawn)
    return looks


def test_nothing_is_read_before_a_piece_was_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = the_shelf_says({}, monkeypatch)
    shelf, program = Shelf(), of_stock(Stock(160))
    [draw] = asked(shelf, program).draws
    assert (draw.rule, looks) == ("stock.voucher-5", [])
    assert list(asked(shelf, program).draws) == [draw]
    assert looks == [("stock.voucher-5", SHARDS)]


def test_what_has_no_stock_is_never_sold_out(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = the_shelf_says({}, monkeypatch)
    assert asked(Shelf(), of_stock(None)).draws == ()
    assert looks == []


def test_a_reward_that_begins_with_no_pieces_can_be_had_once_some_are_added(monkeypatch: pytest.MonkeyPatch) -> None:
    the_shelf_says({}, monkeypatch)
    with pytest.raises(RewardSoldOutError):
        asked(Shelf(), of_stock(Stock(0)))
    the_shelf_says({4: -1}, monkeypatch)
    assert asked(Shelf(), of_stock(Stock(0))).draws == [Draw("stock.voucher-5", 4, 1, -1)]
