"""Members and purchases that are likely to meet the conditions of a programme: drawn from the words it uses."""

import dataclasses
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from hypothesis import strategies as st

from functions.ledger.account import Account, Operation, TierStep, Traits
from functions.program.model import Match, Program, Range, Word
from functions.program.occasions import Purchase, PurchaseLine

START = datetime(2026, 1, 1, tzinfo=UTC)
_MANY_FIELDS = {"attributes", "member"}


def values_of(thing: object) -> dict[str, list[Word]]:
    """By field (`store`, `attributes.size`): the values that conditions of a programme ask for, and another."""
    found: dict[str, set[Word]] = {}
    for name, value in _conditions(thing):
        found.setdefault(name, set()).update(value)
    return {name: sorted(values, key=str) for name, values in found.items()}


def _conditions(thing: object, name: str = "") -> Iterator[tuple[str, frozenset[Word]]]:
    if isinstance(thing, Match):
        yield name, thing.values | {"another"}
    elif isinstance(thing, Range):
        yield (
            name,
            frozenset(bound + by for bound in (thing.at_least, thing.at_most) if bound is not None for by in (0, 1)),
        )
    elif dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        for field in dataclasses.fields(thing):
            yield from _conditions(getattr(thing, field.name), field.name)
    elif isinstance(thing, Mapping):
        for key, value in thing.items():
            yield from _conditions(value, f"{name}.{key}" if name in _MANY_FIELDS else name)
    elif isinstance(thing, list | tuple):
        for value in thing:
            yield from _conditions(value, name)


class Town:
    """Who buys there, and what."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._values = values_of(program)
        self._tiers = [level.id for level in program.tiers.levels] if program.tiers else []

    def accounts(self) -> st.SearchStrategy[Account]:
        """A member of any tier, with a past of some visits."""
        return st.builds(self._account, st.sampled_from(self._tiers or [""]), st.integers(0, 12), self._traits())

    def _account(self, tier: str, visits: int, traits: Traits) -> Account:
        steps = (TierStep(tier, START - timedelta(days=400)),) if tier else ()
        enrolled = START - timedelta(days=400)
        return Account("mem_1", enrolled, START, "till", tiers=steps, counters={"visits": visits}, traits=traits)

    def _traits(self) -> st.SearchStrategy[Traits]:
        return st.builds(
            Traits,
            segments=st.lists(self._one("segment"), max_size=2).map(lambda some: [str(one) for one in some]),
            birthday=st.sampled_from([None, "02-29", "06-15"]),
            attributes=self._attributes("member"),
            referred_by=st.sampled_from([None, "mem_2"]),
        )

    def _one(self, name: str) -> st.SearchStrategy[Word]:
        return st.sampled_from(self._values.get(name, ["any"]))

    def _attributes(self, of: str) -> st.SearchStrategy[Mapping[str, Word]]:
        names = [name for name in self._values if name.startswith(f"{of}.")]
        return st.fixed_dictionaries({name.partition(".")[2]: self._one(name) for name in names})

    def purchases(self, total: int) -> st.SearchStrategy[Purchase]:
        """A purchase of exactly that total."""
        cuts = st.lists(st.integers(0, total), max_size=5).map(lambda some: [0, *sorted(some), total])
        amounts = cuts.map(lambda points: [high - low for low, high in pairwise(points)])
        return amounts.flatmap(self._purchase)

    def _purchase(self, amounts: list[int]) -> st.SearchStrategy[Purchase]:
        return st.builds(
            self._bought,
            st.tuples(*(self._line(i, amount) for i, amount in enumerate(amounts))),
            st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)),  # noqa: DTZ001 - the programme's own time
            st.tuples(self._one("store"), self._one("channel"), self._one("payment_method")),
            self._attributes("attributes"),
        )

    def _bought(
        self, lines: tuple[PurchaseLine, ...], at: datetime, where: tuple[Word, ...], attributes: Mapping[str, Word]
    ) -> Purchase:
        store, channel, payment = map(str, where)
        at = at.replace(tzinfo=self._program.zone)
        return Purchase("1", at, self._program.currency, lines, store, channel, payment, attributes)

    def _line(self, i: int, amount: int) -> st.SearchStrategy[PurchaseLine]:
        return st.builds(
            PurchaseLine,
            st.just(str(i)),
            st.integers(1, 3),
            st.just(amount),
            self._one("sku").map(str),
            st.lists(self._one("category").map(str), max_size=2).map(tuple),
            self._one("brand").map(str),
            st.booleans(),
            st.integers(0, 300),
            attributes=self._attributes("attributes"),
        )


def operation(number: int) -> Operation:
    """The `number`-th purchase."""
    return Operation("purchase", "till", str(number), "", "")


def day(text: str) -> date:
    """`2026-03-01`"""
    return date.fromisoformat(text)
