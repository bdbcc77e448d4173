"""Pure code needs no network: a unit test that opens a socket fails."""

import pytest
from hypothesis import settings

# A slow machine is not a failure.
settings.register_profile("house", deadline=None)
settings.load_profile("house")


@pytest.fixture(autouse=True)
def _no_network(socket_disabled: None) -> None:
    """pytest-socket blocks every socket for the length of a test."""
