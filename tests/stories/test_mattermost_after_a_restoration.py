"""Story: after an old backup is restored, what people wrote to the bot of Mattermost is not done a second time."""

from datetime import timedelta

import pytest

from firebell.chat.adapter_base.adapter import CallFailed, Trouble
from firebell.chat.mattermost import direct_messages
from firebell.kit.clock import FakeClock
from firebell.kit.db import org_settings
from tests.chat_world import run_for
from tests.mattermost_world import MattermostTeam, mattermost_team
from tests.stories.test_working_from_mattermost import linked


async def test_a_page_that_was_asked_for_while_nothing_ran_is_started(dsn: str, clock: FakeClock) -> None:
    async with mattermost_team(dsn, clock) as team:
        w, server = team.w, team.server
        mara = await linked(team, "mara", w.mara)
        await run_for(w, 6, 5)
        server.say(f"direct-{mara}", mara, "declare sev3 Card payments fail")
        await run_for(w, 12, 5)
        down_at = w.now
        w.clock.advance(timedelta(minutes=10))
        server.say(f"direct-{mara}", mara, "INC-1 page @mara Look at the cards")
        w.clock.advance(timedelta(minutes=10))
        async with w.ctx.db.tx() as tx:
            before = await tx.value("select count(*) from page")
            await org_settings.put(
                tx,
                "database_clock",
                {"at": w.now.isoformat(), "gap_from": down_at.isoformat(), "gap_until": w.now.isoformat()},
            )
        await run_for(w, 12, 5)
        async with w.ctx.db.tx() as tx:
            assert await tx.value("select count(*) from page") == before + 1


async def number_of_incidents(team: MattermostTeam) -> int:
    """Return how many incidents there are."""
    async with team.w.ctx.db.tx() as tx:
        count: int = await tx.value("select count(*) from incident")
    return count


async def refuse(*_: object, **__: object) -> None:
    """Answer as a server that is overloaded."""
    raise CallFailed(Trouble.RETRY, "http_503")


async def test_a_command_that_was_done_before_a_restoration_declares_no_second_incident(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with mattermost_team(dsn, clock) as team:
        w, server = team.w, team.server
        mara = await linked(team, "mara", w.mara)
        await run_for(w, 6, 5)
        backup_at = w.now
        async with w.ctx.db.tx() as tx:
            read_until = await tx.value("select mentions_read_until from chat_account")
            await org_settings.put(tx, "database_clock", {"at": backup_at.isoformat()})
        await run_for(w, 10, 5)
        server.say(f"direct-{mara}", mara, "declare sev3 Card payments fail")
        await run_for(w, 12, 5)
        assert await number_of_incidents(team) == 1

        # the backup knows neither the incident nor that the message was read
        w.clock.advance(timedelta(hours=1))
        async with w.ctx.db.tx() as tx:
            await tx.execute("delete from chat_seen")
            await tx.execute("update chat_account set mentions_read_until = $1", read_until)
            await org_settings.put(
                tx,
                "database_clock",
                {"at": w.now.isoformat(), "gap_from": backup_at.isoformat(), "gap_until": w.now.isoformat()},
            )
        told = len(server.direct)
        # the first message to the author is lost
        with monkeypatch.context() as patched:
            patched.setattr(direct_messages, "call", refuse)
            await run_for(w, 5, 5)
        assert len(server.direct) == told
        await run_for(w, 12, 5)
        assert await number_of_incidents(team) == 1
        (answer,) = server.direct[told:]
        assert (answer[0], "declare sev3 Card payments fail" in answer[1]) == (mara, True)

        # what is written afterwards is done
        server.say(f"direct-{mara}", mara, "declare sev3 Card payments fail again")
        await run_for(w, 12, 5)
        assert await number_of_incidents(team) == 2
