"""What a return takes back: points, what was counted, rewards, goals, and a tier that rested on the purchase; and what
becomes of an activity that waited to be confirmed. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from functions.accrual.deciding import CLOCK_SKEW, REFERRAL_DONE
from functions.accrual.limits import is_last_key
from functions.accrual.withdrawing import NOTHING_FOUND, Found, Lost, Undone, in_question, undone
from functions.ledger.account import Account, Change, Count, Entry, Line, Posting, Reason, Returned, Reversal, TierStep
from functions.ledger.booking import changed, counted
from functions.ledger.movements import confirm, left_of, parted, take_back, together
from functions.program import expiry, tiers
from functions.program.model import Program
from functions.program.periods import day_in
from functions.runtime.errors import FieldError, InvalidError, PurchaseNotReturnableError


@dataclass(frozen=True, slots=True)
class Return:
    """Quantities that came back, by line of the purchase; all that is left of it where `quantities` is None."""

    occurred_at: datetime
    quantities: Mapping[str, int] | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A return whose purchase has not come yet, and until when it waits for it."""

    purchase_id: str
    until: datetime


def decide_return(
    account: Account,
    purchase: Entry,
    returned: Return,
    program: Program,
    now: datetime,
    found: Found = NOTHING_FOUND,
) -> Posting:
    """Take back what the returned pieces had earned: never more than the purchase gave, line by line.

    Of a line of `q` pieces and `p` points, the first `k` pieces to come back cost `p * k // q` points, so that the
    member keeps what cannot be divided until the last piece; what was counted goes back in the same way, and what the
    purchase counted as a whole (a visit, a referral) goes with its last piece. Rewards and goals go as the programme
    says (`undone`). Rules and limits of today play no part: the entry of the purchase says what it gave.

    Raises PurchaseNotReturnableError, PointsSpentError, and InvalidError for a return of the future.
    """
    check_time(returned, now)
    after = _after(purchase, returned.quantities)
    by_line = {line: back.points - _so_far(purchase, line).points for line, back in after.items()}
    points = sum(by_line.values())
    complete = _is_complete(purchase, after)
    counts = _counts(purchase, after, complete=complete)
    gone = Undone()
    if program.rewards_return:
        gone = undone(account, purchase, counts, lambda line, value: _left_of(value, purchase, after, line), found)
    change, forgiven = _taken_back(account, purchase, points, gone.points, program, now)
    facts = {"to_take_back": points} | ({"forgiven": forgiven} if forgiven else {})
    lines = {line: -taken for line, taken in by_line.items()}
    own, reasons = _shared_out(-change.points, points, gone.reasons)
    reason = Reason("return", True, -own, lines, facts=facts)
    steps = _lowered(account, purchase if complete else None, counts, program, now)
    return Posting(
        kind="reversed",
        change=expiry.following_tier(account, change, steps, program),
        occurred_at=returned.occurred_at,
        program_version=purchase.posting.program_version,
        explanation=[reason, *reasons],
        reversal=Reversal(purchase.operation.key, purchase.reversals, {**purchase.returned, **after}, forgiven),
        currency=purchase.posting.currency,
        counts=[*counts, *gone.counts],
        tiers=None if steps == account.tiers else steps,
        tier_before=account.tier or program.base_tier() or None,
        referrer=purchase.posting.referrer if any(count.key == REFERRAL_DONE for count in counts) else None,
        withdrawn=gone.withdrawn,
    )


def check_time(returned: Return, now: datetime) -> None:
    """Raises InvalidError for a return of the future."""
    if returned.occurred_at > now + CLOCK_SKEW:
        raise InvalidError([FieldError("/occurred_at", "future", "The return lies in the future.")])


def goals_in_question(account: Account, purchase: Entry, returned: Return) -> Mapping[str, int]:
    """The goals that a return may undo: how often each is reached, by the key of that. Raises
    PurchaseNotReturnableError."""
    after = _after(purchase, returned.quantities)
    return in_question(account, _counts(purchase, after, complete=_is_complete(purchase, after)))


