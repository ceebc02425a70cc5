"""The OpenAPI document, with short names for schemas and operations."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.routing import BaseRoute

from firebell.kit.text import MAX_ID
from firebell.kit.threads import Pool
from firebell.kit.web.api.problem_details import Problem
from firebell.kit.web.routing import RouteGroup

_DOCUMENTS = Pool("descriptions of the API", 1, 64)
"""Generating one takes seconds, during which other requests must not wait."""


class Api(FastAPI):
    """FastAPI whose OpenAPI document has the problem schema, and operation ids equal to function names."""

    describe_webhooks: Callable[[], tuple[dict[str, Any], dict[str, Any]]] | None = None
    """Returns what the product sends to others, by name, and the schemas of that."""

    @property
    def routes(self) -> list[BaseRoute]:
        """Every route, those in groups included."""
        return [
            route
            for each in self.router.routes
            for route in (each.routes if isinstance(each, RouteGroup) else [each])
        ]

    def setup(self) -> None:
        """Serve the document."""
        assert self.openapi_url
        self.add_route(self.openapi_url, self._document, include_in_schema=False)

    async def _document(self, request: Request) -> Response:
        body = await _DOCUMENTS.run(lambda: JSONResponse(self.openapi()).body)
        return Response(body, media_type="application/json")

    def openapi(self) -> dict[str, Any]:
        """Return the cached document."""
        if self.openapi_schema is None:
            document = super().openapi()
            parts = document["components"]["schemas"]
            problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            parts |= problem.pop("$defs")
            parts["Problem"] = problem
            if self.describe_webhooks is not None:
                document["webhooks"], schemas = self.describe_webhooks()
                parts |= schemas
            self.openapi_schema = _with_short_names(document)
        assert self.openapi_schema is not None
        return self.openapi_schema


_SCHEMAS = "#/components/schemas/"
_KEYWORDS = {"ge": "minimum", "le": "maximum"}
"""Pydantic's names of bounds that follow a validator, with their JSON Schema names."""
_PUBLISHED_NAMES = {
    "ChangeShown": "OncallChangeShown",
    "ChangeStep": "Step",
    "FindingShown": "OncallFindingShown",
    "HitShown": "SearchHitShown",
    "ImportSource": "OncallSource",
    "IncidentRole": "IncidentsRole",
    "LayerPlace": "Place",
    "NewHandoffText": "HandoffsNewBody",
    "NewPostmortemText": "PostmortemsNewText",
    "NewRunbookText": "RunbooksNewText",
    "NewTemplateText": "HandbookNewBody",
    "ReminderLeadTime": "Notice",
    "Role": "PeopleRole",
    "RunbookFindingShown": "RunbooksFindingShown",
    "SectionHitShown": "HandbookHitShown",
    "SeverityAnswers": "Answers",
    "SnoozeRequest": "Snooze",
    "TemplateChangeShown": "HandbookChangeShown",
    "TemplateSource": "HandbookSource",
}
"""Classes that were renamed, with the names of their schemas: generated clients keep their types."""


def _with_short_names(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with a short name and title for each schema.

    FastAPI distinguishes classes of the same name by module, which code generators cannot handle:
    `firebell__alerts__model__Kind` becomes `AlertsKind`.
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
    short = parts[-1] if len(parts) == 1 else f"{parts[1].capitalize()}{parts[-1]}"
    return _PUBLISHED_NAMES.get(short, short)
