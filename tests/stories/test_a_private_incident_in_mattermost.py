"""Mattermost keeps only people in the private channel of an incident who may read it."""

from firebell.incidents.model import IncidentRole
from firebell.kit.clock import FakeClock
from tests.chat_world import declare, run_for
from tests.mattermost_world import mattermost_team
from tests.stories.test_a_private_incident_in_slack import release
from tests.stories.test_an_incident_in_slack import take
from tests.stories.test_working_from_mattermost import linked


async def test_someone_who_loses_access_is_removed_from_the_private_channel(
    dsn: str, clock: FakeClock
) -> None:
    async with mattermost_team(dsn, clock) as team:
        w, server = team.w, team.server
        mara, jun = await linked(team, "mara", w.mara), await linked(team, "jun", w.jun)
        by_hand = server.add_user("visitor@example.org")
        incident = await declare(w, "Keys were leaked", severity=3, private=True)
        await take(w, incident.id, IncidentRole.RESPONDER, w.jun)
        await run_for(w, 60, 5)
        members = server.members[team.channel]
        members.add(by_hand)
        assert members >= {mara, jun}

        await release(w, incident.id, IncidentRole.RESPONDER, w.jun)
        await run_for(w, 60, 5)
        assert (jun in members, members >= {mara, by_hand}) == (False, True)

        # Mattermost says in the channel that the bot removed them: that is no reason not to invite them again
        server.say(team.channel, jun, "", "system_remove_from_channel")
        await run_for(w, 10, 5)
        await take(w, incident.id, IncidentRole.RESPONDER, w.jun)
        await run_for(w, 60, 5)
        assert jun in members
        assert server.refused == []


async def test_someone_who_left_by_themselves_needs_no_removal(dsn: str, clock: FakeClock) -> None:
    async with mattermost_team(dsn, clock) as team:
        w, server = team.w, team.server
        await linked(team, "mara", w.mara)
        jun = await linked(team, "jun", w.jun)
        incident = await declare(w, "Keys were leaked", severity=3, private=True)
        await take(w, incident.id, IncidentRole.RESPONDER, w.jun)
        await run_for(w, 60, 5)
        server.members[team.channel].remove(jun)
        await release(w, incident.id, IncidentRole.RESPONDER, w.jun)
        await run_for(w, 60, 5)
        async with w.ctx.db.tx() as tx:
            invited = await tx.value("select invited from chat_room")
        assert str(w.jun) not in invited
