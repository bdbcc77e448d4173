"""Accounts and entries as table items. Short attribute names: a ten-line purchase must stay within one write unit."""

from datetime import date
from typing import Any

from functions.ledger.account import Account, Balance, Entry, IssuedReward, Line, Operation, Posting, Reason
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
        "pending": account.pending,
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
        status=item["status"],
        tier=item["tier"],
        latest=tuple(item["latest"]),
        source=item["source"],
        enrolled_at=from_text(item["enrolled_at"]),
        updated_at=from_text(item["updated_at"]),
    )


def entry_to_item(entry: Entry) -> Item:
    posting, operation = entry.posting, entry.operation
    item: Item = {
        "operation": operation.key,
        "hash": operation.payload_hash,
        "source": operation.source,
        "correlation": operation.correlation_id,
        "member": entry.member,
        "n": entry.n,
        "kind": posting.kind,
        "lots": dict(posting.lots),
        "active": entry.balance_after.active,
        "pending": entry.balance_after.pending,
        "tier": entry.tier_after,
        "occurred_at": to_text(posting.occurred_at),
        "recorded_at": to_text(entry.recorded_at),
        "version": posting.program_version,
        "why": [_reason_to_list(reason) for reason in posting.explanation],
    }
    if posting.lines:
        item["lines"] = [[line.id, line.quantity, line.amount, line.points] for line in posting.lines]
    if posting.currency:
        item["currency"] = posting.currency
    if posting.reward:
        item["reward"] = _reward_to_item(posting.reward)
    return item


def entry_from_item(item: Item) -> Entry:
    posting = Posting(
        kind=item["kind"],
        lots=item["lots"],
        occurred_at=from_text(item["occurred_at"]),
        program_version=item["version"],
        explanation=tuple(_reason_from_list(reason) for reason in item["why"]),
        lines=tuple(Line(*line) for line in item.get("lines", ())),
        reward=_reward_from_item(item["reward"]) if "reward" in item else None,
        currency=item.get("currency"),
    )
    return Entry(
        operation=operation_from_item(item),
        member=item["member"],
        n=item["n"],
        posting=posting,
        balance_after=Balance(item["active"], item["pending"]),
        tier_after=item["tier"],
        recorded_at=from_text(item["recorded_at"]),
    )


def operation_from_item(item: Item) -> Operation:
    kind, _, rest = item["operation"].partition("#")
    operation_id = rest if kind == "redemption" else rest.removeprefix(f"{item['source']}#")
    return Operation(kind, item["source"], operation_id, item["hash"], item["correlation"])


def _reason_to_list(reason: Reason) -> list[Any]:
    lines = dict(reason.lines)
    if not reason.condition:
        return [reason.rule, reason.applied, reason.points, lines]
    return [reason.rule, reason.applied, reason.points, lines, reason.condition, dict(reason.facts)]


def _reason_from_list(stored: list[Any]) -> Reason:
    return Reason(*stored)


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
