"""A process that creates issues is killed before, during and after the call: each item has one issue (N14)."""

import os
import signal
from dataclasses import dataclass

import pytest

from firebell.action_items import actions as action_items
from firebell.action_items.trackers import actions as trackers
from firebell.action_items.trackers.credentials import EnteredCredentials
from firebell.kit.clock import SystemClock
from firebell.kit.context import Context
from firebell.kit.db.events import SYSTEM
from firebell.process import connected
from tests.servers import serve, until
from tests.standins.trackers import TOKEN, GitHubStandin, Response, serving
from tests.world import organize, settings, sink

pytestmark = pytest.mark.chaos

MOMENTS = ("arrived", "stored", "answered", "arrived", "stored")
"""When the process is killed: as its call arrives, once the issue is stored, and as it reads the issue."""


@dataclass
class KillingStandin(GitHubStandin):
    """Kills the process `victim` at a moment, once."""

    victim: int = 0
    moment: str = ""

    def handle(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Response | None:
        creates = method == "POST" and target.endswith("/issues")
        reads = method == "GET" and "/issues/" in target
        if creates and self.moment == "arrived":
            self.kill()
            return None
        response = super().handle(method, target, headers, body)
        if (creates and self.moment == "stored") or (reads and self.moment == "answered"):
            self.kill()
            return None
        return response

    def kill(self) -> None:
        """Kill the process; its call gets no answer."""
        self.moment = ""
        assert self.victim > 0
        os.kill(self.victim, signal.SIGKILL)


async def _add(ctx: Context, title: str) -> None:
    async with ctx.db.tx() as tx:
        item = await action_items.add_item(tx, SYSTEM, title, ctx.clock.now())
        await trackers.link_item(tx, SYSTEM, item.id, 1, ctx.clock.now())


async def test_kill_9_around_the_creation_makes_one_issue_each(dsn: str) -> None:
    clock = SystemClock()
    async with serving(KillingStandin(clock.now)) as github, sink() as receiver:
        assert isinstance(github, KillingStandin)
        async with connected(settings(), dsn, clock) as ctx:
            await organize(ctx, receiver.url)
            async with ctx.db.tx() as tx:
                entered = EnteredCredentials(token=TOKEN)
                await trackers.add(tx, SYSTEM, "github", "acme/shop", entered, clock.now(), url=github.url)

            async def linked() -> int:
                async with ctx.db.tx() as tx:
                    return int(await tx.value("select count(*) from tracker_link where state = 'linked'"))

            for number, moment in enumerate(MOMENTS, 1):
                async with serve(dsn) as server:
                    github.victim, github.moment = server.process.pid, moment
                    await _add(ctx, f"Add a timeout to client {number}")
                    await server.ended()
                async with ctx.db.tx() as tx:
                    # the lease of the dead process, and the pause after its attempt: minutes that this test skips
                    await tx.execute("update tracker set lease_until = null, rests_until = null")
                    await tx.execute("update tracker_link set check_at = now() where state = 'creating'")

            async def all_linked() -> bool:
                return await linked() == len(MOMENTS)

            async with serve(dsn):
                await until(all_linked, "every item is linked")
        titles = sorted(issue["title"] for issue in github.issues.values())
        assert titles == [f"Add a timeout to client {number}" for number in range(1, len(MOMENTS) + 1)]
        assert not github.refused
