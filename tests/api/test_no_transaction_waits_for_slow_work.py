"""Hashing a password and parsing a document take long, and many do it at once: no connection of the pool waits."""

import asyncio
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from uuid import UUID

import httpx
import pytest

from firebell.kit.clock import FakeClock
from firebell.kit.context import Context
from firebell.kit.errors import Invalid
from firebell.kit.process_pool import DOCUMENTS
from firebell.kit.threads import PASSWORDS, Pool
from firebell.people import actions as people
from firebell.process import connected
from firebell.runbooks import isolated_parser
from firebell.runbooks.runs.steps_from_text import sha256_of
from tests.api.api_clients import organization, sign_in
from tests.api.test_setup_needs_its_token import FORM, client, token_in
from tests.servers import until
from tests.world import settings

PASSWORD = "lanterns over harbor"


async def waits_without_a_connection(
    ctx: Context, request: Awaitable[httpx.Response], pool: Pool = PASSWORDS
) -> httpx.Response:
    """Send a request while no thread is free for its slow work, and return its response."""
    async with AsyncExitStack() as busy:
        for _ in range(pool._size):
            await busy.enter_async_context(pool.turn())
        sent = asyncio.ensure_future(request)

        async def is_waiting_without_one() -> bool:
            assert not sent.done(), "a request that gave up has returned its connection, too"
            # a connection that another request returns, or that is being opened, is in use for a moment
            return bool(pool._waiting) and ctx.db.pool_usage().used == 0

        await until(is_waiting_without_one, "the work waits for a thread, and no connection for the work")
    return await sent


async def test_a_person_with_a_password_is_added_over_json(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        person = {"name": "Ada", "email": "ada@example.org", "password": PASSWORD}
        added = await waits_without_a_connection(w.ctx, api.answer("POST", "/people", person))
        assert added.status_code == 201
        signed_in = await api.http.post("/login", data={"email": "ada@example.org", "password": PASSWORD})
        assert signed_in.status_code == 303


async def test_the_first_person_sets_firebell_up(dsn: str, clock: FakeClock) -> None:
    async with connected(settings(), dsn, clock) as ctx, client(ctx, "127.0.0.1") as http:
        form = {**FORM, "token": token_in(await http.get("/setup"))}
        done = await waits_without_a_connection(ctx, http.post("/setup", data=form))
        assert (done.status_code, done.headers["location"]) == (303, "/setup/done?service=checkout")


async def test_a_person_signs_in(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        form = {"email": "mara@example.org", "password": FORM["password"]}
        signed_in = await waits_without_a_connection(w.ctx, api.http.post("/login", data=form))
        assert signed_in.status_code == 303


async def test_each_wrong_field_of_a_person_with_a_password_is_named() -> None:
    with pytest.raises(Invalid) as refused:
        await people.hash_new_password(name="", email="x", role="king", tz="Mars", password="short")
    assert set(refused.value.fields) == {"name", "email", "role", "tz", "password"}


async def test_documents_that_are_sent_are_parsed(dsn: str, clock: FakeClock) -> None:
    """A few runbooks that took seconds to parse occupied the connections of the pool."""
    async with organization(dsn, clock) as (w, api):
        push = {"kind": "push", "name": "CI", "paths": ["**/*.md"]}
        source = await api("POST", "/runbook-sources", push, status=201)
        text = f"# Restart {w.ctx.db.dsn}\n\n## Steps\n\n1. Restart it.\n"
        file = {"path": "a.md", "body": f"{text}2. Look.\n"}
        template = {"name": "a.md", "text": f"{text}3. Go.\n"}
        for method, path, body, status in (
            ("PUT", "/runbooks/restart", {"body": text}, 200),
            ("POST", f"/runbook-sources/{source['id']}/push", {"commit": "c1", "files": [file]}, 200),
            ("POST", "/templates/apply", {"files": [template]}, 422),
        ):
            sent = api.answer(method, path, body)
            answer = await waits_without_a_connection(w.ctx, sent, DOCUMENTS._pool)
            assert answer.status_code == status, answer.text
        shown = await api("GET", "/runbooks")
        assert {each["title"] for each in shown if each["slug"] in ("restart", "a")} == {
            f"Restart {w.ctx.db.dsn}"
        }


async def test_a_run_is_started_at_a_terminal_and_on_the_web(dsn: str, clock: FakeClock) -> None:
    """The text used to be parsed while others who started the same runbook waited for the lock."""
    async with organization(dsn, clock) as (w, api):
        csrf = await sign_in(w, api.http, w.mara)
        text = f"# Fence {w.ctx.db.dsn}\n\n## Steps\n\n1. Fence it.\n"
        run = {"client_id": str(UUID(int=7)), "slug": "fence", "sha256": sha256_of(text), "body": text}
        sent = api.answer("POST", "/runbook-runs", run)
        answer = await waits_without_a_connection(w.ctx, sent, DOCUMENTS._pool)
        assert answer.status_code == 201, answer.text
        await api("PUT", "/runbooks/cool", {"body": text.replace("Fence", "Cool")})
        # as in another process, or after the text was dropped from the cache
        DOCUMENTS._results.clear()
        DOCUMENTS._bytes = 0
        isolated_parser._parsed.clear()
        posted = api.http.post("/runbooks/runs", data={"runbook": "cool", "csrf": csrf})
        started = await waits_without_a_connection(w.ctx, posted, DOCUMENTS._pool)
        assert (started.status_code, started.headers["location"]) == (303, "/runbooks/runs/RUN-2")


async def test_a_runbook_that_is_saved_on_the_web_is_parsed(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        csrf = await sign_in(w, api.http, w.mara)
        body = f"# Drain {w.ctx.db.dsn}\n\n## Steps\n\n1. Drain it.\n"
        form = {"body": body, "version": "0", "csrf": csrf}
        sent = api.http.post("/runbooks/drain", data=form)
        saved = await waits_without_a_connection(w.ctx, sent, DOCUMENTS._pool)
        assert (saved.status_code, saved.headers["location"]) == (303, "/runbooks/drain")
