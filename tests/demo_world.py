"""The organization of the demo on the fake clock, with a worker that runs only when a test asks."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime

from firebell import event_subscriptions
from firebell.demo import history, organization
from firebell.kit.clock import FakeClock
from firebell.kit.http_out import parse_networks
from firebell.process import connected
from firebell.settings import Settings
from firebell.worker import Worker, timer_handlers
from firebell.worker_lanes import LANE_LIMITS_S
from tests import wake_ups
from tests.world import sink


class WokenWorker(Worker):
    """Runs only lanes that have work, all of them at first."""

    woken: set[str]

    async def settle(self, now: datetime, woken: set[str] | None = None) -> None:
        """Run everything due at `now` in lanes that were woken or have work by then."""
        await super().settle(now, self.woken if woken is None else woken)


@asynccontextmanager
async def demo_past(dsn: str, clock: FakeClock, seed: int = 7) -> AsyncIterator[history.Past]:
    """Create the organization, to which nothing has happened yet."""
    settings = Settings(allowed_networks=parse_networks("127.0.0.0/8"))
    async with connected(settings, dsn, clock) as ctx, sink() as phone:
        ctx = replace(ctx, work_db=ctx.db, ingest_db=ctx.db)
        woken = wake_ups.watch(ctx.db)
        async with ctx.db.tx() as tx:
            kestrel = await organization.build(tx, clock.now(), phone.url)
        worker = WokenWorker(ctx, timer_handlers(), event_subscriptions.outbox_handlers())
        woken.update(LANE_LIMITS_S)
        worker.woken = woken
        yield history.Past(ctx, clock, worker, kestrel, random.Random(seed))  # noqa: S311 - a play
