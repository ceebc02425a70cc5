"""Fetches due calendars in a lane of its own, so that slow servers never delay pages."""

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from datetime import datetime

import httpx

from firebell.kit.context import Context
from firebell.kit.db.migrate import fence
from firebell.kit.errors import Invalid
from firebell.kit.http_out import Got, get
from firebell.oncall.calendars import actions, store
from firebell.oncall.calendars.model import (
    CALENDAR_LOOKAHEAD,
    MAX_CALENDAR_BYTES,
    DueImport,
    ImportSource,
    KnownPerson,
    ReadResult,
    Use,
)
from firebell.oncall.calendars.parser_process import ParseJob, made

log = logging.getLogger(__name__)

CONCURRENT_FETCHES = 4
FETCH_LIMIT_S = 30
"""The time limit of one fetch as a whole, however slowly the bytes arrive."""


class Fetcher:
    """Reads each import every 15 minutes; several fetchers can share one database."""

    def __init__(self, ctx: Context, limit_s: float = FETCH_LIMIT_S) -> None:
        self._ctx = ctx
        self._limit_s = limit_s
        self.upcoming: datetime | None = None
        """When the next import is due, after a run that had none."""
        self.is_unused = False
        """True if the last run found no import at all."""

    async def run_once(self, now: datetime) -> int:
        """Fetch and read a few imports that are due; return their number."""
        async with self._ctx.work_db.tx() as tx:
            await fence(tx)
            due = await actions.claim(tx, now, CONCURRENT_FETCHES)
            if not due:
                self.upcoming = await store.next_at(tx)
                self.is_unused = self.upcoming is None
                return 0
            self.is_unused = False
            people = await actions.known_people(tx)
        await asyncio.gather(*(self._one(import_, people, now) for import_ in due))
        return len(due)

    async def _one(self, due: DueImport, people: Sequence[KnownPerson], now: datetime) -> None:
        job, made_for = _job(due, people, now), _made_for(due, people, now)
        got, error = await self._fetched(due)
        read: ReadResult | None = None
        if got and got.body is not None and (got.body != due.body or made_for != due.made_for):
            read, error = await _read(job, got.body)
        body = got.body if got and read else None
        if read is None and made_for != due.made_for and (due.body or due.of.source is ImportSource.HOLIDAYS):
            # another day, time zone or person: read the last good copy again
            read, read_error = await _read(job, due.body or b"")
            error = error or read_error
        etag, modified = (got.etag, got.modified) if got and not error else (due.etag, due.modified)
        async with self._ctx.work_db.tx() as tx:
            if read is not None:
                await actions.save_read(
                    tx,
                    due.of.id,
                    read,
                    body=body,
                    etag=etag,
                    modified=modified,
                    made_for=made_for,
                    error=error,
                    now=now,
                )
            elif error:
                await actions.failed(tx, due.of.id, error, now)
            else:
                await actions.unchanged(tx, due.of.id, etag, modified, now)
        if error:
            log.warning("a calendar could not be fetched", extra={"calendar": due.of.id, "reason": error})

    async def _fetched(self, due: DueImport) -> tuple[Got | None, str]:
        if due.of.source is not ImportSource.URL:
            return None, ""
        try:
            got = await get(
                self._ctx.http, due.of.url, due.etag, due.modified, MAX_CALENDAR_BYTES, limit_s=self._limit_s
            )
        except Invalid as error:
            return None, error.message
        except httpx.HTTPError as error:
            reason = (str(error) or type(error).__name__).rstrip(".")
            return None, f"The server cannot be reached: {reason}."
        return got, ""


async def _read(job: ParseJob, body: bytes) -> tuple[ReadResult | None, str]:
    try:
        return await made(job, body), ""
    except Invalid as error:
        return None, error.message


def _job(due: DueImport, people: Sequence[KnownPerson], now: datetime) -> ParseJob:
    of = due.of
    return ParseJob(
        tz=due.tz,
        a=now,
        b=now + CALENDAR_LOOKAHEAD,
        people=tuple(people),
        busy=of.person_id if of.use is Use.BUSY else None,
        country=of.country,
        subdivision=of.subdivision,
        users=of.users,
    )


def _made_for(due: DueImport, people: Sequence[KnownPerson], now: datetime) -> str:
    """Return a hash of the day, the time zone and the people: the shifts depend on them besides the calendar."""
    text = repr((now.date().isoformat(), due.tz, [(p.id, p.name, p.email) for p in people]))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
