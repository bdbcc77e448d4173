"""Purchases into the ledger: one way for HTTPS and the bus."""

from functions.accrual.contract import PurchaseIn
from functions.accrual.earning import decide_purchase
from functions.ledger import store as ledger
from functions.ledger.account import Account, Entry, Operation, Posting
from functions.program import store as programs
from functions.runtime import clock
from functions.runtime.errors import PurchaseNotFoundError
from functions.runtime.validation import payload_hash


def record_purchase(received: PurchaseIn, source: str, correlation_id: str) -> ledger.Committed:
    """Book a purchase once. Raises the errors of `ledger.store.commit` and of `decide_purchase`."""
    operation = Operation("purchase", source, received.id, payload_hash(received), correlation_id)
    purchase = received.purchase()

    def decide(account: Account) -> Posting:
        return decide_purchase(account, purchase, programs.active(), clock.now())

    return ledger.commit(operation, received.member.identity(source), decide)


def find_purchase(purchase_id: str, source: str) -> Entry:
    """A purchase that this source reported. Raises PurchaseNotFoundError."""
    entry = ledger.find(Operation("purchase", source, purchase_id, "", "").key)
    if entry is None:
        raise PurchaseNotFoundError(f"You have not sent a purchase {purchase_id}.")
    return entry
