"""Stock of rewards in the tables: what was taken of it, taking a piece, adding some.

STOCK of a reward    counted beside the budgets of rules: what was taken, by shard
R#<source>#<key>     pieces that came in or went out: what a repeat of the call is answered from
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from functions.ledger import store as ledger
from functions.ledger.account import Account, Draw, Posting
from functions.ledger.reward_items import stock_change_key
from functions.ledger.rewards import IssuedReward
from functions.program import stock as pieces
from functions.program import store as programs
from functions.program.model import Program, Reward, Stock
from functions.program.periods import day_in
from functions.redemption.spending import on_offer
from functions.runtime import clock, tables
from functions.runtime.errors import (
    FieldError,
    InvalidError,
    OperationIdReusedError,
    RewardSoldOutError,
    StockTooLowError,
    TryAgainError,
)

_ATTEMPTS = 10


class Shelf:
    """Where one redemption takes its piece from. The first time nothing is read: the piece is taken on the condition
    that it is there. Only if it was not, or if all there are were added, is looked at where there is one."""

    def __init__(self) -> None:
        self._look = False

    def with_a_piece(self, posting: Posting, account: Account, program: Program, now: datetime) -> Posting:
        """The posting with a piece drawn for it. Raises RewardSoldOutError."""
        reward = program.rewards[_given(posting).reward]
        if reward.stock is None:
            return posting
        of = pieces.shelf(reward, reward.stock, program, day_in(now, program.zone))
        draw = self._piece(of, reward.stock, account.member)
        if draw is None:
            raise RewardSoldOutError(f"There is nothing left of {reward.id}.")
        return replace(posting, draws=[draw])

    def _piece(self, of: str, stock: Stock, member: str) -> Draw | None:
        if not self._look:
            self._look = True
            if guess := pieces.first_try(of, stock, member):
                return guess
        return pieces.piece(of, stock, member, ledger.drawn(of, pieces.SHARDS))


class Level(NamedTuple):
    """How many pieces of a reward there are."""

    reward: str
    left: int
    replayed: bool = False


def left(reward: Reward, program: Program, now: datetime) -> int | None:
    """How many pieces there are; None where they are not counted."""
    if reward.stock is None:
        return None
    of = pieces.shelf(reward, reward.stock, program, day_in(now, program.zone))
    return pieces.left(reward.stock, ledger.drawn(of, pieces.SHARDS))


def change(reward_id: str, more: int, source: str, key: str) -> Level:
    """Put pieces on the shelf, or take some away (negative), once.

    Raises RewardNotFoundError, InvalidError for a reward whose pieces are not counted, StockTooLowError where there are
    not so many, OperationIdReusedError, TryAgainError.
    """
    now, program = clock.now(), programs.active()
    reward = on_offer(program, reward_id)
    if reward.stock is None:
        raise InvalidError([FieldError("/change", "stock", f"{reward_id} has no stock in the programme.")])
    of = pieces.shelf(reward, reward.stock, program, day_in(now, program.zone))
    record = stock_change_key(source, key) | {
        "reward": reward_id,
        "shelf": of,
        "change": more,
        "at": clock.to_text(now),
    }
    for attempt in range(_ATTEMPTS):
        if existing := tables.get("rewards", stock_change_key(source, key), consistent=True):
            return _replayed(existing, reward_id, more)
        taken = ledger.drawn(of, pieces.SHARDS)
        draws = pieces.added(of, more) if more > 0 else pieces.removed(of, reward.stock, -more, taken)
        if draws is None:
            there = pieces.left(reward.stock, taken)
            raise StockTooLowError(f"{there} pieces are left.", left=there)
        level = Level(reward_id, pieces.left(reward.stock, _with(draws, taken)))
        try:
            put = tables.Put("rewards", record | {"left": level.left}, key="key")
            tables.transact([put, *map(ledger.drawing, draws)])
        except tables.CancelledError:
            clock.pause(0.02 * 2**attempt)
            continue
        return level
    raise TryAgainError("The stock is in demand. Nothing was written; repeat the call with the same key.")


def _replayed(existing: tables.Item, reward_id: str, more: int) -> Level:
    """What a change that was made before was answered, whatever became of the stock since."""
    if (existing["reward"], existing["change"]) != (reward_id, more):
        raise OperationIdReusedError("This Idempotency-Key was used for another change.")
    return Level(reward_id, existing["left"], replayed=True)


def _with(draws: Sequence[Draw], taken: Mapping[int, int]) -> Mapping[int, int]:
    """What is taken by shard, after these draws."""
    return {**taken, **{draw.shard: taken.get(draw.shard, 0) + draw.points for draw in draws}}


def _given(posting: Posting) -> IssuedReward:
    assert posting.reward
    return posting.reward
