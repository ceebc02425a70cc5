"""A level whose schedule is gone pages no one: whatever happens at once or is undone, no policy gets such a level."""

import asyncio
from dataclasses import replace

import pytest

from firebell.kit.clock import FakeClock
from firebell.kit.errors import Conflict, Invalid
from firebell.oncall.schedules import actions as oncall
from firebell.paging import actions as paging
from firebell.paging.model import Level, Policy, Target, TargetKind
from firebell.people import actions as people
from firebell.people.authentication import rights_of
from firebell.undo import undoable_actions
from tests.lock_waits import until_blocked
from tests.world import World, world


async def _spare_schedule(w: World) -> int:
    """Return a schedule that no policy notifies."""
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        (team,) = await people.teams(tx)
        made = await oncall.create_schedule(
            tx, mara, name="Spare", team_id=team.id, tz="UTC", layers=(), now=w.now
        )
    return made.id


async def _policy(w: World) -> Policy:
    async with w.ctx.db.tx() as tx:
        (policy,) = await paging.policies(tx)
    return policy


def _levels(schedule_id: int) -> tuple[Level, ...]:
    return (Level((Target(TargetKind.SCHEDULE, schedule_id),), 300),)


async def test_a_schedule_is_not_deleted_while_a_policy_begins_to_notify_it(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        mara, schedule_id, policy = await w.actor(w.mara), await _spare_schedule(w), await _policy(w)

        async def delete() -> None:
            async with w.ctx.db.tx() as tx:
                await oncall.delete_schedule(tx, mara, schedule_id, w.now)

        async with w.ctx.db.tx() as tx:
            plan = replace(policy.plan, levels=_levels(schedule_id))
            await paging.update_policy(tx, mara, policy, plan, now=w.now)
            deleting = asyncio.create_task(delete())
            await until_blocked(w.ctx.db, deleting)
        with pytest.raises(Conflict):
            await deleting


async def test_a_policy_does_not_begin_to_notify_a_schedule_while_it_is_deleted(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        mara, schedule_id, policy = await w.actor(w.mara), await _spare_schedule(w), await _policy(w)

        async def update() -> None:
            async with w.ctx.db.tx() as tx:
                plan = replace(policy.plan, levels=_levels(schedule_id))
                await paging.update_policy(tx, mara, policy, plan, now=w.now)

        async with w.ctx.db.tx() as tx:
            await oncall.delete_schedule(tx, mara, schedule_id, w.now)
            updating = asyncio.create_task(update())
            await until_blocked(w.ctx.db, updating)
        with pytest.raises(Invalid):
            await updating


async def test_the_deletion_of_a_policy_is_not_undone_once_its_schedule_is_deleted_too(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        mara, schedule_id = await w.actor(w.mara), await _spare_schedule(w)
        async with w.ctx.db.tx() as tx:
            (team,) = await people.teams(tx)
            policy = await paging.create_policy(
                tx, mara, name="Short", team_id=team.id, levels=_levels(schedule_id), now=w.now
            )
            await paging.delete_policy(tx, mara, policy, w.now)
        async with w.ctx.db.tx() as tx:
            await oncall.delete_schedule(tx, mara, schedule_id, w.now)
        async with w.ctx.db.tx() as tx:
            rights = rights_of(await people.person(tx, w.mara))
            with pytest.raises(Conflict):
                await undoable_actions.carry_out(tx, w.ctx.signer, mara, rights, "latest", w.now)
        assert (await _policy(w)).name != "Short"
