"""The schedule editor: create, change and delete schedules, with a preview before anything is saved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request, Response
from starlette.datastructures import FormData

from firebell.kit.db.database import Tx
from firebell.kit.errors import Conflict, FirebellError, Invalid, NotFound
from firebell.kit.text import to_id, to_number, to_required
from firebell.kit.web import confirm, flash, html, routing
from firebell.oncall.checks import queries as check_queries
from firebell.oncall.checks.preview import Preview
from firebell.oncall.model import Layer, Schedule, Unit
from firebell.oncall.rota import layer_versions, timeline
from firebell.oncall.schedules import actions, forms, queries
from firebell.oncall.swaps.web import FORMER_MEMBER
from firebell.people import access
from firebell.people import actions as people
from firebell.people.model import Person
from firebell.people.permissions import Verb
from firebell.people.queries import choosable

router = routing.html_router()

MAX_FORM_FIELDS = 10_000
"""Enough for twenty layers of a whole department."""
REGIONS = {
    "Asia": ("Asia/Tokyo", "09:00", "17:00"),
    "Europe": ("Europe/Berlin", "09:00", "18:00"),
    "Americas": ("America/New_York", "12:00", "20:00"),
}
"""(time zone, start, end) of each follow-the-sun region; together they cover 24 hours in winter."""


@dataclass(frozen=True, slots=True)
class Draft:
    """The state of the editor: the submitted fields, the layers, and the effect of saving them."""

    given: Mapping[str, Any]
    layers: Sequence[Layer]
    preview: Preview | None = None
    error: FirebellError | None = None
    unseen: str = ""


async def _editor(request: Request, me: Person, old: Schedule | None, draft: Draft) -> Response:
    ctx = html.ctx(request)
    edited = Schedule(id=0, name="", tz="", layers=tuple(draft.layers))
    person_ids = {u for s in (edited, *([old] if old else [])) for u in s.people}
    async with ctx.db.tx() as tx:
        teams, team = await people.teams(tx), to_id(draft.given.get("team"))
        near = [*await people.colleagues(tx, me.id), *(await people.team_members(tx, team) if team else [])]
        search = request.query_params.get("with", "")
        others = await choosable(tx, [me.id, *near], search, chosen=edited.people)
        names = {i: p.name for i, p in (await people.people_by_id(tx, list(person_ids))).items()}
    anchor = forms.monday_morning(ctx.clock.now().astimezone(ZoneInfo(me.tz)))
    blank = Layer(
        id=0, slots=(), anchor=anchor, unit=Unit.WEEK, every=1, tz=str(draft.given.get("tz") or me.tz)
    )
    context = {
        "nav": "oncall",
        "one": old,
        "action": f"/oncall/{old.slug}/edit" if old else "/oncall/new/layers",
        "given": draft.given,
        "layers": [*draft.layers, blank],
        "used": len(draft.layers),
        "opening": forms.openings,
        "caption": timeline.caption,
        "others": others,
        "teams": [(t.id, t.name) for t in teams],
        "name": lambda user: names.get(user, FORMER_MEMBER),
        "seen": draft.preview,
        "unseen": draft.unseen,
        "error": draft.error,
        "errors": draft.error.fields if draft.error else {},
    }
    return await html.render(request, "oncall/edit.html", context, draft.error.status if draft.error else 200)


@router.get("/oncall/new/sun", dependencies=access.needs(Verb.SCHEDULE_WRITE))
async def new_sun(request: Request) -> Response:
    """Render the editor with one layer per region."""
    me = await access.signed_in(request)
    now = html.ctx(request).clock.now().astimezone(ZoneInfo(me.tz))
    layers = forms.follow_the_sun(forms.monday_morning(now), REGIONS)
    return await _editor(request, me, None, Draft({"name": "", "team": "", "tz": me.tz}, layers))


@router.get("/oncall/{slug}/edit", dependencies=access.needs(Verb.SCHEDULE_WRITE))
async def edit(request: Request, slug: str) -> Response:
    me, now = await access.signed_in(request), html.ctx(request).clock.now()
    async with html.ctx(request).db.tx() as tx:
        old = await queries.by_slug(tx, slug)
    given = {"name": old.name, "team": old.team_id, "tz": old.tz}
    return await _editor(request, me, old, Draft(given, layer_versions.current(old, now)))


@router.post("/oncall/{slug}/edit", dependencies=access.needs(Verb.SCHEDULE_WRITE))
async def save(request: Request, slug: str, preview: str = "") -> Response:
    form, me = await access.form(request, fields=MAX_FORM_FIELDS), await access.signed_in(request)
    async with html.ctx(request).db.tx() as tx:
        old = await queries.by_slug(tx, slug)
    return await _preview(request, me, old, form) if preview else await _save(request, me, old, form)


@router.post("/oncall/new/layers", dependencies=access.needs(Verb.SCHEDULE_WRITE))
async def make(request: Request, preview: str = "") -> Response:
    form, me = await access.form(request, fields=MAX_FORM_FIELDS), await access.signed_in(request)
    return await _preview(request, me, None, form) if preview else await _save(request, me, None, form)


@router.post("/oncall/{slug}/delete", dependencies=access.needs(Verb.SCHEDULE_WRITE))
async def delete(request: Request, slug: str) -> Response:
    form = await access.form(request)
    me, ctx = await access.signed_in(request), html.ctx(request)
    now = ctx.clock.now()
    async with ctx.db.tx() as tx:
        old = await queries.by_slug(tx, slug)
    given = {"name": old.name, "team": old.team_id, "tz": old.tz}
    try:
        confirm.check_name(form, old.name)
        async with ctx.db.tx() as tx:
            await actions.delete_schedule(tx, access.actor_of(me), old.id, now)
    except (Conflict, Invalid) as error:
        return await _editor(request, me, old, Draft(given, layer_versions.current(old, now), error=error))
    return flash.redirect(request, "/oncall", f"{old.name} deleted.")


def _read(
    form: FormData, old: Schedule | None, now: datetime
) -> tuple[dict[str, Any], list[Layer], Invalid | None]:
    """Return the plain fields, the layers, and the error of the layers, if any."""
    given = {name: str(form.get(name) or "") for name in ("name", "team", "tz", "from", "version")}
    layers, errors = forms.read(form)
    problem = Invalid(next(iter(errors.values())), fields=errors) if errors else None
    return given, forms.aligned(layers, old.layers if old else (), now), problem


async def _preview(request: Request, me: Person, old: Schedule | None, form: FormData) -> Response:
    now = html.ctx(request).clock.now()
    given, layers, problem = _read(form, old, now)
    try:
        if problem:
            raise problem
        at = forms.begins(given["from"], "from", me.tz, now)
        before = old or Schedule(id=0, name=given["name"], tz=given["tz"], layers=())
        async with html.ctx(request).db.tx() as tx:
            after = await actions.edited(tx, before, layers, at)
            preview = await check_queries.preview_of(tx, before, after, now)
    except Invalid as error:
        return await _editor(request, me, old, Draft(given, layers, unseen=error.message))
    return await _editor(request, me, old, Draft(given, layers, preview))


async def _save(request: Request, me: Person, old: Schedule | None, form: FormData) -> Response:
    ctx = html.ctx(request)
    now = ctx.clock.now()
    given, layers, problem = _read(form, old, now)
    try:
        if problem:
            raise problem
        async with ctx.db.tx() as tx:
            saved = await _store(tx, me, old, given, layers, now)
    except (Invalid, Conflict, NotFound) as error:
        return await _editor(request, me, old, Draft(given, layers, error=error))
    return flash.redirect(request, f"/oncall/{saved.slug}", f"{saved.name} saved.")


async def _store(
    tx: Tx, me: Person, old: Schedule | None, given: Mapping[str, str], layers: Sequence[Layer], now: datetime
) -> Schedule:
    actor, team = access.actor_of(me), to_required(given["team"], "team")
    if old is None:
        return await actions.create_schedule(
            tx, actor, name=given["name"], team_id=team, tz=given["tz"], layers=layers, now=now
        )
    at = forms.begins(given["from"], "from", me.tz, now)
    schedule_id, version = old.id, to_number(given["version"], "version")
    saved = await actions.replace_layers(tx, actor, schedule_id, layers, version=version, at=at, now=now)
    if (given["name"].strip(), team, given["tz"]) != (old.name, old.team_id, old.tz):
        saved = await actions.rename_schedule(
            tx, actor, schedule_id, name=given["name"], team_id=team, tz=given["tz"], now=now
        )
    return saved
