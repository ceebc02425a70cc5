"""Transposes rows into one array per column, as `unnest` takes them (pure)."""

from collections.abc import Iterable
from typing import Any


def transpose(rows: Iterable[tuple[Any, ...]], width: int) -> list[list[Any]]:
    """Return the `width` columns of rows as lists; without rows each is empty."""
    table = list(rows)
    return [[row[column] for row in table] for column in range(width)]
