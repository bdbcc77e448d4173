"""What goes in and out of the wallet, and the parts of it that every write of value answers with."""

from collections import Counter
from dataclasses import asdict
from datetime import date, datetime, tzinfo
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from functions.ledger.account import Account, Balance, Change, Entry, Reason
from functions.ledger.by_line import plain
from functions.ledger.identity import Identity
from functions.ledger.lots import NEVER, spendable, total
from functions.ledger.movements import UNCONFIRMED
from functions.ledger.rewards import IssuedReward, Withdrawal
from functions.runtime.validation import Input, Output


def normal_email(address: str) -> str:
    """The form under which an e-mail address is unique: RFC 5321's, in small letters. Whether it receives mail is not
    asked. Raises ValueError for what can be no address."""
    from email_validator import EmailNotValidError, validate_email  # not at the top: most callers name a card or an id

    try:
        return validate_email(address.strip(), check_deliverability=False).normalized.lower()
    except EmailNotValidError as error:
        raise PydanticCustomError("email", "Input should be an e-mail address: {why}", {"why": str(error)}) from None


def normal_phone(number: str) -> str:
    """E.164, without spaces. Raises ValueError for what no numbering plan has."""
    import phonenumbers  # not at the top, as above

    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        parsed = None
    if parsed is None or not phonenumbers.is_valid_number(parsed):
        raise PydanticCustomError("phone", "Input should be a phone number with its country, such as +33612345678")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


Email = Annotated[str, Field(min_length=3, max_length=254), AfterValidator(normal_email)]
Phone = Annotated[
    str,
    Field(min_length=5, max_length=30, description="With its country; kept as E.164.", examples=["+33612345678"]),
    AfterValidator(normal_phone),
]
Card = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{4,32}$")]
ExternalId = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9._:-]{1,64}$", description="The partner's own id of the member.")
]
MemberId = Annotated[str, Field(pattern=r"^mem_[a-z2-7]{20}$")]


class MemberRef(Input):
    """Whose account: exactly one of the member's identities."""

    id: MemberId | None = None
    external_id: ExternalId | None = None
    card: Card | None = None
    email: Email | None = None
    phone: Phone | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len(self.model_fields_set) != 1 or self._named() is None:
            raise PydanticCustomError("member_reference", "Give exactly one of id, external_id, card, email, phone")
        return self

    def _named(self) -> str | None:
        return next((name for name in type(self).model_fields if getattr(self, name) is not None), None)

    def identity(self, source: str) -> Identity:
        """The identity as the ledger looks it up; `source` is the caller, to whom external ids belong."""
        for kind in ("id", "external_id", "card", "email", "phone"):
            value = getattr(self, kind)
            if value is not None:
                return Identity(kind, value, source)
        raise AssertionError("a validated reference has one identity")


class BalanceOut(Output):
    """Points that can be spent, that are still to become so, that are set aside, and that are owed."""

    active: int
    pending: int
    held: int
    debt: int

    @classmethod
    def of(cls, balance: Balance) -> Self:
        return cls(**asdict(balance))

    @classmethod
    def of_change(cls, change: Change) -> Self:
        held = sum(total(lots) for lots in change.holds.values())
        return cls(active=total(change.lots), pending=total(change.pending), held=held, debt=change.debt)


class LotOut(Output):
    """Points that expire together: `expires_on` is the last day on which they can be spent, None for never."""

    expires_on: date | None
    points: int


class UpcomingOut(Output):
    """What happens to points by itself: they become active on a day, or can be spent for the last time."""

    on: date
    what: Literal["active", "last_day"]
    points: int


class BalanceSheetOut(Output):
    """What a member has, and what will become of it if nothing else happens. `n` counts the entries behind it."""

    member_id: str
    active: int
    pending: int
    held: int
    debt: int
    lots: list[LotOut]
    upcoming: list[UpcomingOut]
    tier: str | None
    n: int
    as_of: datetime

    @classmethod
    def of(cls, account: Account, now: datetime, zone: tzinfo) -> Self:
        today = now.astimezone(zone).date()
        balance, lots = account.balance(today), sorted(spendable(account.lots, today).items())
        coming = Counter[date]()
        for bucket, points in account.pending.items():
            coming[date.fromisoformat(bucket.partition(">")[0])] += points
        upcoming = [
            UpcomingOut(on=on, what="active", points=points) for on, points in coming.items() if on != UNCONFIRMED
        ]
        upcoming += [UpcomingOut(on=day, what="last_day", points=points) for lot, points in lots if (day := _day(lot))]
        return cls(
            member_id=account.member,
            **asdict(balance),
            lots=[LotOut(expires_on=_day(day), points=points) for day, points in lots],
            upcoming=sorted(upcoming, key=lambda one: one.on),
            tier=account.tier,
            n=account.n,
            as_of=now,
        )


