"""Accounts and entries as table items. Short attribute names: a ten-line purchase must stay within one write unit."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date
from typing import Any

from functions.ledger.account import (
    OWN_IDS,
    Account,
    Balance,
    Change,
    Count,
    Draw,
    Entry,
    Line,
    MemberChange,
    Operation,
    Posting,
    Reason,
    Returned,
    Reversal,
    TierStep,
    Traits,
)
from functions.ledger.awaited_items import awaiting_from_item, hold_shard
from functions.ledger.by_line import plain
from functions.ledger.reward_items import (
    reward_from_item,
    reward_to_item,
    use_from_item,
    use_to_item,
    withdrawal_from_item,
    withdrawal_to_item,
)
from functions.runtime.instants import from_text, to_text
from functions.runtime.tables import Item

ACCOUNT = "A"
PUBLISHED = "P"


def account_key(member: str) -> Item:
    return {"member": member, "part": ACCOUNT}


def published_key(member: str) -> Item:
    return {"member": member, "part": PUBLISHED}


def account_to_item(account: Account) -> Item:
    return (
        account_key(account.member)
        | {
            "n": account.n,
            "revision": account.revision,
            "lots": dict(account.lots),
            "pending": dict(account.pending),
            "holds": {hold: dict(lots) for hold, lots in account.holds.items()},
            "debt": account.debt,
            "status": account.status,
            "tiers": [_step_to_list(step) for step in account.tiers],
            "counters": dict(account.counters),
            "latest": list(account.latest),
            "source": account.source,
            "enrolled_at": to_text(account.enrolled_at),
            "updated_at": to_text(account.updated_at),
        }
        | ({"traits": _traits_to_item(account.traits)} if account.traits != Traits() else {})
        | ({"merged_into": account.merged_into} if account.merged_into else {})
        | {name: day.isoformat() for name in _DAYS if (day := getattr(account, name))}
        | ({"due": due_shard(account.member)} if account.due_on else {})
    )


_DAYS = ("active_on", "passed_on", "due_on")
DUE_SHARDS = tuple(f"{i:02}" for i in range(16))
"""Parts of the index of what is due, so that none of them is written too often."""


def due_shard(member: str) -> str:
    return DUE_SHARDS[zlib.crc32(member.encode()) % len(DUE_SHARDS)]


def _step_to_list(step: TierStep) -> list[Any]:
    stored = [step.tier, to_text(step.since), step.until.isoformat() if step.until else None]
    return [*stored, dict(step.counted), step.given] if step.counted or step.given else stored


def _step_from_list(stored: list[Any]) -> TierStep:
    tier, since, until, *more = stored
    return TierStep(tier, from_text(since), date.fromisoformat(until) if until else None, *more)


def _traits_to_item(traits: Traits) -> Item:
    item = asdict(traits) | {"segments": list(traits.segments), "attributes": dict(traits.attributes)}
    if not traits.imported:
        del item["imported"]  # of most accounts nothing to say
    return item


def _traits_from_item(item: Item) -> Traits:
    return Traits(**(item | {"segments": tuple(item["segments"])}))


def account_from_item(item: Item) -> Account:
    return Account(
        member=item["member"],
        n=item["n"],
        revision=item["revision"],
        lots=item["lots"],
        pending=item["pending"],
        holds=item["holds"],
        debt=item["debt"],
        status=item["status"],
        tiers=tuple(_step_from_list(step) for step in item["tiers"]),
        counters=item["counters"],
        traits=_traits_from_item(item["traits"]) if "traits" in item else Traits(),
        merged_into=item.get("merged_into"),
        latest=tuple(item["latest"]),
        source=item["source"],
        enrolled_at=from_text(item["enrolled_at"]),
        updated_at=from_text(item["updated_at"]),
        **{name: date.fromisoformat(item[name]) for name in _DAYS if name in item},
    )


def entry_to_item(entry: Entry) -> Item:
    posting, operation, balance = entry.posting, entry.operation, entry.balance_after
    ids = [line.id for line in posting.lines]
    item: Item = {
        "operation": operation.key,
        "hash": operation.payload_hash,
        "source": operation.source,
        "correlation": operation.correlation_id,
        "member": entry.member,
        "n": entry.n,
        "kind": posting.kind,
        "change": _change_to_item(posting.change),
        "balance": [balance.active, balance.pending, balance.held, balance.debt],
        "tier": entry.tier_after,
        "occurred_at": to_text(posting.occurred_at),
        "recorded_at": to_text(entry.recorded_at),
        "version": posting.program_version,
        "why": [_reason_to_list(reason, ids) for reason in posting.explanation],
    }
    if entry.booked_on != entry.recorded_at.astimezone(UTC).date():
        item["booked_on"] = entry.booked_on.isoformat()
    return item | _optional_parts(posting)


def _optional_parts(posting: Posting) -> Item:
    """What most entries have little of: left out where there is nothing."""
    item: Item = {
        "lines": [list(line) for line in posting.lines],
        "currency": posting.currency,
        "counts": [_count_to_list(count, posting.lines) for count in posting.counts],
        "issued": [reward_to_item(reward) for reward in posting.issued],
        "draws": [[draw.rule, draw.shard, draw.points, draw.room] for draw in posting.draws],
        "referrer": posting.referrer,
        "withdrawn": [withdrawal_to_item(one) for one in posting.withdrawn],
        "activity": posting.activity,
        "unconfirmed": posting.unconfirmed,
        "note": posting.note,
        "about": member_to_item(posting.member) if posting.member else None,
        "reward": reward_to_item(posting.reward) if posting.reward else None,
        "used": use_to_item(posting.used) if posting.used else None,
        "until": to_text(posting.until) if posting.until else None,
        "reversal": _reversal_to_item(posting.reversal) if posting.reversal else None,
    }
    if posting.made is not None:
        item["made"] = _change_to_item(posting.made)
    if posting.tiers is not None:
        item |= {"tiers": [_step_to_list(step) for step in posting.tiers], "tier_before": posting.tier_before}
    if posting.until and posting.reward:
        item |= {"awaited": hold_shard(posting.reward.redemption), "report_at": item["until"]}
    return {name: value for name, value in item.items() if value or name in {"made", "tiers"}}


def _reversal_to_item(reversal: Reversal) -> Item:
    return asdict(reversal) | {"returned": returned_to_item(reversal.returned)}


def entry_from_item(item: Item) -> Entry:
    lines = tuple(Line(*line) for line in item.get("lines", ()))
    ids = [line.id for line in lines]
    posting = Posting(
        kind=item["kind"],
        change=_change_from_item(item["change"]),
        occurred_at=from_text(item["occurred_at"]),
        program_version=item["version"],
        explanation=tuple(_reason_from_list(reason, ids) for reason in item["why"]),
        lines=lines,
        reward=reward_from_item(item["reward"]) if "reward" in item else None,
        reversal=_reversal_from_item(item["reversal"]) if "reversal" in item else None,
        currency=item.get("currency"),
        made=_change_from_item(item["made"]) if "made" in item else None,
        counts=tuple(_count_from_list(count, lines) for count in item.get("counts", ())),
        tiers=tuple(_step_from_list(step) for step in item["tiers"]) if "tiers" in item else None,
        tier_before=item.get("tier_before"),
        issued=tuple(reward_from_item(reward) for reward in item.get("issued", ())),
        draws=tuple(Draw(*draw) for draw in item.get("draws", ())),
        referrer=item.get("referrer"),
        withdrawn=tuple(withdrawal_from_item(one) for one in item.get("withdrawn", ())),
        activity=item.get("activity"),
        unconfirmed=item.get("unconfirmed", False),
        note=item.get("note"),
        member=_member_from_item(item["about"]) if "about" in item else None,
        used=use_from_item(item["used"]) if "used" in item else None,
        until=from_text(item["until"]) if "until" in item else None,
    )
    recorded_at = from_text(item["recorded_at"])
    return Entry(
        operation=operation_from_item(item),
        member=item["member"],
        n=item["n"],
        posting=posting,
        balance_after=Balance(*item["balance"]),
        tier_after=item["tier"],
        recorded_at=recorded_at,
        booked_on=date.fromisoformat(item["booked_on"]) if "booked_on" in item else recorded_at.date(),
        reversals=item.get("reversals", 0),
        returned=_returned_from_item(item.get("returned", {})),
        awaited_by=tuple(awaiting_from_item(item)),
    )


def is_entry(item: Item) -> bool:
    """Not the record of a refusal, and not the place of a purchase that returns wait for."""
    return "kind" in item


def returned_to_item(returned: Mapping[str, Returned]) -> Item:
    return {line: [back.quantity, back.points] for line, back in returned.items()}


def _returned_from_item(item: Item) -> dict[str, Returned]:
    return {line: Returned(*back) for line, back in item.items()}


def _reversal_from_item(item: Item) -> Reversal:
    return Reversal(**(item | {"returned": _returned_from_item(item["returned"])}))


def _change_to_item(change: Change) -> Item:
    """What is empty is left out: most entries change one lot."""
    item: Item = {
        "lots": dict(change.lots),
        "pending": dict(change.pending),
        "holds": {hold: dict(lots) for hold, lots in change.holds.items()},
        "debt": change.debt,
    }
    return {name: value for name, value in item.items() if value}


def _change_from_item(item: Item) -> Change:
    return Change(item.get("lots", {}), item.get("pending", {}), item.get("holds", {}), item.get("debt", 0))


def operation_from_item(item: Item) -> Operation:
    kind, _, rest = item["operation"].partition("#")
    operation_id = rest.removeprefix(f"{item['source']}#") if kind in OWN_IDS else rest
    return Operation(kind, item["source"], operation_id, item["hash"], item["correlation"])


def _reason_to_list(reason: Reason, ids: Sequence[str]) -> list[Any]:
    """Points by line as a list in the order of the purchase's lines where they are its lines: a fifth of the size."""
    points, skipped = plain(reason.lines), plain(reason.skipped)
    lines: Any = points
    if (points or skipped) and {*points, *skipped} <= set(ids):
        lines = [points.get(line, _SHORT.get(skipped.get(line, ""), 0)) for line in ids]
    stored = [reason.rule, reason.applied, reason.points, lines]
    if reason.condition or reason.facts or reason.into:
        stored += [reason.condition, dict(reason.facts)]
    return [*stored, reason.into] if reason.into else stored


