"""Whether the programme has what the file says, to the point: by member, by lot and by tier.

An account that holds just the entries of the import is compared by its balance. Where more has happened since, a
welcome or a purchase, the balance says nothing about the import any more: there the entries of the import are added up.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from cli.importing.bodies import Json
from cli.importing.members.checking import Arrival, lot_name
from cli.importing.members.sending import Caller, RefusedError, found, told
from cli.importing.members.totals import Line, Totals, compared
from cli.importing.outcome import Mistake
from cli.importing.sending import SendingError

_LOOKS, _SECONDS_BEHIND = 3, 0.2
Seen = TypeVar("Seen")


class _Lot(BaseModel):
    expires_on: date | None
    points: int


class _Sheet(BaseModel):
    active: int
    debt: int = 0
    lots: list[_Lot]
    tier: str | None
    n: int


class _Operation(BaseModel):
    kind: str
    id: str


class _Reason(BaseModel):
    facts: dict[str, int | str] = {}


class _Entry(BaseModel):
    operation: _Operation
    lots: list[_Lot]
    explanation: list[_Reason] = []


@dataclass(frozen=True, slots=True)
class Held:
    """What a member has of the import. `moved_on`: the account has other entries besides."""

    lots: Mapping[str, int]
    tier: str | None
    moved_on: bool = False


@dataclass(slots=True)
class Reconciled:
    """What came of the comparison. `moved_on`: how many members have done more since. `over`: lots that have ended."""

    lines: Sequence[Line]
    differing: Sequence[Mistake]
    moved_on: int
    over: set[str] = field(default_factory=set)

    @property
    def to_zero(self) -> bool:
        return not self.differing and not any(line.difference for line in self.lines)


def held(caller: Caller, arrival: Arrival, member: str | None) -> Held | None:
    """What the programme has of a member; None where it has no such member. Raises as `Caller.call`."""
    member = member or found(caller, arrival)
    if member is None:
        return None
    try:
        sheet = _sheet(caller, arrival, member)
        if sheet.n > arrival.entries:
            return _by_entries(caller, arrival, member, sheet.n)
    except RefusedError as refused:
        if refused.code == "member_not_found":
            return None
        raise
    except ValidationError:
        raise SendingError(
            "The balance or the statement of a member is answered in a way that cannot be read."
        ) from None
    return Held(_lots(sheet.lots), sheet.tier)


def _sheet(caller: Caller, arrival: Arrival, member: str) -> _Sheet:
    """The balance. A read may be a moment behind the write: one that lacks entries is made again."""

    def ask() -> _Sheet:
        return _Sheet.model_validate_json(caller.call("GET", f"/v1/members/{member}/balance").content)

    return _looked(ask, caller, lambda sheet: sheet.n >= arrival.entries)


def _looked(ask: Callable[[], Seen], caller: Caller, is_up_to_date: Callable[[Seen], bool]) -> Seen:
    for attempt in range(_LOOKS):
        seen = ask()
        if is_up_to_date(seen):
            return seen
        caller.pause(_SECONDS_BEHIND * 2**attempt)
    return ask()


def _by_entries(caller: Caller, arrival: Arrival, member: str, n: int) -> Held:
    """Of an account that has moved on, to `n` entries: what the entries of the import brought."""

    def ask(page: Json) -> Json:
        answer: Json = caller.call("GET", f"/v1/members/{member}/ledger", params=page).json()
        return answer

    def entries() -> list[_Entry]:
        return [_Entry.model_validate(item) for item in told(ask)]

    lots, tier = Counter[str](), None
    for entry in _looked(entries, caller, lambda seen: len(seen) >= n):
        if entry.operation.kind != "adjustment" or not entry.operation.id.startswith(f"{arrival.id}-"):
            continue
        given = [reason.facts["tier"] for reason in entry.explanation if "tier" in reason.facts]
        if given:
            tier = str(given[0])
        else:
            lots.update(_lots(entry.lots))
    return Held(lots, tier, moved_on=True)


def _lots(lots: Sequence[_Lot]) -> Counter[str]:
    summed = Counter[str]()
    for lot in lots:
        summed[lot_name(lot.expires_on)] += lot.points
    return summed


def reconciled(has: Sequence[tuple[Arrival, Held | None]], expected: Totals, base_tier: str, today: date) -> Reconciled:
    """`expected`: of the file, or of whom its owner trusts more. `base_tier`: everyone's, told by no row."""
    imported, differing, moved_on = Totals(), list[Mistake](), 0
    over = Totals.of(arrival for arrival, _ in has).over(today) | expected.over(today)
    for arrival, now in has:
        if now is None:
            differing.append(_differs(arrival, "members", "member_missing", "Nobody is known by this."))
            continue
        moved_on += now.moved_on
        tier = None if arrival.tier is None and now.tier == base_tier else now.tier
        lots = {day: points for day, points in now.lots.items() if points and day not in over}
        imported.add(lots, tier)
        differing += _differences(arrival, lots, tier, over)
    return Reconciled(list(compared(imported, expected.without(over))), differing, moved_on, over)


def _differences(arrival: Arrival, lots: Mapping[str, int], tier: str | None, over: set[str]) -> list[Mistake]:
    found = []
    for day in sorted({*lots, *arrival.lots} - over):
        has, expected = lots.get(day, 0), arrival.lots.get(day, 0)
        if has != expected:
            detail = f"lot {day}: has {has:,}, expected {expected:,}, difference {has - expected:+,}"
            found.append(_differs(arrival, "lots", "differs", detail))
    if tier != arrival.tier:
        detail = f"has {tier or 'none'}, expected {arrival.tier or 'none'}"
        found.append(_differs(arrival, "tier", "differs", detail))
    return found


def _differs(arrival: Arrival, column: str, code: str, detail: str) -> Mistake:
    kind, value = arrival.who
    return Mistake(arrival.line, arrival.key or f"{kind} {value}", column, code, detail)
