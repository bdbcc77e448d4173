"""Accounts and entries as table items. Short attribute names: a ten-line purchase must stay within one write unit."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

from functions.ledger.account import (
    OWN_IDS,
    Account,
    Balance,
    Change,
    Entry,
    IssuedReward,
    Line,
    Operation,
    Posting,
    Reason,
    Returned,
    Reversal,
)
from functions.runtime.clock import from_text, to_text
from functions.runtime.tables import Item

ACCOUNT = "A"
PUBLISHED = "P"


def account_key(member: str) -> Item:
    return {"member": member, "part": ACCOUNT}


def published_key(member: str) -> Item:
    return {"member": member, "part": PUBLISHED}


def account_to_item(account: Account) -> Item:
    return account_key(account.member) | {
        "n": account.n,
        "revision": account.revision,
        "lots": dict(account.lots),
        "pending": dict(account.pending),
        "holds": {hold: dict(lots) for hold, lots in account.holds.items()},
        "debt": account.debt,
        "status": account.status,
        "tier": account.tier,
        "latest": list(account.latest),
        "source": account.source,
        "enrolled_at": to_text(account.enrolled_at),
        "updated_at": to_text(account.updated_at),
    }


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
        tier=item["tier"],
        latest=tuple(item["latest"]),
        source=item["source"],
        enrolled_at=from_text(item["enrolled_at"]),
        updated_at=from_text(item["updated_at"]),
    )


def entry_to_item(entry: Entry) -> Item:
    posting, operation, balance = entry.posting, entry.operation, entry.balance_after
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
        "why": [_reason_to_list(reason, [line.id for line in posting.lines]) for reason in posting.explanation],
    }
    if posting.lines:
        item["lines"] = [[line.id, line.quantity, line.amount, line.points] for line in posting.lines]
    if posting.currency:
        item["currency"] = posting.currency
    if posting.reward:
        item["reward"] = _reward_to_item(posting.reward)
    if posting.reversal:
        item["reversal"] = asdict(posting.reversal) | {"returned": returned_to_item(posting.reversal.returned)}
    return item


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
        reward=_reward_from_item(item["reward"]) if "reward" in item else None,
        reversal=_reversal_from_item(item["reversal"]) if "reversal" in item else None,
        currency=item.get("currency"),
    )
    return Entry(
        operation=operation_from_item(item),
        member=item["member"],
        n=item["n"],
        posting=posting,
        balance_after=Balance(*item["balance"]),
        tier_after=item["tier"],
        recorded_at=from_text(item["recorded_at"]),
        reversals=item.get("reversals", 0),
        returned=_returned_from_item(item.get("returned", {})),
    )


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
    lines: Any = dict(reason.lines)
    if lines and set(lines) <= set(ids):
        lines = [reason.lines.get(line, 0) for line in ids]
    if not reason.condition and not reason.facts:
        return [reason.rule, reason.applied, reason.points, lines]
    return [reason.rule, reason.applied, reason.points, lines, reason.condition, dict(reason.facts)]


def _reason_from_list(stored: list[Any], ids: Sequence[str]) -> Reason:
    rule, applied, points, lines, *rest = stored
    if isinstance(lines, list):
        lines = {line: share for line, share in zip(ids, lines, strict=True) if share}
    return Reason(rule, applied, points, lines, *rest)


def _reward_to_item(reward: IssuedReward) -> Item:
    return {
        "redemption": reward.redemption,
        "reward": reward.reward,
        "kind": reward.kind,
        "value": reward.value,
        "currency": reward.currency,
        "code": reward.code,
        "valid_until": reward.valid_until.isoformat() if reward.valid_until else None,
    }


def _reward_from_item(item: Item) -> IssuedReward:
    valid_until = date.fromisoformat(item["valid_until"]) if item["valid_until"] else None
    return IssuedReward(**(item | {"valid_until": valid_until}))
