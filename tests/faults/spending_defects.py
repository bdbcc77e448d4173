"""Mistakes about what points buy, as in `defects.py`: each changes one thing, and the simulator must see it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeAlias
from unittest.mock import patch

from functions.ledger import committing, movements
from functions.ledger import store as ledger
from functions.ledger.account import Account, Change, Draw, Entry, Operation, Posting
from functions.ledger.identity import Identity
from functions.ledger.movements import give_back
from functions.ledger.rewards import Use, Voucher
from functions.program import stock as pieces
from functions.program.model import Stock
from functions.redemption import fulfilling, refunding, spending, stocking
from functions.redemption import store as redemption
from functions.runtime import tables
from functions.runtime.envelope import SOURCE
from functions.runtime.errors import HoldNotFoundError

Defect: TypeAlias = Callable[[], AbstractContextManager[Any]]


def capture_ignores_the_time() -> AbstractContextManager[Any]:
    """A hold is captured whenever it is still there."""
    real = spending.decide_capture

    def decide(account: Account, held: Entry, *more: Any) -> Posting:
        return real(account, replace(held, posting=replace(held.posting, until=None)), *more)

    return patch.object(redemption, "decide_capture", decide)


def holds_end_too_early() -> AbstractContextManager[Any]:
    """The sweep ends all that is held, whatever the time."""

    def due(_now: datetime) -> Iterator[str]:
        yield from real(datetime.max.replace(tzinfo=_now.tzinfo))

    real = ledger.holds_due
    return patch.object(ledger, "holds_due", due)


def holds_never_end() -> AbstractContextManager[Any]:
    """The sweep takes a hold off its list before it ends it, and does not live to end it."""
    real = redemption.find_redemption

    def find(wanted: str) -> spending.Redeemed:
        ledger.hold_settled(wanted)
        return real(wanted)

    return patch.object(redemption, "find_redemption", find)


def sweep_cancels_what_was_captured() -> AbstractContextManager[Any]:
    """The sweep gives the points of a hold back, whatever became of it."""
    real, looked = spending.decide_release, redemption.find_redemption

    def decide(account: Account, held: Entry, now: datetime) -> Posting:
        try:
            return real(account, held, now)
        except HoldNotFoundError:
            [lots] = held.posting.change.holds.values()
            return replace(real(_holding(account, held), held, now), change=Change(lots=lots))

    def find(wanted: str) -> spending.Redeemed:
        found = looked(wanted)
        opened = ledger.find(Operation("redemption", "", wanted, "", "").key)
        return replace(found, entry=opened) if opened else found

    return _both(patch.object(redemption, "decide_release", decide), patch.object(redemption, "find_redemption", find))


def _holding(account: Account, held: Entry) -> Account:
    return replace(account, holds={**account.holds, **held.posting.change.holds})


@contextmanager
def _both(one: AbstractContextManager[Any], other: AbstractContextManager[Any]) -> Iterator[None]:
    with one, other:
        yield


def released_without_the_piece() -> AbstractContextManager[Any]:
    """A hold that is given up keeps its piece of the stock."""
    return _without_draws("decide_release")


def refunded_without_the_piece() -> AbstractContextManager[Any]:
    """What is refunded stays out of the stock."""
    return _without_draws("decide_refund")


def _without_draws(name: str) -> AbstractContextManager[Any]:
    real: Callable[..., Posting] = getattr(redemption, name)

    def decide(*given: Any) -> Posting:
        return replace(real(*given), draws=())

    return patch.object(redemption, name, decide)


def piece_back_on_another_shelf() -> AbstractContextManager[Any]:
    """A piece comes back, and is put where the first one lies."""

    def put_back(draw: Draw) -> Draw:
        return replace(real(draw), shard=0)

    real = pieces.put_back
    return _both(patch.object(spending, "put_back", put_back), patch.object(refunding, "put_back", put_back))


def stock_without_condition() -> AbstractContextManager[Any]:
    """Pieces are counted, and nobody looks whether there were any."""
    real = tables.Add.wire

    def wire(self: tables.Add) -> Any:
        return real(replace(self, most=10**12) if "stock." in self.key["key"] else self)

    return patch.object(tables.Add, "wire", wire)


def stock_looked_at_and_believed() -> AbstractContextManager[Any]:
    """Whether there is a piece is read first, and then it is taken without a condition."""

    def piece(self: stocking.Shelf, of: str, stock: Stock, member: str) -> Draw | None:
        found = pieces.piece(of, stock, member, ledger.drawn(of, pieces.SHARDS))
        return replace(found, room=10**12) if found else None

    return patch.object(stocking.Shelf, "_piece", piece)


def stock_removed_without_condition() -> AbstractContextManager[Any]:
    """Pieces are taken off the shelf that somebody has taken meanwhile."""
    real = pieces.removed

    def removed(of: str, stock: Stock, count: int, taken: Mapping[int, int]) -> list[Draw] | None:
        draws = real(of, stock, count, taken)
        return draws and [replace(draw, room=10**12) for draw in draws]

    return patch.object(pieces, "removed", removed)


def stock_put_in_twice() -> AbstractContextManager[Any]:
    """Pieces that come in are not written down, so a repeat puts them in again."""
    real = tables.transact

    def transact(writes: Sequence[tables.Write]) -> None:
        real([w for w in writes if not (isinstance(w, tables.Put) and str(w.item.get("key", "")).startswith("R#"))])

    return patch.object(tables, "transact", transact)


def gone_for_one_shard() -> AbstractContextManager[Any]:
    """Where a member's first shard is empty, all is."""

    def piece(of: str, stock: Stock, member: str, taken: Mapping[int, int]) -> Draw | None:
        first = pieces.first_try(of, stock, member)
        return first if first and taken.get(first.shard, 0) <= first.room else None

    return patch.object(pieces, "piece", piece)


