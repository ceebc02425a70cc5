"""Shared by all JSON routes: validated types, pagination, and problem details in OpenAPI."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, TypeVar
from zoneinfo import available_timezones

from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.dependencies.models import Dependant
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Strict, WithJsonSchema
from pydantic.fields import FieldInfo

from firebell.kit.clock import YEARS
from firebell.kit.context import Context
from firebell.kit.errors import Invalid
from firebell.kit.text import NAME_LIMIT
from firebell.kit.web.routing import Router
from firebell.kit.web.undo import Offer

MAX_ID = 2**63 - 1
_REF = re.compile(r"(?:[A-Za-z]{1,5}-)?[0-9]{1,18}")
_MINUTE = (
    "(19[7-9][0-9]|2[01][0-9]{2}|2200)-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]"
)
T = TypeVar("T")


class ApiInput(BaseModel):
    """A request body; an unknown field is an error, so that a typo is not ignored."""

    model_config = ConfigDict(extra="forbid")


class ApiOutput(BaseModel):
    """A response body, built from the attributes of a domain object."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)


class UndoOffered(ApiOutput):
    """The token for `POST /undo/{token}`, and until when it works."""

    token: str
    until: datetime


class Removed(ApiOutput):
    """The response of a removal, revocation or reset; `undo` is null if it can't be undone."""

    undo: UndoOffered | None


def removed(offer: Offer | None) -> Removed:
    """Return the response to a removal, with the offer to undo it."""
    return Removed(undo=UndoOffered.model_validate(offer) if offer else None)


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
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None:
        raise ValueError(f"This is not an instant; {example}.")
    if found.tzinfo is None:
        raise ValueError(f"The offset is missing; {example} or +01:00 (in an address, write + as %2B).")
    return _believable(found).astimezone(UTC)


def _wall(value: object) -> datetime:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None or found.tzinfo is not None:
        raise ValueError("Not a local time. Use 2026-11-23T09:00, without a UTC offset.")
    return _believable(found)


def _believable(found: datetime) -> datetime:
    if found.year not in YEARS:
        raise ValueError(f"The year must be {YEARS[0]} to {YEARS[-1]}.")
    return found


def _zone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError("Use an IANA time zone such as Europe/Berlin.")
    return value


def _reference(value: object) -> int:
    if not isinstance(value, str) or not _REF.fullmatch(value):
        raise ValueError("Use the id or the reference of an entry, such as 7 or PG-7.")
    return int(value.rpartition("-")[2])


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
    """Return a number without a fraction as an int: JSON Schema calls 1.0 an integer."""
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
"""A truth in an address."""


async def _context(request: Request) -> Context:
    context: Context = request.app.state.ctx
    return context


Ctx = Annotated[Context, Depends(_context)]


Limit = Annotated[
    int, Field(ge=1, le=500), BeforeValidator(check_digits), Query(description="maximum number of entries")
]


def link_next(request: Request, response: Response, before: object, limit: int) -> None:
    """Lead to the next stretch of a list by the answer's `Link` header."""
    url = request.url.include_query_params(before=before, limit=limit)
    response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'


class Pagination:
    """One stretch of a list: at most `limit` entries after the one with the number `before`."""

    def __init__(self, request: Request, response: Response, limit: int, before: int | None) -> None:
        self._request = request
        self._response = response
        self.limit = limit
        self.before = before

    def link(self, numbers: Sequence[int]) -> None:
        """Lead to the next stretch by the answer's `Link` header when this one is full."""
        if len(numbers) == self.limit:
            link_next(self._request, self._response, numbers[-1], self.limit)

    def newest(self, found: Sequence[T], numbers: Sequence[int]) -> list[T]:
        """Return the stretch of a short list by falling number."""
        pairs = sorted(zip(numbers, range(len(found)), strict=True), reverse=True)
        kept = [(n, at) for n, at in pairs if self.before is None or n < self.before][: self.limit]
        self.link([n for n, _ in kept])
        return [found[at] for _, at in kept]


async def _paging(
    request: Request,
    response: Response,
    limit: Limit = 100,
    before: Annotated[
        int | None,
        BeforeValidator(_reference),
        WithJsonSchema({"type": "string", "pattern": f"^{_REF.pattern}$"}),
        Query(description="continue after the entry with this id or reference: the last one that you have"),
    ] = None,
) -> Pagination:
    return Pagination(request, response, limit, before)


PageParams = Annotated[Pagination, Depends(_paging)]


class Fault(ApiInput):
    """What is wrong with one field."""

    field: str
    message: str


