"""No filter of a list reads a whole table: PostgreSQL's own plans, on 20,000 rows."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from firebell.alerts import read_store
from firebell.alerts.change_events import store as change_event_store
from firebell.alerts.model import AlertFilter
from firebell.alerts.time_range import TimeRange
from firebell.incidents.declaring import similar_queries
from firebell.incidents.incident_list import list_numbers_store
from firebell.incidents.incident_list import store as incident_list_store
from firebell.incidents.incident_list.filtering import STATES
from firebell.incidents.model import IncidentFilter, Sort
from firebell.kit.db.database import Db, Tx
from firebell.kit.jobs import timers
from firebell.monitoring import readings_store
from firebell.paging.actions import PAGE_LANE_KINDS
from firebell.paging.model import OPEN, PageFilter, PageState
from firebell.paging.night_limit import store as night_limit_store
from firebell.paging.night_limit.rules import PersonNight
from firebell.paging.page_list import store as list_store
from firebell.paging.page_list.pagination import parts
from tests.alert_search import search

START = datetime(2026, 11, 1, tzinfo=UTC)
LATE = datetime(2026, 11, 20, tzinfo=UTC)
TABLES = {"page", "page_owner", "delivery", "incident", "incident_role", "incident_service", "postmortem"}


async def fill(tx: Tx) -> None:
    """Insert 50 teams with a service each, and 20,000 pages of which one in a hundred is open."""
    await tx.execute(
        """
        insert into team (name, slug, created_at)
        select 'Team ' || i, 'team-' || i, $1
        from generate_series(1, 50) i
        """,
        START,
    )
    await tx.execute(
        """
        insert into service (name, slug, team_id, created_at)
        select 'Service ' || id, 'service-' || id, id, $1
        from team
        """,
        START,
    )
    await tx.execute(
        """
        insert into person (name, email, role, tz, created_at)
        select 'Person ' || i, 'p' || i || '@example.org', 'responder', 'UTC', $1
        from generate_series(1, 50) i
        """,
        START,
    )
    await tx.execute(
        """
        insert into page (subject_kind, subject_id, service_id, team_id, plan, title, urgency, state, triggered_at)
        select 'group', i, i % 50 + 1, i % 50 + 1, '{}', 'alert ' || i,
            case when i % 10 = 0 then 'low' else 'high' end,
            case when i % 100 = 0 then 'triggered' when i % 100 = 1 then 'acked' else 'resolved' end,
            $1::timestamptz + i * interval '2 minutes'
        from generate_series(1, 20000) i
        """,
        START,
    )
    await tx.execute(
        """
        insert into page_owner (page_id, person_id, at)
        select id, id % 50 + 1, triggered_at
        from page
        where state <> 'triggered'
        """
    )
    await tx.execute(
        """
        insert into delivery (subject_kind, subject_id, epoch, level, round, person_id, method_id, rule_index,
            rank, reason, channel, address, idempotency_key, state, send_at, created_at)
        select 'page', id, 1, 0, 0, id % 50 + 1, 1, 0, 1, 'page', 'email', 'a@example.org', 'key-' || id,
            'accepted', triggered_at, triggered_at
        from page
        """
    )
    for table in ("page", "page_owner", "delivery", "team", "service"):
        await tx.execute(f"analyze {table}")


@contextmanager
def explained(monkeypatch: pytest.MonkeyPatch, method: str = "fetch") -> Iterator[list[Any]]:
    """Collect the plan of each statement that is read by a method in the block."""
    plans: list[Any] = []
    fetch, read = Tx.fetch, getattr(Tx, method)

    async def explain(self: Tx, sql: str, *args: Any) -> Any:
        # explained before it is read: the plan that this very statement gets
        rows = await fetch(self, f"explain (format json) {sql}", *args)
        plans.append(json.loads(rows[0][0]))
        return await read(self, sql, *args)

    with monkeypatch.context() as patch:
        patch.setattr(Tx, method, explain)
        yield plans


def whole_reads(plan: Any) -> set[str]:
    """Return the tables that a plan reads from their beginning to their end."""
    if isinstance(plan, list):
        return set().union(*(whole_reads(part) for part in plan))
    if not isinstance(plan, dict):
        return set()
    own = {plan["Relation Name"]} if plan.get("Node Type") == "Seq Scan" else set()
    return own.union(*(whole_reads(part) for part in plan.values() if isinstance(part, dict | list)))


def conditions_on(table: str, plan: Any) -> list[str]:
    """Return the condition of each index search on a table, "" for one without a condition."""
    if isinstance(plan, list):
        return [condition for part in plan for condition in conditions_on(table, part)]
    if not isinstance(plan, dict):
        return []
    own = [plan.get("Index Cond", "")] if plan.get("Relation Name") == table else []
    return own + conditions_on(table, [part for part in plan.values() if isinstance(part, dict | list)])


FILTERS = {
    "none": PageFilter(),
    "service": PageFilter(service_id=7),
    "teams": PageFilter(team_ids=(3, 7, 9)),
    "person": PageFilter(person_id=7),
    "urgency": PageFilter(urgency="low"),
    "since": PageFilter(since=LATE),
    "until": PageFilter(until=LATE),
    "days": PageFilter(since=LATE, until=datetime(2026, 11, 21, tzinfo=UTC)),
    "words": PageFilter(words=("alert", "77")),
    "service and urgency": PageFilter(service_id=7, urgency="low"),
    "service and days": PageFilter(service_id=7, since=LATE),
    "teams and words": PageFilter(team_ids=(3, 7), words=("alert",)),
    "person and service": PageFilter(person_id=7, service_id=8),
    "all": PageFilter(("alert",), 8, (8,), 7, "high", START, LATE),
}


async def test_no_filter_of_pages_reads_the_whole_table(db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    whole: dict[str, set[str]] = {}
    async with db.tx() as tx:
        await fill(tx)
        for name, wanted in FILTERS.items():
            for states in (tuple(OPEN), (PageState.RESOLVED,)):
                with explained(monkeypatch) as plans:
                    first = await list_store.walk(tx, parts(states, None), wanted, limit=101)
                    counts = await list_store.counts(tx, wanted)
                    ids = await list_store.matching_ids(tx, states, wanted, 1000)
                assert len(plans) == 3
                assert {page.id for _, page in first} <= set(ids)
                assert sum(counts.get(state, 0) for state in states) >= len(first), name
                if tables := whole_reads(plans) & TABLES:
                    whole[f"{name} {states[0]}"] = tables
    assert whole == {}, whole


async def test_the_night_limit_reads_only_the_messages_of_the_night(
    db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read before a level is entered, in the way of every page at night."""
    async with db.tx() as tx:
        await fill(tx)
        await tx.execute("update delivery set sent_at = send_at")
        await tx.execute("analyze delivery")
        last = await tx.value("select max(sent_at) from delivery")
        night = PersonNight(last.date(), last - timedelta(hours=9), last)
        with explained(monkeypatch) as plans:
            pages = await night_limit_store.pages_of_nights(tx, dict.fromkeys(range(1, 51), night))
        assert sum(map(len, pages.values())) == 243
    assert whole_reads(plans) & TABLES == set()


