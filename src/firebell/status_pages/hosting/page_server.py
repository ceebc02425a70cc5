"""Answers requests for status pages from memory: the one gate of private pages, languages, validators and forms."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Protocol
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from firebell.kit.errors import TooMany, Unavailable
from firebell.kit.rate_limit import SlidingWindow
from firebell.kit.threads import Pool
from firebell.kit.web import static_files
from firebell.kit.web.compression import accepts_gzip
from firebell.people import actions as people
from firebell.status_pages import view
from firebell.status_pages.archive import Archive, ArchiveKey, Month
from firebell.status_pages.hosting import gate
from firebell.status_pages.hosting.gate import Admission, Visitor
from firebell.status_pages.hosting.model import SavedPage
from firebell.status_pages.model import PageVisibility
from firebell.status_pages.public import rendered_documents as public_page
from firebell.status_pages.public.rendered_documents import (
    ASSETS,
    CALENDAR,
    HTML,
    JSON,
    Document,
    StatusDocuments,
    document,
    query_fields,
)
from firebell.status_pages.signing import key_document
from firebell.status_pages.signing.model import KEY_PATH

log = logging.getLogger(__name__)

PREFIX = "/s/"
RENDERING = Pool("status pages", size=1, queue=256)
"""Renders pages, so that a large one stops neither alerts nor other readers."""
FAILURES_PER_ADDRESS, FAILURES_PER_PAGE = 5, 20
"""How many passwords may be wrong: in a minute from one address, in an hour for one page."""
MAX_FORM_BYTES = 4096
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; script-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": _POLICY,
}
_CACHED = "public, max-age=15, stale-while-revalidate=60, stale-if-error=86400"
_CACHED_LONG = "public, max-age=300, stale-while-revalidate=60, stale-if-error=86400"
_CACHED_FOREVER = "public, max-age=31536000, immutable"
_PRIVATE = "private, no-store"
_SANDBOX = {"/logo": "default-src 'none'; style-src 'unsafe-inline'; sandbox"}
"""Policies of documents that people uploaded."""


@dataclass(slots=True)
class ServedPage:
    """A status page in memory: what it is made of, and its documents by the path they are served under."""

    saved: SavedPage
    sequence: int = 0
    """The number of changes published when it was built."""
    at: float = 0.0
    """When it was built, on the monotonic clock."""
    documents: dict[str, StatusDocuments] = field(default_factory=dict)
    archive: dict[ArchiveKey, Archive] = field(default_factory=dict)
    """The parts of the archive that readers asked for."""
    log: Document | None = None
    rendering: dict[tuple[str, str, bool], asyncio.Task[Document | None]] = field(default_factory=dict)


def build(saved: SavedPage, sequence: int = 0, at: float = 0.0) -> ServedPage:
    """Return a page with its documents, which are rendered when they are first asked for."""
    shown = view.build(saved.snapshot, saved.as_of)
    slug = saved.snapshot.page.slug
    bases = {f"{PREFIX}{slug}", urlsplit(saved.url).path}
    archive: dict[ArchiveKey, Archive] = {}
    documents = {
        base: StatusDocuments(shown, base, saved.url, saved.theme, saved.subscribe_url, archive)
        for base in bases
    }
    return ServedPage(saved, sequence, at, documents, archive)


class PageSource(Protocol):
    """Where a `PageServer` gets its pages from."""

    async def page(self, slug: str) -> ServedPage | None:
        """Return the newest version of a page that can be had, None if it does not exist; raise `Unavailable`."""
        ...

    def is_stale(self, page: ServedPage) -> bool:
        """Return True if readers must be told how old the page is."""
        ...

    async def log(self, page: ServedPage) -> str:
        """Return the log of everything that a page published; raise `Unavailable`."""
        ...

    async def archived(self, page: ServedPage, key: ArchiveKey) -> Archive:
        """Return what a page published in a month or with a public id; raise `Unavailable`."""
        ...

    def now(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class _Answer:
    status: HTTPStatus
    body: Document
    headers: Mapping[str, str]


class PageServer:
    """The ASGI app of all status pages of a source."""

    prefix = PREFIX

    def __init__(self, source: PageSource) -> None:
        self._source = source
        self._failures_by_address = SlidingWindow(timedelta(minutes=1))
        self._failures_by_page = SlidingWindow(timedelta(hours=1))
        self._assets: dict[str, Document] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request below /s/."""
        slug, separator, rest = scope["path"].removeprefix(PREFIX).partition("/")
        await self.serve(slug, f"{PREFIX}{slug}", f"{separator}{rest}", scope, receive, send)

    async def serve(
        self, slug: str, base: str, path: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer a request for a path below the page with this slug, which is served under `base`."""
        path = path.rstrip("/")
        try:
            page = await self._source.page(slug)
            answer = await self._answer(page, base, path, scope, receive) if page else _missing()
            if page and answer.status is HTTPStatus.OK and not path.startswith("/static/"):
                self._served(page, scope)
        except Unavailable:
            text = "The status page can’t be loaded right now. Try again in a minute."
            answer = _Answer(HTTPStatus.SERVICE_UNAVAILABLE, _plain(text), {"Retry-After": "30"})
        await _respond(scope, send, answer)

    async def _answer(
        self, page: ServedPage, base: str, path: str, scope: Scope, receive: Receive
    ) -> _Answer:
        saved = page.saved
        settings, query = saved.snapshot.page, scope["query_string"]
        is_private = settings.visibility is PageVisibility.PRIVATE
        if is_private:
            visitor = self._visitor(settings.slug, path, scope)
            admission = gate.admission(
                settings.visibility, settings.slug, saved.access, visitor, self._source.now()
            )
            if admission is Admission.HIDDEN:
                return _missing()
            if admission is Admission.MUST_SIGN_IN:
                return await self._sign_in(page, base, path, scope, receive)
        if scope["method"] not in ("GET", "HEAD"):
            refusal = _plain("Only GET and HEAD are allowed.")
            return _Answer(HTTPStatus.METHOD_NOT_ALLOWED, refusal, {"Allow": "GET, HEAD"})
        document = await self._document(page, base, path, query.decode("latin-1"))
        if document is None:
            return _missing()
        headers = {"Cache-Control": _CACHED_LONG if document.media_type == CALENDAR else _CACHED}
        if path.startswith("/static/"):
            headers["Cache-Control"] = _CACHED_FOREVER
        if path == "/embed":
            headers["Content-Security-Policy"] = _embedding_policy(saved.snapshot.embed_origins)
        if path in _SANDBOX:
            headers["Content-Security-Policy"] = _SANDBOX[path]
        if settings.visibility is not PageVisibility.PUBLIC:
            headers["X-Robots-Tag"] = "noindex"
        if is_private:
            headers["Cache-Control"] = _PRIVATE
        elif not document.media_type.startswith(HTML):
            headers["Access-Control-Allow-Origin"] = "*"
            # the clock of a visitor may be wrong
            headers["Access-Control-Expose-Headers"] = "Age, Date"
        return _Answer(HTTPStatus.OK, document, headers)

    def _served(self, page: ServedPage, scope: Scope) -> None:
        """Called when a reader gets a document of a page; does not wait."""

    async def _document(self, page: ServedPage, base: str, path: str, query: str) -> Document | None:
        documents = page.documents.get(base)
        if documents is None:
            return None
        is_stale = self._source.is_stale(page)
        if path == "/badge.svg":
            return documents.badge(query, is_stale=is_stale)
        if path == "/history.jsonl":
            if page.log is None:
                page.log = document(await self._source.log(page), "application/x-ndjson; charset=utf-8")
            return page.log
        if path == KEY_PATH:
            return document(key_document.document(page.saved.snapshot.page.slug, page.saved.keys), JSON)
        if path.startswith("/static/"):
            return self._asset(path)
        rendered = documents.rendered(path, is_stale=is_stale)
        if rendered is None and (key := documents.missing(path)) is not None:
            archived = await self._source.archived(page, key)
            # what does not exist is not cached, since anyone can request any number of ids
            if isinstance(key, Month) or archived != Archive():
                page.archive[key] = archived
        return rendered or await self._rendered(page, documents, base, path, is_stale=is_stale)

    async def _rendered(
        self, page: ServedPage, documents: StatusDocuments, base: str, path: str, *, is_stale: bool
    ) -> Document | None:
        """Return a document that is rendered in a thread; readers of one moment share the work."""
        key = (base, path, is_stale)
        task = page.rendering.get(key)
        if task is None:
            work = RENDERING.run(lambda: documents.get(path, is_stale=is_stale))
            task = page.rendering[key] = asyncio.create_task(work)
            task.add_done_callback(lambda _: page.rendering.pop(key))
        return await asyncio.shield(task)

    def _asset(self, path: str) -> Document | None:
        """Return a static file; one of another release gets the present file, so that an old page still works."""
        name = path.removeprefix("/static/").partition("/")[2]
        if name not in ASSETS:
            return None
        if name not in self._assets:
            self._assets[name] = document(static_files.read(name), ASSETS[name])
        return self._assets[name]

    def _visitor(self, slug: str, path: str, scope: Scope) -> Visitor:
        client = scope.get("client")
        fields = query_fields(scope["query_string"].decode("latin-1"))
        takes_key = path == KEY_PATH or path.rpartition("/")[2].partition(".")[2] in (
            "atom",
            "rss",
            "json",
            "jsonl",
            "svg",
            "ics",
            "xml",
        )
        return Visitor(
            client[0] if client else "",
            HTTPConnection(scope).cookies.get(gate.cookie_name(slug, is_secure=_is_secure(scope)), ""),
            fields.get("key", "") if takes_key else "",
        )

    async def _sign_in(
        self, page: ServedPage, base: str, path: str, scope: Scope, receive: Receive
    ) -> _Answer:
        """Answer a reader who has not shown that they know the password: the form for every path, and what it posts."""
        headers = {"Cache-Control": _PRIVATE, "X-Robots-Tag": "noindex"}
        theme, slug = page.saved.theme, page.saved.snapshot.page.slug
        if path.startswith("/static/") and (asset := self._asset(path)):
            return _Answer(HTTPStatus.OK, asset, headers)
        if scope["method"] != "POST":
            return _Answer(HTTPStatus.FORBIDDEN, public_page.sign_in_form(base, theme), headers)
        client = scope.get("client")
        if not await self._is_password(
            page, await _form_field(receive, "password"), client[0] if client else ""
        ):
            refused = public_page.sign_in_form(base, theme, is_refused=True)
            return _Answer(HTTPStatus.FORBIDDEN, refused, headers)
        is_secure = _is_secure(scope)
        cookie = gate.new_cookie(slug, page.saved.access.password_hash, self._source.now())
        attributes = f"Path=/; HttpOnly; SameSite=Lax; Max-Age={int(gate.COOKIE_LIFETIME.total_seconds())}"
        name = gate.cookie_name(slug, is_secure=is_secure)
        headers["Set-Cookie"] = f"{name}={cookie}; {attributes}{'; Secure' if is_secure else ''}"
        headers["Location"] = base or "/"
        return _Answer(HTTPStatus.SEE_OTHER, _plain(""), headers)

    async def _is_password(self, page: ServedPage, password: str, address: str) -> bool:
        """Return True if this is the password; too many attempts get the same answer as a wrong one."""
        slug, now = page.saved.snapshot.page.slug, self._source.now()
        by_address = (slug, gate.failure_network(address))
        try:
            self._failures_by_address.check(by_address, FAILURES_PER_ADDRESS, now, "")
            self._failures_by_page.check(slug, FAILURES_PER_PAGE, now, "")
        except TooMany:
            return False
        # counted before the check, so that attempts made at once do not all pass
        self._failures_by_address.count(by_address, now)
        self._failures_by_page.count(slug, now)
        stored = page.saved.access.password_hash
        if not await people.is_secret(stored, password):
            return False
        self._failures_by_address.forget(by_address, 1)
        self._failures_by_page.forget(slug, 1)
        return True


def _is_secure(scope: Scope) -> bool:
    return bool(scope.get("scheme") == "https")


async def _form_field(receive: Receive, name: str) -> str:
    """Return a field of a posted form, empty if there is none or the form is too large."""
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return ""
        body += message.get("body", b"")
        if len(body) > MAX_FORM_BYTES:
            return ""
        if not message.get("more_body"):
            break
    return query_fields(body.decode("utf-8", "replace")).get(name, "")


def _embedding_policy(origins: Sequence[str]) -> str:
    """Return the content security policy of /embed: only the listed websites may show it in a frame."""
    allowed = " ".join(origins) or "'none'"
    return _POLICY.replace("frame-ancestors 'none'", f"frame-ancestors {allowed}")


def _plain(text: str) -> Document:
    return document(text + "\n", "text/plain; charset=utf-8")


def _missing() -> _Answer:
    return _Answer(HTTPStatus.NOT_FOUND, _plain("There is nothing here."), {})


RawHeaders = Sequence[tuple[bytes, bytes]]


async def _respond(scope: Scope, send: Send, answer: _Answer) -> None:
    is_gzipped, known = False, b""
    for name, value in scope["headers"]:
        if name == b"accept-encoding":
            is_gzipped = value == b"gzip" or accepts_gzip(Headers(scope=scope))
        elif name == b"if-none-match":
            known = value
    body = answer.body
    etag, head, unchanged = _head(answer, is_gzipped=is_gzipped)
    if known and answer.status is HTTPStatus.OK and etag in known:
        await send({"type": "http.response.start", "status": 304, "headers": unchanged})
        await send({"type": "http.response.body", "body": b""})
        return
    content = b"" if scope["method"] == "HEAD" else body.gzipped if is_gzipped else body.body
    await send({"type": "http.response.start", "status": int(answer.status), "headers": head})
    await send({"type": "http.response.body", "body": content})


def _head(answer: _Answer, *, is_gzipped: bool) -> tuple[bytes, RawHeaders, RawHeaders]:
    """Return the ETag in quotes and the headers of a response, with its body and without; prepared once a document."""
    key = (is_gzipped, *answer.headers.items())
    if key in answer.body.heads:
        prepared: tuple[bytes, RawHeaders, RawHeaders] = answer.body.heads[key]
        return prepared
    body = answer.body
    etag = f'"{body.etag}-g"' if is_gzipped else f'"{body.etag}"'
    common = {
        **_HEADERS,
        "Content-Type": body.media_type,
        "Vary": "Accept-Encoding",
        "ETag": etag,
        **answer.headers,
    }
    full = {**common, "Content-Length": str(len(body.gzipped if is_gzipped else body.body))}
    if is_gzipped:
        full["Content-Encoding"] = "gzip"
    prepared = etag.encode(), _encoded(full), _encoded(common)
    if len(answer.body.heads) < 10:
        answer.body.heads[key] = prepared
    return prepared


def _encoded(headers: Mapping[str, str]) -> RawHeaders:
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]


async def unavailable(scope: Scope, send: Send) -> None:
    """Answer that the database is unavailable."""
    text = "Firebell is waiting for its database. Try again in a minute."
    await _respond(scope, send, _Answer(HTTPStatus.SERVICE_UNAVAILABLE, _plain(text), {"Retry-After": "30"}))


async def respond_with_text(scope: Scope, send: Send, text: str | None) -> None:
    """Answer with a short text, or that there is nothing."""
    answer = _Answer(HTTPStatus.OK, _plain(text), {"Cache-Control": "no-store"}) if text else _missing()
    await _respond(scope, send, answer)
