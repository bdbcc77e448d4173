"""Accounts and entries in DynamoDB: what is read of them, and the little that is noted without an entry.

Points change in `committing.py` and `pairing.py` alone.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime

from functions.ledger import items
from functions.ledger.account import Account, Draw, Entry, MemberChange, Operation
from functions.ledger.awaited_items import HOLD_SHARDS
from functions.ledger.identity import Identity
from functions.ledger.reward_items import SPENT, budget_key, voucher_from_item, voucher_key
from functions.ledger.rewards import Voucher
from functions.program import store as programs
from functions.program.due import DAY, next_due
from functions.program.periods import day_in
from functions.runtime import clock, tables
from functions.runtime.errors import MemberNotFoundError, ProgramNotActiveError
from functions.runtime.tables import Add, Put, Write


def resolve(identity: Identity) -> str:
    """The member an identity belongs to. Raises MemberNotFoundError."""
    if identity.kind == "id":
        return identity.value
    member: str = claim_of(identity)["member"]
    return member


def claim_of(identity: Identity) -> tables.Item:
    claim = tables.get("members", {"key": identity.claim_key()})
    claim = claim or tables.get("members", {"key": identity.claim_key()}, consistent=True)
    if claim is None:
        raise MemberNotFoundError(f"No member has this {identity.kind}.")
    return claim


def load(member: str, *, consistent: bool = False) -> Account:
    """The account, by default as a cheap read sees it. Raises MemberNotFoundError, never for want of consistency."""
    item = tables.get("accounts", items.account_key(member), consistent=consistent)
    if item is None and not consistent:
        return load(member, consistent=True)
    if item is None:
        raise MemberNotFoundError("No member has this id.")
    return items.account_from_item(item)


def find(operation_key: str, *, consistent: bool = True) -> Entry | None:
    """The entry that an operation made, if it made one.

    What has been taken back of it may be a moment old where `consistent` is False, at half the price.
    """
    item = tables.get("entries", {"operation": operation_key}, consistent=consistent)
    if item is None and not consistent:
        return find(operation_key)
    return items.entry_from_item(item) if item and items.is_entry(item) else None


def standing(account: Account) -> Account:
    """The account itself, or the one that has it all where it was merged into another."""
    while account.merged_into:
        account = load(account.merged_into)
    return account


def find_voucher(code: str, *, consistent: bool = False) -> Voucher | None:
    """What a code stands for."""
    item = tables.get("rewards", voucher_key(code), consistent=consistent)
    return voucher_from_item(item) if item else None


def holds_due(now: datetime) -> Iterator[str]:
    """Ids of redemptions whose hold should have ended by itself, as the index has them."""
    condition = "#awaited = :awaited AND #report_at <= :now"
    for shard in HOLD_SHARDS:
        values = {"awaited": shard, "now": clock.to_text(now)}
        for item in tables.query("entries", condition, values, index="awaited"):
            yield items.operation_from_item(item).id


def first_hold_due() -> datetime | None:
    """When the next hold ends by itself."""
    found = (
        next(iter(tables.query("entries", "#awaited = :awaited", {"awaited": shard}, index="awaited", limit=1)), None)
        for shard in HOLD_SHARDS
    )
    return min((clock.from_text(item["report_at"]) for item in found if item), default=None)


def hold_settled(redemption: str) -> None:
    """Take a hold that has ended, however it did, out of the index of those that are to end."""
    key = {"operation": Operation("redemption", "", redemption, "", "").key}
    change = "REMOVE #awaited, #report_at"
    tables.update("entries", key, change, "attribute_exists(#operation)", {})


def drawn(rule: str, shards: int) -> dict[int, int]:
    """What was drawn from the budget of a rule, by shard."""
    keys = {budget_key(rule, shard)["key"]: shard for shard in range(shards)}
    found = tables.get_many("rewards", [{"key": key} for key in keys])
    return {keys[item["key"]]: item[SPENT] for item in found}


def drawing(draw: Draw) -> Write:
    """The write that draws from a budget or from a stock."""
    return Add("rewards", budget_key(draw.rule, draw.shard), SPENT, draw.points, draw.room)


def opening(account: Account) -> Put:
    """The write that opens an account, for the transaction that enrols its member."""
    return Put("accounts", items.account_to_item(with_due(account, None, account.enrolled_at)), key="member")


def with_due(after: Account, due_before: date | None, now: datetime) -> Account:
    """The account with the next day on which time has something to do for it: an earlier one than before, if there is
    one. A later one is not written: whoever comes for nothing on that day finds the right one."""
    try:
        program = programs.in_force(after.member, now)
    except ProgramNotActiveError:
        return after
    yesterday = day_in(now, program.zone) - DAY
    due = next_due(after, program, max(after.passed_on or yesterday, yesterday))
    return replace(after, due_on=min(due, due_before) if due and due_before else due or due_before)


def due(shard: str, on: date) -> Iterator[str]:
    """Members of a part of the index for whom time has something to do by a day, the longest due first."""
    values = {"due": shard, "due_on": on.isoformat()}
    for item in tables.query("accounts", "#due = :due AND #due_on <= :due_on", values, index="due"):
        yield item["member"]


def first_due() -> date | None:
    """The next day on which time has something to do for anybody."""
    found = (
        next(iter(tables.query("accounts", "#due = :due", {"due": shard}, index="due", limit=1)), None)
        for shard in items.DUE_SHARDS
    )
    return min((date.fromisoformat(item["due_on"]) for item in found if item), default=None)


def passed(account: Account, on: date, due_on: date | None) -> bool:
    """Note that time has done its work for an account up to a day, and when there is more; False if the account has
    changed since: then that is to be seen first."""
    # A new revision: who saw the account before would write the earlier days over these.
    change = "SET #passed_on = :passed_on, #revision = :next"
    revisions = {"revision": account.revision, "next": account.revision + 1}
    values: dict[str, object] = {"passed_on": on.isoformat(), **revisions}
    if due_on:
        change += ", #due_on = :due_on, #due = :due"
        values |= {"due_on": due_on.isoformat(), "due": items.due_shard(account.member)}
    else:
        change += " REMOVE #due_on, #due"
    return tables.update("accounts", items.account_key(account.member), change, "#revision = :revision", values)


def statement(member: str, limit: int, below: int | None) -> list[Entry]:
    """Up to `limit` entries of a member, latest first, those with an `n` below `below` if given.

    Read from an index that follows the table within a moment. Raises MemberNotFoundError.
    """
    load(member)
    condition = "#member = :member" + ("" if below is None else " AND #n < :n")
    values = {"member": member} | ({} if below is None else {"n": below})
    found = tables.query("entries", condition, values, index="by_member", limit=limit, newest_first=True)
    return [items.entry_from_item(item) for item in found]


def forget(entry: Entry) -> None:
    """Remove what may be personal of an entry of a member who has left: what somebody wrote to it, what the member was
    like after a change, and the hash of what was sent to change it, which could be guessed."""
    key = {"operation": entry.operation.key}
    if entry.posting.note is not None:
        tables.update("entries", key, "REMOVE #note", "attribute_exists(#operation)", {})
    change = entry.posting.member
    if change and change.what != "MemberClosed":
        ids = change.after if change.what == "MemberMerged" else {}
        kept = MemberChange(change.what, change.fields, {}, ids, change.status, None, change.merged_into)
        about = items.member_to_item(kept)
        values = {"about": about, "hash": ""}
        tables.update("entries", key, "SET #about = :about, #hash = :hash", "attribute_exists(#operation)", values)


def newest_first(member: str, below: int | None = None) -> Iterator[Entry]:
    """The entries of a member, latest first, those with an `n` below `below` if given, as the index has them: it
    follows the table within a moment."""
    condition = "#member = :member" + ("" if below is None else " AND #n < :n")
    values = {"member": member} | ({} if below is None else {"n": below})
    for item in tables.query("entries", condition, values, index="by_member", newest_first=True):
        yield items.entry_from_item(item)


def since(member: str, n: int) -> Iterator[Entry]:
    """The entries of a member after the `n`-th, in order."""
    condition, values = "#member = :member AND #n > :n", {"member": member, "n": n}
    for item in tables.query("entries", condition, values, index="by_member"):
        yield items.entry_from_item(item)
