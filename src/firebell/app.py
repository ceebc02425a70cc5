"""The ASGI app: the routes of every slice, error handlers and live events."""

import contextlib
import logging
import re
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from http import HTTPStatus
from importlib import resources

from asyncpg import (
    DataError,
    DeadlockDetectedError,
    ForeignKeyViolationError,
    IntegrityConstraintViolationError,
    InterfaceError,
    UniqueViolationError,
)
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from firebell import __version__, error_suggestions, probes
from firebell.alerts.ingest import inbound
from firebell.dashboard import web as dashboard_web
from firebell.health_check import HealthCheck
from firebell.heartbeats.alert_pings import AlertPings
from firebell.heartbeats.inbound import HeartbeatReceiver, is_ping
from firebell.host_and_origin_guard import SENDERS, Guard
from firebell.incidents import actions as incidents
from firebell.kit import private_reader
from firebell.kit.context import Context
from firebell.kit.errors import Conflict, FirebellError, Invalid, TooMany, Unauthenticated, Unavailable
from firebell.kit.log import OncePerMinute, correlation_id
from firebell.kit.slice import DeclarationError, NavItem, Section, SettingsTab, Slice, unique
from firebell.kit.web import flash, html
from firebell.kit.web.api import Api, field_error, status_slug
from firebell.kit.web.compression import Compression
from firebell.kit.web.late_app import LateApp
from firebell.kit.web.live import stream
from firebell.kit.web.render_cache import RenderCache
from firebell.kit.web.routing import MAX_BODY_BYTES, RouteGroup, allowed_methods, html_router
from firebell.kit.web.small_requests import DirectApp
from firebell.kit.web.static_files import VersionedFiles
from firebell.monitoring.exporter import Exporter
from firebell.opsgenie import api_answers as opsgenie
from firebell.people import authentication, route_access, session_watch, submitted_form_store
from firebell.people.permissions import Verb
from firebell.slices import SLICES
from firebell.status_pages.hosting.edge import StatusEdge
from firebell.webhooks import openapi as webhook_openapi

log = logging.getLogger("firebell.web")
OVERTAKEN = "a concurrent change won"
"""Logged when only the database refused a change; if no other request changed the same, a check is missing."""

SIGNED_PREFIXES = (
    "/ack/",
    "/welcome/",
    "/calendar/",
    "/chat/link/",
    "/u/",
    "/in/channel/",
    "/in/public/",
    "/in/mail-events/",
    "/in/trackers/",
)
"""Paths with a token that acts for a person, for a subscriber, or for a mail provider."""
_SUBSCRIBE = re.compile(r"/s/[^/]+(/[a-z]{2})?/subscribe(/code)?")
"""The forms of status pages, which need the database."""
_UNIX_TIME = re.compile(r"\d{1,12}(\.\d{1,9})?", re.ASCII)
_OLDEST_PAGE_S = 86_400.0
HOOKS = ("/in/channel/", "/in/public/", "/in/runbooks/", "/in/mail-events/", "/in/trackers/")
"""Addresses among those of alerts at which others than senders of alerts report something else."""


class App:
    """Routes inbound events, probes and status pages to their apps, without the middleware of the web pages.

    These answer before the routes of the web pages exist: building those takes most of the startup.
    """

    def __init__(self, ctx: Context, pages: Callable[[inbound.Inbound], ASGIApp]) -> None:
        ingest = inbound.build(ctx, AlertPings(ctx))
        for path, answer in opsgenie.build(ctx, ingest.ingest).items():
            ingest.attach(path, answer)
        self.direct: DirectApp = ingest
        """Answers small messages of sources without ASGI."""
        self._ingest = ingest
        self.ingest = ingest.ingest
        """Stores what senders send by other ways than HTTP."""
        self._prefixes = ingest.prefixes
        self._heartbeats = HeartbeatReceiver(ctx, self.ingest)
        self._status = StatusEdge(ctx)
        self._probes = _Observed(probes.build(HealthCheck(ctx)))
        self._app = LateApp(partial(pages, ingest))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app: ASGIApp = self._app
        if scope["type"] == "http":
            is_alert = scope["path"].startswith(self._prefixes) and not scope["path"].startswith(HOOKS)
            # an alert waits for nothing
            if await self._status.serve_host(scope, receive, send, self._app, waits=not is_alert):
                return
            if is_alert:
                app = self._heartbeats if is_ping(scope["path"]) else self._ingest
            elif scope["path"] in probes.PATHS:
                app = self._probes
            elif scope["path"].startswith(self._status.prefix) and not _SUBSCRIBE.fullmatch(scope["path"]):
                app = self._status
        await app(scope, receive, send)

    async def load(self) -> ASGIApp:
        """Build the app of the web pages in a thread, and return it; requests for web pages wait for it."""
        return await self._app.load()


