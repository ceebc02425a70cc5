"""Filters of the list of incidents in the browser, over JSON and as CSV; no matching incident is missing."""

import csv
import io
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from firebell.kit.clock import FakeClock
from tests.api.api_clients import Api, browser, key_of
from tests.api.test_filters_of_the_list_of_pages import totals
from tests.api.test_long_lists_on_the_web import link, read, signed_in
from tests.world import World, world


@pytest.fixture
async def w(dsn: str, clock: FakeClock) -> AsyncIterator[World]:
    """Five incidents: a long and a short closed one, two that run, and a drill."""
    async with world(dsn, clock) as opened:
        await fill(opened)
        yield opened


async def fill(w: World) -> None:
    """Insert INC-1 to INC-5."""
    rows = [
        ("Search is down", 1, "closed", False, -600, -540),
        ("Invoices =sent twice", 2, "reviewed", False, -40 * 24 * 60, -40 * 24 * 60 + 300),
        ("Checkout is slow", 2, "mitigating", False, -50, None),
        ("Search is slow", 3, "investigating", False, -10, None),
        ("Region lost", 0, "closed", True, -300, -200),
    ]
    async with w.ctx.db.tx() as tx:
        for title, severity, phase, drill, declared, closed in rows:
            at = w.now + timedelta(minutes=declared)
            await tx.execute(
                """
                insert into incident (title, severity, max_severity, phase, drill, detected_at, declared_at,
                    severity_at, closed_at)
                values ($1, $2, $2, $3, $4, $5, $5, $5, $6)
                """,
                title,
                severity,
                phase,
                drill,
                at,
                None if closed is None else w.now + timedelta(minutes=closed),
            )
        await tx.execute("insert into incident_service values (1, $1), (3, $1)", w.service)
        await tx.execute(
            """
            insert into incident_role (incident_id, role, person_id, from_at)
            values (1, 'commander', $1, $3), (3, 'commander', $2, $3)
            """,
            w.mara,
            w.jun,
            w.now,
        )
        await tx.execute(
            """
            insert into postmortem (incident_id, body, state, due_at, created_at, updated_at)
            values (1, 'x', 'draft', $1, $1, $1), (2, 'x', 'published', $1, $1, $1)
            """,
            w.now,
        )


def rows_of(page: str) -> list[str]:
    """Return the incidents of the table, in order."""
    return re.findall(r'class="t" href="/incidents/(INC-\d+)"', page)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [3, 4]),
        ("sort=newest", [4, 3]),
        ("state=ongoing", [3, 4]),
        ("state=postmortem", [1]),
        ("state=closed", [2, 1]),
        ("state=all", [4, 3, 2, 1]),
        ("state=drill", [5]),
        ("state=all&severity=1,2", [3, 2, 1]),
        ("state=all&severity=1&severity=3", [4, 1]),
        ("state=all&service=checkout", [3, 1]),
        ("state=all&commander=1", [1]),
        ("state=all&commander=me", [1]),
        ("state=all&commander=2&service=checkout", [3]),
        ("state=all&month=2026-10", [2]),
        ("state=all&month=2026-11", [4, 3, 1]),
        ("state=all&q=SLOW+search", [4]),
        ("state=all&sort=longest", [3, 4, 2, 1]),
        ("state=postmortem&service=checkout&commander=me&severity=1&q=search&month=2026-11", [1]),
    ],
)
async def test_each_filter_shows_its_incidents_and_no_other(
    w: World, query: str, expected: list[int]
) -> None:
    async with browser(w) as http:
        await signed_in(http)
        assert rows_of(await read(http, f"/incidents?{query}")) == [f"INC-{n}" for n in expected]
        answer = await http.get(f"/incidents.csv?{query.replace('severity=1&severity=3', 'severity=1,3')}")
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert [row["incident"] for row in rows] == [f"INC-{n}" for n in expected]


async def test_tabs_count_what_the_other_filters_leave(w: World) -> None:
    async with browser(w) as http:
        await signed_in(http)
        counts = {"open": "2", "postmortem": "1", "closed": "2", "all": "4", "drill": "1"}
        assert totals(await read(http, "/incidents")) == counts
        narrowed = {"open": "1", "postmortem": "1", "closed": "1", "all": "2", "drill": "0"}
        assert totals(await read(http, "/incidents?service=checkout")) == narrowed


async def test_phase_commander_service_and_next_duty_are_in_every_row(w: World) -> None:
    async with browser(w) as http:
        await signed_in(http)
        page = await read(http, "/incidents?state=all&q=search+down")
        row = page.partition("<tbody>")[2].partition("</tr>")[0]
        assert "hide-s" not in row
        for text in ("Closed", "Checkout", "Mara Lindqvist", "1 h", "/post-mortems/INC-1"):
            assert text in row
        drill = await read(http, "/incidents?state=drill")
        assert ">Drill</span>" in drill.partition("<tbody>")[2]


