"""Readers of old incidents of a status page leave the connections of the database to responders."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from firebell.kit.context import Context
from firebell.kit.errors import Unavailable
from firebell.kit.timing import REAL
from firebell.status_pages import queries
from firebell.status_pages.archive import Archive, ArchiveKey
from firebell.status_pages.hosting import page_server
from firebell.status_pages.hosting.edge import MAX_ARCHIVE_READS, DatabasePages
from firebell.status_pages.model import StatusPage
from tests.rules.test_status_page_hosting import saved

OLD = "archived0000"


class CountedDatabase:
    """Counts its transactions, and those that are open at once; fails if it is told to be away."""

    def __init__(self) -> None:
        self.begun = self.open = self.most_open = 0
        self.is_away = False

    @contextlib.asynccontextmanager
    async def tx(self) -> AsyncIterator[None]:
        self.begun, self.open = self.begun + 1, self.open + 1
        self.most_open = max(self.most_open, self.open)
        try:
            await asyncio.sleep(0)
            if self.is_away:
                raise Unavailable("away")
            yield
        finally:
            self.open -= 1


async def test_few_readers_of_old_incidents_use_the_database_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    db, incident = CountedDatabase(), saved().snapshot.incidents[0]
    stored = Archive((replace(incident, public_id=OLD),))

    async def archived(tx: object, page: StatusPage, key: ArchiveKey) -> Archive:
        return stored if key == OLD else Archive()

    monkeypatch.setattr(queries, "archived", archived)
    pages = DatabasePages(cast("Context", SimpleNamespace(db=db, pace=REAL)))
    page = page_server.build(replace(saved(), log=""))

    async def read(public_id: str) -> Archive:
        got = await pages.archived(page, public_id)
        if got != Archive():
            page.archive[public_id] = got
        return got

    assert await asyncio.gather(*(read(OLD) for _ in range(20))) == [stored] * 20
    assert db.begun == MAX_ARCHIVE_READS
    # anyone can ask for any number of what does not exist
    missing = [f"missing{number:05}" for number in range(20)]
    assert await asyncio.gather(*map(read, missing)) == [Archive()] * 20
    assert (db.begun, db.most_open) == (MAX_ARCHIVE_READS + 20, MAX_ARCHIVE_READS)
    # readers who wait for a database that is down get the error at once
    db.is_away = True
    refused = await asyncio.gather(*map(read, missing), return_exceptions=True)
    assert {type(each) for each in refused} == {Unavailable}
    assert db.begun == 2 * MAX_ARCHIVE_READS + 20
