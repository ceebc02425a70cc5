"""Hashing passwords takes long, and many people do it at once: no connection of the pool waits for it meanwhile."""

import asyncio
from collections.abc import Awaitable
from contextlib import AsyncExitStack

import httpx
import pytest

from firebell.kit.clock import FakeClock
from firebell.kit.context import Context
from firebell.kit.errors import Invalid
from firebell.kit.threads import PASSWORDS
from firebell.people import actions as people
from firebell.process import connected
from tests.api.api_clients import organization
from tests.api.test_setup_needs_its_token import FORM, client, token_in
from tests.servers import until
from tests.world import settings

PASSWORD = "lanterns over harbor"


async def waits_without_a_connection(ctx: Context, request: Awaitable[httpx.Response]) -> httpx.Response:
    """Send a request that hashes a password while no thread is free for it, and return its response."""
    async with AsyncExitStack() as busy:
        for _ in range(PASSWORDS._size):
            await busy.enter_async_context(PASSWORDS.turn())
        sent = asyncio.ensure_future(request)

        async def is_waiting() -> bool:
            return bool(PASSWORDS._waiting)

        await until(is_waiting, "the password waits for a thread")
        assert ctx.db.pool_usage().used == 0
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
