"""A person whose time zone the tz database no longer has is paged and gets digests; a heartbeat still pages."""

from datetime import UTC, datetime, timedelta

from firebell.digests import actions as digests
from firebell.kit.clock import FakeClock
from tests.api.api_clients import browser, organization
from tests.stories.test_emails import mailed
from tests.world import World, world

MONDAY = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)


async def _remove_zone(w: World, person_id: int) -> None:
    async with w.ctx.db.tx() as tx:
        await tx.execute("update person set tz = 'Europe/Removed' where id = $1", person_id)


async def test_a_page_reaches_a_person_whose_time_zone_was_removed(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await _remove_zone(w, w.mara)
        await w.alert("disk full")
        await w.settle()
        assert w.sink.people() == ["Mara Lindqvist"]


async def test_a_removed_time_zone_holds_back_no_digest(dsn: str, clock: FakeClock) -> None:
    async with mailed(dsn, clock) as (w, box):
        await _remove_zone(w, w.jun)
        for person_id in (w.mara, w.jun):
            actor = await w.actor(person_id)
            async with w.ctx.db.tx() as tx:
                await digests.choose_digest(tx, actor, person_id, None, w.now, is_on=True)
        clock.set(MONDAY)
        await w.settle()
        # 09:00 in UTC
        clock.set(MONDAY + timedelta(hours=1))
        await w.settle()
        sent = [to[0] for to, mail in zip(box.recipients, box.mails, strict=True) if mail["List-Unsubscribe"]]
        assert sorted(sent) == ["jun@example.org", "mara@example.org"]


async def test_a_heartbeat_whose_time_zone_was_removed_still_pages(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        new = {"service": "checkout", "name": "backup", "cron": "*/10 * * * *", "time_zone": "Europe/Berlin"}
        await api("POST", "/heartbeats", {**new, "grace_s": 60}, status=201)
        async with w.ctx.db.tx() as tx:
            await tx.execute("update heartbeat set time_zone = 'Europe/Removed'")
        answer = await http.get(f"/in/{w.key}/heartbeat/backup")
        assert answer.status_code == 200, answer.text
        await w.until(w.now + timedelta(minutes=12), timedelta(seconds=20))
        assert [page.title for page in await w.pages()] == ["backup is silent"]
        [shown] = await api("GET", "/heartbeats")
        assert (shown["state"], shown["time_zone"]) == ("down", "UTC")
