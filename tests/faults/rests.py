"""What rests on something else stands as long as that does: rewards, goals, referrals, what waits to be confirmed.

a voucher        of a purchase is worth what is left of it deserves, where rewards are taken back; what was used stays
a goal           was reached as often as its progress says, and gave one gift each time
a referral       stands while the purchase that completed it does, and so does what the referrer got for it
an activity      is confirmed or declined once; until then what it earned is pending, and nothing else is
"""

from collections.abc import Iterator

from functions.ledger.account import Entry
from functions.ledger.lots import total
from functions.ledger.movements import UNCONFIRMED
from tests.faults.midnight import BY_TIME
from tests.faults.programme import (
    BONUS,
    BONUS_STEP,
    BONUS_VALUE,
    ENROLLED,
    GIFT_VALUE,
    REVIEWS,
    SPEND,
    SPEND_REACH,
    VISITS,
)
from tests.faults.verdict import Books, Finding

_OURS = "loyalty"


def judge_rests(books: Books) -> Iterator[Finding]:
    """Everything that stands on nothing, or fell though what it rests on stands."""
    for member in books.accounts:
        yield from _goals(member, books)
        yield from _unconfirmed(member, books)
        yield from _referrals(member, books)
    for entry in books.entries.values():
        yield from _bonus(entry, books)
        yield from _decided(entry, books)
    yield from _welcomed(books)


def gone(entry: Entry, books: Books) -> bool:
    """Whether nothing is left of a purchase, or an activity was declined."""
    if entry.posting.activity:
        return any(one.posting.kind == "reversed" for one in books.reversals_of(entry.operation.key))
    back = {line: returned.quantity for line, returned in entry.returned.items()}
    lines = entry.posting.lines
    return bool(lines) and all(back.get(line.id, 0) == line.quantity for line in lines)


