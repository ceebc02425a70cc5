"""What pages show of a wait, without scripts."""

import re
from datetime import timedelta

from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from tests.api.api_clients import browser
from tests.api.test_long_lists_on_the_web import read, signed_in
from tests.world import world

WAIT = re.compile(r'<time[^>]* data-until="\d+"[^>]*>([^<]*)</time>')


async def test_bug_without_a_script_an_overdue_update_was_in_late(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await signed_in(http)
        async with w.ctx.db.tx() as tx:
            actor = await w.actor(w.mara)
            made = await incidents.declare(tx, actor, title="Search is slow", severity=1, now=w.now)
        clock.advance(timedelta(minutes=27, seconds=19))
        addresses = ("/", "/services", f"/incidents/{made.ref}")
        assert [WAIT.findall(await read(http, a))[0] for a in addresses] == ["in 2:41"] * 3
        clock.advance(timedelta(minutes=4, seconds=12))
        assert [WAIT.findall(await read(http, a))[0] for a in addresses] == ["overdue 1:31"] * 3


async def test_an_escalation_names_one_person_and_never_lists_a_team(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await signed_in(http)
        await w.alert()
        await w.settle()
        page = await w.page()
        addresses = ("/", "/pages", f"/pages/{page.ref}")

        async def escalates_to() -> set[str]:
            shown = [re.sub(r"<[^>]+>", "", await read(http, a)) for a in addresses]
            return {m for text in shown for m in re.findall(r"Escalates to (.+?) (?:in|now)", text)}

        assert await escalates_to() == {"Jun Okafor"}
        await w.after(minutes=5)
        assert await escalates_to() == {"Payments"}
        clock.advance(timedelta(minutes=5, seconds=1))
        assert WAIT.findall(await read(http, f"/pages/{page.ref}"))[0] == "now"