class Problem(ApiInput):
    """An RFC 9457 problem; `hint` says what to do, `errors` which fields are wrong."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    hint: str = ""
    errors: tuple[Fault, ...] = ()

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:firebell:problem:invalid",
                    "title": "Unprocessable Entity",
                    "status": 422,
                    "detail": "The request cannot be accepted as it is.",
                    "instance": "/api/v1/incidents",
                    "errors": [{"field": "severty", "message": "There is no such field here."}],
                }
            ]
        }
    )


_MEANING = {
    401: "The request carries no valid key",
    403: "The key or its owner may not do this",
    404: "There is no such thing",
    409: "The present state does not allow this",
    422: "The request cannot be accepted; `errors` names the fields",
    429: "A limit is reached: try again after Retry-After seconds",
    503: "Nothing was stored: try again after Retry-After seconds",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of these refusals."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": _MEANING[status], "content": {"application/problem+json": {"schema": schema}}}
        for status in statuses
    }


ALWAYS = problems(401, 403, 422, 503)
"""What every route with a key may answer."""


def _parameters(found: Dependant) -> set[str]:
    own = {param.alias for param in found.query_params}
    return own.union(*(_parameters(part) for part in found.dependencies))


async def _only_known(request: Request) -> None:
    known = _parameters(request.scope["route"].dependant)
    if unknown := [name for name in request.query_params if name not in known]:
        raise Invalid(
            "The address carries a parameter that is not known here.",
            fields={unknown[0][:200]: f"There are: {', '.join(sorted(known)) or 'none'}."},
        )


def router(tag: str | None = None, prefix: str = "") -> Router:
    """Return a router under `/api/v1` whose routes may answer problems and refuse unknown parameters."""
    return Router(
        prefix=f"/api/v1{prefix}",
        tags=[tag] if tag else None,
        responses=ALWAYS,
        dependencies=[Depends(_only_known)],
    )


class Api(FastAPI):
    """FastAPI whose OpenAPI knows the problem, and names operations as the functions are named."""

    def openapi(self) -> dict[str, Any]:
        """Return the document, made once."""
        if self.openapi_schema is None:
            found = super().openapi()
            parts = found["components"]["schemas"]
            problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            parts |= problem.pop("$defs")
            parts["Problem"] = problem
            self.openapi_schema = _with_short_names(found)
        assert self.openapi_schema is not None
        return self.openapi_schema


_SCHEMAS = "#/components/schemas/"
_KEYWORDS = {"ge": "minimum", "le": "maximum"}
"""What Pydantic calls a bound that stands behind a validator, and what JSON Schema calls it."""


def _with_short_names(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with one short name and title for each schema.

    Classes of one name in two slices are told apart by their modules, which code generators cannot read:
    `firebell__people__model__Role` becomes `PeopleRole`.
    """
    schemas = document["components"]["schemas"]
    names = {name: _short_name(name) for name in schemas}
    assert len(set(names.values())) == len(names), "two schemas have one name"

    def renamed(value: Any) -> Any:
        if isinstance(value, list):
            return [renamed(item) for item in value]
        if isinstance(value, float) and value.is_integer():
            # FastAPI writes bounds as floats, and the largest id as a number above it
            return min(int(value), MAX_ID)
        if not isinstance(value, dict):
            return value
        return {
            _KEYWORDS.get(key, key): f"{_SCHEMAS}{names[item.removeprefix(_SCHEMAS)]}"
            if key == "$ref" and isinstance(item, str) and item.startswith(_SCHEMAS)
            else renamed(item)
            for key, item in value.items()
        }

    short: dict[str, Any] = renamed(document)
    short["components"]["schemas"] = {
        names[name]: {**renamed(schema), "title": names[name]} for name, schema in schemas.items()
    }
    return short


def _short_name(name: str) -> str:
    """Return the name of a class, with its slice before it when another class has the same name."""
    parts = name.split("__")
    return parts[-1] if len(parts) == 1 else f"{parts[1].capitalize()}{parts[-1]}"


def field_error(error: dict[str, Any]) -> tuple[str, str]:
    """Return which field an error of validation is about, and what is wrong in words."""
    where = [str(part) for part in error["loc"]]
    field = ".".join(where[1:]) or where[0]
    field = field.encode("utf-8", "backslashreplace").decode()[:200]
    match error["type"]:
        case "missing":
            return field, "This is missing."
        case "extra_forbidden":
            return field, "There is no such field here."
        case "json_invalid":
            return "body", f"This is not JSON: {error.get('ctx', {}).get('error', 'it cannot be read')}."
        case "value_error":
            return field, str(error["ctx"]["error"])
        case _:
            return field, str(error["msg"]).encode("utf-8", "backslashreplace").decode()


def status_slug(status: int) -> str:
    """Return the name of a status as a code, such as method-not-allowed."""
    return HTTPStatus(status).phrase.lower().replace(" ", "-")
