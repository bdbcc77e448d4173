"""A member's whole life at random, against an oracle that counts single points, with the promises after every step.

The books here commit as `ledger/committing.py` does: decide first, then one entry per operation id, for ever; a refusal
is kept under its id; a reversal must have seen the latest. Clocks jump days and months ahead, and from call to call a
few minutes back, also over midnight. HYPOTHESIS_PROFILE=thorough looks much longer.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any, Literal, TypeAlias

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from functions.accrual.deciding import decide
from functions.accrual.returning import Return, decide_return
from functions.ledger import events, items, movements
from functions.ledger.account import Account, Change, Entry, Operation, OperationKind, Posting, Reversal
from functions.ledger.booking import post
from functions.ledger.lots import NEVER, Lots, expiry_key, total
from functions.ledger.movements import Earned
from functions.ledger.proof import prove
from functions.program.model import Earn, Lasting, Paying, Program, Rate, Reward, Validity
from functions.program.occasions import Purchase, PurchaseLine
from functions.program.offering import THE_PRICE, Wanted
from functions.redemption.refunding import decide_refund
from functions.redemption.spending import (
    Redemption,
    decide_capture,
    decide_hold,
    decide_redemption,
    decide_release,
    redemption_id,
)
from functions.runtime.errors import (
    HoldNotFoundError,
    LoyaltyError,
    OperationIdReusedError,
    RefusedError,
    ReplayedRefusalError,
)
from tests.unit.factories import a_program, a_rule
from tests.unit.naive import NaiveLedger, Refusal, earned, months_later

QUICK = settings(max_examples=200, stateful_step_count=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", QUICK, max_examples=1000, stateful_step_count=80)

MEMBER = "mbr_ada"
SOURCE = "till"
BEGIN = datetime(2026, 1, 30, 12, 0, tzinfo=UTC)
RULES = ((1, 25), (3, 100))

Decide: TypeAlias = Callable[[Account, datetime], Posting]
Expect: TypeAlias = Callable[[date], object]
Policy: TypeAlias = Literal["carry", "forgive", "block"]
PIECES = [None, [1], [0, 1], [1, 1], [2], [0, 0, 1], [1, 2, 3], [0, 4], [0, 0, 0, 1]]
"""How many pieces of the first, second, ... line come back, None for all that is left. Some are never all there."""
Which = st.integers(0, 1000)
Policies = st.sampled_from(["carry", "forgive", "block", "carry"])
Skew = st.sampled_from([0, 0, 0, 4])
Lastings = st.sampled_from([None, timedelta(days=9), timedelta(minutes=15), timedelta(days=400)])
"""How long points are held; None where they are spent at once."""


@dataclass
class Books:
    """One account and its entries in memory, committed as the store commits."""

    account: Account
    entries: dict[str, Entry] = field(default_factory=dict)
    refusals: dict[str, tuple[str, dict[str, object]]] = field(default_factory=dict)

    def commit(self, operation: Operation, decide: Decide, now: datetime) -> Entry | LoyaltyError:
        """Like the store, which decides before it can know that an operation is a repeat."""
        try:
            posting = decide(self.account, now)
        except LoyaltyError as error:
            if operation.key in self:
                return self._replay(operation)
            if isinstance(error, RefusedError):
                self.refusals[operation.key] = operation.payload_hash, error.problem()
            return error
        after, entry = post(self.account, posting, operation, now)
        if operation.key in self:
            return self._replay(operation)
        self.account, self.entries[operation.key] = after, entry
        if posting.reversal:
            self._amend(posting.reversal)
        return entry

    def __contains__(self, key: str) -> bool:
        return key in self.entries or key in self.refusals

    def in_order(self) -> list[Entry]:
        return sorted(self.entries.values(), key=lambda entry: entry.n)

    def _replay(self, operation: Operation) -> Entry | LoyaltyError:
        key = operation.key
        kept_hash = self.entries[key].operation.payload_hash if key in self.entries else self.refusals[key][0]
        if kept_hash != operation.payload_hash:
            return OperationIdReusedError("another payload")
        return self.entries[key] if key in self.entries else ReplayedRefusalError(self.refusals[key][1])

    def _amend(self, reversal: Reversal) -> None:
        reversed_entry = self.entries[reversal.operation]
        assert reversed_entry.reversals == reversal.seen, "the reversal has not seen the latest"
        self.entries[reversal.operation] = replace(
            reversed_entry, reversals=reversal.seen + 1, returned=reversal.returned
        )


@dataclass(frozen=True)
class Asked:
    """An operation that was asked for, and how it was answered."""

    operation: Operation
    decide: Decide
    answer: Entry | dict[str, object]


class LedgerMachine(RuleBasedStateMachine):
    """What partners, members and time do to one account, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.latest_call = BEGIN
        self.books = Books(Account(MEMBER, enrolled_at=BEGIN, updated_at=BEGIN, source=SOURCE))
        self.naive = NaiveLedger()
        self.asked: list[Asked] = []
        self.purchases: list[str] = []
        self.ids = 0
        self.program = _program("carry", None)
        self.redeemed_by: dict[str, Program] = {}

    # --- the world -----------------------------------------------------------------------------------------------

    @initialize(policy=Policies, months=st.sampled_from([None, 1, 3]))
    def opens(self, policy: Policy, months: int | None) -> None:
        """With two purchases, in two lots where points expire."""
        self.program = _program(policy, months)
        self.buys([(3, 500), (2, 333)], days_ago=0, pending_days=None, skew=0)
        self.buys([(1, 700)], days_ago=20, pending_days=None, skew=0)

    @rule(policy=Policies, months=st.sampled_from([None, 1, 3]), grace_days=st.sampled_from([30, 0, 1]))
    def another_version_comes_into_force(self, policy: Policy, months: int | None, grace_days: int) -> None:
        self.program = replace(_program(policy, months), refund_grace_days=grace_days)

    @rule(days=st.sampled_from([1, 0, 2, 15, 31, 92, 400]), minute=st.sampled_from([2, 720, 1439]))
    def time_passes(self, days: int, minute: int) -> None:
        midnight = self.now.replace(hour=0, minute=0) + timedelta(days=days)
        self.now = max(self.now, midnight + timedelta(minutes=minute))

    @rule(beyond=st.sampled_from([0, 1]))
    def the_next_day_that_matters_comes(self, beyond: int) -> None:
        """The day on which points become active or can be spent last, or the day after."""
        days = {day for point in self.naive.points for day in (point.active_on, point.last_day) if day}
        coming = min((day for day in days if day + timedelta(days=beyond) > self.now.date()), default=self.now.date())
        self.time_passes((coming - self.now.date()).days + beyond, 2)

    # --- purchases and returns -----------------------------------------------------------------------------------

    @rule(
        bought=st.lists(st.tuples(st.integers(1, 4), st.integers(0, 700)), min_size=1, max_size=3),
        days_ago=st.sampled_from([0, 0, 0, 20, 100]),
        pending_days=st.sampled_from([None, None, 0, 3, 40]),
        skew=Skew,
    )
    def buys(self, bought: list[tuple[int, int]], days_ago: int, pending_days: int | None, skew: int) -> None:
        purchase = self._new_id("receipt")
        lines = {f"line-{i}": line for i, line in enumerate(bought)}
        occurred_at = self._call(skew) - timedelta(days=days_ago)
        months = self.program.lasting_of("").after_months
        last_day = months_later(occurred_at.date(), months) if months else None
        active_on = None if pending_days is None else occurred_at.date() + timedelta(days=pending_days)

        def buy(account: Account, now: datetime) -> Posting:
            piles = [PurchaseLine(line, quantity, amount) for line, (quantity, amount) in lines.items()]
            posting = decide(account, Purchase(purchase, occurred_at, "USD", piles), self.program, now)
            if active_on is None:
                return posting
            points = sum(line.points for line in posting.lines)
            change = movements.earn(account, [Earned(points, expiry_key(last_day), active_on)], now.date())
            return replace(posting, change=change)

        def expect(today: date) -> None:
            self.naive.buy(purchase, lines, earned(lines, RULES), last_day, active_on, today)

        self._ask("purchase", purchase, buy, expect, skew)
        self.purchases.append(purchase)

    @rule(which=Which, pieces=st.sampled_from(PIECES), skew=Skew)
    def brings_back(self, which: int, pieces: list[int] | None, skew: int) -> None:
        quantities = {f"line-{i}": count for i, count in enumerate(pieces) if count} if pieces else None
        purchase = _pick(self.purchases, which)
        key = f"purchase#{SOURCE}#{purchase}"
        forgiven: list[int] = []

        def decide(account: Account, now: datetime) -> Posting:
            return decide_return(account, self.books.entries[key], Return(now, quantities), self.program, now)

        def expect(today: date) -> None:
            forgiven.append(self.naive.bring_back(purchase, quantities, self.program.spent_then_returned, today))

        answer = self._ask("return", self._new_id("return"), decide, expect, skew)
        if isinstance(answer, Entry):
            assert answer.posting.reversal is not None
            assert [answer.posting.reversal.forgiven] == forgiven

    # --- redemptions ---------------------------------------------------------------------------------------------

    @rule(points=st.sampled_from([None, 5, 20, 60]), lasting=Lastings, as_money=st.booleans(), skew=Skew)
    def redeems(self, points: int | None, lasting: timedelta | None, as_money: bool, skew: int) -> None:
        """A reward of so many points, or one that costs all there is: what is returned then is spent."""
        wanted = redemption_id(SOURCE, self._new_id("key"))
        price = points or max(1, self.books.account.balance(self._call(skew).date()).active)
        program = replace(self.program, rewards={"treat": AS_MONEY if as_money else _treat(price)})
        redemption = Redemption(wanted, "treat", Wanted(price) if as_money else THE_PRICE)
        self.redeemed_by[wanted] = program

        def decide(account: Account, now: datetime) -> Posting:
            if lasting is None:
                return decide_redemption(account, redemption, program, now)
            return decide_hold(account, redemption, program, now, lasting)

        expected = self.naive.spend if lasting is None else self.naive.hold
        self._ask("redemption", wanted, decide, lambda day: expected(wanted, price, day), skew)

    @rule(which=Which, points=st.sampled_from([None, 5, 20, 60]), lasting=Lastings, skew=Skew)
    def spends_and_brings_back(self, which: int, points: int | None, lasting: timedelta | None, skew: int) -> None:
        """What debts are made of."""
        self.redeems(points, lasting, as_money=False, skew=skew)
        self.brings_back(which, None, skew)

    @precondition(lambda self: self.made())
    @rule(which=Which, points=st.sampled_from([None, None, 1, 4, 19, 61]), skew=Skew)
    def captures(self, which: int, points: int | None, skew: int) -> None:
        """All of a hold, or, of points as money, a part of it."""
        made = _pick(self.made(), which)
        wanted, program = made.operation.id, self.redeemed_by[made.operation.id]
        until = made.posting.until
        part = points if program.rewards["treat"].paying else None

        def decide(account: Account, now: datetime) -> Posting:
            if until is None:
                raise HoldNotFoundError("It was redeemed at once.")
            return decide_capture(account, made, program, now, Wanted(part) if part else THE_PRICE)

        over = until is not None and self._call(skew) >= until
        self._ask("capture", wanted, decide, lambda _: self.naive.capture(wanted, part, over=over), skew)

    @precondition(lambda self: self.made())
    @rule(which=Which, skew=Skew)
    def gives_up(self, which: int, skew: int) -> None:
        self._release(_pick(self.made(), which), skew)

    @precondition(lambda self: any(entry.posting.until for entry in self.made()))
    @rule(beyond=st.sampled_from([-1, 0, 1]))
    def the_time_of_a_hold_is_over(self, beyond: int) -> None:
        """Or nearly, or just over. What nobody captured by then is given up, also where somebody was quicker."""
        untils = [entry.posting.until for entry in self.made() if entry.posting.until]
        coming = [until for until in untils if until >= self.now]
        if coming:
            self.now = max(self.now, min(coming) + timedelta(microseconds=beyond))
        for entry in self.made():
            if entry.posting.until and entry.posting.until <= self.now:
                self._release(entry, 0)

    def _release(self, made: Entry, skew: int) -> None:
        def decide(account: Account, now: datetime) -> Posting:
            return decide_release(account, made, now)

        wanted = made.operation.id
        self._ask("release", wanted, decide, lambda _: self.naive.release(wanted), skew)

    @precondition(lambda self: self.redeemed())
    @rule(which=Which, points=st.sampled_from([None, 1, 3, 10, 40]), skew=Skew)
    def gets_points_back(self, which: int, points: int | None, skew: int) -> None:
        """All of them that are left, or, of points as money, some."""
        spent = _pick(self.redeemed(), which)
        wanted, program = spent.operation.id, self.redeemed_by[spent.operation.id]
        part = points if program.rewards["treat"].paying else None
        opened = self.books.entries[f"redemption#{wanted}"]

        def decide(account: Account, now: datetime) -> Posting:
            captured = self.books.entries[spent.operation.key]
            return decide_refund(account, opened, captured, None, program, now, part)

        def expect(today: date) -> None:
            self.naive.refund(wanted, part, program.refund_grace_days, today)

        self._ask("refund", self._new_id(wanted) if part else wanted, decide, expect, skew)

    def made(self) -> list[Entry]:
        """The entries that redemptions began with: held or redeemed at once."""
        return [entry for entry in self.books.entries.values() if entry.operation.kind == "redemption"]

    def redeemed(self) -> list[Entry]:
        return [entry for entry in self.books.entries.values() if entry.posting.kind == "redeemed"]

    # --- time and people -----------------------------------------------------------------------------------------

    @precondition(lambda self: bool(self.books.account.pending))
    @rule(skew=Skew)
    def pending_points_activate(self, skew: int) -> None:
        moved: list[int] = []

        def decide(account: Account, now: datetime) -> Posting:
            return _posting("activated", movements.activate(account, now.date()), now)

        answer = self._ask(
            "activation", self._new_id("activation"), decide, lambda day: moved.append(self.naive.activate(day)), skew
        )
        assert isinstance(answer, Entry)
        assert [-total(answer.posting.change.pending)] == moved

    @precondition(lambda self: bool(self.books.account.lots.keys() - {NEVER}))
    @rule(skew=Skew)
    def lots_expire(self, skew: int) -> None:
        gone: list[int] = []

        def decide(account: Account, now: datetime) -> Posting:
            return _posting("expired", movements.expire(account, now.date()), now)

        answer = self._ask(
            "expiry", self._new_id("expiry"), decide, lambda day: gone.append(self.naive.expire(day)), skew
        )
        assert isinstance(answer, Entry)
        assert [-answer.posting.points] == gone

    @rule(points=st.sampled_from([30, 1, 0, -1, -30]), lasts=st.sampled_from([None, 0, 10, 100]), skew=Skew)
    def is_adjusted(self, points: int, lasts: int | None, skew: int) -> None:
        last_day = None if lasts is None else self._call(skew).date() + timedelta(days=lasts)

        def decide(account: Account, now: datetime) -> Posting:
            change = movements.adjust(account, points, expiry_key(last_day), now.date())
            return _posting("adjusted", change, now)

        self._ask(
            "adjustment",
            self._new_id("adjustment"),
            decide,
            lambda day: self.naive.adjust(points, last_day, day),
            skew,
        )

    # --- partners that repeat themselves -------------------------------------------------------------------------

    @precondition(lambda self: self.repeatable())
    @rule(which=Which, payload_hash=st.sampled_from(["hash", "another"]), skew=Skew)
    def an_operation_id_comes_again(self, which: int, payload_hash: str, skew: int) -> None:
        """P1, P7, P9: whatever has happened since, the answer is the first one. P2: another payload is refused."""
        asked = _pick(self.repeatable(), which)
        answer = self._repeat(asked, replace(asked.operation, payload_hash=payload_hash), skew)
        if payload_hash == "hash":
            assert answer == asked.answer
        else:
            assert isinstance(answer, dict)
            assert answer["code"] == "operation_id_reused"

    def repeatable(self) -> list[Asked]:
        return self.asked

    def _repeat(self, asked: Asked, operation: Operation, skew: int) -> Entry | dict[str, object]:
        account, entries, refusals = self.books.account, dict(self.books.entries), dict(self.books.refusals)
        answer = self.books.commit(operation, asked.decide, self._call(skew))
        assert self.books.account == account
        assert self.books.entries == entries
        assert self.books.refusals == refusals
        return _as_booked(answer)

    # --- the promises --------------------------------------------------------------------------------------------

    @invariant()
    def the_oracle_agrees(self) -> None:
        account = self.books.account
        for day in {self.now.date(), self.latest_call.date()}:
            balance = account.balance(day)
            assert (balance.active, balance.pending, balance.held, balance.debt) == self.naive.balance(day)
        assert account.lots == {expiry_key(day): points for day, points in self.naive.by_last_day().items()}

    @invariant()
    def nothing_is_below_zero(self) -> None:
        """P3. As of the latest day: a clock that is behind over midnight sees lots that were over when a debt arose."""
        account = self.books.account
        buckets = [account.lots, account.pending, *account.holds.values()]
        assert all(points > 0 for bucket in buckets for points in bucket.values())
        assert account.debt >= 0
        assert not (account.debt and account.balance(self.now.date()).active)

    @invariant()
    def the_books_add_up(self) -> None:
        """P4."""
        account, entries = self.books.account, self.books.in_order()
        assert [entry.n for entry in entries] == list(range(1, account.n + 1))
        assert account.lots == _sum(entry.posting.change.lots for entry in entries)
        assert account.pending == _sum(entry.posting.change.pending for entry in entries)
        assert account.debt == sum(entry.posting.change.debt for entry in entries)
        held = sum(total(lots) for lots in account.holds.values())
        owned = total(account.lots) + total(account.pending) + held - account.debt
        assert owned == sum(entry.posting.points for entry in entries)
        proof = prove(account, entries)
        assert (proof.drift, proof.owned, proof.entries) == (None, owned, account.n)

    @invariant()
    def what_is_stored_is_what_was_meant(self) -> None:
        account, latest = self.books.account, self.books.in_order()[-1:]
        assert items.account_from_item(items.account_to_item(account)) == account
        for entry in latest:
            assert items.entry_from_item(_stored(entry)) == _with_tuples(entry)
            assert events.of_entry(entry)

    @invariant()
    def a_hold_is_resolved_at_most_once(self) -> None:
        """P5."""
        holds = [hold for entry in self.books.entries.values() for hold in entry.posting.change.holds.items()]
        put_in = Counter(name for name, lots in holds if total(lots) > 0)
        taken_out = Counter(name for name, lots in holds if total(lots) < 0)
        assert all(times == 1 for times in [*put_in.values(), *taken_out.values()])
        assert set(taken_out) <= set(put_in)
        assert self.books.account.holds.keys() == set(put_in) - set(taken_out)

    @invariant()
    def no_more_comes_back_than_was_given(self) -> None:
        """P6, by line: pieces and points, counted from the reversals themselves."""
        for purchase in self.books.entries.values():
            if purchase.operation.kind != "purchase":
                continue
            back: Counter[str] = Counter()
            for entry in self.books.entries.values():
                reversal = entry.posting.reversal
                if reversal and reversal.operation == purchase.operation.key:
                    [reason] = entry.posting.explanation
                    back.update({line: -points for line, points in reason.lines.items()})
                    assert reversal.forgiven - entry.posting.points == -sum(reason.lines.values())
            for line in purchase.posting.lines:
                came = purchase.returned.get(line.id)
                assert back[line.id] == (came.points if came else 0)
                assert back[line.id] <= line.points
                assert came is None or came.quantity <= line.quantity
                assert came is None or (back[line.id] == line.points) >= (came.quantity == line.quantity)

    @invariant()
    def no_more_is_refunded_than_was_spent(self) -> None:
        """By redemption: points and value, counted from the refunds themselves."""
        for spent in self.redeemed():
            refunds = [
                entry.posting
                for entry in self.books.entries.values()
                if entry.posting.reversal and entry.posting.reversal.operation == spent.operation.key
            ]
            back = sum(refund.points for refund in refunds)
            assert back == sum(returned.points for returned in spent.returned.values()) <= -spent.posting.points
            value = sum(reward_of_posting(refund) for refund in refunds)
            assert value == reward_of_posting(spent.posting) * back // -spent.posting.points

    # --- how ---------------------------------------------------------------------------------------------------

    def _new_id(self, what: str) -> str:
        self.ids += 1
        return f"{what}-{self.ids}"

    def _call(self, skew: int) -> datetime:
        """What the clock of this call says."""
        return self.now - timedelta(minutes=skew)

    def _ask(self, kind: OperationKind, id: str, decide: Decide, expect: Expect, skew: int) -> Entry | None:
        """Ask for an operation and compare with the oracle; a repeat, if it was asked for before."""
        operation = Operation(kind, SOURCE, id, "hash", "correlation")
        if operation.key in self.books:
            asked = next(asked for asked in self.asked if asked.operation.key == operation.key)
            assert self._repeat(asked, operation, skew) == asked.answer
            return None
        now = self.latest_call = self._call(skew)
        before = self.books.account
        answer = self.books.commit(operation, decide, now)
        refusal = _refusal(expect, now.date())
        assert (answer.code if isinstance(answer, LoyaltyError) else None) == refusal
        assert not refusal or self.books.account == before
        if operation.key in self.books:
            self.asked.append(Asked(operation, decide, _as_booked(answer)))
        return answer if isinstance(answer, Entry) else None


