"""A person's shifts are listed wherever they come from, although only schedules that name the person are read."""

from datetime import datetime

from firebell.kit.clock import FakeClock
from firebell.oncall.calendars import actions as calendars
from firebell.oncall.calendars.model import Use
from firebell.oncall.model import OverrideKind
from firebell.oncall.rota import shifts
from firebell.oncall.schedules import actions as oncall
from firebell.oncall.schedules import queries
from tests.oncall_world import DAY, Rota, daily, day, rota


async def mine(r: Rota, person: int) -> list[tuple[str, datetime, datetime]]:
    """Return the shifts of a person as the product lists them."""
    async with r.w.ctx.db.tx() as tx:
        return [
            (s.schedule.slug, s.start, s.end) for s in await queries.shifts_of(tx, person, r.w.now, 7 * DAY)
        ]


async def all_of(r: Rota, person: int) -> list[tuple[str, datetime, datetime]]:
    """Return the shifts of a person, computed from every schedule."""
    async with r.w.ctx.db.tx() as tx:
        every = await queries.schedules(tx)
    turns = [
        (s.slug, run.start, run.end)
        for s in every
        for run in shifts.between(s, r.w.now, r.w.now + 7 * DAY)
        if person in run.users
    ]
    return sorted(turns, key=lambda shift: shift[1])


async def test_by_a_turn_an_override_a_stand_in_and_a_calendar(dsn: str, clock: FakeClock) -> None:
    async with rota(dsn, clock) as r:
        others = {}
        for name in ("Turn", "Set", "Map", "Calendar", "Nothing"):
            layer = daily(r.ada) if name == "Turn" else daily(r.w.jun)
            made = await r.run(oncall.create_schedule, name=name, team_id=1, tz="UTC", layers=[layer])
            others[name] = int(made.id)
        await r.run(
            oncall.create_override,
            schedule_id=others["Set"],
            kind=OverrideKind.SET,
            users=[r.ada],
            start=day(1),
            end=day(2),
        )
        await r.run(
            oncall.create_override,
            schedule_id=others["Map"],
            kind=OverrideKind.MAP,
            users=(),
            mapping={r.w.jun: r.ada},
            start=day(2),
            end=day(3),
        )
        ics = (
            "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART:20261127T000000Z\nDTEND:20261128T000000Z\n"
            "SUMMARY:ada@example.org\nATTENDEE:mailto:ada@example.org\nEND:VEVENT\nEND:VCALENDAR\n"
        )
        await r.run(calendars.add_import, use=Use.LAYER, schedule_id=others["Calendar"], name="C", text=ics)
        await r.w.settle()
        shifts = await mine(r, r.ada)
        assert {slug for slug, _, _ in shifts} == {"daily", "turn", "set", "map", "calendar"}
        assert sorted(shifts) == sorted(await all_of(r, r.ada))


async def test_the_schedules_that_name_me_come_first_then_those_of_my_teams(
    dsn: str, clock: FakeClock
) -> None:
    async with rota(dsn, clock) as r:
        async with r.w.ctx.db.tx() as tx:
            before = await queries.names_by_id(tx)
        for name in ("Alpha", "Zulu"):
            layer = daily(r.ada if name == "Zulu" else r.w.jun)
            await r.run(oncall.create_schedule, name=name, team_id=1, tz="UTC", layers=[layer])
        async with r.w.ctx.db.tx() as tx:
            names = await queries.names_by_id(tx)
            near = [names[i] for i in await queries.ids_near(tx, r.ada, r.w.now)]
        assert near == ["Daily", "Zulu", "Alpha", *[n for n in before.values() if n != "Daily"]]
