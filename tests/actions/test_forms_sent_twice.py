"""A form that creates something and is sent twice creates it once, and leads to the first result."""

import asyncio
from datetime import timedelta

import httpx

from firebell.kit.clock import FakeClock
from firebell.kit.web import csrf
from firebell.people import submitted_form_store
from tests.api.api_clients import browser, sign_in
from tests.api.full_organization import everything
from tests.world import World

ENTRIES = "/incidents/INC-1/entries"


async def count(w: World, table: str) -> int:
    async with w.ctx.db.tx() as tx:
        return int(await tx.value(f"select count(*) from {table}"))


async def test_a_double_tap_declares_one_incident_and_shows_it(dsn: str, clock: FakeClock) -> None:
    async with everything(dsn, clock) as e, browser(e.w) as http:
        token = csrf.mask(await sign_in(e.w, http, e.w.mara))
        before = await count(e.w, "incident")
        form = {
            "title": "Search is slow",
            "severity": "3",
            "service": str(e.w.service),
            "csrf": token,
            "once": "yes",
        }
        answers = await asyncio.gather(*[http.post("/incidents/new", data=form) for _ in range(4)])
        assert {answer.status_code for answer in answers} == {303}
        assert len({answer.headers["location"] for answer in answers}) == 1
        assert await count(e.w, "incident") == before + 1
        again = await http.post("/incidents/new", data=form)
        assert again.headers["location"] == answers[0].headers["location"]
        assert await count(e.w, "incident") == before + 1


async def test_back_and_resend_posts_one_update_but_a_fresh_or_changed_form_another(
    dsn: str, clock: FakeClock
) -> None:
    async with everything(dsn, clock) as e, browser(e.w) as http:
        plain = await sign_in(e.w, http, e.w.mara)

        async def post(text: str, token: str) -> httpx.Response:
            form = {"kind": "update", "text": text, "csrf": token, "once": "yes"}
            answer = await http.post(ENTRIES, data=form)
            assert answer.status_code == 303
            return answer

        async def posted() -> int:
            async with e.w.ctx.db.tx() as tx:
                return int(await tx.value("select count(*) from timeline_entry where text like 'Still%'"))

        first, fresh = csrf.mask(plain), csrf.mask(plain)
        locations = {(await post("Still slow", first)).headers["location"] for _ in range(3)}
        assert (len(locations), await posted()) == (1, 1)
        await post("Still slow", fresh)
        await post("Still slow in Paris", first)
        assert await posted() == 3


async def test_a_refused_form_can_be_sent_again(dsn: str, clock: FakeClock) -> None:
    async with everything(dsn, clock) as e, browser(e.w) as http:
        token = csrf.mask(await sign_in(e.w, http, e.w.mara))
        form = {"kind": "update", "text": " ", "csrf": token, "once": "yes"}
        for _ in range(2):
            assert (await http.post(ENTRIES, data=form)).status_code == 422
        assert await count(e.w, "submitted_form") == 0


async def test_the_marks_of_submitted_forms_do_not_pile_up(dsn: str, clock: FakeClock) -> None:
    async with everything(dsn, clock) as e, browser(e.w) as http:
        plain = await sign_in(e.w, http, e.w.mara)
        for number in range(3):
            form = {"kind": "note", "text": f"Note {number}", "csrf": csrf.mask(plain), "once": "yes"}
            await http.post(ENTRIES, data=form)
        async with e.w.ctx.db.tx() as tx:
            assert await submitted_form_store.delete_forms(tx, e.w.now, 2) == 0
            assert await submitted_form_store.delete_forms(tx, e.w.now + timedelta(seconds=1), 2) == 2
        assert await count(e.w, "submitted_form") == 1


async def test_the_forms_that_create_something_are_accepted_once(dsn: str, clock: FakeClock) -> None:
    pages = {
        "/incidents/new": "/incidents/new",
        "/incidents/INC-1": ENTRIES,
        "/pages/PG-1": "/pages/PG-1/note",
        "/actions/new": "/actions/new",
    }
    async with everything(dsn, clock) as e, browser(e.w) as http:
        await sign_in(e.w, http, e.w.mara)
        for page, action in pages.items():
            html = (await http.get(page)).text
            part = html.partition(f'action="{action}"')[2].partition("</form>")[0]
            assert 'name="once"' in part, page
