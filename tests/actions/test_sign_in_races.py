"""Rights are checked in the statement that uses them: old passwords and one-use links win no race."""

import asyncio
from datetime import timedelta

import httpx
from fastapi import Request

from firebell.kit.clock import FakeClock
from firebell.kit.errors import Conflict, Invalid
from firebell.people import actions as people
from firebell.people.sign_in import actions as sign_in
from tests.api.api_clients import TEST, browser, key_of, organization
from tests.lock_waits import until_blocked
from tests.world import World, world

OLD, NEW = "a quiet night please", "lanterns over harbor"
EMAIL = "mara@example.org"


async def sessions_of(w: World, person: int) -> int:
    async with w.ctx.db.tx() as tx:
        return int(await tx.value("select count(*) from session where person_id = $1", person))


async def test_sign_ins_with_the_old_password_do_not_outlive_its_change(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        old_hash = await hash_of(w, w.mara)

        async def sign_in() -> int:
            http.cookies.clear()
            return (await http.post("/login", data={"email": EMAIL, "password": OLD})).status_code

        async def change() -> int:
            async with w.ctx.db.tx() as tx:
                mara = await people.person(tx, w.mara)
            new_hash = await people.hash_password(NEW, mara)
            async with w.ctx.db.tx() as tx:
                await people.change_password(tx, TEST, w.mara, old_hash, new_hash, w.now)
            return 0

        answers = await asyncio.gather(
            *[sign_in() for _ in range(4)], change(), *[sign_in() for _ in range(4)]
        )
        assert set(answers) <= {0, 303, 422}
        assert await sessions_of(w, w.mara) == 0


async def hash_of(w: World, person: int) -> str:
    async with w.ctx.db.tx() as tx:
        return str(await tx.value("select password_hash from person where id = $1", person))


async def test_a_session_that_waits_for_a_change_of_password_is_not_made(dsn: str, clock: FakeClock) -> None:
    """The password was right when it was verified, and changed before the session was stored."""
    async with world(dsn, clock) as w, browser(w) as http:
        verified = await hash_of(w, w.mara)
        request = await a_request(http, w)

        async def start() -> str:
            async with w.ctx.db.tx() as tx:
                mara = await people.person(tx, w.mara)
                return await sign_in.open_session(tx, request, mara, w.now, verified)

        async with w.ctx.db.tx() as tx:
            await people.change_password(
                tx,
                TEST,
                w.mara,
                verified,
                await people.hash_password(NEW, await people.person(tx, w.mara)),
                w.now,
            )
            waiting = asyncio.create_task(start())
            await until_blocked(w.ctx.db, waiting)
        (outcome,) = await asyncio.gather(waiting, return_exceptions=True)
        assert isinstance(outcome, Invalid)
        assert await sessions_of(w, w.mara) == 0


async def a_request(http: httpx.AsyncClient, w: World) -> Request:
    app = await http._transport.app.load()  # type: ignore[attr-defined]
    scope = {
        "type": "http",
        "headers": [],
        "client": ("127.0.0.1", 1),
        "app": app,
        "path": "/",
        "method": "POST",
    }
    return Request(scope)


async def test_one_of_two_changes_from_the_same_password_succeeds(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        old_hash = await hash_of(w, w.mara)

        async def change(password: str) -> str:
            async with w.ctx.db.tx() as tx:
                mara = await people.person(tx, w.mara)
                new_hash = await people.hash_password(password, mara)
                await people.change_password(tx, TEST, w.mara, old_hash, new_hash, w.now)
            return new_hash

        outcomes = await asyncio.gather(change(NEW), change("another quiet night"), return_exceptions=True)
        stored = [outcome for outcome in outcomes if isinstance(outcome, str)]
        assert stored == [await hash_of(w, w.mara)]


async def test_a_sign_in_link_that_is_used_four_times_at_once_works_once(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        async with w.ctx.db.tx() as tx:
            link = await people.welcome_link(tx, TEST, w.ctx.signer, w.jun, w.now)
        passwords = [f"lanterns over harbor {n}" for n in range(4)]
        answers = await asyncio.gather(*[http.post(link, data={"password": p}) for p in passwords])
        codes = [answer.status_code for answer in answers]
        assert sorted(codes) == [303, 422, 422, 422]
        assert await sessions_of(w, w.jun) == 1
        chosen = passwords[codes.index(303)]
        form = {"email": "jun@example.org", "password": chosen}
        assert (await http.post("/login", data=form)).status_code == 303


async def test_a_link_in_a_message_that_is_used_four_times_at_once_acknowledges_once(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await w.alert()
        await w.settle()
        path = w.sink.got[-1]["ack_url"].removeprefix("http://127.0.0.1:8080")
        answers = await asyncio.gather(*[http.post(path) for _ in range(4)])
        assert [answer.status_code for answer in answers] == [200] * 4
        async with w.ctx.db.tx() as tx:
            assert await tx.value("select count(*) from used_link") == 1
            assert await tx.value("select count(*) from page_log where kind = 'acked'") == 1


async def test_a_link_for_an_account_that_was_closed_meanwhile_chooses_nothing(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        async with w.ctx.db.tx() as tx:
            link = await people.welcome_link(tx, TEST, w.ctx.signer, w.jun, w.now)
        clock.advance(timedelta(seconds=1))
        async with w.ctx.db.tx() as tx:
            await people.update_person(tx, TEST, w.jun, active=False, now=w.now)
            waiting = asyncio.create_task(http.post(link, data={"password": NEW}))
            await until_blocked(w.ctx.db, waiting)
        assert (await waiting).status_code == 422
        assert await sessions_of(w, w.jun) == 0


async def test_bug_a_key_or_feed_created_while_its_owner_was_deactivated_worked_after_their_return(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api):
        creator = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        async with w.ctx.db.tx() as tx:
            await people.update_person(tx, TEST, w.jun, active=False, now=w.now)
            waiting = [
                asyncio.create_task(key_of(w.ctx.db, clock, w.jun)),
                asyncio.create_task(creator.answer("POST", "/calendar-feeds", {"kind": "person"})),
            ]
            await until_blocked(w.ctx.db, *waiting)
        key, feed = await asyncio.gather(*waiting, return_exceptions=True)
        assert isinstance(key, Conflict)
        assert isinstance(feed, httpx.Response)
        assert feed.status_code == 409
