"""The embedded database dies between its start and the first connection: startup continues, for a limited time."""

import logging
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from firebell import process as firebell_process
from firebell.kit.db import database
from firebell.kit.db.database import Db
from firebell.kit.db.migrate import migrate
from firebell.kit.errors import FirebellError
from firebell.process import running
from tests.servers import data_folder
from tests.world import settings

pytestmark = pytest.mark.chaos


def kill_database(data: Path) -> None:
    """Kill the running server with -9, and nothing else."""
    os.kill(int((data / "postgres/postmaster.pid").read_text(encoding="ascii").split()[0]), signal.SIGKILL)


def killing_before(
    data: Path, step: Callable[..., Awaitable[Any]], times: int
) -> Callable[..., Awaitable[Any]]:
    """Return `step`, before which the database dies the first `times` times."""
    left = times

    async def fatal(*args: Any, **more: Any) -> Any:
        nonlocal left
        if left:
            left -= 1
            kill_database(data)
        return await step(*args, **more)

    return fatal


async def test_it_starts_although_the_database_dies_before_each_first_connection(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # as in the product, and unlike in other tests, a pool opens a connection at once
    monkeypatch.setattr(database, "WARM", 1)
    with data_folder() as data:
        monkeypatch.setattr(firebell_process, "migrate", killing_before(data, migrate, 2))
        monkeypatch.setattr(Db, "connect", killing_before(data, Db.connect, 2))
        async with running(settings(data=data)) as process, process.ctx.db.tx() as tx:
            assert await tx.value("select count(*) from schema_migration") > 0
    lines = [r for r in caplog.records if r.getMessage() == "lost the database during startup, retrying"]
    assert len(lines) == 4
    assert {line.levelno for line in lines} == {logging.WARNING}


async def test_a_database_that_keeps_dying_ends_the_start_with_a_clear_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with data_folder() as data:
        monkeypatch.setattr(firebell_process, "START_PATIENCE_S", 1)
        monkeypatch.setattr(firebell_process, "migrate", killing_before(data, migrate, 1000))
        with pytest.raises(FirebellError) as ended:
            async with running(settings(data=data)):
                pass
        assert ended.value.message
