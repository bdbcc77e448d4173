"""What can be had: the catalogue, one reward of it, and all of it for a member."""

from functions.ledger import store as ledger
from functions.ledger.account import Account
from functions.program import store as programs
from functions.program.model import Program, Reward
from functions.program.offering import check_eligible, least_points
from functions.program.periods import day_in
from functions.redemption import stocking
from functions.redemption.contract import (
    CatalogueOut,
    MemberRewardsOut,
    NextRewardOut,
    RewardForMemberOut,
    RewardOut,
    cheapest_first,
)
from functions.redemption.spending import on_offer
from functions.runtime import clock
from functions.runtime.errors import RewardNotEligibleError

SOLD_OUT, INSUFFICIENT_POINTS = "sold_out", "insufficient_points"


def catalogue() -> CatalogueOut:
    """Raises ProgramNotActiveError."""
    program = programs.active()
    return CatalogueOut(items=[_shown(reward, program) for reward in _offered(program)])


def one(reward_id: str) -> RewardOut:
    """Raises RewardNotFoundError, ProgramNotActiveError."""
    program = programs.active()
    return _shown(on_offer(program, reward_id), program)


def for_member(member: str) -> MemberRewardsOut:
    """Every reward with whether the member can have it. Raises MemberNotFoundError, ProgramNotActiveError."""
    account, now = ledger.standing(ledger.load(member)), clock.now()
    program = programs.in_force(account.member, now)
    active = account.balance(day_in(now, program.zone)).active
    items = [_judged(reward, account, program) for reward in _offered(program)]
    items.sort(key=lambda item: (not item.can_have, item.missing))
    reachable = [item for item in items if item.why_not == INSUFFICIENT_POINTS]
    nearest = NextRewardOut(reward_id=reachable[0].reward_id, missing=reachable[0].missing) if reachable else None
    return MemberRewardsOut(member_id=account.member, active=active, items=items, next=nearest)


def _offered(program: Program) -> list[Reward]:
    return sorted((reward for reward in program.rewards.values() if reward.is_sold), key=cheapest_first)


def _shown(reward: Reward, program: Program) -> RewardOut:
    return RewardOut.of(reward, program, stocking.left(reward, program, clock.now()))


def _judged(reward: Reward, account: Account, program: Program) -> RewardForMemberOut:
    now, shown = clock.now(), _shown(reward, program)
    missing = max(0, least_points(reward) - account.balance(day_in(now, program.zone)).active)
    return RewardForMemberOut.for_member(shown, _why_not(reward, account, program, shown.left, missing), missing)


def _why_not(reward: Reward, account: Account, program: Program, left: int | None, missing: int) -> str | None:
    if account.status != "active":
        return f"member_{account.status}"
    try:
        check_eligible(account, reward, program, clock.now())
    except RewardNotEligibleError as error:
        return str(error.members["reason"])
    if left == 0:
        return SOLD_OUT
    return INSUFFICIENT_POINTS if missing else None
