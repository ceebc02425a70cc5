"""Changes of a schedule: what they announce, refuse and leave unchanged."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from firebell.kit.clock import FakeClock
from firebell.kit.db.events import SYSTEM
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.findings import FindingLevel as Grade
from firebell.oncall.checks import fix_actions
from firebell.oncall.checks import queries as check_queries
from firebell.oncall.checks.rules import ScheduleFinding
from firebell.oncall.model import OverrideKind, ScheduleChanged
from firebell.oncall.rota import shifts
from firebell.oncall.schedules import actions as oncall
from firebell.oncall.schedules import changes, queries, shadows
from firebell.oncall.swaps import override_removal, time_off
from firebell.oncall.swaps import queries as swap_queries
from firebell.paging import actions as paging
from firebell.paging.model import Level, Target, TargetKind
from firebell.people import actions as people
from firebell.workload import actions as load
from tests.oncall_world import DAY, daily, day, rota


async def test_history_stays_when_people_change(dsn: str, clock: FakeClock) -> None:
    async with rota(dsn, clock) as r:
        clock.advance(4 * DAY)
        before = shifts.between(await r.schedule(), day(0), r.w.now)
        changed = await r.run(oncall.leave, r.id, person_id=r.w.mara)
        assert shifts.between(changed, day(0), r.w.now) == before
        assert await r.who(r.w.now) == (r.w.jun,)
        assert await r.who(day(5, 12)) == (r.ada,)
        assert [x.end for x in changed.layers] == [r.w.now, None]
        again = await r.run(oncall.replace_layers, r.id, [changed.layers[1]])
        assert again == changed
        assert await r.audit() == ["schedule.created", "schedule.layers"]


async def test_layers_keep_their_order_in_both_ages(dsn: str, clock: FakeClock) -> None:
    async with rota(dsn, clock) as r:
        (low,) = (await r.schedule()).layers
        await r.run(oncall.replace_layers, r.id, [low, daily(r.ada, name="above")], at=day(1))
        assert [await r.who(day(n)) for n in (0, 1, 2)] == [(r.w.mara,), (r.ada,), (r.ada,)]
        low, high = (await r.schedule()).layers
        await r.run(oncall.replace_layers, r.id, [high, low], at=day(2))
        assert [await r.who(day(n)) for n in (0, 1, 2, 3)] == [(r.w.mara,), (r.ada,), (r.ada,), (r.w.mara,)]
        await r.run(oncall.replace_layers, r.id, [], at=day(3))
        assert [await r.who(day(n)) for n in (0, 1, 2, 3)] == [(r.w.mara,), (r.ada,), (r.ada,), ()]


async def test_a_change_announces_only_whose_shifts_differ(dsn: str, clock: FakeClock) -> None:
    announced: list[ScheduleChanged] = []

    async def note(_: object, event: ScheduleChanged, __: datetime) -> None:
        announced.append(event)

    async with rota(dsn, clock) as r:
        r.w.ctx.db._reactions.must[ScheduleChanged] = (note,)
        edit = await r.run(
            oncall.create_override,
            schedule_id=r.id,
            kind=OverrideKind.SET,
            users=[r.ada],
            start=day(1),
            end=day(1, 6),
            reason="dentist",
        )
        assert announced == [
            ScheduleChanged(r.id, "Mara Lindqvist", ((day(1), day(1, 6), (r.w.jun,), (r.ada,)),))
        ]
        await r.run(oncall.rename_schedule, r.id, name="Other")
        await r.run(
            oncall.create_override,
            schedule_id=r.id,
            kind=OverrideKind.ADD,
            users=[r.ada],
            start=day(2),
            end=day(2, 6),
        )
        assert len(announced) == 1
        await r.run(override_removal.remove_override, edit)
        assert announced[1].changes == ((day(1), day(1, 6), (r.ada,), (r.w.jun,)),)
        await r.run(oncall.replace_layers, r.id, [daily(r.ada)])
        assert len(announced[2].changes) <= changes.MAX_ANNOUNCED_CHANGES
        assert announced[2].changes[0][0] == r.w.now
        assert max(end for _, end, *_ in announced[2].changes) <= r.w.now + changes.ANNOUNCED_AHEAD


async def test_bug_links_to_a_schedule_broke_when_it_was_renamed(dsn: str, clock: FakeClock) -> None:
    async with rota(dsn, clock) as r:
        again: dict[str, Any] = {"team_id": 1, "tz": "UTC", "layers": []}
        await r.run(oncall.rename_schedule, r.id, name="Nightly")
        async with r.w.ctx.db.tx() as tx:
            assert (await queries.by_slug(tx, "daily")).name == "Nightly"
        taken = await r.run(oncall.create_schedule, name="nightly", **again)
        assert taken.message == "There is already a schedule Nightly."
        here = await r.run(oncall.create_schedule, name="Daily", **again)
        assert here.message == "There is already a schedule at /oncall/daily."
        assert (await r.run(oncall.rename_schedule, r.id, name="Payments primary")).fields.keys() == {"name"}
        assert (await r.run(oncall.rename_schedule, r.id, name="Daily")).slug == "daily"


async def test_bug_ending_an_override_took_its_past_from_who_was_on_call(dsn: str, clock: FakeClock) -> None:
    async with rota(dsn, clock) as r:
        begun: dict[str, Any] = {"schedule_id": r.id, "kind": OverrideKind.SET, "users": [r.ada]}
        edit = await r.run(oncall.create_override, **begun, start=r.w.now, end=r.w.now + timedelta(hours=9))
        since = r.w.now
        clock.advance(timedelta(hours=3))
        await r.run(override_removal.remove_override, edit)
        assert await r.who(since) == (r.ada,)
        assert await r.who(r.w.now - timedelta(seconds=1)) == (r.ada,)
        assert await r.who(r.w.now) == (r.w.mara,)
        assert "is over" in (await r.run(override_removal.remove_override, edit)).message


async def test_changes_at_once_wait_for_each_other(dsn: str, clock: FakeClock) -> None:
    async with rota(dsn, clock) as r:
        version = (await r.schedule()).version
        layer = (await r.schedule()).layers[0]
        both = await asyncio.gather(
            *[
                r.run(oncall.replace_layers, r.id, [replace(layer, slots=((who,),))], version=version)
                for who in (r.w.jun, r.ada)
            ]
        )
        assert sorted(isinstance(x, Conflict) for x in both) == [False, True]
        await asyncio.gather(
            *[
                r.run(
                    oncall.create_override,
                    kind=OverrideKind.SET,
                    schedule_id=r.id,
                    users=[r.ada],
                    start=day(n),
                    end=day(n + 1),
                    reason="",
                )
                for n in range(1, 6)
            ]
        )
        assert len((await r.schedule()).overrides) == 5
        assert (await r.schedule()).version == version + 6


async def test_what_cannot_be_is_refused_with_its_field(dsn: str, clock: FakeClock) -> None:
    async with rota(dsn, clock) as r:
        layer = (await r.schedule()).layers[0]

        async def field(verb: Any, *args: Any, **more: Any) -> list[str]:
            refused = await r.run(verb, *args, **more)
            assert isinstance(refused, Invalid), refused
            return list(refused.fields)

        stranger = replace(layer, slots=((999,),))
        assert await field(oncall.replace_layers, r.id, [stranger]) == ["people"]
        assert await field(oncall.replace_layers, r.id, [layer] * 21) == ["layers"]
        assert await field(oncall.replace_layers, r.id, [], at=r.w.now - timedelta(seconds=1)) == ["at"]
        edit: dict[str, Any] = {"schedule_id": r.id, "start": day(1), "end": day(2)}
        assert await field(oncall.create_override, **edit, kind=OverrideKind.ADD) == ["person"]
        assert await field(oncall.create_override, **edit, kind=OverrideKind.MAP) == ["person"]
        assert await field(oncall.create_override, **edit, kind=OverrideKind.SET, users=[999]) == ["person"]
        empty = {**edit, "end": day(1)}
        assert await field(oncall.create_override, **empty, kind=OverrideKind.SET) == ["end"]
        itself = {"person_id": r.ada, "of": r.ada, "start": day(1)}
        assert await field(shadows.add_shadow, schedule_id=r.id, **itself) == ["of"]
        assert isinstance(await r.run(override_removal.remove_override, 999), NotFound)
        assert isinstance(await r.run(oncall.leave, 999, person_id=r.ada), NotFound)
        nowhere = await r.run(oncall.join, r.id, layer_id=999, person_id=r.ada)
        assert isinstance(nowhere, NotFound)


async def test_a_schedule_that_a_policy_or_an_open_page_needs_is_not_deleted(
    dsn: str, clock: FakeClock
) -> None:
    async with rota(dsn, clock) as r:
        level = Level((Target(TargetKind.SCHEDULE, r.id),))
        policy = await r.run(paging.create_policy, name="Daily first", team_id=1, levels=[level])
        assert "Daily first" in (await r.run(oncall.delete_schedule, r.id)).message
        async with r.w.ctx.db.tx() as tx:
            await paging.start_incident_page(
                tx,
                SYSTEM,
                incident_id=1,
                title="x",
                severity=1,
                service_id=None,
                team_id=1,
                policy_id=policy.id,
                now=r.w.now,
            )
            await paging.update_policy(
                tx,
                SYSTEM,
                policy,
                replace(policy.plan, levels=(Level((Target(TargetKind.PERSON, r.ada),)),), repeat=1),
                now=r.w.now,
            )
        assert "PG-1" in (await r.run(oncall.delete_schedule, r.id)).message
        await r.run(paging.resolve, 1)
        cover: dict[str, Any] = {
            "schedule_id": r.id,
            "kind": OverrideKind.SET,
            "users": [r.ada],
            "start": day(1),
            "end": day(2),
        }
        await r.run(oncall.create_override, **cover)
        assert await r.run(oncall.delete_schedule, r.id) is None
        async with r.w.ctx.db.tx() as tx:
            assert r.id not in {s.id for s in await queries.schedules(tx)}
        assert (await r.audit())[-1] == "schedule.deleted"


async def test_what_is_over_stays_away_and_the_answer_is_the_same(dsn: str, clock: FakeClock) -> None:
    async with rota(dsn, clock) as r:
        for n in range(5):
            await r.run(oncall.replace_layers, r.id, [daily(r.ada if n % 2 else r.w.jun)], at=day(n + 1))
            span: dict[str, Any] = {"start": day(n + 1, 6), "end": day(n + 1, 7)}
            await r.run(
                oncall.create_override,
                kind=OverrideKind.SET,
                schedule_id=r.id,
                users=[r.w.mara],
                reason="",
                **span,
            )
        a, b = day(3, 3), day(4, 3)
        async with r.w.ctx.db.tx() as tx:
            whole = (await queries.schedules_by_id(tx, [r.id]))[r.id]
            part = await queries.by_slug(tx, "daily", since=a, until=b)
        assert (len(whole.layers), len(whole.overrides), len(part.layers), len(part.overrides)) == (
            6,
            5,
            2,
            1,
        )
        assert shifts.between(part, a, b) == shifts.between(whole, a, b)


async def test_findings_know_contacts_policies_and_who_left(dsn: str, clock: FakeClock) -> None:
    async with rota(dsn, clock) as r:
        levels = [Level((Target(TargetKind.SCHEDULE, i),)) for i in (r.id, 1)]
        await r.run(paging.create_policy, name="Chain", team_id=1, levels=levels)
        await r.run(people.update_person, r.w.jun, active=False)
        async with r.w.ctx.db.tx() as tx:
            schedule = (await queries.schedules_by_id(tx, [r.id]))[r.id]
            findings = (await check_queries.findings_of(tx, [schedule], r.w.now))[r.id]
        codes = {f.code for f in findings}
        assert {"S-GAP", "S-INACTIVE", "S-UNREACHABLE"} <= codes
        left = next(f for f in findings if f.code == "S-INACTIVE")
        assert "Jun Okafor" in left.message
        # the second level is Mara until her week ends, then it is Jun as well
        gaps = {f.start: f.level for f in findings if f.code == "S-GAP"}
        assert gaps[day(1)] == Grade.WARNING
        assert gaps[day(7)] == Grade.ERROR


async def test_the_button_beside_a_finding_repairs_it(dsn: str, clock: FakeClock) -> None:
    async with rota(dsn, clock) as r:
        second = await r.run(
            oncall.create_schedule,
            name="Second",
            team_id=1,
            tz="UTC",
            layers=[daily(r.w.mara, r.w.jun, r.ada)],
        )
        levels = [Level((Target(TargetKind.SCHEDULE, int(i)),)) for i in (r.id, second.id)]
        await r.run(paging.create_policy, name="Chain", team_id=1, levels=levels)

        async def findings_by_id() -> dict[str, ScheduleFinding]:
            async with r.w.ctx.db.tx() as tx:
                schedule = (await queries.schedules_by_id(tx, [second.id]))[second.id]
                return {
                    f.code: f for f in (await check_queries.findings_of(tx, [schedule], r.w.now))[second.id]
                }

        same = (await findings_by_id())["S-SAME"]
        assert (await r.run(fix_actions.carry_out, second.id, same.id)) == same
        assert "S-SAME" not in await findings_by_id()
        assert isinstance(await r.run(fix_actions.carry_out, second.id, same.id), NotFound)

        await r.run(people.update_person, r.ada, active=False)
        left = (await findings_by_id())["S-INACTIVE"]
        await r.run(fix_actions.carry_out, second.id, left.id)
        assert {"S-INACTIVE", "S-GAP"}.isdisjoint(await findings_by_id())

        silent = (await findings_by_id())["S-UNREACHABLE"]
        choice = await r.run(fix_actions.carry_out, second.id, silent.id)
        assert isinstance(choice, Conflict)
        assert choice.hint == silent.message

        _, asked = await r.run(time_off.add, person_id=r.w.jun, start=day(2), end=day(3))
        mine = next(c for c in asked if c.schedule_id == second.id)
        await r.run(fix_actions.carry_out, second.id, (await findings_by_id())["S-VACATION"].id)
        async with r.w.ctx.db.tx() as tx:
            taken = await swap_queries.cover(tx, mine.id)
        assert taken
        assert taken.taken_by == r.w.mara


async def test_the_button_removes_an_override_of_someone_who_left(dsn: str, clock: FakeClock) -> None:
    async with rota(dsn, clock) as r:
        await r.run(
            oncall.create_override,
            schedule_id=r.id,
            kind=OverrideKind.SET,
            users=[r.w.jun],
            start=day(2),
            end=day(3),
        )
        await r.run(oncall.leave, r.id, person_id=r.w.jun)
        await r.run(people.update_person, r.w.jun, active=False)
        assert await r.who(day(2, 12)) == ()
        await r.run(fix_actions.carry_out, r.id, f"S-INACTIVE:{r.w.jun}")
        assert (await r.schedule()).overrides == ()
        assert len(await r.who(day(2, 12))) == 1


async def test_an_override_never_changes_the_past(dsn: str, clock: FakeClock) -> None:
    """An override that began a year ago changed that year's reports and pay."""
    async with rota(dsn, clock) as r:
        now = r.w.now
        stretch: dict[str, Any] = {"start": now - timedelta(days=300), "end": now + timedelta(hours=1)}
        await r.run(
            oncall.create_override,
            kind=OverrideKind.SET,
            schedule_id=r.id,
            users=[r.ada],
            reason="",
            **stretch,
        )
        (made,) = (await r.schedule()).overrides
        assert (made.start, made.end) == (now, stretch["end"])
        assert (await r.who(now - timedelta(hours=1)), await r.who(now)) == ((r.w.mara,), (r.ada,))


