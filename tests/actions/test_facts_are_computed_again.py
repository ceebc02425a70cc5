"""After an upgrade, facts from an earlier release are recomputed, however old their incidents are."""

from datetime import timedelta

from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from firebell.kit.db.database import Tx
from firebell.metrics.facts import projection
from tests.house.source import SRC
from tests.world import world


async def minutes(tx: Tx, incident_id: int) -> int | None:
    value: int | None = await tx.value("select person_minutes from incident_fact where id = $1", incident_id)
    return value


async def test_time_spent_on_an_old_incident_is_right_after_an_upgrade(dsn: str, clock: FakeClock) -> None:
    (migration,) = (SRC / "migrations").glob("*_recount_incident_facts.sql")
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            one = await incidents.declare(
                tx, mara, title="Cards fail", severity=2, commander_id=w.mara, now=w.now
            )
        clock.advance(timedelta(minutes=30))
        async with w.ctx.db.tx() as tx:
            await incidents.add_entry(tx, mara, one.id, "note", "Rolled back", w.now)
            assert not await projection.catch_up(tx, w.now)
            assert await minutes(tx, one.id) == 30
        clock.advance(timedelta(days=40))
        async with w.ctx.db.tx() as tx:
            assert not await projection.catch_up(tx, w.now)
            # as an earlier release counted
            await tx.execute("update incident_fact set person_minutes = 999 where id = $1", one.id)
            assert not await projection.catch_up(tx, w.now)
            assert await projection.compare_incidents(tx, 0, w.now) == (0, None)
            assert await minutes(tx, one.id) == 999
            await tx.execute(migration.read_text(encoding="utf-8"))
            assert not await projection.catch_up(tx, w.now)
            assert await minutes(tx, one.id) == 30
