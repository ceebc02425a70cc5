"""Cover requests, swaps and time off: who is on call after each step, races and refusals."""

import asyncio
from datetime import timedelta
from typing import Any

from firebell.kit.clock import FakeClock
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.oncall.checks import fix_actions
from firebell.oncall.checks import queries as check_queries
from firebell.oncall.model import Cover, CoverState, OverrideKind, OverrideSource, Swap, SwapState
from firebell.oncall.schedules import actions as oncall
from firebell.oncall.swaps import cover_actions, override_removal, store, swap_actions, time_off
from firebell.oncall.swaps import queries as swap_queries
from firebell.people import actions as people
from tests.oncall_world import Rota, day, rota


async def asked(r: Rota, first: int = 1, last: int = 2) -> Cover:
    """Request cover for Jun's shift of tomorrow."""
    made = await r.run(
        cover_actions.ask,
        schedule_id=r.id,
        requester=r.w.jun,
        start=day(first),
        end=day(last),
        reason="dentist",
    )
    assert isinstance(made, Cover), made
    return made


async def state(r: Rota, cover_id: int) -> str:
    async with r.w.ctx.db.tx() as tx:
        cover = await store.cover(tx, cover_id)
    assert cover
    return cover.state


async def test_until_a_cover_is_accepted_the_shift_stays_with_the_requester(
    dsn: str, clock: FakeClock
) -> None:
    async with rota(dsn, clock) as r:
        made = await asked(r)
        assert await r.who(day(1, 12)) == (r.w.jun,)
        taken = await r.run(cover_actions.take, made.id, r.ada)
        assert (taken.state, taken.taken_by) == (CoverState.TAKEN, r.ada)
        assert await r.who(day(1, 12)) == (r.ada,)
        assert await r.who(day(4, 12)) == (r.w.jun,)
        assert (await r.schedule()).overrides[0].source == OverrideSource.COVER
        again = await r.run(cover_actions.take, made.id, r.w.mara)
        assert isinstance(again, Conflict)
        assert "is taken" in again.message
        assert await r.audit() == ["schedule.created", "cover.asked", "cover.taken"]


async def test_one_of_two_people_who_accept_at_once_gets_the_shift(dsn: str, clock: FakeClock) -> None:
    async with rota(dsn, clock) as r:
        made = await asked(r)
        results = await asyncio.gather(
            *[r.run(cover_actions.take, made.id, who) for who in [r.ada, r.w.mara] * 3]
        )
        won = [x for x in results if isinstance(x, Cover)]
        assert len(won) == 1
        assert all(isinstance(x, Conflict) for x in results if x is not won[0])
        assert await r.who(day(1, 12)) == (won[0].taken_by,)
        assert len((await r.schedule()).overrides) == 1


async def test_a_part_is_taken_and_the_rest_stays_open(dsn: str, clock: FakeClock) -> None:
    async with rota(dsn, clock) as r:
        made = await asked(r)
        part = await r.run(cover_actions.take, made.id, r.ada, start=day(1, 8), end=day(1, 16))
        assert isinstance(part, Cover)
        assert [await r.who(day(1, h)) for h in (7, 8, 15, 16)] == [
            (r.w.jun,),
            (r.ada,),
            (r.ada,),
            (r.w.jun,),
        ]
        async with r.w.ctx.db.tx() as tx:
            rest = await store.covers(tx, schedule_ids=[r.id], state=CoverState.OPEN)
        assert [(c.start, c.end) for c in rest] == [(day(1), day(1, 8)), (day(1, 16), day(2))]
        assert rest[0].id == made.id
        assert all(c.reason == "dentist" for c in rest)
        outside = await r.run(cover_actions.take, made.id, r.ada, start=day(1, 9), end=day(1, 10))
        assert isinstance(outside, Invalid)
        last = await r.run(cover_actions.take, rest[1].id, r.w.mara)
        assert last.id == rest[1].id
        assert await r.who(day(1, 20)) == (r.w.mara,)


