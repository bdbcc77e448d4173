"""What nobody can reach: tiers, goals, rewards and conversions; and what nothing fills, gives or uses. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from functions.program import wording
from functions.program.checks.bounds import Bound
from functions.program.checks.collectable import most_at_once, most_in, periods_in
from functions.program.checks.conditions import clash, line_clash
from functions.program.checks.finding import Finding, Path
from functions.program.checks.rules import levels, of_conditions, over, takes
from functions.program.model import PURCHASE, SPEND, VISITS, Conversion, Goal, Level, Match, Program, Reward, Tiers


def of_reach(program: Program, today: date | None) -> Iterator[Finding]:
    """What cannot be reached, and what is of no use."""
    yield from _of_tiers(program)
    for i, goal in enumerate(program.goals):
        yield from _of_goal(program, goal, ("goals", i), today)
    most = most_at_once(program)
    for i, conversion in enumerate(program.conversions):
        yield from _of_conversion(conversion, most, ("conversions", i))
    for i, reward in enumerate(program.rewards.values()):
        yield from _of_reward(program, reward, most, ("rewards", i), today)
    if program.referral and (problem := clash(program.referral.when)):
        problem = f"No referral can ever count: {problem}."
        yield Finding(("referral", "when"), "conditions_never_hold", problem, serious=True)
    yield from _unused(program)


def _of_tiers(program: Program) -> Iterator[Finding]:
    tiers = program.tiers
    for i, level in enumerate(tiers.levels if tiers else ()):
        assert tiers is not None
        path: Path = ("tiers", "levels", i)
        yield from _out_of_reach(program, tiers, level, path)
        if i and level.id not in reachable(program):
            problem = f"Nobody reaches the tier {level.id} by the rules: give it a reach, or a rule that gives it."
            yield Finding(path, "tier_out_of_reach", problem)
        shadow = next((higher for higher in tiers.levels[i + 1 :] if i and _shadows(higher, level)), None)
        if shadow:
            problem = (
                f"Nobody is ever in the tier {level.id}: who reaches it reaches {shadow.id} as well, which is higher."
            )
            serious = not tiers.soft and level.id not in _given_tiers(program)
            yield Finding(path, "tier_shadowed", problem, serious)
    for i, rule in enumerate(program.earning):
        yield from _of_nobody(program, f"The rule {rule.id}", rule.when.tier, ("earning", i, "when", "tier"))


def _of_nobody(program: Program, named: str, wanted: Match | None, path: Path) -> Iterator[Finding]:
    taken = [tier for tier in levels(program) if takes(wanted, tier)]
    if taken and not set(taken) & reachable(program):
        yield Finding(path, "for_nobody", f"{named} is for {wording.listed(taken)}, which nobody reaches by the rules.")


def _out_of_reach(program: Program, tiers: Tiers, level: Level, path: Path) -> Iterator[Finding]:
    for name, ways in (("reach", level.reach), ("lifetime", level.lifetime)):
        for j, way in enumerate(ways):
            for measure, least in way.items():
                most = _most_for_tier(program, tiers, measure, lifetime=name == "lifetime")
                if most is not None and most < least:
                    problem = (
                        f"The tier {level.id} wants {least} {measure}, and there can be {_at_most(most)} in its time."
                    )
                    yield Finding((*path, name, j, measure), "measure_out_of_reach", problem, serious=True)


def _most_for_tier(program: Program, tiers: Tiers, measure: str, *, lifetime: bool) -> Bound:
    if lifetime:
        return most_in(program, measure, "ever")
    most = most_in(program, measure, tiers.counted_by)
    return most if most is None else most * (tiers.rolling_months + 1)


def _at_most(most: int) -> str:
    return f"at most {most}" if most else "none, as nothing gives any"


def reachable(program: Program) -> set[str]:
    """The tiers that members come to by themselves."""
    tiers = program.tiers
    if tiers is None:
        return set()
    ways = {
        level.id: [
            *(all(_can(program, tiers, *one, lifetime=False) for one in way.items()) for way in level.reach),
            *(all(_can(program, tiers, *one, lifetime=True) for one in way.items()) for way in level.lifetime),
        ]
        for level in tiers.levels
    }
    return {tiers.levels[0].id, *_given_tiers(program), *(tier for tier, possible in ways.items() if any(possible))}


def _can(program: Program, tiers: Tiers, measure: str, least: int, *, lifetime: bool) -> bool:
    most = _most_for_tier(program, tiers, measure, lifetime=lifetime)
    return most is None or most >= least


def _given_tiers(program: Program) -> set[str]:
    return {rule.gift.tier for rule in program.earning if rule.gift and rule.gift.tier}


def _shadows(higher: Level, level: Level) -> bool:
    """Whether who reaches a tier, in whatever way, reaches the higher one in the same."""
    ways = [*level.reach, *level.lifetime]
    return bool(ways) and _all_within(level.reach, higher.reach) and _all_within(level.lifetime, higher.lifetime)


def _all_within(ways: Sequence[Mapping[str, int]], higher: Sequence[Mapping[str, int]]) -> bool:
    return all(any(_is_enough(way, wanted) for wanted in higher) for way in ways)


def _is_enough(way: Mapping[str, int], wanted: Mapping[str, int]) -> bool:
    return all(way.get(measure, 0) >= least for measure, least in wanted.items())


def _of_goal(program: Program, goal: Goal, path: Path, today: date | None) -> Iterator[Finding]:
    named = f"The goal {goal.id}"
    if problem := clash(goal.when):
        problem = f"{named} can never be reached: {problem}."
        yield Finding((*path, "when"), "conditions_never_hold", problem, serious=True)
    if problem := line_clash(goal.lines):
        problem = f"{named} can never be reached: {problem}."
        yield Finding((*path, "lines"), "lines_never_count", problem, serious=True)
    most = most_in(program, goal.counts, goal.per)
    if most is not None and most < goal.reach:
        problem = f"{named} wants {goal.reach} {goal.counts}, and there can be {_at_most(most)} in its time."
        yield Finding((*path, "reach"), "goal_out_of_reach", problem, serious=True)
    if _streak_too_long(goal):
        problem = f"{named} wants {goal.in_a_row} periods in a row, and its dates are over before."
        yield Finding((*path, "in_a_row"), "streak_longer_than_dates", problem, serious=True)
    yield from over(named, goal.when.last_day, today, (*path, "when", "last_day"))
    on = [PURCHASE] if goal.counts in {SPEND, VISITS} else [goal.counts] if goal.counts in program.activities else []
    if on:
        yield from of_conditions(program, named, goal.when, (*path, "when"), on)


def _streak_too_long(goal: Goal) -> bool:
    if goal.in_a_row == 1 or goal.when.first_day is None or goal.when.last_day is None:
        return False
    touched = periods_in((goal.when.last_day - goal.when.first_day).days + 1, goal.per)
    return touched is not None and touched < goal.in_a_row


def _of_conversion(conversion: Conversion, most: Bound, path: Path) -> Iterator[Finding]:
    steps = [conversion.each] if conversion.each else list(conversion.table)
    named = f"The conversion {conversion.id}"
    least = max(conversion.minimum, steps[0].points)
    if most is not None and most < least:
        problem = f"{named} starts at {least} points, and members can have {_at_most(most)}."
        yield Finding(path, "conversion_out_of_reach", problem, serious=True)
        return
    for j, step in enumerate(conversion.table):
        if most is not None and step.points > most:
            problem = f"{named} has a step of {step.points} points, and members can have {_at_most(most)}."
            yield Finding((*path, "table", j), "step_out_of_reach", problem)
        if j + 1 < len(steps) and steps[j + 1].points <= conversion.minimum:
            problem = f"{named} never uses its step of {step.points} points: it starts at {conversion.minimum}."
            yield Finding((*path, "table", j), "step_below_minimum", problem)
        if j and step.value <= steps[j - 1].value:
            problem = f"{named} gives no more for {step.points} points than for {steps[j - 1].points}."
            yield Finding((*path, "table", j), "step_worth_less", problem)


def _of_reward(program: Program, reward: Reward, most: Bound, path: Path, today: date | None) -> Iterator[Finding]:
    named = f"The reward {reward.id}"
    price = reward.mix.least_points if reward.mix else reward.points
    if price is not None and most is not None and most < price:
        problem = f"{named} costs {price} points, and members can have {_at_most(most)}."
        where = ("money_for_points", "least_points") if reward.mix else ("points",)
        yield Finding((*path, *where), "reward_out_of_reach", problem, serious=True)
    if not reward.is_sold and reward.id not in _given_rewards(program):
        problem = f"{named} has no price, and no rule, goal or conversion gives it: give it points, or a rule."
        yield Finding(path, "reward_never_given", problem)
    least = reward.paying.least if reward.paying else 0
    if most is not None and most < least:
        problem = f"{named} is paid with at least {least} points, and members can have {_at_most(most)}."
        yield Finding((*path, "pay", "least_points"), "reward_out_of_reach", problem, serious=True)
    if reward.stock and not reward.stock.pieces:
        yield Finding((*path, "stock"), "no_stock", f"{named} has no pieces: nobody can have it before some are added.")
    tiers = levels(program)
    if tiers and not any(takes(reward.tier, tier) for tier in tiers):
        yield Finding((*path, "tier"), "no_tier_taken", f"{named} leaves out every tier.", serious=True)
    yield from _of_nobody(program, named, reward.tier, (*path, "tier"))
    yield from over(named, reward.last_day, today, (*path, "offered_to"))
    yield from over(f"The time to use {named[4:]}", reward.valid.last, today, (*path, "usable_to"))


def _given_rewards(program: Program) -> set[str | None]:
    return {
        *(rule.gift.reward for rule in program.earning if rule.gift),
        *(goal.reward for goal in program.goals),
        *(conversion.reward for conversion in program.conversions),
    }


def _unused(program: Program) -> Iterator[Finding]:
    used, filled = _used(program), {rule.into for rule in program.earning}
    for i, counter in enumerate(program.counters):
        if counter not in filled:
            problem = f"Nothing fills the counter {counter}: a rule does with into: {counter}."
            yield Finding(("counters", i), "counter_never_filled", problem)
        elif counter not in used:
            problem = f"Nothing uses the counter {counter}: no tier, goal or condition counts it."
            yield Finding(("counters", i), "counter_unused", problem)
    for i, activity in enumerate(program.activities):
        if activity not in used:
            problem = f"Nothing comes of the activity {activity}: no rule, goal or tier is on it."
            yield Finding(("activities", i), "activity_unused", problem)
    for group in program.groups:
        if group.id and not any(rule.group == group.id for rule in program.earning):
            yield Finding(("groups", group.id), "group_empty", f"The group {group.id} has no rules.")


def _used(program: Program) -> set[str]:
    """Activities and counters that something goes by."""
    whens = [rule.when for rule in program.earning] + [goal.when for goal in program.goals]
    whens += [reward.when for reward in program.rewards.values() if reward.when]
    whens += [program.referral.when] if program.referral else []
    lasting = [*program.lasting.values(), *(one for rule in program.earning for one in rule.lasting.values())]
    tiers = program.tiers.levels if program.tiers else ()
    return {
        *(occasion for rule in program.earning for occasion in rule.on),
        *(goal.counts for goal in program.goals),
        *(measure for level in tiers for way in (*level.reach, *level.lifetime) for measure in way),
        *(measure for when in whens for measure in when.counted),
        *(what for one in lasting for what in one.extended_by),
        *([program.referral.on] if program.referral else []),
    }
