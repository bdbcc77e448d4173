"""What time does for members, into the ledger and onto the bus.

    the clock ──> who is due, by the index ──> MembersDue, some members each ──> visit each

A visit books what happened up to today, tells what is to be told, and notes up to which day that is, and when there is
more. All of it may be done again: each operation and each announcement has an id that follows from the member and the
day. What is not noted is found again by the next run.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import NamedTuple

from functions.ledger import committing, items
from functions.ledger import store as ledger
from functions.ledger.account import Account, Operation, Posting
from functions.ledger.committing import Request
from functions.ledger.identity import Identity
from functions.ledger.lots import due, expired, lot_of
from functions.ledger.movements import relocate
from functions.lifecycle.announcing import Announcement, Days, announced, celebrated, expiring_id
from functions.lifecycle.passing import Passed, passing
from functions.program import store as programs
from functions.program.due import DAY, next_due
from functions.program.model import Program, Reminders
from functions.program.periods import day_in
from functions.runtime import bus, clock, tables
from functions.runtime.envelope import SOURCE, OutboundEvent, envelope
from functions.runtime.errors import LoyaltyError, ProgramNotActiveError, TryAgainError
from functions.runtime.observability import logger

AT_ONCE = 25
"""Members in one event."""
_CURSOR = {"member": "#recount", "part": "C"}


class Visit(NamedTuple):
    """What became of a visit: operations that were booked, and announcements."""

    booked: int
    told: int


def visit(member: str) -> Visit:
    """Do for a member what time has to do up to today. Raises MemberNotFoundError, ProgramNotActiveError, and
    TryAgainError where the account was too busy."""
    account, now = ledger.load(member, consistent=True), clock.now()
    program = programs.in_force(member, now)
    # A clock that lags must not put back what another has noted.
    today = max(day_in(now, program.zone), account.passed_on or date.min)
    # Nothing was due before: who had no points on the day of a conversion does not get it for those that came later.
    first = min(account.due_on or today, today) - DAY
    after = max(account.passed_on or first, first)
    account = _spared(account, program, today)
    # What a birthday earns is booked from the bus: the days after it wait until then, to find its points there.
    to = next(celebrated(account, program, after, today), today)
    happened = list(passing(account, program, after, to))
    outcomes = committing.commit_all([_request(one, account, program, after, to) for one in happened])
    for outcome in outcomes:
        if isinstance(outcome, LoyaltyError):
            raise outcome
    if outcomes:
        account = ledger.load(member, consistent=True)
    days = Days(after, to, today, _reminders_on(account, program))
    told = [_event(one, account, program) for one in announced(account, program, days)]
    if told and account.status in {"active", "suspended"}:
        bus.publish(told)
    ledger.passed(account, to, next_due(account, program, to))
    return Visit(len(outcomes), len(told))


def _reminders_on(account: Account, program: Program) -> Reminders:
    """By which reminders the member was visited last: on that day they may have changed, and are told again then."""
    if account.passed_on is None:
        return program.reminders
    try:
        at = datetime.combine(account.passed_on, time(), program.zone)
        return programs.in_force(account.member, at).reminders
    except ProgramNotActiveError:
        return program.reminders


def _spared(account: Account, program: Program, today: date) -> Account:
    """The account, with its points kept a while longer, once, of whose last day no reminder has arrived."""
    waits = program.reminders.expiry_waits
    # What would become active only to expire waits as well.
    lying = {*account.lots, *map(lot_of, due(account.pending, today))}
    over = sorted(expired(dict.fromkeys(lying, 0), today)) if waits else []
    lots = [lot for lot in over if not _was_warned(account.member, lot)]
    kept_until: dict[str, list[str]] = {}
    for lot in lots:
        until = max(date.fromisoformat(lot) + timedelta(days=waits), today).isoformat()
        kept_until.setdefault(until, []).append(lot)
    for until, together in kept_until.items():
        operation = Operation("grace", SOURCE, f"{account.member}:{until}", "", f"clock#{today}")
        moves = dict.fromkeys(together, until)

        def decide(account: Account, now: datetime, moves: dict[str, str] = moves) -> Posting:
            return Posting("adjusted", relocate(account, moves), now, program.version)

        committing.commit(Request(operation, Identity("id", account.member), decide))
    return ledger.load(account.member, consistent=True) if lots else account


def _was_warned(member: str, lot: str) -> bool:
    """Whether the reminder of a lot's last day has arrived, or its points were kept longer already."""
    if ledger.find(Operation("grace", SOURCE, f"{member}:{lot}", "", "").key):
        return True
    keys = [{"member": member, "message": f"{member}#{expiring_id(lot)}#{channel}"} for channel in ("email", "sms")]
    return any((tables.get("messages", key) or {}).get("status") == "sent" for key in keys)


