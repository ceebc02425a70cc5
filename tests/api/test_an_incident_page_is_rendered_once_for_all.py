"""The live parts of an incident page are rendered once for all readers, and contain nothing personal."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx

from firebell.incidents import actions as incidents
from firebell.incidents.model import IncidentRole
from firebell.kit.clock import FakeClock
from firebell.kit.db.database import LIVE_CHANNEL
from firebell.kit.web import html
from firebell.paging import actions as paging
from firebell.paging import page_steps
from tests.api.api_clients import browser, sign_in
from tests.servers import until
from tests.world import World, world

LIVE = {"X-Live": "1"}
ROOM = "/incidents/INC-1"


@asynccontextmanager
async def room(
    dsn: str, clock: FakeClock
) -> AsyncIterator[tuple[World, httpx.AsyncClient, httpx.AsyncClient]]:
    """Yield the browsers of Mara, who commands INC-1, and Jun, who reads it, on one server."""
    async with world(dsn, clock) as w, browser(w) as mara:
        await w.alert()
        await w.settle()
        async with w.ctx.db.tx() as tx:
            actor = await w.actor(w.mara)
            await incidents.declare(
                tx, actor, title="Search is slow", severity=2, page_id=1, commander_id=w.mara, now=w.now
            )
        await sign_in(w, mara, w.mara)
        async with httpx.AsyncClient(transport=mara._transport, base_url=mara.base_url) as jun:
            await sign_in(w, jun, w.jun)
            yield w, mara, jun


async def add(w: World, text: str) -> None:
    async with w.ctx.db.tx() as tx:
        await incidents.add_entry(tx, await w.actor(w.mara), 1, "note", text, w.now)
    w.ctx.live.publish("inc-1")


def roles_offered(page: str) -> set[str]:
    return set(re.findall(r'name="role" value="(\w+)"', page))


async def test_no_one_gets_the_forms_of_another(dsn: str, clock: FakeClock) -> None:
    async with room(dsn, clock) as (_, mara, jun):
        answers = {who: await http.get(ROOM, headers=LIVE) for who, http in (("mara", mara), ("jun", jun))}
        for answer in answers.values():
            assert answer.status_code == 200
            assert set(re.findall(r'name="csrf" value="([^"]*)"', answer.text)) == {""}
            assert "data-me" not in answer.text
            assert answer.headers["cache-control"] == "no-store"
            assert html.OFFLINE not in answer.headers
        assert IncidentRole.COMMANDER not in roles_offered(answers["mara"].text)
        assert IncidentRole.COMMANDER in roles_offered(answers["jun"].text)
        for http, own, other in ((mara, "mara", "jun"), (jun, "jun", "mara")):
            form = {"kind": "note", "text": f"From {own}"}
            token = answers[own].headers[html.CSRF]
            assert (await http.post(f"{ROOM}/entries", data={**form, "csrf": token})).status_code == 303
            foreign = answers[other].headers[html.CSRF]
            assert (await http.post(f"{ROOM}/entries", data={**form, "csrf": foreign})).status_code == 403


async def test_viewers_get_no_forms(dsn: str, clock: FakeClock) -> None:
    async with room(dsn, clock) as (w, _, jun):
        assert "<form" in (await jun.get(ROOM, headers=LIVE)).text
        async with w.ctx.db.tx() as tx:
            await tx.execute("update person set role = 'viewer', tz = 'Asia/Tokyo' where id = $1", w.jun)
        answer = await jun.get(ROOM, headers=LIVE)
        assert answer.status_code == 200
        assert "<form" not in answer.text
        assert "JST" in answer.text
        async with w.ctx.db.tx() as tx:
            await tx.execute("update person set active = false where id = $1", w.jun)
        assert (await jun.get(ROOM, headers=LIVE)).status_code == 303


async def test_what_did_not_change_is_not_sent_again_and_what_did_is(dsn: str, clock: FakeClock) -> None:
    async with room(dsn, clock) as (w, _, jun):
        first = await jun.get(ROOM, headers=LIVE)
        tag = {"If-None-Match": first.headers["etag"]}
        same = await jun.get(ROOM, headers={**LIVE, **tag})
        assert (same.status_code, same.content) == (304, b"")
        await add(w, "The index is rebuilding")
        changed = await jun.get(ROOM, headers={**LIVE, **tag})
        assert changed.status_code == 200
        assert "The index is rebuilding" in changed.text
        assert changed.headers["etag"] != first.headers["etag"]


async def test_live_parts_are_those_of_the_whole_page(dsn: str, clock: FakeClock) -> None:
    async with room(dsn, clock) as (_, mara, jun):
        for http in (mara, jun):
            whole, live = (await http.get(ROOM)).text, (await http.get(ROOM, headers=LIVE)).text
            whole = re.sub(r'(name="csrf" value=)"[^"]*"', r'\1""', whole)
            for name in ("room-h", "canvas", "feed", "now", "rest", "dock", "strips", "nav", "tabbar"):
                part = re.compile(rf'<(\w+)[^>]* id="{name}".*?</\1>', re.S)
                mine, shared = part.search(whole), part.search(live)
                assert mine, name
                assert shared, name
                assert mine[0] == shared[0], name
            assert re.findall("<title>.*</title>", whole) == re.findall("<title>.*</title>", live)


async def test_a_room_follows_its_own_pages_and_no_others(dsn: str, clock: FakeClock) -> None:
    async with room(dsn, clock) as (w, _, jun):
        for headers in ({}, LIVE):
            page = (await jun.get(ROOM, headers=headers)).text
            topics = set(re.findall(r'data-topics="([^"]*)"', page)[0].split(","))
            assert {"inc-1", "pg-1"} <= topics
            assert not {"pages", "incidents", "pg-2"} & topics
        published: list[str] = []
        conn = await w.ctx.db.listen({LIVE_CHANNEL: published.append})
        try:
            await w.resolve(w.jun)

            async def heard() -> bool:
                return "pg-1" in published

            await until(heard, "the room hears that its page was resolved")
        finally:
            await conn.close()


async def test_more_pages_than_have_topics_of_their_own_are_followed_too(dsn: str, clock: FakeClock) -> None:
    async with room(dsn, clock) as (w, _, _jun):
        published: set[str] = set()
        conn = await w.ctx.db.listen({LIVE_CHANNEL: published.add})
        try:
            async with w.ctx.db.tx() as tx:
                page = await paging.page(tx, 1)
                await page_steps.store_changes(
                    tx, [replace(page, id=number) for number in range(1, 25)], w.now
                )

            async def heard() -> bool:
                return bool(published & set(paging.live_topics([24])))

            await until(heard, "a topic of the 24th page")
        finally:
            await conn.close()
