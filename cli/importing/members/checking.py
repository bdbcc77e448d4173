"""From rows to what is sent; and everything that is wrong with them, by the very models that the API checks with."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from hashlib import sha256
from typing import Any, TypeAlias, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from cli.importing.bodies import Json
from cli.importing.members.reading import PROFILE, Found, Raw
from cli.importing.outcome import Mistake
from functions.accrual.contract import AdjustmentIn
from functions.enrolment.contract import MemberIn, PreferencesIn
from functions.enrolment.joining import check_may_join
from functions.enrolment.member import IDENTITIES, born_tomorrow, not_declared
from functions.ledger.contract import Card, Email, ExternalId, Phone
from functions.ledger.lots import NEVER as NEVER_LOT
from functions.program.model import Program
from functions.runtime.errors import FieldError, InvalidError, JoiningRefusedError
from functions.runtime.validation import parse

NEVER = "never"
REASON = "opening-balance"
HOW = "import"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_WHOLE = re.compile(r"-?\d{1,15}")
_YES_NO = {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}
_LONGEST_KEY = 200
_KINDS: Mapping[str, TypeAdapter[Any]] = {
    "external_id": TypeAdapter(ExternalId),
    "card": TypeAdapter(Card),
    "email": TypeAdapter(Email),
    "phone": TypeAdapter(Phone),
}
Model = TypeVar("Model", bound=BaseModel)
Who: TypeAlias = tuple[str, str]
"""What a member is known by: the kind of identity, and its normal form."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A member as it is sent. `id`: what all its keys begin with, the same in every run. `lots`: points by last day."""

    line: int
    key: str | None
    id: str
    who: Who
    member: Json
    lots: Mapping[str, int]
    tier: str | None
    adjustments: Sequence[Json]
    preferences: Json | None

    @property
    def points(self) -> int:
        return sum(self.lots.values())

    @property
    def entries(self) -> int:
        """How many entries of the account are the import's."""
        return len(self.adjustments) + (self.preferences is not None)

    @property
    def preferences_key(self) -> str:
        return f"{self.id}-consents"


@dataclass(frozen=True)
class Into:
    """Where the members go. `source`: the client that sends them. `program` None: only what holds for ever is
    checked, as for members that were brought before. `welcome`: they are greeted as if they had never been members."""

    source: str
    now: datetime
    wording: str | None = None
    program: Program | None = None
    welcome: bool = False

    @cached_property
    def today(self) -> date:
        return self.now.astimezone(self.program.zone).date() if self.program else date.min

    @property
    def tiers(self) -> list[str]:
        return [level.id for level in self.program.tiers.levels] if self.program and self.program.tiers else []


@dataclass(slots=True)
class Checked:
    """The members of a file, and all that is wrong with it."""

    arrivals: list[Arrival] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)


def checked(found: Iterable[Found], into: Into) -> Checked:
    """All rows, each with all its mistakes, and what two rows share."""
    result, seen = Checked(), dict[Who, int]()
    for one in found:
        if isinstance(one, Mistake):
            result.mistakes.append(one)
            continue
        row = _Row(one, into)
        arrival = row.arrival()
        twice = list(_shared(one, arrival, seen))
        result.mistakes += row.mistakes + twice
        if arrival and not row.mistakes and not twice:
            result.arrivals.append(arrival)
    return result


def _shared(raw: Raw, arrival: Arrival | None, seen: dict[Who, int]) -> Iterator[Mistake]:
    """What an earlier row has as well. A row that has other mistakes counts with the identities that are good."""
    whole = arrival.member if arrival else _normal(raw.values)
    named: dict[str, str] = {kind: whole[kind] for kind in IDENTITIES if kind in whole}
    if raw.key:
        named["key"] = raw.key
    for kind, value in named.items():
        first = seen.setdefault((kind, value), raw.line)
        if first != raw.line:
            yield raw.mistake(kind, "shared", f"Line {first} has the same.")


