"""Filters of the list of pages in the browser and over JSON, and actions on many pages at once."""

import html
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from firebell.kit.clock import FakeClock
from firebell.paging.model import PageState
from tests.api.api_clients import Api, browser, key_of
from tests.api.test_long_lists_on_the_web import link, read, refs, signed_in, storm
from tests.world import World, world


@pytest.fixture
async def w(dsn: str, clock: FakeClock) -> AsyncIterator[World]:
    """The small organization, with a second service and team."""
    async with world(dsn, clock) as opened:
        yield opened


async def other_service(w: World) -> tuple[int, int]:
    """Add the team Search, which has the service Ranking, and return their ids."""
    async with w.ctx.db.tx() as tx:
        team = await tx.value(
            "insert into team (name, slug, created_at) values ('Search', 'search', $1) returning id", w.now
        )
        service = await tx.value(
            """
            insert into service (name, slug, team_id, created_at)
            values ('Ranking', 'ranking', $1, $2)
            returning id
            """,
            team,
            w.now,
        )
    return service, team


async def move_to(w: World, page_id: int, service: int, team: int) -> None:
    """Move a page to another service."""
    async with w.ctx.db.tx() as tx:
        await tx.execute(
            "update page set service_id = $2, team_id = $3 where id = $1", page_id, service, team
        )


async def states(w: World) -> dict[str, PageState]:
    """Return the state of each page."""
    return {page.ref: page.state for page in await w.pages()}


def totals(page: str) -> dict[str, str]:
    """Return the count that each tab shows."""
    tabs = page.partition('id="tabs"')[2].partition("</nav>")[0]
    return {
        state: number or "0"
        for state, number in re.findall(r'state=(\w+)[^>]*>[^<]+(?:<span class="num[^>]*>([^<]+))?', tabs)
    }


async def post_bulk(http: httpx.AsyncClient, page: str, **values: object) -> httpx.Response:
    """Send the form of the selection bar as a browser without scripts does."""
    form = page.partition('id="bulk"')[2].partition("</form>")[0]
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))
    fields = {name: html.unescape(value) for name, value in hidden.items()}
    return await http.post("/pages/bulk", data={**fields, **values})


async def message(http: httpx.AsyncClient, answer: httpx.Response) -> str:
    """Return what the page after a form says."""
    assert answer.status_code == 303, answer.text
    headers = {"sec-fetch-dest": "document"}
    text = (await http.get(answer.headers["location"], headers=headers)).text
    shown = re.search(r'role="status">([^<]*)', text.partition('id="flash"')[2])
    assert shown
    return shown[1].strip()


async def test_a_filter_narrows_the_list_and_the_counts_of_every_tab(w: World) -> None:
    async with browser(w) as http:
        await storm(w, 3)
        service, team = await other_service(w)
        await move_to(w, 2, service, team)
        await w.ack(w.mara, 1)
        await signed_in(http)
        page = await read(http, "/pages?service=ranking")
        assert refs(page, "PG") == ["PG-2"]
        assert totals(page) == {"open": "1", "waiting": "1", "acked": "0", "snoozed": "0", "resolved": "0"}
        assert totals(await read(http, "/pages")) == {
            **dict.fromkeys(("snoozed", "resolved"), "0"),
            "open": "3",
            "waiting": "2",
            "acked": "1",
        }
        assert refs(await read(http, "/pages?team=search"), "PG") == ["PG-2"]
        assert refs(await read(http, "/pages?q=ALERT+1"), "PG") == ["PG-2"]
        assert refs(await read(http, "/pages?urgency=low"), "PG") == []
        assert refs(await read(http, "/pages?since=2026-11-25"), "PG") == []
        assert refs(await read(http, "/pages?since=2026-11-24&until=2026-11-24"), "PG") == [
            "PG-3",
            "PG-2",
            "PG-1",
        ]


async def test_mine_are_those_that_notified_me_and_those_that_i_acknowledged(w: World) -> None:
    async with browser(w) as http:
        await storm(w, 2)
        service, team = await other_service(w)
        await move_to(w, 2, service, team)
        await signed_in(http)
        assert refs(await read(http, "/pages?whose=me"), "PG") == []
        await w.settle()
        assert refs(await read(http, "/pages?whose=me"), "PG") == ["PG-2", "PG-1"]
        assert refs(await read(http, "/pages?whose=my-teams"), "PG") == ["PG-1"]
        async with w.ctx.db.tx() as tx:
            jun = await key_of(w.ctx.db, w.clock, w.jun)
            assert tx
        api = Api(http, jun)
        assert await api("GET", "/pages", whose="me") == []
        await w.ack(w.jun, 1)
        assert [p["ref"] for p in await api("GET", "/pages", whose="me")] == ["PG-1"]
        await w.ack(w.mara, 2)
        await api("POST", "/pages/PG-2/resolve")
        assert refs(await read(http, "/pages?state=resolved&whose=me"), "PG") == ["PG-2"]
        assert await api("GET", "/pages", whose="me", state="resolved") == []


