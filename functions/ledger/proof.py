"""Proof of a balance: the account again, from nothing but its entries. Pure, and it holds one account at a time."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from functions.ledger.account import Account, Entry
from functions.ledger.booking import booked


@dataclass(frozen=True, slots=True)
class Proof:
    """What the entries of one member say.

    `owned`: the sum of their points. `drawn`: from budgets and stocks, by their names. `drift`: what disagrees first,
    None where all agrees. `rebuilt`: the account as its entries make it, None where they make none.
    """

    member: str
    entries: int
    earned: int
    redeemed: int
    owned: int
    drawn: Mapping[str, int]
    drift: str | None
    rebuilt: Account | None


def prove(account: Account, entries: Iterable[Entry]) -> Proof:
    """Book the entries, in the order of `n`, on an empty account, and compare every step and the end."""
    first = [step for step in account.tiers if step.since == account.enrolled_at and len(account.tiers) == 1]
    rebuilt: Account | None = replace(
        account, n=0, lots={}, pending={}, holds={}, debt=0, counters={}, tiers=tuple(first), status="active"
    )
    drift: str | None = None
    n = earned = redeemed = owned = 0
    drawn: Counter[str] = Counter()
    for entry in entries:
        n += 1
        owned += entry.posting.points
        earned += entry.posting.points if entry.posting.kind == "earned" else 0
        redeemed -= entry.posting.points if entry.posting.kind == "redeemed" else 0
        for draw in entry.posting.draws:
            drawn[draw.rule] += draw.points
        if rebuilt:
            rebuilt, drift = _booked(rebuilt, entry)
    if rebuilt and not drift:
        drift = _difference(account, rebuilt)
    return Proof(account.member, n, earned, redeemed, owned, drawn, drift, rebuilt)


def _booked(so_far: Account, entry: Entry) -> tuple[Account | None, str | None]:
    """The account after one more entry; None and the reason, where it cannot be."""
    n = so_far.n + 1
    if entry.n != n:
        return None, f"entry {n} is missing: the next one is {entry.n}"
    try:
        after = booked(so_far, entry.posting)
    except ValueError as error:
        return None, f"entry {n} takes what was not there: {error}"
    balance = after.balance(entry.booked_on)
    if balance != entry.balance_after:
        return None, f"entry {n} says {entry.balance_after}, the entries up to it say {balance}"
    return after, None


def _difference(account: Account, rebuilt: Account) -> str | None:
    if account.n != rebuilt.n:
        return f"the account counts {account.n} entries, there are {rebuilt.n}"
    for name in ("lots", "pending", "holds", "debt", "counters", "tiers", "status", "traits"):
        held, proved = getattr(account, name), getattr(rebuilt, name)
        if held != proved:
            return f"the account's {name} are {held}, its entries make {proved}"
    return None