def _normal(values: Json) -> Json:
    good = {}
    for kind, adapter in _KINDS.items():
        try:
            good[kind] = adapter.validate_python(values[kind], strict=True)
        except (KeyError, ValidationError):
            continue
    return good


class _Row:
    """One row on its way to an arrival."""

    def __init__(self, raw: Raw, into: Into) -> None:
        self._raw = raw
        self._into = into
        self.mistakes: list[Mistake] = []
        self._columns: dict[str, str] = {}

    def arrival(self) -> Arrival | None:
        """None where the row can be no member; whoever uses what is returned looks at `mistakes` first."""
        raw, values = self._raw, self._raw.values
        self._check_key(values.get("key"))
        profile = {name: values[name] for name in (*PROFILE, "segments") if name in values}
        if not self._into.welcome:
            profile["imported"] = True
        attributes = self._attributes()
        member = self._good(MemberIn, profile | ({"attributes": attributes} if attributes else {}))
        if member:
            self._may_join(member)
        lots = self._lots()
        id = self._id(member)
        adjustments = [*self._tier(id), *self._adjustments(id, lots)]
        preferences = self._preferences()
        if member is None:
            return None
        kinds = [(kind, value) for kind in IDENTITIES if (value := getattr(member, kind))]
        sent = _sent(member)
        tier = values.get("tier")
        return Arrival(raw.line, raw.key, id, kinds[0], sent, lots, tier, adjustments, preferences)

    def _wrong(self, column: str, code: str, detail: str) -> None:
        self.mistakes.append(self._raw.mistake(column, code, detail))

    def _tell(self, errors: Iterable[FieldError], column: str | None = None) -> None:
        for error in errors:
            name = ".".join(part for part in error.pointer.split("/") if part and not part.isdecimal())
            self._wrong(column or name, error.code, error.detail)

    def _good(self, model: type[Model], value: Json, column: str | None = None) -> Model | None:
        """The value as the API takes it; None, and its mistakes noted, where it would not."""
        try:
            return parse(model, value)
        except InvalidError as error:
            self._tell(error.errors, column)
            return None

    def _check_key(self, key: object) -> None:
        if key is not None and not (isinstance(key, str) and 0 < len(key) <= _LONGEST_KEY):
            self._wrong("key", "key", f"Give a text of 1 to {_LONGEST_KEY} characters.")

    def _id(self, member: MemberIn | None) -> str:
        """Hashed, for a key may be an e-mail address."""
        whole = _sent(member) if member else {}
        named = [f"{kind}\n{whole[kind]}" for kind in IDENTITIES if kind in whole]
        text = f"key\n{self._raw.key}" if self._raw.key else "\n".join(named)
        return "import-" + sha256(text.encode()).hexdigest()[:40]

    def _attributes(self) -> Json:
        """As the programme declares them; of a CSV file, where all is text, turned into that."""
        program = self._into.program
        declared = program.member_attributes if program else {}
        given = self._raw.attributes
        if self._raw.as_text:
            given = {name: _typed(text, declared.get(name, "text")) for name, text in given.items()}
        if program:
            self._tell(not_declared(given, declared))
        return given

    def _may_join(self, member: MemberIn) -> None:
        into = self._into
        if into.program is None:
            return
        self._tell(born_tomorrow(member.birth_date, into.now.date()))
        identities = member.identities(into.source)
        try:
            check_may_join(into.program, identities, member.country, member.birth_date, member.invite_code, into.now)
        except JoiningRefusedError as refused:
            self._wrong("", "joining_refused", str(refused))

    def _lots(self) -> dict[str, int]:
        """Points by last day, of those that are good; a lot of nothing is none."""
        values, lots = self._raw.values, dict[str, int]()
        written = [("lots", day, points) for day, points in self._raw.lots]
        if "points" in values:
            day = values.get("points_expire_on", NEVER)
            written.insert(0, ("points_expire_on" if day != NEVER else "points", day, values["points"]))
        elif "points_expire_on" in values:
            self._wrong("points_expire_on", "nothing", "Say how many points: the column points is empty.")
        days = set[str]()
        for column, day, told in written:
            points = self._points(column.removesuffix("_expire_on"), told)
            if not self._is_a_good_day(column, day) or points is None:
                continue
            if day in days:
                self._wrong(column, "lot_twice", f"Two lots end on the same day ({day}): add them up.")
            days.add(day)
            if points:
                lots[day], self._columns[day] = points, column.removesuffix("_expire_on")
        return lots

    def _points(self, column: str, told: object) -> int | None:
        points = int(told) if isinstance(told, str) and _WHOLE.fullmatch(told) else told
        if not isinstance(points, int) or isinstance(points, bool):
            self._wrong(column, "whole_number", "Points are a whole number.")
        elif points < 0:
            self._wrong(column, "negative", "A balance begins with nothing or more: debts cannot be imported.")
        else:
            return points
        return None

    def _is_a_good_day(self, column: str, day: object) -> bool:
        program = self._into.program
        if day == NEVER:
            tier = self._raw.values.get("tier")
            known = tier if isinstance(tier, str) else program.base_tier() if program else ""
            if program and not program.lasting_of(known).never_ends:
                detail = "Points of this programme end: give the last day of these."
                self._wrong(column, "no_last_day", detail)
                return False
            return True
        if not _is_a_day(day):
            self._wrong(column, "day", "Give the last day as 2026-12-31, or never.")
            return False
        if date.fromisoformat(str(day)) < self._into.today:
            self._wrong(column, "past", f"These points are over: their last day was {day}.")
            return False
        return True

    def _adjustments(self, id: str, lots: Mapping[str, int]) -> Iterator[Json]:
        for day, points in lots.items():
            body: Json = {"id": f"{id}-{day}", "points": points, "reason": REASON}
            if day != NEVER:
                body["expires_on"] = day
            if self._good(AdjustmentIn, body, self._columns[day]):
                yield body

    def _tier(self, id: str) -> Iterator[Json]:
        """The tier comes before the points: they last as the programme lets those of this tier last."""
        values, into = self._raw.values, self._into
        given: Json = {name: values[name] for name in ("tier", "tier_until") if name in values}
        if not given:
            return
        if "tier_until" in given and not _is_a_day(given["tier_until"]):
            self._wrong("tier_until", "day", "Give the last day as 2026-12-31.")
            return
        body: Json = {"id": f"{id}-tier", "reason": REASON, **given}
        if "tier" not in given:
            self._wrong("tier_until", "nothing", "Say which tier: the column tier is empty.")
            return
        if not self._good(AdjustmentIn, body):
            return
        if into.program and given["tier"] not in into.tiers:
            self._wrong("tier", "unknown_tier", f"The programme has these tiers: {', '.join(into.tiers) or 'none'}.")
        if "tier_until" in given and date.fromisoformat(given["tier_until"]) < into.today:
            self._wrong("tier_until", "past", "This tier is over.")
        yield body

    def _preferences(self) -> Json | None:
        consents = []
        for text in self._raw.consents:
            channel, _, purpose = text.partition("/")
            wording = self._into.wording
            consents.append({"channel": channel, "purpose": purpose, "given": True, "how": HOW, "wording": wording})
        if not consents:
            return None
        body = {"consents": consents}
        return body if self._good(PreferencesIn, body, "consents") else None


def _sent(member: MemberIn) -> Json:
    return member.model_dump(mode="json", exclude_defaults=True)


def _is_a_day(day: object) -> bool:
    try:
        return isinstance(day, str) and bool(_DAY.fullmatch(day)) and bool(date.fromisoformat(day))
    except ValueError:
        return False


def _typed(text: str, kind: str) -> object:
    """What a text of a CSV file means; the text itself where it means nothing of this kind."""
    if kind == "number" and _WHOLE.fullmatch(text):
        return int(text)
    return _YES_NO.get(text.lower(), text) if kind == "yes_no" else text


def lot_name(last_day: object) -> str:
    """How a lot of a balance is called here: its last day, or never."""
    return NEVER if last_day in {None, NEVER_LOT} else str(last_day)
