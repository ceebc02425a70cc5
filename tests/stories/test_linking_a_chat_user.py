"""A user of a chat becomes a person: by a page of their own, by an admin, and no longer once they leave."""

import re
from datetime import timedelta

import httpx
import pytest

from firebell.chat.received import store as inbound_store
from firebell.chat.users import ChatUser
from firebell.kit.clock import FakeClock
from firebell.people import actions as people
from tests.api.api_clients import TEST, Api, key_of, sign_in
from tests.chat_inbound_world import ADA, JUN, MARA, ChatWorld, chat_world
from tests.standins.slack.inbound import buttons


async def stored(c: ChatWorld, who: str) -> ChatUser | None:
    """Return a user as it is stored."""
    async with c.world.ctx.db.tx() as tx:
        return await inbound_store.user(tx, c.account, who)


async def link_path(c: ChatWorld, who: str) -> str:
    """Return the path of the link page that a refused user gets."""
    refused = await c.slack.command("/incident INC-1 update 502s are gone", who)
    (button,) = buttons(refused)
    return str(button["url"]).removeprefix("http://127.0.0.1:8080")


async def post(http: httpx.AsyncClient, path: str) -> httpx.Response:
    """Open a link page and confirm it."""
    page = await http.get(path)
    csrf = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert csrf
    return await http.post(path, data={"csrf": csrf[1]})


async def test_a_user_links_themselves_once_and_can_act_at_once(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as c:
        await c.declared()
        path, http = await link_path(c, ADA), c.slack.http
        stranger = await http.get(path)
        assert (stranger.status_code, stranger.headers["location"].startswith("/login")) == (303, True)
        await sign_in(c.world, http, c.world.jun)
        page = await http.get(path)
        assert "Ada L." in page.text
        assert "/incident INC-1 update 502s are gone" in page.text
        user = await stored(c, ADA)
        assert user is not None
        assert user.person_id is None
        assert (await post(http, path)).status_code == 303
        user = await stored(c, ADA)
        assert user is not None
        assert (user.person_id, user.how) == (c.world.jun, "explicit")
        assert (await http.post(path, data={"csrf": ""})).status_code == 403
        assert (await post(http, path)).status_code == 410
        await c.slack.command("/incident INC-1 update 502s are gone", ADA)
        updates = [(e.actor_id, e.text) for e in await c.timeline(1) if e.kind == "update"]
        assert updates == [(c.world.jun, "502s are gone")]
        # Jun has one user in this workspace: the address no longer links another one
        await c.slack.command("/incident INC-1 update again", JUN)
        assert len([e for e in await c.timeline(1) if e.kind == "update"]) == 1


async def test_a_link_page_expires_and_cannot_be_forged(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as c:
        await c.declared()
        path = await link_path(c, ADA)
        await sign_in(c.world, c.slack.http, c.world.jun)
        assert (await c.slack.http.get(f"{path[:-2]}xx")).status_code == 422
        clock.advance(timedelta(minutes=15))
        assert (await c.slack.http.get(path)).status_code == 422


async def test_who_leaves_can_do_nothing_from_the_chat(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as c:
        await c.declared()
        await c.slack.command("/incident update still here", JUN, "C1")
        async with c.world.ctx.db.tx() as tx:
            await people.update_person(tx, TEST, c.world.jun, active=False, now=c.world.now)
        user = await stored(c, JUN)
        assert user is not None
        assert user.person_id is None
        refused = await c.slack.command("/incident update gone", JUN, "C1")
        assert [b["text"]["text"] for b in buttons(refused)] == ["Link my account"]
        assert [e.text for e in await c.timeline(1) if e.kind == "update"] == ["still here"]


async def test_a_user_whom_slack_deletes_loses_the_link(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as c:
        await c.declared()
        await c.slack.command("/incident update still here", JUN, "C1")
        gone = {**c.slack.users[JUN], "deleted": True}
        await c.slack.event({"type": "user_change", "user": gone})
        await c.world.settle()
        user = await stored(c, JUN)
        assert user is not None
        assert user.person_id is None


async def test_a_changed_address_is_checked_at_the_next_contact(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as c:
        await c.declared()
        await c.slack.command("/incident update one", MARA, "C1")
        c.slack.users[MARA]["profile"]["email"] = "someone@example.org"
        await c.slack.command("/incident update two", MARA, "C1")
        await c.slack.event({"type": "user_change", "user": c.slack.users[MARA]})
        await c.world.settle()
        await c.slack.command("/incident update three", MARA, "C1")
        assert [e.text for e in await c.timeline(1) if e.kind == "update"] == ["one", "two"]


async def test_who_is_linked_can_act_while_slack_says_nothing(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as c:
        await c.declared()
        await c.slack.command("/incident update one", MARA, "C1")
        clock.advance(timedelta(hours=25))
        c.slack.down = True
        await c.slack.command("/incident update two", MARA, "C1")
        assert [e.text for e in await c.timeline(1) if e.kind == "update"] == ["one", "two"]


@pytest.mark.parametrize("person", [True, False])
async def test_an_admin_decides_who_a_user_is(dsn: str, clock: FakeClock, person: bool) -> None:
    async with chat_world(dsn, clock) as c:
        await c.declared()
        await c.slack.command("/incident status", ADA, "C1")
        await c.slack.command("/incident status", JUN, "C1")
        api = Api(c.slack.http, await key_of(c.world.ctx.db, clock, c.world.mara))
        path = f"/chats/{c.account}/users"
        shown = {each["user"]: each["person_id"] for each in await api("GET", path)}
        assert shown == {ADA: None, JUN: c.world.jun}
        who, target = (ADA, c.world.jun) if person else (JUN, None)
        changed = await api("PUT", f"{path}/{who}", {"person_id": target})
        assert (changed["person_id"], changed["how"]) == (target, "admin")
        clock.advance(timedelta(hours=25))
        await c.slack.command("/incident update hello", who, "C1")
        assert [e.actor_id for e in await c.timeline(1) if e.kind == "update"] == ([target] if person else [])
        await api("PUT", f"{path}/UNOBODY", {"person_id": None}, status=404)
        responder = api.with_key(await key_of(c.world.ctx.db, clock, c.world.jun))
        await responder("PUT", f"{path}/{ADA}", {"person_id": c.world.jun}, status=403)
