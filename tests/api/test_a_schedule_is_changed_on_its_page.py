"""A schedule's page: all kinds of overrides, joining and leaving at a date, shadows; previewed, then saved."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import unescape
from typing import Any

import httpx

from firebell.kit.clock import FakeClock
from tests.api.api_clients import browser
from tests.html_forms import form_of
from tests.oncall_world import Rota, day, rota
from tests.world import ANSWERS

PAGE = "/oncall/daily"


@dataclass
class Desk:
    """Mara before the page of the daily rota, whose times are read in UTC."""

    r: Rota
    http: httpx.AsyncClient
    csrf: str

    async def send(self, form: str, *, preview: bool = False, **fields: Any) -> httpx.Response:
        """Send one of the page's forms, or preview it."""
        data = {"csrf": self.csrf, "tz": "UTC", **{name: str(value) for name, value in fields.items()}}
        query = {"preview": "yes"} if preview else None
        return await self.http.post(f"{PAGE}/{form}", data=data, params=query)

    async def saved(self, form: str, **fields: Any) -> None:
        """Preview a form, which changes nothing and shows something, then save it."""
        before = await self.r.schedule()
        response = await self.send(form, preview=True, **fields)
        assert response.status_code == 200, response.text
        assert "What will change" in response.text
        assert await self.r.schedule() == before
        done = await self.send(form, **fields)
        assert (done.status_code, done.headers.get("location")) == (303, PAGE), done.text


@asynccontextmanager
async def desk(dsn: str, clock: FakeClock) -> AsyncIterator[Desk]:
    async with rota(dsn, clock) as r, browser(r.w) as http:
        await http.post("/login", data=LOGIN)
        shown = (await http.get(PAGE)).text
        yield Desk(r, http, shown.partition('name="csrf" value="')[2].partition('"')[0])


LOGIN = {"email": ANSWERS.email, "password": ANSWERS.password}
DAYTIME: dict[str, Any] = {"start": "2026-11-25T08:00", "end": "2026-11-25T16:00"}
"""On the day that is Jun's."""


async def test_every_kind_of_override_is_previewed_and_saved(dsn: str, clock: FakeClock) -> None:
    async with desk(dsn, clock) as d:
        mara, jun, ada = d.r.w.mara, d.r.w.jun, d.r.ada
        override = {
            "set": ({"person": ada}, (ada,)),
            "add": ({"person": ada}, (jun, ada)),
            "map": ({"person": mara, "instead": jun}, (mara,)),
            "remove": ({"person": jun}, ()),
        }
        for kind, (fields, expected) in override.items():
            await d.saved("override", kind=kind, **fields, **DAYTIME)
            assert await d.r.who(day(1, 12)) == expected
            edit = (await d.r.schedule()).overrides[-1]
            page = await d.http.post(f"{PAGE}/edits/{edit.id}/remove", data={"csrf": d.csrf})
            assert page.status_code == 303
        await d.saved("override", kind="set", person="nobody", **DAYTIME)
        assert await d.r.who(day(1, 12)) == ()


async def test_the_preview_of_an_override_lists_who_gains_and_new_gaps(dsn: str, clock: FakeClock) -> None:
    async with desk(dsn, clock) as d:
        response = await d.send("override", preview=True, kind="remove", person=d.r.w.jun, **DAYTIME)
        here = response.text.partition('id="preview-override"')[2].partition("</form>")[0]
        assert '<td>Jun Okafor</td><td class="r num">-8</td>' in here
        assert "Coverage gap</b> Wed 25 Nov 08:00 to 16:00" in here
        early = await d.send("override", preview=True, kind="set", person=d.r.w.jun, start="", end="")
        assert "What will change" not in early.text


async def test_an_override_needs_no_typed_time(dsn: str, clock: FakeClock) -> None:
    async with desk(dsn, clock) as d:
        ada, now = d.r.ada, d.r.w.now
        await d.saved("override", kind="set", person=ada, start="", lasts="handoff", end="")
        edit = (await d.r.schedule()).overrides[-1]
        assert (edit.start, edit.end) == (now, day(1))
        await d.saved("override", kind="set", person=ada, start="2026-11-26T20:00", lasts="8")
        assert (await d.r.schedule()).overrides[-1].end == day(3, 4)
        await d.saved("override", kind="set", person=ada, lasts="handoff", **DAYTIME)
        assert (await d.r.schedule()).overrides[-1].end == day(1, 16)
        shown = (await d.http.get(PAGE)).text
        assert "The next handoff is " in shown
        for lasts, message in (
            ("3", "Choose a duration from the list."),
            ("", "Enter an end, or choose a duration."),
        ):
            wrong = await d.send("override", kind="set", person=ada, lasts=lasts)
            assert (wrong.status_code, message in wrong.text) == (422, True), message