def decide_confirmation(account: Account, activity: Entry, program: Program, now: datetime) -> Posting:
    """What an activity earned and was pending can be spent from now on."""
    today = now.astimezone(program.zone).date()
    tier = tiers.tier_at(account.tiers, program, now)
    last_day = expiry.lot_for(program.lasting_of(tier), today)
    change = confirm(account, _given(activity), last_day, today)
    return Posting(
        kind="activated",
        change=change,
        occurred_at=now,
        program_version=activity.posting.program_version,
        explanation=[Reason("confirmation", applied=True)],
        activity=activity.posting.activity,
    )


def decide_decline(
    account: Account, activity: Entry, program: Program, now: datetime, found: Found = NOTHING_FOUND
) -> Posting:
    """An activity counts for nothing: what it earned, counted and brought is taken back."""
    counts = _all_counts(account, activity, program)
    gone = undone(account, activity, counts, lambda _line, _value: 0, found)
    points = _parts(activity)[0].points
    change, forgiven = _taken_back(account, activity, points, gone.points, program, now)
    own, reasons = _shared_out(-change.points, points, gone.reasons)
    steps = _lowered(account, activity, counts, program, now)
    return Posting(
        kind="reversed",
        change=expiry.following_tier(account, change, steps, program),
        occurred_at=now,
        program_version=activity.posting.program_version,
        explanation=[Reason("declined", True, -own), *reasons],
        reversal=Reversal(activity.operation.key, activity.reversals, {}, forgiven),
        counts=[*counts, *gone.counts],
        tiers=None if steps == account.tiers else steps,
        tier_before=account.tier or program.base_tier() or None,
        referrer=activity.posting.referrer if any(count.key == REFERRAL_DONE for count in counts) else None,
        withdrawn=gone.withdrawn,
        activity=activity.posting.activity,
    )


def goals_of_activity_in_question(account: Account, activity: Entry, program: Program) -> Mapping[str, int]:
    """The goals that declining an activity may undo, as `goals_in_question`."""
    return in_question(account, _all_counts(account, activity, program))


def _all_counts(account: Account, activity: Entry, program: Program) -> list[Count]:
    """What an activity had counted, taken back; also that a rule waits, where it does so since this one."""
    day = day_in(activity.posting.occurred_at, program.zone).toordinal()
    counts = []
    for count in activity.posting.counts:
        last = is_last_key(count.key) and account.counters.get(count.key) == day
        taken = Count(count.key, kept=-(count.total if last else count.total - count.kept))
        if taken.kept:
            counts.append(taken)
    return counts


def _given(entry: Entry) -> Change:
    """What an entry earned."""
    return entry.posting.made or entry.posting.change


def _taken_back(
    account: Account,
    undone_entry: Entry,
    points: int,
    goals: Sequence[Lost],
    program: Program,
    now: datetime,
) -> tuple[Change, int]:
    """Take back points that rules gave with what is undone, and points of goals, each out of what brought them; the
    whole change, and how many points were forgiven."""
    of_rules, _ = _parts(undone_entry)
    so_far = sum(back.points for back in undone_entry.returned.values())
    wanted = [(left_of(of_rules, so_far), points)]
    wanted += [(left_of(_parts(lost.entry)[1][lost.goal], lost.before), lost.points) for lost in goals]
    today, policy = now.astimezone(program.zone).date(), program.spent_then_returned
    whole, forgiven = Change(), 0
    for given, points_of_it in wanted:
        after = changed(account, whole)
        taken, kept = take_back(after, given, points_of_it, policy, today, lots_move=program.lots_move)
        whole, forgiven = together(whole, taken), forgiven + kept
    return whole, forgiven


def _parts(entry: Entry) -> tuple[Change, Mapping[str, Change]]:
    """What rules gave with an entry, and what each goal did."""
    rest, of_goals = _given(entry), {}
    for reason in entry.posting.explanation:
        if reason.points and "reach" in reason.facts:
            rest, of_goals[reason.rule] = parted(rest, reason.points)
    return rest, of_goals


