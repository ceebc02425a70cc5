"""Admins see how long data is kept, what waits to be deleted, and when that last ran."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from firebell.event_subscriptions import outbox_handlers
from firebell.kit.clock import FakeClock
from firebell.kit.jobs import pruning
from firebell.slices import retentions
from firebell.worker import Worker, timer_handlers
from tests.api.api_clients import Api, browser, key_of, organization, sign_in
from tests.world import World

OLD = 30


@asynccontextmanager
async def with_old_alerts(dsn: str, clock: FakeClock) -> AsyncIterator[tuple[World, Api]]:
    """Yield an organization with `OLD` alerts that ended 500 days ago, and one that fires since then."""
    async with organization(dsn, clock) as (w, api):
        async with w.ctx.db.tx() as tx:
            await tx.execute(
                """
                insert into alert (integration_id, dedup_key, status, title, starts_at, ends_at, last_seen, hi_at,
                    hi_seen, hi_rank, count)
                select $1, 'old-' || i, case when i > $3 then 'firing' else 'resolved' end, 'old', $2, $2, $2, $2,
                    $2, 1, 1
                from generate_series(1, $3 + 1) i
                """,
                w.integration,
                w.now - timedelta(days=500),
                OLD,
            )
        yield w, api


async def of_table(api: Api, table: str) -> dict[str, Any]:
    """Return the retention of a table."""
    (shown,) = [each for each in await api("GET", "/retention") if table in each["tables"]]
    result: dict[str, Any] = shown
    return result


async def delete_old(w: World) -> None:
    """Run the deletion of alerts to its end."""
    worker = Worker(w.ctx, timer_handlers(), outbox_handlers())
    async with w.ctx.db.tx() as tx:
        await tx.execute("delete from due where kind <> $1 or key <> 'alert'", pruning.KIND)
        await tx.execute("update due set due_at = $1", w.now)
    await worker.run_due(w.now)


async def test_rows_wait_until_the_deletion_has_run(dsn: str, clock: FakeClock) -> None:
    async with with_old_alerts(dsn, clock) as (w, api):
        before = await of_table(api, "alert")
        assert (before["days"], before["is_default"], before["setting"]) == (400, True, "alerts")
        assert (before["waiting"], before["has_more"]) == (OLD, False)
        assert (before["last_began_at"], before["last_ended_at"], before["is_running"]) == (None, None, False)
        await delete_old(w)
        after = await of_table(api, "alert")
        assert after["waiting"] == 0
        instant = w.now.isoformat().replace("+00:00", "Z")
        assert (after["last_began_at"], after["last_ended_at"], after["is_running"]) == (
            instant,
            instant,
            False,
        )
        tomorrow = (w.now + timedelta(days=1)).isoformat().replace("+00:00", "Z")
        assert after["next_at"] == tomorrow


async def test_a_deletion_that_has_more_batches_runs(dsn: str, clock: FakeClock) -> None:
    async with with_old_alerts(dsn, clock) as (w, api):
        began = w.now
        for _ in range(2):
            async with w.ctx.db.tx() as tx:
                await pruning.record_run(tx, "alert", w.now, is_over=False)
            clock.advance(pruning.BATCH_PAUSE)
        running = await of_table(api, "alert")
        assert running["is_running"]
        assert running["last_began_at"] == began.isoformat().replace("+00:00", "Z")


async def test_only_so_many_rows_are_counted(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firebell.retention.queries.COUNTED_ROWS", 10)
    async with with_old_alerts(dsn, clock) as (_, api):
        shown = await of_table(api, "alert")
        assert (shown["waiting"], shown["has_more"]) == (10, True)
        assert (await of_table(api, "event"))["has_more"] is False


async def test_the_settings_of_the_environment_are_shown(dsn: str, clock: FakeClock) -> None:
    async with with_old_alerts(dsn, clock) as (w, api):
        w.ctx = replace(w.ctx, retention_days={"alerts": None, "audit": 90})
        async with browser(w) as http:
            other = Api(http, api.key)
            alerts, audit = await of_table(other, "alert"), await of_table(other, "audit")
        assert (alerts["days"], alerts["is_default"], alerts["waiting"]) == (None, False, 0)
        assert (audit["days"], audit["is_default"]) == (90, False)


async def test_each_table_is_shown_with_its_label(dsn: str, clock: FakeClock) -> None:
    async with with_old_alerts(dsn, clock) as (w, api):
        shown = {tuple(each["tables"]): each["label"] for each in await api("GET", "/retention")}
        assert shown == {(each.table, *each.with_tables): each.label for each in retentions()}
        assert all(shown.values())
        assert all(each.count for each in retentions())
        async with browser(w) as http:
            await sign_in(w, http, w.mara)
            page = (await http.get("/settings/retention")).text
        for label in shown.values():
            assert label in page


async def test_only_admins_see_the_retention(dsn: str, clock: FakeClock) -> None:
    async with with_old_alerts(dsn, clock) as (w, api):
        await api.with_key(await key_of(w.ctx.db, clock, w.jun))("GET", "/retention", status=403)
        async with browser(w) as http:
            await sign_in(w, http, w.jun)
            assert (await http.get("/settings/retention")).status_code == 403