async def test_the_picture_shows_results_alone_when_asked(dsn: str, clock: FakeClock) -> None:
    async with desk(dsn, clock) as d:
        full, brief = [(await d.http.get("/oncall", params=q)).text for q in ({}, {"brief": "yes"})]
        assert (full.count('<div class="lane final">'), brief.count('<div class="lane final">')) == (3, 3)
        assert (full.count('<div class="lane">'), brief.count('<div class="lane">')) == (3, 0)
        assert "at=&amp;brief=yes" in full
        assert "Show layers" in brief


async def test_the_list_of_many_schedules_shows_two_days_and_every_gap(dsn: str, clock: FakeClock) -> None:
    async with desk(dsn, clock) as d:
        nobody: dict[str, Any] = {
            "kind": "set",
            "person": "nobody",
            "start": "2026-11-27T08:00",
            "end": "2026-11-27T16:00",
        }
        assert (await d.send("override", **nobody)).status_code == 303

        def listed(page: str) -> tuple[str, str]:
            daily = page.partition('<div class="agenda">')[2].partition(">Daily</h2>")[2]
            shown, _, folded = daily.partition("</section>")[0].partition("<details")
            return shown, folded

        shown, folded = listed((await d.http.get("/oncall")).text)
        assert re.findall(r"<h3[^>]*>(\w+)", shown) == ["Tuesday", "Wednesday"]
        assert "Fri 27 Nov 09:00 to 17:00" in shown
        assert re.findall(r"<h3[^>]*>(\w+)", folded) == ["Thursday", "Friday", "Saturday", "Sunday"]
        assert "Rest of the week" in folded
        whole, _ = listed((await d.http.get(PAGE)).text)
        assert re.findall(r"<h3[^>]*>(\w+)", whole)[-1] == "Sunday"


async def test_an_override_that_cannot_be_keeps_what_was_typed(dsn: str, clock: FakeClock) -> None:
    async with desk(dsn, clock) as d:
        jun = d.r.w.jun
        for fields, message in (
            ({"kind": "map", "person": jun, "instead": jun}, "Choose someone else."),
            ({"kind": "add", "person": "nobody"}, "Choose a person."),
            ({"kind": "halve", "person": jun}, "Choose a type from the list."),
        ):
            wrong = await d.send("override", **fields, reason="a wedding", **DAYTIME)
            assert (wrong.status_code, message in wrong.text) == (422, True), message
            assert 'value="a wedding"' in wrong.text
            assert f'value="{DAYTIME["start"]}"' in wrong.text
        tokyo = await d.send("override", kind="add", person="nobody", tz="Asia/Tokyo", **DAYTIME)
        assert '<input type="hidden" name="tz" value="Asia/Tokyo">' in tokyo.text
        assert (await d.r.schedule()).overrides == ()


async def test_someone_joins_and_leaves_at_a_date(dsn: str, clock: FakeClock) -> None:
    async with desk(dsn, clock) as d:
        mara, jun, ada = d.r.w.mara, d.r.w.jun, d.r.ada
        layer = (await d.r.schedule()).layers[0].id
        await d.saved("rotation", who=ada, verb="leave", begins="2026-11-27T00:00")
        assert [await d.r.who(day(n, 12)) for n in range(5)] == [(mara,), (jun,), (ada,), (mara,), (jun,)]
        gone = await d.send("rotation", who=ada, verb="leave", begins="2026-11-28T00:00")
        assert (gone.status_code, "Choose someone in the rotation." in gone.text) == (422, True)
        old = await d.send("rotation", who=ada, verb="join", layer=layer, begins="2026-11-28T00:00")
        assert (old.status_code, f"Daily has no layer {layer} at that time." in old.text) == (404, True)

        new = (await d.r.schedule()).layers[-1].id
        past = await d.send("rotation", who=ada, verb="join", layer=new, begins="2026-11-20T00:00")
        assert "The change starts in the past." in past.text
        wrong = await d.send("rotation", who=ada, verb="join", layer=new, turn="first")
        assert 'id="e-turn"' in wrong.text
        await d.saved("rotation", who=ada, verb="join", layer=new, turn=2, begins="2026-11-30T00:00")
        turns = [await d.r.who(day(n, 12)) for n in range(6, 10)]
        assert sorted(turns[:3]) == sorted([(mara,), (jun,), (ada,)])
        page = (await d.http.get(PAGE)).text
        assert "Mara Lindqvist, Ada Byron, Jun Okafor" in page


