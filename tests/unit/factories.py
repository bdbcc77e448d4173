"""Small makers of what the rules work on: a test names only what it is about."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from fractions import Fraction
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from functions.accrual.deciding import NO_BUDGETS, decide
from functions.accrual.earning import Budgets
from functions.accrual.returning import (
    Return,
    decide_confirmation,
    decide_decline,
    decide_return,
    goals_in_question,
    goals_of_activity_in_question,
)
from functions.accrual.withdrawing import Found
from functions.ledger.account import Account, Entry, Operation, Posting, Reason
from functions.ledger.booking import post
from functions.ledger.lots import NEVER, Lots
from functions.ledger.movements import DebtPolicy
from functions.ledger.rewards import IssuedReward, Voucher
from functions.ledger.vouchers import completed
from functions.program.model import (
    Earn,
    EarningRule,
    Gift,
    Goal,
    Group,
    Lasting,
    Level,
    Program,
    Rate,
    Reward,
    Validity,
    Word,
)
from functions.program.occasions import Activity, Purchase, PurchaseLine
from functions.program.periods import PeriodKind

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
TODAY = NOW.date()
FOR_EVER = Lasting()
MEMBER = "mem_abcdefghij2345672345"


def an_account(lots: Lots | None = None, **more: Any) -> Account:
    return Account(
        **{"member": MEMBER, "enrolled_at": NOW, "updated_at": NOW, "source": "till", "lots": lots or {}, **more}
    )


def a_rule(points: Fraction | int = 1, amount: int = 100, id: str = "every-dollar", **more: Any) -> EarningRule:
    """`points` for every `amount`, in proportion."""
    text = {"en": "1 point for every dollar", "fr": "1 point par dollar"}
    return EarningRule(**{"id": id, "group": "", "text": text, "earn": an_earn(points, amount), **more})


def an_earn(points: Fraction | int = 1, per: int = 100, **more: Any) -> Earn:
    return Earn({"": Rate(Fraction(points), per)}, **more)


def a_reward(points: int = 100, id: str = "voucher-5") -> Reward:
    text = {"en": "5 dollars off", "fr": "5 dollars de réduction"}
    return Reward(id, "voucher", points, value=500, valid=Validity(days=90), text=text)


def a_program(
    earning: Sequence[EarningRule] = (a_rule(),),
    rewards: Sequence[Reward] = (a_reward(),),
    lasting: Lasting = FOR_EVER,
    spent_then_returned: DebtPolicy = "carry",
    **more: Any,
) -> Program:
    program = {
        "version": 7,
        "id": "record-shop",
        "name": {"en": "Record Club", "fr": "Le Club du disque"},
        "currency": "USD",
        "zone": ZoneInfo("UTC"),
        "lasting": {"": lasting},
        "groups": [Group("", "all")],
        "spent_then_returned": spent_then_returned,
        "earning": earning,
        "rewards": {reward.id: reward for reward in rewards},
    }
    return Program(**(program | more))  # type: ignore[arg-type]


def a_purchase(*amounts: int, occurred_at: datetime = NOW, currency: str = "USD") -> Purchase:
    """A purchase with a line for each amount; the lines are called 1, 2, 3, …"""
    lines = [PurchaseLine(str(i), quantity=1, amount=amount) for i, amount in enumerate(amounts, start=1)]
    return Purchase("receipt-1", occurred_at, currency, lines)


def an_operation(kind: str = "purchase", id: str = "receipt-1") -> Operation:
    return Operation(kind, "till", id, "hash-1", "request-1")  # type: ignore[arg-type]


def an_issued_reward(valid_until: date | None = date(2027, 2, 19)) -> IssuedReward:
    return IssuedReward(
        redemption="rdm_abcdefghij2345672345",
        reward="voucher-5",
        kind="voucher",
        value=500,
        currency="USD",
        code="0123-4567-89AB-CDEF",
        valid_until=valid_until,
    )


def an_entry(
    posting: Posting, lots: Mapping[str, int] = {NEVER: 250}, operation: Operation | None = None, n: int = 3
) -> Entry:
    """The `n`-th entry of an account that held `lots` before."""
    _, entry = post(an_account(lots, n=n - 1), posting, operation or an_operation(), NOW)
    return entry


def a_line(id: str = "1", amount: int = 1000, quantity: int = 1, **more: Any) -> PurchaseLine:
    return PurchaseLine(id, quantity, amount, **more)


def a_basket(*lines: PurchaseLine, occurred_at: datetime = NOW, **more: Any) -> Purchase:
    return Purchase("receipt-1", occurred_at, "USD", lines, **more)


def an_activity(kind: str = "review", occurred_at: datetime = NOW, **attributes: Word) -> Activity:
    return Activity(f"{kind}-1", kind, occurred_at, attributes)


def a_flat_rule(points: int = 10, id: str = "bonus", **more: Any) -> EarningRule:
    """So many points at once."""
    return a_rule(points, 0, id, **more)


def a_rule_of(earn: Earn | None, id: str = "rule", **more: Any) -> EarningRule:
    """A rule that earns in a way of its own."""
    return replace(a_rule(id=id, **more), earn=earn)


def a_gift_rule(gift: Gift, id: str = "gift", **more: Any) -> EarningRule:
    return a_rule_of(None, id, gift=gift, **more)


def a_goal(counts: str = "visits", reach: int = 3, per: PeriodKind = "month", **more: Any) -> Goal:
    return Goal(**{"id": "goal", "counts": counts, "reach": reach, "per": per, "text": {}, "points": 50, **more})


def levels(**reach: Mapping[str, int]) -> list[Level]:
    """Tiers from the lowest, `base`, each with one way to reach it."""
    return [Level("base", {}), *(Level(id, {}, [way]) for id, way in reach.items())]


def reason_of(posting: Posting, rule: str) -> Reason:
    """Why a rule, or a goal, gave what it gave."""
    [found] = [reason for reason in posting.explanation if reason.rule == rule]
    return found


def shares_of(posting: Posting) -> dict[str, int]:
    """The points of each line."""
    return {line.id: line.points for line in posting.lines}


class Journey:
    """A member to whom one thing happens after another, each decided and posted, with the books as a store keeps them:
    the entries, what was taken back of each, and the vouchers by code."""

    def __init__(self, program: Program, account: Account | None = None) -> None:
        self.program = program
        self.account = account or an_account()
        self.entries: list[Entry] = []
        self.vouchers: dict[str, Voucher] = {}
        self._happened = 0
        self._codes = count()

    def does(self, event: Purchase | Activity, now: datetime | None = None, budgets: Budgets = NO_BUDGETS) -> Entry:
        """Post an event, at once if nothing else is said."""
        now = now or event.occurred_at
        posting = decide(self.account, event, self.program, now, budgets)
        return self.books("purchase" if isinstance(event, Purchase) else "activity", posting, now)

    def returns(self, purchase: Entry, quantities: Mapping[str, int] | None = None, at: datetime = NOW) -> Entry:
        """Bring back some of a purchase, all of it if nothing else is said; the purchase as it is then."""
        self.books("return", self.return_of(purchase, quantities, at), at)
        return self.latest(purchase)

    def return_of(self, purchase: Entry, quantities: Mapping[str, int] | None = None, at: datetime = NOW) -> Posting:
        """How a return would be booked."""
        returned = Return(at, quantities)
        goals = goals_in_question(self.account, purchase, returned)
        return decide_return(self.account, purchase, returned, self.program, at, self.found(purchase, goals))

    def confirms(self, activity: Entry, at: datetime = NOW) -> Entry:
        return self.books("confirmation", decide_confirmation(self.account, activity, self.program, at), at)

    def declines(self, activity: Entry, at: datetime = NOW) -> Entry:
        goals = goals_of_activity_in_question(self.account, activity, self.program)
        posting = decide_decline(self.account, activity, self.program, at, self.found(activity, goals))
        return self.books("confirmation", posting, at)

    def found(self, entry: Entry, goals: Mapping[str, int]) -> Found:
        """What the books say about the goals in question, and about the vouchers of all entries that are."""
        about = [one for one in reversed(self.entries) if any(counted.key in goals for counted in one.posting.counts)]
        given = {one.code for source in (entry, *about) for one in source.posting.issued}
        return Found(about, {code: self.vouchers[code] for code in given if code in self.vouchers})

    def latest(self, entry: Entry) -> Entry:
        """An entry with all that has been taken back of it."""
        for one in self.entries:
            reversal = one.posting.reversal
            if reversal and reversal.operation == entry.operation.key:
                entry = replace(entry, reversals=reversal.seen + 1, returned=reversal.returned)
        return entry

    def standing(self) -> list[int]:
        """What the vouchers that were not taken back are worth, in the order in which they were given."""
        return [one.reward.value for one in self.vouchers.values() if not one.withdrawn]

    def books(self, kind: str, posting: Posting, now: datetime) -> Entry:
        """Post a posting, with all that comes and goes with it."""
        self._happened += 1
        operation = an_operation(kind, f"{kind}-{self._happened}")
        posting = completed(posting, operation, lambda: f"code-{next(self._codes)}")
        self.account, entry = post(self.account, posting, operation, now)
        self.entries.append(entry)
        self.vouchers |= {one.code: Voucher(one, self.account.member) for one in posting.issued if one.code}
        for one in posting.withdrawn:
            before = self.vouchers[one.voucher.reward.code or ""]
            assert before == one.voucher, "a voucher is taken back as it is, and only once"
            reward = replace(before.reward, value=one.left)
            self.vouchers[one.voucher.reward.code or ""] = replace(
                before, reward=reward, changes=before.changes + 1, withdrawn=not one.left
            )
        return entry
