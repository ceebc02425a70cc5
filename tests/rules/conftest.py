"""Rules are pure: no test in this folder can open a socket."""

from collections.abc import Iterator

import pytest
from hypothesis import settings
from pytest_socket import disable_socket, enable_socket

from tests.rules.budget import ARE_RANDOM, examples

settings.register_profile("rules", max_examples=examples(25), deadline=None, derandomize=not ARE_RANDOM)
settings.load_profile("rules")


@pytest.fixture(scope="package", autouse=True)
def _no_network() -> Iterator[None]:
    """Make opening a socket an error, once for all tests of the folder that follow one another."""
    disable_socket()
    yield
    enable_socket()
