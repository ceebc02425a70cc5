"""Rules are pure: no test in this folder can open a socket."""

import pytest
from hypothesis import settings

from tests.rules.budget import examples

settings.register_profile("rules", max_examples=examples(25), deadline=None)
settings.load_profile("rules")


@pytest.fixture(autouse=True)
def _no_network(socket_disabled: None) -> None:
    """Make opening a socket an error."""
