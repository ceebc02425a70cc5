"""Escalation policies over JSON."""

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from firebell.kit.web import api, undo
from firebell.kit.web.api import (
    ApiInput,
    ApiOutput,
    Id,
    PageParams,
    Removed,
    ShortName,
    StrictInt,
    Text,
    problems,
    removed,
)
from firebell.paging import actions
from firebell.paging.dry_run import dry_run
from firebell.paging.model import Level, Policy, Target, TargetKind
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router()

Planner = Annotated[Work, work(Verb.POLICY_WRITE)]
PlanReader = Annotated[Work, work(Verb.POLICY_READ)]


class TargetShown(ApiInput):
    """A person, a schedule (who is on call), or a whole team."""

    kind: TargetKind
    id: Id


class LevelShown(ApiInput):
    """Notify `targets` together; escalate if no one acknowledges within `ack_within_s` seconds."""

    targets: Annotated[list[TargetShown], Field(min_length=1, max_length=50)]
    ack_within_s: Annotated[StrictInt, Field(ge=60, le=86400)] = 300


class PolicyPlan(ApiInput):
    """Levels in order, how often they repeat, and the acknowledgement timeout (null: by severity)."""

    levels: Annotated[list[LevelShown], Field(min_length=1, max_length=20)]
    repeat: Annotated[StrictInt, Field(ge=0, le=9)] = 2
    ack_timeout_s: Annotated[StrictInt | None, Field(ge=60, le=86400)] = None


class NewPolicy(PolicyPlan):
    """An escalation policy to create."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Payments",
                    "team_id": 1,
                    "levels": [
                        {"targets": [{"kind": "schedule", "id": 1}], "ack_within_s": 300},
                        {"targets": [{"kind": "team", "id": 1}]},
                    ],
                }
            ]
        }
    )

    name: ShortName
    team_id: Id


class PolicyShown(ApiOutput):
    """An escalation policy. Changes apply to new pages; open pages keep the plan they began with."""

    id: int
    slug: str
    name: str
    team_id: int
    version: int
    levels: list[LevelShown]
    repeat: int
    ack_timeout_s: int | None


class StepShown(ApiOutput):
    """Who would be notified at `at`; `level` is null for the final alarm, `people` is empty if it is skipped."""

    at: datetime
    level: int | None
    people: list[int]
    names: str


def _policy(policy: Policy) -> PolicyShown:
    return PolicyShown(
        id=policy.id,
        slug=policy.slug,
        name=policy.name,
        team_id=policy.team_id,
        version=policy.version,
        levels=[
            LevelShown(
                targets=[TargetShown(kind=t.kind, id=t.id) for t in level.targets],
                ack_within_s=level.ack_within_s,
            )
            for level in policy.levels
        ],
        repeat=policy.repeat,
        ack_timeout_s=policy.ack_timeout_s,
    )


def _levels(body: PolicyPlan) -> list[Level]:
    return [
        Level(tuple(Target(t.kind, t.id) for t in level.targets), level.ack_within_s) for level in body.levels
    ]


@router.get("/policies", tags=["policies"], summary="List escalation policies, newest first")
async def list_policies(w: PlanReader, params: PageParams) -> list[PolicyShown]:
    policies = await actions.policies(w.tx)
    return [_policy(p) for p in params.newest(policies, [p.id for p in policies])]


@router.post(
    "/policies",
    status_code=201,
    tags=["policies"],
    summary="Create an escalation policy",
    responses=problems(404, 409),
)
async def create_policy(w: Planner, body: NewPolicy) -> PolicyShown:
    policy = await actions.create_policy(
        w.tx,
        w.actor,
        name=body.name,
        team_id=body.team_id,
        levels=_levels(body),
        repeat=body.repeat,
        ack_timeout_s=body.ack_timeout_s,
        now=w.now,
    )
    return _policy(policy)


@router.get(
    "/policies/{slug}", tags=["policies"], summary="Get an escalation policy", responses=problems(404)
)
async def get_policy(w: PlanReader, slug: Text) -> PolicyShown:
    return _policy(await actions.policy_by_slug(w.tx, slug))


@router.put(
    "/policies/{slug}",
    tags=["policies"],
    summary="Replace the levels of a policy, for new pages only",
    responses=problems(404),
)
async def edit_policy(w: Planner, slug: Text, body: PolicyPlan) -> PolicyShown:
    await actions.update_policy(
        w.tx,
        w.actor,
        await actions.policy_by_slug(w.tx, slug),
        levels=_levels(body),
        repeat=body.repeat,
        ack_timeout_s=body.ack_timeout_s,
        now=w.now,
    )
    return _policy(await actions.policy_by_slug(w.tx, slug))


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
    summary="Preview who would be notified when, if a page began now and no one acknowledged",
    responses=problems(404),
)
async def dry_run_policy(w: PlanReader, slug: Text) -> list[StepShown]:
    steps = await dry_run(w.tx, await actions.policy_by_slug(w.tx, slug), w.now)
    return [
        StepShown(
            at=w.now + step.at,
            level=None if step.level is None else step.level + 1,
            people=[person_id for person_id, _ in step.people],
            names=step.names,
        )
        for step in steps
    ]
