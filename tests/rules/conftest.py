"""Rules are pure: no test in this folder can open a socket."""

import pytest


@pytest.fixture(autouse=True)
def _no_network(socket_disabled: None) -> None:
    """Make opening a socket an error."""