class ReasonOut(Output):
    """Why a rule gave points, or did not: then `condition` names what failed, with its `facts`."""

    rule: str
    applied: bool
    points: int
    lines: dict[str, int]
    condition: str | None
    facts: dict[str, int | str]
    skipped: dict[str, str] = Field(description="Lines that did not count, with the condition that each failed.")
    into: str | None = Field(description="The counter that got the points, where it is not the balance.")

    @classmethod
    def of(cls, reason: Reason) -> Self:
        return cls(
            rule=reason.rule,
            applied=reason.applied,
            points=reason.points,
            lines=plain(reason.lines),
            condition=reason.condition,
            facts=dict(reason.facts),
            skipped=plain(reason.skipped),
            into=reason.into,
        )


class OperationOut(Output):
    """What the entry came from: kind, id and the source that sent it."""

    kind: str
    id: str
    source: str


class EntryOut(Output):
    """One change of an account, the `n`-th.

    `points`: by how much it changed what the member owns; 0 where points only moved. `lots`: by expiry day.
    """

    id: str
    member_id: str
    n: int
    kind: str
    points: int
    lots: list[LotOut]
    balance_after: BalanceOut
    operation: OperationOut
    program_version: int
    occurred_at: datetime
    recorded_at: datetime

    @classmethod
    def of(cls, entry: Entry) -> Self:
        posting, operation = entry.posting, entry.operation
        return cls(
            id=entry.id,
            member_id=entry.member,
            n=entry.n,
            kind=posting.kind,
            points=posting.points,
            lots=[LotOut(expires_on=_day(day), points=points) for day, points in sorted(posting.change.lots.items())],
            balance_after=BalanceOut.of(entry.balance_after),
            operation=OperationOut(kind=operation.kind, id=operation.id, source=operation.source),
            program_version=posting.program_version,
            occurred_at=posting.occurred_at,
            recorded_at=entry.recorded_at,
        )


class StatementEntryOut(EntryOut):
    """An entry with the reasons for it. `activity`: its type, where it is one. `reward_id`, `redemption_id`: the reward
    that it is about. `note`: what somebody wrote to it."""

    explanation: list[ReasonOut]
    activity: str | None
    reward_id: str | None
    redemption_id: str | None
    note: str | None

    @classmethod
    def of(cls, entry: Entry) -> Self:
        explanation = [ReasonOut.of(reason) for reason in entry.posting.explanation]
        posting = entry.posting
        of_entry = dict(EntryOut.of(entry))
        about = posting.used.voucher.reward if posting.used else posting.reward
        return cls(
            **of_entry,
            explanation=explanation,
            activity=posting.activity,
            reward_id=about.reward if about else None,
            redemption_id=about.redemption if about else None,
            note=posting.note,
        )


class StatementOut(Output):
    """A page of the account statement, latest entry first."""

    items: list[StatementEntryOut]
    next_cursor: str | None


class RewardEarnedOut(Output):
    """A reward that was given. `code` is as good as money: keep it out of logs."""

    redemption_id: str
    reward_id: str
    kind: str
    value: int
    currency: str
    code: str | None
    valid_from: date | None
    valid_until: date | None

    @classmethod
    def of(cls, reward: IssuedReward) -> Self:
        fields = asdict(reward)
        del fields["basis"]
        return cls(redemption_id=fields.pop("redemption"), reward_id=fields.pop("reward"), **fields)


class RewardWithdrawnOut(Output):
    """A reward that was taken back: `left` of its value, nothing where it is gone."""

    redemption_id: str
    reward_id: str
    left: int

    @classmethod
    def of(cls, withdrawal: Withdrawal) -> Self:
        reward = withdrawal.voucher.reward
        return cls(redemption_id=reward.redemption, reward_id=reward.reward, left=withdrawal.left)


class EffectOut(Output):
    """The whole effect of a write of value: no second call is needed to show the new balance."""

    entry: EntryOut
    points: BalanceOut = Field(description="The change: negative where points left.")
    balance: BalanceOut
    tier: str | None
    rewards_earned: list[RewardEarnedOut]
    rewards_withdrawn: list[RewardWithdrawnOut]
    explanation: list[ReasonOut]

    @classmethod
    def of(cls, entry: Entry) -> Self:
        return cls(
            entry=EntryOut.of(entry),
            points=BalanceOut.of_change(entry.posting.change),
            balance=BalanceOut.of(entry.balance_after),
            tier=entry.tier_after,
            rewards_earned=[RewardEarnedOut.of(reward) for reward in entry.posting.issued],
            rewards_withdrawn=[RewardWithdrawnOut.of(one) for one in entry.posting.withdrawn],
            explanation=[ReasonOut.of(reason) for reason in entry.posting.explanation],
        )


def _day(lot: str) -> date | None:
    return None if lot == NEVER else date.fromisoformat(lot)
