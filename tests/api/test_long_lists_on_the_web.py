"""Lists and choices of a large organization on the web: everything can be reached without scripts."""

import re
from typing import Any

import httpx

from firebell.kit.clock import FakeClock
from firebell.postmortems.postmortem_list import indexing
from tests.api.api_clients import browser
from tests.world import ANSWERS, World, world


async def signed_in(http: httpx.AsyncClient) -> httpx.AsyncClient:
    """Sign in as the admin."""
    await http.post("/login", data={"email": ANSWERS.email, "password": ANSWERS.password})
    return http


async def read(http: httpx.AsyncClient, address: str) -> str:
    """Return a page, following redirects."""
    answer = await http.get(address, follow_redirects=True)
    assert answer.status_code == 200, answer.text
    return answer.text


def refs(page: str, kind: str) -> list[str]:
    """Return the links of a list's rows, in order."""
    part = page.partition('id="list"')[2].partition('class="pane"')[0]
    return re.findall(rf'<a[^>]*href="/[\w-]+/({kind}-\d+)"', part)


def link(page: str, rel: str) -> str:
    """Return the address of the next or previous part of a list."""
    match = re.search(rf'rel="{rel}" href="([^"]+)"', page)
    return match[1].replace("&amp;", "&") if match else ""


async def walk(http: httpx.AsyncClient, address: str, kind: str) -> list[list[str]]:
    """Return the rows of each part of a list, following Older."""
    parts = []
    while address:
        page = await read(http, address)
        parts.append(refs(page, kind))
        address = link(page, "next")
    return parts


async def storm(w: World, count: int) -> None:
    """Open `count` pages, each of a group of its own."""
    for number in range(count):
        await w.alert(f"alert {number}", labels={"service": f"part-{number}"})


async def add_services(w: World, count: int) -> None:
    """Add services called Service 001 and so on."""
    async with w.ctx.db.tx() as tx:
        await tx.execute(
            """
            insert into service (name, slug, team_id, created_at)
            select 'Service ' || lpad(i::text, 3, '0'), 'service-' || lpad(i::text, 3, '0'), 1, $2
            from generate_series(1, $1) i
            """,
            count,
            w.now,
        )


