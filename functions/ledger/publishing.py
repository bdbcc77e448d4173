"""From committed changes to events on the bus: at least once, in the order of `n` for each member.

The stream of the accounts table drives it: one item per member, so its records come in order. A record tells the new
`n` and the operations behind it; the entries are read by key. When the events are on the bus, the mark `P` beside the
account moves to that `n`. The sweeper looks for accounts whose mark lags: what a stream lost is published all the same.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, takewhile
from typing import Any

from botocore.exceptions import ClientError

from functions.ledger import events, items, store
from functions.ledger.account import Account
from functions.runtime import bus, tables
from functions.runtime.bus import PublishError
from functions.runtime.envelope import OutboundEvent
from functions.runtime.observability import logger

_IN_FLIGHT = timedelta(seconds=30)
"""A change this young is still on its way through the stream."""


@dataclass(frozen=True, slots=True)
class Change:
    """A committed change of an account; `n_before` is -1 when it was opened."""

    account: Account
    n_before: int


def publish_changes(records: Iterable[Mapping[str, Any]]) -> None:
    """Publish what the stream records of accounts say was committed. Raises PublishError or ClientError."""
    changes = [_change(record) for record in records]
    keys = {key for change in changes for key in _operations(change)}
    entries = {
        entry.operation.key: entry
        for entry in map(items.entry_from_item, tables.get_many("entries", [{"operation": key} for key in keys]))
    }
    told: list[OutboundEvent] = []
    for change in changes:
        if change.n_before < 0:
            told.append(events.of_opening(change.account))
        for key in _operations(change):
            told += events.of_entry(entries[key])
    bus.publish(told)
    for member, (n_before, n) in _spans(changes).items():
        _mark(member, n_before, n)
    logger.info("changes_published", accounts=len(changes), events=len(told))


def _change(record: Mapping[str, Any]) -> Change:
    account = items.account_from_item(tables.from_wire(record["NewImage"]))
    before = record.get("OldImage")
    return Change(account, int(before["n"]["N"]) if before else -1)


def _operations(change: Change) -> Iterable[str]:
    return change.account.latest if change.account.n > change.n_before else ()


def _spans(changes: Iterable[Change]) -> dict[str, tuple[int, int]]:
    """From which `n` to which these changes took each member."""
    spans: dict[str, tuple[int, int]] = {}
    for change in changes:
        if change.account.n > change.n_before:
            start, _ = spans.get(change.account.member, (change.n_before, 0))
            spans[change.account.member] = start, change.account.n
    return spans


def _mark(member: str, n_before: int, n: int) -> None:
    """Move the mark from `n_before` to `n`: everything up to there is published.

    A mark that is behind `n_before` stays: a change before this one was lost, and the sweeper must still find it. One
    that is beyond `n` stays too: this change was published before.
    """
    seamless = "attribute_not_exists(#n) OR #n < :n" if n_before < 0 else "#n >= :before AND #n < :n"
    values = {"n": n} if n_before < 0 else {"n": n, "before": n_before}
    tables.update("accounts", items.published_key(member), "SET #n = :n", seamless, values)


def publish_forgotten(now: datetime) -> int:
    """Publish what the stream did not, for every account whose mark lags; how many accounts there were.

    One that cannot be published does not keep the others waiting: what it raises is raised at the end.
    """
    lagging = 0
    failed: list[PublishError | ClientError] = []
    for account, published in _marks():
        if account.n <= published or now - account.updated_at < _IN_FLIGHT:
            continue
        lagging += 1
        try:
            _catch_up(account, published)
        except (PublishError, ClientError) as error:
            logger.exception("sweep_stumbled", member=account.member)
            failed.append(error)
    logger.info("sweep", lagging=lagging, failed=len(failed))
    if failed:
        raise failed[0]
    return lagging


def _catch_up(account: Account, published: int) -> None:
    first = max(published, 0) + 1
    # The index may lag behind the table: what follows a gap waits for the next sweep, or the mark would hide the gap.
    found = enumerate(store.since(account.member, first - 1), first)
    entries = [entry for n, entry in takewhile(lambda pair: pair[0] == pair[1].n, found)]
    opening = [events.of_opening(account)] if published < 0 else []
    bus.publish(opening + [event for entry in entries for event in events.of_entry(entry)])
    _mark(account.member, published, max((entry.n for entry in entries), default=max(published, 0)))
    logger.warning("changes_republished", member=account.member, entries=len(entries))


def _marks() -> Iterator[tuple[Account, int]]:
    """Every account with the `n` up to which it is published; -1 where not even its opening is."""
    for _, parts in groupby(tables.scan("accounts"), key=lambda item: item["member"]):
        found = {item["part"]: item for item in parts}
        published = found[items.PUBLISHED]["n"] if items.PUBLISHED in found else -1
        if items.ACCOUNT in found:
            yield items.account_from_item(found[items.ACCOUNT]), published
