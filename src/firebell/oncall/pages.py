"""The on-call picture, one schedule, overrides, and my shifts."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response

from firebell.kit import html
from firebell.kit.context import Context
from firebell.kit.db import Tx
from firebell.kit.errors import Conflict, FirebellError, Invalid
from firebell.kit.text import to_id
from firebell.oncall import actions, timeline
from firebell.oncall.model import Layer, Schedule, Unit
from firebell.oncall.shifts import gaps
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


def _wall(text: str, field: str) -> datetime:
    """Return a time as a datetime field gives it."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
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
        "people": [(p.id, p.name) for p in names.values() if p.active],
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
        shifts = await actions.shifts_of(tx, me.id, now)
    return await html.page(request, "oncall/me.html", {"nav": "oncall", "shifts": shifts})


async def _new_form(
    request: Request, given: Mapping[str, Any], error: FirebellError | None = None
) -> Response:
    async with _ctx(request).db.tx() as tx:
        teams, everyone = await people.teams(tx), await people.people(tx)
    context = {
        "nav": "oncall",
        "teams": [(t.id, t.name) for t in teams],
        "people": [(p.id, p.name) for p in everyone if p.active],
        "given": given,
        "error": error,
        "errors": error.fields if error else {},
    }
    return await html.page(request, "oncall/new.html", context, error.status if error else 200)


@router.get("/oncall/new")
async def new(request: Request) -> Response:
    me = await access.signed_in(request)
    monday = _ctx(request).clock.now().astimezone(ZoneInfo(me.tz))
    monday -= timedelta(days=monday.weekday())
    anchor = f"{monday:%Y-%m-%d}T09:00"
    return await _new_form(request, {"tz": me.tz, "anchor": anchor, "secondary": "yes", "order": []})


@router.post("/oncall/new")
async def create(request: Request) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx, order = _ctx(request), [i for i in map(to_id, form.getlist("person")) if i is not None]
    given: dict[str, Any] = {**{name: str(value) for name, value in form.items()}, "order": order}
    try:
        if not order:
            raise Invalid("Nobody is in the rotation.", fields={"person": "Choose at least one person."})
        anchor = _wall(given.get("anchor", ""), "anchor")
        async with ctx.db.tx() as tx:
            for offset, suffix in enumerate(("", " secondary") if given.get("secondary") else ("",)):
                await actions.create_schedule(
                    tx,
                    access.actor_of(me),
                    name=f"{given.get('name', '')}{suffix}",
                    team_id=to_id(given.get("team")) or 0,
                    tz=given.get("tz", ""),
                    layers=[_rotation(order, anchor, given, offset)],
                    now=ctx.clock.now(),
                )
    except (Invalid, Conflict) as error:
        return await _new_form(request, given, error)
    return html.to("/oncall")


def _rotation(order: Sequence[int], anchor: datetime, given: Mapping[str, Any], offset: int) -> Layer:
    unit = Unit.DAY if given.get("unit") == "day" else Unit.WEEK
    slots = tuple((i,) for i in order)
    return Layer(0, slots, anchor, unit, 1, given.get("tz", ""), offset=offset, name="Rotation")


async def _one(
    request: Request,
    slug: str,
    view: str,
    at: str,
    given: Mapping[str, str],
    error: FirebellError | None = None,
) -> Response:
    me, ctx = await access.signed_in(request), _ctx(request)
    async with ctx.db.tx() as tx:
        found = await actions.by_slug(tx, slug)
        context = await _context(tx, [found], me, view, at, ctx.clock.now())
    more = {"one": found, "given": given, "error": error, "errors": error.fields if error else {}}
    return await html.page(request, "oncall/oncall.html", {**context, **more}, error.status if error else 200)


@router.get("/oncall/{slug}")
async def schedule(
    request: Request, slug: str, view: str = "week", at: str = "", start: str = "", end: str = ""
) -> Response:
    me = await access.signed_in(request)
    given = {name: _local(text, me.tz) for name, text in (("start", start), ("end", end))}
    return await _one(request, slug, view, at, given)


def _local(text: str, tz: str) -> str:
    """Return an instant of our own links as a field shows it in the reader's zone; nonsense is nothing."""
    try:
        return f"{datetime.fromisoformat(text).astimezone(ZoneInfo(tz)):%Y-%m-%dT%H:%M}" if text else ""
    except (ValueError, OverflowError):
        return ""


@router.post("/oncall/{slug}/override")
async def override(request: Request, slug: str) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx, given = _ctx(request), {name: str(value) for name, value in form.items()}
    try:
        async with ctx.db.tx() as tx:
            found = await actions.by_slug(tx, slug)
            await actions.add_override(
                tx,
                access.actor_of(me),
                schedule_id=int(found.id),
                users=[to_id(given.get("person")) or 0],
                start=mu(_wall(given.get("start", ""), "start"), me.tz),
                end=mu(_wall(given.get("end", ""), "end"), me.tz),
                reason=given.get("reason", ""),
                now=ctx.clock.now(),
            )
    except Invalid as error:
        return await _one(request, slug, "week", "", given, error)
    return html.to(f"/oncall/{slug}")


@router.post("/oncall/{slug}/edits/{edit_id}/remove")
async def remove(request: Request, slug: str, edit_id: int) -> Response:
    await access.form(request)
    me, ctx = await access.signed_in(request), _ctx(request)
    async with ctx.db.tx() as tx:
        await actions.remove_edit(tx, access.actor_of(me), edit_id, ctx.clock.now())
    return html.to(f"/oncall/{slug}")