def refund_ignores_earlier_ones() -> AbstractContextManager[Any]:
    """Every refund sees the redemption as it was before any."""
    real = refunding.decide_refund

    def decide(account: Account, opened: Entry, captured: Entry, *more: Any) -> Posting:
        posting = real(account, opened, replace(captured, returned={}), *more)
        assert posting.reversal
        return posting

    return patch.object(redemption, "decide_refund", decide)


def refund_into_other_lots() -> AbstractContextManager[Any]:
    """The points come back, into the lots that expire first instead of those that they came from."""

    def back(
        account: Account, taken: Change, points: int | None = None, before: int = 0, instead: Any = None
    ) -> Change:
        change = give_back(account, taken, points, before, instead)
        return replace(change, lots={min(change.lots): sum(change.lots.values())} if change.lots else {})

    return patch.object(refunding, "give_back", back)


def refund_ignores_the_uses() -> AbstractContextManager[Any]:
    """A voucher is used, and then the points for it come back."""
    real = refunding.decide_refund

    def decide(account: Account, opened: Entry, captured: Entry, voucher: Voucher | None, *more: Any) -> Posting:
        return real(account, opened, captured, replace(voucher, uses=0) if voucher else None, *more)

    return patch.object(redemption, "decide_refund", decide)


def refund_leaves_the_voucher() -> AbstractContextManager[Any]:
    """The points come back, and the voucher goes on being worth what it was."""
    real = refunding.decide_refund

    def decide(*given: Any) -> Posting:
        return replace(real(*given), withdrawn=())

    return patch.object(redemption, "decide_refund", decide)


@contextmanager
def refund_keeps_that_nothing_is_captured() -> Iterator[None]:
    """A refund that comes before its capture is refused for ever."""
    look, refund = redemption._final, refunding.decide_refund

    def final(opened: Entry) -> Entry:
        try:
            return look(opened)
        except HoldNotFoundError:
            return opened

    def decide(account: Account, opened: Entry, captured: Entry, *more: Any) -> Posting:
        if captured.posting.kind == "held":
            raise HoldNotFoundError("Nothing is captured.")
        return refund(account, opened, captured, *more)

    with patch.object(redemption, "_final", final), patch.object(redemption, "decide_refund", decide):
        yield


def used_as_it_was_looked_up() -> AbstractContextManager[Any]:
    """A voucher is used as a cheap read saw it, and what became of it since is written over."""
    real, find = tables.Amend.wire, ledger.find_voucher

    def wire(self: tables.Amend) -> Any:
        request: Any = real(self)
        if "uses" not in self.values:
            return request
        update = {name: part for name, part in request["Update"].items() if name != "ConditionExpression"}
        values = {name: part for name, part in update["ExpressionAttributeValues"].items() if name != ":seen"}
        return {"Update": update | {"ExpressionAttributeValues": values}}

    def cheap(code: str, *, consistent: bool = False) -> Voucher | None:
        return find(code)

    return _both(patch.object(tables.Amend, "wire", wire), patch.object(ledger, "find_voucher", cheap))


