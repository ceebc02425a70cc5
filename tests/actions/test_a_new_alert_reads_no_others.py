"""Storing an alert costs the same on a database of any size, also while PostgreSQL has no statistics about it."""

import pytest

from firebell.alerts import actions as alerts
from firebell.alerts.batches.dedup_and_grouping import STORM_WINDOW
from firebell.alerts.batches.optimistic_batch import KnownState
from firebell.alerts.model import Event, EventKind, InboundRequest
from firebell.kit.clock import FakeClock
from firebell.kit.db.database import Tx
from tests.world import World, world

OTHERS = 3_000
READ = """
    select coalesce(sum(seq_tup_read + idx_tup_fetch), 0)
    from pg_stat_xact_user_tables
    where relname in ('alert', 'alert_group', 'event', 'seen_event', 'page')
"""
"""The rows that the connection read, but for those of transactions that were reported already."""


async def fill(w: World, tx: Tx) -> None:
    """Insert open groups with an alert each, as a batch would."""
    await tx.execute(
        """
        insert into alert_group (
            integration_id, service_id, key, title, urgency, opened_at, last_at, alerts, firing, events
        )
        select $1, $2, 'route ' || i, 'Disk full', 'high', $3, $3, 1, 1, 1
        from generate_series(1, $4::int) i
        """,
        w.integration,
        w.service,
        w.now - 2 * STORM_WINDOW,
        OTHERS,
    )
    await tx.execute(
        """
        insert into alert (
            integration_id, dedup_key, group_id, status, title, starts_at, last_seen, hi_at, hi_rank, count, hi_seen
        )
        select integration_id, 'key ' || id, id, 'firing', title, opened_at, opened_at, opened_at, 2, 1, opened_at
        from alert_group
        """
    )


def message(w: World, key: str) -> InboundRequest:
    """Return a message with one firing alert, which joins an open group."""
    event = Event(EventKind.FIRING, key, "Disk full", severity="critical", labels={"service": "route 7"})
    return InboundRequest(w.integration, w.service, "generic", key.encode(), (event,))


async def store(w: World, tx: Tx, known: KnownState, request: InboundRequest) -> bool:
    """Store a message on assumptions if there are any; return whether that succeeded."""
    ids = [alerts.event_ids(request)]
    assumed = known.assume([request], ids, w.now)
    if assumed is not None and await alerts.store_assumed(tx, assumed, w.now):
        return True
    known.learn(await alerts.receive(tx, [request], w.now))
    return False


@pytest.mark.parametrize(("key", "assumed"), [("new", 7), ("key", 0)])
async def test_an_alert_is_stored_without_reading_others(
    dsn: str, clock: FakeClock, key: str, assumed: int
) -> None:
    async with world(dsn, clock) as w:
        async with w.ctx.db.tx() as tx:
            await fill(w, tx)
        known, stored = KnownState(), 0
        for number in range(8):
            async with w.ctx.db.tx() as tx:
                before = await tx.value(READ)
                stored += await store(w, tx, known, message(w, f"{key} {1000 + number}"))
                assert await tx.value(READ) - before < 30
        assert stored == assumed
