"""What partners report, into the ledger: one way for HTTPS, for batches and for the bus.

purchase, activity         decided, and booked with all of one member together
return                     of a purchase that is there; if it is not, it waits for it
decision                   what became of an activity that waited to be confirmed
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from functions.accrual.adjusting import Adjustment, decide_adjustment
from functions.accrual.contract import ActivityIn, AdjustmentIn, DecisionIn, PurchaseIn, ReturnEventIn
from functions.accrual.deciding import Event, check_declared, decide
from functions.accrual.returning import (
    Waiting,
    check_time,
    decide_confirmation,
    decide_decline,
    decide_return,
    goals_in_question,
    goals_of_activity_in_question,
)
from functions.accrual.withdrawing import NOTHING_FOUND, Found
from functions.ledger import answering, awaiting, committing
from functions.ledger import store as ledger
from functions.ledger.account import Account, AwaitingReturn, Entry, Operation, OperationKind, Posting
from functions.ledger.answering import Committed
from functions.ledger.committing import Decide, Request
from functions.ledger.identity import Identity
from functions.program import store as programs
from functions.program.budgets import MOST_SHARDS, Shard, shards
from functions.program.model import BUILT_IN, Program
from functions.program.occasions import Activity
from functions.runtime import clock, settings
from functions.runtime.errors import (
    ActivityNotFoundError,
    ActivityNotWaitingError,
    LoyaltyError,
    PurchaseNotFoundError,
    PurchaseNotReturnableError,
    TryAgainError,
)
from functions.runtime.validation import payload_hash

_LOOKS = 6
_USUAL_WAIT = timedelta(days=30)


Body: TypeAlias = PurchaseIn | ActivityIn | ReturnEventIn | DecisionIn


@dataclass(frozen=True, slots=True)
class Report:
    """What a partner reports. `source`: its client id, or the source of its event."""

    body: Body
    source: str
    correlation_id: str

    def operation(self, kind: OperationKind, operation_id: str, content: str) -> Operation:
        return Operation(kind, settings.receipt_namespace(self.source), operation_id, content, self.correlation_id)


Outcome: TypeAlias = Committed | Waiting | LoyaltyError


def record(report: Report) -> Committed:
    """Carry out one report that waits for nothing, once. Raises the errors of `ledger.store.commit` and of the
    decisions."""
    outcome = record_return(report)
    assert isinstance(outcome, Committed)
    return outcome


def record_return(report: Report) -> Committed | Waiting:
    """Carry out a return, once, or let it wait for its purchase. Raises as `record`."""
    [outcome] = record_all([report])
    if isinstance(outcome, LoyaltyError):
        raise outcome
    return outcome


def record_all(reports: Sequence[Report]) -> list[Outcome]:
    """Carry out reports, each once and by itself; the outcomes stand in their order.

    Purchases and activities of one member are booked together; returns and decisions follow, for they may be about
    them.
    """
    outcomes: dict[int, Outcome] = {}
    requests = {i: request for i, report in enumerate(reports) if (request := _request(report))}
    booked = committing.commit_all(list(requests.values()))
    outcomes |= dict(zip(requests, booked, strict=True))
    for i, report in enumerate(reports):
        if i not in outcomes:
            outcomes[i] = _follow(report)
    return [outcomes[i] for i in range(len(reports))]


def _request(report: Report) -> Request | None:
    """What the ledger needs to book a purchase or an activity once; None for what is about one."""
    body = report.body
    match body:
        case PurchaseIn():
            purchase = body.purchase()
            operation = report.operation("purchase", body.id, payload_hash(body))
            return Request(operation, body.member.identity(report.source), deciding(purchase))
        case ActivityIn():
            operation = report.operation("activity", body.id, payload_hash(body))
            activity = body.activity()
            return Request(operation, body.member.identity(report.source), deciding(activity))
    return None


def deciding(event: Event) -> Decide:
    """How the ledger decides on a purchase or an activity."""

    def decided(account: Account, now: datetime) -> Posting:
        program = programs.in_force(account.member, event.occurred_at)
        if isinstance(event, Activity) and event.type not in BUILT_IN:
            check_declared(event, program)
        return decide(account, event, program, now, budgets_of(program))

    return decided


def budgets_of(program: Program) -> dict[str, list[Shard]]:
    """What is left of the budgets of rules: a read for each rule that has one, none for most programmes."""
    return {
        rule.id: shards(rule.budget, ledger.drawn(rule.id, MOST_SHARDS))
        for rule in program.earning
        if rule.budget is not None
    }


def _follow(report: Report) -> Outcome:
    """Carry out what is about another operation."""
    try:
        if isinstance(report.body, DecisionIn):
            return _decided(report, report.body)
        assert isinstance(report.body, ReturnEventIn)
        return _returned(report, report.body)
    except LoyaltyError as error:
        return error


def _returned(report: Report, body: ReturnEventIn) -> Committed | Waiting:
    """Take back what a purchase of this source had earned, or wait for the purchase."""
    of = report.operation("purchase", body.purchase_id, "")
    entry = ledger.find(of.key, consistent=False)
    operation = report.operation("return", body.id, _return_hash(body))
    if entry is None:
        known = answering.answered(operation)
        if known:
            return known
        until = _waits(report, body, of)
        if until:
            return Waiting(body.purchase_id, until)
        entry = _found_entry(of, PurchaseNotFoundError)
    returned, first_look = body.as_returned(), [entry]

    def decided(account: Account, now: datetime) -> Posting:
        # The first time, what was just read will do: were it stale, the commit would fail on it.
        purchase = first_look.pop() if first_look else _found_entry(of, PurchaseNotFoundError)
        program = programs.in_force(account.member, returned.occurred_at)
        found = NOTHING_FOUND
        if program.rewards_return:
            found = _found(account, purchase, goals_in_question(account, purchase, returned))
        return decide_return(account, purchase, returned, program, now, found)

    return committing.commit(Request(operation, Identity("id", entry.member), decided))


def _waits(report: Report, body: ReturnEventIn, purchase: Operation) -> datetime | None:
    """Let a return wait for its purchase, and say until when; None where that has come meanwhile."""
    if ledger.find(report.operation("return", body.purchase_id, "").key):
        raise PurchaseNotReturnableError(f"{body.purchase_id} is a return itself.", lines=[])
    check_time(body.as_returned(), clock.now())
    late = programs.active().acceptance.late_days
    longest = timedelta(days=late) if late else _USUAL_WAIT
    one = AwaitingReturn(body.id, _return_hash(body), body.model_dump(mode="json", exclude_defaults=True))
    return awaiting.wait(purchase, one, clock.now(), longest)


def _return_hash(body: ReturnEventIn) -> str:
    return payload_hash(body.body(), of=body.purchase_id)


def _decided(report: Report, body: DecisionIn) -> Committed:
    """What an activity earned becomes active, or goes."""
    of = report.operation("activity", body.activity_id, "")
    entry = _found_entry(of, ActivityNotFoundError, consistent=False)
    first_look = [entry]

    def decided(account: Account, now: datetime) -> Posting:
        activity = first_look.pop() if first_look else _found_entry(of, ActivityNotFoundError)
        if not activity.posting.unconfirmed:
            raise ActivityNotWaitingError(f"The activity {body.activity_id} needs no confirmation.")
        program = programs.in_force(account.member, activity.posting.occurred_at)
        if body.decision == "confirmed":
            return decide_confirmation(account, activity, program, now)
        return declining(account, activity, program, now)

    operation = report.operation("confirmation", body.activity_id, payload_hash(body))
    return committing.commit(Request(operation, Identity("id", entry.member), decided))


def declining(account: Account, activity: Entry, program: Program, now: datetime) -> Posting:
    goals = goals_of_activity_in_question(account, activity, program)
    return decide_decline(account, activity, program, now, _found(account, activity, goals))


def _found(account: Account, entry: Entry, goals: Mapping[str, int]) -> Found:
    """What the books say about the goals and vouchers that may go with an entry."""
    entries = _entries_about(account, goals) if goals else []
    given = {one.code for source in (entry, *entries) for one in source.posting.issued if one.basis and one.code}
    vouchers = {code: found for code in given if (found := ledger.find_voucher(code, consistent=True))}
    return Found(entries, vouchers)


def _entries_about(account: Account, goals: Mapping[str, int]) -> list[Entry]:
    """The entries that made these counts what they are, latest first. Raises TryAgainError where the index, which
    follows the books within a moment, still lacks one."""
    for look in range(_LOOKS):
        missing, expected, entries = dict(goals), account.n, []
        for entry in ledger.newest_first(account.member):
            if entry.n > account.n:
                continue
            if entry.n < expected:
                break
            expected -= 1
            counts = [count for count in entry.posting.counts if count.key in missing]
            for count in counts:
                missing[count.key] -= count.total
            entries += [entry] if counts else []
            if not any(missing.values()):
                return entries
        clock.pause(0.05 * 2**look)
    raise TryAgainError("The statement is not up to date yet. Nothing was written; repeat the call as it was.")


def _found_entry(of: Operation, missing: type[LoyaltyError], *, consistent: bool = True) -> Entry:
    entry = ledger.find(of.key, consistent=consistent)
    if entry is None:
        raise missing(f"You have not sent {'an' if of.kind == 'activity' else 'a'} {of.kind} {of.id}.")
    return entry


def find_purchase(purchase_id: str, source: str) -> Entry:
    """A purchase that this source reported. Raises PurchaseNotFoundError."""
    of = Operation("purchase", settings.receipt_namespace(source), purchase_id, "", "")
    return _found_entry(of, PurchaseNotFoundError)


def adjust(member: str, received: AdjustmentIn, source: str, correlation_id: str) -> Committed:
    """Give or take points by hand, once. Raises the errors of `ledger.store.commit` and of `decide_adjustment`."""
    adjustment = Adjustment(
        received.points, received.reason, received.note, received.expires_on, received.tier, received.tier_until
    )
    operation = Operation("adjustment", source, received.id, payload_hash(received, of=member), correlation_id)

    def decided(account: Account, now: datetime) -> Posting:
        return decide_adjustment(account, adjustment, programs.in_force(account.member, now), now)

    return committing.commit(Request(operation, Identity("id", member), decided))
