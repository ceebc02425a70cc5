"""A list of numbers with named columns, from which a chart, its table, CSV and JSON are all made (pure; spec N19)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

Cell = str | int | float | None


class Unit(StrEnum):
    """What the numbers of a column are."""

    TEXT = "text"
    COUNT = "count"
    SECONDS = "seconds"
    SHARE = "share"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name in CSV and JSON, and its heading."""

    name: str
    label: str
    unit: Unit = Unit.COUNT


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under their columns; `title` says what they are."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]

    def column(self, name: str) -> list[Cell]:
        """Return the cells of a column."""
        index = [column.name for column in self.columns].index(name)
        return [row[index] for row in self.rows]

    def records(self) -> list[dict[str, Cell]]:
        """Return the rows as JSON has them."""
        names = [column.name for column in self.columns]
        return [dict(zip(names, row, strict=True)) for row in self.rows]
