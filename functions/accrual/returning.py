"""What a return takes back: points, what was counted, and a tier that rested on the purchase. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from functions.accrual.deciding import CLOCK_SKEW
from functions.ledger.account import Account, Count, Entry, Line, Posting, Reason, Returned, Reversal, TierStep, counted
from functions.ledger.movements import take_back
from functions.program import expiry, tiers
from functions.program.model import Program
from functions.runtime.errors import FieldError, InvalidError, PurchaseNotReturnableError


@dataclass(frozen=True, slots=True)
class Return:
    """Quantities that came back, by line of the purchase; all that is left of it where `quantities` is None."""

    occurred_at: datetime
    quantities: Mapping[str, int] | None


def decide_return(account: Account, purchase: Entry, returned: Return, program: Program, now: datetime) -> Posting:
    """Take back what the returned pieces had earned: never more than the purchase gave, line by line.

    Of a line of `q` pieces and `p` points, the first `k` pieces to come back cost `p * k // q` points, so that the
    member keeps what cannot be divided until the last piece; what was counted goes back in the same way, and what the
    purchase counted as a whole (a visit) goes with its last piece. Rules and limits of today play no part: the entry of
    the purchase says what it gave. Raises PurchaseNotReturnableError, PointsSpentError, and InvalidError for a return
    of the future.
    """
    if returned.occurred_at > now + CLOCK_SKEW:
        raise InvalidError([FieldError("/occurred_at", "future", "The return lies in the future.")])
    today = now.astimezone(program.zone).date()
    after = _after(purchase, returned.quantities)
    by_line = {line: back.points - _so_far(purchase, line).points for line, back in after.items()}
    points = sum(by_line.values())
    given = purchase.posting.made or purchase.posting.change
    policy = program.spent_then_returned
    change, forgiven = take_back(account, given, points, policy, today, lots_move=program.lots_move)
    facts = {"to_take_back": points} | ({"forgiven": forgiven} if forgiven else {})
    reason = Reason(
        "return", applied=True, points=change.points, lines={k: -v for k, v in by_line.items()}, facts=facts
    )
    complete = _is_complete(purchase, after)
    counts = _counts(purchase, after, complete=complete)
    steps = _lowered(account, purchase if complete else None, counts, program, now)
    return Posting(
        kind="reversed",
        change=expiry.following_tier(account, change, steps, program),
        occurred_at=returned.occurred_at,
        program_version=purchase.posting.program_version,
        explanation=[reason],
        reversal=Reversal(purchase.operation.key, purchase.reversals, {**purchase.returned, **after}, forgiven),
        currency=purchase.posting.currency,
        counts=counts,
        tiers=None if steps == account.tiers else steps,
        tier_before=account.tier or program.base_tier() or None,
    )


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
    given = gone.posting.tiers[-1] if gone and gone.posting.tiers else None
    if gone and given and given.given and given == account.tiers[-1] and given.tier != gone.posting.tier_before:
        return (*account.tiers[:-1], replace(account.tiers[-2], since=now))
    after = counted(account.counters, counts, now.date())
    enrolled_on = account.enrolled_at.astimezone(program.zone).date()
    return tiers.lowered(account.tiers, account.counters, after, program, enrolled_on, now)


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
