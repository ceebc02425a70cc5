"""Custom fields of incidents: their kinds and what they accept (pure)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from firebell.incidents.closing.rules import ClosingCondition, ConditionState
from firebell.incidents.model import Incident
from firebell.kit.typed_numbers import has_one_comma

MAX_VALUE_CHARS = 500
MAX_OPTIONS = 50
MAX_FIELDS = 50
_NUMBER = re.compile(r"-?[0-9]+(?:[.,][0-9]+)?")


class FieldKind(StrEnum):
    """What a custom field accepts; a person is stored by id."""

    TEXT = "text"
    NUMBER = "number"
    CHOICE = "choice"
    DATE = "date"
    PERSON = "person"


KIND_NAMES = {
    FieldKind.TEXT: "Text",
    FieldKind.NUMBER: "Number",
    FieldKind.CHOICE: "Choice",
    FieldKind.DATE: "Date",
    FieldKind.PERSON: "Person",
}


@dataclass(frozen=True, slots=True)
class CustomField:
    """A field that the organization defined; `required_for` are the severities that need it before closing."""

    id: int
    slug: str
    name: str
    kind: FieldKind
    options: tuple[str, ...] = ()
    required_for: tuple[int, ...] = ()


def stored(field: CustomField, text: str) -> str:
    """Return a value as it is stored, empty for none; raise `ValueError` with what to enter instead."""
    text = " ".join(text.split())
    if not text:
        return ""
    if len(text) > MAX_VALUE_CHARS:
        raise ValueError(f"Enter at most {MAX_VALUE_CHARS} characters.")
    match field.kind:
        case FieldKind.NUMBER:
            return _number(text)
        case FieldKind.CHOICE:
            if text not in field.options:
                raise ValueError(f"Choose one of {', '.join(field.options)}.")
        case FieldKind.DATE:
            return _date(text)
        case FieldKind.PERSON:
            if not (text.isascii() and text.isdigit() and len(text) < 19):
                raise ValueError("Choose a person.")
            return str(int(text))
        case FieldKind.TEXT:
            pass
    return text


def _number(text: str) -> str:
    if not _NUMBER.fullmatch(text):
        raise ValueError("Enter a number, such as 1234.5.")
    if has_one_comma(text.removeprefix("-")):  # a comma between thousands, or before decimals
        raise ValueError(f"Enter it without a comma: {text.replace(',', '')} or {text.replace(',', '.')}.")
    number = Decimal(text.replace(",", "."))
    if abs(number.adjusted()) > 30:
        raise ValueError("Enter a number, such as 1234.5.")
    return f"{number.normalize():f}"


def _date(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError("Enter a date such as 2026-11-24.") from None


def missing(fields: Sequence[CustomField], values: Mapping[int, str], severity: int) -> list[CustomField]:
    """Return the fields that an incident of this severity requires and that have no value."""
    return [field for field in fields if severity in field.required_for and not values.get(field.id)]


def condition(
    incident: Incident, fields: Sequence[CustomField], values: Mapping[int, str]
) -> list[ClosingCondition]:
    """Return the closing condition that the required fields have values; none if nothing is required."""
    required = [field for field in fields if incident.max_severity in field.required_for]
    if not required:
        return []
    empty = missing(fields, values, incident.max_severity)
    if not empty:
        return [ClosingCondition("fields", "Required fields are filled", ConditionState.MET, "")]
    names = ", ".join(field.name for field in empty)
    return [
        ClosingCondition(
            "fields",
            "A required field is blank" if len(empty) == 1 else f"{len(empty)} required fields are blank",
            ConditionState.OPEN,
            f"{names}.",
            f"Fill in {names}.",
            href=f"/incidents/{incident.ref}/details#fields",
        )
    ]