def routers(slices: Sequence[Slice] = SLICES) -> list[APIRouter]:
    """Return the routers in matching order; raise DeclarationError if two slices have the same route."""
    owned = [(each.name, each.routers()) for each in slices] + [("app", [_machines])]
    check_routes(
        [
            ("probes", probes.ROUTES),
            *((owner, [route for router in group for route in router.routes]) for owner, group in owned),
        ]
    )
    return [router for _, group in owned for router in group]


def check_routes(owned: Iterable[tuple[str, Sequence[BaseRoute]]]) -> None:
    """Raise DeclarationError if two of these owners have a route of one method and path."""
    unique(
        "route",
        (
            (owner, f"{method} {re.sub('{[^}]*}', '{}', route.path)}", route)
            for owner, routes in owned
            for route in routes
            if isinstance(route, Route)
            for method in route.methods or ()
        ),
    )


def navigation(slices: Sequence[Slice] = SLICES) -> list[NavItem]:
    """Return the navigation links, sorted by section and rank."""
    sections = list(Section)
    items = [item for each in slices for item in each.navigation]
    return sorted(items, key=lambda item: (sections.index(item.section), item.rank))


def settings_tabs(slices: Sequence[Slice] = SLICES) -> list[SettingsTab]:
    """Return the tabs of the settings, sorted by rank."""
    return sorted((tab for each in slices for tab in each.settings_tabs), key=lambda tab: tab.rank)


_machines = html_router()


