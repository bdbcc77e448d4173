"""Rewards as table items: what entries say of them, vouchers by their code, what was drawn from budgets and stocks."""

import zlib
from dataclasses import asdict
from datetime import date

from functions.ledger.rewards import Basis, IssuedReward, Use, Voucher, Withdrawal
from functions.runtime.tables import Item

CHANGES = "changes"
"""Counts the changes of a voucher: a writer must have seen the latest."""
SPENT = "spent"
BUDGET, STOCK_CHANGE = "B", "R"
"""What keys begin with: of what was drawn from budgets and stocks, and of pieces that came in."""


def withdrawal_to_item(one: Withdrawal) -> Item:
    voucher = one.voucher
    return {"reward": reward_to_item(voucher.reward), "seen": voucher.changes, "left": one.left}


def withdrawal_from_item(item: Item) -> Withdrawal:
    return Withdrawal(Voucher(reward_from_item(item["reward"]), "", item["seen"]), item["left"])


def use_to_item(use: Use) -> Item:
    voucher = use.voucher
    return {
        "reward": reward_to_item(voucher.reward),
        "member": voucher.member,
        "seen": voucher.changes,
        "version": voucher.version,
        "uses": voucher.uses,
        "paid": use.paid,
        "left": use.left,
        "used_up": use.used_up,
        "lines": dict(use.lines),
    }


def use_from_item(item: Item) -> Use:
    voucher = Voucher(
        reward_from_item(item["reward"]),
        item["member"],
        item["seen"],
        version=item["version"],
        uses=item["uses"],
    )
    return Use(voucher, item["paid"], item["left"], item["used_up"], item["lines"])


def reward_to_item(reward: IssuedReward) -> Item:
    item: Item = {
        "redemption": reward.redemption,
        "reward": reward.reward,
        "kind": reward.kind,
        "value": reward.value,
        "currency": reward.currency,
        "code": reward.code,
        "valid_until": reward.valid_until.isoformat() if reward.valid_until else None,
        "valid_from": reward.valid_from.isoformat() if reward.valid_from else None,
    }
    rare: Item = {
        "basis": asdict(reward.basis) if reward.basis else None,
        "money": reward.money,
        "fulfilment": reward.fulfilment if reward.fulfilment != "code" else None,
        "reference": reward.reference,
    }
    return item | {name: value for name, value in rare.items() if value}


def reward_from_item(item: Item) -> IssuedReward:
    days = {name: date.fromisoformat(item[name]) if item[name] else None for name in ("valid_from", "valid_until")}
    basis = {"basis": Basis(**item["basis"])} if "basis" in item else {}
    return IssuedReward(**(item | days | basis))


def budget_key(rule: str, shard: int) -> Item:
    """Where is counted what was drawn from a shard of a rule's budget."""
    return {"key": f"{BUDGET}#{rule}#{shard}"}


def stock_change_key(source: str, key: str) -> Item:
    """Where is noted that pieces came in or went out."""
    return {"key": f"{STOCK_CHANGE}#{source}#{key}"}


def voucher_key(code: str) -> Item:
    return {"key": f"V#{code}"}


ENDING_SHARDS = tuple(str(i) for i in range(8))
"""Parts of the index of vouchers by their last day: all that a goal gives in a month may end on one."""


def voucher_to_item(reward: IssuedReward, member: str, version: int) -> Item:
    """A reward with a code, as it is looked up by it, and, if it ends, found on that day."""
    assert reward.code
    item = reward_to_item(reward) | {"member": member, "version": version}
    del item["code"]
    if reward.valid_until:
        shard = ENDING_SHARDS[zlib.crc32(reward.code.encode()) % len(ENDING_SHARDS)]
        item |= {"ends": shard, "ends_on": reward.valid_until.isoformat()}
    return voucher_key(reward.code) | item


def voucher_from_item(item: Item) -> Voucher:
    own = ("key", "member", CHANGES, "withdrawn", "version", "uses", "paid", "used_up", "ends", "ends_on")
    reward = {name: value for name, value in item.items() if name not in own} | {"code": item["key"][2:]}
    return Voucher(
        reward_from_item(reward),
        item["member"],
        item.get(CHANGES, 0),
        item.get("withdrawn", False),
        item["version"],
        item.get("uses", 0),
        item.get("paid", 0),
        item.get("used_up", False),
    )
