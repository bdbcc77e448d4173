"""Trying a programme on stories: members who buy, return, do things and wait, and what they should have then.

A table is a YAML file beside the programme. Nothing is deployed: the rules that judge live purchases judge the stories.

    stories:
      - story: A Gold member buys a latte
        member: {enrolled: 2026-03-01, tier: gold}      # also birthday, segments, attributes, referred_by
        steps:
          - {at: 2026-03-10 09:00, buy: 500, points: 6, because: 5.00 x 1.2}
          - {at: 2026-03-11 09:00, return: 1, points: -6}

A step does one thing (`buy`, `return`, `do`, `confirm` or `decline` what a step did, `redeem`, `wait`); one that
reaches us late says when it `arrives`. It says what it expects: `points`, `balance`, `pending`, `tier`, `until`,
`rewards`, `usable` (its days by reward), `withdrawn` (what is left, by reward), `counters`, `rules` (points by rule),
`not` (the condition that failed by rule), `expires` (points by last day), `referrer`, `error`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, ValidationError

from cli.errors import ExplainedError
from functions.accrual.deciding import check_declared, decide
from functions.accrual.returning import Return, decide_confirmation, decide_decline, decide_return
from functions.accrual.withdrawing import Found
from functions.ledger.account import Account, Entry, Operation, Posting, TierStep, Traits
from functions.ledger.booking import post
from functions.ledger.lots import total
from functions.ledger.rewards import IssuedReward, Voucher
from functions.ledger.vouchers import completed
from functions.lifecycle.passing import passing
from functions.program import document
from functions.program.model import BUILT_IN, Program
from functions.program.occasions import Activity, Purchase, PurchaseLine
from functions.redemption.spending import Redemption, decide_redemption
from functions.runtime.errors import InvalidError, LoyaltyError
from functions.runtime.validation import AttributeValue, Input


class TableError(ExplainedError):
    """The table is not one; the message says where."""


Attributes: TypeAlias = dict[str, AttributeValue]


class LineIn(Input):
    """A line of a purchase; whatever is left out does not matter to the story."""

    amount: int
    id: str | None = None
    quantity: int = 1
    sku: str = ""
    categories: tuple[str, ...] = ()
    brand: str | None = None
    discounted: bool = False
    discount: int = 0
    attributes: Attributes = Field(default_factory=dict)


class BuyIn(Input):
    """A purchase."""

    lines: Annotated[list[LineIn], Field(min_length=1)]
    store: str | None = None
    channel: str | None = None
    payment_method: str | None = None
    attributes: Attributes = Field(default_factory=dict)
    payments: dict[str, int] = Field(default_factory=dict)


class DoIn(Input):
    """An activity."""

    activity: str
    attributes: Attributes = Field(default_factory=dict)


class ReturnIn(Input):
    """What comes back of the purchase of a step: pieces by line, all that is left where no lines are given."""

    step: int
    lines: dict[str, int] | None = None


class StepIn(Input):
    """What happens, and what is expected then."""

    at: str
    arrives: str | None = None
    buy: int | BuyIn | None = None
    do: str | DoIn | None = None
    back: Annotated[int | ReturnIn | None, Field(alias="return")] = None
    confirm: int | None = None
    decline: int | None = None
    redeem: str | None = None
    wait: bool = False
    because: str = ""
    points: int | None = None
    balance: int | None = None
    pending: int | None = None
    tier: str | None = None
    until: date | Literal["never"] | None = None
    rewards: list[str] | None = None
    usable: dict[str, str] | None = None
    withdrawn: dict[str, int] | None = None
    counters: dict[str, int] | None = None
    rules: dict[str, int] | None = None
    refused: Annotated[dict[str, str] | None, Field(alias="not")] = None
    expires: dict[str, int] | None = None
    referrer: str | None = None
    error: str | None = None


class MemberIn(Input):
    """Who the story is about."""

    enrolled: date = date(2020, 1, 1)
    tier: str | None = None
    since: date | None = None
    until: date | None = None
    birthday: str | None = None
    segments: tuple[str, ...] = ()
    attributes: Attributes = Field(default_factory=dict)
    referred_by: str | None = None


class StoryIn(Input):
    """A member, and what happens one thing after the other."""

    story: str
    member: MemberIn = MemberIn()
    steps: Annotated[list[StepIn], Field(min_length=1)]


class TableIn(Input):
    """Stories of one programme."""

    about: str = ""
    stories: Annotated[list[StoryIn], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Tried:
    """One step as it went: what was expected and what came of it, by name, where the two differ."""

    story: str
    number: int
    step: StepIn
    posting: Posting | None
    wrong: Mapping[str, tuple[object, object]]


def read_table(path: Path) -> TableIn:
    """Raises TableError."""
    text = path.read_text()
    try:
        try:
            return TableIn.model_validate(document.read_values(text), strict=False)
        except ValidationError as error:
            raise document.with_lines(error, text) from None
    except InvalidError as error:
        mistakes = "\n".join(f"  {one.detail}" for one in error.errors)
        raise TableError(
            f"{path.name} is not a table of stories (put texts with a comma or a colon in quotes):\n{mistakes}"
        ) from None


def tried(program: Program, table: TableIn) -> Iterator[Tried]:
    """Every step of every story, played."""
    for story in table.stories:
        player = _Player(program, story.member)
        for number, step in enumerate(story.steps, start=1):
            posting, found = player.play(number, step)
            yield Tried(story.story, number, step, posting, _wrong(step, found))


class _Player:
    """One member's story so far."""

    def __init__(self, program: Program, member: MemberIn) -> None:
        enrolled = datetime(member.enrolled.year, member.enrolled.month, member.enrolled.day, tzinfo=program.zone)
        steps: tuple[TierStep, ...] = ()
        if member.tier:
            since = member.since or member.enrolled
            at = datetime(since.year, since.month, since.day, tzinfo=program.zone)
            steps = (TierStep(member.tier, at, member.until, given=True),)
        traits = Traits(tuple(member.segments), member.birthday, member.attributes, member.referred_by)
        self._program = program
        self._account = Account("mem_story", enrolled, enrolled, "story", tiers=steps, traits=traits)
        self._entries: dict[int, Entry] = {}
        self._today = member.enrolled
        self._rewards: list[IssuedReward] = []
        self._codes = count(1)
        self._vouchers: dict[str, Voucher] = {}

    def play(self, number: int, step: StepIn) -> tuple[Posting | None, dict[str, object]]:
        now = _instant(step.arrives or step.at, self._program)
        before = self._account
        self._rewards = []
        self._pass(now)
        try:
            posting = self._posting(number, step, now)
        except LoyaltyError as error:
            return None, self._found(None, now, before) | {"error": error.code}
        if posting:
            self._book(number, posting, now)
        return posting, self._found(posting, now, before)

    def _book(self, number: int, posting: Posting, now: datetime) -> None:
        operation = Operation("purchase", "story", str(number), "", "")
        posting = completed(posting, operation, lambda: f"code-{next(self._codes)}")
        self._account, entry = post(self._account, posting, operation, now, self._program.zone)
        self._entries[number] = entry
        given = [*posting.issued, *([posting.reward] if posting.reward else [])]
        self._rewards += given
        self._vouchers |= {one.code: Voucher(one, entry.member) for one in given if one.code}
        for one in posting.withdrawn:
            left = replace(one.voucher.reward, value=one.left)
            self._vouchers[left.code or ""] = Voucher(left, entry.member, one.voucher.changes + 1, not one.left)

    def _pass(self, now: datetime) -> None:
        today = now.astimezone(self._program.zone).date()
        for passed in passing(self._account, self._program, self._today, today):
            self._account = passed.account
            if passed.posting.reward:
                self._rewards.append(passed.posting.reward)
        self._today = max(today, self._today)

    def _posting(self, number: int, step: StepIn, now: datetime) -> Posting | None:
        at = _instant(step.at, self._program)
        if step.buy is not None:
            return decide(self._account, _purchase(number, step.buy, at, self._program), self._program, now)
        if step.do is not None:
            done = step.do if isinstance(step.do, DoIn) else DoIn(activity=step.do)
            activity = Activity(str(number), done.activity, at, done.attributes)
            if activity.type not in BUILT_IN:
                check_declared(activity, self._program)
            return decide(self._account, activity, self._program, now)
        if step.confirm is not None:
            return decide_confirmation(self._account, self._entries[step.confirm], self._program, now)
        if step.decline is not None:
            return decide_decline(self._account, self._entries[step.decline], self._program, now, self._books())
        if step.back is not None:
            return self._return(step.back, now)
        if step.redeem is not None:
            return decide_redemption(self._account, Redemption(f"rdm_{number}", step.redeem), self._program, now)
        return None

    def _return(self, back: int | ReturnIn, now: datetime) -> Posting:
        wanted = back if isinstance(back, ReturnIn) else ReturnIn(step=back)
        purchase = self._entries[wanted.step]
        returned = Return(now, wanted.lines)
        posting = decide_return(self._account, purchase, returned, self._program, now, self._books())
        assert posting.reversal
        self._entries[wanted.step] = replace(
            purchase, reversals=purchase.reversals + 1, returned=dict(posting.reversal.returned)
        )
        return posting

    def _books(self) -> Found:
        latest_first = sorted(self._entries.values(), key=lambda entry: -entry.n)
        return Found(latest_first, self._vouchers)

    def _found(self, posting: Posting | None, now: datetime, before: Account) -> dict[str, object]:
        account, today = self._account, now.astimezone(self._program.zone).date()
        reasons = posting.explanation if posting else ()
        owned = [total(one.lots) + total(one.pending) - one.debt for one in (before, account)]
        return {
            "points": posting.points if posting else owned[1] - owned[0],
            "balance": account.balance(today).active,
            "pending": account.balance(today).pending,
            "tier": account.tier or self._program.base_tier(),
            "until": (account.tiers[-1].until if account.tiers else None) or "never",
            "rewards": sorted(_told(one) for one in self._rewards),
            "usable": {one.reward: f"{one.valid_from} {one.valid_until}" for one in self._rewards},
            "withdrawn": {one.voucher.reward.reward: one.left for one in posting.withdrawn} if posting else {},
            "counters": dict(account.counters),
            "rules": {reason.rule: reason.points for reason in reasons if reason.applied},
            "not": {reason.rule: reason.condition for reason in reasons if not reason.applied},
            "expires": dict(account.lots),
            "referrer": posting.referrer if posting else None,
            "error": None,
        }


