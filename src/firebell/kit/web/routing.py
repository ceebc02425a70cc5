"""Routers that skip matching unless the path starts like one of their routes; FastAPI tries all in order."""

from collections.abc import Sequence
from functools import cached_property, lru_cache

from fastapi import APIRouter
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Scope

_API = "/api/v1/"


@lru_cache(maxsize=512)
def head(path: str) -> str:
    """Return the part of a path that identifies its router: its first segment, with `/api/v1/` before it if present."""
    rest = path.removeprefix(_API) if path.startswith(_API) else path[1:]
    return path[: len(path) - len(rest)] + rest.partition("/")[0]


def allowed_methods(routes: Sequence[BaseRoute], scope: Scope) -> set[str]:
    """Return every method that a route accepts at the path of a request."""
    matching = [r for r in routes if isinstance(r, Route) and r.matches(dict(scope))[0] is not Match.NONE]
    return {method for route in matching for method in route.methods or ()}


class Router(APIRouter):
    """Matches only paths that start like one of its routes; a parameter in that place matches any."""

    @cached_property
    def _heads(self) -> frozenset[str]:
        return frozenset(head(route.path) for route in self.routes if isinstance(route, Route))

    @cached_property
    def _starts_with_parameter(self) -> bool:
        return any("{" in known for known in self._heads)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return whether one of the routes matches the request."""
        if head(scope["path"]) not in self._heads and not self._starts_with_parameter:
            return Match.NONE, {}
        return super().matches(scope)


def html_router() -> Router:
    """Return a router of HTML pages, which OpenAPI leaves out."""
    return Router(include_in_schema=False)
