"""Policies: the list, one with its dry run, and the editor."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from fastapi import Request, Response
from starlette.datastructures import FormData

from firebell.catalog import actions as catalog
from firebell.kit import html, routing
from firebell.kit.db import Tx
from firebell.kit.errors import Conflict, FirebellError, Invalid
from firebell.kit.text import to_id
from firebell.oncall import actions as oncall
from firebell.paging import actions
from firebell.paging.dry_run import dry_run
from firebell.paging.model import Level, Plan, Policy, Target, TargetKind
from firebell.people import access
from firebell.people import actions as people
from firebell.people.view import choosable

router = routing.pages()


Options = list[tuple[str, str]]


async def _targets(tx: Tx, persons: Sequence[tuple[int, str]]) -> list[tuple[str, Options]]:
    """Return what a level can point at, by kind, as (value, label)."""
    schedules = [(f"schedule:{i}", name) for i, name in (await oncall.names_by_id(tx)).items()]
    teams = [(f"team:{t.id}", f"Everybody in {t.name}") for t in await people.teams(tx)]
    alone = [(f"person:{i}", name) for i, name in persons]
    return [("Whoever is on call for", schedules), ("A whole team", teams), ("A person", alone)]


def _alone(policies: Iterable[Policy]) -> list[int]:
    """Return the people whom policies name one by one."""
    targets = [t for policy in policies for level in policy.levels for t in level.targets]
    return [t.id for t in targets if t.kind is TargetKind.PERSON]


async def _names(tx: Tx, policies: Sequence[Policy]) -> dict[str, str]:
    """Return the label of everything that policies may point at and that is still there."""
    persons = (await people.persons(tx, _alone(policies))).values()
    targets = await _targets(tx, [(p.id, p.name) for p in persons if p.active])
    return {value: label for _, options in targets for value, label in options}


@router.get("/escalation")
async def policies(request: Request) -> Response:
    await access.signed_in(request)
    async with html.ctx(request).db.tx() as tx:
        found = await actions.policies(tx)
        names = await _names(tx, found)
    context = {"nav": "escalation", "policies": found, "names": names}
    return await html.page(request, "paging/policies.html", context)


async def _editor(request: Request, policy: Policy | None, error: FirebellError | None = None) -> Response:
    me = await access.signed_in(request)
    async with html.ctx(request).db.tx() as tx:
        near = [me.id, *_alone([policy] if policy else [])]
        others = await choosable(tx, near, request.query_params.get("with", ""))
        targets, teams = await _targets(tx, others.options), await people.teams(tx)
    context = {
        "nav": "escalation",
        "policy": policy,
        "targets": targets,
        "others": others,
        "teams": [(t.id, t.name) for t in teams],
        "error": error,
    }
    return await html.page(request, "paging/policy_edit.html", context, error.status if error else 200)


@router.get("/escalation/new")
async def new_policy(request: Request) -> Response:
    await access.signed_in(request)
    return await _editor(request, None)


def _offset(found: timedelta) -> str:
    """Return a length of time as a stop-watch shows it."""
    minutes, seconds = divmod(int(found.total_seconds()), 60)
    return f"{minutes}:{seconds:02}"


@router.get("/escalation/{slug}")
async def policy(request: Request, slug: str) -> Response:
    await access.signed_in(request)
    ctx = html.ctx(request)
    async with ctx.db.tx() as tx:
        found = await actions.policy_by_slug(tx, slug)
        names = await _names(tx, [found])
        *levels, alarm = await dry_run(tx, found, ctx.clock.now())
        services = [s for s in await catalog.services(tx) if s.policy_id == found.id]
    context = {
        "nav": "escalation",
        "live": "oncall",
        "policy": found,
        "names": names,
        "services": services,
        "steps": levels,
        "alarm": alarm,
        "again_at": alarm.at / (found.repeat + 1),
        "messages": sorted((m for step in levels for m in step.messages), key=lambda m: m.at),
        "offset": _offset,
    }
    return await html.page(request, "paging/policy.html", context)


@router.get("/escalation/{slug}/edit")
async def edit_policy(request: Request, slug: str) -> Response:
    await access.signed_in(request)
    async with html.ctx(request).db.tx() as tx:
        found = await actions.policy_by_slug(tx, slug)
    return await _editor(request, found)


def _minutes(text: str, field: str) -> int:
    if not text.strip().isdigit():
        raise Invalid(f"{text!r} is not a number of minutes.", fields={field: "A whole number."})
    return int(text) * 60


def _plan(form: FormData) -> Plan:
    """Return the levels of the form: rows of up to two targets and a wait."""
    levels = []
    rows = zip(form.getlist("target"), form.getlist("second"), form.getlist("wait"), strict=False)
    for first, second, wait in rows:
        targets = []
        for value in (str(first), str(second)):
            kind, _, number_ = value.partition(":")
            if kind in list(TargetKind) and number_.isdigit():
                targets.append(Target(TargetKind(kind), int(number_)))
        if targets:
            levels.append(Level(tuple(targets), _minutes(str(wait) or "5", "wait")))
    timeout = str(form.get("ack_timeout", "")).strip()
    repeat = str(form.get("repeat", "2"))
    if not repeat.isdigit():
        raise Invalid(f"{repeat!r} is not a number.", fields={"repeat": "Between 0 and 9."})
    wait_s = _minutes(timeout, "ack_timeout") if timeout else None
    return Plan(str(form.get("name", "")), tuple(levels), int(repeat), wait_s)


@router.post("/escalation/new")
async def create_policy(request: Request) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx = html.ctx(request)
    try:
        plan = _plan(form)
        async with ctx.db.tx() as tx:
            made = await actions.create_policy(
                tx,
                access.actor_of(me),
                name=plan.name,
                team_id=to_id(form.get("team")) or 0,
                levels=plan.levels,
                repeat=plan.repeat,
                ack_timeout_s=plan.ack_timeout_s,
                now=ctx.clock.now(),
            )
    except (Invalid, Conflict) as error:
        return await _editor(request, None, error)
    return html.to(f"/escalation/{made.slug}")


@router.post("/escalation/{slug}/edit")
async def change_policy(request: Request, slug: str) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx = html.ctx(request)
    async with ctx.db.tx() as tx:
        found = await actions.policy_by_slug(tx, slug)
    try:
        plan = _plan(form)
        async with ctx.db.tx() as tx:
            await actions.edit_policy(
                tx,
                access.actor_of(me),
                found,
                levels=plan.levels,
                repeat=plan.repeat,
                ack_timeout_s=plan.ack_timeout_s,
                now=ctx.clock.now(),
            )
    except (Invalid, Conflict) as error:
        return await _editor(request, found, error)
    return html.to(f"/escalation/{slug}")


@router.post("/escalation/{slug}/delete")
async def delete_policy(request: Request, slug: str) -> Response:
    await access.form(request)
    me, ctx = await access.signed_in(request), html.ctx(request)
    async with ctx.db.tx() as tx:
        found = await actions.policy_by_slug(tx, slug)
        await actions.delete_policy(tx, access.actor_of(me), found, ctx.clock.now())
    return html.to("/escalation")
