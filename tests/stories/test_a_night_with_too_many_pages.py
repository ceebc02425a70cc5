"""Story: from the fourth page in a night, the secondary is paged too, and rest is proposed in the morning."""

from datetime import timedelta

from firebell.kit.clock import FakeClock
from firebell.paging import actions as paging
from tests.api.api_clients import Api, browser, key_of, sign_in
from tests.world import World, world


async def _page(w: World, n: int) -> list[str]:
    """Page about disk `n`, and return who was notified within the first minute."""
    before = len(w.sink.got)
    await w.alert(f"Disk {n} is full")
    await w.settle()
    reached = w.sink.people()[before:]
    await w.resolve(w.mara)
    await w.after(minutes=5)
    return sorted(set(reached))


async def _limit_entries(w: World) -> list[dict[str, object]]:
    page = await w.page()
    async with w.ctx.db.tx() as tx:
        return [entry.data for entry in await paging.log(tx, page.id) if entry.kind == "night_limit"]


async def test_the_fourth_page_reaches_the_secondary_too(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara, jun = "Mara Lindqvist", "Jun Okafor"
        for n in range(3):
            assert await _page(w, n) == [mara]
            assert await _limit_entries(w) == []
        assert await _page(w, 3) == [jun, mara]
        assert await _limit_entries(w) == [{"over": [w.mara], "people": [w.jun], "limit": 3}]
        assert await _page(w, 4) == [jun, mara]

        async with browser(w) as http:
            api = Api(http, await key_of(w.ctx.db, clock, w.mara))
            (night,) = await api("GET", "/night-limits/exceeded")
            assert (night["code"], night["person_id"], night["pages"]) == ("F-NIGHT", w.mara, 5)
            assert (night["night"], night["first_page_beyond"]) == ("2026-11-23", "PG-4")
            codes = [f["code"] for f in (await api("GET", "/reports/on-call"))["findings"]]
            assert codes == ["F-NIGHT", "F-FATIGUE"]

            # in the morning, rest is proposed to her, on her home page too
            notices = "select person_id from notice where kind = 'rest'"
            async with w.ctx.db.tx() as tx:
                assert await tx.fetch(notices) == []
            await w.until(w.now + timedelta(hours=3), timedelta(hours=1))
            async with w.ctx.db.tx() as tx:
                assert [row["person_id"] for row in await tx.fetch(notices)] == [w.mara]
            await sign_in(w, http, w.mara)
            assert "Rest: you had 5 pages" in (await http.get("/")).text
            assert 'title="F-NIGHT"' in (await http.get("/oncall/load")).text

            # by day no one is over a limit
            assert await _page(w, 5) == [mara]

            # a team can turn its limit off, and set it, on the page or over JSON
            await api("PUT", "/night-limits/1", {"pages": 21}, status=422)
            await api("PUT", "/night-limits/999", {"pages": 2}, status=404)
            assert (await api("PUT", "/night-limits/1", {"on": False}))["on"] is False
            csrf = await sign_in(w, http, w.mara)
            form = {"csrf": csrf, "on": "yes", "pages": "none"}
            assert (await http.post("/escalation/night-limits/1", data=form)).status_code == 422
            form = {"csrf": csrf, "pages": "2"}
            assert (await http.post("/escalation/night-limits/1", data=form)).status_code == 303
            assert (await http.get("/escalation/night-limits")).status_code == 200
            (limit,) = await api("GET", "/night-limits")
            assert (limit["on"], limit["pages"]) == (False, 2)
        await w.until(w.now + timedelta(hours=18), timedelta(hours=18))
        for n in range(6, 11):
            assert await _page(w, n) == [mara]
