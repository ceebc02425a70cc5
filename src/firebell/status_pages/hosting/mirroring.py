"""Saves status pages for processes without a database, and pushes mirrors to directories and buckets."""

import logging
import re
from collections.abc import Sequence
from datetime import datetime, timedelta

import httpx

from firebell.kit import http_out
from firebell.kit.context import Context
from firebell.kit.db.migrate import fence
from firebell.kit.errors import Invalid
from firebell.kit.log import OncePerMinute
from firebell.kit.threads import Pool
from firebell.status_pages import store
from firebell.status_pages.hosting import export, s3, saved_pages
from firebell.status_pages.hosting import queries as hosting_queries
from firebell.status_pages.hosting import store as hosting_store
from firebell.status_pages.hosting.export import ExportedFile
from firebell.status_pages.hosting.model import PageMirror, SavedPage
from firebell.status_pages.hosting.s3 import Credentials

log = logging.getLogger(__name__)

FILES = Pool("status page files", size=1, queue=16)
"""Writes files and renders mirrors, so that a slow disk stops no one."""
PUSH_EVERY = timedelta(minutes=1)
"""How often each mirror is brought up to date when nothing is published: its `as-of.json` says that it is."""
MAX_RETRY_S = 60
MIRRORS_AT_ONCE = 4
_CODE = re.compile(r"<Code>([\w.-]{1,100})</Code>")


class MirrorWriter:
    """Saves and pushes what changed within seconds, and once a minute says that the rest is up to date."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._looked_at: datetime | None = None
        self._sequences: dict[str, int] = {}
        """The number of changes published when each page was last saved, by slug."""
        self._next_mirror_at: datetime | None = None
        self._pushed: dict[int, dict[str, str]] = {}
        """What this process knows each bucket to hold: ETags by path, by the id of the mirror."""
        self._failures = OncePerMinute(log, "the files of status pages cannot be written")
        self.upcoming: datetime | None = None
        self.is_unused = False
        """True if there is no status page."""

    async def run_once(self, now: datetime) -> int:
        """Save and push what is due; return how much."""
        done = 0
        if self._is_due(now):
            done += await self._save(now)
        if self._next_mirror_at is not None and self._next_mirror_at <= now:
            done += await self._push(now)
        dues = [at for at in (self._next_mirror_at, self._looked_at and self._looked_at + PUSH_EVERY) if at]
        self.upcoming = min(dues, default=None)
        return done

    def _is_due(self, now: datetime) -> bool:
        if self._looked_at is None or now - self._looked_at >= PUSH_EVERY:
            return True
        return any(self._has_changed(slug) for slug in self._sequences)

    def _has_changed(self, slug: str) -> bool:
        sequence = self._sequences.get(slug)
        return sequence is None or self._ctx.live.changed_since([f"status-{slug}"], sequence)

    async def _save(self, now: datetime) -> int:
        sequence = self._ctx.live.sequence
        async with self._ctx.work_db.tx() as tx:
            await fence(tx)
            pages = await store.pages(tx)
            changed = [page for page in pages if self._has_changed(page.slug)]
            wanted = pages if self._ctx.status_directory else changed
            saved = [await hosting_queries.saved(tx, page, self._ctx.public_url, now) for page in wanted]
            if changed:
                await hosting_store.hurry_mirrors(tx, [page.id for page in changed], now)
            self._next_mirror_at = await hosting_store.next_mirror_at(tx)
        try:
            await FILES.run(lambda: self._write(saved, [page.slug for page in pages], now))
        except OSError as error:
            # everything is tried again in the next round
            self._failures.add(repr(error))
            self._looked_at = None
            return 0
        self._looked_at, self.is_unused = now, not pages
        self._sequences = {
            page.slug: sequence if page in changed else self._sequences[page.slug] for page in pages
        }
        return len(changed)

    def _write(self, saved: Sequence[SavedPage], slugs: Sequence[str], now: datetime) -> None:
        if self._ctx.data is not None:
            folder = self._ctx.data / saved_pages.FOLDER
            for page in saved:
                if self._has_changed(page.snapshot.page.slug):
                    saved_pages.write(folder, page)
            if folder.is_dir():
                saved_pages.remove_others(folder, slugs)
                saved_pages.write_as_of(folder, now)
        if self._ctx.status_directory is not None:
            for page in filter(export.is_exportable, saved):
                export.write(page, self._ctx.status_directory / page.snapshot.page.slug)

    async def _push(self, now: datetime) -> int:
        """Push the mirrors that are due; return their number."""
        async with self._ctx.work_db.tx() as tx:
            await fence(tx)
            claimed = await hosting_store.claim_mirrors(tx, now, MIRRORS_AT_ONCE)
            pages = {page.id: page for page in await store.pages(tx)} if claimed else {}
            sealer = await hosting_store.sealer(tx)
            saved = [
                await hosting_queries.saved(tx, pages[mirror.status_page_id], self._ctx.public_url, now)
                for mirror, _ in claimed
            ]
        for (mirror, secret), page in zip(claimed, saved, strict=True):
            try:
                opened = sealer.open(secret, mirror.bucket).decode()
            except Invalid as error:
                failure = error.message
            else:
                failure = await self._push_one(mirror, opened, page, now)
            async with self._ctx.work_db.tx() as tx:
                if failure:
                    log.warning(
                        "a mirror of a status page failed", extra={"url": mirror.url, "reason": failure}
                    )
                    retry_s = min(MAX_RETRY_S, 2 ** min(mirror.failures, 10))
                    await hosting_store.fail_mirror(tx, mirror.id, failure, now + timedelta(seconds=retry_s))
                else:
                    await hosting_store.finish_mirror(tx, mirror.id, now, now + PUSH_EVERY)
        async with self._ctx.work_db.tx() as tx:
            self._next_mirror_at = await hosting_store.next_mirror_at(tx)
        return len(claimed)

    async def _push_one(self, mirror: PageMirror, secret: str, page: SavedPage, now: datetime) -> str:
        """Push the files of a page that changed, in their order; return why that failed, or an empty text."""
        files = await FILES.run(lambda: list(export.files(page, mirror.url)))
        pushed = self._pushed.setdefault(mirror.id, {})
        for file in files:
            if pushed.get(file.path) == file.etag:
                continue
            if failure := await self._put(mirror, secret, file, now):
                return failure
            pushed[file.path] = file.etag
        return ""

    async def _put(self, mirror: PageMirror, secret: str, file: ExportedFile, now: datetime) -> str:
        url = s3.object_url(mirror.endpoint, mirror.bucket, f"{mirror.prefix}{file.path}")
        is_lasting = file.path.startswith("static/")
        headers = s3.signed_headers(
            "PUT",
            url,
            file.body,
            {
                "Content-Type": file.media_type,
                "Cache-Control": "public, max-age=31536000, immutable"
                if is_lasting
                else "public, max-age=15",
            },
            host=http_out.host_header(url),
            region=mirror.region,
            credentials=Credentials(mirror.access_key, secret),
            now=now,
        )
        try:
            answer = await http_out.send(self._ctx.http, "PUT", url, content=file.body, headers=headers)
        except httpx.HTTPError as error:
            return f"The bucket cannot be reached: {str(error).rstrip('.') or type(error).__name__}."
        if answer.ok:
            return ""
        code = _CODE.search(answer.text)
        return f"The bucket answered {answer.status}{f' ({code[1]})' if code else ''} to {file.path[:200]}."
