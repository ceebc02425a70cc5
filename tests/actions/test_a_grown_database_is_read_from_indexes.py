"""No page, list or search of a grown database reads a whole large table: PostgreSQL's own plans."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from bench.workloads.year_of_history import LISTS, PAGES, SEARCHES, seed

from firebell.alerts import actions as alerts
from firebell.kit.clock import FakeClock
from firebell.kit.db.database import Reads
from firebell.oncall.schedules import queries as oncall
from tests.actions.test_lists_read_from_indexes import whole_reads
from tests.api.api_clients import browser, sign_in
from tests.world import World, world

ALERTS = 100_000
LARGE = {
    *("alert", "alert_group", "alert_count", "event", "seen_event"),
    *("page", "page_log", "page_owner", "delivery"),
    *(
        "incident",
        "incident_page",
        "incident_role",
        "incident_service",
        "timeline_entry",
        "postmortem",
        "audit",
    ),
}
Plans = list[tuple[str, Any]]


@contextmanager
def explained(monkeypatch: pytest.MonkeyPatch) -> Iterator[Plans]:
    """Collect each statement that reads in the block, with its plan."""
    plans: Plans = []
    fetch = Reads.fetch

    def explaining(name: str) -> Any:
        read = getattr(Reads, name)

        async def explain(self: Reads, sql: str, *args: Any) -> Any:
            if sql.split(maxsplit=1)[0] in ("select", "with"):
                rows = await fetch(self, f"explain (format json) {sql}", *args)
                plans.append((" ".join(sql.split()), json.loads(rows[0][0])))
            return await read(self, sql, *args)

        return explain

    with monkeypatch.context() as patch:
        for name in ("fetch", "row", "value"):
            patch.setattr(Reads, name, explaining(name))
        yield plans


async def addresses(w: World) -> list[str]:
    """Fill the database and return the addresses that the bench reads."""
    async with w.ctx.db.tx() as tx:
        await tx.execute(
            """
            insert into person (name, email, role, tz, created_at)
            select 'Person ' || i, 'person' || i || '@example.org', 'responder', 'UTC', now()
            from generate_series(0, 19) i
            """
        )
    await seed(w.ctx.db.dsn, ALERTS)
    async with w.ctx.db.tx() as tx:
        chosen = {
            "schedule": (await oncall.schedules(tx))[0].slug,
            "page": await tx.value("select max(id) - 7 from page"),
            "incident": await tx.value("select max(incident_id) from postmortem"),
            "alert": await tx.value("select max(id) - 7 from alert"),
            "key": "50-3",
        }
    return [path.format(**chosen) for path in (*PAGES, *LISTS, *SEARCHES)]


async def test_no_page_list_or_search_reads_a_whole_table(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(dsn, FakeClock(datetime.now(UTC))) as w, browser(w) as http:
        paths = await addresses(w)
        await sign_in(w, http, w.mara)
        whole: dict[str, list[str]] = {}
        for path in paths:
            with explained(monkeypatch) as plans:
                answer = await http.get(path)
            assert answer.status_code == 200, path
            assert plans
            for sql, plan in plans:
                if tables := whole_reads(plan) & LARGE:
                    whole.setdefault(f"{sorted(tables)} {sql[:200]}", []).append(path)
    assert whole == {}, json.dumps(whole, indent=1)


def node_types(plan: Any) -> set[str]:
    """Return the types of all nodes of a plan."""
    if isinstance(plan, list):
        return set().union(*(node_types(part) for part in plan))
    if not isinstance(plan, dict):
        return set()
    own = {plan["Node Type"]} if "Node Type" in plan else set()
    return own.union(*(node_types(part) for part in plan.values()))


async def test_a_message_about_a_storm_sorts_none_of_its_alerts(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(dsn, clock) as w, w.ctx.db.tx() as tx:
        group_id = await tx.value(
            """
            insert into alert_group (integration_id, service_id, title, urgency, opened_at, last_at, alerts, firing,
                events)
            values ($1, $2, 'storm', 'high', $3, $3, 20000, 10000, 20000)
            returning id
            """,
            w.integration,
            w.service,
            w.now,
        )
        await tx.execute(
            """
            insert into alert (integration_id, dedup_key, group_id, status, title, severity, starts_at, last_seen,
                hi_at, hi_seen, hi_rank, count)
            select $1, i::text, $2, case when i % 2 = 0 then 'firing' else 'resolved' end, 'alert ' || i,
                (array['info', 'critical', 'warning'])[1 + i % 3], $3, $3, $3, $3, 0, 1
            from generate_series(1, 20000) i
            """,
            w.integration,
            group_id,
            w.now,
        )
        await tx.execute("analyze alert")
        with explained(monkeypatch) as plans:
            listed = (await alerts.alerts_of_groups(tx, [group_id], 20))[group_id]
        assert [(alert.status, alert.severity) for alert in listed] == [("firing", "critical")] * 20
        assert [alert.id for alert in listed] == sorted((alert.id for alert in listed), reverse=True)
        (plan,) = (plan for _, plan in plans)
        assert not {"Sort", "Incremental Sort", "Seq Scan"} & node_types(plan), json.dumps(plan)
