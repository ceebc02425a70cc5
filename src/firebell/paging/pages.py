"""The inbox, the page, the link in a message, and policies."""

from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.datastructures import FormData

from firebell.kit import html
from firebell.kit.context import Context
from firebell.kit.db import Tx
from firebell.kit.errors import FirebellError, Invalid, NotFound
from firebell.kit.events import Actor
from firebell.kit.refs import number
from firebell.oncall import actions as oncall
from firebell.paging import actions, due, ledger, links, view
from firebell.paging.model import OPEN, Level, PageState, Plan, Policy, Target, TargetKind
from firebell.people import access
from firebell.people import actions as people

router = APIRouter(include_in_schema=False)

TABS = {
    "open": ("Open", tuple(OPEN)),
    "waiting": ("Needs a human", (PageState.TRIGGERED, PageState.EXHAUSTED)),
    "acked": ("Acknowledged", (PageState.ACKED,)),
    "snoozed": ("Snoozed", (PageState.SNOOZED,)),
    "resolved": ("Resolved", (PageState.RESOLVED,)),
}


def _ctx(request: Request) -> Context:
    ctx: Context = request.app.state.ctx
    return ctx


@router.get("/pages")
async def inbox(request: Request, state: str = "open", q: str = "", show: str = "") -> Response:
    await access.signed_in(request)
    ctx = _ctx(request)
    tab = state if state in TABS else "open"
    async with ctx.db.tx() as tx:
        found = await actions.pages(tx, states=TABS[tab][1], words=q.strip(), limit=100)
        listed = await view.views(tx, found, ctx.clock.now())
        chosen = None
        if found:
            wanted = number("PG", show) if show else found[0].id
            chosen = await _detail(tx, wanted, ctx.clock.now())
        counts = await actions.counts(tx)
    totals = {name: sum(counts.get(s, 0) for s in states) for name, (_, states) in TABS.items()}
    context = {
        "nav": "pages",
        "live": "pages" + (f",pg-{chosen['v'].page.id}" if chosen else ""),
        "tab": tab,
        "tabs": TABS,
        "totals": totals,
        "q": q,
        "views": listed,
        "chosen": chosen,
    }
    return await html.page(request, "paging/inbox.html", context)


async def _detail(tx: Tx, page_id: int, now: datetime) -> dict[str, Any]:
    page = await actions.page(tx, page_id)
    (found,) = await view.views(tx, [page], now, alerts_each=50)
    persons = {p.id: p.name for p in await people.people(tx)}
    runbook = next((a.links["runbook"] for a in found.alerts if a.links.get("runbook")), "")
    started = page.due_at
    if page.state is PageState.TRIGGERED and page.level >= 0 and page.due_at:
        started = page.due_at - timedelta(seconds=page.plan.levels[page.level].ack_within_s)
    span = (page.due_at - started).total_seconds() if page.due_at and started else 0
    passed = (now - started).total_seconds() / span * 100 if span and started else 0
    return {
        "v": found,
        "log": await actions.log(tx, page_id),
        "deliveries": await ledger.of_page(tx, page_id),
        "persons": persons,
        "passed": passed,
        "runbook": runbook or (found.service.runbook_url if found.service else ""),
    }


@router.get("/p/{ref}")
async def short(ref: str) -> Response:
    return html.to(f"/pages/PG-{number('PG', ref)}")


@router.get("/pages/{ref}")
async def detail(request: Request, ref: str) -> Response:
    await access.signed_in(request)
    ctx, page_id = _ctx(request), number("PG", ref)
    async with ctx.db.tx() as tx:
        context = await _detail(tx, page_id, ctx.clock.now())
    live = f"pages,pg-{page_id}"
    return await html.page(request, "paging/page.html", {**context, "nav": "pages", "live": live})


@router.post("/pages/{ref}/{what}")
async def act(request: Request, ref: str, what: str) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx, page_id, actor = _ctx(request), number("PG", ref), access.actor_of(me)
    now = ctx.clock.now()
    async with ctx.db.tx() as tx:
        match what:
            case "ack":
                await actions.ack(tx, actor, page_id, now)
            case "resolve":
                await actions.resolve(tx, actor, page_id, now)
            case "escalate":
                await actions.escalate(tx, actor, page_id, now)
            case "snooze":
                minutes = str(form.get("minutes", "30"))
                if not minutes.isdigit():
                    raise Invalid(f"{minutes!r} is not a number of minutes.")
                await actions.snooze(tx, actor, page_id, now + timedelta(minutes=int(minutes)), now)
            case "note":
                await actions.add_note(tx, actor, page_id, str(form.get("text", "")), now)
            case _:
                raise NotFound(f"{what!r} is nothing that can be done with a page.")
    back = str(form.get("back", ""))
    return html.to(back if back.startswith("/pages") else f"/pages/PG-{page_id}")


@router.get("/ack/{token}")
async def ack_form(request: Request, token: str) -> Response:
    """Show the page and a button; opening the link changes nothing (spec 2.1)."""
    return await _by_link(request, token, None)