async def test_giving_it_back_asks_again_and_it_can_be_taken_again(dsn: str, clock: FakeClock) -> None:
    async with rota(dsn, clock) as r:
        made = await asked(r)
        taken = await r.run(cover_actions.take, made.id, r.ada)
        assert await r.run(cover_actions.give_back, made.id) is None
        assert (await r.who(day(1, 12)), await state(r, made.id)) == ((r.w.jun,), CoverState.OPEN)
        retaken = await r.run(cover_actions.take, made.id, r.w.mara)
        assert retaken.edit_id != taken.edit_id
        assert await r.who(day(1, 12)) == (r.w.mara,)


async def test_a_cover_survives_an_edit_of_the_rotation(dsn: str, clock: FakeClock) -> None:
    async with rota(dsn, clock) as r:
        made = await asked(r)
        await r.run(cover_actions.take, made.id, r.ada)
        await r.run(oncall.leave, r.id, person_id=r.w.mara, at=day(3))
        edit = (await r.schedule()).overrides[0]
        assert edit.mapping == {r.w.jun: r.ada}
        await r.run(override_removal.remove_override, int(edit.id))
        assert (await r.schedule()).overrides == ()
        assert await state(r, made.id) == CoverState.OPEN


async def test_refusing_a_cover_names_the_reason(dsn: str, clock: FakeClock) -> None:
    async with rota(dsn, clock) as r:
        made = await asked(r, 1, 3)
        own = await r.run(cover_actions.take, made.id, r.w.jun)
        double = await r.run(cover_actions.take, made.id, r.ada)
        assert isinstance(double, Conflict)
        assert "Thu 26 Nov 00:00 UTC" in double.message
        assert "asked for" in own.message
        assert await r.run(people.update_person, r.ada, active=False) is None
        left = await r.run(cover_actions.take, made.id, r.ada)
        assert "not active" in left.message
        nobody = await r.run(cover_actions.ask, schedule_id=r.id, requester=r.w.jun, start=day(2), end=day(3))
        assert "not on call" in nobody.message
        twice = await r.run(cover_actions.ask, schedule_id=r.id, requester=r.w.jun, start=day(1), end=day(2))
        assert "already" in twice.message
        assert isinstance(await r.run(cover_actions.take, 999, r.ada), NotFound)


async def test_declined_withdrawn_and_expired(dsn: str, clock: FakeClock) -> None:
    async with rota(dsn, clock) as r:
        made = await asked(r)
        said_no = await r.run(cover_actions.decline, made.id, r.ada)
        assert (said_no.state, said_no.declined) == (CoverState.OPEN, (r.ada,))
        assert (await r.run(cover_actions.withdraw, made.id)).state == CoverState.WITHDRAWN
        assert isinstance(await r.run(cover_actions.take, made.id, r.ada), Conflict)
        other = await asked(r)
        clock.advance(day(1) - r.w.now)
        late = await r.run(cover_actions.take, other.id, r.ada)
        assert "expired" in late.message
        await r.w.settle()
        assert await state(r, other.id) == CoverState.EXPIRED
        assert await state(r, made.id) == CoverState.WITHDRAWN
        assert await r.who(day(1, 12)) == (r.w.jun,)


async def test_a_shift_that_has_begun_can_be_covered_to_its_end(dsn: str, clock: FakeClock) -> None:
    async with rota(dsn, clock) as r:
        made = await r.run(cover_actions.ask, schedule_id=r.id, requester=r.w.mara, start=day(0), end=day(1))
        assert (made.start, made.expires_at) == (r.w.now, day(1))
        clock.advance(timedelta(hours=2))
        taken = await r.run(cover_actions.take, made.id, r.ada)
        assert taken.start == r.w.now
        assert await r.who(r.w.now - timedelta(hours=1)) == (r.w.mara,)
        assert await r.who(r.w.now) == (r.ada,)


