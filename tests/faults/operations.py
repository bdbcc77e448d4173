"""What partners ask for, and what they were told: the evidence that the books are held against.

Asked     one intent under one operation id, with every answer it ever got
Answer    committed · waiting (a return, for its purchase) · refused · reused
          nothing (not found, invalid, busy: nothing was decided) · unknown
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from botocore.exceptions import BotoCoreError, ClientError

from functions.accrual.contract import ResultOut
from functions.accrual.returning import Waiting
from functions.accrual.store import Body
from functions.enrolment.store import Enrolled
from functions.ledger.account import Entry
from functions.ledger.answering import Committed
from functions.ledger.identity import Identity
from functions.ledger.items import entry_to_item
from functions.redemption.spending import Redeemed
from functions.redemption.stocking import Level
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

Verdict = Literal["committed", "waiting", "refused", "reused", "nothing", "unknown"]
Kind = Literal[
    "enrol",
    "purchase",
    "return",
    "activity",
    "decision",
    "adjust",
    "redeem",
    "hold",
    "capture",
    "cancel",
    "refund",
    "use",
    "stock",
    "fulfil",
    "give up",
]


@dataclass(frozen=True, slots=True)
class Done:
    """What is answered with something else than the entry it made. `named`: the key of that."""

    named: str
    replayed: bool


Result: TypeAlias = Committed | Waiting | Redeemed | Enrolled | Level | Done


@dataclass(frozen=True, slots=True)
class Answer:
    """What one call was answered, and when. `entry` where points moved, `member` where one was enrolled; `named`: the
    entry that is named, and not shown."""

    verdict: Verdict
    at: float
    replayed: bool = False
    entry: Entry | None = None
    member: str | None = None
    named: str | None = None
    problem: Mapping[str, object] | None = None

    @property
    def code(self) -> str:
        return str(self.problem["code"]) if self.problem else ""


@dataclass
class Asked:
    """One intent. `key` and `content` are what the books should know it by; `points` what it should move, if granted.

    `who`: whose account. `of`: the purchase, the activity, the redemption or the voucher that it is about. `body`,
    `source`: what goes over the bus or into a batch as well. `pieces`: of the lines that a return names. `price`: what
    there must be, in points; `reward`: what for.
    """

    kind: Kind
    key: str
    content: str
    call: Callable[[], Result]
    who: Identity | None = None
    of: str = ""
    points: int | None = None
    pieces: Mapping[str, int] = field(default_factory=dict)
    body: Body | None = None
    source: str = ""
    price: int = 0
    reward: str = ""
    began: float | None = None
    answers: list[Answer] = field(default_factory=list)

    def verdicts(self) -> set[Verdict]:
        return {answer.verdict for answer in self.answers}

    def afresh(self) -> "Asked":
        """The same once more, of which nothing is known yet."""
        return replace(self, began=None, answers=[])


def answer_of(result: Result, at: float) -> Answer:
    """A result as an answer."""
    if isinstance(result, Enrolled):
        return Answer("committed", at, result.replayed, member=result.member.id)
    if isinstance(result, Waiting):
        return Answer("waiting", at)
    if isinstance(result, Level):
        return Answer("committed", at, result.replayed, named=result.reward)
    if isinstance(result, Done):
        return Answer("committed", at, result.replayed, named=result.named)
    return Answer("committed", at, result.replayed, entry=result.entry)


def answer_in_batch(result: ResultOut, at: float) -> Answer:
    """The result of one operation of a batch as an answer."""
    problem = {name: value for name, value in (result.problem or {}).items() if name != "status"}
    match result.status:
        case 201:
            assert result.effect
            return Answer("committed", at, result.replayed, named=result.effect.entry.id)
        case 202:
            return Answer("waiting", at)
        case 409:
            return Answer("refused", at, problem=problem)
    reused = problem["code"] == OperationIdReusedError.code
    return Answer("reused" if reused else "nothing", at, problem=problem)


def verdict_of(error: LoyaltyError, at: float) -> Answer:
    """An error as an answer."""
    if isinstance(error, OperationIdReusedError):
        return Answer("reused", at, problem=error.problem())
    if isinstance(error, RefusedError):
        return Answer("refused", at, problem=error.problem())
    assert isinstance(error, NotFoundError | InvalidError | TryAgainError), f"what is {error!r}?"
    return Answer("nothing", at, problem=error.problem())


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
    return entry_to_item(replace(entry, reversals=0, returned={}, awaited_by=()))
