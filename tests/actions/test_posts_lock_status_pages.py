"""Posts lock status pages in one order, and a timer waits for none: neither can deadlock with someone who publishes."""

import asyncio
from datetime import timedelta
from typing import Any

from firebell.comms import sending
from firebell.comms.timers import end_waits
from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from firebell.kit.jobs import timers
from firebell.status_pages import actions as status_pages
from tests.api.api_clients import Api, organization
from tests.lock_waits import until_blocked
from tests.world import World

FIRST = "We are sorry: card payments fail since 03:00 UTC. We are moving traffic. You can pay by invoice."
LATER = "We moved traffic at 03:40 UTC and are watching card payments. You can pay by invoice meanwhile."


async def _declare(w: World, title: str) -> str:
    async with w.ctx.db.tx() as tx:
        declared = await incidents.declare(
            *(tx, await w.actor(w.mara)),
            title=title,
            severity=1,
            commander_id=w.jun,
            service_ids=[w.service],
            now=w.now,
        )
    return declared.ref


async def _page(w: World, api: Api, slug: str) -> int:
    body = {"slug": slug, "name": slug.title(), "tz": "UTC", "service_ids": [w.service]}
    await api("POST", "/status-pages", body, status=201)
    async with w.ctx.db.reads() as tx:
        page_id = await tx.value("select id from status_page where slug = $1", slug)
    assert isinstance(page_id, int)
    return page_id


async def _publish(w: World, api: Api, ref: str, text: str, *slugs: str) -> dict[str, Any]:
    path = f"/incidents/{ref}/comms"
    body = {
        "bodies": {"public": text},
        "targets": [f"status_page:{slug}" for slug in slugs],
        "revision": (await api("GET", path))["revision"],
        "stage": "investigating",
        "next_update_at": (w.now + timedelta(minutes=30)).isoformat(),
        "reason": "Known",
    }
    post: dict[str, Any] = await api("POST", path, body, status=201)
    return post


async def test_the_end_of_a_wait_waits_for_no_one_who_publishes(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        page_id = await _page(w, api, "kestrel")
        ref = await _declare(w, "Card payments fail")
        await _publish(w, api, ref, FIRST, "kestrel")
        clock.advance(timedelta(minutes=3))
        post = await _publish(w, api, ref, LATER, "kestrel")
        assert post["state"] == "waiting"
        clock.advance(timedelta(minutes=5))
        async with w.ctx.db.tx() as publisher:
            await status_pages.locked_page(publisher, page_id)
            async with w.ctx.work_db.tx() as tx:
                [timer] = await timers.claim(tx, w.now, [sending.APPROVAL_TIMER], limit=9)
                assert await asyncio.wait_for(end_waits(tx, [timer], w.now), 3) == [timer]
            # the row of the timer is free again for the one who holds the page
            await timers.hold(publisher, timer.kind, timer.key)
        await w.settle()
        shown = await api("GET", f"/incidents/{ref}/comms/posts/{post['id']}")
        assert shown["state"] == "published"


async def test_two_posts_lock_the_same_pages_in_one_order(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        first, second = await _page(w, api, "first"), await _page(w, api, "second")
        ref = await _declare(w, "Card payments fail")
        rules = {rule["id"]: rule for rule in await api("GET", "/comms/approval-rules")}
        names = ("roles", "silence", "minutes", "severities")
        off = {name: rules["facts"][name] for name in names} | {"enabled": False}
        await api("PUT", "/comms/approval-rules/facts", off)
        # the page that shows the incident comes first in the composer
        await _publish(w, api, ref, FIRST, "second")
        async with w.ctx.db.tx() as publisher:
            await status_pages.locked_page(publisher, first)
            posting = asyncio.create_task(_publish(w, api, ref, LATER, "second", "first"))
            await until_blocked(w.ctx.db, posting)
            assert await status_pages.lock_free_pages(publisher, [second]) == {second}
        assert (await posting)["state"] == "published"