async def test_shadows_are_listed_added_and_ended(dsn: str, clock: FakeClock) -> None:
    async with desk(dsn, clock) as d:
        jun, ada = d.r.w.jun, d.r.ada
        assert "No shadows." in (await d.http.get(PAGE)).text
        assert (await d.send("shadows", learner=ada, of=jun, since="", until="")).status_code == 303
        until: dict[str, Any] = {"since": "2026-11-25T09:00", "until": "2026-11-26T09:00"}
        assert (await d.send("shadows", learner=jun, of="", **until)).status_code == 303
        page = (await d.http.get(PAGE)).text
        assert "Ada Byron shadows Jun Okafor" in page
        assert "Jun Okafor shadows everyone on call" in page
        self_ = await d.send("shadows", learner=ada, of=ada)
        assert (self_.status_code, "can’t shadow themselves." in self_.text) == (422, True)
        nobody = await d.send("shadows", learner="")
        assert (nobody.status_code, "Choose a person." in nobody.text) == (422, True)
        first = (await d.r.schedule()).shadows[0].id
        done = await d.http.post(f"{PAGE}/shadows/{first}/end", data={"csrf": d.csrf})
        assert done.status_code == 303
        assert "Ada Byron shadows" not in (await d.http.get(PAGE)).text


async def test_pages_read_what_they_show_and_show_all_of_it(dsn: str, clock: FakeClock) -> None:
    async with desk(dsn, clock) as d:
        await d.saved("override", kind="set", person=d.r.ada, reason="a wedding", **DAYTIME)
        away = {"start": "2026-12-28T00:00", "end": "2026-12-29T00:00"}
        await d.saved("override", kind="set", person="nobody", **away)
        clock.set(day(20, 3))
        # a session ends after two weeks without use
        await d.http.post("/login", data=LOGIN)
        past = {"view": "day", "at": "2026-11-25", "tz": "UTC"}
        for path in ("/oncall", PAGE):
            assert "Ada Byron, Wed 25 Nov 08:00 to 16:00" in (await d.http.get(path, params=past)).text
            now = (await d.http.get(path)).text
            assert "Ada Byron, Wed 25 Nov 08:00" not in now
            # 28 December is within 28 days, and beyond the week that is shown
            assert "has a coverage gap Mon 28 Dec 01:00 to Tue 29 Dec 01:00" in now
        page = (await d.http.get(PAGE)).text
        assert "No one (intentional gap)" in page.partition('id="edits"')[2]
        assert "a wedding" not in page


async def test_a_draft_is_drawn_and_a_shift_is_overridden_for_tonight(dsn: str, clock: FakeClock) -> None:
    async with desk(dsn, clock) as d:
        before = await d.r.schedule()
        fields = form_of((await d.http.get(f"{PAGE}/edit")).text, f"{PAGE}/edit")
        # the second layer has no one yet: its hours are kept, and the draft is drawn without it
        pressed = await d.http.post(f"{PAGE}/edit?preview=yes", data={**fields, "do": "hours-weekends-1"})
        assert re.findall(r'name="(?:open|shut|later)-1" value="([\d:]+)"', pressed.text) == [
            "17:00",
            "09:00",
        ]
        assert pressed.text.count('class="lane final"') == 4
        fields = form_of(pressed.text, f"{PAGE}/edit")
        fields["slot-1"][0] = str(d.r.ada)
        outlined = re.compile(r'class="sh [^"]* ov"')
        assert outlined.search((await d.http.post(f"{PAGE}/edit?preview=yes", data=fields)).text)
        # below the other layer, it never applies
        moved = await d.http.post(f"{PAGE}/edit?preview=yes", data={**fields, "do": "up-1"})
        assert (
            f'value="{d.r.ada}" selected'
            in moved.text.partition('name="slot-0"')[2].partition("</select>")[0]
        )
        assert not outlined.search(moved.text)
        assert await d.r.schedule() == before

        shift = await d.http.get(f"{PAGE}/shift")
        assert 'name="lasts"' in shift.text
        assert 'id="shift"' in shift.text
        over = await d.http.get(f"{PAGE}/shift", params={"at": "2020-01-01T00:00:00Z"})
        assert over.status_code == 404
        span = re.search(r'name="shift" value="([^"|]+\|[^"]+)"', shift.text)
        assert span
        start, end = (datetime.fromisoformat(unescape(x)) for x in span[1].split("|"))
        await d.send("override", person=d.r.ada, lasts="shift", shift=span[1])
        assert (
            await d.r.who(max(start, clock.now())) == await d.r.who(end - timedelta(seconds=1)) == (d.r.ada,)
        )
        refused = await d.send("override", person=d.r.ada, lasts="shift", shift="gone")
        assert refused.status_code == 422
