"""The screen of a service reads from indexes, however much history there is."""

import re
from datetime import timedelta
from typing import Any

from firebell.alerts import actions as alerts
from firebell.alerts.alert_list import filter_store as list_filter_store
from firebell.alerts.model import AlertFilter
from firebell.catalog import actions as catalog
from firebell.kit.clock import FakeClock
from firebell.kit.db.database import Row, Tx
from firebell.kit.db.events import Actor
from firebell.paging import actions as paging
from firebell.paging import queries as page_queries
from firebell.service_overview.queries import overview
from firebell.service_overview.service_list.alert_bars import alert_bars
from tests.actions.test_pages_start_in_few_round_trips import statements
from tests.world import World, world

ROWS = 20_000
GROWING = ("alert", "alert_group", "page", "incident", "incident_page", "incident_service")
"""Tables that grow forever; changes are kept for 30 days."""
TEST = Actor("system", "Test")


class Explained(Tx):
    """A transaction that records the plan of every statement that reads."""

    plans: list[str]

    @classmethod
    def of(cls, tx: Tx) -> "Explained":
        """Return the same transaction, recording its plans."""
        made = cls(tx.conn, tx._reactions)
        made.plans = []
        return made

    async def _explain(self, sql: str, *args: Any) -> None:
        self.plans.append("\n".join(row[0] for row in await self.conn.fetch(f"explain {sql}", *args)))

    async def fetch(self, sql: str, *args: Any) -> list[Row]:
        """Return the rows and record the plan."""
        await self._explain(sql, *args)
        return await super().fetch(sql, *args)

    async def row(self, sql: str, *args: Any) -> Row | None:
        """Return the first row and record the plan."""
        await self._explain(sql, *args)
        return await super().row(sql, *args)

    async def value(self, sql: str, *args: Any) -> Any:
        """Return the first value and record the plan."""
        await self._explain(sql, *args)
        return await super().value(sql, *args)

    def walks(self) -> list[str]:
        """Return the plans that read a growing table from end to end."""
        whole = re.compile(rf"(Seq Scan on|Scan Backward using \w+_pkey on) ({'|'.join(GROWING)})\b")
        return [plan for plan in self.plans if whole.search(plan)]


async def grow(w: World, quiet: int) -> None:
    """Give Checkout and the service `quiet` a history of many alerts, pages and incidents."""
    async with w.ctx.db.tx() as tx:
        await _insert_history(tx, w, quiet)
    async with w.ctx.db.tx() as tx:
        for table in GROWING:
            await tx.execute(f"analyze {table}")


async def _insert_history(tx: Tx, w: World, quiet: int) -> None:
    """Insert the history with one statement a table; every 200th row belongs to the service `quiet`."""
    start, last = w.now - timedelta(days=300), ROWS
    quiet_integration = (
        await alerts.create_integration(tx, TEST, service_id=quiet, name="probe", now=w.now)
    ).id
    pick = f"case when n % 200 = 0 then {quiet} else {w.service} end"
    pick_integration = f"case when n % 200 = 0 then {quiet_integration} else {w.integration} end"
    await tx.execute(
        f"""
        insert into alert_group (integration_id, service_id, key, title, urgency, opened_at, closed_at, last_at,
            alerts, firing, events, lead_key, lead_severity)
        select {pick_integration}, {pick}, 'k' || n, 'Old', 'high', $1, $1, $1, 1, 0, 1, 'k', 'critical'
        from generate_series(1, {last}) n
        """,
        start,
    )
    await tx.execute(
        """
        insert into alert (integration_id, dedup_key, group_id, status, title, starts_at, last_seen, hi_at,
            hi_rank, count, hi_seen)
        select g.integration_id, 'k' || g.id, g.id, 'resolved', 'Old', $1, $1, $1, 1, 1, $1
        from alert_group g
        """,
        start,
    )
    await tx.execute(
        """
        insert into page (subject_kind, subject_id, service_id, plan, title, urgency, state, triggered_at,
            resolved_at)
        select 'group', id, service_id, '{"name": "x", "levels": [], "repeat": 0, "ack_timeout_s": null}', 'Old',
            'high', 'resolved', $1, $1::timestamptz + id * interval '1 minute'
        from alert_group
        """,
        start,
    )
    await tx.execute(
        f"""
        insert into incident (title, severity, max_severity, phase, detected_at, declared_at, severity_at,
            closed_at)
        select 'Old', 2, 2, 'closed', $1, $1, $1, $1
        from generate_series(1, {last}) n
        """,
        start,
    )
    await tx.execute(
        f"insert into incident_service (incident_id, service_id) select id, {pick.replace('n %', 'id %')}"
        " from incident"
    )
    await tx.execute("insert into incident_page (incident_id, page_id) select id, id from incident")