async def test_the_spreadsheet_has_all_rows_and_runs_no_title(w: World) -> None:
    async with browser(w) as http:
        await signed_in(http)
        async with w.ctx.db.tx() as tx:
            await tx.execute(
                """
                insert into incident (title, severity, max_severity, phase, detected_at, declared_at, severity_at)
                select '=1+' || i, 2, 2, 'declared', $1, $1, $1
                from generate_series(1, 1200) i
                """,
                w.now,
            )
        answer = await http.get("/incidents.csv")
        assert answer.headers["content-type"].startswith("text/csv")
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert len(rows) == 1202
        assert len({row["incident"] for row in rows}) == 1202
        assert rows[0]["title"] == "'=1+1200"


@pytest.mark.parametrize("sort", ["newest", "longest"])
async def test_a_walk_in_either_order_shows_each_incident_once(w: World, sort: str) -> None:
    async with browser(w) as http:
        async with w.ctx.db.tx() as tx:
            await tx.execute(
                """
                insert into incident (title, severity, max_severity, phase, detected_at, declared_at, severity_at,
                    closed_at)
                select 'incident ' || i, 2, 2, 'closed', $1, $1, $1, $1::timestamptz + i % 7 * interval '1 hour'
                from generate_series(1, 120) i
                """,
                w.now,
            )
        await signed_in(http)
        parts, address = [], f"/incidents?state=all&sort={sort}"
        while address:
            page = await read(http, address)
            parts.append(rows_of(page))
            address = link(page, "next")
        shown = [ref for part in parts for ref in part]
        assert [len(part) for part in parts] == [50, 50, 24]
        assert len(set(shown)) == 124
        api = Api(http, await key_of(w.ctx.db, w.clock, w.mara))
        query: dict[str, Any] = {
            "sort": sort,
            "phase": ["closed", "reviewed", "mitigating", "investigating"],
            "limit": 124,
        }
        assert [i["ref"] for i in await api("GET", "/incidents", **query)] == shown


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("severity=4", "severity"),
        ("severity=1,,2", "severity"),
        (f"severity={'1,' * 500}1", "severity"),
        ("service=nowhere", "service"),
        ("service=%00", "service"),
        ("commander=nobody@example.org", "commander"),
        ("commander=%00", "commander"),
        ("commander=99999999999999999999", "commander"),
        ("month=November", "month"),
        ("month=2026-13", "month"),
        ("month=0000-01", "month"),
        ("month=9999-12", "month"),
        ("q=%00", "q"),
        (f"q={'x' * 10000}", "q"),
    ],
)
async def test_a_filter_that_is_wrong_names_itself(w: World, query: str, field: str) -> None:
    async with browser(w) as http:
        await signed_in(http)
        answer = await http.get(f"/incidents?{query}")
        assert answer.status_code == 422
        assert rows_of(answer.text) == []
        assert "Clear filters" in answer.text
        assert (await http.get(f"/incidents.csv?{query}")).status_code == 422
        key = await key_of(w.ctx.db, w.clock, w.mara)
        wrong = await http.get(f"/api/v1/incidents?{query}", headers={"Authorization": f"Bearer {key}"})
        assert wrong.status_code == 422, wrong.text
        assert [error["field"] for error in wrong.json()["errors"]] == [field]


async def test_a_place_that_is_not_there_is_the_start_of_the_list(w: World) -> None:
    async with browser(w) as http:
        await signed_in(http)
        for query in ("sort=longest&before=99", "sort=longest&before=x", "before=1", "after=0"):
            answer = await http.get(f"/incidents?state=all&{query}")
            assert answer.status_code == 303, query
            assert re.match(r"/incidents\?state=all(&sort=longest)?$", answer.headers["location"])


async def test_a_post_mortem_that_was_withdrawn_is_not_due(w: World) -> None:
    async with w.ctx.db.tx() as tx:
        await tx.execute("update postmortem set state = 'withdrawn' where incident_id = 1")
    async with browser(w) as http:
        await signed_in(http)
        assert rows_of((await http.get("/incidents?state=postmortem")).text) == []
        page = (await http.get("/incidents?state=closed")).text
        assert '<a href="/post-mortems/INC-1">Withdrawn</a>' in page
        assert "<dt>Post-mortems due</dt><dd>0</dd>" in page
        searched = (await http.get("/incidents?state=closed&q=search")).text
        assert "<dt>Post-mortems due</dt><dd>0</dd>" in searched


async def test_json_filters_are_the_same(w: World) -> None:
    async with browser(w) as http:
        api = Api(http, await key_of(w.ctx.db, w.clock, w.mara))

        async def listed(**query: Any) -> list[str]:
            return [incident["ref"] for incident in await api("GET", "/incidents", **query)]

        assert await listed() == ["INC-4", "INC-3"]
        assert await listed(severity=["SEV3", "2"]) == ["INC-4", "INC-3"]
        assert await listed(severity="3") == ["INC-4"]
        assert await listed(service="checkout", phase=["closed", "mitigating"]) == ["INC-3", "INC-1"]
        assert await listed(commander="mara@example.org", phase="closed") == ["INC-1"]
        assert await listed(postmortem_due="true") == ["INC-1"]
        assert await listed(month="2026-10", phase="reviewed") == ["INC-2"]
        assert await listed(q="slow", sort="longest") == ["INC-3", "INC-4"]
