"""What load balancers and monitors ask: whether this process lives, and whether it can page."""

from http import HTTPStatus

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from firebell import __version__
from firebell.health_check import HealthCheck

_FRESH = {"Cache-Control": "no-store"}


async def _healthz(request: Request) -> JSONResponse:
    """Return 200 if alerts can be stored and pages are sent, else 503 with the failing checks."""
    report = await request.app.state.health_check.report()
    status = HTTPStatus.OK if report.healthy else HTTPStatus.SERVICE_UNAVAILABLE
    return JSONResponse({**report.as_json(), "version": __version__}, status, _FRESH)


async def _livez(request: Request) -> JSONResponse:
    """Return 200 as long as the process responds, without using the database."""
    return JSONResponse({"status": "alive", "version": __version__}, headers=_FRESH)


ROUTES = (Route("/healthz", _healthz), Route("/livez", _livez))
PATHS = tuple(route.path for route in ROUTES)


def build(health_check: HealthCheck) -> ASGIApp:
    """Return the app that answers the probes."""
    app = Starlette(routes=ROUTES)
    app.state.health_check = health_check
    return app
