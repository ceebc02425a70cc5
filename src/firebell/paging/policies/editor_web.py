"""The policy editor: the levels of a draft beside its dry run; every button works without scripts."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fastapi import Response

from firebell.kit.errors import Conflict, FirebellError, Invalid
from firebell.kit.text import clean_name, to_id, to_number, to_required
from firebell.kit.web import flash, html, routing
from firebell.kit.web.field_errors import FieldErrors
from firebell.oncall.schedules import queries as oncall
from firebell.paging import actions
from firebell.paging.level_conditions import DAY_NAMES, coverage_gap
from firebell.paging.model import MAX_MIN_ACKS, Policy
from firebell.paging.policies import changes as policy_changes
from firebell.paging.policies import dry_run as dry
from firebell.paging.policies import effect as policy_effect
from firebell.paging.policies import store as policy_store
from firebell.paging.policies import targets as policy_targets
from firebell.paging.policies.effect import EffectLine
from firebell.paging.policies.form import LevelRow, PolicyForm, apply_button, plan_of
from firebell.paging.policies.starters import TIERS, apply_tier
from firebell.paging.policies.web import applied_text, services_of, start_of
from firebell.people import actions as people
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.queries import choosable
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()


@dataclass(frozen=True, slots=True)
class EditorState:
    """A draft, why it was refused, the level whose button was pressed, and when its dry run begins."""

    draft: PolicyForm
    error: FirebellError | None = None
    focus: int | None = None
    at: str = ""
    urgency: str = "high"
    apply: bool = False


@dataclass(frozen=True, slots=True)
class Trial:
    """The dry run of a draft: by the index of its level, beside the saved policy; or why there is none."""

    levels: Mapping[int, dry.PlannedLevel] = field(default_factory=dict)
    rows: list[dry.DryRow] = field(default_factory=list)
    alarm: dry.PlannedLevel | None = None
    summary: str = ""
    changes: list[str] = field(default_factory=list)
    past_pages: int = 0
    effect: list[EffectLine] = field(default_factory=list)
    """What the draft would have done with the pages of the last 90 days, next to the saved policy."""
    problem: str = ""
    gap: str = ""
    """For which pages the draft has no level; it cannot be saved like that."""


async def _trial(visit: Visit, policy: Policy | None, state: EditorState) -> Trial:
    """Return the dry run of a draft; its levels without targets are left out."""
    draft, errors = state.draft, FieldErrors()
    filled = [i for i, row in enumerate(draft.rows) if row.targets]
    try:
        start = start_of(visit, state.at)
    except Invalid as error:
        return Trial(problem=error.fields["at"])
    plan = plan_of(replace(draft, rows=tuple(draft.rows[i] for i in filled)), errors)
    if not filled:
        return Trial(problem="Choose who to notify to see the dry run.")
    if errors.fields:
        return Trial(problem="Correct the highlighted fields to see the dry run.")
    team_id = policy.team_id if policy else to_id(draft.team) or 0
    kind, policy_id = dry.page_kind(state.urgency), policy.id if policy else None
    *levels, alarm = await dry.dry_run(visit.tx, plan, team_id, start, kind, policy_id)
    saved, changes, past_pages, effect = levels, [], 0, []
    if policy:
        saved = await dry.dry_run(visit.tx, policy.plan, policy.team_id, start, kind, policy_id)
        names = await policy_targets.names(visit.tx, [policy.plan, plan])
        changes = policy_changes.changes(policy.plan, plan, names)
        before, after = await actions.policy_effect(visit.tx, policy, plan, visit.now)
        past_pages, effect = before.pages, policy_effect.compare(before, after)
    return Trial(
        levels=dict(zip(filled, levels, strict=True)),
        rows=dry.rows(saved, levels),
        alarm=alarm,
        summary=dry.summary(levels),
        changes=changes,
        gap=coverage_gap([level.conditions for level in plan.levels]),
        past_pages=past_pages,
        effect=effect,
    )


async def _editor(visit: Visit, policy: Policy | None, state: EditorState) -> Response:
    draft = state.draft
    preferred = [visit.person.id, *draft.person_ids]
    search = visit.request.query_params.get("with", "")
    others = await choosable(visit.tx, preferred, search, chosen=draft.person_ids)
    targets = await policy_targets.options(visit.tx, others.options)
    trial = await _trial(visit, policy, state)
    context = {
        "nav": "escalation",
        "policy": policy,
        "action": f"/escalation/{policy.slug}/edit" if policy else "/escalation/new",
        "draft": draft,
        "focus": state.focus,
        "targets": targets,
        "labels": {value: label for _, options in targets for value, label in options},
        "others": others,
        "teams": [(t.id, t.name) for t in await people.teams(visit.tx)],
        "tiers": TIERS,
        "ack_options": [("1", "1 person"), *((str(n), f"{n} people") for n in range(2, MAX_MIN_ACKS + 1))],
        "day_options": [(str(day), name) for day, name in enumerate(DAY_NAMES)],
        "severity_options": [(str(severity), f"SEV{severity}") for severity in range(4)],
        "kinds": dry.KIND_LABELS,
        "trial": trial,
        "offset": dry.offset,
        "at": state.at,
        "urgency": state.urgency,
        "apply": state.apply,
        "services": await services_of(visit, policy) if policy else [],
        "open_pages": await policy_store.open_page_ids(visit.tx, policy.id) if policy else [],
        "error": state.error,
    }
    return await html.render(visit.request, "paging/policy_edit.html", context)


def _state(visit: Visit, draft: PolicyForm, **more: Any) -> EditorState:
    form = visit.form
    return EditorState(
        draft,
        at=str(form.get("at") or ""),
        urgency=str(form.get("urgency") or ""),
        apply=bool(form.get("apply")),
        **more,
    )


async def _preview(visit: Visit, policy: Policy | None) -> Response:
    """Render the draft after the button of the form, without saving anything."""
    draft, button = PolicyForm.from_form(visit.form), str(visit.form.get("do") or "")
    if tier := button.removeprefix("start-") if button.startswith("start-") else "":
        return await _editor(visit, policy, _state(visit, await _started(visit, draft, tier)))
    draft, focus = apply_button(draft, button)
    return await _editor(visit, policy, _state(visit, draft, focus=focus))


async def _started(visit: Visit, draft: PolicyForm, tier: str) -> PolicyForm:
    team_id = to_id(draft.team)
    schedules = [(s.id, s.name) for s in await oncall.schedules(visit.tx) if s.team_id == team_id]
    return apply_tier(draft, tier, schedules)


@router.get("/escalation/new", dependencies=route_access.needs(Verb.POLICY_WRITE))
async def new_policy(visit: CurrentVisit, copy: str = "") -> Response:
    """Render the editor of a new policy, or of a copy of another one."""
    if copy:
        form = PolicyForm.from_policy(await actions.policy_by_slug(visit.tx, copy))
        return await _editor(visit, None, EditorState(replace(form, name=f"Copy of {form.name}")))
    team = next(map(str, sorted(await people.team_ids_of(visit.tx, visit.person.id))), "")
    form = PolicyForm(team=team, rows=(LevelRow(),), tz=visit.person.tz)
    return await _editor(visit, None, EditorState(form))


@router.post("/escalation/new", dependencies=route_access.needs(Verb.POLICY_WRITE))
async def create_policy(visit: CurrentVisit, preview: str = "") -> Response:
    if preview:
        return await _preview(visit, None)
    draft = PolicyForm.from_form(visit.form)
    try:
        errors = FieldErrors()
        plan = plan_of(draft, errors)
        errors.value(lambda: clean_name(plan.name, "name"), None)
        team_id = errors.value(lambda: to_required(draft.team, "team"), 0)
        errors.check()
        async with visit.tx.savepoint():
            policy = await actions.create_policy(
                visit.tx,
                visit.actor,
                name=plan.name,
                team_id=team_id,
                levels=plan.levels,
                repeat=plan.repeat,
                ack_timeout_s=plan.ack_timeout_s,
                tz=plan.tz,
                now=visit.now,
            )
    except (Invalid, Conflict) as error:
        return await _editor(visit, None, _state(visit, draft, error=error))
    return flash.redirect(visit.request, f"/escalation/{policy.slug}", f"{policy.name} created.")


@router.get("/escalation/{slug}/edit", dependencies=route_access.needs(Verb.POLICY_WRITE))
async def edit_policy(visit: CurrentVisit, slug: str) -> Response:
    policy = await actions.policy_by_slug(visit.tx, slug)
    return await _editor(visit, policy, EditorState(PolicyForm.from_policy(policy)))


@router.post("/escalation/{slug}/edit", dependencies=route_access.needs(Verb.POLICY_WRITE))
async def change_policy(visit: CurrentVisit, slug: str, preview: str = "") -> Response:
    policy = await actions.policy_by_slug(visit.tx, slug)
    if preview:
        return await _preview(visit, policy)
    draft = PolicyForm.from_form(visit.form)
    try:
        errors = FieldErrors()
        plan = plan_of(draft, errors)
        errors.check()
        version = to_number(visit.form.get("version"), "version")
        async with visit.tx.savepoint():
            saved = await actions.update_policy(
                visit.tx,
                visit.actor,
                policy,
                plan,
                version=version,
                now=visit.now,
            )
            applied = await applied_text(visit, saved)
    except (Invalid, Conflict) as error:
        return await _editor(visit, policy, _state(visit, draft, error=error))
    text = f"{policy.name} saved as version {saved.version}.{applied}"
    return flash.redirect(visit.request, f"/escalation/{slug}", text)