async def test_no_filter_of_alerts_reads_the_whole_table(db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    async with db.tx() as tx:
        await fill(tx)
        await tx.execute(
            """
            insert into integration (service_id, name, key, created_at)
            select id, 'Alerts', 'key-' || id, $1
            from service
            """,
            START,
        )
        await tx.execute(
            """
            insert into alert (integration_id, dedup_key, status, title, starts_at, last_seen, hi_at, hi_rank,
                hi_seen, count)
            select i % 50 + 1, 'key ' || i, case when i % 100 = 0 then 'firing' else 'resolved' end, 'alert ' || i,
                at, at, at, 0, at, 1
            from (
                select i, $1::timestamptz + i * interval '1 minute' as at
                from generate_series(1, 20000) i
            ) numbered
            """,
            START,
        )
        await tx.execute("insert into muted_alert select id, integration_id from alert where id % 7 = 0")
        for table in ("alert", "muted_alert", "integration"):
            await tx.execute(f"analyze {table}")
        for service_id, is_firing, query in product((None, 7), (False, True), ("", "alert", "77")):
            wanted = (service_id, is_firing, query)
            with explained(monkeypatch) as plans:
                muted = AlertFilter(service_id, is_firing, is_muted=True)
                listed = await search(tx, query, muted, limit=101)
            assert all(alert.id % 7 == 0 for alert in listed)
            # no alert of service 7 fires
            assert bool(listed) == (service_id is None or not is_firing), wanted
            assert whole_reads(plans) & {"alert", "muted_alert"} == set(), wanted
        with explained(monkeypatch, "row") as plans:
            assert await read_store.firing_test(tx, 7) is None
            assert await change_event_store.newest_of_integration(tx, 7) is None
        names = json.dumps(plans)
        assert ("alert_test" in names, "change_event_of_integration" in names) == (True, True), plans
        # alerts 7,000 to 7,099 began in this range, and the ids of two days around it are read
        started = TimeRange(START + timedelta(minutes=7000), START + timedelta(minutes=7100))
        low, high = await read_store.ids_of_range(tx, started)
        assert (7000 - low, high - 7099) == (1451, 1452)
        # alerts that were stored while the clock was ahead or behind bound nothing
        for alert_id, minute in ((5000, 8551), (9000, 5549)):
            at = START + timedelta(minutes=minute)
            await tx.execute("update alert set starts_at = $2 where id = $1", alert_id, at)
        assert await read_store.ids_of_range(tx, started) == (low, high)
        for service_id, is_firing, is_muted in product((None, 7), (False, True), (False, True)):
            in_range = AlertFilter(service_id, is_firing, is_muted, started)
            expected = {
                i
                for i in range(7000, 7100)
                if (i % 50 == 6 or not service_id) and (i % 100 == 0 or not is_firing)
                if i % 7 == 0 or not is_muted
            }
            with explained(monkeypatch) as plans:
                listed = await search(tx, "alert" if is_muted else "", in_range, limit=101)
            assert {alert.id for alert in listed} == expected, in_range
            # all that are in the range are compared, so that the words are not looked up among all alerts
            assert "alert_search" not in json.dumps(plans), in_range
            assert whole_reads(plans) & {"alert", "muted_alert"} == set(), in_range


async def fill_incidents(tx: Tx) -> None:
    """Insert 20,000 incidents, of which one in a hundred is open, with a service and a commander each."""
    await tx.execute(
        """
        insert into incident (title, severity, max_severity, phase, detected_at, declared_at, severity_at, closed_at)
        select 'incident ' || i, i % 4, 0, case when i % 100 = 0 then 'mitigating' else 'reviewed' end, at, at, at,
            case when i % 100 > 0 then at + i % 50 * interval '1 hour' end
        from (
            select i, $1::timestamptz + i * interval '2 hours' as at
            from generate_series(1, 20000) i
        ) numbered
        """,
        START,
    )
    await tx.execute("insert into incident_service select id, id % 50 + 1 from incident")
    await tx.execute(
        """
        insert into incident_role (incident_id, role, person_id, from_at)
        select id, 'commander', id % 50 + 1, declared_at
        from incident
        """
    )
    await tx.execute(
        """
        insert into postmortem (incident_id, body, state, due_at, created_at, updated_at)
        select id, '', case when id % 100 = 7 then 'draft' else 'published' end, $1, $1, $1
        from incident
        where phase = 'reviewed'
        """,
        START,
    )
    for table in ("incident", "incident_service", "incident_role", "postmortem"):
        await tx.execute(f"analyze {table}")


OF_INCIDENTS = {
    "none": IncidentFilter(),
    "severities": IncidentFilter(severities=(0, 1)),
    "service": IncidentFilter(service_id=7),
    "commander": IncidentFilter(commander_id=7),
    "month": IncidentFilter(since=LATE, until=LATE + timedelta(days=30)),
    "words": IncidentFilter(words=("incident", "77")),
    "among few": IncidentFilter(among=(7, 77, 8000)),
    "service and commander": IncidentFilter(service_id=7, commander_id=7),
    "service, severity and month": IncidentFilter(service_id=7, severities=(2,), since=LATE),
    "all": IncidentFilter((), None, (2,), 7, 7, START, LATE, ("incident",)),
}


async def test_no_filter_of_incidents_reads_the_whole_table(db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    whole: dict[str, set[str]] = {}
    async with db.tx() as tx:
        await fill(tx)
        await fill_incidents(tx)
        for name, wanted in OF_INCIDENTS.items():
            tabs = {
                state: replace(wanted, phases=tab.phases, drill=tab.drill, postmortem_due=tab.postmortem_due)
                for state, tab in STATES.items()
            }
            for state, filtered in tabs.items():
                for sort in Sort:
                    with explained(monkeypatch) as plans:
                        await incident_list_store.incidents(tx, filtered, sort, limit=51)
                        await incident_list_store.incidents(tx, filtered, sort, limit=51, place=9000)
                    if tables := whole_reads(plans) & TABLES:
                        whole[f"{name} {state} {sort}"] = tables
            with explained(monkeypatch) as plans:
                await incident_list_store.searched_once(tx, wanted)
                await incident_list_store.counts(tx, tabs)
                # without a service, commander or words, an index is counted, whose pages are visible after a vacuum
                if wanted.service_id or wanted.commander_id or wanted.words:
                    await list_numbers_store.tallies(tx, wanted, [START, LATE])
                for filtered in tabs.values():
                    ids = await list_numbers_store.newest_ids(tx, filtered)
                    await list_numbers_store.services(tx, ids)
                    await list_numbers_store.commanders(tx, ids)
                    await list_numbers_store.numbers(tx, ids, LATE)
                await similar_queries.similar_incidents(tx, "incident 77 again", LATE)
            if tables := whole_reads(plans) & TABLES:
                whole[f"{name} counts"] = tables
    assert whole == {}, whole


async def test_counts_stop_at_a_thousand(db: Db) -> None:
    async with db.tx() as tx:
        await fill(tx)
        counts = await list_store.counts(tx)
    assert counts == {"triggered": 200, "acked": 200, "resolved": list_store.COUNTED + 1}


async def fill_timers(tx: Tx) -> None:
    """Insert 40,000 timers that are due later, and two that are overdue."""
    await tx.execute("delete from due")
    await tx.execute(
        """
        insert into due (kind, key, due_at)
        select 'later.' || i % 40, i::text, $1::timestamptz + make_interval(secs => i)
        from generate_series(1, 40000) i
        """,
        LATE,
    )
    await tx.execute(
        """
        insert into due (kind, key, due_at)
        values
            ('paging.page', '1', $1::timestamptz - interval '3 s'),
            ('later.7', 'x', $1::timestamptz - interval '7 s')
        """,
        LATE,
    )
    await tx.execute("analyze due")


async def test_a_scrape_reads_only_overdue_timers(db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    async with db.tx() as tx:
        await fill_timers(tx)
        with explained(monkeypatch) as plans:
            readings = await readings_store.readings(tx, LATE)
    assert readings.overdue_timers == {True: 1, False: 1}
    assert readings.oldest_timer_s == {True: 3.0, False: 7.0}
    assert "due" not in whole_reads(plans)
    # searched by time alone, an index that begins with the kind is read from end to end
    by_time = [condition for condition in conditions_on("due", plans) if "due_at" in condition]
    assert by_time
    assert all("kind" in condition for condition in by_time), by_time


async def test_a_health_check_reads_only_timers_that_are_overdue_or_for_pages(
    db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with db.tx() as tx:
        await fill_timers(tx)
        await tx.execute("update due set attempts = 3 where kind = 'paging.page'")
        with (
            explained(monkeypatch, "row") as rows,
            explained(monkeypatch, "value") as values,
            explained(monkeypatch) as plans,
        ):
            trouble = await timers.trouble(tx, LATE, PAGE_LANE_KINDS, 3)
    assert trouble == timers.Trouble(2, LATE - timedelta(seconds=7), 1)
    assert "due" not in whole_reads([*rows, *values, *plans])
