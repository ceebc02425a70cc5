"""A level whose schedule is gone pages no one: whatever happens at once or is undone, no policy gets such a level."""

import asyncio
from dataclasses import replace

import pytest

from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.oncall.schedules import actions as oncall
from firebell.paging import actions as paging
from firebell.paging.model import Level, ManualTarget, ManualTargetKind, Policy, Target, TargetKind
from firebell.people import actions as people
from firebell.people.authentication import rights_of
from firebell.response import queries as response_queries
from firebell.response import settings_actions as response_settings
from firebell.response.model import ResponseGroup
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


async def _update(w: World, policy: Policy, levels: tuple[Level, ...]) -> None:
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        await paging.update_policy(tx, mara, policy, replace(policy.plan, levels=levels), now=w.now)


async def _delete(w: World, schedule_id: int) -> None:
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        await oncall.delete_schedule(tx, mara, schedule_id, w.now)


async def test_a_schedule_is_not_deleted_while_a_policy_begins_to_notify_it(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        mara, schedule_id, policy = await w.actor(w.mara), await _spare_schedule(w), await _policy(w)

        async with w.ctx.db.tx() as tx:
            plan = replace(policy.plan, levels=_levels(schedule_id))
            await paging.update_policy(tx, mara, policy, plan, now=w.now)
            deleting = asyncio.create_task(_delete(w, schedule_id))
            await until_blocked(w.ctx.db, deleting)
        with pytest.raises(Conflict):
            await deleting


async def test_a_policy_does_not_begin_to_notify_a_schedule_while_it_is_deleted(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        mara, schedule_id, policy = await w.actor(w.mara), await _spare_schedule(w), await _policy(w)

        async with w.ctx.db.tx() as tx:
            await oncall.delete_schedule(tx, mara, schedule_id, w.now)
            updating = asyncio.create_task(_update(w, policy, _levels(schedule_id)))
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


async def test_a_schedule_is_not_deleted_while_an_incident_pages_by_a_version_that_notifies_it(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        mara, schedule_id, before = await w.actor(w.mara), await _spare_schedule(w), await _policy(w)
        await _update(w, before, _levels(schedule_id))
        policy = await _policy(w)
        async with w.ctx.db.tx() as tx:
            await incidents.declare(
                tx, mara, title="Checkout is down", severity=1, service_ids=[w.service], now=w.now
            )
            # had the policy let go of the schedule now, its deletion would have seen neither it nor the page
            updating = asyncio.create_task(_update(w, policy, before.plan.levels))
            await until_blocked(w.ctx.db, updating)
        await updating
        with pytest.raises(Conflict, match="PG-1"):
            await _delete(w, schedule_id)


async def test_a_schedule_is_not_deleted_while_someone_pages_it(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara, schedule_id = await w.actor(w.mara), await _spare_schedule(w)
        target = ManualTarget(ManualTargetKind.SCHEDULE, schedule_id)
        async with w.ctx.db.tx() as tx:
            await paging.start_manual_page(tx, mara, target, "Please look", w.now)
            deleting = asyncio.create_task(_delete(w, schedule_id))
            await until_blocked(w.ctx.db, deleting)
        with pytest.raises(Conflict, match="PG-1"):
            await deleting


async def test_someone_who_pages_a_schedule_while_it_is_deleted_learns_that_it_is_gone(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        mara, schedule_id = await w.actor(w.mara), await _spare_schedule(w)
        target = ManualTarget(ManualTargetKind.SCHEDULE, schedule_id)

        async def start() -> None:
            async with w.ctx.db.tx() as tx:
                await paging.start_manual_page(tx, mara, target, "Please look", w.now)

        async with w.ctx.db.tx() as tx:
            await oncall.delete_schedule(tx, mara, schedule_id, w.now)
            starting = asyncio.create_task(start())
            await until_blocked(w.ctx.db, starting)
        with pytest.raises(NotFound):
            await starting


async def test_a_page_waits_for_no_one_who_edits_its_schedule(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara, schedule_id = await w.actor(w.mara), await _spare_schedule(w)
        target = ManualTarget(ManualTargetKind.SCHEDULE, schedule_id)
        async with w.ctx.db.tx() as editing:
            await oncall.rename_schedule(editing, mara, schedule_id, name="Standby", now=w.now)
            async with asyncio.timeout(10), w.ctx.db.tx() as tx:
                page = await paging.start_manual_page(tx, mara, target, "Please look", w.now)
        assert page.plan.levels[0].targets == (Target(TargetKind.SCHEDULE, schedule_id),)


async def test_open_pages_get_no_version_that_was_replaced_before_it_was_applied(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        mara, schedule_id, before = await w.actor(w.mara), await _spare_schedule(w), await _policy(w)
        await w.alert("a")
        await _update(w, before, _levels(schedule_id))
        shown = await _policy(w)
        await _update(w, shown, before.plan.levels)
        await _delete(w, schedule_id)
        async with w.ctx.db.tx() as tx:
            await paging.apply_policy(tx, mara, shown, w.now)
        (page,) = await w.pages()
        assert page.plan.levels == before.plan.levels


async def test_the_response_to_incidents_never_pages_a_schedule_that_is_deleted_meanwhile(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        mara, schedule_id = await w.actor(w.mara), await _spare_schedule(w)
        async with w.ctx.db.tx() as tx:
            in_force, _ = await response_queries.settings(tx)
            groups = {**in_force.groups, ResponseGroup.COMMANDER: (f"schedule:{schedule_id}",)}
            settings = replace(in_force, groups=groups)
            await response_settings.replace_settings(tx, mara, settings, w.now)
            deleting = asyncio.create_task(_delete(w, schedule_id))
            await until_blocked(w.ctx.db, deleting)
        with pytest.raises(Conflict):
            await deleting