def _refusal(expect: Expect, today: date) -> str | None:
    """The code with which the oracle refuses, None where it does what is asked."""
    try:
        expect(today)
    except Refusal as refusal:
        return refusal.code
    return None


def _program(policy: Policy, months: int | None) -> Program:
    """Points for what was paid altogether, as the coins lie on the table: by line, in their order."""
    rules = [
        a_rule(points, amount, id=f"{points}-per-{amount}", earn=_full(points, amount)) for points, amount in RULES
    ]
    return a_program(rules, [_treat(5)], Lasting(after_months=months or 0), policy)


def _full(points: int, amount: int) -> Earn:
    return Earn({"": Rate(Fraction(points), amount, full=True)})


def _treat(price: int) -> Reward:
    return Reward("treat", "product", price, value=500, valid=Validity(days=30), text={})


AS_MONEY = Reward("treat", "credit", None, None, Validity(), {}, paying=Paying(1, 1), fulfilment="none")


def reward_of_posting(posting: Posting) -> int:
    assert posting.reward
    return posting.reward.value


def _posting(kind: Literal["activated", "expired", "adjusted"], change: Change, now: datetime) -> Posting:
    return Posting(kind, change, occurred_at=now, program_version=1)


def _as_booked(answer: Entry | LoyaltyError) -> Entry | dict[str, object]:
    """The answer without what has grown since: reversals of an entry."""
    return replace(answer, reversals=0, returned={}) if isinstance(answer, Entry) else answer.problem()


