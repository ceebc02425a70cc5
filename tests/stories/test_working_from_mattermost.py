"""An incident run from Mattermost: commands, buttons, dialogs and gestures, without a plugin."""

import re
from datetime import timedelta
from secrets import token_urlsafe

import pytest

from firebell.chat import store, token_check
from firebell.chat.model import AnnouncementRule
from firebell.chat.received import store as inbound_store
from firebell.chat.users import ChatUser, LinkedBy
from firebell.incidents import actions as incidents
from firebell.incidents.model import IncidentRole, IncidentType, TimelineEntry
from firebell.kit.clock import FakeClock
from firebell.paging.model import PageState
from tests.api.api_clients import sign_in
from tests.chat_world import configure, declare, run_for
from tests.mattermost_world import MattermostTeam, mattermost_team
from tests.standins.mattermost import TOKEN

UNSTORABLE_ID = token_urlsafe(4_000)
"""An id of a post that no index can hold."""


async def linked(team: MattermostTeam, name: str, person: int) -> str:
    """Add a user of the team who linked themselves to a person, and return their id."""
    user = team.server.add_user(f"{name}@example.org")
    async with team.w.ctx.db.tx() as tx:
        each = ChatUser(
            team.account.id, user, person, LinkedBy.EXPLICIT, name, "", guest=False, checked_at=team.w.now
        )
        await inbound_store.save_user(tx, each)
    return user


async def timeline(team: MattermostTeam, incident: int) -> list[TimelineEntry]:
    """Return what people wrote."""
    async with team.w.ctx.db.tx() as tx:
        entries = await incidents.timeline(tx, incident)
    people_wrote = ("note", "update", "finding", "decision", "mitigation", "correction")
    return [entry for entry in entries if entry.kind in people_wrote]


async def test_an_incident_is_run_by_commands_and_dialogs(dsn: str, clock: FakeClock) -> None:
    async with mattermost_team(dsn, clock) as team:
        w, server = team.w, team.server
        mara = await linked(team, "mara", w.mara)
        jun = await linked(team, "jun", w.jun)
        declared = (await team.command("/incident declare sev1 Card payments fail", mara)).json()
        assert declared["response_type"] == "ephemeral"
        assert "INC-1" in declared["text"]
        assert (await w.page()).state is PageState.TRIGGERED
        await run_for(w, 30, 5)

        await team.command("/incident give comms to @jun", mara, team.channel)
        async with w.ctx.db.tx() as tx:
            roles = (await incidents.roles(tx, [1]))[1]
        assert (IncidentRole.COMMS, w.jun) in [(each.role, each.person_id) for each in roles]

        # a command without its text asks for it
        assert (await team.command("/incident update", jun, team.channel)).json() == {}
        assert (await team.submit(jun, text="")).json()["errors"].keys() == {"text"}
        assert (await team.submit(jun, text="We roll back")).json() == {}
        # submitted twice, posted once
        await team.submit(jun, text="We roll back")
        assert [(e.kind, e.text, e.actor_id) for e in await timeline(team, 1)] == [
            ("update", "We roll back", w.jun)
        ]
        # the state of a dialog passes through the browser of its user, so it is theirs alone
        await team.command("/incident update", jun, team.channel)
        assert (await team.submit(mara, text="As Jun")).status_code == 401

        await team.command("/incident declare", mara)
        answers = {"down_or_data_at_risk": "no", "major_degraded": "no", "customers_impacted": "yes"}
        assert (await team.submit(mara, title="Search is slow", drill=True, **answers)).json() == {}
        assert [user for user, _ in server.direct] == [mara]
        assert server.refused == []


async def test_a_private_incident_that_is_declared_in_mattermost_is_private(
    dsn: str, clock: FakeClock
) -> None:
    async with mattermost_team(dsn, clock) as team:
        mara = await linked(team, "mara", team.w.mara)
        shown = [each["id"] for each in team.server.posts.values()]
        await team.command("/incident private Customer data is public", mara)
        elements = team.server.dialogs[-1]["dialog"]["elements"]
        # the form's values as the app posts them
        entered = {
            each["name"]: each["default"] == "true" if each["type"] == "bool" else each["default"]
            for each in elements
        }
        assert (await team.submit(mara, **entered | {"severity": "sev1"})).json() == {}
        async with team.w.ctx.db.tx() as tx:
            incident = await incidents.incident(tx, 1)
        assert (incident.is_private, incident.type) == (True, IncidentType.SECURITY)
        await run_for(team.w, 30, 5)
        rooms = list(team.server.channels.values())
        assert [(room["type"], "customer" in room["name"]) for room in rooms] == [("P", False)]
        assert {post["channel_id"] for post in team.server.posts.values() if post["id"] not in shown} <= {
            rooms[0]["id"]
        }

        # someone changes their mind in the form
        await team.command("/incident private Search is slow", mara)
        changed = entered | {
            "title": "Search is slow",
            "severity": "sev3",
            "private": False,
            "type": "vendor",
        }
        assert (await team.submit(mara, **changed)).json() == {}
        async with team.w.ctx.db.tx() as tx:
            incident = await incidents.incident(tx, 2)
        assert (incident.is_private, incident.type) == (False, IncidentType.VENDOR)


