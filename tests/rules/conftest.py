"""Rules are pure: no test in this folder can open a socket."""

import pytest
from hypothesis import settings

from tests.rules.budget import ARE_RANDOM, examples

settings.register_profile("rules", max_examples=examples(25), deadline=None, derandomize=not ARE_RANDOM)
settings.load_profile("rules")


@pytest.fixture(autouse=True)
def _no_network(socket_disabled: None) -> None:
    """Make opening a socket an error."""
