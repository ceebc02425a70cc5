"""Slack shows a private incident only to people who may read it."""

from typing import Any

import pytest

from firebell.incidents import actions as incidents
from firebell.incidents.model import IncidentRole
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import SYSTEM
from firebell.people import actions as people
from tests.chat_world import announce, chat_world, dead, declare, make_private, note, run_for
from tests.standins.slack.block_rules import Refused
from tests.standins.slack.workspace import BOT_USER
from tests.stories.test_an_incident_in_slack import blocks_of, take
from tests.world import World


async def test_a_private_incident_is_nowhere_but_in_its_private_room(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as (w, space, account):
        channel = space.add_channel("incidents")
        await announce(w, account, channel.id, pages=True)
        await declare(w, "Keys were leaked")
        await make_private(w)
        await run_for(w, 60)

        assert channel.messages == []
        (room,) = [c for c in space.channels.values() if c.creator == BOT_USER]
        assert room.is_private
        assert "leaked" not in room.name
        assert "private-inc-" in room.name


async def test_someone_who_only_acknowledged_a_page_is_not_invited_to_a_private_channel(
    dsn: str, clock: FakeClock
) -> None:
    """They may not read the incident: anyone may acknowledge the pages of a private one."""
    async with chat_world(dsn, clock) as (w, space, _account):
        users = {name: space.users[f"{name}@example.org"]["id"] for name in ("mara", "jun")}
        await w.alert()
        page = await w.page()
        await w.ack(w.jun)
        incident = await declare(w, "Keys were leaked", severity=2, page_id=page.id, private=True)
        await run_for(w, 60)
        (room,) = [c for c in space.channels.values() if c.creator == BOT_USER]
        assert room.is_private
        assert room.members == {BOT_USER, users["mara"]}

        await take(w, incident.id, IncidentRole.RESPONDER, w.jun)
        await run_for(w, 60)
        assert room.members == {BOT_USER, *users.values()}


async def test_an_incident_that_becomes_private_leaves_nothing_of_us_in_public(
    dsn: str, clock: FakeClock
) -> None:
    async with chat_world(dsn, clock) as (w, space, account):
        channel = space.add_channel("incidents")
        await announce(w, account, channel.id)
        incident = await declare(w, "Keys were leaked")
        await run_for(w, 60)
        public = space.room(incident.id)
        await note(w, incident, "the key of the vault")
        await run_for(w, 10)
        await make_private(w)
        await note(w, incident, "now private")
        await run_for(w, 120)

        assert channel.messages == []
        assert public.messages == []
        assert public.archived
        assert "leaked" not in public.name + public.topic + public.purpose
        private = next(c for c in space.channels.values() if c.is_private)
        assert any("now private" in blocks_of(m) for m in private.messages)


async def release(w: World, incident_id: int, role: IncidentRole, person_id: int) -> None:
    """End a person's role as Mara."""
    actor = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        await incidents.release_role(tx, actor, incident_id, role, person_id, w.now)


async def test_someone_who_loses_access_is_removed_from_the_private_channel(
    dsn: str, clock: FakeClock
) -> None:
    async with chat_world(dsn, clock) as (w, space, _account):
        users = {name: space.users[f"{name}@example.org"]["id"] for name in ("mara", "jun")}
        by_hand = space.add_user("visitor@example.org")
        incident = await declare(w, "Keys were leaked", severity=3, private=True)
        await take(w, incident.id, IncidentRole.RESPONDER, w.jun)
        await run_for(w, 60)
        (room,) = [c for c in space.channels.values() if c.creator == BOT_USER]
        room.members.add(by_hand)
        assert room.members == {BOT_USER, by_hand, *users.values()}

        await release(w, incident.id, IncidentRole.RESPONDER, w.jun)
        await run_for(w, 60)
        assert room.members == {BOT_USER, by_hand, users["mara"]}
        async with w.ctx.db.tx() as tx:
            audited = await tx.fetch("select subject from audit where action = 'chat.user_removed'")
        assert [row["subject"] for row in audited] == [incident.ref]

        await take(w, incident.id, IncidentRole.RESPONDER, w.jun)
        await run_for(w, 60)
        assert users["jun"] in room.members
        await release(w, incident.id, IncidentRole.RESPONDER, w.jun)
        await run_for(w, 60)
        assert users["jun"] not in room.members


async def test_a_merge_removes_no_one_who_reads_the_incident_that_goes_on(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as (w, space, _account):
        jun = space.users["jun@example.org"]["id"]
        old = await declare(w, "Keys were leaked", severity=3, private=True)
        await take(w, old.id, IncidentRole.RESPONDER, w.jun)
        await run_for(w, 60)
        (room,) = [c for c in space.channels.values() if c.creator == BOT_USER]
        into = await declare(w, "Tokens were leaked", severity=3, private=True)
        async with w.ctx.db.tx() as tx:
            await incidents.merge(tx, await w.actor(w.mara), old.id, into.id, w.now)
        await run_for(w, 120, 5)
        assert jun in room.members
        await release(w, into.id, IncidentRole.RESPONDER, w.jun)
        await run_for(w, 120, 5)
        assert jun not in room.members


async def test_someone_who_is_deactivated_is_removed_from_the_private_channel(
    dsn: str, clock: FakeClock
) -> None:
    async with chat_world(dsn, clock) as (w, space, _account):
        jun = space.users["jun@example.org"]["id"]
        incident = await declare(w, "Keys were leaked", severity=3, private=True)
        await take(w, incident.id, IncidentRole.RESPONDER, w.jun)
        await run_for(w, 60)
        (room,) = [c for c in space.channels.values() if c.creator == BOT_USER]
        assert jun in room.members
        async with w.ctx.db.tx() as tx:
            await people.update_person(tx, SYSTEM, w.jun, active=False, now=w.now)
        await run_for(w, 120, 5)
        assert jun not in room.members


@pytest.mark.parametrize(
    ("code", "is_listed"), [("restricted_action", True), ("not_in_channel", False), ("cant_kick_self", False)]
)
async def test_a_removal_that_slack_refuses_is_listed_and_delays_nothing(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, code: str, is_listed: bool
) -> None:
    async with chat_world(dsn, clock) as (w, space, _account):

        def refuse(_arguments: dict[str, Any]) -> dict[str, Any]:
            raise Refused(code, "the channel")

        monkeypatch.setattr(space, "_conversations_kick", refuse)
        jun = space.users["jun@example.org"]["id"]
        incident = await declare(w, "Keys were leaked", severity=3, private=True)
        await take(w, incident.id, IncidentRole.RESPONDER, w.jun)
        await run_for(w, 60)
        await release(w, incident.id, IncidentRole.RESPONDER, w.jun)
        await note(w, incident, "said later")
        await run_for(w, 60)
        (room,) = [c for c in space.channels.values() if c.creator == BOT_USER]
        assert any("said later" in blocks_of(m) for m in room.messages)
        key = f"inc-{incident.id}/remove-{jun}"
        assert await dead(w) == ([key] if is_listed else [])


async def test_without_the_scope_for_private_channels_a_private_incident_gets_none(
    dsn: str, clock: FakeClock
) -> None:
    async with chat_world(dsn, clock) as (w, space, _account):
        async with w.ctx.db.tx() as tx:
            await tx.execute("update chat_account set scopes = array_remove(scopes, 'groups:write')")
        await declare(w, "Keys were leaked")
        await make_private(w)
        await run_for(w, 30)

        assert space.channels == {}