def _stored(entry: Entry) -> dict[str, Any]:
    grown = {"reversals": entry.reversals, "returned": items.returned_to_item(entry.returned)}
    return items.entry_to_item(entry) | (grown if entry.reversals else {})


def _with_tuples(entry: Entry) -> Entry:
    """Sequences come back from the table as tuples, whatever the rules made them of."""
    posting = entry.posting
    sequences = "explanation", "lines", "counts", "issued", "draws", "withdrawn"
    tuples: dict[str, Any] = {name: tuple(getattr(posting, name)) for name in sequences}
    return replace(entry, posting=replace(posting, **tuples))


def _sum(changes: Iterable[Lots]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for change in changes:
        for key, points in change.items():
            sums[key] = sums.get(key, 0) + points
    return {key: points for key, points in sums.items() if points}


def _pick(things: list[Any], which: int) -> Any:
    """One of them; 0 is the latest, so that small examples are about what has just happened."""
    return things[-1 - which % len(things)]


def test_the_repeat_of_an_open_hold_gets_the_same_answer() -> None:
    """P1 and P9. The store decides before it can know that an operation is a repeat: deciding must not crash."""
    books = Books(Account(MEMBER, BEGIN, BEGIN, SOURCE, lots={NEVER: 5}))
    operation = Operation("redemption", SOURCE, "rdm_1", "hash", "correlation")

    def decide(account: Account, now: datetime) -> Posting:
        return decide_hold(account, Redemption("rdm_1", "treat"), _program("carry", None), now, timedelta(minutes=15))

    first = books.commit(operation, decide, BEGIN)

    assert books.commit(operation, decide, BEGIN) == first


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings.get_profile("thorough") if os.environ.get("HYPOTHESIS_PROFILE") == "thorough" else QUICK
