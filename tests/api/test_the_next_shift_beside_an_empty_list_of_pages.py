"""The empty list of pages names the reader's shift, and its end only if it is known."""

from firebell.kit.clock import FakeClock
from firebell.kit.db.events import SYSTEM
from firebell.kit.localtime import format_short
from firebell.oncall.schedules import actions as oncall
from firebell.oncall.schedules.queries import SHIFTS_WINDOW, shifts_of
from tests.api.api_clients import browser, sign_in
from tests.oncall_world import daily
from tests.world import world


async def test_someone_who_is_always_on_call_reads_no_end_that_is_not_one(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        async with w.ctx.db.tx() as tx:
            await tx.execute("delete from layer")
            await oncall.create_schedule(
                tx, SYSTEM, name="Always", team_id=1, tz="UTC", layers=[daily(w.mara)], now=w.now
            )
            [shift] = await shifts_of(tx, w.mara, w.now)
        assert shift.end == w.now + SHIFTS_WINDOW
        async with browser(w) as http:
            await sign_in(w, http, w.mara)
            shown = [(await http.get(path)).text for path in ("/pages", "/oncall/me")]
            shown.append((await http.get(f"/settings/people/{w.mara}/deactivate")).text)
        ends = {format_short(shift.end, tz, w.now) for tz in ("UTC", "Europe/Stockholm")}
        for page in shown:
            assert "Always" in page
            assert not [end for end in ends if end in page]
