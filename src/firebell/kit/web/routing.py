"""Routers that are asked only about addresses they can have: a request would else be held against every route."""

from collections.abc import Sequence
from functools import cached_property

from fastapi import APIRouter
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Scope

_API = "/api/v1/"


def head(path: str) -> str:
    """Return what tells the addresses of routers apart: the first segment, and the third of the API."""
    rest = path.removeprefix(_API) if path.startswith(_API) else path[1:]
    return path[: len(path) - len(rest)] + rest.partition("/")[0]


def allowed_methods(routes: Sequence[BaseRoute], scope: Scope) -> set[str]:
    """Return every method that some route takes at the path of a request."""
    matching = [r for r in routes if isinstance(r, Route) and r.matches(dict(scope))[0] is not Match.NONE]
    return {method for route in matching for method in route.methods or ()}


class Router(APIRouter):
    """Answers for the heads of its own routes; a head with a parameter could be any."""

    @cached_property
    def _heads(self) -> frozenset[str]:
        return frozenset(head(route.path) for route in self.routes if isinstance(route, Route))

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Say whether one of the routes takes the request."""
        if head(scope["path"]) not in self._heads and not any("{" in known for known in self._heads):
            return Match.NONE, {}
        return super().matches(scope)


def html_router() -> Router:
    """Return a router of pages, which the API's description does not show."""
    return Router(include_in_schema=False)