def _request(one: Passed, account: Account, program: Program, after: date, today: date) -> Request:
    operation = Operation(one.kind, SOURCE, one.id, "", f"clock#{one.on}")

    def decide(account: Account, _now: datetime) -> Posting:
        for found in passing(account, program, after, today):
            if (found.kind, found.id) == (one.kind, one.id):
                return found.posting
        raise TryAgainError("Nothing of this is due any more.")

    return Request(operation, Identity("id", account.member), decide)


def _event(one: Announcement, account: Account, program: Program) -> OutboundEvent:
    at = datetime.combine(one.on, time(), program.zone)
    return envelope(
        one.what,
        {"member_id": account.member} | one.data,
        event_id=f"{account.member}#{one.id}",
        occurred_at=at,
        recorded_at=clock.now(),
        correlation_id=f"clock#{one.on}",
        program_version=program.version,
    )


def visit_all(members: Iterable[str]) -> None:
    """Visit members; one that cannot be visited does not keep the others waiting. Raises TryAgainError at the end."""
    failed: list[Exception] = []
    booked = told = 0
    for member in members:
        try:
            done = visit(member)
        except (LoyaltyError, bus.PublishError) as error:
            logger.exception("visit_failed", member=member)
            failed.append(error)
        else:
            booked, told = booked + done.booked, told + done.told
    logger.info("visited", booked=booked, told=told, failed=len(failed))
    if failed:
        raise TryAgainError(f"{len(failed)} members could not be visited.") from failed[0]


def hand_out(time_is_left: Callable[[], bool]) -> int:
    """Let every member be visited for whom something is due, and, after another programme has come into force, all of
    them, to find out what is due by that; how many."""
    try:
        today = day_in(clock.now(), programs.active().zone)
    except ProgramNotActiveError:
        return 0  # nobody has anything to wait for yet
    handed_out = 0
    for shard in items.DUE_SHARDS:
        handed_out += _send(ledger.due(shard, today))
    for members in to_recount(time_is_left):
        handed_out += _send(iter(members))
    logger.info("members_due", members=handed_out)
    return handed_out


def _send(members: Iterator[str]) -> int:
    sent = 0
    while some := list(islice(members, AT_ONCE * 10)):
        bus.publish([_due(some[i : i + AT_ONCE]) for i in range(0, len(some), AT_ONCE)])
        sent += len(some)
    return sent


def _due(members: Sequence[str]) -> OutboundEvent:
    now = clock.now()
    event_id = f"due#{clock.to_text(now)}#{members[0]}"
    data = {"members": members}
    return envelope("MembersDue", data, event_id=event_id, occurred_at=now, recorded_at=now, correlation_id=event_id)


def to_recount(time_is_left: Callable[[], bool]) -> Iterator[Sequence[str]]:
    """By another programme other days count: who is to be visited at once, of all the members, over as many runs as it
    takes to look at them. Some at a time, who count as visited when the next ones are asked for."""
    # One that is still to come changes nothing yet, and a warm function may not have seen the latest.
    seen = clock.now() - timedelta(seconds=programs.SECONDS_CACHED)
    started = [one for one in programs.rollouts() if one.starts_at <= seen]
    wanted = [[one.version, clock.to_text(one.starts_at), one.percent] for one in started]
    cursor = tables.get("accounts", _CURSOR, consistent=True) or {}
    if cursor.get("counted") == wanted:
        return
    after = cursor.get("after") if cursor.get("counting") == wanted else None
    while time_is_left():
        page, after = tables.scan_page("accounts", after)
        accounts = [items.account_from_item(item) for item in page if item["part"] == items.ACCOUNT]
        yield [account.member for account in accounts if _is_affected(account)]
        state = {"counting": wanted, "after": after} if after else {"counted": wanted}
        tables.put("accounts", _CURSOR | state)
        if after is None:
            break


def _is_affected(account: Account) -> bool:
    """Whether by the programme in force something is due on another day than the index has, or told on another."""
    now = clock.now()
    program = programs.in_force(account.member, now)
    yesterday = day_in(now, program.zone) - DAY
    due_on = next_due(account, program, max(account.passed_on or yesterday, yesterday))
    return due_on != account.due_on or _reminders_on(account, program) != program.reminders
