"""The schedule API: schedules, layers, previews, findings and shadows."""

from typing import Annotated

from fastapi import Query

from firebell.kit import undo
from firebell.kit.web import api
from firebell.kit.web.api import PageParams, PathId, Removed, Text, problems, removed
from firebell.oncall.checks import fix_actions, grouping
from firebell.oncall.checks import queries as check_queries
from firebell.oncall.checks.rules import CHECKS_HORIZON
from firebell.oncall.rota import layer_versions
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
    preview_shown,
    schedule_shown,
    to_layer,
    to_layers,
)
from firebell.people import actions as people
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router("on-call")

Reader = Annotated[Work, work(Verb.SCHEDULE_READ)]
Responder = Annotated[Work, work(Verb.SCHEDULE_WRITE)]


@router.get("/schedules", summary="List schedules, newest first")
async def list_schedules(w: Reader, page: PageParams) -> list[ScheduleShown]:
    schedules = await queries.schedules(w.tx, since=w.now, until=w.now)
    return [schedule_shown(s) for s in page.newest(schedules, [s.id for s in schedules])]


@router.post("/schedules", status_code=201, summary="Create a schedule", responses=problems(404, 409))
async def create_schedule(w: Responder, body: NewSchedule) -> ScheduleDetail:
    # one that is over already covers no shift of a schedule that begins now
    layers = [
        layer_versions.begun(layer, w.now)
        for layer in map(to_layer, body.layers)
        if layer.end is None or layer.end > w.now
    ]
    created = await actions.create_schedule(
        w.tx,
        w.actor,
        name=body.name,
        team_id=body.team_id,
        tz=body.tz,
        layers=layers,
        now=w.now,
    )
    return detail_shown(created)


@router.get(
    "/schedules/{slug}", summary="Get a schedule with its layers and overrides", responses=problems(404)
)
async def get_schedule(w: Reader, slug: Text) -> ScheduleDetail:
    return detail_shown(await queries.by_slug(w.tx, slug))


@router.patch(
    "/schedules/{slug}",
    summary="Change a schedule's name, team or time zone",
    responses=problems(404, 409),
)
async def change_schedule(w: Responder, slug: Text, body: ScheduleChange) -> ScheduleShown:
    schedule = await queries.by_slug(w.tx, slug)
    changed = await actions.rename_schedule(
        w.tx,
        w.actor,
        schedule.id,
        name=body.name,
        team_id=body.team_id,
        tz=body.tz,
        now=w.now,
    )
    return schedule_shown(changed)


@router.delete(
    "/schedules/{slug}",
    status_code=204,
    summary="Delete a schedule that no policy uses; past shifts stay in reports",
    responses=problems(404, 409),
)
async def delete_schedule(w: Responder, slug: Text) -> None:
    schedule = await queries.by_slug(w.tx, slug)
    await actions.delete_schedule(w.tx, w.actor, schedule.id, w.now)


@router.put(
    "/schedules/{slug}/layers",
    summary="Replace the layers from an instant on; past shifts don't change",
    responses=problems(404, 409),
)
async def replace_layers(w: Responder, slug: Text, body: EditedLayers) -> ScheduleDetail:
    schedule = await queries.by_slug(w.tx, slug)
    changed = await actions.replace_layers(
        w.tx,
        w.actor,
        schedule.id,
        to_layers(body),
        version=body.version,
        at=body.at,
        now=w.now,
    )
    return detail_shown(changed)


@router.post(
    "/schedules/{slug}/preview",
    summary="Preview a change of the layers without saving it",
    responses=problems(404, 409),
)
async def preview_layers(w: Reader, slug: Text, body: EditedLayers) -> PreviewShown:
    old = await queries.by_slug(w.tx, slug)
    new = await actions.edited(w.tx, old, to_layers(body), body.at or w.now)
    preview = await check_queries.preview_of(w.tx, old, new, w.now)
    return preview_shown(preview, await people.people(w.tx))


@router.post(
    "/schedules/{slug}/join",
    summary="Add a person to a rotation from an instant on",
    responses=problems(404, 409),
)
async def join_schedule(w: Responder, slug: Text, body: Joining) -> ScheduleDetail:
    schedule = await queries.by_slug(w.tx, slug)
    changed = await actions.join(
        w.tx,
        w.actor,
        schedule.id,
        layer_id=body.layer_id,
        person_id=await queries.person_id(w.tx, body.person),
        place=body.place,
        at=body.at,
        now=w.now,
    )
    return detail_shown(changed)


@router.post(
    "/schedules/{slug}/leave",
    summary="Remove a person from every layer from an instant on",
    responses=problems(404, 409),
)
async def leave_schedule(w: Responder, slug: Text, body: Leaving) -> ScheduleDetail:
    schedule = await queries.by_slug(w.tx, slug)
    changed = await actions.leave(
        w.tx,
        w.actor,
        schedule.id,
        person_id=await queries.person_id(w.tx, body.person),
        at=body.at,
        now=w.now,
    )
    return detail_shown(changed)


@router.get(
    "/schedules/{slug}/findings",
    summary="List a schedule's findings for the next 28 days, errors first",
    responses=problems(404),
)
async def list_findings(
    w: Reader,
    slug: Text,
    folded: Annotated[
        bool, Query(description="Group gaps of one kind into one finding, as the web page does.")
    ] = False,
) -> list[FindingShown]:
    schedule = await queries.by_slug(w.tx, slug, since=w.now - CHECKS_HORIZON)
    findings = (await check_queries.findings_of(w.tx, [schedule], w.now))[schedule.id]
    shown = grouping.group_gaps(findings, schedule.tz, w.now) if folded else findings
    return [finding_shown(finding) for finding in shown]


@router.post(
    "/schedules/{slug}/findings/{finding_id:path}/fix",
    summary="Fix a finding whose fix needs no choice: leave, remove, offset, ask, take or seen",
    responses=problems(404, 409),
)
async def fix_finding(w: Responder, slug: Text, finding_id: Text) -> FindingShown:
    schedule = await queries.by_slug(w.tx, slug)
    finding = await fix_actions.carry_out(w.tx, w.actor, schedule.id, finding_id, w.now)
    return finding_shown(finding)


@router.post(
    "/schedules/{slug}/shadows",
    status_code=201,
    summary="Add a shadow",
    responses=problems(404),
)
async def create_shadow(w: Responder, slug: Text, body: NewShadow) -> ShadowShown:
    schedule = await queries.by_slug(w.tx, slug)
    person = await queries.person_id(w.tx, body.person)
    of = await queries.person_id(w.tx, body.of) if body.of else None
    shadow_id = await shadows.add_shadow(
        w.tx,
        w.actor,
        schedule_id=schedule.id,
        person_id=person,
        of=of,
        start=body.start,
        end=body.end,
        now=w.now,
    )
    return ShadowShown(id=shadow_id, user=person, of=of, start=body.start, end=body.end)


@router.delete(
    "/schedules/{slug}/shadows/{shadow_id}",
    summary="End shadowing",
    responses=problems(404),
)
async def remove_shadow(w: Responder, slug: Text, shadow_id: PathId) -> Removed:
    schedule = await queries.by_slug(w.tx, slug)
    await shadows.remove_shadow(w.tx, w.actor, schedule.id, shadow_id, w.now)
    return removed(await undo.offer(w.tx, w.ctx.signer, w.actor, "schedule.shadow_removed", w.now))