async def test_a_filter_is_kept_by_tabs_and_parts_and_each_can_be_removed(w: World) -> None:
    async with browser(w) as http:
        await storm(w, 120)
        await signed_in(http)
        page = await read(http, "/pages?state=waiting&service=checkout&urgency=high&q=alert")
        older = link(page, "next")
        assert {"state=waiting", "service=checkout", "urgency=high", "q=alert"} <= set(
            older.partition("?")[2].split("&")
        )
        assert len(refs(await read(http, older), "PG")) == 20
        tabs = page.partition('id="tabs"')[2].partition("</nav>")[0]
        assert tabs.count("service=checkout") == tabs.count("urgency=high") == 5
        chips = re.findall(r'<a class="btn on" href="([^"]+)"', page)
        assert [chip.replace("&amp;", "&") for chip in chips] == [
            "/pages?state=waiting&q=alert&urgency=high",
            "/pages?state=waiting&q=alert&service=checkout",
        ]
        assert 'href="/pages?state=waiting">Clear filters' in page


async def test_blank_fields_of_the_filter_form_leave_the_address(w: World) -> None:
    async with browser(w) as http:
        await signed_in(http)
        answer = await http.get("/pages?state=open&q=&service=checkout&team=&urgency=&since=&until=")
        assert (answer.status_code, answer.headers["location"]) == (303, "/pages?state=open&service=checkout")


INVALID: list[tuple[str, str | None]] = [
    ("service=nowhere", "service"),
    ("service=%00", "service"),
    ("team=nobody", "team"),
    ("team=%00", "team"),
    ("whose=yours", "whose"),
    ("urgency=medium", "urgency"),
    ("since=yesterday", "since"),
    ("since=0001-01-01", "since"),
    ("until=2026-13-01", "until"),
    ("until=9999-12-31", "until"),
    ("since=2026-11-24&until=2026-11-01", "until"),
    (f"q={'x' * 100_00}", "q"),
    ("q=%00", "q"),
    (f"q={'a+b+' * 20}c+d+e", None),
    ("q=" + "+".join("abcdefghijkl"), "q"),
]
"""Filters, and the field that each error names; without one nothing matches."""


async def test_an_invalid_filter_is_refused_and_shows_no_rows(w: World) -> None:
    async with browser(w) as http:
        await storm(w, 1)
        await signed_in(http)
        key = await key_of(w.ctx.db, w.clock, w.mara)
        for query, field in INVALID:
            answer = await http.get(f"/pages?{query}")
            assert answer.status_code == (422 if field else 200), query
            assert refs(answer.text, "PG") == [], query
            if field:
                assert 'role="alert"' in answer.text, query
                assert "Clear filters" in answer.text, query
                wrong = await http.get(f"/api/v1/pages?{query}", headers={"Authorization": f"Bearer {key}"})
                assert wrong.status_code == 422, wrong.text
                assert field in [error["field"] for error in wrong.json()["errors"]], query


async def test_a_cursor_of_another_filter_goes_on_behind_its_page(w: World) -> None:
    async with browser(w) as http:
        await storm(w, 120)
        await signed_in(http)
        cursor = re.search(r"before=([^&]+)", link(await read(http, "/pages"), "next"))
        assert cursor
        page = await read(http, f"/pages?urgency=high&before={cursor[1]}")
        assert refs(page, "PG") == [f"PG-{number}" for number in range(20, 0, -1)]
        answer = await http.get(f"/pages?urgency=low&before={cursor[1]}")
        assert answer.headers["location"] == "/pages?state=open&urgency=low"


async def test_json_filters_are_the_same(w: World) -> None:
    async with browser(w) as http:
        await storm(w, 3)
        service, team = await other_service(w)
        await move_to(w, 2, service, team)
        api = Api(http, await key_of(w.ctx.db, w.clock, w.mara))

        async def listed(**query: Any) -> list[str]:
            return [page["ref"] for page in await api("GET", "/pages", **query)]

        assert await listed(service="ranking") == ["PG-2"]
        assert await listed(team="search") == ["PG-2"]
        assert await listed(whose="my-teams") == ["PG-3", "PG-1"]
        assert await listed(whose="my-teams", team="search") == []
        assert await listed(urgency="low") == []
        assert await listed(q="2 alert") == ["PG-3"]
        now = w.now.isoformat()
        assert await listed(since=now) == ["PG-3", "PG-2", "PG-1"]
        assert await listed(until=now) == []
        assert await listed(since=(w.now + timedelta(seconds=1)).isoformat()) == []


