"""Routers whose routes are analyzed when they are first used, and skipped unless the path starts like one of them."""

from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from typing import Any, cast

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Match, Route, compile_path, get_name
from starlette.types import Receive, Scope, Send

_API = "/api/v1/"
MAX_BODY_BYTES = 4 * 1024 * 1024
"""Inbound alerts have their own limit."""


@lru_cache(maxsize=512)
def head(path: str) -> str:
    """Return the part of a path that identifies its router: its first segment, with `/api/v1/` before it if present."""
    rest = path.removeprefix(_API) if path.startswith(_API) else path[1:]
    return path[: len(path) - len(rest)] + rest.partition("/")[0]


def allowed_methods(routes: Sequence[BaseRoute], scope: Scope) -> set[str]:
    """Return every method that a route accepts at the path of a request."""
    matching = [r for r in routes if isinstance(r, Route) and r.matches(dict(scope))[0] is not Match.NONE]
    return {method for route in matching for method in route.methods or ()}


class LateRoute(APIRoute):
    """A route whose function FastAPI analyzes when the first request arrives, or when OpenAPI describes it.

    Analyzing one takes milliseconds; analyzing all of them would add seconds to every start.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self.path = path
        self.endpoint = endpoint
        self.name = options["name"] or get_name(endpoint)
        self.methods = {method.upper() for method in options["methods"] or ["GET"]}
        self._options = options

    def __getattr__(self, name: str) -> Any:
        """Return an attribute that a route has once it is analyzed."""
        if name == "_options":  # of a copy that is being made
            raise AttributeError(name)
        if name in ("path_regex", "path_format", "param_convertors"):
            self.path_regex, self.path_format, self.param_convertors = compile_path(self.path)
        elif name in self._options:
            return self._options[name]
        else:
            self.analyze()
        return object.__getattribute__(self, name)

    def analyze(self) -> None:
        """Analyze the function, its parameters and its return type now."""
        super().__init__(self.path, self.endpoint, **self._options)


class Router(APIRouter):
    """An APIRouter of late routes, which all have the limit of a request body."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            route_class=LateRoute,
            generate_unique_id_function=lambda route: route.name,
            max_body_size=MAX_BODY_BYTES,
            **options,
        )


def html_router() -> Router:
    """Return a router of HTML pages, which OpenAPI leaves out."""
    return Router(include_in_schema=False)


class RouteGroup(BaseRoute):
    """The routes of one router, tried only for paths that start like one of them.

    FastAPI would try the routes of all routers in order, and analyze those that it includes once more. A parameter
    at the start of a path matches any.
    """

    def __init__(self, router: APIRouter) -> None:
        self.routes = router.routes

    @cached_property
    def _heads(self) -> frozenset[str]:
        return frozenset(head(route.path) for route in self.routes if isinstance(route, Route))

    @cached_property
    def _starts_with_parameter(self) -> bool:
        return any("{" in known for known in self._heads)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return whether one of the routes matches the request, and that `route`."""
        if head(scope["path"]) not in self._heads and not self._starts_with_parameter:
            return Match.NONE, {}
        partial: tuple[Match, Scope] = (Match.NONE, {})
        for route in self.routes:
            match, child_scope = route.matches(scope)
            if match is Match.FULL:
                return match, child_scope
            if match is Match.PARTIAL and partial[0] is Match.NONE:
                partial = match, child_scope
        return partial

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have the matching route handle the request."""
        await cast("APIRoute", scope["route"]).handle(scope, receive, send)
