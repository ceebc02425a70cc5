"""The schedule API: schedules, layers, previews, findings and shadows."""

from typing import Annotated

from fastapi import Query

from firebell.kit.web import api, undo
from firebell.kit.web.api import Ctx, PageParams, PathId, Removed, Text, problems, removed
from firebell.oncall.checks import fixes, grouping
from firebell.oncall.checks import queries as check_queries
from firebell.oncall.checks.rules import CHECKS_HORIZON
from firebell.oncall.schedules import actions, queries, shadows
from firebell.oncall.schedules.schemas import (
    EditedLayers,
    FindingShown,
    Joining,
    Leaving,
    NewSchedule,
    NewShadow,
    PreviewShown,
    ScheduleChange,
    ScheduleDetail,
    ScheduleShown,
    ShadowShown,
    detail_shown,
    finding_shown,
    layer_given,
    layers_given,
    preview_shown,
    schedule_shown,
)
from firebell.people import actions as people
from firebell.people.access import Caller, may
from firebell.people.permissions import Verb

router = api.router("on-call")

Reader = Annotated[Caller, may(Verb.SCHEDULE_READ)]
Responder = Annotated[Caller, may(Verb.SCHEDULE_WRITE)]


@router.get("/schedules", summary="List schedules, newest first")
async def list_schedules(ctx: Ctx, caller: Reader, page: PageParams) -> list[ScheduleShown]:
    now = ctx.clock.now()
    async with ctx.db.tx() as tx:
        schedules = await queries.schedules(tx, since=now, until=now)
    return [schedule_shown(s) for s in page.newest(schedules, [s.id for s in schedules])]


@router.post("/schedules", status_code=201, summary="Create a schedule", responses=problems(404, 409))
async def create_schedule(ctx: Ctx, caller: Responder, given: NewSchedule) -> ScheduleDetail:
    layers = [layer_given(layer) for layer in given.layers]
    async with ctx.db.tx() as tx:
        created = await actions.create_schedule(
            tx,
            caller.actor,
            name=given.name,
            team_id=given.team_id,
            tz=given.tz,
            layers=layers,
            now=ctx.clock.now(),
        )
    return detail_shown(created)


@router.get(
    "/schedules/{slug}", summary="Get a schedule with its layers and overrides", responses=problems(404)
)
async def get_schedule(ctx: Ctx, caller: Reader, slug: Text) -> ScheduleDetail:
    async with ctx.db.tx() as tx:
        return detail_shown(await queries.by_slug(tx, slug))


@router.patch(
    "/schedules/{slug}",
    summary="Change a schedule's name, team or time zone",
    responses=problems(404, 409),
)
async def change_schedule(ctx: Ctx, caller: Responder, slug: Text, given: ScheduleChange) -> ScheduleShown:
    async with ctx.db.tx() as tx:
        schedule = await queries.by_slug(tx, slug)
        changed = await actions.rename_schedule(
            tx,
            caller.actor,
            schedule.id,
            name=given.name,
            team_id=given.team_id,
            tz=given.tz,
            now=ctx.clock.now(),
        )
    return schedule_shown(changed)


@router.delete(
    "/schedules/{slug}",
    status_code=204,
    summary="Delete a schedule that no policy uses; past shifts stay in reports",
    responses=problems(404, 409),
)
async def delete_schedule(ctx: Ctx, caller: Responder, slug: Text) -> None:
    async with ctx.db.tx() as tx:
        schedule = await queries.by_slug(tx, slug)
        await actions.delete_schedule(tx, caller.actor, schedule.id, ctx.clock.now())


@router.put(
    "/schedules/{slug}/layers",
    summary="Replace the layers from an instant on; past shifts don't change",
    responses=problems(404, 409),
)
async def replace_layers(ctx: Ctx, caller: Responder, slug: Text, given: EditedLayers) -> ScheduleDetail:
    async with ctx.db.tx() as tx:
        schedule = await queries.by_slug(tx, slug)
        changed = await actions.replace_layers(
            tx,
            caller.actor,
            schedule.id,
            layers_given(given),
            version=given.version,
            at=given.at,
            now=ctx.clock.now(),
        )
    return detail_shown(changed)


