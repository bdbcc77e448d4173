"""The simulator sees what it is there to see: each mistake is found within a few seeds."""

from functools import cache

import pytest

from tests.faults.defects import DEFECTS
from tests.faults.faults import Rates
from tests.faults.simulation import simulate

MOST_SEEDS = 100
ROUGH = Rates().times(1.5)


@cache
def keeps_its_promises(seed: int) -> bool:
    """Whether nothing is wrong with a run without a mistake."""
    return not simulate(seed, ROUGH).violations


@pytest.mark.parametrize("mistake", DEFECTS)
def test_the_simulator_catches_that(mistake: str) -> None:
    with DEFECTS[mistake]():
        found = next((seed for seed in range(MOST_SEEDS) if simulate(seed, ROUGH).violations), None)

    assert found is not None, f"{MOST_SEEDS} seeds, and nobody noticed that {mistake}"
    assert keeps_its_promises(found), "without the mistake the same seed keeps every promise"
