"""The policy editor keeps what was typed when it is refused."""

import re
from typing import Any

import httpx

from firebell.kit.clock import FakeClock
from firebell.paging import actions as paging
from tests.api.api_clients import browser
from tests.world import World, world

PASSWORD = "a quiet night please"


async def signed_in(http: httpx.AsyncClient) -> dict[str, str]:
    """Sign in as the admin and return the field that every form carries."""
    await http.post("/login", data={"email": "mara@example.org", "password": PASSWORD})
    match = re.search(r'name="csrf" value="([^"]+)"', (await http.get("/escalation/new")).text)
    assert match
    return {"csrf": match[1]}


async def levels(w: World, slug: str) -> list[Any]:
    """Return what is stored."""
    async with w.ctx.db.tx() as tx:
        return list((await paging.policy_by_slug(tx, slug)).levels)


async def test_bug_a_refused_policy_lost_all_that_was_typed(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        form: dict[str, Any] = {
            **await signed_in(http),
            "name": "Nights",
            "team": "1",
            "target": [f"person:{w.jun}", "team:1", ""],
            "second": [f"person:{w.mara}", "", ""],
            "wait": ["7", "soon", "5"],
            "repeat": "3",
            "ack_timeout": "20",
        }
        refused = await http.post("/escalation/new", data=form)
        assert refused.status_code == 422
        assert "Enter a whole number of minutes from 1 to 1440." in refused.text
        for kept in ('value="Nights"', 'value="7"', 'value="soon"', 'value="3"', 'value="20"'):
            assert kept in refused.text
        assert f'<option value="person:{w.jun}" selected>' in refused.text
        assert '<option value="team:1" selected>' in refused.text
        form["wait"] = ["7", "9", "5"]
        assert (await http.post("/escalation/new", data=form)).status_code == 303
        assert [(len(x.targets), x.ack_within_s) for x in await levels(w, "nights")] == [(2, 420), (1, 540)]
        again = (await http.get("/escalation/nights/edit")).text
        assert 'value="9"' in again

        form["repeat"] = "ten"
        refused = await http.post("/escalation/nights/edit", data=form)
        assert refused.status_code == 422
        assert 'value="ten"' in refused.text
        assert [x.ack_within_s for x in await levels(w, "nights")] == [420, 540]