async def proposed(
    r: Rota,
    mine: tuple[int, int] = (1, 2),
    theirs: tuple[int, int] = (2, 3),
    *,
    by: int | None = None,
    other: int | None = None,
) -> Swap:
    """Offer a swap of Jun's days, or those of `by`, for the days of Ada or another."""
    made = await r.run(
        swap_actions.propose,
        schedule_id=r.id,
        proposer=by or r.w.jun,
        other=other or r.ada,
        mine=(day(mine[0]), day(mine[1])),
        theirs=(day(theirs[0]), day(theirs[1])),
    )
    assert isinstance(made, Swap), made
    return made


async def test_an_accepted_swap_exchanges_both_shifts_and_is_undone_as_a_whole(
    dsn: str, clock: FakeClock
) -> None:
    async with rota(dsn, clock) as r:
        made = await proposed(r)
        assert await r.who(day(1)) == (r.w.jun,)
        assert "Only Ada Byron" in (await r.run(swap_actions.accept, made.id)).message
        done = await r.run(swap_actions.accept, made.id, by=r.ada)
        assert (done.state, len(done.edit_ids)) == (SwapState.ACCEPTED, 2)
        assert (await r.who(day(1)), await r.who(day(2))) == ((r.ada,), (r.w.jun,))
        assert isinstance(await r.run(swap_actions.accept, made.id, by=r.ada), Conflict)
        await r.run(override_removal.remove_override, done.edit_ids[1])
        assert (await r.who(day(1)), await r.who(day(2))) == ((r.w.jun,), (r.ada,))


async def test_overlapping_intervals_are_swapped_both_ways_where_they_overlap(
    dsn: str, clock: FakeClock
) -> None:
    async with rota(dsn, clock) as r:
        made = await proposed(r, (1, 3), (1, 3))
        done = await r.run(swap_actions.accept, made.id, by=r.ada)
        assert len(done.edit_ids) == 1
        assert (await r.who(day(1)), await r.who(day(2))) == ((r.ada,), (r.w.jun,))


async def test_a_swap_is_declined_withdrawn_stale_or_expired(dsn: str, clock: FakeClock) -> None:
    async with rota(dsn, clock) as r:
        assert (
            await r.run(swap_actions.decline, (await proposed(r)).id, by=r.ada)
        ).state == SwapState.DECLINED
        assert (await r.run(swap_actions.withdraw, (await proposed(r)).id)).state == SwapState.WITHDRAWN
        stale = await proposed(r)
        clock.advance(day(1) - r.w.now)
        assert "expired" in (await r.run(swap_actions.accept, stale.id, by=r.ada)).message
        await r.w.settle()
        async with r.w.ctx.db.tx() as tx:
            assert [s.state for s in await swap_queries.swaps(tx, schedule_ids=[r.id])] == [
                SwapState.DECLINED,
                SwapState.WITHDRAWN,
                SwapState.EXPIRED,
            ]


async def test_time_off_requests_cover_for_each_shift_that_it_touches(dsn: str, clock: FakeClock) -> None:
    async with rota(dsn, clock) as r:
        made, open_ = await r.run(
            time_off.add, person_id=r.w.jun, start=day(1, 12), end=day(8), reason="away"
        )
        mine = [c for c in open_ if c.schedule_id == r.id]
        assert [(c.start, c.end) for c in mine] == [
            (day(1, 12), day(2)),
            (day(4), day(5)),
            (day(7), day(8)),
        ]
        assert {c.vacation_id for c in open_} == {made.id}
        assert await r.who(day(4)) == (r.w.jun,)
        await r.run(cover_actions.take, mine[1].id, r.w.mara)
        assert (await r.schedule()).overrides[0].source == OverrideSource.VACATION
        kept = await r.run(cover_actions.withdraw, mine[2].id)
        assert kept.state == CoverState.WITHDRAWN

        # a change of the rotation that puts Jun on duty in between asks for that, and for nothing twice
        layer = (await r.schedule()).layers[0]
        await r.run(oncall.join, r.id, layer_id=int(layer.id), person_id=r.w.jun, at=day(5))
        async with r.w.ctx.db.tx() as tx:
            now_open = await store.covers(tx, schedule_ids=[r.id], state=CoverState.OPEN)
        runs = [(c.start, c.end) for c in now_open]
        assert runs[0] == (day(1, 12), day(2))
        assert len(runs) == len(set(runs))
        assert not [c for c in now_open if c.start < day(8) and c.end > day(7)]

        await r.run(time_off.cancel, made.id)
        async with r.w.ctx.db.tx() as tx:
            assert await store.covers(tx, schedule_ids=[r.id], state=CoverState.OPEN) == []
        assert await r.who(day(4)) == (r.w.mara,)
        assert isinstance(await r.run(time_off.cancel, made.id), NotFound)


