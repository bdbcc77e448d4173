"""Proving every account against its entries: a stream of accounts, one at a time, on with it where the last run ended.

A drift is looked at again before it is believed: the account may have moved on between the two reads, and the index of
the entries follows the table with a moment's delay.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from functions.ledger import items, store
from functions.ledger.account import Account
from functions.ledger.proof import Proof, prove
from functions.runtime import clock, tables
from functions.runtime.observability import logger

_LOOKS = 3
_CURSOR = {"member": "#proof", "part": "C"}


@dataclass
class Night:
    """What one run proved. `finished`: it came to the end of the table; the next run starts over."""

    proved: int = 0
    drifts: list[Proof] = field(default_factory=list)
    finished: bool = False


def accounts() -> Iterator[Account]:
    """Every account, page after page."""
    after: tables.Item | None = None
    while True:
        page, after = _page(after)
        yield from page
        if after is None:
            return


def prove_account(account: Account) -> Proof:
    """Prove one account; a drift only if it is still there after a moment."""
    proof = prove(account, store.since(account.member, 0))
    for _ in range(_LOOKS - 1):
        if not proof.drift:
            return proof
        clock.pause(2)
        account = store.load(account.member, consistent=True)
        proof = prove(account, store.since(account.member, 0))
    return proof


def prove_some(time_is_left: Callable[[], bool]) -> Night:
    """Prove accounts for as long as there is time, from where the last run ended."""
    night = Night()
    cursor = tables.get("accounts", _CURSOR, consistent=True) or {}
    after: tables.Item | None = cursor.get("after")
    while time_is_left():
        page, after = _page(after)
        for account in page:
            proof = prove_account(account)
            night.proved += 1
            if proof.drift:
                night.drifts.append(proof)
                logger.error("account_drifts", member=proof.member, drift=proof.drift)
        tables.put("accounts", _CURSOR | {"after": after})
        if after is None:
            night.finished = True
            break
    logger.info("accounts_proved", proved=night.proved, drifts=len(night.drifts), finished=night.finished)
    return night


def repair(proof: Proof, account: Account) -> bool:
    """Put an account back to what its entries make it; False if it has moved on since it was proved.

    Raises ValueError where the entries themselves make no account: that is for people.
    """
    if proof.rebuilt is None:
        raise ValueError(f"the entries of {proof.member} do not make an account: {proof.drift}")
    rebuilt = items.account_to_item(proof.rebuilt) | {"revision": account.revision + 1}
    try:
        tables.transact([tables.Replace("accounts", rebuilt, expected={"revision": account.revision})])
    except tables.CancelledError:
        return False
    logger.warning("account_repaired", member=proof.member, drift=proof.drift)
    return True


def _page(after: tables.Item | None) -> tuple[list[Account], tables.Item | None]:
    found, following = tables.scan_page("accounts", after)
    return [items.account_from_item(item) for item in found if item["part"] == items.ACCOUNT], following
