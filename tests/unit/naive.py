"""A ledger as one would keep it with coins on a table: every point is a thing of its own. The oracle of the machine.

Written from the rules and not from the code: no buckets, no signed sums, nothing quick. Points of the same days are
interchangeable, as everywhere in the programme. The readings it takes where the rules leave room:

- A point that comes in pays the debt whatever its last day, so that a late point helps before it expires.
- A held point is not there to be taken back: the policy decides as if it were spent; but it is not spent, so where
  spent points are forgiven, held ones are owed.
- Where the lot a purchase made is over, all that is not there any more is forgiven, also what once paid a debt; where
  the purchase made no lot, as all of it paid a debt, nothing is. What was refunded after its last day is another
  point: a purchase that is returned then does not find it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from typing import Literal, TypeAlias

State: TypeAlias = Literal["pending", "active", "held", "spent", "gone"]


class Refusal(Exception):  # noqa: N818 - what a ledger answers, not a fault
    """What is asked for cannot be; `code` as the programme's errors have it. Nothing has changed."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(eq=False)
class Point:
    """One point. `last_day`: None if it never expires. `active_on`: None if it was active from the first."""

    last_day: date | None
    active_on: date | None = None
    state: State = "active"
    redemption: str = ""

    def spendable(self, today: date) -> bool:
        return self.state == "active" and (self.last_day is None or self.last_day >= today)


@dataclass
class Bought:
    """A purchase: what each piece of each line has to give back if it returns, and the points that it put somewhere."""

    pieces: dict[str, list[int]]
    gave: list[Point]