async def test_a_mattermost_task_with_an_invalid_due_time_is_refused_at_its_field(
    dsn: str, clock: FakeClock
) -> None:
    async with mattermost_team(dsn, clock) as team:
        mara = await linked(team, "mara", team.w.mara)
        await declare(team.w)
        await team.command("/incident INC-1 task", mara)
        refused = await team.submit(mara, text="Restart the pool", due="tomorrow")
        assert refused.json()["errors"].keys() == {"due"}
        assert (await team.submit(mara, text="Restart the pool", due=" 2h ")).json() == {}


async def test_a_page_is_answered_by_the_buttons_of_its_message(dsn: str, clock: FakeClock) -> None:
    async with mattermost_team(dsn, clock) as team:
        w, server = team.w, team.server
        mara = await linked(team, "mara", w.mara)
        stranger = server.add_user("ada@example.org")
        await configure(w, team.account, room_severities=(), rules=(AnnouncementRule("p" * 26, pages=True),))
        server.channels["p" * 26] = {"id": "p" * 26, "name": "payments", "delete_at": 0}
        await w.alert()
        await run_for(w, 10)
        (message,) = [p for p in server.posts.values() if p["channel_id"] == "p" * 26]
        attachments = message["props"]["attachments"]

        # who is no one acknowledges nothing, and is shown how to link
        refused = (await team.press(attachments, "Acknowledge", stranger)).json()
        assert "/chat/link/" in refused["ephemeral_text"]
        assert (await w.page()).state is PageState.TRIGGERED
        forged = [
            {
                "actions": [
                    {
                        **attachments[0]["actions"][0],
                        "integration": {
                            "url": f"{w.ctx.public_url}/chat/mattermost/action",
                            "context": {"token": "forged.token"},
                        },
                    }
                ]
            }
        ]
        assert (await team.press(forged, "Acknowledge", mara)).status_code == 401

        await team.press(attachments, "Acknowledge", mara)
        assert (await w.page()).state is PageState.ACKED
        await run_for(w, 5)
        # what escalates asks first
        attachments = message["props"]["attachments"]
        await team.press(attachments, "Resolve", mara)
        await run_for(w, 5)
        assert (await w.page()).state is PageState.RESOLVED
        assert message["props"]["attachments"] == []
        assert server.refused == []


async def test_only_the_token_of_the_command_opens_the_door(dsn: str, clock: FakeClock) -> None:
    async with mattermost_team(dsn, clock) as team:
        mara = await linked(team, "mara", team.w.mara)
        for changes in ({"token": "z" * 26}, {"token": ""}, {"team_id": "x" * 26}, {"user_id": "../me"}):
            refused = await team.command("/incident declare sev1 Forged", mara, **changes)
            assert refused.status_code == 401, changes
        for path in ("command", "action", "dialog"):
            for body in (b"", b"\xff\xfe", b"[" * 5000, b'{"context": 7}', b'{"state": {}}'):
                answer = await team.http.post(f"/chat/mattermost/{path}", content=body)
                assert answer.status_code == 401, (path, body)
            large = await team.http.post(f"/chat/mattermost/{path}", content=b"x" * 300_000)
            assert large.status_code == 413
        async with team.w.ctx.db.tx() as tx:
            assert await incidents.timeline(tx, 1) == []


async def test_a_user_links_themselves_from_the_channel(dsn: str, clock: FakeClock) -> None:
    async with mattermost_team(dsn, clock) as team:
        # the address is the same, but the server does not say that it is confirmed
        user = team.server.add_user("jun@example.org")
        await declare(team.w)
        refused = (await team.command("/incident INC-1 update 502s are gone", user)).json()
        (url,) = re.findall(r"\((http\S+/chat/link/\S+)\)", refused["text"])
        await sign_in(team.w, team.http, team.w.jun)
        path = url.removeprefix(team.w.ctx.public_url)
        csrf = re.search(r'name="csrf" value="([^"]+)"', (await team.http.get(path)).text)
        assert csrf
        assert (await team.http.post(path, data={"csrf": csrf[1]})).status_code == 303
        await team.command("/incident INC-1 update 502s are gone", user)
        assert [(e.actor_id, e.text) for e in await timeline(team, 1)] == [(team.w.jun, "502s are gone")]


