"""Fixtures of the tests that kill processes and databases."""

from collections.abc import Iterator

import pytest

from tests.chaos.product import sharing_a_template


@pytest.fixture(scope="session", autouse=True)
def template() -> Iterator[None]:
    """Create the data folder of the products once."""
    with sharing_a_template():
        yield
