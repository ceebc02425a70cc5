"""A router is asked only about paths that it can have, and then matches like any other."""

from copy import copy

import pytest
from starlette.routing import Match

from firebell.kit.web.api import router as api_router
from firebell.kit.web.routing import RouteGroup, head, html_router


@pytest.mark.parametrize(
    ("path", "known_by"),
    [
        ("/", "/"),
        ("/oncall", "/oncall"),
        ("/oncall/me/x", "/oncall"),
        ("/api/v1/oncall", "/api/v1/oncall"),
        ("/api/v1/oncall/x", "/api/v1/oncall"),
        ("/api", "/api"),
        ("", ""),
    ],
)
def test_the_head_of_an_address(path: str, known_by: str) -> None:
    assert head(path) == known_by


def asked(path: str, method: str = "GET") -> dict[str, Match]:
    """Return the matches of two routers for a request."""
    routers = {"pages": html_router(), "api": api_router("things")}
    for router in routers.values():
        router.add_api_route("/things/{name}", lambda name: name, name="thing")
    scope = {"type": "http", "path": path, "method": method, "headers": []}
    return {name: RouteGroup(router).matches(dict(scope))[0] for name, router in routers.items()}


def test_each_router_takes_its_own() -> None:
    assert asked("/things/a") == {"pages": Match.FULL, "api": Match.NONE}
    assert asked("/api/v1/things/a") == {"pages": Match.NONE, "api": Match.FULL}
    assert asked("/other") == {"pages": Match.NONE, "api": Match.NONE}


def test_another_method_is_still_known_to_be_wrong() -> None:
    assert asked("/things/a", "POST")["pages"] is Match.PARTIAL


def test_a_router_of_any_head_is_always_asked() -> None:
    router = html_router()
    router.add_api_route("/{name}", lambda name: name, name="any")
    scope = {"type": "http", "path": "/whatever", "method": "GET", "headers": []}
    assert RouteGroup(router).matches(scope)[0] is Match.FULL


def test_a_late_route_can_be_copied() -> None:
    router = html_router()
    router.add_api_route("/{name}", lambda name: name, name="any")
    assert copy(router.routes[0]).path_format == "/{name}"  # type: ignore[attr-defined]