async def test_what_happens_in_the_channel_reaches_the_timeline_once(dsn: str, clock: FakeClock) -> None:
    async with mattermost_team(dsn, clock) as team:
        w, server = team.w, team.server
        mara = await linked(team, "mara", w.mara)
        stranger = server.add_user("ada@example.org")
        await declare(w)
        await run_for(w, 30, 5)
        channel = team.channel
        said_at = w.now
        post = server.say(channel, stranger, "The pool is exhausted")
        server.react(post, stranger, "wrench")
        await run_for(w, 10, 5)
        assert await timeline(team, 1) == []

        # Mattermost and Firebell do not see each other for ten minutes
        server.is_away = True
        server.react(post, mara, "bulb")
        pinned = server.say(channel, mara, "Rolled back to 4811")
        server.change(pinned, is_pinned=True)
        server.say(channel, mara, "", "system_header_change")
        await run_for(w, 600, 60)
        server.is_away = False
        await run_for(w, 120, 5)
        entries = await timeline(team, 1)
        assert [(e.kind, e.text) for e in entries] == [
            ("finding", "The pool is exhausted"),
            ("note", "Rolled back to 4811"),
        ]
        assert abs(entries[0].effective_at - said_at) < timedelta(seconds=1)

        server.change(pinned, message="Rolled back to 4810", edit_at=True)
        await run_for(w, 10, 5)
        server.change(post, delete_at=True)
        await run_for(w, 10, 5)
        changes = [e.data for e in await timeline(team, 1) if e.kind == "correction"]
        assert [sorted(set(each) & {"new", "deleted"}) for each in changes] == [["new"], ["deleted"]]

        # what people set is theirs, and who leaves is not asked back
        async with w.ctx.db.tx() as tx:
            room = await store.room_by_channel(tx, team.account.id, channel)
        assert room
        assert "topic" in room.owners
        server.say(channel, mara, "", "system_leave_channel")
        server.say(channel, mara, "", "system_channel_deleted")
        await run_for(w, 10, 5)
        async with w.ctx.db.tx() as tx:
            room = await store.room_by_channel(tx, team.account.id, channel)
        assert room
        assert (room.state, room.left_by) == ("lost", (w.mara,))


async def test_a_gesture_taken_back_within_a_minute_strikes_the_entry(dsn: str, clock: FakeClock) -> None:
    async with mattermost_team(dsn, clock) as team:
        mara = await linked(team, "mara", team.w.mara)
        await declare(team.w)
        await run_for(team.w, 30, 5)
        message = team.server.say(team.channel, mara, "Looks like DNS")
        team.server.react(message, mara, "bulb")
        await run_for(team.w, 10, 5)
        team.server.react(message, mara, "bulb", added=False)
        await run_for(team.w, 20, 5)
        entries = await timeline(team, 1)
        assert [(e.kind, e.data.get("struck")) for e in entries] == [("finding", None), ("correction", True)]


async def test_a_bot_without_the_permission_has_no_dead_buttons(dsn: str, clock: FakeClock) -> None:
    async with mattermost_team(dsn, clock) as team:
        team.server.may_create_commands = False
        connection, secrets = await token_check.mattermost(team.w.ctx, team.server.url, TOKEN, "kestrel")
        assert (connection.scopes, secrets.signing_secrets) == ((), ())
        _, pasted = await token_check.mattermost(
            team.w.ctx, team.server.url, TOKEN, "kestrel", f"{'a' * 26}, {'b' * 26}"
        )
        assert pasted.signing_secrets == ("a" * 26, "b" * 26)


