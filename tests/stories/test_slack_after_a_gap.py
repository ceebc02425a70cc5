"""After Slack or Firebell was down, what people did in a channel meanwhile is read once."""

from datetime import timedelta
from typing import Any

import pytest

from firebell.chat import store
from firebell.chat.slack import socket_store, sweep
from firebell.chat.slack.inbound_worker import Inbox
from firebell.incidents.model import IncidentRole
from firebell.kit.clock import FakeClock
from tests.chat_inbound_world import ADA, JUN, MARA, ChatWorld, chat_world
from tests.standins.slack.inbound import BOT
from tests.stories.test_working_from_slack import roles


async def work(c: ChatWorld) -> None:
    """Start a process and let it work until nothing is left."""
    inbox = Inbox(c.world.ctx)
    while await inbox.run_once(c.world.now):
        pass


async def follow(c: ChatWorld) -> None:
    """Let Firebell read the channel of the incident from now on."""
    async with c.world.ctx.db.tx() as tx:
        await store.pause(tx, c.account, None)
        room = await store.room_by_channel(tx, c.account, "C1")
        assert room is not None
        await store.change_room(tx, room.id, created_at=c.world.now)


def write_marked(c: ChatWorld, text: str, emoji: str = "bulb", number: int = 1) -> str:
    """Have Ada write a message that Jun marks with an emoji; return its timestamp."""
    ts = f"{int(c.world.now.timestamp())}.{number:06}"
    reactions = [{"name": emoji, "users": [JUN], "count": 1}]
    c.slack.messages["C1", ts] = {"ts": ts, "user": ADA, "text": text, "reactions": reactions}
    return ts


