"""Handing rewards over that do not come with a code of ours: by a supplier who is asked over HTTPS, or by hand.

A supplier that says so has done it (2xx), will do it (202, and calls back) or cannot (4xx: the points come back). No
answer says nothing: it is asked again with the same `webhook-id`, and in the end it is a dead letter, never a refund of
what may have been handed over.
"""

from datetime import datetime
from http import HTTPStatus

from functions.ledger import committing
from functions.ledger.account import Account, Operation, Posting
from functions.ledger.committing import Request
from functions.ledger.identity import Identity
from functions.program import store as programs
from functions.redemption import store
from functions.redemption.contract import FulfilmentIn
from functions.redemption.spending import Redeemed, decide_fulfilment, reward_of
from functions.runtime import bus, clock, outgoing, settings
from functions.runtime.envelope import SOURCE
from functions.runtime.errors import InvalidError, LoyaltyError, OperationIdReusedError, RefusedError, TryAgainError
from functions.runtime.observability import logger
from functions.runtime.validation import parse, payload_hash

_AGAIN = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}


def note(wanted: str, received: FulfilmentIn, source: str, correlation_id: str) -> Redeemed:
    """What became of handing a reward over, once: it was, or its points come back.

    Raises RedemptionNotFoundError, FulfilmentNotAwaitedError, and the errors of `ledger.store.commit`.
    """
    if received.status == "failed":
        store.give_up(wanted, source, correlation_id)
        return store.find_redemption(wanted)
    captured = store.captured(wanted)

    def decide(_account: Account, now: datetime) -> Posting:
        return decide_fulfilment(store.captured(wanted), received.code, received.reference, now)

    operation = Operation("fulfilment", source, wanted, payload_hash(received), correlation_id)
    committed = committing.commit(Request(operation, Identity("id", captured.member), decide))
    return Redeemed(captured, reward_of(committed.entry), "captured", committed.replayed, handover="fulfilled")


def ask(event: bus.Event) -> None:
    """Ask a supplier to hand over what was redeemed. Raises TryAgainError where there is no clear answer."""
    wanted = event.detail["data"]["redemption_id"]
    redeemed = store.find_redemption(wanted)
    if redeemed.handover != "pending":
        return
    entry, reward = redeemed.entry, redeemed.reward
    supplier = programs.of_version(entry.posting.program_version).rewards[reward.reward].supplier
    assert supplier
    content = {
        "type": "reward.redeemed",
        "redemption_id": wanted,
        "reward_id": reward.reward,
        "member_id": entry.member,
        "value": reward.value,
        "currency": reward.currency,
        "redeemed_at": clock.to_text(entry.recorded_at),
    }
    try:
        answer = outgoing.post(supplier, wanted, content, outgoing.secret(settings.supplier_secret()), clock.wall())
    except outgoing.UnreachableError as error:
        raise TryAgainError(f"The supplier did not answer: {error}.") from None
    logger.info("supplier_answered", redemption=wanted, status=answer.status)
    _settle(wanted, answer, event.id)


def _settle(wanted: str, answer: outgoing.Answer, correlation_id: str) -> None:
    if answer.status in {HTTPStatus.ACCEPTED, HTTPStatus.NO_CONTENT}:
        return
    if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        outcome = _done(answer)
    elif HTTPStatus.BAD_REQUEST <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR and answer.status not in _AGAIN:
        outcome = FulfilmentIn(status="failed")
    else:
        raise TryAgainError(f"The supplier answered {answer.status}.")
    try:
        note(wanted, outcome, SOURCE, correlation_id)
    except (RefusedError, OperationIdReusedError) as error:
        _is_settled_already(wanted, error)


def _done(answer: outgoing.Answer) -> FulfilmentIn:
    """What a supplier gave. Raises TryAgainError where that cannot be read: it ends as a dead letter, for a person to
    look at, and not in a refund of what was handed over."""
    said = {name: answer.body[name] for name in ("code", "reference") if answer.body.get(name) is not None}
    try:
        return parse(FulfilmentIn, {"status": "fulfilled"} | said)
    except InvalidError:
        raise TryAgainError("What the supplier answered cannot be read.") from None


def _is_settled_already(wanted: str, error: LoyaltyError) -> None:
    """Where a supplier both answers and calls back, the first counts."""
    if store.find_redemption(wanted).handover == "pending":
        raise error