async def test_the_bot_answers_mentions_and_direct_messages(dsn: str, clock: FakeClock) -> None:
    async with mattermost_team(dsn, clock) as team:
        w, server = team.w, team.server
        mara = await linked(team, "mara", w.mara)
        await linked(team, "jun", w.jun)
        ada = server.add_user("ada@elsewhere.example")
        town = {"id": "town-square", "name": "town-square", "type": "O", "purpose": "", "delete_at": 0}
        server.channels["town-square"] = town
        server.say("town-square", mara, "@firebell declare sev2 from before it was connected")
        await run_for(w, 6, 5)
        assert server.direct == []

        # a direct message is a command; nothing is said twice although what is new is read again
        server.say(f"direct-{mara}", mara, "declare sev1 Card payments fail")
        await run_for(w, 30, 5)
        ((to, text),) = server.direct
        assert (to, "INC-1" in text) == (mara, True)
        room = next(c["id"] for c in server.channels.values() if c["name"].endswith("card-payments-fail"))

        # a mention in the room of an incident, and one in any channel of the bot
        server.say(room, mara, "@Firebell: give comms to @jun")
        server.say("town-square", mara, "Is @firebell-test broken? mail me at mara@firebell")
        server.say("town-square", ada, "hey @firebell, INC-1 resolve")
        await run_for(w, 12, 5)
        async with w.ctx.db.tx() as tx:
            roles = (await incidents.roles(tx, [1]))[1]
            assert (await incidents.incident(tx, 1)).phase == "declared"
        assert (IncidentRole.COMMS, w.jun) in [(each.role, each.person_id) for each in roles]
        assert sorted(user for user, _ in server.direct) == sorted([mara, mara, ada])

        # a memo on a message is a task, once
        post = server.say(room, ada, "Restart the pool on db-3 " + "x" * 600)
        server.react(post, mara, "memo")
        server.react(post, ada, "memo")
        await run_for(w, 12, 5)
        async with w.ctx.db.tx() as tx:
            (task,) = await tx.fetch("select text from incident_task where not is_response")
        assert task["text"].startswith("Restart the pool on db-3")
        assert len(task["text"]) == 500
        assert task["text"].endswith("…")
        assert server.refused == []


