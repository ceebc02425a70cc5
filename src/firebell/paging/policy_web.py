"""Escalation policies: the list, one with its dry run, and the editor."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from fastapi import Response
from starlette.datastructures import FormData

from firebell.catalog import actions as catalog
from firebell.kit.db.database import Tx
from firebell.kit.errors import Conflict, FirebellError, Invalid
from firebell.kit.text import clean_name, to_id, to_number, to_required
from firebell.kit.web import flash, html, routing, undo
from firebell.kit.web.field_errors import FieldErrors
from firebell.oncall.schedules import queries as oncall
from firebell.paging import actions, policy_store
from firebell.paging.dry_run import dry_run, offset
from firebell.paging.model import Level, Plan, Policy, Target, TargetKind
from firebell.people import actions as people
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.queries import choosable
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()


Options = list[tuple[str, str]]


async def _targets(tx: Tx, persons: Sequence[tuple[int, str]]) -> list[tuple[str, Options]]:
    """Return the possible targets of a level by kind, as (value, label)."""
    schedules = [(f"schedule:{i}", name) for i, name in (await oncall.names_by_id(tx)).items()]
    teams = [(f"team:{t.id}", f"Everyone in {t.name}") for t in await people.teams(tx)]
    persons_ = [(f"person:{i}", name) for i, name in persons]
    return [("Schedules", schedules), ("Teams", teams), ("People", persons_)]


def _named_people(policies: Iterable[Policy]) -> list[int]:
    """Return the people whom policies target by name."""
    targets = [t for policy in policies for level in policy.levels for t in level.targets]
    return [t.id for t in targets if t.kind is TargetKind.PERSON]


async def _names(tx: Tx, policies: Sequence[Policy]) -> dict[str, str]:
    """Return the labels of all possible targets that still exist."""
    persons = (await people.people_by_id(tx, _named_people(policies))).values()
    targets = await _targets(tx, [(p.id, p.name) for p in persons if p.active])
    return {value: label for _, options in targets for value, label in options}


@router.get("/escalation", dependencies=route_access.needs(Verb.POLICY_READ))
async def policies(visit: CurrentVisit) -> Response:
    policies_ = await actions.policies(visit.tx)
    names = await _names(visit.tx, policies_)
    context = {"nav": "escalation", "policies": policies_, "names": names}
    return await html.render(visit.request, "paging/policies.html", context)


@dataclass(frozen=True, slots=True)
class PolicyForm:
    """The form of a policy: each row is up to two targets, such as schedule:7, and minutes as text."""

    name: str = ""
    team: str = ""
    rows: tuple[tuple[str, str, str], ...] = ()
    repeat: str = "2"
    ack_timeout: str = ""

    @staticmethod
    def of(policy: Policy) -> "PolicyForm":
        """Return the form of a stored policy."""
        rows = []
        for level in policy.levels:
            first, second = ([f"{t.kind}:{t.id}" for t in level.targets] + ["", ""])[:2]
            rows.append((first, second, str(level.ack_within_s // 60)))
        timeout = str(policy.ack_timeout_s // 60) if policy.ack_timeout_s else ""
        return PolicyForm(
            name=policy.name,
            team=str(policy.team_id),
            rows=tuple(rows),
            repeat=str(policy.repeat),
            ack_timeout=timeout,
        )

    @staticmethod
    def sent(form: FormData) -> "PolicyForm":
        """Return a submitted form, valid or not."""
        columns = ([str(value) for value in form.getlist(name)] for name in ("target", "second", "wait"))
        plain = (str(form.get(name) or "") for name in ("name", "team", "repeat", "ack_timeout"))
        name, team, repeat, ack_timeout = plain
        return PolicyForm(name, team, tuple(zip(*columns, strict=False)), repeat, ack_timeout)

    @property
    def person_ids(self) -> list[int]:
        """The people whom it targets by name."""
        named = (value.partition(":") for row in self.rows for value in row[:2])
        return [i for kind, _, text in named if kind == TargetKind.PERSON and (i := to_id(text))]


async def _editor(
    visit: Visit, policy: Policy | None, draft: PolicyForm, error: FirebellError | None = None
) -> Response:
    preferred = [visit.person.id, *draft.person_ids]
    others = await choosable(visit.tx, preferred, visit.request.query_params.get("with", ""))
    targets, teams = await _targets(visit.tx, others.options), await people.teams(visit.tx)
    context = {
        "nav": "escalation",
        "policy": policy,
        "draft": draft,
        "targets": targets,
        "others": others,
        "teams": [(t.id, t.name) for t in teams],
        "error": error,
    }
    return await html.render(visit.request, "paging/policy_edit.html", context)


@router.get("/escalation/new", dependencies=route_access.needs(Verb.POLICY_WRITE))
async def new_policy(visit: CurrentVisit) -> Response:
    return await _editor(visit, None, PolicyForm())


@router.get("/escalation/{slug}", dependencies=route_access.needs(Verb.POLICY_READ))
async def policy(visit: CurrentVisit, slug: str) -> Response:
    policy_ = await actions.policy_by_slug(visit.tx, slug)
    names = await _names(visit.tx, [policy_])
    *levels, alarm = await dry_run(visit.tx, policy_, visit.now)
    services = [s for s in await catalog.services(visit.tx) if s.policy_id == policy_.id]
    context = {
        "nav": "escalation",
        "live": "oncall",
        "policy": policy_,
        "names": names,
        "services": services,
        "open_pages": await policy_store.open_page_refs(visit.tx, policy_.id),
        "steps": levels,
        "alarm": alarm,
        "again_at": alarm.at / (policy_.repeat + 1),
        "messages": sorted((m for step in levels for m in step.messages), key=lambda m: m.at),
        "offset": offset,
    }
    return await html.render(visit.request, "paging/policy.html", context)


@router.get("/escalation/{slug}/edit", dependencies=route_access.needs(Verb.POLICY_WRITE))
async def edit_policy(visit: CurrentVisit, slug: str) -> Response:
    policy_ = await actions.policy_by_slug(visit.tx, slug)
    return await _editor(visit, policy_, PolicyForm.of(policy_))


def _minutes(text: str, field: str) -> int:
    return to_number(text, field, least=1, most=1440, unit="minutes") * 60


def _target(value: str, field: str) -> Target:
    """Return the target of an option such as schedule:7; raise `Invalid` naming the field."""
    kind, _, text = value.partition(":")
    if kind not in list(TargetKind):
        raise Invalid("A level has an unknown target.", fields={field: "Choose from the list."})
    return Target(TargetKind(kind), to_required(text, field))


def _plan(draft: PolicyForm, errors: FieldErrors) -> Plan:
    """Return the plan of a draft; record errors by field, those of a level with its index: wait-0."""
    levels = []
    for i, row in enumerate(draft.rows):
        chosen = [
            (f"{name}-{i}", value) for name, value in zip(("target", "second"), row[:2], strict=True) if value
        ]
        targets = [errors.value(partial(_target, value, field), None) for field, value in chosen]
        if targets:
            wait_s = errors.value(partial(_minutes, row[2] or "5", f"wait-{i}"), 0)
            levels.append(Level(tuple(target for target in targets if target), wait_s))
    if not levels:
        errors.add("target-0", "Choose who to notify.")
    repeat, timeout = (
        errors.value(lambda: to_number(draft.repeat, "repeat", most=9), 0),
        draft.ack_timeout.strip(),
    )
    timeout_s = errors.value(partial(_minutes, timeout, "ack_timeout"), 0) if timeout else None
    return Plan(name=draft.name, levels=tuple(levels), repeat=repeat, ack_timeout_s=timeout_s)


@router.post("/escalation/new", dependencies=route_access.needs(Verb.POLICY_WRITE))
async def create_policy(visit: CurrentVisit) -> Response:
    draft = PolicyForm.sent(visit.form)
    try:
        errors = FieldErrors()
        plan = _plan(draft, errors)
        errors.value(lambda: clean_name(plan.name, "name"), None)
        team_id = errors.value(lambda: to_required(draft.team, "team"), 0)
        errors.check()
        async with visit.tx.savepoint():
            policy_ = await actions.create_policy(
                visit.tx,
                visit.actor,
                name=plan.name,
                team_id=team_id,
                levels=plan.levels,
                repeat=plan.repeat,
                ack_timeout_s=plan.ack_timeout_s,
                now=visit.now,
            )
    except (Invalid, Conflict) as error:
        return await _editor(visit, None, draft, error)
    return flash.redirect(visit.request, f"/escalation/{policy_.slug}", f"{policy_.name} created.")


@router.post("/escalation/{slug}/edit", dependencies=route_access.needs(Verb.POLICY_WRITE))
async def change_policy(visit: CurrentVisit, slug: str) -> Response:
    draft = PolicyForm.sent(visit.form)
    policy_ = await actions.policy_by_slug(visit.tx, slug)
    try:
        errors = FieldErrors()
        plan = _plan(draft, errors)
        errors.check()
        async with visit.tx.savepoint():
            await actions.update_policy(
                visit.tx,
                visit.actor,
                policy_,
                levels=plan.levels,
                repeat=plan.repeat,
                ack_timeout_s=plan.ack_timeout_s,
                now=visit.now,
            )
    except (Invalid, Conflict) as error:
        return await _editor(visit, policy_, draft, error)
    return flash.redirect(
        visit.request, f"/escalation/{slug}", f"{policy_.name} saved. Changes apply to new pages only."
    )


@router.post("/escalation/{slug}/delete", dependencies=route_access.needs(Verb.POLICY_WRITE))
async def delete_policy(visit: CurrentVisit, slug: str) -> Response:
    policy_ = await actions.policy_by_slug(visit.tx, slug)
    await actions.delete_policy(visit.tx, visit.actor, policy_, visit.now)
    offer = await undo.offer(visit.tx, visit.ctx.signer, visit.actor, "policy.deleted", visit.now)
    return flash.redirect(visit.request, "/escalation", f"{policy_.name} deleted.", offer)
