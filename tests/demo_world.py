"""The organization of the demo on the fake clock, with a worker that runs only when a test asks."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from firebell import event_subscriptions
from firebell.demo import history, organization
from firebell.kit.clock import FakeClock
from firebell.kit.http_out import parse_networks
from firebell.process import connected
from firebell.settings import Settings
from firebell.worker import Worker, timer_handlers
from tests.world import sink


@asynccontextmanager
async def demo_past(dsn: str, clock: FakeClock, seed: int = 7) -> AsyncIterator[history.Past]:
    """Create the organization, to which nothing has happened yet."""
    settings = Settings(allowed_networks=parse_networks("127.0.0.0/8"))
    async with connected(settings, dsn, clock) as ctx, sink() as phone:
        async with ctx.db.tx() as tx:
            kestrel = await organization.build(tx, clock.now(), phone.url)
        worker = Worker(ctx, timer_handlers(), event_subscriptions.outbox_handlers())
        yield history.Past(ctx, clock, worker, kestrel, random.Random(seed))  # noqa: S311 - a play
