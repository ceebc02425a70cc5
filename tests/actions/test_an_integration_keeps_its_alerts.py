"""No message or alert is without its integration, although no foreign key of theirs says so."""

import asyncpg
import pytest

from firebell.alerts import actions as alerts
from firebell.alerts.model import Event, EventKind, InboundRequest
from firebell.kit.clock import FakeClock
from tests.world import world

COUNTS = """
    select
        (select count(*) from event) as messages,
        (select count(*) from alert) as alerts,
        (select count(*) from alert_group) as groups
"""


async def test_messages_need_their_integration_and_are_deleted_with_it(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        events = (Event(EventKind.FIRING, "a", "Disk full"), Event(EventKind.RESOLVED, "b", "CPU is back"))
        known = InboundRequest(w.integration, w.service, "generic", b"1", events)
        unknown = InboundRequest(w.integration + 1_000, w.service, "generic", b"2", events)
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            async with w.ctx.db.tx() as tx:
                await alerts.receive(tx, [known, unknown], w.now)
        async with w.ctx.db.tx() as tx:
            await alerts.receive(tx, [known], w.now)
            assert dict(await tx.row(COUNTS) or {}) == {"messages": 1, "alerts": 2, "groups": 1}
            await tx.execute("delete from integration where id = $1", w.integration)
            assert dict(await tx.row(COUNTS) or {}) == {"messages": 0, "alerts": 0, "groups": 0}