async def test_what_was_missed_in_a_channel_is_captured_once(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as c:
        await c.declared(severity=1)
        await follow(c)
        number = 0

        def message(text: str, **more: Any) -> dict[str, Any]:
            nonlocal number
            number += 1
            ts = f"{int(c.world.now.timestamp())}.{number:06}"
            c.slack.messages["C1", ts] = {"ts": ts, "user": ADA, "text": text, **more}
            return c.slack.messages["C1", ts]

        edited, deleted = message("502s on checkout"), message("Restarting")
        for each in (edited, deleted):
            item = {"type": "message", "channel": "C1", "ts": each["ts"]}
            await c.slack.event({"type": "reaction_added", "user": JUN, "reaction": "bulb", "item": item})
        await work(c)
        assert [e.kind for e in await c.timeline(1) if e.kind == "finding"] == ["finding", "finding"]

        clock.advance(timedelta(minutes=5))
        edited |= {
            "text": "502s on checkout, EU only",
            "edited": {"user": ADA, "ts": f"{int(c.world.now.timestamp())}.000000"},
        }
        del c.slack.messages["C1", deleted["ts"]]
        message("Roll back", reactions=[{"name": "scales", "users": [ADA, MARA, JUN], "count": 3}])
        parent = message("Which build?", reply_count=1)
        reply = {
            "ts": f"{parent['ts'][:-6]}900000",
            "thread_ts": parent["ts"],
            "user": JUN,
            "text": "4812",
            "reactions": [{"name": "wrench", "users": [JUN], "count": 1}],
        }
        c.slack.replies["C1", reply["ts"]] = reply
        pinned = message("Status page is up to date")
        ours = message("Pinned summary", user=BOT)
        for each, who in ((pinned, MARA), (ours, BOT)):
            c.slack.pins.append(("C1", {"type": "message", "created_by": who, "message": each}))
        message("joined", subtype="channel_join", user=MARA)
        message("nice", reactions=[{"name": "tada", "users": [JUN], "count": 1}])

        await work(c)
        timeline = await c.timeline(1)
        texts = {(e.kind, e.text) for e in timeline if e.data.get("origin")}
        assert texts == {
            ("finding", "502s on checkout"),
            ("finding", "Restarting"),
            ("decision", "Roll back"),
            ("mitigation", "4812"),
            ("note", "Status page is up to date"),
        }
        edit, deletion = [e for e in timeline if e.kind == "correction"]
        assert (edit.data["new"], deletion.data["deleted"]) == ("502s on checkout, EU only", True)
        assert (await roles(c, 1))[IncidentRole.RESPONDER] == [c.world.mara]

        # another gap, and the interval of severe incidents: nothing is done twice, and kinds stay
        for minutes in (5, 16):
            clock.advance(timedelta(minutes=minutes))
            await work(c)
        assert [e.id for e in await c.timeline(1)] == [e.id for e in timeline]
        histories = [a for a in c.slack.called("conversations.history") if "latest" not in a]
        assert len(histories) == 3


async def test_a_message_that_cannot_be_captured_keeps_no_later_one_unread(
    dsn: str, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with chat_world(dsn, clock) as c:
        await c.declared(severity=1)
        await follow(c)
        async with c.world.ctx.db.tx() as tx:
            await tx.execute("alter table chat_capture add constraint refused check (text <> 'Restarting')")
        refused = write_marked(c, "Restarting")
        write_marked(c, "Roll back", "scales", 2)
        inbox = Inbox(c.world.ctx)
        for _ in range(10):
            clock.advance(timedelta(minutes=1))
            while await inbox.run_once(c.world.now):
                pass
        assert [e.text for e in await c.timeline(1) if e.data.get("origin")] == ["Roll back"]
        given_up = [
            each.__dict__["key"] for each in caplog.records if each.msg == "a message of slack was given up"
        ]
        assert given_up == [f"reaction:C1:{refused}:bulb:{JUN}"]
        async with c.world.ctx.db.tx() as tx:
            assert await tx.value("select swept_at from chat_room") is not None


async def test_a_sweep_that_fails_goes_on_at_the_page_that_it_could_not_read(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a long gap, each attempt began with the newest messages again, until Slack refused so many requests."""
    monkeypatch.setattr(sweep, "PAGE_SIZE", 2)
    async with chat_world(dsn, clock) as c:
        await c.declared(severity=1)
        await follow(c)
        edited = write_marked(c, "Rolling back", number=5)
        item = {"type": "message", "channel": "C1", "ts": edited}
        await c.slack.event({"type": "reaction_added", "user": JUN, "reaction": "bulb", "item": item})
        await work(c)
        clock.advance(timedelta(minutes=16))
        oldest, *_ = [write_marked(c, f"message {number}", "scales", number) for number in range(6)]
        c.slack.messages["C1", oldest]["reply_count"] = 1
        c.slack.messages["C1", edited] |= {
            "text": "Rolled back",
            "edited": {"user": ADA, "ts": f"{int(c.world.now.timestamp())}.000000"},
        }
        c.slack.replies["C1", f"{oldest}1"] = {
            "ts": f"{oldest}1",
            "thread_ts": oldest,
            "user": JUN,
            "text": "?",
        }
        inbox = Inbox(c.world.ctx)

        async def attempt(method: str = "", refusal: str = "") -> tuple[list[str], int]:
            """Let an attempt fail, and return the pages that it read and how much is captured."""
            c.slack.refusals = {method: refusal} if method else {}
            before = len(c.slack.called("conversations.history"))
            while await inbox.run_once(c.world.now):
                pass
            histories = c.slack.called("conversations.history")[before:]
            clock.advance(timedelta(minutes=1))
            captured = [e for e in await c.timeline(1) if e.kind == "decision"]
            return [a.get("cursor", "") for a in histories if "latest" not in a], len(captured)

        assert await attempt("conversations.replies", "internal_error") == (["", "2", "4"], 4)
        assert await attempt("pins.list", "internal_error") == (["4", "6"], 6)
        # the messages of a page that was read have been compared
        assert len([e for e in await c.timeline(1) if e.kind == "correction"]) == 1
        assert await attempt("conversations.history", "invalid_cursor") == (["6"], 6)
        assert await attempt() == (["", "2", "4", "6"], 6)
        assert len([e for e in await c.timeline(1) if e.kind == "correction"]) == 1
        async with c.world.ctx.db.tx() as tx:
            assert await tx.value("select count(*) from chat_inbox where done_at is null") == 0


async def test_a_pasted_nul_character_costs_no_capture(
    dsn: str, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A message with a character that the database cannot hold was given up, in a sweep and when it was marked."""
    async with chat_world(dsn, clock) as c:
        await c.declared(severity=1)
        await follow(c)
        messages: list[dict[str, Any]] = []
        for number in range(2):
            ts = f"{int(c.world.now.timestamp())}.{number:06}"
            message = {"ts": ts, "user": ADA, "text": f"core dump {number}: \0 at \ud8004811"}
            c.slack.messages["C1", ts] = message
            messages.append(message)
        item = {"type": "message", "channel": "C1", "ts": messages[0]["ts"]}
        await c.slack.event({"type": "reaction_added", "user": JUN, "reaction": "bulb", "item": item})
        await work(c)
        messages[1]["reactions"] = [{"name": "bulb", "users": [JUN], "count": 1}]
        clock.advance(timedelta(minutes=16))
        await work(c)
        assert [e.text for e in await c.timeline(1) if e.data.get("origin")] == [
            f"core dump {number}: \ufffd at \ufffd4811" for number in range(2)
        ]
        assert not [each for each in caplog.records if each.msg == "a message of slack was given up"]


async def test_what_is_marked_after_the_clock_was_set_back_is_captured(dsn: str, clock: FakeClock) -> None:
    """A channel that was last read at a time that is now in the future was not read again until then."""
    async with chat_world(dsn, clock) as c:
        await c.declared(severity=1)
        await follow(c)
        await work(c)
        clock.advance(timedelta(minutes=16))
        await work(c)
        async with c.world.ctx.db.tx() as tx:
            assert await tx.value("select swept_at from chat_room") == c.world.now
        clock.advance(-timedelta(hours=1))
        write_marked(c, "Roll back")
        for _ in range(2):
            await work(c)
            clock.advance(timedelta(minutes=16))
        await work(c)
        assert [e.text for e in await c.timeline(1) if e.data.get("origin")] == ["Roll back"]


async def test_a_gap_after_the_clock_was_set_back_is_read(dsn: str, clock: FakeClock) -> None:
    """What was missed in a gap was not captured if Slack had last sent something at a time in the future."""
    async with chat_world(dsn, clock) as c:
        await c.declared(severity=2)
        async with c.world.ctx.db.tx() as tx:
            await store.pause(tx, c.account, None)
            room = await store.room_by_channel(tx, c.account, "C1")
            assert room is not None
            ahead = c.world.now + timedelta(hours=1)
            await store.change_room(tx, room.id, created_at=ahead, swept_at=ahead)
            await tx.execute("update chat_account set last_frame_at = $1, gap_at = $1", ahead)
        write_marked(c, "Roll back")
        await work(c)
        clock.advance(timedelta(minutes=6))
        await work(c)
        assert [e.text for e in await c.timeline(1) if e.data.get("origin")] == ["Roll back"]


async def test_a_socket_of_a_process_that_died_is_taken_after_the_clock_was_set_back(
    dsn: str, clock: FakeClock
) -> None:
    """Nothing arrived from Slack until the clock reached the end of the lease again."""
    lease = timedelta(seconds=30)
    async with chat_world(dsn, clock) as c, c.world.ctx.db.tx() as tx:
        await store.pause(tx, c.account, None)
        await tx.execute("update chat_account set mode = 'socket'")
        now = c.world.now
        ahead = now + timedelta(hours=1)
        assert await socket_store.lease(tx, "dead", ahead + lease, ahead) == [c.account]
        assert await socket_store.lease(tx, "alive", now + lease, now) == [c.account]
        assert await socket_store.lease(tx, "another", now + lease, now) == []


async def test_a_channel_is_read_again_after_the_clock_was_set_back(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as c:
        await c.declared(severity=1)
        inbox = Inbox(c.world.ctx)
        while await inbox.run_once(c.world.now):
            pass
        asked = len(c.slack.called("conversations.history"))
        clock.advance(-timedelta(hours=1))
        async with c.world.ctx.db.tx() as tx:
            await store.pause(tx, c.account, None)
            room = await store.room_by_channel(tx, c.account, "C1")
            assert room is not None
            await store.change_room(tx, room.id, created_at=c.world.now - timedelta(hours=1))
        while await inbox.run_once(c.world.now):
            pass
        assert len(c.slack.called("conversations.history")) > asked


async def test_a_sweep_waits_as_long_as_slack_says_and_other_events_do_not(
    dsn: str, clock: FakeClock
) -> None:
    async with chat_world(dsn, clock) as c:
        await c.declared(severity=1)
        await follow(c)
        clock.advance(timedelta(minutes=16))
        c.slack.refusals["conversations.history"] = "ratelimited"
        await work(c)
        await c.slack.event({"type": "app_mention", "user": JUN, "channel": "C1", "text": "note Still slow"})
        await work(c)
        assert "Still slow" in [e.text for e in await c.timeline(1)]
        del c.slack.refusals["conversations.history"]
        clock.advance(timedelta(seconds=40))
        await work(c)
        async with c.world.ctx.db.tx() as tx:
            swept_at = await tx.value("select swept_at from chat_room")
            errors = [
                row["error"] for row in await tx.fetch("select error from chat_inbox where kind = 'sweep'")
            ]
        assert swept_at is not None
        assert errors == [None]