@dataclass
class NaiveLedger:
    """The points of one member, their debt, and what they bought."""

    points: list[Point] = field(default_factory=list)
    debt: int = 0
    bought: dict[str, Bought] = field(default_factory=dict)

    def balance(self, today: date) -> tuple[int, int, int, int]:
        """Active, pending, held, debt."""
        active = sum(1 for point in self.points if point.spendable(today))
        pending = sum(1 for point in self.points if point.state == "pending")
        held = sum(1 for point in self.points if point.state == "held")
        return active, pending, held, self.debt

    def by_last_day(self) -> Counter[date | None]:
        """Points that lie in lots, those past their last day too where nobody has cleared the table yet."""
        return Counter(point.last_day for point in self.points if point.state == "active")

    def buy(
        self,
        purchase: str,
        lines: Mapping[str, tuple[int, int]],
        points_by_line: Mapping[str, int],
        last_day: date | None,
        active_on: date | None,
        today: date,
    ) -> None:
        """`lines`: quantity and amount by line."""
        points = sum(points_by_line.values())
        later = active_on is not None and active_on > today
        new = [Point(last_day, active_on if later else None, "pending") for _ in range(points)]
        self.points += new
        if not later:
            self._come_in(new)
        pieces = {line: _pieces(points_by_line[line], quantity) for line, (quantity, _) in lines.items()}
        self.bought[purchase] = Bought(pieces, [point for point in new if point.state != "gone"])

    def bring_back(self, purchase: str, quantities: Mapping[str, int] | None, policy: str, today: date) -> int:
        """Pieces come back; everything that is left where `quantities` is None. The points that are forgiven."""
        bought = self.bought[purchase]
        if quantities is None:
            quantities = {line: len(pieces) for line, pieces in bought.pieces.items() if pieces}
        if not quantities or any(count > len(bought.pieces.get(line, ())) for line, count in quantities.items()):
            raise Refusal("purchase_not_returnable")
        points = sum(sum(bought.pieces[line][:count]) for line, count in quantities.items())
        forgiven = self._take_back(bought.gave, points, policy, today)
        for line, count in quantities.items():
            del bought.pieces[line][:count]
        return forgiven

    def spend(self, redemption: str, points: int, today: date, state: State = "spent") -> None:
        for point in self._first_to_expire(points, today):
            point.state, point.redemption = state, redemption

    def hold(self, redemption: str, points: int, today: date) -> None:
        self.spend(redemption, points, today, "held")

    def capture(self, redemption: str, points: int | None, *, over: bool) -> None:
        """`points`: those that expire first are spent, and the others lie on the table again. `over`: its time is."""
        held = sorted(self._held(redemption), key=_last_day)
        if over:
            raise Refusal("hold_expired")
        if points is not None and points > len(held):
            raise Refusal("invalid")
        for point in held[:points]:
            point.state = "spent"
        self._come_in(held[len(held) if points is None else points :])

    def release(self, redemption: str) -> None:
        self._come_in(self._held(redemption))

    def refund(self, redemption: str, points: int | None, grace_days: int, today: date) -> None:
        """Those that expire last come back first; the ones that are over by now for some days more, if any."""
        spent = [p for p in self.points if p.state == "spent" and p.redemption == redemption]
        if not spent:
            raise Refusal("not_refundable")
        if points is not None and points > len(spent):
            raise Refusal("invalid")
        back = sorted(spent, key=_last_day, reverse=True)[:points]
        over = [p for p in back if grace_days and p.last_day is not None and p.last_day < today]
        for point in over:
            point.state = "gone"
        new = [Point(today + timedelta(days=grace_days)) for _ in over]
        self.points += new
        self._come_in([*new, *(point for point in back if point.state == "spent")])

    def adjust(self, points: int, last_day: date | None, today: date) -> None:
        if points < 0:
            self.spend("", -points, today, "gone")
            return
        new = [Point(last_day) for _ in range(points)]
        self.points += new
        self._come_in(new)

    def activate(self, today: date) -> int:
        """How many points became active or paid the debt."""
        ripe = [p for p in self.points if p.state == "pending" and p.active_on is not None and p.active_on <= today]
        self._come_in(ripe)
        return len(ripe)

    def expire(self, today: date) -> int:
        """How many points were cleared away."""
        over = [p for p in self.points if p.state == "active" and p.last_day is not None and p.last_day < today]
        for point in over:
            point.state = "gone"
        return len(over)

    def _come_in(self, points: Iterable[Point]) -> None:
        for point in sorted(points, key=_last_day):
            if self.debt:
                self.debt -= 1
                point.state = "gone"
            else:
                point.state = "active"

    def _first_to_expire(self, count: int, today: date) -> list[Point]:
        there = sorted((point for point in self.points if point.spendable(today)), key=_last_day)
        if len(there) < count:
            raise Refusal("insufficient_points")
        return there[:count]

    def _held(self, redemption: str) -> list[Point]:
        held = [point for point in self.points if point.state == "held" and point.redemption == redemption]
        if not held:
            raise Refusal("hold_not_found")
        return held

    def _take_back(self, gave: Sequence[Point], count: int, policy: str, today: date) -> int:
        """Find a like of every point that was given: pending ones first, then in the lots, latest last day first."""
        taken: list[Point] = []
        latest_first = sorted(gave, key=_last_day, reverse=True)
        pending = [p for p in self.points if p.state == "pending"]
        active = [p for p in self.points if p.state == "active"]
        for model in latest_first:
            likes = [p for p in pending if (p.last_day, p.active_on) == (model.last_day, model.active_on)]
            _move_one(likes, pending, taken, count)
        for model in latest_first:
            _move_one([p for p in active if p.last_day == model.last_day], active, taken, count)
        missing = count - len(taken)
        over = bool(gave) and all(point.last_day is not None and point.last_day < today for point in gave)
        if missing and policy == "block" and not over:
            raise Refusal("points_spent")
        held = sum(point.state == "held" for point in self.points)
        forgiven = missing if over else max(0, missing - held) if policy == "forgive" else 0
        missing -= forgiven
        others = sorted((point for point in active if point.spendable(today)), key=_last_day)[:missing]
        for point in [*taken, *others]:
            point.state = "gone"
        self.debt += missing - len(others)
        return forgiven


def earned(lines: Mapping[str, tuple[int, int]], rules: Iterable[tuple[int, int]]) -> dict[str, int]:
    """Points by line, counted coin by coin: `points` for every full `amount`, to which every coin brings the same part;
    a point falls to the line whose coin completes it."""
    result = dict.fromkeys(lines, 0)
    coins = [line for line, (_, paid) in lines.items() for _ in range(paid)]
    for points, amount in rules:
        given = len(coins) // amount * points
        parts = 0
        for line in coins:
            parts += given
            while parts >= len(coins):
                parts -= len(coins)
                result[line] += 1
    return result


def months_later(day: date, months: int) -> date:
    """Month after month on the calendar; the last day of the month where it has no such day."""
    year, month = day.year, day.month
    for _ in range(months):
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    for number in range(day.day, 27, -1):
        try:
            return date(year, month, number)
        except ValueError:
            continue
    return date(year, month, day.day)


def _pieces(points: int, quantity: int) -> list[int]:
    """What each piece takes back: its even part, the broken rest of which waits for a later piece."""
    result: list[int] = []
    rest = Fraction(0)
    for _ in range(quantity):
        rest += Fraction(points, quantity)
        result.append(int(rest))
        rest -= int(rest)
    return result


def _last_day(point: Point) -> date:
    return point.last_day or date.max


def _move_one(likes: Sequence[Point], there: list[Point], taken: list[Point], count: int) -> None:
    if likes and len(taken) < count:
        there.remove(likes[0])
        taken.append(likes[0])
