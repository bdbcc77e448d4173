"""Postings are booked: the account after one, and the entry that it becomes. Pure.

Whoever decides sees what an account would be (`changed`, `summed`, `booked`); only `post` makes the entry.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from typing import Any

from functions.ledger.account import (
    Account,
    Change,
    Count,
    Entry,
    MemberStatus,
    Operation,
    OperationKind,
    Posting,
    total_of,
)
from functions.ledger.lots import merged
from functions.program.periods import GOAL_KEPT_DAYS, KEPT_DAYS, LIMIT_KEPT_DAYS
from functions.runtime.errors import MemberClosedError, MemberSuspendedError

_STILL_POSSIBLE: Mapping[MemberStatus, frozenset[OperationKind]] = {
    "suspended": frozenset(
        {
            "return",
            "confirmation",
            "adjustment",
            "activation",
            "expiry",
            "review",
            "grace",
            "release",
            "refund",
            "fulfilment",
            "change",
        }
    ),
    "closed": frozenset(),
    "merged": frozenset(),
}


def check_status(account: Account, kind: OperationKind) -> None:
    """Raises MemberSuspendedError or MemberClosedError where the member's state does not allow the operation: who is
    suspended earns and spends nothing, and nothing happens to who is gone."""
    if account.status == "active" or kind in _STILL_POSSIBLE[account.status]:
        return
    if account.status != "suspended":
        raise MemberClosedError("This member has left.")
    raise MemberSuspendedError("This member is suspended: nothing is earned or spent meanwhile.")


def changed(account: Account, change: Change) -> Account:
    """The account after a change. Raises ValueError if anything would go below zero: the decision was wrong then."""
    return replace(account, **_parts(account, change))


def _parts(account: Account, change: Change) -> dict[str, Any]:
    """The parts of the account that a change touches, after it."""
    parts: dict[str, Any] = {}
    if change.lots:
        parts["lots"] = merged(account.lots, change.lots)
    if change.pending:
        parts["pending"] = merged(account.pending, change.pending)
    if change.holds:
        holds = {hold: merged(account.holds.get(hold, {}), lots) for hold, lots in change.holds.items()}
        parts["holds"] = {hold: lots for hold, lots in {**account.holds, **holds}.items() if lots}
    if change.debt:
        parts["debt"] = account.debt + change.debt
        if parts["debt"] < 0:
            raise ValueError(f"the debt would be {parts['debt']}")
    return parts


def summed(counters: Mapping[str, int], counts: Sequence[Count]) -> dict[str, int]:
    """The counters after what an entry counts, with nothing forgotten."""
    after = dict(counters)
    for key, lines, whole, kept in counts:
        after[key] = after.get(key, 0) + total_of(lines) + whole + kept
    return after


def counted(counters: Mapping[str, int], counts: Sequence[Count], day: date) -> Mapping[str, int]:
    """The counters after what an entry counts, without those of periods so long before `day`, when it occurred, that
    nothing looks back at them any more."""
    if not counts:
        return counters
    after = summed(counters, counts)
    if len(after) == len(counters) and all(after.values()):
        return after  # nothing is forgotten before something new comes
    ordinal = day.toordinal()
    if min(map(_kept_until, after)) >= ordinal and all(after.values()):
        return after
    return {key: value for key, value in after.items() if value and _kept_until(key) >= ordinal}


@lru_cache(maxsize=100_000)
def _kept_until(key: str) -> int:
    """The last day (as an ordinal) on which something may look back at a counter."""
    name, _, first = key.partition("@")
    if not first:
        return date.max.toordinal()
    kept = LIMIT_KEPT_DAYS if name.startswith(_LIMITS) else GOAL_KEPT_DAYS if name.startswith("goal.") else KEPT_DAYS
    return date.fromisoformat(first).toordinal() + kept[name.rpartition("/")[2]]


_LIMITS = ("rule.", "group.", "all.")


def booked(account: Account, posting: Posting) -> Account:
    """The account with a posting in it. Raises ValueError as `changed`."""
    parts = _parts(account, posting.change)
    return Account(
        account.member,
        account.enrolled_at,
        account.updated_at,
        account.source,
        (posting.member and posting.member.status) or account.status,
        account.tiers if posting.tiers is None else posting.tiers,
        account.n + 1,
        account.revision,
        parts.get("lots", account.lots),
        parts.get("pending", account.pending),
        parts.get("holds", account.holds),
        parts.get("debt", account.debt),
        account.latest,
        counted(account.counters, posting.counts, posting.occurred_at.date()),
        (posting.member and posting.member.traits) or account.traits,
        (posting.member and posting.member.merged_into) or account.merged_into,
        account.active_on,
        account.passed_on,
        account.due_on,
    )


ACTIVE_BY = frozenset({"purchase", "activity", "redemption", "use"})
"""Operations by which a member shows some activity."""


def _active_on(account: Account, posting: Posting, operation: Operation, zone: tzinfo) -> date | None:
    day = posting.occurred_at.astimezone(zone).date()
    if operation.kind not in ACTIVE_BY or (account.active_on and account.active_on > day):
        return account.active_on
    return day


def post(
    account: Account, posting: Posting, operation: Operation, now: datetime, zone: tzinfo = UTC
) -> tuple[Account, Entry]:
    """Book a posting. `zone`: where the programme's days begin. Raises ValueError as `changed`."""
    today = now.astimezone(zone).date()
    after = replace(
        booked(account, posting),
        revision=account.revision + 1,
        latest=(operation.key,),
        updated_at=now,
        active_on=_active_on(account, posting, operation, zone),
    )
    entry = Entry(operation, account.member, after.n, posting, after.balance(today), after.tier, now, today)
    return after, entry
