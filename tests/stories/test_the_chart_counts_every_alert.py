"""Story: the chart of the home page counts every alert, however many arrive in a day."""

from datetime import UTC, datetime, timedelta

import asyncpg

from firebell.alerts import actions as alerts
from firebell.alerts.model import Event, EventKind, InboundRequest
from firebell.dashboard.web import CHART_QUARTERS
from firebell.kit.clock import FakeClock
from firebell.kit.db.migrate import available
from tests.world import World, world


async def rate(w: World) -> list[int]:
    async with w.ctx.db.tx() as tx:
        return await alerts.alert_rate(tx, w.now, CHART_QUARTERS)


async def receive(w: World, number: int, at: datetime, key: str = "alert") -> None:
    """Let one message with many alerts arrive."""
    events = tuple(
        Event(kind=EventKind.FIRING, dedup_key=f"{key} {i}", title=f"{key} {i}", occurred_at=at)
        for i in range(number)
    )
    async with w.ctx.db.tx() as tx:
        await alerts.receive(
            tx, [InboundRequest(w.integration, w.service, "api", key.encode(), events)], w.now
        )


async def test_six_thousand_alerts_of_a_day_are_six_thousand(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        assert await rate(w) == [0] * CHART_QUARTERS
        await receive(w, 5_500, w.now - timedelta(hours=20), "early")
        await receive(w, 500, w.now, "late")
        counts = await rate(w)
        assert sum(counts) == 6_000
        assert counts[-1] == 500
        assert counts[CHART_QUARTERS - 81] == 5_500


async def test_a_day_later_the_chart_is_empty_again(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await receive(w, 3, w.now)
        clock.advance(timedelta(hours=23, minutes=45))
        assert (await rate(w))[0] == 3
        clock.advance(timedelta(minutes=15))
        assert await rate(w) == [0] * CHART_QUARTERS


async def test_the_chart_has_every_alert_of_the_night_in_which_clocks_go_back(dsn: str) -> None:
    clock = FakeClock(datetime(2026, 10, 25, 0, 0, tzinfo=UTC))
    async with world(dsn, clock) as w:
        for hour in range(4):
            await receive(w, 1, w.now, f"hour {hour}")
            clock.advance(timedelta(hours=1))
        counts = await rate(w)
        assert [i for i, count in enumerate(counts) if count] == [
            CHART_QUARTERS - 1 - 4 * n for n in (4, 3, 2, 1)
        ]


async def test_an_upgrade_counts_the_alerts_that_are_stored(empty_dsn: str) -> None:
    conn = await asyncpg.connect(empty_dsn)
    try:
        for migration in available():
            if migration.version == 33:
                await conn.execute(OLD)
            await conn.execute(migration.sql)
        counts = await conn.fetch("select quarter, service_id, alerts from alert_count order by quarter")
    finally:
        await conn.close()
    assert [tuple(row) for row in counts] == [
        (datetime(2026, 11, 24, 3, tzinfo=UTC), 1, 2),
        (datetime(2026, 11, 24, 3, 15, tzinfo=UTC), 1, 1),
    ]


OLD = """
insert into team (name, slug, created_at) values ('Payments', 'payments', now());
insert into service (name, slug, team_id, created_at) values ('Checkout', 'checkout', 1, now());
insert into integration (service_id, name, key, created_at) values (1, 'A', 'k', now());
insert into alert (integration_id, dedup_key, status, title, starts_at, last_seen, hi_at, hi_seen, hi_rank, count)
select 1, key, 'resolved', 'Disk full', starts_at::timestamptz, now(), now(), now(), 1, count
from (
    values
        ('a', '2026-11-24 03:00Z', 1), ('b', '2026-11-24 03:14:59Z', 9), ('c', '2026-11-24 03:15Z', 1),
        ('only ended', '2026-11-24 03:15Z', 0)
) old (key, starts_at, count);
"""
