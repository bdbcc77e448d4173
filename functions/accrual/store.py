"""Purchases and returns into the ledger: one way for HTTPS and the bus."""

from collections.abc import Sequence
from datetime import datetime

from functions.accrual.contract import PurchaseIn, ReturnIn
from functions.accrual.deciding import decide
from functions.accrual.returning import decide_return
from functions.ledger import store as ledger
from functions.ledger.account import Account, Entry, Operation, Posting
from functions.ledger.identity import Identity
from functions.program import store as programs
from functions.program.budgets import MOST_SHARDS, Shard, shards
from functions.program.model import Program
from functions.runtime import bus
from functions.runtime.errors import LoyaltyError, PurchaseNotFoundError
from functions.runtime.validation import payload_hash


def purchase_request(received: PurchaseIn, source: str, correlation_id: str) -> ledger.Request:
    """What the ledger needs to book a purchase once."""
    operation = Operation("purchase", source, received.id, payload_hash(received), correlation_id)
    purchase = received.purchase()

    def decided(account: Account, now: datetime) -> Posting:
        program = programs.in_force(account.member, purchase.occurred_at)
        return decide(account, purchase, program, now, _budgets(program))

    return ledger.Request(operation, received.member.identity(source), decided)


def _budgets(program: Program) -> dict[str, list[Shard]]:
    """What is left of the budgets of rules: a read for each rule that has one, none for most programmes."""
    return {
        rule.id: shards(rule.budget, ledger.drawn(rule.id, MOST_SHARDS))
        for rule in program.earning
        if rule.budget is not None
    }


def record_purchase(received: PurchaseIn, source: str, correlation_id: str) -> ledger.Committed:
    """Book a purchase once. Raises the errors of `ledger.store.commit` and of `decide`."""
    return ledger.commit(purchase_request(received, source, correlation_id))


def record_events(events: Sequence[bus.Event]) -> list[bus.Outcome]:
    """Book the purchases that `PurchaseCompleted` events report, those of one member together."""
    outcomes: list[bus.Outcome] = [None] * len(events)
    requests: dict[int, ledger.Request] = {}
    for i, event in enumerate(events):
        try:
            requests[i] = purchase_request(bus.read(PurchaseIn, event), event.source, event.id)
        except bus.MalformedError as error:
            outcomes[i] = error
    for i, outcome in zip(requests, ledger.commit_all(list(requests.values())), strict=True):
        outcomes[i] = outcome if isinstance(outcome, LoyaltyError) else None
    return outcomes


def record_return(purchase_id: str, received: ReturnIn, source: str, correlation_id: str) -> ledger.Committed:
    """Take back what a purchase of this source had earned, once.

    Raises PurchaseNotFoundError, and the errors of `ledger.store.commit` and of `decide_return`.
    """
    known = [find_purchase(purchase_id, source, consistent=False)]
    member = known[0].member
    operation = Operation("return", source, received.id, payload_hash(received, of=purchase_id), correlation_id)
    returned = received.as_returned()

    def decided(account: Account, now: datetime) -> Posting:
        # The first time, what was just read will do: were it stale, the commit would fail on it.
        purchase = known.pop() if known else find_purchase(purchase_id, source)
        program = programs.in_force(account.member, returned.occurred_at)
        return decide_return(account, purchase, returned, program, now)

    return ledger.commit(ledger.Request(operation, Identity("id", member), decided))


def find_purchase(purchase_id: str, source: str, *, consistent: bool = True) -> Entry:
    """A purchase that this source reported. Raises PurchaseNotFoundError."""
    entry = ledger.find(Operation("purchase", source, purchase_id, "", "").key, consistent=consistent)
    if entry is None:
        raise PurchaseNotFoundError(f"You have not sent a purchase {purchase_id}.")
    return entry
