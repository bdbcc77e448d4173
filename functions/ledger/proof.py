"""Proof of a balance: the account again, from nothing but its entries. Pure, and it holds one account at a time."""

from collections.abc import Iterable
from dataclasses import dataclass

from functions.ledger.account import Account, Balance, Entry
from functions.ledger.lots import merged, spendable


@dataclass(frozen=True, slots=True)
class Proof:
    """What the entries of one member say. `drift`: what disagrees with the account first; None where all agrees."""

    member: str
    entries: int
    earned: int
    redeemed: int
    drift: str | None


def prove(account: Account, entries: Iterable[Entry]) -> Proof:
    """Book the entries, in the order of `n`, on an empty account, and compare every step and the end."""
    lots: dict[str, int] = {}
    n = earned = redeemed = 0
    drift = None
    for entry in entries:
        n += 1
        points = entry.posting.points
        earned += max(points, 0)
        redeemed += max(-points, 0)
        drift = drift or _disagreement(entry, n, lots)
        lots = _booked(lots, entry)
    drift = drift or _difference(account, n, lots)
    return Proof(account.member, n, earned, redeemed, drift)


def _disagreement(entry: Entry, n: int, lots: dict[str, int]) -> str | None:
    if entry.n != n:
        return f"entry {n} is missing: the next one is {entry.n}"
    try:
        after = merged(lots, entry.posting.lots)
    except ValueError as error:
        return f"entry {n} takes what was not there: {error}"
    balance = Balance(sum(spendable(after, entry.recorded_at.date()).values()), entry.balance_after.pending)
    if balance != entry.balance_after:
        return f"entry {n} says the balance is {entry.balance_after.active}, the entries up to it say {balance.active}"
    return None


def _booked(lots: dict[str, int], entry: Entry) -> dict[str, int]:
    """The lots after an entry, below zero where the entry takes too much, so that the rest can still be compared."""
    changed = {day: lots.get(day, 0) + points for day, points in entry.posting.lots.items()}
    return {day: points for day, points in (lots | changed).items() if points}


def _difference(account: Account, n: int, lots: dict[str, int]) -> str | None:
    if account.n != n:
        return f"the account counts {account.n} entries, there are {n}"
    if dict(account.lots) != lots:
        return f"the account holds {dict(account.lots)}, its entries make {lots}"
    return None
