"""Sessions: cookies, idle time, listing and ending, with their event streams."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from firebell.kit.clock import FakeClock
from firebell.oncall.calendars import actions as calendars
from firebell.oncall.calendars.model import FeedKind
from firebell.people import actions as people
from firebell.people import store
from firebell.people.audit_log import store as audit_store
from firebell.people.sessions.actions import AGE_LIMIT, IDLE_LIMIT, TOUCH_INTERVAL, topic
from firebell.people.sign_in import password_hashing
from tests.api.api_clients import TEST, Api, browser, key_of
from tests.servers import serve
from tests.world import ANSWERS, World, world

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


async def sign_in(http: httpx.AsyncClient, password: str = ANSWERS.password) -> httpx.Response:
    answer = await http.post("/login", data={"email": ANSWERS.email, "password": password})
    assert answer.status_code == 303
    return answer


async def is_in(http: httpx.AsyncClient) -> bool:
    return (await http.get("/api/v1/me")).status_code == 200


async def post(w: World, http: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    """Post a form with the newest session."""
    async with w.ctx.db.tx() as tx:
        csrf = await tx.value("select csrf from session order by id desc limit 1")
    answer = await http.post(path, data={"csrf": csrf, **fields})
    assert answer.status_code == 303, answer.text
    return answer


async def audited(w: World) -> list[tuple[str, dict[str, Any]]]:
    async with w.ctx.db.tx() as tx:
        return [(r["action"], r["detail"]) for r in (await audit_store.audit_entries(tx, None, 100))[::-1]]


async def test_on_https_the_cookies_have_the_host_prefix(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock, base_url="https://firebell.example.org") as w, browser(w) as http:
        http.headers["host"] = "firebell.example.org"
        cookies = (await sign_in(http)).headers.get_list("set-cookie")
        assert [cookie.partition("=")[0] for cookie in cookies] == [
            *("__Host-firebell_session", "__Host-firebell_device"),
        ]
        for cookie in cookies:
            parts = {part.strip() for part in cookie.split(";")}
            assert {"HttpOnly", "SameSite=lax", "Path=/", "Secure"} <= parts
            assert "Domain" not in cookie
        token = cookies[0].partition("=")[2].partition(";")[0]
        assert await with_cookie(http, f"__Host-firebell_session={token}") == 200
        assert await with_cookie(http, f"firebell_session={token}") == 401


async def with_cookie(http: httpx.AsyncClient, cookie: str) -> int:
    http.cookies.clear()
    return int((await http.get("/api/v1/me", headers={"cookie": cookie})).status_code)


async def test_behind_a_trusted_proxy_the_forwarded_protocol_decides(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, serve(dsn, FIREBELL_TRUSTED_PROXIES="127.0.0.1") as server:
        assert w.mara
        async with httpx.AsyncClient(base_url=server.url) as http:
            form = {"email": ANSWERS.email, "password": ANSWERS.password}
            plain = await http.post("/login", data=form)
            https = await http.post("/login", data=form, headers={"x-forwarded-proto": "https"})
    assert "Secure" not in plain.headers["set-cookie"]
    assert all(c.startswith("__Host-") and "Secure" in c for c in https.headers.get_list("set-cookie"))


async def test_a_session_ends_when_it_is_not_used(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await sign_in(http)
        clock.advance(IDLE_LIMIT - timedelta(minutes=1))
        assert await is_in(http)
        clock.advance(IDLE_LIMIT - timedelta(minutes=1))
        assert await is_in(http)
        clock.advance(IDLE_LIMIT)
        assert not await is_in(http)


async def test_a_session_ends_at_its_age_however_much_it_is_used(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await sign_in(http)
        began = w.now
        while w.now + timedelta(days=10) < began + AGE_LIMIT:
            clock.advance(timedelta(days=10))
            assert await is_in(http)
        clock.advance(timedelta(days=10))
        assert not await is_in(http)


async def test_the_use_of_a_session_is_recorded_now_and_then(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await sign_in(http)
        began = w.now

        async def last_used() -> Any:
            async with w.ctx.db.tx() as tx:
                return await tx.value("select last_used_at from session")

        clock.advance(TOUCH_INTERVAL / 2)
        assert await is_in(http)
        assert await last_used() == began
        clock.advance(TOUCH_INTERVAL / 2)
        assert await is_in(http)
        assert await last_used() == w.now


async def test_expired_sessions_are_pruned_by_an_index(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await sign_in(http)
        clock.advance(IDLE_LIMIT)
        await sign_in(http)
        async with w.ctx.db.tx() as tx:
            assert await tx.value("select count(*) from session") == 1
            await tx.execute("set local enable_seqscan = off")
            plan = await tx.fetch(
                "explain select id from session where expires_at <= $1 order by expires_at", w.now
            )
        assert "session_expires" in str(plan)


async def test_my_sessions_are_listed_and_ended_one_by_one(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w, "192.0.2.7") as laptop, browser(w, "192.0.2.8") as phone:
        laptop.headers["user-agent"] = FIREFOX
        await sign_in(laptop)
        clock.advance(timedelta(minutes=1))
        await sign_in(phone)
        body = (await phone.get("/api/v1/me/sessions")).json()
        assert [(s["browser"], s["address"], s["current"]) for s in body] == [
            ("Unknown browser", "192.0.2.8", True),
            ("Firefox on Linux", "192.0.2.7", False),
        ]
        page = await phone.get("/settings/sessions")
        assert "Firefox on Linux" in page.text
        await post(w, phone, f"/settings/sessions/{body[1]['id']}/end")
        assert not await is_in(laptop)
        assert await is_in(phone)
        assert (await audited(w))[-1] == ("session.ended", {"session": body[1]["id"]})


async def test_no_one_ends_the_session_of_another(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as mara:
        await sign_in(mara)
        (session,) = (await mara.get("/api/v1/me/sessions")).json()
        jun = Api(mara, await key_of(w.ctx.db, clock, w.jun))
        await jun("DELETE", f"/me/sessions/{session['id']}", status=404)
        await jun("DELETE", "/me/sessions", status=204)
        assert await is_in(mara)


async def test_a_key_that_only_reads_ends_no_session(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await sign_in(http)
        reader = Api(http, await key_of(w.ctx.db, clock, w.mara, ["oncall:read"]))
        (session,) = await reader("GET", "/me/sessions")
        assert session["current"] is False
        await reader("DELETE", f"/me/sessions/{session['id']}", status=403)
        await reader("DELETE", "/me/sessions", status=403)
        await key_of(w.ctx.db, clock, w.mara, ["pages:write"])
        await reader("DELETE", "/me/access", status=403)


async def test_everywhere_else_ends_all_sessions_but_this_one(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as one, browser(w) as other, browser(w) as here:
        for http in (one, other, here):
            await sign_in(http)
        await post(w, here, "/settings/sessions/end-others")
        assert [await is_in(http) for http in (one, other, here)] == [False, False, True]


async def test_changing_the_password_keeps_this_session_and_says_what_still_works(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w, browser(w) as other, browser(w) as here:
        key = await key_of(w.ctx.db, clock, w.mara)
        async with w.ctx.db.tx() as tx:
            _, feed = await calendars.create_feed(
                tx, TEST, kind=FeedKind.PERSON, subject_id=w.mara, made_by=w.mara, now=w.now
            )
        await sign_in(other)
        await sign_in(here)
        form = {"old": ANSWERS.password, "new": "lanterns over harbor"}
        answer = await post(w, here, "/settings/password", **form)
        assert answer.headers["location"] == "/settings/sessions"
        assert [await is_in(http) for http in (other, here)] == [False, True]
        page = (await here.get(answer.headers["location"])).text
        assert "1 API key" in page
        assert "1 calendar feed" in page
        await Api(here, key)("GET", "/me")
        await post(w, here, "/settings/access/revoke")
        await Api(here, key)("GET", "/me", status=401)
        assert (await here.get(f"/calendar/{feed}.ics")).status_code == 410
        assert await is_in(here)


@pytest.mark.parametrize("new", ["password1234", "short", "mara lindqvist"])
async def test_a_bad_new_password_is_refused_at_its_field(dsn: str, clock: FakeClock, new: str) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await sign_in(http)
        async with w.ctx.db.tx() as tx:
            csrf = await tx.value("select csrf from session")
        form = {"csrf": csrf, "old": ANSWERS.password, "new": new}
        answer = await http.post("/settings/password", data=form)
        assert answer.status_code == 422
        assert 'id="e-new"' in answer.text
        assert await is_in(http)


async def test_an_existing_password_stays_valid_however_short(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        async with w.ctx.db.tx() as tx:
            await store.set_password_hash(tx, w.mara, password_hashing.hash_password("firebell"))
        await sign_in(http, "firebell")


class Reader:
    """Reads an event stream of a running server line by line."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.aiter_lines()

    async def until(self, line: str) -> None:
        async with asyncio.timeout(60):
            async for received in self._lines:
                if received == line:
                    return
        raise AssertionError(f"The stream ended before {line!r}.")

    async def ended(self) -> bool:
        async with asyncio.timeout(60):
            async for _ in self._lines:
                pass
        return True


