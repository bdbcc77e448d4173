"""What our own news bring about: activities that happen by themselves, and returns whose purchase has come."""

from dataclasses import replace
from datetime import datetime

from functions.accrual import store
from functions.accrual.contract import ReturnEventIn
from functions.accrual.deciding import matters
from functions.ledger import committing
from functions.ledger import store as ledger
from functions.ledger.account import Account, Operation, Posting
from functions.ledger.committing import Request
from functions.ledger.identity import Identity
from functions.program import store as programs
from functions.program.model import ANNIVERSARY, BIRTHDAY, ENROLLED, PROFILE_COMPLETED, REFERRAL_MADE
from functions.program.occasions import Activity
from functions.runtime import bus
from functions.runtime.envelope import SOURCE
from functions.runtime.errors import LoyaltyError, ProgramNotActiveError, TryAgainError
from functions.runtime.instants import from_text
from functions.runtime.validation import parse


def follow(event: bus.Event) -> None:
    """Carry out what follows from one of our events, once. Raises TryAgainError where something before it is not booked
    yet, and the errors of `ledger.store.commit`.

    Who was a member elsewhere before joins without a gift; a profile that is completed later earns as anybody's.
    """
    data, at = event.detail["data"], from_text(event.detail["metadata"]["occurred_at"])
    match event.detail_type:
        case "MemberEnrolled" if not data.get("imported"):
            _by_itself(ENROLLED, data["member_id"], at, event.id)
            if data["profile_complete"]:
                _by_itself(PROFILE_COMPLETED, data["member_id"], at, event.id)
        case "MemberUpdated":
            if "completed" in data["fields"]:
                _by_itself(PROFILE_COMPLETED, data["member_id"], at, event.id)
        case "ReferralCompleted":
            activity = Activity(data["completed_by"], REFERRAL_MADE, at)
            committing.commit(_happening(activity, data["referrer_id"], event.id))
        case "ReferralWithdrawn":
            _referral_withdrawn(data["completed_by"], data["referrer_id"], event.id)
        case "BirthdayCame":
            _by_itself(BIRTHDAY, data["member_id"], at, event.id, f"{data['year']}")
        case "AnniversaryCame":
            _by_itself(ANNIVERSARY, data["member_id"], at, event.id, f"{data['years']}")
        case "AwaitedPurchaseArrived":
            _return(event, data)


def _by_itself(what: str, member: str, at: datetime, correlation_id: str, which: str = "") -> None:
    """What happens once in a membership, or once a year (`which`), earns only where the programme says so; elsewhere it
    is no entry."""
    try:
        program = programs.in_force(member, at)
    except ProgramNotActiveError:
        return
    if matters(what, program):
        committing.commit(
            _happening(Activity(f"{what}:{member}{which and ':'}{which}", what, at), member, correlation_id)
        )


def _happening(activity: Activity, member: str, correlation_id: str) -> Request:
    operation = Operation("activity", SOURCE, activity.id, "", correlation_id)
    return Request(operation, Identity("id", member), store.deciding(activity))


def _referral_withdrawn(completed_by: str, referrer: str, correlation_id: str) -> None:
    """The referral did not come about after all: what its referrer got for it is taken back."""
    key = Operation("activity", SOURCE, completed_by, "", "").key

    def decided(account: Account, now: datetime) -> Posting:
        made = ledger.find(key)
        if made is None:
            raise TryAgainError("The referral is not booked yet.")
        program = programs.in_force(account.member, made.posting.occurred_at)
        # Nobody could do anything about a refusal: what is spent already is owed, also where a return would be refused.
        owing = replace(program, spent_then_returned="carry") if program.spent_then_returned == "block" else program
        return store.declining(account, made, owing, now)

    operation = Operation("confirmation", SOURCE, completed_by, "", correlation_id)
    committing.commit(Request(operation, Identity("id", referrer), decided))


def _return(event: bus.Event, data: dict[str, object]) -> None:
    """Carry out a return that waited. Where it is refused, its partner hears what it would have heard at once."""
    source = str(data["source"])
    body = parse(ReturnEventIn, data["return"])
    try:
        store.record_return(store.Report(body, source, event.id))
    except TryAgainError:
        raise
    except LoyaltyError as error:
        refused = bus.refusal_of(
            event_id=Operation("return", source, body.id, "", "").key,
            detail_type="PurchaseReturned",
            source=source,
            operation_id=body.id,
            problem=error.problem(),
            occurred_at=body.occurred_at,
        )
        bus.publish([refused])
