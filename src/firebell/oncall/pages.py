"""The on-call picture, one schedule, overrides, and my shifts."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response

from firebell.kit import html
from firebell.kit.context import Context
from firebell.kit.db import Tx
from firebell.kit.errors import Invalid
from firebell.oncall import actions, timeline
from firebell.oncall.model import Layer, Schedule, Unit
from firebell.oncall.shifts import duty, gaps
from firebell.oncall.turns import mu
from firebell.people import access
from firebell.people import actions as people
from firebell.people.model import Person

router = APIRouter(include_in_schema=False)


def _ctx(request: Request) -> Context:
    ctx: Context = request.app.state.ctx
    return ctx


def _day(text: str, tz: str, now: datetime) -> datetime:
    try:
        return mu(datetime.fromisoformat(text).replace(tzinfo=None), tz) if text else now
    except ValueError as exc:
        raise Invalid(f"{text!r} is not a day.", fields={"at": "Use 2026-11-24."}) from exc


def _instant(text: str, tz: str, field: str) -> datetime:
    """Return a wall time typed in the reader's zone as an instant."""
    try:
        return mu(datetime.fromisoformat(text).replace(tzinfo=None), tz)
    except ValueError as exc:
        raise Invalid(f"{text!r} is not a time.", fields={field: "Use 2026-11-24T09:00."}) from exc


async def _context(
    tx: Tx, schedules: list[Schedule], me: Person, view: str, at: str, now: datetime
) -> dict[str, Any]:
    view = view if view in timeline.VIEWS else "week"
    seen = timeline.picture(view, _day(at, me.tz, now), me.tz, now)
    names = {p.id: p for p in await people.people(tx)}

    def name(user: int | str) -> str:
        return names[int(user)].name if int(user) in names else "somebody who left"

    step = timedelta(days=timeline.VIEWS[view])
    return {
        "nav": "oncall",
        "live": "oncall",
        "view": view,
        "seen": seen,
        "at": at,
        "earlier": (seen.days[0] - step).date().isoformat(),
        "later": (seen.days[0] + step).date().isoformat(),
        "schedules": [
            {
                "s": s,
                "rows": timeline.rows(s, seen),
                "agenda": timeline.agenda(s, seen, me.tz, name),
                "gaps": gaps(s, now, now + timedelta(days=28)),
            }
            for s in schedules
        ],
        "name": name,
        "people": [p for p in names.values() if p.active],
        "today": now.astimezone(ZoneInfo(me.tz)).date(),
    }


@router.get("/oncall")
async def oncall(request: Request, view: str = "week", at: str = "") -> Response:
    me, ctx = await access.signed_in(request), _ctx(request)
    async with ctx.db.tx() as tx:
        found = await actions.schedules(tx)
        context = await _context(tx, found, me, view, at, ctx.clock.now())
    return await html.page(request, "oncall/oncall.html", {**context, "one": None})


@router.get("/oncall/me")
async def mine(request: Request) -> Response:
    me, ctx = await access.signed_in(request), _ctx(request)
    now = ctx.clock.now()
    async with ctx.db.tx() as tx:
        schedules = await actions.schedules(tx)
    shifts = [
        (run.start, run.end, schedule)
        for schedule in schedules
        for run in duty(schedule, now, now + timedelta(days=60))
        if me.id in run.users
    ]
    shifts.sort(key=lambda shift: shift[0])
    return await html.page(request, "oncall/me.html", {"nav": "oncall", "shifts": shifts})


@router.get("/oncall/new")
async def new(request: Request) -> Response:
    await access.signed_in(request)
    async with _ctx(request).db.tx() as tx:
        context = {
            "nav": "oncall",
            "teams": [(t.id, t.name) for t in await people.teams(tx)],
            "people": [(p.id, p.name) for p in await people.people(tx) if p.active],
        }
    return await html.page(request, "oncall/new.html", context)


@router.post("/oncall/new")
async def create(request: Request) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx, tz = _ctx(request), str(form.get("tz", ""))
    order = [int(str(i)) for i in form.getlist("person") if str(i).isdigit()]
    if not order:
        raise Invalid("Nobody is in the rotation.", fields={"person": "Choose at least one person."})
    unit = Unit.DAY if form.get("unit") == "day" else Unit.WEEK
    try:
        anchor = datetime.fromisoformat(str(form.get("anchor", ""))).replace(tzinfo=None)
    except ValueError as exc:
        raise Invalid("The first handoff is not a time.", fields={"anchor": "Use 2026-11-23T09:00."}) from exc
    async with ctx.db.tx() as tx:
        for offset, suffix in enumerate(("", " secondary") if form.get("secondary") else ("",)):
            layer = Layer(
                0,
                tuple((i,) for i in order),
                anchor,
                unit,
                1,
                tz,
                offset=offset,
                name=f"{unit.capitalize()}ly",
            )
            await actions.create_schedule(
                tx,
                access.actor_of(me),
                name=f"{form.get('name', '')}{suffix}",
                team_id=int(str(form.get("team", "0"))),
                tz=tz,
                layers=[layer],
                now=ctx.clock.now(),
            )
    return html.to("/oncall")


@router.get("/oncall/{slug}")
async def schedule(request: Request, slug: str, view: str = "week", at: str = "") -> Response:
    me, ctx = await access.signed_in(request), _ctx(request)
    async with ctx.db.tx() as tx:
        found = await actions.by_slug(tx, slug)
        context = await _context(tx, [found], me, view, at, ctx.clock.now())
    return await html.page(request, "oncall/oncall.html", {**context, "one": found})


@router.post("/oncall/{slug}/override")
async def override(request: Request, slug: str) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx = _ctx(request)
    async with ctx.db.tx() as tx:
        found = await actions.by_slug(tx, slug)
        await actions.add_override(
            tx,
            access.actor_of(me),
            schedule_id=int(found.id),
            users=[int(str(form.get("person", "0")))],
            start=_instant(str(form.get("start", "")), me.tz, "start"),
            end=_instant(str(form.get("end", "")), me.tz, "end"),
            reason=str(form.get("reason", "")),
            now=ctx.clock.now(),
        )
    return html.to(f"/oncall/{slug}")


@router.post("/oncall/{slug}/edits/{edit_id}/remove")
async def remove(request: Request, slug: str, edit_id: int) -> Response:
    await access.form(request)
    me, ctx = await access.signed_in(request), _ctx(request)
    async with ctx.db.tx() as tx:
        await actions.remove_edit(tx, access.actor_of(me), edit_id, ctx.clock.now())
    return html.to(f"/oncall/{slug}")