def _left(entry: Entry) -> dict[str, int]:
    """What is left of the amount of every line."""
    back = {line: returned.quantity for line, returned in entry.returned.items()}
    return {line.id: line.amount - line.amount * back.get(line.id, 0) // line.quantity for line in entry.posting.lines}


def _worth(entry: Entry, rule: str, books: Books, *, used: bool = False) -> int:
    """What the vouchers that a rule or a goal gave with an entry are worth now; what those were worth that are used."""
    given = [one for one in entry.posting.issued if one.basis and one.basis.rule == rule]
    vouchers = [(one, voucher) for one in given if (voucher := books.vouchers.get(f"V#{one.code}"))]
    if used:
        return sum(one.value for one, voucher in vouchers if voucher.get("uses"))
    return sum(voucher["value"] for _, voucher in vouchers)


def _goals(member: str, books: Books) -> Iterator[Finding]:
    earned = [entry for entry in books.of(member) if entry.posting.kind == "earned"]
    purchases = [entry for entry in earned if entry.posting.lines]
    reviews = sum(entry.posting.activity == "review" and not gone(entry, books) for entry in earned)
    yield from _goal(member, REVIEWS, reviews, 2, earned, books)
    if books.rules.takes_back:
        visits = sum(not gone(entry, books) for entry in purchases)
        yield from _goal(member, VISITS, visits, 3, purchases, books)
        spent = sum(sum(_left(entry).values()) for entry in purchases)
        yield from _goal(member, SPEND, spent, SPEND_REACH, [], books)
        return
    given = sum(_both(entry, VISITS, books) for entry in purchases) // GIFT_VALUE
    if given > len(purchases) // 3:
        yield "P1", f"{member} got {given} gifts for {len(purchases)} visits"
    if given != len(purchases) // 3 and not any(entry.reversals for entry in purchases):
        yield "P1", f"{member} got {given} gifts for {len(purchases)} visits, none of which came back"


def _goal(member: str, goal: str, progress: int, reach: int, entries: list[Entry], books: Books) -> Iterator[Finding]:
    """A goal with its counters, and the gifts that entries brought with it."""
    counters = books.accounts[member].counters
    counted, done = counters.get(f"goal.{goal}", 0), counters.get(f"goal.{goal}.done", 0)
    if counted != progress or done != progress // reach:
        yield "P4", f"{member} is at {progress} of {goal}; counted are {counted}, and {done} times done"
    given = sum(_worth(entry, goal, books) for entry in entries)
    used = sum(_worth(entry, goal, books, used=True) for entry in entries)
    if entries and not given <= GIFT_VALUE * done <= given + used:
        yield "P1", f"{member} reached {goal} {done} times; the gifts for it are worth {given}, and {used} are used"


def _both(entry: Entry, rule: str, books: Books) -> int:
    return _worth(entry, rule, books) + _worth(entry, rule, books, used=True)


def _bonus(entry: Entry, books: Books) -> Iterator[Finding]:
    """A voucher for every full step of what is left of a purchase."""
    if entry.posting.kind != "earned" or not entry.posting.lines:
        return
    left = _left(entry) if books.rules.takes_back else {line.id: line.amount for line in entry.posting.lines}
    deserved = sum(left.values()) // BONUS_STEP * BONUS_VALUE
    worth, used = _worth(entry, BONUS, books), _worth(entry, BONUS, books, used=True)
    if worth > deserved or (worth < deserved and not used):
        yield "P1", f"{entry.operation.key} deserves {deserved} of {BONUS}, the vouchers are worth {worth}"


def _unconfirmed(member: str, books: Books) -> Iterator[Finding]:
    """What waits to be confirmed is what the activities earned that nobody has decided on."""
    waiting = sum(
        total(entry.posting.change.pending)
        for entry in books.of(member)
        if entry.posting.unconfirmed and _decision_key(entry) not in books.entries
    )
    pending = books.accounts[member].pending
    there = sum(points for key, points in pending.items() if key.startswith(UNCONFIRMED.isoformat()))
    if waiting != there:
        yield "P4", f"{member} has {there} points to be confirmed, the undecided activities earned {waiting}"


def _decision_key(activity: Entry) -> str:
    return activity.operation.key.replace("activity", "confirmation", 1)


def _decided(entry: Entry, books: Books) -> Iterator[Finding]:
    """A decision is about one activity that was unconfirmed: it activates exactly what that earned, or takes it."""
    if entry.operation.kind != "confirmation" or entry.operation.source == _OURS:
        return
    activity = books.entries.get(entry.operation.key.replace("confirmation", "activity", 1))
    if activity is None or not activity.posting.unconfirmed or activity.member != entry.member:
        yield "P5", f"{entry.operation.key} decided on {activity}"
        return
    confirmed, declined = entry.posting.kind == "activated", gone(activity, books)
    if confirmed == declined:
        yield "P5", f"{entry.operation.key} is {entry.posting.kind}; {activity.operation.key} was declined: {declined}"
    if confirmed and total(entry.posting.change.pending) != -total(activity.posting.change.pending):
        yield "P5", f"{entry.operation.key} confirmed {entry.posting.change}, not {activity.posting.change}"


def _referrals(member: str, books: Books) -> Iterator[Finding]:
    """A referral is complete once at most; with its purchase goes what the referrer got."""
    completing = [entry for entry in books.of(member) if entry.posting.referrer and entry.posting.kind == "earned"]
    standing = 0
    for entry in completing:
        key = entry.operation.key
        withdrawn = gone(entry, books) and not _stays(entry, books)
        standing += not withdrawn
        made, unmade = books.entries.get(f"activity#{_OURS}#{key}"), books.entries.get(f"confirmation#{_OURS}#{key}")
        if made is None or made.member != entry.posting.referrer or (unmade is not None) != withdrawn:
            yield "P8", f"the referral by {key} (withdrawn: {withdrawn}) made {made} and {unmade}"
    if standing > 1 or standing != books.accounts[member].counters.get("referral.done", 0):
        yield "P1", f"{member} completed {standing} referrals, and counts otherwise"
    referrer = books.accounts[member].traits.referred_by
    purchases = [entry for entry in books.of(member) if entry.posting.lines and entry.posting.kind == "earned"]
    if referrer and not completing and any(map(_qualifies, purchases)):
        yield "P1", f"{member} was referred and bought enough, and no referral was ever completed"


def _stays(entry: Entry, books: Books) -> bool:
    """Whether a purchase goes on counting when it has come back, because the member keeps what a rule gave for it."""
    given = any(one.basis and not one.basis.goal for one in entry.posting.issued)
    return given and not books.rules.takes_back


def _qualifies(entry: Entry) -> bool:
    return sum(line.amount for line in entry.posting.lines) >= 3_000


def _welcomed(books: Books) -> Iterator[Finding]:
    """What follows from our own news, and nothing else."""
    due = {f"activity#{_OURS}#{ENROLLED}:{member}" for member in books.accounts if books.rules.welcomes}
    for entry in books.entries.values():
        if entry.posting.referrer:
            due |= {
                f"activity#{_OURS}#{entry.operation.key}"
                if entry.posting.reversal is None
                else f"confirmation#{_OURS}#{entry.posting.reversal.operation}"
            }
    ours = {
        key
        for key, entry in books.entries.items()
        if entry.operation.source == _OURS and entry.operation.kind not in {"release", *BY_TIME}
    }
    if due != ours:
        yield "P8", f"of our own news should have come {sorted(due - ours)}, and should not have {sorted(ours - due)}"