def _shared_out(taken: int, own: int, reasons: Sequence[Reason]) -> tuple[int, list[Reason]]:
    """What was taken, shared out over what the operation itself had earned and the goals that go; where some was
    forgiven, the last goals lose less."""
    own = min(own, taken)
    left, told = taken - own, []
    for reason in reasons:
        part = min(-reason.points, left)
        left -= part
        told.append(reason._replace(points=-part))
    return own, told


def _left_of(value: int, purchase: Entry, after: Mapping[str, Returned], line: str) -> int:
    """What is left of a value of a line; of `""`, the whole, one as long as anything is left."""
    if not line:
        return 0 if _is_complete(purchase, after) else value
    back = after.get(line) or _so_far(purchase, line)
    sold = next(one for one in purchase.posting.lines if one.id == line)
    return value - _part(value, sold, back.quantity)


def _is_complete(purchase: Entry, after: Mapping[str, Returned]) -> bool:
    """Whether nothing is left of the purchase."""
    back = {**purchase.returned, **after}
    return all(line.id in back and back[line.id].quantity == line.quantity for line in purchase.posting.lines)


def _counts(purchase: Entry, after: Mapping[str, Returned], *, complete: bool) -> list[Count]:
    """What the purchase had counted, less by what came back."""
    lines = {line.id: line for line in purchase.posting.lines}
    counts = []
    for count in purchase.posting.counts:
        by_line = {
            line: _part(value, lines[line], _so_far(purchase, line).quantity) - _part(value, lines[line], back.quantity)
            for line, back in after.items()
            if (value := count.lines.get(line, 0))
        }
        taken = Count(
            count.key, {line: value for line, value in by_line.items() if value}, -count.whole if complete else 0
        )
        if taken.total:
            counts.append(taken)
    return counts


def _part(value: int, line: Line, quantity: int) -> int:
    return value * quantity // line.quantity


def _lowered(
    account: Account, gone: Entry | None, counts: Sequence[Count], program: Program, now: datetime
) -> Sequence[TierStep]:
    """The tiers without what a purchase that is wholly `gone` gave, or what the counters do not support any more."""
    steps = account.tiers
    given = gone.posting.tiers[-1] if gone and gone.posting.tiers else None
    if gone and given and given.given and given == steps[-1] and given.tier != gone.posting.tier_before:
        steps = (*steps[:-2], replace(steps[-2], since=now))
    after = counted(account.counters, counts, now.date())
    enrolled_on = account.enrolled_at.astimezone(program.zone).date()
    return tiers.lowered(steps, account.counters, after, program, enrolled_on, now)


def _after(purchase: Entry, quantities: Mapping[str, int] | None) -> dict[str, Returned]:
    """All that has come back of the lines that this return touches."""
    lines = {line.id: line for line in purchase.posting.lines}
    if quantities is None:
        quantities = {line.id: _left(purchase, line) for line in lines.values() if _left(purchase, line)}
    if not quantities:
        raise PurchaseNotReturnableError("All of this purchase has been returned before.", lines=[])
    wrong = [
        {"line": line, "quantity": quantity, "returnable": _left(purchase, lines[line]) if line in lines else 0}
        for line, quantity in quantities.items()
        if line not in lines or quantity > _left(purchase, lines[line])
    ]
    if wrong:
        raise PurchaseNotReturnableError("More is returned than is left of the purchase.", lines=wrong)
    return {line: _back(lines[line], _so_far(purchase, line).quantity + q) for line, q in quantities.items()}


def _so_far(purchase: Entry, line: str) -> Returned:
    return purchase.returned.get(line, Returned(0, 0))


def _left(purchase: Entry, line: Line) -> int:
    return line.quantity - _so_far(purchase, line.id).quantity


def _back(line: Line, quantity: int) -> Returned:
    return Returned(quantity, _part(line.points, line, quantity))
