"""Escalation policies over JSON."""

from typing import Annotated, Literal

from fastapi import Query

from firebell.kit import undo
from firebell.kit.web import api
from firebell.kit.web.api import Instant, PageParams, PathId, Removed, Text, problems, removed
from firebell.paging import actions
from firebell.paging.level_conditions import PageKind
from firebell.paging.policies import changes as policy_changes
from firebell.paging.policies import targets as policy_targets
from firebell.paging.policies import version_store as policy_version_store
from firebell.paging.policies.dry_run import checked_start, dry_run, page_kind
from firebell.paging.policies.schema import (
    ChangedPolicy,
    DryRunInput,
    EffectsShown,
    NewPolicy,
    PolicyName,
    PolicyPlan,
    PolicyShown,
    RestoredVersion,
    StepShown,
    VersionShown,
    plan_of,
    policy_shown,
    steps_shown,
    version_shown,
)
from firebell.paging.policies.validation import checked_plan
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router()

Planner = Annotated[Work, work(Verb.POLICY_WRITE)]
PlanReader = Annotated[Work, work(Verb.POLICY_READ)]


@router.get("/policies", tags=["policies"], summary="List escalation policies, newest first")
async def list_policies(w: PlanReader, params: PageParams) -> list[PolicyShown]:
    policies = await actions.policies(w.tx)
    return [policy_shown(p) for p in params.newest(policies, [p.id for p in policies])]


@router.post(
    "/policies",
    status_code=201,
    tags=["policies"],
    summary="Create an escalation policy",
    responses=problems(404, 409),
)
async def create_policy(w: Planner, body: NewPolicy) -> PolicyShown:
    plan = plan_of(body, body.name)
    policy = await actions.create_policy(
        w.tx,
        w.actor,
        name=plan.name,
        team_id=body.team_id,
        levels=plan.levels,
        repeat=plan.repeat,
        ack_timeout_s=plan.ack_timeout_s,
        tz=plan.tz,
        now=w.now,
    )
    return policy_shown(policy)


@router.get(
    "/policies/{slug}", tags=["policies"], summary="Get an escalation policy", responses=problems(404)
)
async def get_policy(w: PlanReader, slug: Text) -> PolicyShown:
    return policy_shown(await actions.policy_by_slug(w.tx, slug))


@router.put(
    "/policies/{slug}",
    tags=["policies"],
    summary="Replace the levels of a policy, for new pages, and if wanted for open ones",
    responses=problems(404, 409),
)
async def edit_policy(w: Planner, slug: Text, body: ChangedPolicy) -> PolicyShown:
    policy = await actions.policy_by_slug(w.tx, slug)
    updated = await actions.update_policy(
        w.tx,
        w.actor,
        policy,
        plan_of(body, policy.name),
        version=body.version,
        now=w.now,
    )
    if body.apply_to_open_pages:
        await actions.apply_policy(w.tx, w.actor, updated, w.now)
    return policy_shown(updated)


@router.patch(
    "/policies/{slug}",
    tags=["policies"],
    summary="Rename a policy; its slug stays the same",
    responses=problems(404, 409),
)
async def rename_policy(w: Planner, slug: Text, body: PolicyName) -> PolicyShown:
    policy = await actions.policy_by_slug(w.tx, slug)
    return policy_shown(await actions.rename_policy(w.tx, w.actor, policy, body.name, w.now))


@router.post(
    "/policies/{slug}/effect",
    tags=["policies"],
    summary="Count how many pages of the last 90 days would have entered each level of a draft; nothing is saved",
    responses=problems(404),
)
async def policy_effect(w: PlanReader, slug: Text, body: PolicyPlan) -> EffectsShown:
    policy = await actions.policy_by_slug(w.tx, slug)
    draft = await checked_plan(w.tx, plan_of(body, policy.name))
    before, after = await actions.policy_effect(w.tx, policy, draft, w.now)
    return EffectsShown.model_validate({"pages": before.pages, "saved": before, "draft": after})


@router.get(
    "/policies/{slug}/versions",
    tags=["policies"],
    summary="List the versions of a policy, newest first, with what changed",
    responses=problems(404),
)
async def list_policy_versions(w: PlanReader, slug: Text, params: PageParams) -> list[VersionShown]:
    policy = await actions.policy_by_slug(w.tx, slug)
    versions = await policy_version_store.versions(w.tx, policy)
    names = await policy_targets.names(w.tx, [v.plan for v in versions])
    older = [*versions[1:], None]
    shown = [
        version_shown(v, policy_changes.changes(before.plan, v.plan, names) if before else None)
        for v, before in zip(versions, older, strict=True)
    ]
    return params.newest(shown, [v.version for v in versions])


@router.post(
    "/policies/{slug}/versions/{version}/restore",
    tags=["policies"],
    summary="Restore an earlier version of a policy as its next one",
    responses=problems(404, 409),
)
async def restore_policy_version(
    w: Planner, slug: Text, version: PathId, body: RestoredVersion
) -> PolicyShown:
    policy = await actions.policy_by_slug(w.tx, slug)
    restored = await actions.restore_version(w.tx, w.actor, policy, version, w.now)
    if body.apply_to_open_pages:
        await actions.apply_policy(w.tx, w.actor, restored, w.now)
    return policy_shown(restored)


@router.delete(
    "/policies/{slug}",
    tags=["policies"],
    summary="Delete a policy that no open page uses; its services then page the fallback responders",
    responses=problems(404, 409),
)
async def delete_policy(w: Planner, slug: Text) -> Removed:
    policy = await actions.policy_by_slug(w.tx, slug)
    await actions.delete_policy(w.tx, w.actor, policy, w.now)
    return removed(await undo.offer(w.tx, w.ctx.signer, w.actor, "policy.deleted", w.now))


@router.get(
    "/policies/{slug}/dry-run",
    tags=["policies"],
    summary="Preview who would be notified when, if a page began and no one acknowledged",
    responses=problems(404),
)
async def dry_run_policy(
    w: PlanReader,
    slug: Text,
    at: Annotated[Instant | None, Query(description="default: now")] = None,
    urgency: Literal["high", "low"] = "high",
    severity: Annotated[
        int | None, Query(ge=0, le=3, description="of an incident; its urgency follows")
    ] = None,
) -> list[StepShown]:
    policy = await actions.policy_by_slug(w.tx, slug)
    start, kind = checked_start(at or w.now, w.now), _kind(urgency, severity)
    return steps_shown(await dry_run(w.tx, policy.plan, policy.team_id, start, kind, policy.id), start)


def _kind(urgency: str, severity: int | None) -> PageKind:
    return page_kind(urgency if severity is None else f"sev{severity}")


@router.post(
    "/policies/dry-run",
    tags=["policies"],
    summary="Preview who a draft of a policy would notify when; nothing is saved",
    responses=problems(404),
)
async def dry_run_draft(w: PlanReader, body: DryRunInput) -> list[StepShown]:
    start = checked_start(body.at or w.now, w.now)
    plan = await checked_plan(w.tx, plan_of(body, "Draft"))
    kind = _kind(body.urgency, body.severity)
    return steps_shown(await dry_run(w.tx, plan, body.team_id, start, kind), start)
