"""What goes with what is undone: the rewards and the goals that rested on a purchase or an activity. Pure.

A reward of a rule goes, or shrinks, by what is left of the lines it was given for. A goal goes when what is left in its
period no longer reaches it, also where another event had reached it: the latest that did loses it. Which goals and
vouchers there are is found in the books beforehand (`Found`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from functions.ledger.account import Account, Count, Entry, Reason
from functions.ledger.rewards import Basis, IssuedReward, Voucher, Withdrawal


@dataclass(frozen=True, slots=True)
class Found:
    """What the books say: the member's entries about the goals in question, latest first, and the vouchers that may go,
    by code."""

    entries: Sequence[Entry] = ()
    vouchers: Mapping[str, Voucher] = field(default_factory=dict)


NOTHING_FOUND = Found()


@dataclass(frozen=True, slots=True)
class Lost:
    """Points of a goal that go: `points` of what it gave with an entry, of which `before` went earlier."""

    entry: Entry
    goal: str
    points: int
    before: int


@dataclass(slots=True)
class Undone:
    """What goes: vouchers, counts of goals, and points that goals gave."""

    withdrawn: list[Withdrawal] = field(default_factory=list)
    counts: list[Count] = field(default_factory=list)
    points: list[Lost] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)


def in_question(account: Account, taken: Sequence[Count]) -> dict[str, int]:
    """The goals that may go with what is taken from the counters: how often each is reached, by the key of that."""
    keys = [_done_key(count.key) for count in taken if count.total < 0]
    return {key: account.counters[key] for key in keys if key and account.counters.get(key)}


def _done_key(counter: str) -> str | None:
    """Where is counted how often the goal of a counter was reached; None for a counter that is no goal's."""
    if not counter.startswith(("goal.", "streak.")):
        return None
    name, slash, period = counter.partition("/")
    return f"{name}.done{slash}{period}"


def undone(
    account: Account, entry: Entry, taken: Sequence[Count], left: Callable[[str, int], int], found: Found
) -> Undone:
    """What goes when `taken` is taken from the counters. `left`: of what a line of the entry counted, how much is still
    there; a reward that rests on nothing but the whole goes when the whole does, and then nothing is left of `""`."""
    gone = Undone()
    by_rules = [(one.basis, one) for one in entry.posting.issued if one.basis and not one.basis.goal]
    for _, group in groupby(by_rules, key=lambda pair: pair[0].rule):
        given = list(group)
        basis = given[0][0]
        _withdraw([one for _, one in given], basis.rule, basis.times, _deserved(basis, entry, left), found, gone)
    goals = in_question(account, taken)
    for count in taken:
        key = _done_key(count.key)
        if key in goals:
            _undo_goal(key, goals[key], account.counters.get(count.key, 0) + count.total, found, gone)
    return gone


def _deserved(basis: Basis, entry: Entry, left: Callable[[str, int], int]) -> int:
    """How often a rule would have given its reward for what is left."""
    counted = sum(left(line, value) for line, value in basis.lines.items())
    if not left("", 1) or counted < basis.least or (basis.lines and not counted):
        return 0
    if basis.paid and sum(left(line.id, line.amount) for line in entry.posting.lines) < basis.paid:
        return 0
    return min(basis.times, counted // basis.step) if basis.step else basis.times


def _withdraw(rewards: Sequence[IssuedReward], rule: str, times: int, kept: int, found: Found, gone: Undone) -> None:
    """Of a reward that was given `times` times, leave it `kept` times: one of the whole value loses value, of others
    the last ones go."""
    for i, reward in enumerate(rewards):
        voucher = found.vouchers.get(reward.code or "")
        if voucher is None or voucher.withdrawn or voucher.used_up:
            continue
        # What a part of it has paid already is part of what is deserved.
        paid = voucher.paid if voucher.paid + voucher.reward.value <= reward.value else 0
        left = max(0, reward.value // times * kept - paid) if reward.value else int(i < kept)
        if (voucher.reward.value if reward.value else 1) <= left:
            continue
        gone.withdrawn.append(Withdrawal(voucher, left))
        facts: dict[str, int | str] = {"reward": reward.reward, "redemption": reward.redemption, "left": left}
        gone.reasons.append(Reason(rule, applied=True, facts=facts))


def _undo_goal(key: str, done: int, progress: int, found: Found, gone: Undone) -> None:
    """Take a goal back as often as the `progress` that is left does not reach it any more; the latest first."""
    name = key.partition("/")[0]
    kind, goal, _ = name.split(".")
    taken_before = 0
    lost: int | None = None
    for entry in found.entries:
        times = sum(count.kept for count in entry.posting.counts if count.key == key)
        if times <= 0:
            taken_before -= times
            continue
        standing = max(0, times - taken_before)
        taken_before -= times - standing
        reason = next(one for one in entry.posting.explanation if one.rule == goal and one.applied)
        reach = int(reason.facts["reach"])
        if lost is None:
            lost = int(progress < reach) if kind == "streak" else max(0, done - progress // reach)
        going = min(lost, standing)
        if not going:
            continue
        lost -= going
        of_goal = [count.key for count in entry.posting.counts if count.kept > 0 and count.key.startswith(name)]
        gone.counts += [Count(one, kept=-going) for one in of_goal]
        points = reason.points * going // times
        if points:
            gone.points.append(Lost(entry, goal, points, reason.points * (times - standing) // times))
        gone.reasons.append(Reason(goal, True, -points, facts={"progress": progress, "reach": reach, "times": -going}))
        rewards = [one for one in entry.posting.issued if one.basis and one.basis.goal and one.basis.rule == goal]
        _withdraw(rewards, goal, times, standing - going, found, gone)
