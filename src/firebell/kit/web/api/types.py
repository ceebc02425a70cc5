"""Validated types of JSON fields, and the models that all requests and responses extend."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Strict, WithJsonSchema
from pydantic.fields import FieldInfo

from firebell.kit.clock import YEARS
from firebell.kit.localtime import zone_names
from firebell.kit.text import MAX_ID, NAME_LIMIT

_MINUTE = (
    "(19[7-9][0-9]|2[01][0-9]{2}|2200)-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]"
)


class ApiInput(BaseModel):
    """A request body; an unknown field is an error, so that a typo is not ignored."""

    model_config = ConfigDict(extra="forbid")


class ApiOutput(BaseModel):
    """A response body, built from the attributes of a domain object."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)


def _storable(value: str) -> str:
    if "\x00" in value:
        raise ValueError("Contains a NUL character, which can’t be stored.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("Contains an unpaired surrogate.") from None
    return value


def check_digits(value: object) -> object:
    """Return `value`; raise `ValueError` for a string that is not decimal digits."""
    if isinstance(value, str) and not (value.isascii() and value.isdecimal()):
        raise ValueError("Use a whole number.")
    return value


def _instant(value: object) -> datetime:
    example = "use 2026-11-24T03:14:00Z"
    try:
        parsed = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        parsed = None
    if parsed is None:
        raise ValueError(f"Not an instant; {example}.")
    if parsed.tzinfo is None:
        raise ValueError(f"The offset is missing; {example} or +01:00 (in an address, write + as %2B).")
    return _accepted(parsed).astimezone(UTC)


def _wall(value: object) -> datetime:
    try:
        parsed = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        parsed = None
    if parsed is None or parsed.tzinfo is not None:
        raise ValueError("Not a local time. Use 2026-11-23T09:00, without a UTC offset.")
    return _accepted(parsed)


def _accepted(parsed: datetime) -> datetime:
    if parsed.year not in YEARS:
        raise ValueError(f"The year must be {YEARS[0]} to {YEARS[-1]}.")
    return parsed


def _zone(value: str) -> str:
    if value not in zone_names():
        raise ValueError("Use an IANA time zone such as Europe/Berlin.")
    return value


Text = Annotated[str, AfterValidator(_storable), Field(json_schema_extra={"pattern": r"^[^\u0000]*$"})]
Name = Annotated[Text, Field(min_length=1, max_length=500)]
ShortName = Annotated[
    str,
    AfterValidator(_storable),
    Field(
        min_length=1,
        max_length=NAME_LIMIT,
        json_schema_extra={"pattern": r"^[^\u0000]*[^\s\u0000][^\u0000]*$"},
    ),
]
"""A name with at least one visible character, at most `NAME_LIMIT` characters long."""


def _integral(value: object) -> object:
    """Return a whole float as an int: in JSON Schema, 1.0 is an integer."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


StrictInt = Annotated[int, Strict(), BeforeValidator(_integral)]
StrictBool = Annotated[bool, Strict()]
Id = Annotated[StrictInt, Field(ge=1, le=MAX_ID)]
PathId = Annotated[int, Field(ge=1, le=MAX_ID), BeforeValidator(check_digits)]
"""An id in a path."""


def matching(pattern: str) -> FieldInfo:
    """Return a field that documents a pattern in OpenAPI; the action validates it."""
    return Field(json_schema_extra={"pattern": pattern})  # type: ignore[no-any-return]


TimeZone = Annotated[Text, AfterValidator(_zone), Field(examples=["Europe/Berlin"])]
Instant = Annotated[
    datetime,
    BeforeValidator(_instant),
    WithJsonSchema(
        {
            "type": "string",
            "format": "date-time",
            "pattern": rf"^{_MINUTE}:[0-5][0-9](\.[0-9]{{1,6}})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$",
            "examples": ["2026-11-24T03:14:00Z"],
        }
    ),
]
LocalDateTime = Annotated[
    datetime,
    BeforeValidator(_wall),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": f"^{_MINUTE}$",
            "examples": ["2026-11-23T09:00"],
            "description": "without an offset",
        }
    ),
]
"""A local time without an offset, in the time zone of the same object."""


def _flag(value: object) -> object:
    if isinstance(value, str) and value not in ("true", "false"):
        raise ValueError("Use true or false.")
    return value


QueryBool = Annotated[bool, BeforeValidator(_flag)]
"""A boolean query parameter."""
