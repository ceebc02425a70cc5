"""The button beside a finding does what it says, once."""

from firebell.kit.clock import FakeClock
from firebell.kit.errors import Conflict
from firebell.oncall import actions as oncall
from firebell.oncall import covers, vacations, view
from firebell.oncall.findings import Finding
from firebell.oncall.mend import mend
from firebell.oncall.model import CoverState, EditKind
from firebell.paging import actions as paging
from firebell.paging.model import Level, Target, TargetKind
from firebell.people import actions as people
from tests.oncall_world import Rota, daily, day, rota


async def found(r: Rota, code: str, slug: str = "daily") -> Finding:
    """Return the first finding of this kind."""
    async with r.w.ctx.db.tx() as tx:
        schedule = await oncall.by_slug(tx, slug)
        return next(
            f for f in (await view.found_in(tx, [schedule], r.w.now))[int(schedule.id)] if f.code == code
        )


async def test_who_left_is_taken_out_of_the_rotation_once(dsn: str, clock: FakeClock) -> None:
    async with rota(dsn, clock) as r:
        await r.run(people.update_person, r.w.jun, active=False)
        fault = await found(r, "S-INACTIVE")
        assert await r.who(day(1, 12)) == ()
        assert await r.run(mend, "daily", fault.id) is None
        assert await r.who(day(1, 12)) == (r.ada,)
        assert isinstance(await r.run(mend, "daily", fault.id), Conflict)


async def test_an_override_of_somebody_who_left_is_removed(dsn: str, clock: FakeClock) -> None:
    async with rota(dsn, clock) as r:
        await r.run(
            oncall.add_edit, schedule_id=r.id, kind=EditKind.SET, users=[r.w.jun], start=day(2), end=day(3)
        )
        await r.run(oncall.leave, r.id, person_id=r.w.jun)
        await r.run(people.update_person, r.w.jun, active=False)
        fault = await found(r, "S-INACTIVE")
        assert await r.run(mend, "daily", fault.id) is None
        assert (await r.schedule()).edits == ()


async def test_a_secondary_that_is_the_primary_begins_with_the_next_person(
    dsn: str, clock: FakeClock
) -> None:
    async with rota(dsn, clock) as r:
        both = [daily(r.w.mara, r.w.jun, r.ada)]
        second = await r.run(oncall.create_schedule, name="Second", team_id=1, tz="UTC", layers=both)
        levels = [Level((Target(TargetKind.SCHEDULE, int(i)),)) for i in (r.id, second.id)]
        await r.run(paging.create_policy, name="Chain", team_id=1, levels=levels)
        fault = await found(r, "S-SAME", "second")
        assert await r.run(mend, "second", fault.id) is None
        async with r.w.ctx.db.tx() as tx:
            second = await oncall.by_slug(tx, "second")
        assert oncall.users_at(second, day(1, 12)) == (r.ada,)
        assert await r.who(day(1, 12)) == (r.w.jun,)


async def test_a_shift_in_somebodys_vacation_is_taken(dsn: str, clock: FakeClock) -> None:
    async with rota(dsn, clock) as r:
        await r.run(vacations.add, person_id=r.w.jun, start=day(1), end=day(2))
        fault = await found(r, "S-VACATION")
        assert await r.run(mend, "daily", fault.id) is None
        assert await r.who(day(1, 12)) == (r.w.mara,)
        async with r.w.ctx.db.tx() as tx:
            assert [c.state for c in await oncall.covers(tx, schedule_ids=[r.id])] == [CoverState.TAKEN]
        assert isinstance(await r.run(covers.take, 1, r.ada), Conflict)