def given_up(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the ids of the posts that were logged as given up."""
    return [str(each.__dict__["post"]) for each in caplog.records if each.msg == "a post was given up"]


async def test_a_post_that_cannot_be_handled_keeps_no_later_one_unread(
    dsn: str, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with mattermost_team(dsn, clock) as team:
        w, server = team.w, team.server
        mara = await linked(team, "mara", w.mara)
        await declare(w)
        await run_for(w, 30, 5)
        broken = server.say(team.channel, mara, "The pool is exhausted")
        server.react(broken, mara, "bulb")
        server.posts[broken]["id"] = UNSTORABLE_ID
        post = server.say(team.channel, mara, "Rolled back to 4811")
        server.react(post, mara, "bulb")
        said_at = w.now
        await run_for(w, 10, 5)
        assert [(e.kind, e.text) for e in await timeline(team, 1)] == [("finding", "Rolled back to 4811")]
        await run_for(w, 60, 5)
        assert given_up(caplog) == [UNSTORABLE_ID]
        async with w.ctx.db.tx() as tx:
            assert await tx.value("select read_until from chat_room") >= said_at
        assert len(await timeline(team, 1)) == 1


async def test_a_pasted_nul_character_costs_no_message(
    dsn: str, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A message with a character that the database cannot hold was given up, and an incident not declared."""
    async with mattermost_team(dsn, clock) as team:
        w, server = team.w, team.server
        mara = await linked(team, "mara", w.mara)
        await declare(w)
        await run_for(w, 30, 5)
        post = server.say(team.channel, mara, "core dump: \0\0 at 0x4811")
        server.react(post, mara, "bulb")
        server.say(f"direct-{mara}", mara, "declare sev1 Search is down\0")
        await run_for(w, 12, 5)
        assert [e.text for e in await timeline(team, 1)] == ["core dump: \ufffd\ufffd at 0x4811"]
        async with w.ctx.db.tx() as tx:
            assert (await incidents.incident(tx, 2)).title.startswith("Search is down")
        assert given_up(caplog) == []


async def test_what_is_written_after_the_clock_was_set_back_is_read(dsn: str, clock: FakeClock) -> None:
    """Channels that were read at a time that is now in the future were not read again until then."""
    async with mattermost_team(dsn, clock) as team:
        w, server = team.w, team.server
        mara = await linked(team, "mara", w.mara)
        await declare(w)
        await run_for(w, 30, 5)
        clock.advance(-timedelta(hours=1))
        async with w.ctx.db.tx() as tx:
            # the time of the server, which was right
            await tx.execute("update chat_room set created_at = $1, read_until = $1", w.now)
            await tx.execute("update chat_account set mentions_read_until = $1", w.now)
        clock.advance(timedelta(seconds=10))
        post = server.say(team.channel, mara, "Rolled back")
        server.react(post, mara, "bulb")
        server.say(f"direct-{mara}", mara, "declare sev1 Search is down")
        await run_for(w, 12, 5)
        assert [e.text for e in await timeline(team, 1)] == ["Rolled back"]
        assert [user for user, _ in server.direct] == [mara]


async def test_a_post_that_could_not_be_stored_at_first_is_captured_later(
    dsn: str, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with mattermost_team(dsn, clock) as team:
        w, server = team.w, team.server
        mara = await linked(team, "mara", w.mara)
        await declare(w)
        await run_for(w, 30, 5)
        async with w.ctx.db.tx() as tx:
            await tx.execute("alter table chat_capture add constraint refused check (text <> 'Rolled back')")
        post = server.say(team.channel, mara, "Rolled back")
        server.react(post, mara, "bulb")
        await run_for(w, 15, 5)
        later = server.say(team.channel, mara, "Error rate is falling")
        server.react(later, mara, "bulb")
        await run_for(w, 10, 5)
        async with w.ctx.db.tx() as tx:
            await tx.execute("alter table chat_capture drop constraint refused")
        await run_for(w, 10, 5)
        texts = [e.text for e in await timeline(team, 1)]
        assert sorted(texts) == ["Error rate is falling", "Rolled back"]
        assert given_up(caplog) == []


async def test_what_was_read_before_a_post_that_failed_is_not_read_again(dsn: str, clock: FakeClock) -> None:
    async with mattermost_team(dsn, clock) as team:
        w, server = team.w, team.server
        mara = await linked(team, "mara", w.mara)
        await declare(w)
        await run_for(w, 30, 5)
        async with w.ctx.db.tx() as tx:
            await tx.execute("alter table chat_capture add constraint refused check (text <> 'Rolled back')")
        server.react(server.say(team.channel, mara, "Error rate is falling"), mara, "bulb")
        said_at = w.now
        clock.advance(timedelta(seconds=1))
        server.react(server.say(team.channel, mara, "Rolled back"), mara, "bulb")
        await run_for(w, 10, 5)
        async with w.ctx.db.tx() as tx:
            read_until = await tx.value("select read_until from chat_room")
        assert said_at <= read_until < w.now - timedelta(seconds=5)


async def test_a_direct_message_that_cannot_be_handled_keeps_no_later_one_unanswered(
    dsn: str, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with mattermost_team(dsn, clock) as team:
        w, server = team.w, team.server
        mara = await linked(team, "mara", w.mara)
        await run_for(w, 6, 5)
        broken = server.say(f"direct-{mara}", mara, "declare sev1 Card payments fail")
        server.posts[broken]["id"] = UNSTORABLE_ID
        server.say(f"direct-{mara}", mara, "declare sev1 Search is down")
        await run_for(w, 12, 5)
        ((to, text),) = server.direct
        assert (to, "INC-1" in text) == (mara, True)
        async with w.ctx.db.tx() as tx:
            assert (await incidents.incident(tx, 1)).title == "Search is down"
        await run_for(w, 60, 5)
        assert given_up(caplog) == [UNSTORABLE_ID]
        assert len(server.direct) == 1


async def test_a_channel_that_may_not_be_read_keeps_no_mention_unanswered(dsn: str, clock: FakeClock) -> None:
    async with mattermost_team(dsn, clock) as team:
        w, server = team.w, team.server
        mara = await linked(team, "mara", w.mara)
        closed = {"id": "closed", "name": "closed", "type": "P", "purpose": "", "delete_at": 0}
        server.channels["closed"] = closed
        server.unreadable.add("closed")
        await run_for(w, 6, 5)
        server.say("closed", mara, "Nothing for a bot")
        server.say(f"direct-{mara}", mara, "declare sev1 Search is down")
        await run_for(w, 12, 5)
        assert [user for user, _ in server.direct] == [mara]


async def test_a_channel_in_which_much_was_written_is_read(dsn: str, clock: FakeClock) -> None:
    async with mattermost_team(dsn, clock) as team:
        w, server = team.w, team.server
        mara = await linked(team, "mara", w.mara)
        await declare(w)
        await run_for(w, 30, 5)
        for _ in range(500):
            server.say(team.channel, mara, "x" * 4_000)
        post = server.say(team.channel, mara, "Rolled back to 4811")
        server.react(post, mara, "bulb")
        await run_for(w, 10, 5)
        assert [e.text for e in await timeline(team, 1)] == ["Rolled back to 4811"]
