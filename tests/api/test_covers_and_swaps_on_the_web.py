"""Covers and swaps on the page of a person's shifts, and its errors."""

import re
from datetime import timedelta
from typing import Any

from firebell.kit.clock import FakeClock
from tests.api.api_clients import browser
from tests.oncall_world import Rota, day, rota
from tests.world import ANSWERS


async def posted(r: Rota, path: str = "", **fields: Any) -> tuple[int, str]:
    """Open Mara's shifts, send a form of that page, and return the response."""
    async with browser(r.w) as http:
        await http.post("/login", data={"email": ANSWERS.email, "password": ANSWERS.password})
        page = await http.get("/oncall/me")
        csrf = page.text.partition('name="csrf" value="')[2].partition('"')[0]
        answer = await http.post(path, data={"csrf": csrf, **fields}) if path else page
        return answer.status_code, answer.text


def open_forms(page: str) -> list[str]:
    """Return the menus of shifts that stand open."""
    return re.findall(r'<details class="menu" open>.*?</details>', page, re.DOTALL)


async def test_bug_a_refused_request_for_cover_lost_what_was_typed(dsn: str, clock: FakeClock) -> None:
    async with rota(dsn, clock) as r:
        assert open_forms((await posted(r))[1]) == []
        shift = f"{r.id}-{int(day(3).timestamp())}"
        fields = {"schedule": r.id, "shift": shift, "start": "2026-11-27T20:00", "end": "2026-11-27T19:00"}
        status, page = await posted(r, "/oncall/covers", **fields, asked=str(r.ada), reason="a wedding")
        (form,) = open_forms(page)
        assert status == 422
        for kept in (
            f'value="{shift}"',
            'value="2026-11-27T20:00"',
            'value="2026-11-27T19:00"',
            f'value="{r.ada}" selected',
            'value="a wedding"',
            "Choose a later end.",
            "In Europe/Stockholm.",
        ):
            assert kept in form, kept
        ids = re.findall(r' id="([^"]+)"', page)
        assert len(ids) == len(set(ids))
        unread = await posted(r, "/oncall/covers", **{**fields, "start": "soon"}, asked="")
        assert 'value="soon"' in open_forms(unread[1])[0]


async def test_bug_a_refused_swap_lost_what_was_typed(dsn: str, clock: FakeClock) -> None:
    async with rota(dsn, clock) as r:
        theirs = f"{r.w.jun}|{day(4).isoformat()}|{day(5).isoformat()}"
        fields = {"schedule": r.id, "shift": f"{r.id}-{int(day(3).timestamp())}", "theirs": theirs}
        status, page = await posted(r, "/oncall/swaps", **fields, mine="gone", reason="a wedding")
        (form,) = open_forms(page)
        assert status == 422
        for kept in (f'value="{theirs}" selected', 'value="a wedding"', "In Europe/Stockholm."):
            assert kept in form, kept


async def test_bug_the_page_pointed_to_the_command_line(dsn: str, clock: FakeClock) -> None:
    async with rota(dsn, clock) as r:
        for path, message in (
            ("/oncall/covers/99/take", "There is no request 99."),
            ("/oncall/swaps/99/accept", "There is no swap 99."),
        ):
            status, page = await posted(r, path)
            assert status == 404
            assert message in page
            assert "firebell oncall" not in page


async def test_a_duplicate_request_is_refused_in_the_requesters_time_zone(dsn: str, clock: FakeClock) -> None:
    async with rota(dsn, clock) as r:
        fields = {"schedule": r.id, "start": "2026-11-27T20:00", "end": "2026-11-27T22:00"}
        assert (await posted(r, "/oncall/covers", **fields))[0] == 303
        status, page = await posted(r, "/oncall/covers", **fields)
        assert status == 409
        assert "already asks for cover from Fri 27 Nov 20:00 Europe/Stockholm." in page


async def test_a_running_shift_shows_when_it_ends(dsn: str, clock: FakeClock) -> None:
    """It was shown to begin at the minute when the page was opened."""
    async with rota(dsn, clock) as r:
        clock.set(day(3) + timedelta(hours=1))
        _, page = await posted(r)
        row = page.partition('id="shifts"')[2].partition('data-state="live"')[0]
        assert re.findall(r'<time datetime="([^"]+)"', row) == [day(4).isoformat()]