@_machines.get("/events", dependencies=route_access.needs(Verb.PAGE_READ))
async def events(request: Request, topics: str = "", since: str = "") -> StreamingResponse:
    """Stream changes of the comma-separated `topics` as server-sent events, those `since` an instant at once.

    `since` is when the page was rendered, in seconds of Unix time; another text is ignored.
    """
    ctx: Context = request.app.state.ctx
    person, watch = await authentication.signed_in(request), await session_watch.watch(request)
    ctx.live.check_room(person.id)
    wanted = frozenset(t for t in topics.split(",") if t)
    if private_reader.reader() is not None and any(t.startswith("inc-") for t in wanted):
        async with ctx.db.tx() as tx:
            wanted -= {f"inc-{i}" for i in await incidents.hidden_ids(tx)}
    return StreamingResponse(
        stream(ctx.live, person.id, wanted, watch, page_age_s=_age_s(since, ctx.clock.now())),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def _age_s(since: str, now: datetime) -> float | None:
    """Return how many seconds ago an instant of Unix time was, None if the text is not one."""
    if not _UNIX_TIME.fullmatch(since):
        return None
    return min(_OLDEST_PAGE_S, max(0.0, now.timestamp() - float(since)))


@_machines.get("/favicon.ico", dependencies=route_access.public("An icon."))
async def favicon() -> Response:
    """Return the icon for browsers that ask for no other."""
    icon = resources.files("firebell").joinpath("static/favicon.svg").read_bytes()
    return Response(icon, media_type="image/svg+xml")


def build(ctx: Context, slices: Sequence[Slice] = SLICES) -> App:
    """Return the ASGI app of this process; its pages are built by `load`, or by the first request for one."""
    return App(ctx, partial(pages, ctx, slices=slices))


def pages(ctx: Context, ingest: inbound.Inbound, slices: Sequence[Slice] = SLICES) -> FastAPI:
    """Return the app of all pages and of the API; its `state.ctx` is `ctx`."""
    app = Api(
        title="Firebell",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        description="Alerts, pages, incidents and post-mortems. Errors are RFC 9457 problem details.",
        max_body_size=MAX_BODY_BYTES,
    )
    app.describe_webhooks = webhook_openapi.section
    app.state.ctx = ctx
    app.state.shell = dashboard_web.shell
    app.state.render_cache = RenderCache(ctx.live)
    app.state.inbound = ingest
    app.state.navigation = navigation(slices)
    app.state.settings_tabs = settings_tabs(slices)
    app.state.retentions = [retention for each in slices for retention in each.retentions()]
    app.state.alert_parts = [part for each in slices for part in each.alert_parts()]
    app.state.page_parts = [part for each in slices for part in each.page_parts()]
    app.state.incident_parts = [part for each in slices for part in each.incident_parts()]
    app.state.incident_checks = [check for each in slices for check in each.incident_checks()]
    app.state.declaration_plans = [plan for each in slices for plan in each.declaration_plans()]
    app.state.declaration_hints = [hint for each in slices for hint in each.declaration_hints()]
    app.state.exporter = Exporter(ctx, ingest.ingest.waiting)
    groups = [RouteGroup(router) for router in routers(slices)]
    routes = app.state.page_routes = [route for group in groups for route in group.routes]
    app.router.routes.extend(groups)
    app.mount("/static", VersionedFiles(), name="static")
    for route in routes:
        path = route.path if isinstance(route, Route) else ""
        if path.startswith(ingest.prefixes) and not path.startswith(HOOKS):
            raise DeclarationError(f"An address of a source hides the route {path}.")
    _add_errors(app, routes)
    app.add_middleware(Compression)
    app.add_middleware(Guard, ctx=ctx, refuse=_error_response)
    app.add_middleware(_Observed)
    return app


def _loggable(path: str) -> str:
    """Return a path without the token of a signed link, so that logs hold no secrets."""
    return next((f"{start}..." for start in SIGNED_PREFIXES if path.startswith(start)), path)


class _Observed:
    """Gives each request a correlation id, logs the request, and sends the id as `X-Request-Id`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        correlation_id.set(Headers(scope=scope).get("x-request-id", "")[:64] or uuid.uuid4().hex[:16])
        path, started = scope["path"], time.perf_counter()

        async def observed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = correlation_id.get()
                if path.startswith("/api/"):
                    headers["X-Firebell-Api"] = "1"
                    # a response may contain a key that is shown only once
                    headers["Cache-Control"] = "no-store"
                    headers["X-Content-Type-Options"] = "nosniff"
                if log.isEnabledFor(logging.INFO) and not path.startswith("/static/"):
                    took = round((time.perf_counter() - started) * 1000, 1)
                    facts = {"method": scope["method"], "path": _loggable(path), "status": message["status"]}
                    log.info("request", extra={**facts, "ms": took})
            await send(message)

        with private_reader.as_reader(None):  # what the request restricts ends with it
            await self._app(scope, receive, observed)


def _add_errors(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    @app.exception_handler(authentication.SignInNeeded)
    async def stranger(request: Request, exc: authentication.SignInNeeded) -> Response:
        request.state.typed_texts = await route_access.texts_of_stranger(request)
        if not request.state.typed_texts:
            return html.redirect(exc.location)
        error = Unauthenticated(
            "You were signed out, so nothing was saved.", hint="Copy what you entered, then sign in."
        )
        return await _error_response(request, error, sign_in=exc.location)

    @app.exception_handler(submitted_form_store.AlreadySubmitted)
    async def resent(request: Request, exc: submitted_form_store.AlreadySubmitted) -> Response:
        text = (
            "You had already sent this form, so it was done only once. To do it again, open the form again."
        )
        return flash.redirect(request, exc.location, text)

    @app.exception_handler(FirebellError)
    async def known(request: Request, exc: FirebellError) -> Response:
        return await _error_response(request, exc)

    @app.exception_handler(RequestValidationError)
    async def unreadable(request: Request, exc: RequestValidationError) -> Response:
        fields = dict(field_error(e) for e in exc.errors())
        return await _error_response(request, Invalid("Check the highlighted fields.", fields=fields))

    @app.exception_handler(InterfaceError)
    @app.exception_handler(DataError)
    async def unstorable(request: Request, exc: Exception) -> Response:
        log.warning("value cannot be stored", exc_info=exc, extra={"path": _loggable(request.url.path)})
        return await _error_response(
            request, Invalid("A value can’t be stored: it is too large or not text.")
        )

    @app.exception_handler(DeadlockDetectedError)
    async def deadlocked(request: Request, exc: DeadlockDetectedError) -> Response:
        error = Unavailable("Someone else was changing the same things. Nothing was saved: try again.")
        error.__cause__ = exc
        return await _error_response(request, error)

    @app.exception_handler(ForeignKeyViolationError)
    @app.exception_handler(UniqueViolationError)
    async def overtaken(request: Request, exc: IntegrityConstraintViolationError) -> Response:
        log.warning(OVERTAKEN, exc_info=exc, extra={"path": _loggable(request.url.path)})
        return await _error_response(
            request,
            Conflict(
                "Someone else has just changed what this refers to. Nothing was saved.",
                hint="Reload the page to see the change, then try again.",
            ),
        )

    @app.exception_handler(HTTPException)
    async def plain(request: Request, exc: HTTPException) -> Response:
        # no route ran, so the person is not loaded yet; the page's frame needs them
        with contextlib.suppress(Unavailable):
            await authentication.visitor(request)
        messages = {
            404: f"There is nothing at {request.url.path}." if _is_api(request) else "Page not found.",
            405: f"{request.url.path} doesn’t accept {request.method}.",
        }
        error: FirebellError = Invalid("The request body can’t be read.")
        if exc.status_code != HTTPStatus.BAD_REQUEST:
            error = FirebellError(messages.get(exc.status_code, str(exc.detail)))
            error.status = HTTPStatus(exc.status_code)
            error.code = status_slug(exc.status_code)
        response = await _error_response(request, error)
        response.headers.update(exc.headers or {})
        if exc.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            response.headers["Allow"] = ", ".join(sorted(allowed_methods(routes, request.scope)))
        return response

    @app.exception_handler(Exception)
    async def unforeseen(request: Request, exc: Exception) -> Response:
        log.error("unhandled error", exc_info=exc, extra={"path": _loggable(request.url.path)})
        return await _error_response(
            request,
            FirebellError(
                "Something failed on our side. Alerting and paging are not affected.",
                hint=f"Report reference {correlation_id.get()} to your Firebell admin.",
            ),
        )


def _is_api(request: Request) -> bool:
    """Return True if the client reads JSON; a sender may omit the trailing slash."""
    return f"{request.url.path}/".startswith(("/api/", *SENDERS))


_refusals = OncePerMinute(log, "requests are refused")


async def _error_response(request: Request, error: FirebellError, *, sign_in: str = "") -> Response:
    headers = {"X-Request-Id": correlation_id.get()}
    if isinstance(error, Unavailable):
        _refusals.add(error.reason)
    if isinstance(error, TooMany | Unavailable):
        headers["Retry-After"] = str(error.retry_after)
    if _is_api(request):
        if isinstance(error, Unauthenticated):
            headers["WWW-Authenticate"] = "Bearer"
        return JSONResponse(
            error.problem(request.url.path),
            status_code=error.status,
            media_type="application/problem+json",
            headers=headers,
        )
    response = await html.render(
        request,
        "error.html",
        {
            "error": error,
            "reference": correlation_id.get(),
            "way_on": await error_suggestions.way_on(request, error),
            "typed_texts": getattr(request.state, "typed_texts", []),
            "sign_in": sign_in,
        },
    )
    response.headers.update(headers)
    return response
