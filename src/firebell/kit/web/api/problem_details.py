"""Problem details (RFC 9457): error responses in OpenAPI, and messages for invalid fields."""

from http import HTTPStatus
from typing import Any

from pydantic import ConfigDict

from firebell.kit.web.api.types import ApiInput


class Fault(ApiInput):
    """The error of one field."""

    field: str
    message: str


class ConflictPart(ApiInput):
    """A part of a merged text: either lines that are settled, or the three versions of lines to choose from."""

    lines: tuple[str, ...] | None = None
    base: tuple[str, ...] | None = None
    theirs: tuple[str, ...] | None = None
    mine: tuple[str, ...] | None = None


class ConflictTexts(ApiInput):
    """The texts of an edit conflict; a text that is saved with `version` and `hash` replaces the saved one."""

    section: str
    version: int
    hash: str
    base: str
    theirs: str
    mine: str
    marked: str
    parts: tuple[ConflictPart, ...]


class Problem(ApiInput):
    """An RFC 9457 problem; `hint` says what to do, `errors` which fields are wrong, `conflict` what to choose from."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    hint: str = ""
    errors: tuple[Fault, ...] = ()
    conflict: ConflictTexts | None = None

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
    409: "The current state does not allow this",
    422: "The request cannot be accepted; `errors` names the fields",
    429: "A limit is reached: try again after Retry-After seconds",
    501: "This installation lacks an optional part",
    503: "Nothing was stored: try again after Retry-After seconds",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI entries of these error responses."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": _MEANING[status], "content": {"application/problem+json": {"schema": schema}}}
        for status in statuses
    }


ALWAYS = problems(401, 403, 422, 503)
"""Error responses of every authenticated route."""


def field_error(error: dict[str, Any]) -> tuple[str, str]:
    """Return the field of a validation error and its message."""
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
            text = _limit_text(error) or _KIND_TEXTS.get(error["type"]) or str(error["msg"])
            return field, text.encode("utf-8", "backslashreplace").decode()


_KIND_TEXTS = {
    "bool_type": "Use true or false.",
    "dict_type": "Use an object.",
    "int_parsing": "Use a whole number.",
    "int_type": "Use a whole number.",
    "list_type": "Use a list.",
    "model_type": "Use an object.",
    "string_type": "Use a text.",
}
"""Messages by the type of Pydantic's error, where its own message is about the validator."""


def _limit_text(error: dict[str, Any]) -> str:
    """Return the message for a value beyond a limit, as a form says it; empty for other errors."""
    limits = error.get("ctx", {})
    unit = "characters" if isinstance(error.get("input"), str) else "entries"
    match error["type"]:
        case "too_short" | "string_too_short" if limits["min_length"] == 1:
            return "Please fill this in."
        case "too_short" | "string_too_short":
            return f"At least {limits['min_length']} {unit}."
        case "too_long" | "string_too_long":
            return f"At most {limits['max_length']} {unit}."
        case "greater_than_equal":
            return f"Use a number of at least {limits['ge']}."
        case "less_than_equal":
            return f"Use a number of at most {limits['le']}."
        case "literal_error" | "enum":
            return f"Use {limits['expected']}."
    return ""


def status_slug(status: int) -> str:
    """Return the slug of an HTTP status, such as method-not-allowed."""
    return HTTPStatus(status).phrase.lower().replace(" ", "-")