def _reason_from_list(stored: list[Any], ids: Sequence[str]) -> Reason:
    rule, applied, points, lines, *rest = stored
    condition: str | None = rest[0] if rest else None
    facts: Item = rest[1] if rest else {}
    into: str | None = rest[2] if len(rest) > 2 else None
    skipped: dict[str, str] = {}
    if isinstance(lines, list):
        by_line = list(zip(ids, lines, strict=True))
        skipped = {line: _LONG[share] for line, share in by_line if isinstance(share, str)}
        lines = {line: share for line, share in by_line if share and not isinstance(share, str)}
    return Reason(rule, applied, points, lines, condition, facts, skipped, into)


_SHORT = {
    "sku": "s",
    "category": "c",
    "brand": "b",
    "discounted": "d",
    "attributes": "a",
    "cel": "e",
    "another_gives_more": "m",
    "another_comes_first": "f",
}
_LONG = {short: long for long, short in _SHORT.items()}
"""Why a line did not count, in one letter: it is said for every rule and line."""


def _count_to_list(count: Count, lines: Sequence[Line]) -> list[Any]:
    """By line in the order of the purchase's lines; where it is just their amounts or points, only that is said."""
    by_line: Any = plain(count.lines)
    if by_line and set(by_line) <= {line.id for line in lines}:
        by_line = [by_line.get(line.id, 0) for line in lines]
        if by_line == [line.amount for line in lines]:
            by_line = _AMOUNTS
        elif by_line == [line.points for line in lines]:
            by_line = _POINTS
    if not count.whole and not count.kept:
        return [count.key, by_line]
    return [count.key, by_line, count.whole, count.kept]


def _count_from_list(stored: list[Any], lines: Sequence[Line]) -> Count:
    key, by_line, *rest = stored
    if by_line == _AMOUNTS:
        by_line = [line.amount for line in lines]
    elif by_line == _POINTS:
        by_line = [line.points for line in lines]
    if isinstance(by_line, list):
        by_line = {line.id: value for line, value in zip(lines, by_line, strict=True) if value}
    return Count(key, by_line, *rest)


_AMOUNTS, _POINTS = "amount", "points"


def member_to_item(change: MemberChange) -> Item:
    traits = {"traits": _traits_to_item(change.traits)} if change.traits else {}
    named = {"what": change.what, "fields": list(change.fields), "before": dict(change.before)}
    return named | {"after": dict(change.after), "status": change.status, "merged_into": change.merged_into} | traits


def _member_from_item(item: Item) -> MemberChange:
    traits = _traits_from_item(item["traits"]) if "traits" in item else None
    return MemberChange(**(item | {"fields": tuple(item["fields"]), "traits": traits}))
