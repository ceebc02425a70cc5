"""Customers as CSV: one row for each contact (pure)."""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from firebell.audiences.model import Customer
from firebell.kit.errors import Invalid
from firebell.kit.mail.addresses import clean_address
from firebell.kit.spreadsheet import BOM, to_csv
from firebell.kit.text import clean_name
from firebell.status_pages.public.languages import languages

COLUMNS = ("customer", "contact", "email", "services", "components", "language")
MAX_ROWS = 20_000
MAX_BYTES = 5_000_000
_SEPARATOR = ";"
_QUOTED = "'"
"""What spreadsheets get before a cell that could be a formula."""


@dataclass(frozen=True, slots=True)
class ContactRow:
    """One row: a contact of a customer, and what the customer uses."""

    customer: str
    name: str
    address: str
    services: tuple[str, ...]
    components: tuple[str, ...]
    language: str | None
    """The code of the language, None if the file has no such column."""


def check_language(code: str) -> None:
    """Raise `Invalid` unless this is a language of status pages, or empty for that of each text."""
    if code and code not in languages():
        raise Invalid(
            f"{code[:20]!r} is not a language.", fields={"language": f"Use {', '.join(languages())}."}
        )


def decoded(content: bytes) -> str:
    """Return the text of an uploaded file; raise `Invalid` if it is too large or not UTF-8."""
    if len(content) > MAX_BYTES:
        raise Invalid(
            "The file is too large.", fields={"file": f"Import at most {MAX_BYTES // 1_000_000} MB at once."}
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid(
            "The file is not in UTF-8.", fields={"file": "Save it as CSV UTF-8 and choose it again."}
        ) from None


def parse(text: str) -> list[ContactRow]:
    """Return the rows of a CSV file with the columns customer and email, and others of `COLUMNS`.

    Raise `Invalid` whose fields are the lines that can't be read; nothing is imported then.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix(BOM)), strict=True)
    try:
        names = [name.strip().lower() for name in reader.fieldnames or ()]
        if missing := [name for name in ("customer", "email") if name not in names]:
            raise Invalid(
                f"The column {missing[0]} is missing.",
                fields={"file": f"Use the columns {', '.join(COLUMNS)}."},
            )
        reader.fieldnames = names
        records = [(reader.line_num, record) for record in reader]
    except csv.Error as error:
        raise Invalid(
            f"This is not a CSV file: {error}.", fields={"file": "Choose a CSV file in UTF-8."}
        ) from error
    if len(records) > MAX_ROWS:
        raise Invalid(
            f"The file has {len(records):,} rows.", fields={"file": f"Import at most {MAX_ROWS:,} rows."}
        )
    rows, faults = [], {}
    for line, record in records:
        try:
            if row := _row(record):
                rows.append(row)
        except Invalid as error:
            faults[f"line {line}"] = error.message
    if faults:
        raise Invalid("The file has errors, so nothing was imported.", fields=dict(list(faults.items())[:20]))
    if not rows:
        raise Invalid("The file has no rows.", fields={"file": "Add a row for each contact."})
    return rows


def _row(record: Mapping[str | None, str | list[str] | None]) -> ContactRow | None:
    cells = {
        name: _cell(value) for name, value in record.items() if name is not None and isinstance(value, str)
    }
    if not any(cells.values()):
        return None
    language = cells["language"].lower() if "language" in cells else None
    check_language(language or "")
    return ContactRow(
        clean_name(cells.get("customer", ""), "customer"),
        clean_name(cells["contact"], "contact") if cells.get("contact") else "",
        clean_address(cells.get("email", ""), "email"),
        _listed(cells.get("services", "")),
        _listed(cells.get("components", "")),
        language,
    )


def _cell(value: str) -> str:
    return value.strip().removeprefix(_QUOTED)


def _listed(cell: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in cell.split(_SEPARATOR) if part.strip()))


def export(customers: Iterable[Customer], services: Mapping[int, str], components: Mapping[int, str]) -> str:
    """Return all contacts as CSV that `parse` reads; services are slugs, components names."""
    rows: list[tuple[str, ...]] = [COLUMNS]
    for customer in customers:
        used = _SEPARATOR.join(services[i] for i in customer.service_ids if i in services)
        shown = _SEPARATOR.join(components[i] for i in customer.component_ids if i in components)
        rows += [
            (customer.name, contact.name, contact.address, used, shown, contact.locale)
            for contact in customer.contacts
        ]
    return to_csv(rows)