@router.post(
    "/schedules/{slug}/preview",
    summary="Preview a change of the layers without saving it",
    responses=problems(404, 409),
)
async def preview_layers(ctx: Ctx, caller: Reader, slug: Text, given: EditedLayers) -> PreviewShown:
    now = ctx.clock.now()
    async with ctx.db.tx() as tx:
        old = await queries.by_slug(tx, slug)
        new = await actions.edited(tx, old, layers_given(given), given.at or now)
        preview = await check_queries.preview_of(tx, old, new, now)
        return preview_shown(preview, await people.people(tx))


@router.post(
    "/schedules/{slug}/join",
    summary="Add a person to a rotation from an instant on",
    responses=problems(404, 409),
)
async def join_schedule(ctx: Ctx, caller: Responder, slug: Text, given: Joining) -> ScheduleDetail:
    async with ctx.db.tx() as tx:
        schedule = await queries.by_slug(tx, slug)
        changed = await actions.join(
            tx,
            caller.actor,
            schedule.id,
            layer_id=given.layer_id,
            person_id=await queries.person_id(tx, given.person),
            place=given.place,
            at=given.at,
            now=ctx.clock.now(),
        )
    return detail_shown(changed)


@router.post(
    "/schedules/{slug}/leave",
    summary="Remove a person from every layer from an instant on",
    responses=problems(404, 409),
)
async def leave_schedule(ctx: Ctx, caller: Responder, slug: Text, given: Leaving) -> ScheduleDetail:
    async with ctx.db.tx() as tx:
        schedule = await queries.by_slug(tx, slug)
        changed = await actions.leave(
            tx,
            caller.actor,
            schedule.id,
            person_id=await queries.person_id(tx, given.person),
            at=given.at,
            now=ctx.clock.now(),
        )
    return detail_shown(changed)


@router.get(
    "/schedules/{slug}/findings",
    summary="List a schedule's findings for the next 28 days, errors first",
    responses=problems(404),
)
async def list_findings(
    ctx: Ctx,
    caller: Reader,
    slug: Text,
    folded: Annotated[
        bool, Query(description="Group gaps of one kind into one finding, as the web page does.")
    ] = False,
) -> list[FindingShown]:
    now = ctx.clock.now()
    async with ctx.db.tx() as tx:
        schedule = await queries.by_slug(tx, slug, since=now - CHECKS_HORIZON)
        findings = (await check_queries.findings_of(tx, [schedule], now))[schedule.id]
    shown = grouping.group_gaps(findings, schedule.tz, now) if folded else findings
    return [finding_shown(finding) for finding in shown]


@router.post(
    "/schedules/{slug}/findings/{finding_id:path}/fix",
    summary="Fix a finding whose fix needs no choice: leave, remove, offset, ask, take or seen",
    responses=problems(404, 409),
)
async def fix_finding(ctx: Ctx, caller: Responder, slug: Text, finding_id: Text) -> FindingShown:
    async with ctx.db.tx() as tx:
        schedule = await queries.by_slug(tx, slug)
        finding = await fixes.carry_out(tx, caller.actor, schedule.id, finding_id, ctx.clock.now())
    return finding_shown(finding)


@router.post(
    "/schedules/{slug}/shadows",
    status_code=201,
    summary="Add a shadow",
    responses=problems(404),
)
async def create_shadow(ctx: Ctx, caller: Responder, slug: Text, given: NewShadow) -> ShadowShown:
    async with ctx.db.tx() as tx:
        schedule = await queries.by_slug(tx, slug)
        person = await queries.person_id(tx, given.person)
        of = await queries.person_id(tx, given.of) if given.of else None
        shadow_id = await shadows.add_shadow(
            tx,
            caller.actor,
            schedule_id=schedule.id,
            person_id=person,
            of=of,
            start=given.start,
            end=given.end,
            now=ctx.clock.now(),
        )
    return ShadowShown(id=shadow_id, user=person, of=of, start=given.start, end=given.end)


@router.delete(
    "/schedules/{slug}/shadows/{shadow_id}",
    summary="End shadowing",
    responses=problems(404),
)
async def remove_shadow(ctx: Ctx, caller: Responder, slug: Text, shadow_id: PathId) -> Removed:
    now = ctx.clock.now()
    async with ctx.db.tx() as tx:
        schedule = await queries.by_slug(tx, slug)
        await shadows.remove_shadow(tx, caller.actor, schedule.id, shadow_id, now)
        return removed(await undo.offer(tx, ctx.signer, caller.actor, "schedule.shadow_removed", now))
