"""Serves the status pages from memory, before the middleware of the web app, also while the database is away."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from firebell.kit.context import Context
from firebell.kit.errors import Unavailable
from firebell.kit.log import OncePerMinute
from firebell.kit.web.compression import accepts_gzip
from firebell.status_pages import queries
from firebell.status_pages.public_page import CALENDAR, HTML, Document, StatusDocuments, document

log = logging.getLogger(__name__)

PREFIX = "/s/"
MAX_AGE_S = 30.0
"""How long documents are served without asking the database, if nothing is published: bars and clocks go on."""
STALE_AFTER_S = 120.0
"""How long the database is away before a page says so."""
MAX_PAGES = 1000
"""How many pages are kept in memory; others are built for each request."""
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; base-uri 'none';"
        " form-action 'self'; frame-ancestors 'none'"
    ),
}
_CACHED = "public, max-age=15, stale-while-revalidate=60, stale-if-error=86400"
_CACHED_LONG = "public, max-age=300, stale-while-revalidate=60, stale-if-error=86400"


@dataclass(slots=True)
class _Served:
    """The documents of a page, when they were built, and the number of changes known then."""

    documents: StatusDocuments
    at: float
    sequence: int
    log: Document | None = None
    """The log as it was when someone first asked for it; it changes only with the page."""


class StatusEdge:
    """The ASGI app of all status pages; keeps the newest documents of each in memory."""

    prefix = PREFIX

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._served: dict[str, _Served] = {}
        self._building: dict[str, asyncio.Task[_Served | None]] = {}
        self._failures = OncePerMinute(log, "a status page could not be built")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer GET and HEAD below /s/."""
        if scope["method"] not in ("GET", "HEAD"):
            refusal = _plain("Only GET and HEAD are allowed.")
            await _respond(scope, send, HTTPStatus.METHOD_NOT_ALLOWED, refusal, {"Allow": "GET, HEAD"})
            return
        slug, _, rest = scope["path"].removeprefix(PREFIX).partition("/")
        query = scope["query_string"].decode("latin-1")
        try:
            served = await self._current(slug)
            answer = await self._document(served, f"/{rest}".rstrip("/"), query) if served else None
        except Unavailable:
            text = "The status page can’t be loaded right now. Try again in a minute."
            await _respond(scope, send, HTTPStatus.SERVICE_UNAVAILABLE, _plain(text), {"Retry-After": "30"})
            return
        if answer is None:
            await _respond(scope, send, HTTPStatus.NOT_FOUND, _plain("There is nothing here."), {})
            return
        headers = {"Cache-Control": _CACHED_LONG if answer.media_type == CALENDAR else _CACHED}
        if served is not None and rest == "embed":
            headers["Content-Security-Policy"] = _embedding_policy(served.documents)
        await _respond(scope, send, HTTPStatus.OK, answer, headers)

    async def _document(self, served: _Served, path: str, query: str) -> Document | None:
        is_stale = self._ctx.pace.monotonic() - served.at > STALE_AFTER_S
        if path == "/badge.svg":
            return served.documents.badge(query)
        if path == "/history.jsonl":
            if served.log is None:
                async with self._ctx.db.tx() as tx:
                    text = await queries.log_lines(tx, served.documents.view.snapshot.page.id)
                served.log = document(text, "application/x-ndjson; charset=utf-8")
            return served.log
        return served.documents.get(path, is_stale=is_stale)

    async def _current(self, slug: str) -> _Served | None:
        """Return the newest documents of a page, the last ones if the database is away, None if it does not exist."""
        served = self._served.get(slug)
        if served is not None and not self._ctx.live.changed_since([f"status-{slug}"], served.sequence):
            if self._ctx.pace.monotonic() - served.at > MAX_AGE_S:
                # only the clocks went on: no reader waits for that
                self._start_building(slug)
            return served
        try:
            return await asyncio.shield(self._start_building(slug))
        except Unavailable:
            if served is None:
                raise
            return served

    def _start_building(self, slug: str) -> asyncio.Task[_Served | None]:
        """Return the task that builds the documents of a page; readers of one moment share it."""
        task = self._building.get(slug)
        if task is None:
            task = asyncio.create_task(self._build(slug))
            self._building[slug] = task
            task.add_done_callback(lambda done: self._built(slug, done))
        return task

    def _built(self, slug: str, task: asyncio.Task[_Served | None]) -> None:
        del self._building[slug]
        if not task.cancelled() and task.exception() is not None:
            self._failures.add(repr(task.exception()))

    async def _build(self, slug: str) -> _Served | None:
        at, sequence = self._ctx.pace.monotonic(), self._ctx.live.sequence
        async with self._ctx.db.tx() as tx:
            view = await queries.view_by_slug(tx, slug, self._ctx.clock.now())
        if view is None:
            self._served.pop(slug, None)
            return None
        documents = StatusDocuments(view, f"{PREFIX}{slug}", f"{self._ctx.public_url}{PREFIX}{slug}")
        served = _Served(documents, at, sequence)
        if slug in self._served or len(self._served) < MAX_PAGES:
            self._served[slug] = served
        return served


def _embedding_policy(documents: StatusDocuments) -> str:
    """Return the content security policy of /embed: only the listed websites may show it in a frame."""
    allowed = " ".join(documents.view.snapshot.embed_origins) or "'none'"
    policy = _HEADERS["Content-Security-Policy"]
    return policy.replace("frame-ancestors 'none'", f"frame-ancestors {allowed}")


def _plain(text: str) -> Document:
    return document(text + "\n", "text/plain; charset=utf-8")


async def _respond(
    scope: Scope, send: Send, status: HTTPStatus, answer: Document, more: Mapping[str, str]
) -> None:
    request = Headers(scope=scope)
    is_gzipped = accepts_gzip(request)
    etag = f'"{answer.etag}-g"' if is_gzipped else f'"{answer.etag}"'
    known = {each.strip().removeprefix("W/") for each in request.get("if-none-match", "").split(",")}
    headers = {**_HEADERS, **more, "Content-Type": answer.media_type, "Vary": "Accept-Encoding", "ETag": etag}
    if not answer.media_type.startswith(HTML):
        headers["Access-Control-Allow-Origin"] = "*"
    body = answer.gzipped if is_gzipped else answer.body
    if status is HTTPStatus.OK and etag in known:
        status, body = HTTPStatus.NOT_MODIFIED, b""
    else:
        headers["Content-Length"] = str(len(body))
        if is_gzipped:
            headers["Content-Encoding"] = "gzip"
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": int(status), "headers": encoded})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
