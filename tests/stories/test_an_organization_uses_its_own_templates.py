"""Story: everyone who signs in reads the handbook; managers change its templates, and incidents use them."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from tests.api.api_clients import browser
from tests.world import World, world

MARA, JUN = "mara@example.org", "jun@example.org"
PASSWORD = "a quiet night please"


@asynccontextmanager
async def desk(dsn: str, clock: FakeClock) -> AsyncIterator[tuple[World, httpx.AsyncClient]]:
    async with world(dsn, clock) as w, browser(w) as http:
        await w.set_password(w.jun, PASSWORD)
        yield w, http


async def sign_in(http: httpx.AsyncClient, email: str) -> None:
    http.cookies.clear()
    await http.post("/login", data={"email": email, "password": PASSWORD})


async def post(http: httpx.AsyncClient, path: str, **form: Any) -> httpx.Response:
    token = re.search(r'name="csrf" value="([^"]+)"', (await http.get("/settings")).text)
    assert token
    return await http.post(path, data={"csrf": token[1], **form})


async def test_everyone_who_signs_in_reads_the_handbook(dsn: str, clock: FakeClock) -> None:
    async with desk(dsn, clock) as (_, http):
        for path in ("/handbook", "/handbook/references/incident-roles", "/handbook/templates"):
            answer = await http.get(path)
            assert (answer.status_code, answer.headers["location"].split("?")[0]) == (303, "/login")
        await sign_in(http, JUN)
        assert "Something is broken right now" in (await http.get("/handbook")).text
        assert "Managing incidents</h1>" in (await http.get("/handbook/SKILL")).text
        by_name = await http.get("/handbook/SKILL", follow_redirects=True)
        assert "Managing incidents</h1>" in by_name.text
        assert (await http.get("/handbook/references/nothing")).status_code == 404
        assert (await http.get("/handbook/../../pyproject.toml")).status_code == 404
        moved = await http.get("/handbook/references/incident-roles.md")
        assert moved.headers["location"] == "/handbook/references/incident-roles"
        response = await http.get("/handbook", params={"q": "<b>commander"})
        assert "<b>commander" not in response.text.replace("<b>&lt;b&gt;commander", "")
        script = await http.get("/handbook/scripts/classify-severity", params={"download": "yes"})
        assert script.headers["content-disposition"] == 'attachment; filename="classify-severity.py"'
        assert script.text.startswith("#!/usr/bin/env python3")


async def test_responders_read_templates_and_managers_edit_them(dsn: str, clock: FakeClock) -> None:
    async with desk(dsn, clock) as (w, http):
        await sign_in(http, JUN)
        page = await http.get("/handbook/templates/update-first")
        assert "Preview with sample data" in page.text
        assert "<textarea" not in page.text
        refused = await post(http, "/handbook/templates/update-first", body="{{ref}} burns")
        assert refused.status_code == 403
        assert (await post(http, "/handbook/templates/update-first/reset")).status_code == 403

        await sign_in(http, MARA)
        wrong = await post(http, "/handbook/templates/update-first", body="{{rfe}} burns")
        assert wrong.status_code == 422
        assert "no placeholder {{rfe}}" in wrong.text
        assert ">{{rfe}} burns</textarea>" in wrong.text
        saved = await post(http, "/handbook/templates/update-first", body="{{ref}} burns\r\nin {{services}}")
        assert saved.status_code == 303
        assert "Changed by Mara Lindqvist" in (await http.get("/handbook/templates/update-first")).text

        await sign_in(http, JUN)
        async with w.ctx.db.tx() as tx:
            jun = await w.actor(w.jun)
            await incidents.declare(
                tx, jun, title="Cards fail", severity=1, service_ids=[w.service], now=w.now
            )
        room = await http.get("/incidents/INC-1", params={"template": "update-first"})
        assert ">INC-1 burns\nin Checkout</textarea>" in room.text
        assert (await http.get("/incidents/INC-1", params={"template": "nothing"})).status_code == 404
        messages = (await http.get("/incidents/INC-1/messages")).text
        assert "INC-1 burns\nin Checkout" in messages
        assert messages.index('id="update-first"') < messages.index('id="status-monitoring"')


async def test_the_declaration_form_uses_the_handbooks_questions(dsn: str, clock: FakeClock) -> None:
    async with desk(dsn, clock) as (_, http):
        await sign_in(http, MARA)
        page = (await http.get("/incidents/new")).text
        assert "Customers can reach their goal in another way that they know of." in page
        assert "Minor: a small subset of customers" in page
        wrong = await post(http, "/handbook/templates/sev2", body="Some shops are hit")
        assert "sev2 needs two lines and has 1" in wrong.text
        await post(http, "/handbook/templates/sev2", body="Some shops are hit\nMail the shop desk")
        page = (await http.get("/incidents/new")).text
        assert "Minor: a small subset of customers" not in page
        assert "Some shops are hit" in page
        assert "Mail the shop desk" in page
        assert 'href="/handbook/references/severity-classification"' in page