async def test_the_page_of_a_service_reads_no_table_from_end_to_end(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        async with w.ctx.db.tx() as tx:
            quiet = await catalog.create_service(tx, TEST, name="Quiet", team_id=1, now=w.now)
        await grow(w, quiet.id)
        for slug in ("checkout", "quiet"):
            async with w.ctx.db.tx() as tx:
                explained = Explained.of(tx)
                service = await overview(explained, await catalog.by_slug(tx, slug), w.now)
                assert explained.walks() == []
                assert len(service.last_pages) == len(service.incidents) == len(service.alerts) == 10
                assert [v.page.id for v in service.last_pages] == sorted(
                    (v.page.id for v in service.last_pages), reverse=True
                )
                assert service.health.since == max(v.page.resolved_at for v in service.last_pages)  # type: ignore[type-var]


async def test_the_alerts_of_a_service_come_from_its_index(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        async with w.ctx.db.tx() as tx:
            quiet = await catalog.create_service(tx, TEST, name="Quiet", team_id=1, now=w.now)
        await grow(w, quiet.id)
        async with w.ctx.db.tx() as tx:
            explained = Explained.of(tx)
            for service_id in (w.service, quiet.id):
                for firing in (False, True):
                    wanted = AlertFilter(service_id, firing)
                    listed = await list_filter_store.newest_matching(explained, (), ROWS, 101, wanted)
                    assert len(listed.ids) == (0 if firing else 99 if service_id == quiet.id else 101)
            assert explained.walks() == []
            indexes = ("alert_of_integration", "alert_firing")
            assert [plan for plan in explained.plans if not any(i in plan for i in indexes)] == []


async def test_the_bars_of_a_service_read_no_counters_of_others(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, w.ctx.db.tx() as tx:
        await tx.execute(
            """
            insert into service (name, slug, team_id, created_at)
            select 'Service ' || i, 'service-' || i, 1, $1
            from generate_series(1, 50) i
            """,
            w.now,
        )
        await tx.execute(
            """
            insert into alert_count (quarter, service_id, alerts)
            select quarter, service.id, 1
            from service
            cross join generate_series($1::timestamptz, $2::timestamptz, interval '3 hours') quarter
            """,
            alerts.quarter_of(w.now) - timedelta(days=60),
            alerts.quarter_of(w.now),
        )
        await tx.execute("analyze alert_count")
        explained = Explained.of(tx)
        for service_ids in (
            [w.service],
            await tx.value("select array_agg(id) from service where id % 5 = 0"),
        ):
            assert len(await alert_bars(explained, service_ids, timedelta(days=1), 30, w.now)) == len(
                service_ids
            )
        assert ["alert_count_of_service" in plan for plan in explained.plans] == [True, True]


async def test_the_bars_of_a_service_have_each_quarter_of_their_range_and_no_other(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w, w.ctx.db.tx() as tx:
        last = alerts.quarter_of(w.now)
        first = last - 2 * timedelta(days=1) + alerts.QUARTER
        counted = {first - alerts.QUARTER: 1000, first: 1, last - timedelta(days=1): 20, last: 300}
        await tx.many(
            "insert into alert_count (service_id, quarter, alerts) values ($1, $2, $3)",
            [(w.service, quarter, number) for quarter, number in counted.items()],
        )
        bars = await alert_bars(tx, [w.service], timedelta(days=1), 2, w.now)
        assert bars == {w.service: (21, 300)}


async def test_the_pages_of_a_service_are_the_same_in_one_read_as_in_three(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        for title in ("a", "b", "c", "d"):
            await w.alert(title, labels={"service": title})
        await w.settle()
        async with w.ctx.db.tx() as tx:
            await tx.execute("update page set state = 'resolved', resolved_at = $1 where id % 2 = 0", w.now)
        async with w.ctx.db.tx() as tx:
            (service,) = await catalog.services(tx)
            (policy,) = (await paging.policies_by_id(tx, [service.policy_id or 0])).values()
            with statements(tx) as logged:
                pages = await page_queries.of_service(tx, service, policy, 10, w.now)
            in_one = len(logged)
            with statements(tx) as logged:
                apart = [
                    await page_queries.page_details(tx, [details.page for details in listed], w.now)
                    for listed in (pages.open, pages.resolved)
                ]
                steps = await page_queries.steps(tx, policy, service.team_id, w.now)
        assert [[details.page.state for details in listed] for listed in (pages.open, pages.resolved)] == [
            ["triggered", "triggered"],
            ["resolved", "resolved"],
        ]
        assert [pages.open, pages.resolved] == apart
        assert pages.steps == steps
        assert steps[0].people == ((w.mara, "Mara Lindqvist"),)
        assert in_one < len(logged)