async def lapsed(r: Rota, table: str) -> list[tuple[str, str]]:
    async with r.w.ctx.db.tx() as tx:
        rows = await tx.fetch(f"select state, why from {table} where schedule_id = $1 order by id", r.id)
    return [(row["state"], row["why"]) for row in rows]


async def timers(r: Rota) -> int:
    async with r.w.ctx.db.tx() as tx:
        count = await tx.value("select count(*) from due where kind in ('oncall.cover', 'oncall.swap')")
    return int(count)


async def test_requests_and_offers_of_someone_who_leaves_are_withdrawn_in_the_same_transaction(
    dsn: str, clock: FakeClock
) -> None:
    """Requests of someone who had left stayed open and could be accepted."""
    async with rota(dsn, clock) as r:
        made = await asked(r)
        await proposed(r, (4, 5), (5, 6))
        await proposed(r, (6, 7), (7, 8), by=r.w.mara, other=r.w.jun)
        await proposed(r, (3, 4), (2, 3), by=r.w.mara)
        assert await timers(r) == 4
        await r.run(people.update_person, r.w.jun, active=False)
        assert await lapsed(r, "cover") == [("withdrawn", "Jun Okafor left")]
        gone = ("withdrawn", "Jun Okafor left")
        assert await lapsed(r, "swap") == [gone, gone, ("open", "")]
        assert await timers(r) == 1
        assert (await r.audit())[-3:] == ["cover.withdrawn", "swap.withdrawn", "swap.withdrawn"]
        late = await r.run(cover_actions.take, made.id, r.ada)
        assert isinstance(late, Conflict)
        assert "is withdrawn" in late.message


async def test_a_person_asked_by_name_who_leaves_counts_as_declined(dsn: str, clock: FakeClock) -> None:
    async with rota(dsn, clock) as r:
        made = await r.run(
            cover_actions.ask, schedule_id=r.id, requester=r.w.jun, start=day(1), end=day(2), asked=[r.ada]
        )
        await r.run(people.update_person, r.ada, active=False)
        assert await r.outbox("tell_cover_declined") == [{"cover_id": made.id, "by": r.ada}]
        assert await state(r, made.id) == CoverState.OPEN


async def test_a_request_is_withdrawn_when_its_shift_moves_to_someone_else(
    dsn: str, clock: FakeClock
) -> None:
    async with rota(dsn, clock) as r:
        await asked(r)
        await asked(r, 4, 5)
        await proposed(r, (6, 7), (7, 8), by=r.w.mara, other=r.w.jun)
        override: dict[str, Any] = {"start": day(1), "end": day(2), "reason": ""}
        await r.run(
            oncall.create_override, kind=OverrideKind.SET, schedule_id=r.id, users=[r.ada], **override
        )
        why = "Jun Okafor is no longer on call then"
        assert await lapsed(r, "cover") == [("withdrawn", why), ("open", "")]
        assert await lapsed(r, "swap") == [("open", "")]
        await r.run(oncall.leave, r.id, person_id=r.w.jun)
        assert await lapsed(r, "cover") == [("withdrawn", why)] * 2
        assert await lapsed(r, "swap") == [("withdrawn", why)]
        assert await timers(r) == 0