def _told(given: IssuedReward) -> str:
    return f"{given.reward} {given.value}" if given.value else given.reward


def _instant(text: str, program: Program) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=program.zone).astimezone(UTC)
    except ValueError:
        raise TableError(f"{text} is not a time such as 2026-03-10 09:00") from None


def _purchase(number: int, buy: int | BuyIn, at: datetime, program: Program) -> Purchase:
    bought = buy if isinstance(buy, BuyIn) else BuyIn(lines=[LineIn(amount=buy)])
    lines = [
        PurchaseLine(
            line.id or str(i),
            line.quantity,
            line.amount,
            line.sku,
            tuple(line.categories),
            line.brand,
            line.discounted,
            line.discount,
            line.attributes,
        )
        for i, line in enumerate(bought.lines, start=1)
    ]
    return Purchase(
        id=str(number),
        occurred_at=at,
        currency=program.currency,
        lines=lines,
        store=bought.store,
        channel=bought.channel,
        payment_method=bought.payment_method,
        attributes=bought.attributes,
        payments=bought.payments,
    )


def _wrong(step: StepIn, found: Mapping[str, object]) -> dict[str, tuple[object, object]]:
    """What is not as expected. Of counters, rules and lots only those that the step names are compared."""
    wrong: dict[str, tuple[object, object]] = {}
    expected: dict[str, Any] = step.model_dump(by_alias=True, include=set(_EXPECTED), exclude_none=True)
    if found["error"] and not step.error:
        wrong["error"] = (None, found["error"])
    for name, wanted in expected.items():
        is_now = found[name]
        if isinstance(wanted, dict) and isinstance(is_now, Mapping):
            is_now = {key: is_now.get(key, 0 if name != "not" else None) for key in wanted}
        if wanted != is_now and not (name == "rewards" and sorted(wanted) == is_now):
            wrong[name] = (wanted, is_now)
    return wrong


_DONE = {"at", "arrives", "buy", "do", "back", "confirm", "decline", "redeem", "wait", "because"}
_EXPECTED = frozenset(StepIn.model_fields) - _DONE
