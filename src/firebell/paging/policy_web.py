"""Escalation policies: the list, one with its dry run, and the editor."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from fastapi import Request, Response
from starlette.datastructures import FormData

from firebell.catalog import actions as catalog
from firebell.kit.db.database import Tx
from firebell.kit.errors import Conflict, FirebellError, Invalid
from firebell.kit.text import clean_name, to_id, to_number, to_required
from firebell.kit.web import flash, html, routing, undo
from firebell.kit.web.field_errors import FieldErrors
from firebell.oncall.schedules import queries as oncall
from firebell.paging import actions
from firebell.paging.dry_run import dry_run
from firebell.paging.model import Level, Plan, Policy, Target, TargetKind
from firebell.people import access
from firebell.people import actions as people
from firebell.people.permissions import Verb
from firebell.people.queries import choosable

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


@router.get("/escalation", dependencies=access.needs(Verb.POLICY_READ))
async def policies(request: Request) -> Response:
    await access.signed_in(request)
    async with html.ctx(request).db.tx() as tx:
        policies_ = await actions.policies(tx)
        names = await _names(tx, policies_)
    context = {"nav": "escalation", "policies": policies_, "names": names}
    return await html.render(request, "paging/policies.html", context)


@dataclass(frozen=True, slots=True)
class Draft:
    """The form of a policy: each row is up to two targets, such as schedule:7, and minutes as text."""

    name: str = ""
    team: str = ""
    rows: tuple[tuple[str, str, str], ...] = ()
    repeat: str = "2"
    ack_timeout: str = ""

    @staticmethod
    def of(policy: Policy) -> "Draft":
        """Return the form of a stored policy."""
        rows = []
        for level in policy.levels:
            first, second = ([f"{t.kind}:{t.id}" for t in level.targets] + ["", ""])[:2]
            rows.append((first, second, str(level.ack_within_s // 60)))
        timeout = str(policy.ack_timeout_s // 60) if policy.ack_timeout_s else ""
        return Draft(
            name=policy.name,
            team=str(policy.team_id),
            rows=tuple(rows),
            repeat=str(policy.repeat),
            ack_timeout=timeout,
        )

    @staticmethod
    def sent(form: FormData) -> "Draft":
        """Return a submitted form, valid or not."""
        columns = ([str(value) for value in form.getlist(name)] for name in ("target", "second", "wait"))
        plain = (str(form.get(name) or "") for name in ("name", "team", "repeat", "ack_timeout"))
        name, team, repeat, ack_timeout = plain
        return Draft(name, team, tuple(zip(*columns, strict=False)), repeat, ack_timeout)

    @property
    def person_ids(self) -> list[int]:
        """The people whom it targets by name."""
        named = (value.partition(":") for row in self.rows for value in row[:2])
        return [i for kind, _, text in named if kind == TargetKind.PERSON and (i := to_id(text))]


async def _editor(
    request: Request, policy: Policy | None, draft: Draft, error: FirebellError | None = None
) -> Response:
    me = await access.signed_in(request)
    async with html.ctx(request).db.tx() as tx:
        preferred = [me.id, *draft.person_ids]
        others = await choosable(tx, preferred, request.query_params.get("with", ""))
        targets, teams = await _targets(tx, others.options), await people.teams(tx)
    context = {
        "nav": "escalation",
        "policy": policy,
        "draft": draft,
        "targets": targets,
        "others": others,
        "teams": [(t.id, t.name) for t in teams],
        "error": error,
        "errors": error.fields if error else {},
    }
    return await html.render(request, "paging/policy_edit.html", context, error.status if error else 200)


@router.get("/escalation/new", dependencies=access.needs(Verb.POLICY_WRITE))
async def new_policy(request: Request) -> Response:
    await access.signed_in(request)
    return await _editor(request, None, Draft())


def _offset(elapsed: timedelta) -> str:
    """Return a duration as minutes and seconds, such as 5:00."""
    minutes, seconds = divmod(int(elapsed.total_seconds()), 60)
    return f"{minutes}:{seconds:02}"


@router.get("/escalation/{slug}", dependencies=access.needs(Verb.POLICY_READ))
async def policy(request: Request, slug: str) -> Response:
    await access.signed_in(request)
    ctx = html.ctx(request)
    async with ctx.db.tx() as tx:
        policy_ = await actions.policy_by_slug(tx, slug)
        names = await _names(tx, [policy_])
        *levels, alarm = await dry_run(tx, policy_, ctx.clock.now())
        services = [s for s in await catalog.services(tx) if s.policy_id == policy_.id]
    context = {
        "nav": "escalation",
        "live": "oncall",
        "policy": policy_,
        "names": names,
        "services": services,
        "steps": levels,
        "alarm": alarm,
        "again_at": alarm.at / (policy_.repeat + 1),
        "messages": sorted((m for step in levels for m in step.messages), key=lambda m: m.at),
        "offset": _offset,
    }
    return await html.render(request, "paging/policy.html", context)


@router.get("/escalation/{slug}/edit", dependencies=access.needs(Verb.POLICY_WRITE))
async def edit_policy(request: Request, slug: str) -> Response:
    await access.signed_in(request)
    async with html.ctx(request).db.tx() as tx:
        policy_ = await actions.policy_by_slug(tx, slug)
    return await _editor(request, policy_, Draft.of(policy_))


def _minutes(text: str, field: str) -> int:
    return to_number(text, field, least=1, most=1440, unit="minutes") * 60


def _target(value: str, field: str) -> Target:
    """Return the target of an option such as schedule:7; raise `Invalid` naming the field."""
    kind, _, text = value.partition(":")
    if kind not in list(TargetKind):
        raise Invalid("A level has an unknown target.", fields={field: "Choose from the list."})
    return Target(TargetKind(kind), to_required(text, field))


def _plan(draft: Draft, errors: FieldErrors) -> Plan:
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


@router.post("/escalation/new", dependencies=access.needs(Verb.POLICY_WRITE))
async def create_policy(request: Request) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx, draft = html.ctx(request), Draft.sent(form)
    try:
        errors = FieldErrors()
        plan = _plan(draft, errors)
        errors.value(lambda: clean_name(plan.name, "name"), None)
        team_id = errors.value(lambda: to_required(draft.team, "team"), 0)
        errors.check()
        async with ctx.db.tx() as tx:
            policy_ = await actions.create_policy(
                tx,
                access.actor_of(me),
                name=plan.name,
                team_id=team_id,
                levels=plan.levels,
                repeat=plan.repeat,
                ack_timeout_s=plan.ack_timeout_s,
                now=ctx.clock.now(),
            )
    except (Invalid, Conflict) as error:
        return await _editor(request, None, draft, error)
    return flash.redirect(request, f"/escalation/{policy_.slug}", f"{policy_.name} created.")


@router.post("/escalation/{slug}/edit", dependencies=access.needs(Verb.POLICY_WRITE))
async def change_policy(request: Request, slug: str) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx, draft = html.ctx(request), Draft.sent(form)
    async with ctx.db.tx() as tx:
        policy_ = await actions.policy_by_slug(tx, slug)
    try:
        errors = FieldErrors()
        plan = _plan(draft, errors)
        errors.check()
        async with ctx.db.tx() as tx:
            await actions.update_policy(
                tx,
                access.actor_of(me),
                policy_,
                levels=plan.levels,
                repeat=plan.repeat,
                ack_timeout_s=plan.ack_timeout_s,
                now=ctx.clock.now(),
            )
    except (Invalid, Conflict) as error:
        return await _editor(request, policy_, draft, error)
    return flash.redirect(
        request, f"/escalation/{slug}", f"{policy_.name} saved. Changes apply to new pages only."
    )


@router.post("/escalation/{slug}/delete", dependencies=access.needs(Verb.POLICY_WRITE))
async def delete_policy(request: Request, slug: str) -> Response:
    await access.form(request)
    me, ctx = await access.signed_in(request), html.ctx(request)
    actor, now = access.actor_of(me), ctx.clock.now()
    async with ctx.db.tx() as tx:
        policy_ = await actions.policy_by_slug(tx, slug)
        await actions.delete_policy(tx, actor, policy_, now)
        offer = await undo.offer(tx, ctx.signer, actor, "policy.deleted", now)
    return flash.redirect(request, "/escalation", f"{policy_.name} deleted.", offer)
