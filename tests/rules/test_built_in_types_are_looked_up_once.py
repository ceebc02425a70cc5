"""A new connection costs its backend no catalog query for types that another connection has looked up."""

from types import SimpleNamespace
from typing import Any

import pytest

from firebell.kit.db import builtin_types

_BIGINT_ARRAY, _TEXT_ARRAY, _OWN_ENUM = 1016, 1009, 16_400


class _Catalog:
    """Counts the queries; a row names its type."""

    def __init__(self) -> None:
        self.queries: list[list[int]] = []

    async def read(self, oids: list[int]) -> tuple[list[Any], Any]:
        """Answer like PostgreSQL."""
        self.queries.append(oids)
        return [f"type {oid}" for oid in oids], SimpleNamespace(name="")

    def look_up(self, *oids: int) -> tuple[list[Any], Any]:
        """Look types up as a connection does; nothing here waits, so no event loop is needed."""
        with pytest.raises(StopIteration) as ended:
            builtin_types.introspect(oids, self.read).send(None)
        rows: tuple[list[Any], Any] = ended.value.value
        return rows


@pytest.fixture
def catalog(monkeypatch: pytest.MonkeyPatch) -> _Catalog:
    monkeypatch.setattr(builtin_types, "_rows_by_oids", {})
    return _Catalog()


def test_built_in_types_are_read_by_the_first_connection_only(catalog: _Catalog) -> None:
    first, _ = catalog.look_up(_BIGINT_ARRAY, _TEXT_ARRAY)
    second, statement = catalog.look_up(_TEXT_ARRAY, _BIGINT_ARRAY)
    assert first == second
    assert len(catalog.queries) == 1
    assert statement.name, "asyncpg would prepare the waiting statement again"


def test_a_type_that_a_database_numbers_is_read_by_each_connection(catalog: _Catalog) -> None:
    for _ in range(2):
        catalog.look_up(_TEXT_ARRAY, _OWN_ENUM)
    assert len(catalog.queries) == 2
