"""Serves the status pages of the database, before the middleware of the web app, also without the database."""

import asyncio
import contextlib
import logging
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from firebell.kit.clock import Clock
from firebell.kit.context import Context
from firebell.kit.errors import Unavailable
from firebell.kit.log import OncePerMinute
from firebell.kit.timing import REAL, Pace
from firebell.kit.web import status_page_host
from firebell.kit.web.origin import host_name, is_allowed_host
from firebell.status_pages import queries
from firebell.status_pages.archive import Archive, ArchiveKey
from firebell.status_pages.hosting import gate, host_proof, page_server, saved_pages
from firebell.status_pages.hosting import queries as hosting_queries
from firebell.status_pages.hosting import store as hosting_store
from firebell.status_pages.hosting.model import SavedPage
from firebell.status_pages.hosting.page_server import PREFIX, RENDERING, PageServer, ServedPage
from firebell.status_pages.lookup import SLUG

log = logging.getLogger(__name__)

MAX_AGE_S = 30.0
"""How long documents are served without asking the database, if nothing is published: bars and clocks go on."""
STALE_AFTER_S = 120.0
"""How long the database is unavailable before a page says so."""
RETRY_S = 5.0
"""How long after the database was found to be away readers get the last page at once."""
_FORM, _LINK = re.compile(r"(/[a-z]{2})?/subscribe(/code)?"), "/u/"
"""The form of a page, and the links of its mails, which need the database."""
RECORDED_EVERY_S = 3600.0
"""How often it is recorded that a page was fetched from outside."""
MAX_ARCHIVE_READS = 2
"""How many readers of old months and incidents use the database at once: responders need its connections too."""
MAX_PAGES = 1000
"""How many pages are kept in memory; others are built for each request."""


