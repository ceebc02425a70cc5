"""An incident has its room in Slack: made, kept true, and never twice (spec 8.9 to 8.11)."""

from datetime import timedelta
from typing import Any

import pytest

from firebell.chat import store
from firebell.chat.accounts import actions as accounts
from firebell.chat.handlers import room_events
from firebell.chat.mirror import comparison_queue_store
from firebell.chat.model import RoomState
from firebell.incidents import actions as incidents
from firebell.incidents.model import IncidentRole, Phase
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import SYSTEM
from tests.chat_world import announce, chat_world, dead, declare, note, run_for
from tests.standins.slack.workspace import BOT_USER, Workspace
from tests.world import World


async def take(w: World, incident_id: int, role: IncidentRole, person: int) -> None:
    """Assign a role to a person as Mara."""
    actor = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        await incidents.take_role(tx, actor, incident_id, role, person, w.now)


async def _severity(w: World, incident_id: int, severity: int, reason: str = "as measured") -> None:
    actor = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        await incidents.set_severity(tx, actor, incident_id, severity, reason, w.now)


def archived(space: Workspace) -> int:
    """Return how many channels are archived."""
    return sum(channel.archived for channel in space.channels.values())


def _summary(space: Workspace, incident_id: int) -> dict[str, Any]:
    key = f"inc-{incident_id}/summary"
    return next(m for m in space.room(incident_id).messages if m["metadata"]["event_payload"]["key"] == key)


def blocks_of(message: dict[str, Any]) -> str:
    """Return the blocks of a message as text."""
    return str(message["blocks"])


