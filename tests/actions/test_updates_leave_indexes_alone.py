"""What is updated often stays a HOT update: none of its columns is in an index."""

from dataclasses import replace
from datetime import timedelta

from firebell.alerts import actions as alerts
from firebell.alerts.model import Event, EventKind, InboundRequest
from firebell.kit.clock import FakeClock
from firebell.kit.db.database import Tx
from firebell.paging import store
from tests.world import world


async def writes_no_index(tx: Tx, table: str) -> bool:
    """Return True if this connection updated a table recently, and each update wrote no index."""
    row = await tx.row(
        """
        select pg_stat_get_xact_tuples_updated($1::text::regclass) as updated,
            pg_stat_get_xact_tuples_hot_updated($1::text::regclass) as hot
        """,
        table,
    )
    assert row
    return bool(0 < row["updated"] == row["hot"])


async def test_a_repeated_event_writes_no_index_of_its_alert_or_counter(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        for number in range(5):
            async with w.ctx.db.tx() as tx:
                events = tuple(
                    Event(kind=EventKind.FIRING, dedup_key=key, title="Disk full", severity="critical")
                    for key in ("same", f"new {number}")
                )
                received = InboundRequest(w.integration, w.service, "api", str(number).encode(), events)
                await alerts.receive(tx, [received], w.now + timedelta(seconds=number))
                if number:
                    assert await writes_no_index(tx, "alert")
                    assert await writes_no_index(tx, "alert_count")


async def test_an_escalation_writes_no_index_of_its_page(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await w.alert()
        page = await w.page()
        async with w.ctx.db.tx() as tx:
            changed = replace(page, level=1, epoch=page.epoch + 1, due_at=w.now + timedelta(minutes=5))
            await store.save(tx, [changed])
            assert await writes_no_index(tx, "page")