class DatabasePages:
    """The pages of the database; keeps the newest version of each in memory, and starts from the saved ones."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._served: dict[str, ServedPage] = {}
        self._building: dict[str, asyncio.Task[ServedPage | None]] = {}
        self._failures = OncePerMinute(log, "a status page could not be built")
        self._saved: dict[str, SavedPage] | None = None
        self._archive_reads = asyncio.Semaphore(MAX_ARCHIVE_READS)
        self._away_until = 0.0
        """Until when no reader waits for the database, which was unavailable a moment ago."""

    def now(self) -> datetime:
        """Return the time of the database."""
        return self._ctx.clock.now()

    def is_stale(self, page: ServedPage) -> bool:
        """Return True if the database has not been reached for too long."""
        return self._ctx.pace.monotonic() - page.at > STALE_AFTER_S

    async def log(self, page: ServedPage) -> str:
        """Return the log of a page: the saved one, or that of the database."""
        if page.saved.log:
            return page.saved.log
        async with self._ctx.db.tx() as tx:
            return await queries.log_lines(tx, page.saved.snapshot.page.id)

    async def archived(self, page: ServedPage, key: ArchiveKey) -> Archive:
        """Return a part of the archive: of the saved one, or of the database, which few readers ask at once."""
        if page.saved.log:
            return page.saved.archive.get(key, page.saved.snapshot.page.tz)
        async with self._archive_reads:
            # another reader may have got it in the meantime, or found the database down
            if key in page.archive:
                return page.archive[key]
            if self._ctx.pace.monotonic() < self._away_until:
                raise Unavailable("The database did not answer a moment ago.")
            try:
                async with self._ctx.db.tx() as tx:
                    return await queries.archived(tx, page.saved.snapshot.page, key)
            except Unavailable:
                self._away_until = self._ctx.pace.monotonic() + RETRY_S
                raise

    async def page(self, slug: str) -> ServedPage | None:
        """Return the newest version of a page; None if it does not exist.

        While the database is unavailable, it is the last known one.
        """
        served = self._served.get(slug)
        monotonic = self._ctx.pace.monotonic()
        if served is not None:
            age_s = monotonic - served.at
            has_changed = self._ctx.live.changed_since([f"status-{slug}"], served.sequence)
            if has_changed or age_s > MAX_AGE_S:
                self._start_building(slug)
            # if only the clocks went on, or the database is unavailable, no reader waits
            if (not has_changed and age_s <= STALE_AFTER_S / 2) or monotonic < self._away_until:
                return served
        if not SLUG.fullmatch(slug):
            return None
        try:
            return await asyncio.shield(self._start_building(slug))
        except Exception as error:
            # whatever is wrong, and is logged, readers get the last page that there is
            self._away_until = self._ctx.pace.monotonic() + RETRY_S
            served = served or await self._from_disk(slug)
            if served is None:
                raise Unavailable("The status page cannot be built.") from error
            return served

    async def _from_disk(self, slug: str) -> ServedPage | None:
        """Return a page as an earlier process saved it, None if there is none."""
        if self._ctx.data is None:
            return None
        if self._saved is None:
            folder = self._ctx.data / saved_pages.FOLDER
            self._saved = await RENDERING.run(lambda: saved_pages.read(folder))
        saved = self._saved.get(slug)
        if saved is None:
            return None
        # older than anything that this process built, so that it says how old it is
        served = await RENDERING.run(lambda: page_server.build(saved, at=-STALE_AFTER_S))
        return self._served.setdefault(slug, served)

    def _start_building(self, slug: str) -> asyncio.Task[ServedPage | None]:
        """Return the task that builds a page; readers of one moment share it."""
        task = self._building.get(slug)
        if task is None:
            task = asyncio.create_task(self._build(slug))
            self._building[slug] = task
            task.add_done_callback(lambda done: self._built(slug, done))
        return task

    def _built(self, slug: str, task: asyncio.Task[ServedPage | None]) -> None:
        del self._building[slug]
        if not task.cancelled() and task.exception() is not None:
            self._failures.add(repr(task.exception()))

    async def _build(self, slug: str) -> ServedPage | None:
        at, sequence = self._ctx.pace.monotonic(), self._ctx.live.sequence
        async with self._ctx.db.tx() as tx:
            saved = await hosting_queries.saved_page(tx, slug, self._ctx.public_url, self._ctx.clock.now())
        if saved is None:
            self._served.pop(slug, None)
            return None
        served = await RENDERING.run(lambda: page_server.build(saved, sequence, at))
        if slug in self._served or len(self._served) < MAX_PAGES:
            self._served[slug] = served
        return served


class StatusEdge(PageServer):
    """The ASGI app of all status pages: below /s/, and on the hosts of their own."""

    def __init__(self, ctx: Context) -> None:
        super().__init__(DatabasePages(ctx))
        self._ctx = ctx
        self._hosts: dict[str, str] = {}
        self._hosts_sequence = -1
        self._load_again_at = 0.0
        self._loading: asyncio.Task[None] | None = None
        self._recorded: dict[str, float] = {}
        self._recording: set[asyncio.Task[None]] = set()

    def _served(self, page: ServedPage, scope: Scope) -> None:
        """Record in the background, at most once an hour for each page, that a reader outside the network got it."""
        slug, now = page.saved.snapshot.page.slug, self._ctx.pace.monotonic()
        client = scope.get("client")
        recorded = self._recorded.get(slug)
        if recorded is not None and now - recorded < RECORDED_EVERY_S:
            return
        if client and gate.is_outside(client[0]):
            self._recorded[slug] = now
            task = asyncio.create_task(self._record_fetch(page.saved.snapshot.page.id))
            self._recording.add(task)
            task.add_done_callback(self._recording.discard)

    async def _record_fetch(self, page_id: int) -> None:
        # a reader in the next hour tries again
        with contextlib.suppress(Unavailable):
            async with self._ctx.db.tx() as tx:
                await hosting_store.record_fetch(tx, page_id, self._ctx.clock.now())

    async def serve_host(
        self, scope: Scope, receive: Receive, send: Send, app: ASGIApp, *, waits: bool
    ) -> bool:
        """Answer a request to the host of a status page and return True; return False for any other host.

        Of the web app `app`, a page's own host has the forms of subscriptions, and no other route.
        With `waits`, a request to an unknown host waits until the hosts are known, at the start and after a change.
        """
        if scope["path"].startswith(host_proof.CHALLENGE_PATH):
            await self._show_token(scope, send)
            return True
        has_changed = self._ctx.live.changed_since([host_proof.HOSTS_TOPIC], self._hosts_sequence)
        if not self._hosts and not has_changed:
            return False
        name = _host(scope)
        if has_changed and self._ctx.pace.monotonic() >= self._load_again_at:
            loading = self._start_loading()
            # the app's own readers never wait for that
            if waits and not is_allowed_host(name, self._ctx.allowed_hosts):
                await asyncio.shield(loading)
        slug = self._hosts.get(name)
        if slug is None:
            return False
        path = scope["path"]
        if _FORM.fullmatch(path):
            await app(status_page_host.handed_over(scope, slug, f"/s/{slug}{path}"), receive, send)
        elif path.startswith(_LINK):
            await app(status_page_host.handed_over(scope, slug, path), receive, send)
        else:
            await self.serve(slug, "", path, scope, receive, send)
        return True

    async def _show_token(self, scope: Scope, send: Send) -> None:
        """Answer with the token of a claimed host, which proves that its requests reach this Firebell."""
        slug = scope["path"].removeprefix(host_proof.CHALLENGE_PATH)
        token = None
        if not SLUG.fullmatch(slug):
            await page_server.respond_with_text(scope, send, None)
            return
        with contextlib.suppress(Unavailable):
            async with self._ctx.db.tx() as tx:
                token = await hosting_store.claim_token(tx, slug, _host(scope))
        await page_server.respond_with_text(scope, send, token)

    def _start_loading(self) -> asyncio.Task[None]:
        if self._loading is None:
            self._loading = asyncio.create_task(self._load_hosts())
        return self._loading

    async def _load_hosts(self) -> None:
        sequence = self._ctx.live.sequence
        try:
            async with self._ctx.db.tx() as tx:
                self._hosts = await hosting_store.proven_hosts(tx)
            self._hosts_sequence = sequence
        except Exception as error:
            if not isinstance(error, Unavailable):
                log.exception("the hosts of status pages cannot be read")
            self._load_again_at = self._ctx.pace.monotonic() + RETRY_S
            if self._hosts_sequence < 0 and self._ctx.data is not None:
                saved = await RENDERING.run(reading(self._ctx.data / saved_pages.FOLDER))
                self._hosts = {page.host: slug for slug, page in saved.items() if page.host}
        finally:
            self._loading = None


def _host(scope: Scope) -> str:
    """Return the host name of a request, in lower case and without its port."""
    header = next((value for name, value in scope["headers"] if name == b"host"), b"")
    return host_name(header.decode("latin-1"))


def reading(folder: Path) -> Callable[[], dict[str, SavedPage]]:
    """Return what reads the saved pages of a folder."""
    return lambda: saved_pages.read(folder)


class SavedPageSource:
    """Pages of files, for a process without a database; reads the files again when they may have changed."""

    def __init__(self, read: Callable[[], dict[str, SavedPage]], clock: Clock, pace: Pace = REAL) -> None:
        self._read = read
        self._clock = clock
        self._pace = pace
        self._read_at = pace.monotonic()
        self._reading: asyncio.Task[None] | None = None
        self._served: dict[str, ServedPage] = {}
        self.saved = read()

    def now(self) -> datetime:
        """Return the time of this machine."""
        return self._clock.now()

    def is_stale(self, page: ServedPage) -> bool:
        """Return True if the page is so old that readers must be told."""
        return (self.now() - page.saved.as_of).total_seconds() > STALE_AFTER_S

    async def log(self, page: ServedPage) -> str:
        """Return the saved log of a page."""
        return page.saved.log

    async def archived(self, page: ServedPage, key: ArchiveKey) -> Archive:
        """Return a part of the saved archive of a page."""
        return page.saved.archive.get(key, page.saved.snapshot.page.tz)

    async def page(self, slug: str) -> ServedPage | None:
        """Return a page, None if there is no file of it."""
        if self._reading is None and self._pace.monotonic() - self._read_at > RETRY_S:
            self._reading = asyncio.create_task(self._read_again())
        saved = self.saved.get(slug)
        if saved is None:
            return None
        served = self._served.get(slug)
        if served is None or served.saved is not saved:
            served = self._served[slug] = await RENDERING.run(lambda: page_server.build(saved))
        return served

    async def _read_again(self) -> None:
        try:
            with contextlib.suppress(OSError, ValueError, Unavailable):
                self.saved = await RENDERING.run(self._read)
        finally:
            self._read_at, self._reading = self._pace.monotonic(), None


class SavedEdge(PageServer):
    """The ASGI app of saved pages, each at its own address; answers 503 to everything else."""

    def __init__(self, source: SavedPageSource) -> None:
        super().__init__(source)
        self._saved = source

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request to a host of a status page, or below /s/."""
        host, path = _host(scope), scope["path"]
        slug = next((slug for slug, page in self._saved.saved.items() if page.host == host), None)
        if host and slug is not None:
            await self.serve(slug, "", path, scope, receive, send)
        elif path.startswith(PREFIX):
            await super().__call__(scope, receive, send)
        else:
            await page_server.unavailable(scope, send)


class ExportEdge(PageServer):
    """The ASGI app of one exported page, under the path of its address and any host name."""

    def __init__(self, source: SavedPageSource) -> None:
        super().__init__(source)
        self._saved = source

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request below the path of the page's address."""
        [(slug, page)] = self._saved.saved.items()
        base, path = urlsplit(page.url).path, scope["path"]
        if path == base or path.startswith(f"{base}/"):
            await self.serve(slug, base, path.removeprefix(base), scope, receive, send)
        else:
            await page_server.respond_with_text(scope, send, None)