def used_without_paying() -> AbstractContextManager[Any]:
    """What a voucher paid is not taken from its value."""
    real = committing._using

    def using(use: Use) -> tables.Write:
        return real(replace(use, left=use.voucher.reward.value, used_up=False))

    return patch.object(committing, "_using", using)


def handed_over_and_given_up() -> AbstractContextManager[Any]:
    """A person says that it was handed over, and the points come back because it could not be."""
    real = redemption._refunded

    def refunded(wanted: str, operation: Operation, points: int | None, because: str | None = None) -> Any:
        return real(wanted, operation, points)

    return patch.object(redemption, "_refunded", refunded)


def handed_over_after_the_refund() -> AbstractContextManager[Any]:
    """What was refunded is handed over all the same."""
    real = spending.decide_fulfilment

    def decide(captured: Entry, *more: Any) -> Posting:
        return real(replace(captured, returned={}), *more)

    return patch.object(fulfilling, "decide_fulfilment", decide)


def limits_count_what_came_to_nothing() -> AbstractContextManager[Any]:
    """What was cancelled counts as had."""
    return patch.object(spending, "taken_off", lambda _opened: [])


def captured_for_all_that_is_held() -> AbstractContextManager[Any]:
    """A part is captured, and the rest does not come back."""
    real = movements.capture

    def capture(account: Account, held: str, _points: int | None = None) -> Change:
        return real(account, held)

    return patch.object(spending, "capture", capture)


def swept_under_another_id() -> AbstractContextManager[Any]:
    """What ends by itself is another operation than what is cancelled: a hold is resolved by both."""
    real = redemption.cancel

    def cancel(wanted: str, source: str, correlation_id: str) -> spending.Redeemed:
        if source != SOURCE:
            return real(wanted, source, correlation_id)
        opened = ledger.find(Operation("redemption", "", wanted, "", "").key)
        assert opened

        def decide(account: Account, now: datetime) -> Posting:
            return replace(
                spending.decide_release(_holding(account, opened), opened, now),
                change=Change(lots=next(iter(opened.posting.change.holds.values()))),
            )

        ended = Operation("release", SOURCE, f"{wanted}-expired", "", correlation_id)
        committed = committing.commit(committing.Request(ended, Identity("id", opened.member), decide))
        return spending.Redeemed(committed.entry, spending.reward_of(opened), "expired", committed.replayed)

    return patch.object(redemption, "cancel", cancel)


SPENDING_DEFECTS: Mapping[str, Defect] = {
    "a capture ignores the time of its hold": capture_ignores_the_time,
    "holds are ended before their time": holds_end_too_early,
    "a hold is taken off the list before it is ended": holds_never_end,
    "the sweep cancels what was captured": sweep_cancels_what_was_captured,
    "the sweep ends holds under an id of its own": swept_under_another_id,
    "a released hold keeps its piece": released_without_the_piece,
    "a refund keeps the piece": refunded_without_the_piece,
    "a piece comes back to another shard": piece_back_on_another_shelf,
    "a piece is taken without its condition": stock_without_condition,
    "a piece that was seen is taken without a condition": stock_looked_at_and_believed,
    "pieces are taken off the shelf without a condition": stock_removed_without_condition,
    "pieces that come in are not written down": stock_put_in_twice,
    "an empty shard is taken for an empty shelf": gone_for_one_shard,
    "a refund ignores earlier refunds": refund_ignores_earlier_ones,
    "a refund gives other lots back": refund_into_other_lots,
    "a refund ignores the uses of the voucher": refund_ignores_the_uses,
    "a refund leaves the voucher": refund_leaves_the_voucher,
    "a refund before the capture is refused for ever": refund_keeps_that_nothing_is_captured,
    "a voucher is used as a cheap read saw it": used_as_it_was_looked_up,
    "a voucher pays and keeps its value": used_without_paying,
    "what was handed over can be given up": handed_over_and_given_up,
    "what was refunded can be handed over": handed_over_after_the_refund,
    "a limit counts what came to nothing": limits_count_what_came_to_nothing,
    "a part is captured and the rest is lost": captured_for_all_that_is_held,
}