@router.post("/ack/{token}")
async def ack_by_link(request: Request, token: str) -> Response:
    ctx = _ctx(request)
    now = ctx.clock.now()
    link = links.read(ctx, token, now)
    async with ctx.db.tx() as tx:
        person = await people.person(tx, link.person_id)
        page = await actions.page(tx, link.page_id)
        if not await actions.use_link(tx, link.id, now):
            said = "This link was used before; nothing was changed now."
        elif page.state is PageState.RESOLVED:
            said = "It was already resolved; nothing was changed."
        else:
            result = await actions.ack(tx, Actor("link", person.name, person.id), page.id, now)
            said = f"It was {result.already}." if result.already else "You have it. Nobody else is paged."
    return await _by_link(request, token, said)


async def _by_link(request: Request, token: str, said: str | None) -> Response:
    ctx = _ctx(request)
    now = ctx.clock.now()
    try:
        link = links.read(ctx, token, now)
    except FirebellError as error:
        context: dict[str, Any] = {"error": error, "v": None, "said": None, "person": None}
        return await html.page(request, "paging/ack.html", context, error.status)
    async with ctx.db.tx() as tx:
        page = await actions.page(tx, link.page_id)
        (found,) = await view.views(tx, [page], now, alerts_each=10)
        person = await people.person(tx, link.person_id)
    context = {"error": None, "v": found, "said": said, "person": person, "tz": person.tz}
    return await html.page(request, "paging/ack.html", context)


async def _targets(tx: Tx) -> list[tuple[str, str]]:
    """Return everything a level can point at, as (value, label)."""
    schedules = [(f"schedule:{s.id}", f"Schedule: {s.name}") for s in await oncall.schedules(tx)]
    teams = [(f"team:{t.id}", f"Team: {t.name}") for t in await people.teams(tx)]
    persons = [(f"person:{p.id}", f"Person: {p.name}") for p in await people.people(tx) if p.active]
    return schedules + teams + persons


@router.get("/escalation")
async def policies(request: Request) -> Response:
    await access.signed_in(request)
    async with _ctx(request).db.tx() as tx:
        found, targets = await actions.policies(tx), dict(await _targets(tx))
    context = {"nav": "escalation", "policies": found, "names": targets}
    return await html.page(request, "paging/policies.html", context)


@router.get("/escalation/new")
async def new_policy(request: Request) -> Response:
    await access.signed_in(request)
    async with _ctx(request).db.tx() as tx:
        targets, teams = await _targets(tx), await people.teams(tx)
    context = {"nav": "escalation", "policy": None, "targets": targets, "teams": teams}
    return await html.page(request, "paging/policy_edit.html", context)


@router.get("/escalation/{slug}")
async def policy(request: Request, slug: str) -> Response:
    await access.signed_in(request)
    ctx = _ctx(request)
    now = ctx.clock.now()
    async with ctx.db.tx() as tx:
        found = await actions.policy_by_slug(tx, slug)
        names = dict(await _targets(tx))
        dry = await _dry_run(tx, found, now)
    context = {"nav": "escalation", "policy": found, "names": names, "dry": dry, "live": "oncall"}
    return await html.page(request, "paging/policy.html", context)


async def _dry_run(tx: Tx, found: Policy, now: datetime) -> list[tuple[datetime, str]]:
    """Return who would be notified when, if a page began now and nobody answered."""
    probe = due.probe(found.plan, found.team_id, now)
    facts = await due.gather(tx, [probe], now)
    at, lines = now, []
    for index, level in enumerate(found.levels):
        reached = facts.reach(probe, index)
        lines.append((at, facts.names(reached) or "Nobody: skipped at once"))
        if reached:
            at += timedelta(seconds=level.ack_within_s)
    lines.append(
        (now + (at - now) * (found.repeat + 1), f"Final alarm: {facts.names(facts.last_resort(probe))}")
    )
    return lines


@router.get("/escalation/{slug}/edit")
async def edit_policy(request: Request, slug: str) -> Response:
    await access.signed_in(request)
    async with _ctx(request).db.tx() as tx:
        found, targets = await actions.policy_by_slug(tx, slug), await _targets(tx)
    context = {"nav": "escalation", "policy": found, "targets": targets, "teams": []}
    return await html.page(request, "paging/policy_edit.html", context)


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
    ctx, plan = _ctx(request), _plan(form)
    async with ctx.db.tx() as tx:
        made = await actions.create_policy(
            tx,
            access.actor_of(me),
            name=plan.name,
            team_id=int(str(form.get("team", "0"))),
            levels=plan.levels,
            repeat=plan.repeat,
            ack_timeout_s=plan.ack_timeout_s,
            now=ctx.clock.now(),
        )
    return html.to(f"/escalation/{made.slug}")


@router.post("/escalation/{slug}/{what}")
async def change_policy(request: Request, slug: str, what: str) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx = _ctx(request)
    actor, now = access.actor_of(me), ctx.clock.now()
    async with ctx.db.tx() as tx:
        found = await actions.policy_by_slug(tx, slug)
        if what == "delete":
            await actions.delete_policy(tx, actor, found, now)
            return html.to("/escalation")
        plan = _plan(form)
        await actions.edit_policy(
            tx,
            actor,
            found,
            levels=plan.levels,
            repeat=plan.repeat,
            ack_timeout_s=plan.ack_timeout_s,
            now=now,
        )
    return html.to(f"/escalation/{slug}")