async def test_bug_the_inbox_ended_after_a_hundred_pages(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await storm(w, 237)
        await w.ack(w.mara, 230)
        await signed_in(http)
        parts = await walk(http, "/pages", "PG")
        expected = [*(f"PG-{number}" for number in range(237, 0, -1) if number != 230), "PG-230"]
        assert [ref for part in parts for ref in part] == expected
        assert [len(part) for part in parts] == [100, 100, 37]
        second = await read(http, link(await read(http, "/pages"), "next"))
        assert refs(await read(http, link(second, "prev")), "PG") == parts[0]
        third = await read(http, link(second, "next"))
        assert refs(await read(http, link(third, "prev")), "PG") == parts[1]


async def test_older_pages_keep_the_tab_and_the_search(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await storm(w, 120)
        await w.alert("another", labels={"service": "another"})
        await signed_in(http)
        first = await read(http, "/pages?state=waiting&q=alert")
        older = link(first, "next")
        assert "state=waiting" in older
        assert "q=alert" in older
        assert "another" not in await read(http, older)
        assert len(refs(await read(http, older), "PG")) == 20
        tabs = first.partition('id="tabs"')[2].partition("</nav>")[0]
        assert tabs.count("q=alert") == 5


async def test_a_place_that_does_not_exist_is_the_start_of_the_list(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await storm(w, 3)
        await signed_in(http)
        for query in ("before=PG-2", "before=waiting:999:1", "before=waiting:1:1", "after=waiting:3:1"):
            answer = await http.get(f"/pages?{query}")
            assert (answer.status_code, answer.headers["location"]) == (303, "/pages?state=open"), query


async def test_bug_the_list_of_incidents_ended_after_two_hundred(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        async with w.ctx.db.tx() as tx:
            await tx.execute(
                """
                insert into incident (title, severity, max_severity, phase, detected_at, declared_at, severity_at)
                select 'incident ' || i, 2, 2, 'closed', $1, $1, $1
                from generate_series(1, 430) i
                """,
                w.now,
            )
        await signed_in(http)
        parts = await walk(http, "/incidents?state=closed", "INC")
        assert [ref for part in parts for ref in part] == [f"INC-{number}" for number in range(430, 0, -1)]
        second = await read(http, link(await read(http, "/incidents?state=closed"), "next"))
        assert refs(await read(http, link(second, "prev")), "INC") == parts[0]
        assert refs(await read(http, "/incidents?state=closed&before=1"), "INC") == parts[0]


async def declare(http: httpx.AsyncClient, **fields: Any) -> httpx.Response:
    """Send the form that declares an incident."""
    page = await read(http, "/incidents/new")
    csrf = page.partition('name="csrf" value="')[2].partition('"')[0]
    return await http.post("/incidents/new", data={"csrf": csrf, **fields})


async def test_bug_only_forty_services_could_be_named_when_declaring(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await add_services(w, 500)
        await w.alert()
        await signed_in(http)
        offered = re.findall(r'name="service" value="(\d+)"', await read(http, "/incidents/new"))
        assert offered == [str(w.service)]
        typed = {"title": "Search is slow", "severity": "2", "service": offered}
        answer = await declare(http, **typed, find="service 49", look="services")
        assert answer.status_code == 200
        assert 'value="Search is slow"' in answer.text
        assert f'value="{w.service}" checked' in answer.text
        names = re.findall(r'name="service" value="\d+"[^>]*><span>([^<]+)', answer.text)
        assert names == ["Checkout", *(f"Service 49{digit}" for digit in range(10))]
        chosen = re.search(r'value="(\d+)"[^>]*><span>Service 499', answer.text)
        assert chosen
        answer = await declare(http, **{**typed, "service": [str(w.service), chosen[1]]})
        assert answer.headers["location"] == "/incidents/INC-1"
        room = await read(http, "/incidents/INC-1")
        assert "Service 499" in room


async def test_a_search_that_is_left_in_the_form_is_never_dropped(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await add_services(w, 60)
        await signed_in(http)
        answer = await declare(http, title="Search is slow", severity="2", find="service 04")
        assert answer.status_code == 422
        assert "Service 044" in answer.text
        answer = await declare(http, title="Search is slow", severity="2", find="SERVICE-044")
        assert answer.headers["location"] == "/incidents/INC-1"
        assert "Service 044" in await read(http, "/incidents/INC-1")


async def add_postmortems(w: World, count: int) -> None:
    """Add closed incidents whose post-mortems are due in pairs, every fourth of them unpublished."""
    async with w.ctx.db.tx() as tx:
        await tx.execute(
            """
            with closed as (
                insert into incident (title, severity, max_severity, phase, detected_at, declared_at, severity_at)
                select 'incident ' || i, 1, 1, 'closed', $2, $2, $2
                from generate_series(1, $1) i
                returning id
            )
            insert into postmortem (
                incident_id, body, state, due_at, created_at, updated_at, published_at, first_published_at
            )
            select
                id, 'Text', case when id % 4 = 0 then 'draft' else 'published' end,
                $2::timestamptz + (id / 2) * interval '1 hour', $2, $2, case when id % 4 > 0 then $2::timestamptz end,
                case when id % 4 > 0 then $2::timestamptz end
            from closed
            """,
            count,
            w.now,
        )


async def test_bug_the_list_of_postmortems_ended_after_five_hundred(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await add_postmortems(w, 700)
        await signed_in(http)
        due = await walk(http, "/post-mortems", "INC")
        assert [ref for part in due for ref in part] == [f"INC-{number}" for number in range(4, 701, 4)]
        assert {len(part) for part in due[:-1]} == {50}
        published = await walk(http, "/post-mortems?tab=published", "INC")
        numbers = [number for number in range(700, 0, -1) if number % 4]
        assert [ref for part in published for ref in part] == [f"INC-{number}" for number in numbers]


async def test_each_postmortem_is_listed_with_its_incident(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await add_postmortems(w, 410)
        await signed_in(http)
        page, titles = await read(http, "/post-mortems"), list[str]()
        while page:
            titles += re.findall(r"<span class=\"t\">(incident \d+)</span>", page)
            page = await read(http, older) if (older := link(page, "next")) else ""
        assert len(set(titles)) == 102
        async with w.ctx.db.tx() as tx:
            await indexing.index_outdated(tx)
        results = await read(http, "/post-mortems?tab=review&severity=SEV1")
        assert link(results, "next") == "/post-mortems?severity=SEV1&tab=review&after=20#search"


async def test_a_malformed_place_is_the_start_of_the_postmortems(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await add_postmortems(w, 3)
        await signed_in(http)
        for place in ("7", "open:1", "open:999999999999999999:1", "published:-1:1", "open:1:0"):
            answer = await http.get(f"/post-mortems?before={place}")
            assert (answer.status_code, answer.headers["location"]) == (303, "/post-mortems"), place