async def test_many_pages_are_acknowledged_without_a_script(w: World) -> None:
    async with browser(w) as http:
        await storm(w, 4)
        await w.ack(w.jun, 3)
        await signed_in(http)
        page = await read(http, "/pages?urgency=high")
        api = Api(http, await key_of(w.ctx.db, w.clock, w.mara))
        await api("POST", "/pages/PG-2/resolve")
        answer = await post_bulk(http, page, do="ack", ref=["PG-1", "PG-2", "PG-3"])
        assert answer.headers["location"].startswith("/pages?state=open&urgency=high")
        assert await message(http, answer) == "2 acknowledged. PG-2 was already resolved."
        assert await states(w) == {
            "PG-1": PageState.ACKED,
            "PG-2": PageState.RESOLVED,
            "PG-3": PageState.ACKED,
            "PG-4": PageState.TRIGGERED,
        }


async def test_select_all_acts_on_what_was_counted_and_on_no_page_that_came_later(w: World) -> None:
    async with browser(w) as http:
        await storm(w, 130)
        service, team = await other_service(w)
        await move_to(w, 7, service, team)
        await signed_in(http)
        first = await read(http, "/pages?service=checkout")
        offer = re.search(r'href="([^"]*select=all[^"]*)">Select all (\d+)', first)
        assert offer
        assert offer[2] == "129"
        page = await read(http, offer[1].replace("&amp;", "&"))
        assert "129 selected" in page
        await w.alert("newcomer", labels={"service": "newcomer"})
        shown = [ref for ref in refs(page, "PG") if ref != "PG-100"]
        answer = await post_bulk(http, page, do="ack", ref=shown)
        assert await message(http, answer) == "128 acknowledged."
        left = {ref for ref, state in (await states(w)).items() if state is PageState.TRIGGERED}
        assert left == {"PG-7", "PG-100", "PG-131"}


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"do": "delete", "ref": "PG-1"}, 404),
        ({"do": "ack", "ref": "PG-x"}, 404),
        ({"do": "ack", "rest": " ".join(map(str, range(1, 1002)))}, 422),
        ({"do": "snooze", "ref": "PG-1", "minutes": "-1"}, 422),
        ({"do": "ack"}, 303),
    ],
)
async def test_a_bulk_form_that_is_wrong_changes_nothing(
    w: World, fields: dict[str, str], status: int
) -> None:
    async with browser(w) as http:
        await storm(w, 1)
        await signed_in(http)
        page = await read(http, "/pages")
        assert (await post_bulk(http, page, **fields)).status_code == status
        assert await states(w) == {"PG-1": PageState.TRIGGERED}


async def test_bulk_over_json_gives_each_page_its_outcome(w: World) -> None:
    async with browser(w) as http:
        await storm(w, 3)
        api = Api(http, await key_of(w.ctx.db, w.clock, w.mara))
        await api("POST", "/pages/PG-2/resolve")
        async with w.ctx.db.tx() as tx:
            await tx.execute("update page set severity = 0 where id = 3")
        outcomes = await api(
            "POST", "/pages/bulk", {"action": "snooze", "refs": ["3", "PG-1", "PG-2", "PG-9"], "minutes": 45}
        )
        assert [(o["ref"], o["result"], o["state"]) for o in outcomes] == [
            ("PG-1", "done", "snoozed"),
            ("PG-2", "unchanged", "resolved"),
            ("PG-3", "refused", "triggered"),
            ("PG-9", "refused", None),
        ]
        assert all(o["reason"] for o in outcomes[1:])
        resolved = await api("POST", "/pages/bulk", {"action": "resolve", "refs": ["PG-1", "PG-2", "PG-3"]})
        assert [(o["result"], o["state"]) for o in resolved] == [
            ("done", "resolved"),
            ("unchanged", "resolved"),
            ("done", "resolved"),
        ]
        await api("POST", "/pages/bulk", {"action": "ack", "refs": []}, status=422)
        await api("POST", "/pages/bulk", {"action": "nod", "refs": ["PG-1"]}, status=422)
        await api("POST", "/pages/bulk", {"action": "ack", "refs": ["PG-1"] * 1001}, status=422)
        await api("POST", "/pages/bulk", {"action": "ack", "refs": ["INC-1"]}, status=404)