async def test_a_declared_incident_gets_a_channel_with_a_pinned_summary(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as (w, space, _):
        incident = await declare(w)
        await take(w, incident.id, IncidentRole.COMMANDER, w.mara)
        await run_for(w, 20)

        room = space.room(incident.id)
        assert room.name == f"incident-{w.now:%Y-%m-%d}-card-payments-fail"
        summary = _summary(space, incident.id)
        assert room.pins == [summary["ts"]]
        assert "Mara Lindqvist" in blocks_of(summary)
        assert "Update template" in blocks_of(summary)
        assert f"/incidents/{incident.ref}" in blocks_of(summary)
        assert room.topic.startswith("SEV1 · declared · IC Mara Lindqvist")
        assert space.users["mara@example.org"]["id"] in room.members
        assert "Incident" in [b["title"] for b in room.bookmarks]
        assert space.refused == []
        assert await dead(w) == []


async def test_a_workspace_without_on_call_groups_lets_the_lane_rest(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as (w, _, account):
        await run_for(w, 5)
        async with w.ctx.db.tx() as tx:
            assert await comparison_queue_store.next_due_at(tx, [account.id]) is None


async def test_nothing_is_called_again_when_nothing_changed(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as (w, space, _):
        incident = await declare(w)
        await run_for(w, 90)
        calls = len(space.calls)
        async with w.ctx.db.tx() as tx:
            await comparison_queue_store.want(tx, f"inc-{incident.id}", 1, w.now)
        await run_for(w, 90)

        assert space.calls[calls:] == []


async def test_a_change_of_severity_is_in_summary_and_topic_at_once(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as (w, space, _):
        incident = await declare(w)
        await run_for(w, 30)
        await _severity(w, incident.id, 0)
        await run_for(w, 3)

        assert space.room(incident.id).topic.startswith("SEV0")
        assert "SEV0" in blocks_of(_summary(space, incident.id))


async def test_what_was_overwritten_while_slack_refused_is_never_sent(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as (w, space, _):
        incident = await declare(w, severity=2)
        await run_for(w, 90)
        space.faults.append(lambda method, _: "429" if method == "conversations.setTopic" else "")
        for severity in (1, 0):
            await _severity(w, incident.id, severity)
            await run_for(w, 10)
        space.faults.clear()
        before = space.count("conversations.setTopic")
        await run_for(w, 60)

        topics = [a["topic"] for m, a in space.calls if m == "conversations.setTopic"][before:]
        assert [topic[:4] for topic in topics] == ["SEV0"]


async def test_a_taken_name_gets_the_reference(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as (w, space, _):
        space.add_channel(f"incident-{w.now:%Y-%m-%d}-card-payments-fail")
        incident = await declare(w)
        await run_for(w, 20)

        assert space.room(incident.id).name.endswith(f"card-payments-fail-inc-{incident.id}")


async def test_25_entries_within_a_second_become_three_messages(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as (w, space, _):
        incident = await declare(w)
        await run_for(w, 90)
        room = space.room(incident.id)
        before = len(room.messages)
        for number in range(25):
            await note(w, incident, f"seen {number}")
        await run_for(w, 10)

        added = room.messages[before:]
        assert len(added) == 3
        shown = "".join(blocks_of(message) for message in added)
        assert all(f"seen {number}" in shown for number in range(25))


async def test_a_killed_process_leaves_neither_a_double_nor_a_hole(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as (w, space, _):
        incident = await declare(w)
        lost: list[str] = []

        def lose_the_first_answer(method: str, arguments: dict[str, Any]) -> str:
            key = method + str((arguments.get("metadata") or {}).get("event_payload", {}).get("key", ""))
            if method in ("chat.postMessage", "conversations.create") and key not in lost:
                lost.append(key)
                return "lost"
            return ""

        space.faults.append(lose_the_first_answer)
        await run_for(w, 60)
        for number in range(5):
            await note(w, incident, f"seen {number}")
            await run_for(w, 5)
        await run_for(w, 60)

        assert len(space.channels) == 1
        room = space.room(incident.id)
        assert set(room.keys().values()) == {1}
        assert all(any(f"seen {n}" in blocks_of(m) for m in room.messages) for n in range(5))
        assert await dead(w) == []
        assert "conversations.create" in lost


async def test_of_two_messages_of_one_object_the_older_stays(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as (w, space, _):
        incident = await declare(w)
        await run_for(w, 30)
        room = space.room(incident.id)
        seen: list[dict[str, Any]] = []

        def lost_twice(method: str, arguments: dict[str, Any]) -> str:
            if method == "chat.postMessage" and not seen:
                seen.append(arguments)
                return "lost"
            return ""

        space.faults.append(lost_twice)
        await note(w, incident, "only once")
        await w.settle()
        copy = dict(room.messages[-1])
        room.messages.append({**copy, "ts": space._ts()})
        await run_for(w, 30)

        assert set(room.keys().values()) == {1}
        assert room.messages[-1]["ts"] == copy["ts"]


async def test_an_hour_without_slack_loses_nothing_and_floods_nothing(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as (w, space, account):
        channel = space.add_channel("incidents")
        await announce(w, account, channel.id)
        incident = await declare(w)
        await run_for(w, 60)
        room = space.room(incident.id)
        before = len(room.messages)
        space.down = True
        for number in range(30):
            await note(w, incident, f"seen {number}")
            await run_for(w, 120, 30)
        await _severity(w, incident.id, 0)
        assert w.sink.got, "people were paged meanwhile"
        space.down = False
        await run_for(w, 400, 10)

        added = room.messages[before:]
        shown = "".join(blocks_of(m) for m in added)
        assert all(f"seen {number}" in shown for number in range(30))
        assert len(added) <= 6
        assert any("While chat was unavailable" in blocks_of(m) for m in added)
        assert room.topic.startswith("SEV0")
        assert await dead(w) == []


async def test_the_announcement_is_one_message_with_updates_as_replies(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as (w, space, account):
        channel = space.add_channel("incidents")
        await announce(w, account, channel.id, severities=(0, 1))
        incident = await declare(w)
        await declare(w, "Slow search", severity=2)
        await run_for(w, 60)
        await note(w, incident, "We roll back", kind="update")
        await run_for(w, 60)

        (announcement, reply) = channel.messages
        assert announcement["text"].startswith(f"{incident.ref} SEV1")
        assert reply["thread_ts"] == announcement["ts"]
        assert "We roll back" in blocks_of(reply)
        assert "We roll back" in blocks_of(announcement)


async def test_a_channel_that_a_person_archived_is_asked_about_and_not_fought_over(
    dsn: str, clock: FakeClock
) -> None:
    async with chat_world(dsn, clock) as (w, space, account):
        channel = space.add_channel("incidents")
        await announce(w, account, channel.id)
        incident = await declare(w)
        await run_for(w, 60)
        space.room(incident.id).archived = True
        await note(w, incident, "still here")
        await run_for(w, 60)

        assert any("archived" in m["text"] for m in channel.messages)
        assert space.count("conversations.create") == 1
        async with w.ctx.db.tx() as tx:
            await room_events.create_room(tx, SYSTEM, account.id, incident.id, w.now)
        await run_for(w, 60)
        again = space.room(incident.id)
        assert not again.archived
        assert any("still here" in blocks_of(m) for m in again.messages)


async def test_a_token_that_was_revoked_stops_the_calls_until_there_is_another(
    dsn: str, clock: FakeClock
) -> None:
    async with chat_world(dsn, clock) as (w, space, account):
        incident = await declare(w)
        await run_for(w, 60)
        tokens, space.tokens = space.tokens, set()
        await note(w, incident, "lost?")
        await run_for(w, 10)
        calls = len(space.calls)
        await run_for(w, 300, 30)
        assert len(space.calls) == calls
        async with w.ctx.db.tx() as tx:
            broken = await accounts.account(tx, account.id)
        assert (broken.state, broken.reason) == ("broken", "invalid_auth")

        space.tokens = tokens
        from tests.chat_world import connect

        await connect(w)
        await run_for(w, 30)
        assert any("lost?" in blocks_of(m) for m in space.room(incident.id).messages)


async def test_content_that_slack_refuses_is_sent_as_plain_text(
    dsn: str, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with chat_world(dsn, clock) as (w, space, _):
        incident = await declare(w)
        await run_for(w, 30)
        space.faults.append(
            lambda method, a: "invalid_blocks" if method == "chat.postMessage" and a.get("blocks") else ""
        )
        await note(w, incident, "plain words")
        await run_for(w, 10)

        message = space.room(incident.id).messages[-1]
        assert message["blocks"] == []
        assert "plain words" in message["text"]
        assert any(record.levelname == "ERROR" for record in caplog.records)


async def test_what_cannot_be_sent_is_a_dead_letter_that_can_be_retried(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as (w, space, account):
        incident = await declare(w)
        await run_for(w, 30)
        space.faults.append(lambda method, _: "as_user_not_supported" if method == "chat.postMessage" else "")
        await note(w, incident, "unlucky")
        await run_for(w, 30)
        (key,) = await dead(w)
        space.faults.clear()
        async with w.ctx.db.tx() as tx:
            await accounts.retry(tx, SYSTEM, account.id, key, w.now)
        await run_for(w, 10)

        assert any("unlucky" in blocks_of(m) for m in space.room(incident.id).messages)
        assert await dead(w) == []


async def test_the_next_update_is_asked_for_in_time_and_the_question_is_closed(
    dsn: str, clock: FakeClock
) -> None:
    async with chat_world(dsn, clock) as (w, space, _):
        incident = await declare(w)
        await run_for(w, 60)
        await run_for(w, 25 * 60, 30)
        room = space.room(incident.id)
        reminders = [m for m in room.messages if "next update is due" in m["text"]]
        assert len(reminders) == 1
        await note(w, incident, "We roll back", kind="update")
        await run_for(w, 30)

        assert "was posted" in reminders[0]["text"]


async def test_a_missing_commander_is_asked_for_until_there_is_one(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as (w, space, _):
        incident = await declare(w)
        await run_for(w, 9 * 60, 30)
        room = space.room(incident.id)
        assert not any("No one is" in m["text"] for m in room.messages)
        await run_for(w, 3 * 60, 30)
        (reminder,) = [m for m in room.messages if "No one is" in m["text"]]
        assert "commander" in reminder["text"]
        await take(w, incident.id, IncidentRole.COMMANDER, w.mara)
        await take(w, incident.id, IncidentRole.SME, w.jun)
        await run_for(w, 60, 10)

        assert "filled" in reminder["text"]


async def test_a_stable_incident_is_asked_whether_it_is_over_and_archived_after_its_review(
    dsn: str, clock: FakeClock
) -> None:
    async with chat_world(dsn, clock) as (w, space, _):
        incident = await declare(w, severity=2)
        actor = await w.actor(w.mara)
        await note(w, incident, "restarted the pool", kind="mitigation")
        async with w.ctx.db.tx() as tx:
            await incidents.set_phase(tx, actor, incident.id, Phase.MONITORING, w.now)
        await run_for(w, 31 * 60, 60)
        room = space.room(incident.id)
        assert any("Is the incident over?" in m["text"] for m in room.messages)
        async with w.ctx.db.tx() as tx:
            await incidents.set_phase(
                tx, actor, incident.id, Phase.CLOSED, w.now, force=True, reason="it is over"
            )
        await run_for(w, 60)
        assert not any("Is the incident over?" in m["text"] for m in room.messages)
        await run_for(w, 6 * 86400 + 7200, 4 * 3600)
        assert archived(space) == 0
        assert any("archived in 24 hours" in m["text"] for m in room.messages)
        await run_for(w, 2 * 86400, 7200)
        assert archived(space) == 1
        await run_for(w, 86400, 7200)
        assert space.count("conversations.create") == 1


async def test_a_person_who_renames_the_channel_keeps_the_name(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as (w, space, account):
        incident = await declare(w)
        await run_for(w, 60)
        room = space.room(incident.id)
        room.name = "war-room"
        async with w.ctx.db.tx() as tx:
            await room_events.renamed(tx, account, room.id, "war-room")
            await room_events.described(tx, account, room.id, "topic", w.now)
        room.topic = "our own words"
        await note(w, incident, "go on")
        await run_for(w, 700, 30)
        assert (room.name, room.topic) == ("war-room", "our own words")
        await _severity(w, incident.id, 0)
        await run_for(w, 10)

        assert room.name == "war-room"
        assert room.topic.startswith("SEV0")


async def test_twenty_incidents_at_once_all_get_their_rooms_within_the_rates(
    dsn: str, clock: FakeClock
) -> None:
    async with chat_world(dsn, clock) as (w, space, _):
        made = [await declare(w, f"Outage number {n}", severity=2) for n in range(20)]
        await run_for(w, 60, 2)
        rooms = [c for c in space.channels.values() if c.creator == BOT_USER]
        assert len(rooms) == 20
        await run_for(w, 240, 5)

        assert space.limited == 0
        for incident in made:
            room = space.room(incident.id)
            assert room.pins
            assert room.topic
        assert await dead(w) == []


async def test_a_hundred_updates_a_minute_all_arrive(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as (w, space, _):
        incident = await declare(w)
        await run_for(w, 60)
        for number in range(100):
            await note(w, incident, f"update {number:03d}.", kind="update")
            await run_for(w, 0.6, 0.6)
        await run_for(w, 15)

        shown = "".join(blocks_of(m) for m in space.room(incident.id).messages)
        assert [n for n in range(100) if f"update {n:03d}." not in shown] == []
        assert space.limited == 0


async def test_without_an_account_nothing_is_called_and_nothing_is_stored(dsn: str, clock: FakeClock) -> None:
    from tests.world import world

    async with world(dsn, clock) as w:
        await declare(w)
        await run_for(w, 10)
        async with w.ctx.db.tx() as tx:
            assert await store.accounts(tx) == []
            assert await tx.value("select count(*) from chat_want") == 0
            assert await tx.value("select count(*) from chat_object") == 0


async def test_a_room_of_a_lost_incident_state_is_open(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as (w, _, account):
        incident = await declare(w)
        await run_for(w, 30)
        async with w.ctx.db.tx() as tx:
            room = await store.room(tx, account.id, incident.id)
            assert room
            by_channel = await store.room_by_channel(tx, account.id, room.external_id)

        assert room.state is RoomState.OPEN
        assert by_channel == room
        assert room.created_at
        assert w.now - room.created_at <= timedelta(seconds=30)
