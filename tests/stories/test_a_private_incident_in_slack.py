"""Slack shows a private incident only to people who may read it."""

from firebell.incidents.model import IncidentRole
from firebell.kit.clock import FakeClock
from tests.chat_world import announce, chat_world, declare, make_private, note, run_for
from tests.standins.slack.workspace import BOT_USER
from tests.stories.test_an_incident_in_slack import blocks_of, take


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
