"""A daily rotation of Mara, Jun and Ada on top of the small organization."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from firebell.kit.clock import FakeClock
from firebell.kit.db.events import Actor
from firebell.kit.errors import FirebellError
from firebell.oncall.model import Layer, Schedule, Unit
from firebell.oncall.rota import shifts
from firebell.oncall.schedules import actions as oncall
from firebell.oncall.schedules import queries
from firebell.people import actions as people
from tests.world import World, world

TODAY = datetime(2026, 11, 24, tzinfo=UTC)
DAY = timedelta(days=1)


def day(n: int, hour: int = 0) -> datetime:
    """Return an hour of the n-th day after today."""
    return TODAY + n * DAY + timedelta(hours=hour)


@dataclass(slots=True)
class Rota:
    """Schedule "Daily": Mara today, Jun tomorrow, Ada the day after, and so on, from midnight UTC."""

    w: World
    ada: int
    id: int
    actor: Actor

    async def run(self, verb: Any, *args: Any, by: int | None = None, **more: Any) -> Any:
        """Run an action as Mara or `by` in its own transaction; return its result, or the error that it raised."""
        actor = self.actor if by is None else await self.w.actor(by)
        try:
            async with self.w.ctx.db.tx() as tx:
                return await verb(tx, actor, *args, **more, now=self.w.now)
        except FirebellError as error:
            return error

    async def schedule(self) -> Schedule:
        """Return it as it is now."""
        async with self.w.ctx.db.tx() as tx:
            return (await queries.schedules_by_id(tx, [self.id]))[self.id]

    async def who(self, at: datetime) -> tuple[int, ...]:
        """Return who is on duty."""
        return tuple(int(u) for u in shifts.at(await self.schedule(), at))

    async def outbox(self, reaction: str) -> list[dict[str, Any]]:
        """Return the payloads that wait for a reaction."""
        async with self.w.ctx.db.tx() as tx:
            rows = await tx.fetch("select payload from outbox where reaction = $1 order by id", reaction)
        return [row["payload"] for row in rows]

    async def audit(self, subject: str = "") -> list[str]:
        """Return the audit entries of the schedule, oldest first."""
        async with self.w.ctx.db.tx() as tx:
            rows = await tx.fetch(
                "select action from audit where subject = $1 order by id", subject or f"schedule:{self.id}"
            )
        return [row["action"] for row in rows]


def daily(*users: int, **more: Any) -> Layer:
    """Return a layer with a turn a day, from midnight UTC today on."""
    return Layer(0, tuple((u,) for u in users), TODAY.replace(tzinfo=None), Unit.DAY, 1, "UTC", **more)


@asynccontextmanager
async def rota(dsn: str, clock: FakeClock) -> AsyncIterator[Rota]:
    """Create the organization with its daily rotation."""
    async with world(dsn, clock) as w:
        actor = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            ada = await people.create_person(
                tx, actor, name="Ada Byron", email="ada@example.org", role="responder", tz="UTC", now=w.now
            )
            made = await oncall.create_schedule(
                tx,
                actor,
                name="Daily",
                team_id=1,
                tz="UTC",
                layers=[daily(w.mara, w.jun, ada.id)],
                now=w.now,
            )
        yield Rota(w, ada.id, int(made.id), actor)
