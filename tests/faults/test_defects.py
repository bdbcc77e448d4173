"""The simulator sees what it is there to see: each mistake is found within a few seeds."""

import pytest

from tests.faults.defects import DEFECTS
from tests.faults.simulation import simulate

MOST_SEEDS = 100


@pytest.mark.parametrize("mistake", DEFECTS)
def test_the_simulator_catches_that(mistake: str) -> None:
    with DEFECTS[mistake]():
        found = next((seed for seed in range(MOST_SEEDS) if simulate(seed).violations), None)

    assert found is not None, f"{MOST_SEEDS} seeds, and nobody noticed that {mistake}"
    assert not simulate(found).violations, "without the mistake the same seed keeps every promise"
