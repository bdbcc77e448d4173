"""How points move: every verb of the ledger, from an account to the change it makes. Pure.

    earn          -> lots or pending        hold     lots -> held
    activate      pending -> lots           capture  held ->, a part of it -> lots
    confirm       pending -> lots
    spend         lots ->                   release  held -> lots
    expire        lots ->                   adjust   -> lots, or lots ->
    take_back     pending, lots, debt ->    give_back  -> the very lots they came from
    relocate      lots -> other lots

What comes into the lots pays the debt first (`_settled`). All raise ValueError where a number is not what it must be,
InsufficientPointsError where the account has too little, HoldNotFoundError where a hold is resolved already.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Literal, NamedTuple

from functions.ledger.account import Account, Change
from functions.ledger.lots import (
    Lots,
    due,
    expired,
    lot_of,
    merged,
    negative,
    pending_key,
    take,
    take_up_to,
    total,
)
from functions.runtime.errors import (
    AlreadyHeldError,
    HoldNotFoundError,
    InsufficientPointsError,
    PointsSpentError,
    RedemptionsOpenError,
)

UNCONFIRMED = date.max
"""The day on which points become active that wait until they are confirmed."""

DebtPolicy = Literal["carry", "forgive", "block"]
"""When a purchase is returned whose points are spent: owe them, keep them, or refuse the return."""


class Earned(NamedTuple):
    """Points in the lot `expires`; pending until `activates_on` if that is still to come."""

    points: int
    expires: str
    activates_on: date | None = None


def earn(account: Account, parts: Sequence[Earned], today: date) -> Change:
    """New points, each part into its lot."""
    incoming: dict[str, int] = {}
    pending: dict[str, int] = {}
    for part in parts:
        _check(part.points)
        if part.activates_on and part.activates_on > today:
            pending = merged(pending, {pending_key(part.activates_on, part.expires): part.points})
        else:
            incoming[part.expires] = incoming.get(part.expires, 0) + part.points
    if not account.debt:
        return Change(lots={day: points for day, points in incoming.items() if points}, pending=pending)
    settled = _settled(account, incoming)
    return Change(lots=settled.lots, pending=pending, debt=settled.debt)


def relocate(account: Account, days: Mapping[str, str]) -> Change:
    """Move whole lots to other days, the pending points that will lie in them as well."""
    lots: dict[str, int] = {}
    pending: dict[str, int] = {}
    for old, new in days.items():
        if old == new:
            continue
        if points := account.lots.get(old, 0):
            lots = merged_signed(lots, {old: -points, new: points})
        for key, points in account.pending.items():
            if lot_of(key) == old:
                pending = merged_signed(pending, {key: -points, f"{key.partition('>')[0]}>{new}": points})
    return Change(lots=_not_nothing(lots), pending=_not_nothing(pending))


def together(one: Change, other: Change) -> Change:
    """Two changes, one after the other, as one."""
    holds = {
        hold: merged_signed(one.holds.get(hold, {}), other.holds.get(hold, {})) for hold in {**one.holds, **other.holds}
    }
    return Change(
        lots=_not_nothing(merged_signed(one.lots, other.lots)),
        pending=_not_nothing(merged_signed(one.pending, other.pending)),
        holds=holds,
        debt=one.debt + other.debt,
    )


def _not_nothing(lots: Lots) -> dict[str, int]:
    return {day: points for day, points in lots.items() if points}


def activate(account: Account, today: date) -> Change:
    """Every pending bucket whose day has come, into its lot. Empty if there is none."""
    return _activated(account, due(account.pending, today), {})


def confirm(account: Account, given: Change, last_day: str, today: date) -> Change:
    """What an unconfirmed earning left pending, into its lots; to `last_day` where they are over by now.

    Lots may have moved to later days since: then it is taken from what waits there.
    """
    waiting, mine = _unconfirmed(account.pending), _unconfirmed(given.pending)
    wanted = total(mine)
    taken = _out_of(waiting, mine, wanted)
    taken = merged_signed(taken, _out_of(merged(waiting, taken), waiting, wanted + total(taken)))
    over = {lot_of(key): last_day for key in taken if lot_of(key) < today.isoformat()}
    return _activated(account, negative(_not_nothing(taken)), over)


def _unconfirmed(pending: Lots) -> dict[str, int]:
    return {key: points for key, points in pending.items() if key.startswith(UNCONFIRMED.isoformat())}


def _activated(account: Account, buckets: Lots, instead: Mapping[str, str]) -> Change:
    """Pending buckets into their lots, or into others `instead` of those."""
    incoming: dict[str, int] = {}
    for key, points in buckets.items():
        lot = lot_of(key)
        incoming = merged(incoming, {instead.get(lot, lot): points})
    settled = _settled(account, incoming)
    return Change(lots=settled.lots, pending=negative(buckets), debt=settled.debt)


def spend(account: Account, points: int, today: date) -> Change:
    """Points out of the lots that expire first."""
    return Change(lots=_taken(account, points, today))


def hold(account: Account, redemption: str, points: int, today: date) -> Change:
    """Set points aside, out of the lots that expire first; they remember their lots."""
    if redemption in account.holds:
        raise AlreadyHeldError("The points for this redemption are held already.")
    lots = _taken(account, points, today)
    return Change(lots=lots, holds={redemption: negative(lots)})


def capture(account: Account, redemption: str, points: int | None = None) -> Change:
    """A hold becomes final, or `points` of it, of those that expire first; the rest goes back to its lots."""
    held = _held(account, redemption)
    rest = {} if points is None else merged(held, negative(_first(held, points)))
    settled = _settled(account, rest)
    return Change(lots=settled.lots, holds={redemption: negative(held)}, debt=settled.debt)


def release(account: Account, redemption: str) -> Change:
    """A hold is given up: the points go back to the lots they came from, with their days."""
    lots = _held(account, redemption)
    settled = _settled(account, lots)
    return Change(lots=settled.lots, holds={redemption: negative(lots)}, debt=settled.debt)


def expire(account: Account, today: date) -> Change:
    """Every lot whose last day is over. Empty if there is none."""
    return Change(lots=negative(expired(account.lots, today)))


def adjust(account: Account, points: int, expires: str, today: date) -> Change:
    """Points given by hand in the lot `expires`, or taken by hand (negative), as a spending takes them."""
    if points < 0:
        return spend(account, -points, today)
    return _settled(account, {expires: points}) if points else Change()


def hand_over(account: Account) -> Change:
    """Everything out of an account: what is active, pending, held and owed."""
    held = {hold: negative(lots) for hold, lots in account.holds.items()}
    return Change(lots=negative(account.lots), pending=negative(account.pending), holds=held, debt=-account.debt)


def take_over(account: Account, other: Account, today: date) -> Change:
    """Everything of another account: in its lots, with their days. What one owes, the points of the other pay."""
    settled = _settled(account, other.lots)
    paid = take_up_to(merged(account.lots, settled.lots), other.debt, today)
    lots = _not_nothing(merged_signed(settled.lots, paid))
    return Change(lots=lots, pending=other.pending, holds=other.holds, debt=settled.debt + other.debt + total(paid))


def forfeit(account: Account) -> Change:
    """All of a member who leaves, also what the member owes. Raises RedemptionsOpenError while points are held."""
    if account.holds:
        raise RedemptionsOpenError("Capture or cancel what is held first.")
    return hand_over(account)


def give_back(
    account: Account, taken: Change, points: int | None = None, before: int = 0, instead: tuple[date, str] | None = None
) -> Change:
    """Undo a spending or a captured hold: the very lots it took, with their days.

    `points`: only so many, of which it took last, after those `before` that came back already. `instead`: what has
    expired before this day goes into that lot.
    """
    spent = _spent(taken)
    left = total(spent) - before
    stays = 0 if points is None else left - points
    lots = merged(_first(spent, left), negative(_first(spent, stays)))
    if instead:
        today, lot = instead
        over = expired(lots, today)
        lots = merged(merged(lots, negative(over)), {lot: total(over)})
    return _settled(account, lots)


def _spent(taken: Change) -> Lots:
    """What a spending took of which lot; of a captured hold, what did not go back."""
    for held in taken.holds.values():
        return _first(negative(held), -taken.points)
    return negative(taken.lots)


def _first(lots: Lots, points: int) -> dict[str, int]:
    """The first `points` of some lots, in their order."""
    part: dict[str, int] = {}
    for day in sorted(lots):
        part[day] = min(lots[day], points - total(part))
    return {day: count for day, count in part.items() if count}


def take_back(
    account: Account, given: Change, points: int, policy: DebtPolicy, today: date, *, lots_move: bool = False
) -> tuple[Change, int]:
    """Take back `points` of what an earning gave; the change, and how many points the policy forgave.

    First what is still pending, then out of the very lots it made; where the programme lets lots move to later days,
    then out of any lot, for that is where they may lie. What is not there any more was spent: the policy says what
    happens. Where the lot it made is past its last day, the rest may as well have expired, and is forgiven. Raises
    PointsSpentError under the policy `block`.
    """
    _check(points)
    pending = _out_of(account.pending, given.pending, points)
    missing = points + total(pending)
    if lots_move:
        days = {key.partition(">")[0] for key in given.pending}
        waiting = {key: held for key, held in account.pending.items() if key.partition(">")[0] in days}
        elsewhere = _out_of(merged(waiting, {key: p for key, p in pending.items() if key in waiting}), waiting, missing)
        pending = merged_signed(pending, elsewhere)
        missing += total(elsewhere)
    made = merged(dict(given.lots), {})
    for key, pending_points in given.pending.items():
        made = merged(made, {lot_of(key): pending_points + pending.get(key, 0)})
    # What paid a debt when it was earned never lay in a lot: it is owed again.
    lots = _out_of(account.lots, made, missing)
    missing += total(lots)
    if lots_move:
        moved = take_up_to(merged(account.lots, lots), missing, today)
        lots = merged_signed(lots, moved)
        missing += total(moved)
    gone = bool(made) and all(day < today.isoformat() for day in made)
    owed = 0 if gone else _owed(account, missing, policy)
    others = take_up_to(merged(account.lots, lots), owed, today)
    change = Change(lots=merged_signed(lots, others), pending=pending, debt=owed + total(others))
    return change, missing - owed


def left_of(given: Change, taken: int) -> Change:
    """What an earning made, less `taken` points that were taken back of it: in the order in which `take_back` does."""
    pending = _out_of(given.pending, given.pending, taken)
    lots = _out_of(given.lots, given.lots, taken + total(pending))
    return Change(lots=merged(given.lots, lots), pending=merged(given.pending, pending), debt=given.debt)


def parted(given: Change, points: int) -> tuple[Change, Change]:
    """What an earning made, in two: all but `points` of it, and those, the ones that expire last. What waits to be
    confirmed is not among them."""
    waiting = _unconfirmed(given.pending)
    pending = {key: held for key, held in given.pending.items() if key not in waiting}
    rest = left_of(Change(lots=given.lots, pending=pending), points)
    part = Change(lots=merged(given.lots, negative(rest.lots)), pending=merged(pending, negative(rest.pending)))
    paid_debt = points - part.points
    return Change(rest.lots, {**rest.pending, **waiting}, debt=given.debt + paid_debt), replace(part, debt=-paid_debt)


def _owed(account: Account, missing: int, policy: DebtPolicy) -> int:
    """How much of the points that are not there any more the member owes.

    Held points are not spent: where spent ones are forgiven, these are owed, or a member could hold points, return what
    they came from, and have them back.
    """
    if policy == "block" and missing:
        raise PointsSpentError(f"{missing} points to take back are spent.", missing=missing)
    if policy == "forgive":
        return min(missing, sum(total(held) for held in account.holds.values()))
    return missing


def merged_signed(one: Lots, other: Lots) -> dict[str, int]:
    """Two signed changes of lots as one."""
    days = dict.fromkeys([*one, *other])
    return {day: one.get(day, 0) + other.get(day, 0) for day in days}


def _check(points: int) -> None:
    if points < 0:
        raise ValueError(f"{points} points cannot move")


def _taken(account: Account, points: int, today: date) -> dict[str, int]:
    _check(points)
    active = account.balance(today).active
    if active < points:
        missing = points - active
        raise InsufficientPointsError(
            f"{points} points are needed; {missing} are missing.", required=points, missing=missing
        )
    return take(account.lots, points, today)


def _held(account: Account, redemption: str) -> Lots:
    if redemption not in account.holds:
        raise HoldNotFoundError("The redemption is not held: it was captured, cancelled or timed out before.")
    return account.holds[redemption]


def _settled(account: Account, incoming: Mapping[str, int]) -> Change:
    """What comes in, less what it pays of the debt: out of the points that expire first."""
    left = account.debt
    lots: dict[str, int] = {}
    for day, points in sorted(incoming.items()):
        paid = min(left, points)
        left -= paid
        if points > paid:
            lots[day] = points - paid
    return Change(lots=lots, debt=left - account.debt)


def _out_of(buckets: Lots, made: Mapping[str, int], points: int) -> dict[str, int]:
    """The signed change that takes up to `points` out of the buckets something made, latest first: those that expire
    first were the first to be spent."""
    change: dict[str, int] = {}
    for key in sorted(made, reverse=True):
        taken = min(buckets.get(key, 0), made[key], points)
        if taken > 0:
            change[key] = -taken
            points -= taken
    return change
