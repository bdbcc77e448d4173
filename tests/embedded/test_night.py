"""A night costs what is due, not how many members there are."""

import sys
from collections.abc import Iterator

import pytest

from cli.connection import Connection
from tests.embedded.night import KINDS, Club, club

DUE = dict.fromkeys(KINDS, 5)
BUDGET = {
    "points become active": (8, 2.5),
    "points expire": (8, 2.5),
    "a reminder": (3, 1),
    "nothing any more": (2, 1),
}
"""Write and read units a member."""


@pytest.fixture(scope="module")
def members(stack: Connection) -> Iterator[Club]:
    with club(stack) as found:
        yield found


def test_a_night_costs_the_same_however_many_members_there_are(
    members: Club, capsys: pytest.CaptureFixture[str]
) -> None:
    members.grows(20)
    few = members.night(DUE)
    members.grows(1000)
    many = members.night(DUE)
    with capsys.disabled():
        for one in (few, many):
            writes, reads = one.visiting.write_units, one.visiting.read_units
            sys.stdout.write(f"\n  {one.due} due of {one.exist:,}: {writes:g} writes, {reads:g} reads")
            sys.stdout.write(f", and {one.finding.read_units:g} reads to find them")

    assert few.found == many.found == many.due == 20
    assert many.finding.found == 20
    assert (few.finding, few.visiting) == (many.finding, many.visiting)


def test_twice_as_many_due_cost_twice_as_much(members: Club) -> None:
    once, twice = members.night(DUE), members.night({kind: 2 * count for kind, count in DUE.items()})
    assert twice.visiting.write_units == 2 * once.visiting.write_units
    assert twice.visiting.read_units == 2 * once.visiting.read_units
    assert (twice.finding.calls, twice.finding.found) == (once.finding.calls, 2 * once.finding.found)


@pytest.mark.parametrize("kind", KINDS)
def test_a_visit_costs_what_it_may(members: Club, kind: str) -> None:
    bill = members.night({kind: 3}).visiting
    assert (bill.write_units / 3, bill.read_units / 3) == BUDGET[kind]


def test_a_night_on_which_nothing_is_due_costs_a_look_at_the_index(members: Club) -> None:
    quiet = members.night({})
    assert (quiet.found, quiet.finding.write_units, quiet.visiting.calls) == (0, 0, 0)
    assert (quiet.finding.read_units, quiet.finding.found) == (9, 0)
