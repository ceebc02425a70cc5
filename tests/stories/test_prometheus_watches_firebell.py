"""Prometheus reads how Firebell is: what came in, what waits, what was sent; never at the cost of a page."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from firebell.kit.db.database import Tx
from firebell.kit.jobs import timers
from firebell.monitoring import exporter as exporter_
from firebell.monitoring import readings_store
from firebell.paging import actions as paging
from firebell.worker import Worker
from tests.api.api_clients import browser
from tests.stopwatch import stopwatch
from tests.world import world

TOKEN = "a-token-of-thirty-two-characters"
KEY = {"Authorization": f"Bearer {TOKEN}"}


_INTEGRATIONS = """
with tracker as (
    insert into tracker (
        kind, name, url, target, secret, key_hint, key_hash, hook_secret, created_at, sweep_at, swept_until, is_enabled
    )
    values
        ('github', 'Work', 'https://x', 'a/b', '', '', '', '', $1::timestamptz - interval '2 hours', $1, $1, true),
        ('github', 'Off', 'https://x', 'a/c', '', '', '', '', $1, $1, $1, false)
),
account as (
    insert into chat_account (kind, external_id, name, mode, secrets, created_at)
    values ('slack', 'T1', 'Work', 'http', '', $1)
    returning id
),
want as (
    insert into chat_want (account_id, target, dirty_at, due_at)
    select id, 'inc-' || n, $1, $1 - interval '90 seconds' + n * interval '1 hour'
    from account
    cross join generate_series(0, 1) n
),
object as (
    insert into chat_object (account_id, object_key, target, state)
    select id, state, 'inc-1', state
    from account
    cross join unnest(array['dead', 'sent']) state
),
source as (
    insert into runbook_source (kind, name, paths, poll_s, created_at, next_sync_at, last_error)
    values ('push', 'CI', '{}', 60, $1, $1, 'refused'), ('push', 'Good', '{}', 60, $1, $1, '')
)
insert into runbook (slug, body, version, updated_at, updated_by, errors, archived_at)
values ('a', '# A', 1, $1, '', 0, null), ('b', '# B', 1, $1, '', 2, null), ('c', '# C', 1, $1, '', 2, $1)
"""


async def _scrape(http: httpx.AsyncClient) -> dict[tuple[str, ...], float]:
    answer = await http.get("/metrics.prom", headers=KEY)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def test_the_numbers_follow_what_happens(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporter_, "REUSED_S", 0.0)
    monkeypatch.setattr(exporter_, "FACTS_REUSED_S", 0.0)
    monkeypatch.setattr(exporter_, "WAIT_S", 10.0)
    async with (
        world(dsn, clock, share_pool=False, metrics_token=TOKEN) as w,
        browser(w, "192.0.2.7") as http,
    ):
        refused = await http.get("/metrics.prom")
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
        assert TOKEN not in refused.text

        quiet = await _scrape(http)
        assert quiet["firebell_database_up",] == 1
        assert quiet["firebell_pages_open", "triggered", "high"] == 0
        assert quiet["process_resident_memory_bytes",] > 0

        await w.alert("Checkout fails")
        await w.settle()
        actor = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            for title, private in (("Checkout", False), ("A leak", True)):
                await incidents.declare(
                    tx, actor, title=title, severity=1, service_ids=[w.service], private=private, now=w.now
                )
        clock.set(w.now + timedelta(seconds=90))
        await w.alert("Ledger fails")  # its page is not sent yet
        late = await _scrape(http)
        assert late["firebell_inbound_events_total", "generic"] == 2
        assert late["firebell_pages_open", "triggered", "high"] >= 2
        assert late["firebell_page_unacknowledged_age_seconds",] == 90
        assert late["firebell_incidents_open", "SEV1"] == 1, "a private incident is not counted"
        assert late["firebell_notification_deliveries_total", "webhook", "accepted"] >= 1
        assert late["firebell_notification_delay_seconds_count", "webhook"] >= 1
        await w.settle()
        assert (await _scrape(http))["firebell_timer_lateness_seconds_count", "page"] >= 1

        async with w.ctx.db.tx() as tx:
            await tx.execute(_INTEGRATIONS, w.now)
        # what metrics know, by team; a private incident is no fact for Prometheus
        await w.after(minutes=2)
        facts = await _scrape(http)
        assert facts["firebell_incidents_declared_total", "SEV1", "payments"] == 1
        assert facts["firebell_pages_unacked", "payments"] >= 2
        assert facts["firebell_pages_exhausted", "payments"] == 0
        triggered = [
            n for key, n in facts.items() if key[0] == "firebell_pages_triggered_total" and "payments" in key
        ]
        assert sum(triggered) >= 2
        assert facts["firebell_tracker_sync_lag_seconds", "1"] >= 7200
        assert (facts["firebell_chat_lag_seconds", "1"], facts["firebell_chat_dead", "1"]) == (210, 1)
        assert [facts["firebell_runbooks", state] for state in ("ok", "untested", "broken")] == [0, 1, 1]
        assert facts["firebell_runbook_sources_failing",] == 1

        # a broken database is reported instead of old numbers
        async with w.ctx.db.tx() as tx:
            await tx.execute("alter table outbox rename to gone")
        without = await _scrape(http)
        async with w.ctx.db.tx() as tx:
            await tx.execute("alter table gone rename to outbox")
        assert without["firebell_database_up",] == 0
        assert ("firebell_pages_open", "triggered", "high") not in without

        # a reading that waits for a lock delays neither a scrape nor anything else
        with monkeypatch.context() as usual:
            usual.setattr(exporter_, "WAIT_S", 0.03)
            async with w.ctx.work_db.tx() as tx:
                await tx.execute("lock table page in access exclusive mode")
                took = []
                for _ in range(5):
                    with stopwatch() as watch:
                        assert (await http.get("/metrics.prom", headers=KEY)).status_code == 200
                    took.append(watch.seconds)
                assert sum(took) < 5 * 0.05, "a scrape takes at most 50 ms"
                assert w.ctx.db.pool_usage().used == 1, "all scrapes share one reading"
        assert (await _scrape(http))["firebell_database_up",] == 1


async def test_the_page_of_a_drill_raises_no_alert_about_a_page(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        actor = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            policy = (await paging.policies(tx))[0]
            assert await paging.start_drill_page(tx, actor, policy, [w.mara, w.jun], "Checkout fails", w.now)
        clock.set(w.now + timedelta(hours=2))
        async with w.ctx.db.reads() as reads:
            readings = await readings_store.readings(reads, w.now)
        assert sum(readings.open_pages.values()) == 0
        assert readings.oldest_unacknowledged_s == 0


async def test_a_timer_that_its_handler_keeps_is_counted_when_it_runs(dsn: str, clock: FakeClock) -> None:
    is_locked = [False, True]

    async def run(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
        return due_timers if is_locked.pop() else []

    async with world(dsn, clock) as w:
        async with w.ctx.db.tx() as tx:
            await timers.schedule(tx, "test.kept", "1", w.now - timedelta(days=365))
        worker = Worker(w.ctx, {"test.kept": run}, {})
        assert [await worker.run_due(w.now) for _ in range(2)] == [0, 1]
        *_, (_, number) = w.ctx.counters.timer_lateness[False].cumulative()
        assert number == 1


async def test_overdue_timers_are_split_as_their_lanes_are(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        async with w.ctx.db.tx() as tx:
            await tx.execute("delete from due")
            for kind in ("paging.page", "alerts.mute", "heartbeats.check", "test.report"):
                await timers.schedule(tx, kind, "1", w.now - timedelta(seconds=5))
            readings = await readings_store.readings(tx, w.now)
        assert readings.overdue_timers == {True: 3, False: 1}
