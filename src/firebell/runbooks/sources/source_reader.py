"""The lane of runbook sources: reads one at a time, with no transaction open while it waits (spec 11.2)."""

import logging
import uuid
from datetime import datetime, timedelta

from firebell.kit.context import Context
from firebell.kit.db.migrate import fence
from firebell.kit.errors import Invalid
from firebell.runbooks.sources import actions, directory_reader, store
from firebell.runbooks.sources.model import (
    RunbookSource,
    Snapshot,
    SourceKind,
    SyncFailure,
    Unchanged,
)

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)
"""Longer than reading and applying a source takes."""


class SourceReader:
    """Syncs the sources that are due; any number of processes share them."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._holder = uuid.uuid4().hex
        self.upcoming: datetime | None = None
        """When a source is due next, after a run that had none."""
        self.is_unused = False
        """True if the last run found no source at all."""

    async def run_once(self, now: datetime) -> int:
        """Sync the source that has been due for longest; return 1, or 0 if none is due."""
        async with self._ctx.work_db.tx() as tx:
            await fence(tx)
            source = await store.lease_due(tx, self._holder, now + LEASE, now)
            if source is None:
                self.upcoming = await store.next_due_at(tx)
                self.is_unused = self.upcoming is None
                return 0
        self.is_unused = False
        try:
            await self._sync(source)
        finally:
            async with self._ctx.work_db.tx() as tx:
                await store.end_lease(tx, source.id, self._holder)
        return 1

    async def _sync(self, source: RunbookSource) -> None:
        try:
            read = await self._read(source)
        except SyncFailure as failure:
            log.warning(
                "a runbook source cannot be synced", extra={"source": source.id, "reason": str(failure)}
            )
            async with self._ctx.work_db.tx() as tx:
                await actions.note_failure(tx, source.id, str(failure), self._ctx.clock.now())
            return
        if isinstance(read, Unchanged):
            async with self._ctx.work_db.tx() as tx:
                await actions.note_unchanged(tx, source.id, self._ctx.clock.now())
            return
        files = await actions.prepare(read.files, self._ctx.clock.now())
        async with self._ctx.work_db.tx() as tx:
            await fence(tx)
            await actions.apply(tx, source.id, read, files, self._ctx.clock.now())

    async def _read(self, source: RunbookSource) -> Snapshot | Unchanged:
        if source.kind is SourceKind.DIRECTORY:
            return await directory_reader.read(self._ctx.runbook_directory, source, self._ctx.clock.now())
        # imported here: only an installation with a repository pays for loading the Git client
        from firebell.runbooks.sources import git_fetch

        async with self._ctx.work_db.tx() as tx:
            try:
                token = await store.open_token(tx, source.id)
            except Invalid as error:
                raise SyncFailure(error.message) from error
        return await git_fetch.fetch(self._ctx.http, source, token, source.last_commit)
