"""What a basket would bring: the same decision as for the purchase, and nothing is written."""

from datetime import datetime

from functions.accrual import store
from functions.accrual.contract import (
    CalculationIn,
    CalculationOut,
    NearlyOut,
    RewardGivenOut,
    RewardInReachOut,
    TierStepOut,
)
from functions.accrual.deciding import decide
from functions.accrual.nearly import nearly_reached
from functions.ledger import store as ledger
from functions.ledger.account import Account, Posting
from functions.ledger.booking import booked
from functions.ledger.contract import BalanceOut, ReasonOut
from functions.program import offering
from functions.program import store as programs
from functions.program.model import Program
from functions.program.occasions import Purchase
from functions.program.periods import day_in
from functions.program.tiers import opened
from functions.runtime import clock
from functions.runtime.errors import MemberNotFoundError

_NOBODY = "nobody"


def calculate(received: CalculationIn, source: str) -> CalculationOut:
    """What a basket would bring a member, or somebody who enrols with it. Raises InvalidError as `decide`, and
    ProgramNotActiveError."""
    now = clock.now()
    purchase = received.bought("calculation", received.occurred_at or now)
    account = _member(received, source)
    known = account is not None
    program = programs.in_force(account.member, purchase.occurred_at) if account else programs.active()
    account = account or _newcomer(program, min(now, purchase.occurred_at), source)
    budgets = store.budgets_of(program)

    def judge(basket: Purchase) -> Posting:
        return decide(account, basket, program, now, budgets)

    posting = judge(purchase)
    after = booked(account, posting)
    nearly = nearly_reached(purchase, posting, program, judge)
    can_have = [reward for reward in program.rewards.values() if offering.can_have(account, reward, program, now)]
    return CalculationOut(
        member_id=account.member if known else None,
        points=BalanceOut.of_change(posting.change),
        balance=BalanceOut.of(after.balance(day_in(now, program.zone))),
        tier=TierStepOut(now=account.tier, after=after.tier),
        rewards_earned=[RewardGivenOut.of(reward) for reward in posting.issued],
        redeemable=[RewardInReachOut.of(reward) for reward in can_have],
        nearly=[NearlyOut.of(one) for one in nearly],
        explanation=[ReasonOut.of(reason) for reason in posting.explanation],
        program_version=program.version,
    )


def _member(received: CalculationIn, source: str) -> Account | None:
    if received.member is None:
        return None
    try:
        return ledger.load(ledger.resolve(received.member.identity(source)))
    except MemberNotFoundError:
        return None


def _newcomer(program: Program, at: datetime, source: str) -> Account:
    return Account(_NOBODY, enrolled_at=at, updated_at=at, source=source, tiers=opened(program, at))