@pytest.mark.parametrize("how", ["sign-out", "password", "departure", "ended elsewhere"])
async def test_an_event_stream_ends_with_its_session(dsn: str, clock: FakeClock, how: str) -> None:
    async with world(dsn, clock) as w, serve(dsn) as server:
        async with httpx.AsyncClient(base_url=server.url) as http, w.ctx.db.tx() as tx:
            await people.update_person(tx, TEST, w.jun, role="admin", now=w.now)
        async with httpx.AsyncClient(base_url=server.url) as http:
            await sign_in(http)
            async with http.stream("GET", "/events?topics=pages") as response:
                reader = Reader(response)
                await reader.until("event: hello")
                async with w.ctx.db.tx() as tx:
                    await tx.live("pages")
                await reader.until("event: pages")
                await end(w, server.url, http, how)
                assert await reader.ended()
            answer = await http.get("/events?topics=pages")
            assert answer.status_code == 303


async def end(w: World, url: str, http: httpx.AsyncClient, how: str) -> None:
    """End the one session of Mara."""
    async with w.ctx.db.tx() as tx:
        csrf, session_id = await tx.row("select csrf, id from session")  # type: ignore[misc]
    match how:
        case "sign-out":
            assert (await http.post("/logout", data={"csrf": csrf})).status_code == 303
        case "password":
            new_hash = await people.hash_secret("lanterns over harbor")
            async with w.ctx.db.tx() as tx:
                old_hash = await store.password_hash(tx, w.mara)
                await people.change_password(tx, TEST, w.mara, old_hash, new_hash, w.now)
        case "departure":
            async with w.ctx.db.tx() as tx:
                await people.update_person(tx, TEST, w.mara, active=False, now=w.now)
        case _:
            answer = await http.post(f"/settings/sessions/{session_id}/end", data={"csrf": csrf})
            assert answer.status_code == 303


async def test_an_event_stream_ends_when_its_session_expires(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, serve(dsn) as server, httpx.AsyncClient(base_url=server.url) as http:
        await sign_in(http)
        async with http.stream("GET", "/events?topics=pages") as response:
            reader = Reader(response)
            await reader.until("event: hello")
            # an open stream, which then learns when its session expires: a slow request cannot come too late
            async with w.ctx.db.tx() as tx:
                await tx.execute("update session set expires_at = clock_timestamp() + interval '1 second'")
                await tx.live(topic(w.mara))
            for _ in range(20):
                async with w.ctx.db.tx() as tx:
                    await tx.live("pages")
                await asyncio.sleep(0.1)
            assert await reader.ended()
