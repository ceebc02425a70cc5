"""What a provider reports is applied once more if another transaction waited for the same rows: it is not repeated."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from firebell.channels.registry import CHANNELS
from firebell.kit.errors import Unavailable
from firebell.replies import committing
from tests.rules.finished import finished

NOW = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)


class Deadlocks:
    """A database that ends the first transactions because of a deadlock."""

    def __init__(self, count: int) -> None:
        self.count = count

    @asynccontextmanager
    async def tx(self) -> AsyncIterator[None]:
        """Open a transaction."""
        self.count -= 1
        yield
        if self.count >= 0:
            raise asyncpg.DeadlockDetectedError


@pytest.mark.parametrize(("count", "is_stored"), [(0, True), (1, True), (2, False)])
def test_signals_are_applied_once_more_after_a_deadlock(count: int, is_stored: bool) -> None:
    db: Any = Deadlocks(count)
    ctx: Any = None
    applied = committing.apply(db, ctx, CHANNELS["sms"], "twilio", [], NOW)
    if is_stored:
        assert finished(applied) == []
    else:
        with pytest.raises(Unavailable):
            finished(applied)
