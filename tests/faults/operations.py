"""What partners ask for, and what they were told: the evidence that the books are held against.

Asked     one intent under one operation id, with every answer it ever got
Answer    committed · refused · reused · nothing (not found, invalid, busy: nothing was decided) · unknown
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from botocore.exceptions import BotoCoreError, ClientError

from functions.enrolment.store import Enrolled
from functions.ledger.account import Entry
from functions.ledger.identity import Identity
from functions.ledger.items import entry_to_item
from functions.ledger.store import Committed
from functions.redemption.spending import Redeemed
from functions.runtime.errors import (
    InvalidError,
    LoyaltyError,
    NotFoundError,
    OperationIdReusedError,
    RefusedError,
    TryAgainError,
)
from functions.runtime.tables import Item
from tests.faults.schedule import CrashError

Verdict = Literal["committed", "refused", "reused", "nothing", "unknown"]
Result: TypeAlias = Committed | Redeemed | Enrolled
Kind = Literal["enrol", "purchase", "return", "redeem", "hold", "capture", "cancel"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one call was answered, and when. `entry` where points moved, `member` where one was enrolled."""

    verdict: Verdict
    at: float
    replayed: bool = False
    entry: Entry | None = None
    member: str | None = None
    problem: LoyaltyError | None = None

    @property
    def code(self) -> str:
        return str(self.problem.problem()["code"]) if self.problem else ""


@dataclass
class Asked:
    """One intent. `key` and `content` are what the books should know it by; `points` what it should move, if granted.

    `who`: whose account. `of`: the purchase or the redemption that it is about.
    """

    kind: Kind
    key: str
    content: str
    call: Callable[[], Result]
    who: Identity | None = None
    of: str = ""
    points: int | None = None
    pieces: Mapping[str, int] = field(default_factory=dict)
    began: float | None = None
    answers: list[Answer] = field(default_factory=list)

    def verdicts(self) -> set[Verdict]:
        return {answer.verdict for answer in self.answers}


def answer_of(result: Result, at: float) -> Answer:
    """A result as an answer."""
    if isinstance(result, Enrolled):
        return Answer("committed", at, result.replayed, member=result.member.id)
    return Answer("committed", at, result.replayed, entry=result.entry)


def verdict_of(error: LoyaltyError, at: float) -> Answer:
    """An error as an answer."""
    if isinstance(error, OperationIdReusedError):
        return Answer("reused", at, problem=error)
    if isinstance(error, RefusedError):
        return Answer("refused", at, problem=error)
    assert isinstance(error, NotFoundError | InvalidError | TryAgainError), f"what is {error!r}?"
    return Answer("nothing", at, problem=error)


def attempt(call: Callable[[], Result], clock: Callable[[], float]) -> Answer:
    """Call once. A crash and what botocore gives up on are no answer at all; any other exception is a finding."""
    try:
        return answer_of(call(), clock())
    except LoyaltyError as error:
        return verdict_of(error, clock())
    except (CrashError, ClientError, BotoCoreError):
        return Answer("unknown", clock())


def as_booked(entry: Entry) -> Item:
    """The entry as its item, without what grows of it later."""
    return entry_to_item(replace(entry, reversals=0, returned={}))
