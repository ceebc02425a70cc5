"""A process that mirrors an incident is killed again and again: the channel has each message exactly once."""

import asyncio
import os
import random

import pytest

from firebell.chat.accounts import actions as accounts
from firebell.chat.accounts.actions import Connection
from firebell.chat.model import AccountSecrets, ChatKind
from firebell.incidents import actions as incidents
from firebell.kit.clock import SystemClock
from firebell.kit.db.events import SYSTEM
from firebell.process import connected
from tests.servers import serve, until
from tests.standins.slack.workspace import ALL_SCOPES, BOT_ID, BOT_USER, TEAM, TOKEN, Workspace, serving
from tests.world import organize, settings, sink

pytestmark = pytest.mark.chaos

KILLS = int(os.environ.get("FIREBELL_TEST_CHAT_KILLS", "12"))
"""A run of 100 kills takes about ten minutes."""
ENTRIES_EACH = 12 if KILLS <= 12 else 5
SHOWN_LIMIT_S = 60 + 5 * KILLS
DONE_BEFORE = {"already_pinned", "name_taken"}
"""What Slack answers to a call that it carried out for a process that died before it read the answer."""


async def test_kill_9_in_a_loop_makes_neither_a_double_nor_a_hole(dsn: str) -> None:
    chance = random.Random(14)  # noqa: S311 - the moments of the kills
    async with serving(Workspace()) as space, sink() as receiver:
        clock = SystemClock()
        async with connected(settings(), dsn, clock) as ctx:
            await organize(ctx, receiver.url)
            connection = Connection(
                ChatKind.SLACK, TEAM, "Kestrel", "http", BOT_USER, BOT_ID, scopes=tuple(ALL_SCOPES)
            )
            async with ctx.db.tx() as tx:
                secrets = AccountSecrets(bot_token=TOKEN)
                await accounts.connect(tx, SYSTEM, connection, secrets, "k4Qz", "UTC", clock.now())
                incident = await incidents.declare(
                    tx, SYSTEM, title="Card payments fail", severity=2, now=clock.now()
                )

            async def write(numbers: range) -> None:
                for number in numbers:
                    async with ctx.db.tx() as tx:
                        await incidents.add_entry(
                            tx, SYSTEM, incident.id, "note", f"seen {number:03d}.", clock.now()
                        )
                    await asyncio.sleep(0.05)

            for life in range(KILLS):
                async with serve(dsn, FIREBELL_SLACK_API_URL=space.url) as server:
                    numbers = range(life * ENTRIES_EACH, (life + 1) * ENTRIES_EACH)
                    writing = asyncio.create_task(write(numbers))
                    await asyncio.sleep(chance.uniform(0.2, 1.5))
                    await server.kill()
                    await writing
                async with ctx.db.tx() as tx:
                    # who holds the account is dead: half a minute that this test skips
                    await tx.execute("update chat_account set lease_until = null")

            def shown() -> str:
                channels = space.channels.values()
                return "".join(str(m["blocks"]) for channel in channels for m in channel.messages)

            async def all_shown() -> bool:
                return all(f"seen {n:03d}." in shown() for n in range(KILLS * ENTRIES_EACH))

            async with serve(dsn, FIREBELL_SLACK_API_URL=space.url):
                await until(all_shown, "every entry is in the channel", SHOWN_LIMIT_S)

        assert len(space.channels) == 1, "one channel, whatever was killed"
        (channel,) = space.channels.values()
        assert [key for key, count in channel.keys().items() if count > 1] == []
        assert [n for n in range(KILLS * ENTRIES_EACH) if shown().count(f"seen {n:03d}.") != 1] == []
        assert [refusal for refusal in space.refused if refusal.split(":")[0] not in DONE_BEFORE] == []
