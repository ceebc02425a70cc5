"""Middleware that rejects unknown host names and cross-site requests before routing."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from fastapi import Request, Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from firebell.kit.context import Context
from firebell.kit.errors import FirebellError, Forbidden
from firebell.kit.web import status_page_host
from firebell.kit.web.origin import is_allowed_host, is_cross_site

Refuse = Callable[[Request, FirebellError], Awaitable[Response]]
SENDERS = ("/in/", "/v1/", "/v2/", "/integration/", "/integrations/", "/generic/")
"""Paths to which PagerDuty, Opsgenie and VictorOps clients post; they get errors as JSON."""
_REDIRECTS = range(300, 400)
_BY_LINK = "/u/"
"""Links of mails to subscribers: the token is the right and no cookie is read, so mail programs may post to them."""
_ANY_HOST = ("/healthz/", "/livez/", *SENDERS)


class UnknownHost(FirebellError):  # noqa: N818 - as the other errors
    """The request's Host is not a name of this installation."""

    status = HTTPStatus.MISDIRECTED_REQUEST
    code = "unknown-host"


class Guard:
    """Checks Host and origin before routing; `refuse` turns an error into a response."""

    def __init__(self, app: ASGIApp, ctx: Context, refuse: Refuse) -> None:
        self._app = app
        self._ctx = ctx
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers_of_request = Headers(scope=scope)
        if error := self._error(scope, headers_of_request):
            await (await self._refuse(Request(scope, receive), error))(scope, receive, send)
            return

        async def relative(message: Message) -> None:
            """Make redirects relative, so that none repeats the client's Host."""
            if message["type"] == "http.response.start" and message["status"] in _REDIRECTS:
                headers = MutableHeaders(scope=message)
                own = f"{scope['scheme']}://{headers_of_request.get('host', '')}/"
                if headers.get("location", "").startswith(own):
                    headers["location"] = headers["location"][len(own) - 1 :]
            await send(message)

        await self._app(scope, receive, relative)

    def _error(self, scope: Scope, headers: Headers) -> FirebellError | None:
        path = scope["path"]
        # a browser never adds an API key on its own, so another site cannot misuse it
        by_key = path.startswith("/api/") and headers.get("authorization", "").lower().startswith("bearer ")
        host = headers.get("host", "")
        any_host = by_key or f"{path}/".startswith(_ANY_HOST) or bool(status_page_host.slug_of(scope))
        if not any_host and not is_allowed_host(host, self._ctx.allowed_hosts):
            return UnknownHost(
                f"{host[:100]!r} is not a host name of this Firebell.",
                hint="Open the address in FIREBELL_BASE_URL, or add this name to FIREBELL_ALLOWED_HOSTS.",
            )
        site, origin = headers.get("sec-fetch-site", ""), headers.get("origin", "")
        if by_key or path.startswith(_BY_LINK):
            return None
        if is_cross_site(scope["method"], host, site, origin, self._ctx.public_url):
            return Forbidden("Another website sent this request.", hint="Open Firebell and try again there.")
        return None
