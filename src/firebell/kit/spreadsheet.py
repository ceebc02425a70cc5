"""CSV for spreadsheets (pure): RFC 4180, and no cell is evaluated as a formula."""

import csv
import io
from collections.abc import Iterable, Sequence
from decimal import Decimal

BOM = "\ufeff"
"""Makes Excel read the file as UTF-8."""
_RUN = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def escape_formula(cell: str) -> str:
    """Return a cell as text; a value that could start a formula is quoted."""
    return f"'{cell}" if cell.startswith(_RUN) else cell


def _cell(value: object) -> str:
    return str(value) if isinstance(value, int | float | Decimal) else escape_formula(str(value))


def to_csv(rows: Iterable[Sequence[object]], *, bom: bool = False) -> str:
    """Return rows as CSV with CRLF line ends (RFC 4180); numbers stay numbers, even negative ones."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerows([_cell(value) for value in row] for row in rows)
    return (BOM if bom else "") + out.getvalue()