async def test_past_actions_of_someone_who_left_keep_their_name(dsn: str, clock: FakeClock) -> None:
    """Someone who left vanished from every report and was not paid for the month in which they were on call."""
    async with rota(dsn, clock) as r:

        async def hours() -> dict[str, timedelta]:
            async with r.w.ctx.db.tx() as tx:
                result = await load.report(tx, r.w.now.date().replace(day=1), r.w.now)
            return {e.row.person.name: e.row.load.hours for e in result.people}

        clock.advance(6 * DAY)
        before = await hours()
        assert before["Ada Byron"] == 2 * DAY
        done = shifts.between(await r.schedule(), day(0), r.w.now)
        await r.run(people.update_person, r.ada, active=False)
        assert await hours() == before
        clock.advance(6 * DAY)
        await r.run(people.update_person, r.ada, active=True)
        clock.advance(6 * DAY)
        result = await r.schedule()
        assert shifts.between(result, day(0), day(0) + 6 * DAY)[:6] == done[:6]
        theirs = [run.start for run in shifts.between(result, day(0), r.w.now) if r.ada in run.users]
        assert theirs == [day(2), day(5), day(14), day(17)]
        for run in shifts.between(result, day(0), r.w.now):
            assert shifts.at(result, run.start) == run.users


async def test_a_person_is_named_by_id_or_email_address(dsn: str, clock: FakeClock) -> None:
    async with rota(dsn, clock) as r, r.w.ctx.db.tx() as tx:
        for ref in (f" {r.ada} ", "Ada@example.org"):
            assert await queries.person_id(tx, ref) == r.ada
        for ref in ("", "0", f"0{r.ada}", "-1", str(2**63), "9" * 40, "nobody@example.org", "²"):
            with pytest.raises(Invalid):
                await queries.person_id(tx, ref)