async def test_time_off_requests_cover_again_when_a_shift_comes_back(dsn: str, clock: FakeClock) -> None:
    """A request withdrawn by someone else does not mean that the person keeps the shift."""
    async with rota(dsn, clock) as r:
        await r.run(time_off.add, person_id=r.w.jun, start=day(1), end=day(2))
        override: dict[str, Any] = {"start": day(1), "end": day(2), "reason": ""}
        edit = await r.run(
            oncall.create_override, kind=OverrideKind.SET, schedule_id=r.id, users=[r.ada], **override
        )
        assert [s for s, _ in await lapsed(r, "cover")] == ["withdrawn"]
        await r.run(override_removal.remove_override, edit)
        assert [s for s, _ in await lapsed(r, "cover")] == ["withdrawn", "open"]


async def test_deleting_a_schedule_withdraws_its_requests_and_notifies(dsn: str, clock: FakeClock) -> None:
    async with rota(dsn, clock) as r:
        made = await asked(r)
        await proposed(r, (6, 7), (7, 8), by=r.w.mara, other=r.w.jun)
        await r.run(oncall.delete_schedule, r.id)
        why = "Daily was deleted"
        assert await lapsed(r, "cover") == [("withdrawn", why)]
        assert await lapsed(r, "swap") == [("withdrawn", why)]
        assert await timers(r) == 0
        assert {"cover.withdrawn", "swap.withdrawn", "schedule.deleted"} <= set(await r.audit())
        (notice,) = await r.outbox("tell_cover_lapsed")
        assert (notice["cover_id"], notice["schedule"], notice["why"]) == (made.id, "Daily", why)


async def test_a_cover_whose_taker_leaves_is_a_gap_and_a_finding_that_asks_again(
    dsn: str, clock: FakeClock
) -> None:
    """E10: a shift never goes back to the requester silently."""
    async with rota(dsn, clock) as r:
        made = await asked(r)
        await r.run(cover_actions.take, made.id, r.ada)
        await r.run(people.update_person, r.ada, active=False)
        assert await r.who(day(1, 12)) == ()
        async with r.w.ctx.db.tx() as tx:
            wrong = (await check_queries.findings_of(tx, [await r.schedule()], r.w.now))[r.id]
        assert day(1) in [f.start for f in wrong if f.code == "S-GAP"]
        await r.run(oncall.leave, r.id, person_id=r.ada)
        async with r.w.ctx.db.tx() as tx:
            wrong = (await check_queries.findings_of(tx, [await r.schedule()], r.w.now))[r.id]
        (left,) = [f for f in wrong if f.code == "S-INACTIVE"]
        await r.run(fix_actions.carry_out, r.id, left.id)
        assert await r.who(day(1, 12)) == (r.w.jun,)
        assert await state(r, made.id) == CoverState.OPEN


async def test_the_button_takes_a_swap_of_who_left_away_though_it_is_several_edits(
    dsn: str, clock: FakeClock
) -> None:
    """Removing the first override undid the whole swap, so the second was not found and nothing was repaired."""
    async with rota(dsn, clock) as r:
        made = await r.run(
            *(swap_actions.propose,),
            schedule_id=r.id,
            proposer=r.w.jun,
            other=r.ada,
            mine=(day(1), day(5)),
            theirs=(day(2), day(3)),
        )
        await r.run(swap_actions.accept, made.id, by=r.ada)
        assert len((await r.schedule()).overrides) == 3
        await r.run(people.update_person, r.ada, active=False)
        await r.run(oncall.leave, r.id, person_id=r.ada)
        async with r.w.ctx.db.tx() as tx:
            wrong = (await check_queries.findings_of(tx, [await r.schedule()], r.w.now))[r.id]
        (left,) = [f for f in wrong if f.code == "S-INACTIVE"]
        assert await r.run(fix_actions.carry_out, r.id, left.id) == left
        assert (await r.schedule()).overrides == ()
