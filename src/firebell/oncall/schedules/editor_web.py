"""The schedule editor: create, change and delete schedules, with a preview before anything is saved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import Response
from starlette.datastructures import FormData

from firebell.kit.db.database import Tx
from firebell.kit.errors import Conflict, FirebellError, Invalid, NotFound
from firebell.kit.intervals import Interval
from firebell.kit.text import to_id, to_number, to_required
from firebell.kit.web import confirm, flash, html, routing
from firebell.oncall.checks import queries as check_queries
from firebell.oncall.checks.grouping import group_gaps
from firebell.oncall.checks.preview import Preview
from firebell.oncall.checks.rules import ScheduleFinding
from firebell.oncall.model import Layer, Schedule, Unit
from firebell.oncall.rota import layer_versions, timeline_grid
from firebell.oncall.schedules import actions, draft_edits, editor_form, queries
from firebell.oncall.swaps.web import FORMER_MEMBER
from firebell.people import actions as people
from firebell.people import authentication, route_access
from firebell.people.model import Person
from firebell.people.permissions import Verb
from firebell.people.queries import choosable
from firebell.people.unit_of_work import CurrentVisit, Visit, visit_with

router = routing.html_router()

MAX_FORM_FIELDS = 10_000
"""Enough for twenty layers of a whole department."""
LargeForm = Annotated[Visit, visit_with(fields=MAX_FORM_FIELDS)]
SHOWN_WEEKS = 4
"""Number of coming weeks that the editor draws."""
REGIONS = {
    "Asia": ("Asia/Tokyo", "09:00", "17:00"),
    "Europe": ("Europe/Berlin", "09:00", "18:00"),
    "Americas": ("America/New_York", "12:00", "20:00"),
}
"""(time zone, start, end) of each follow-the-sun region; together they cover 24 hours in winter."""


@dataclass(frozen=True, slots=True)
class EditorState:
    """The state of the editor: the submitted fields, the layers, and the effect of saving them.

    `drawn` is the schedule whose coming weeks are shown, `pressed` the layer whose button was pressed.
    """

    fields: Mapping[str, Any]
    layers: Sequence[Layer]
    preview: Preview | None = None
    error: FirebellError | None = None
    unseen: str = ""
    drawn: Schedule | None = None
    pressed: int | None = None


async def _editor(visit: Visit, old: Schedule | None, draft: EditorState) -> Response:
    edited = Schedule(id=0, name="", tz="", layers=tuple(draft.layers))
    drawn = draft.drawn or old
    person_ids = {u for s in (edited, old, drawn) if s for u in s.people}
    teams, team = await people.teams(visit.tx), to_id(draft.fields.get("team"))
    near = [
        *await people.colleagues(visit.tx, visit.person.id),
        *(await people.team_members(visit.tx, team) if team else []),
    ]
    search = visit.request.query_params.get("with", "")
    others = await choosable(visit.tx, [visit.person.id, *near], search, chosen=edited.people)
    names = {i: p.name for i, p in (await people.people_by_id(visit.tx, list(person_ids))).items()}
    anchor = editor_form.monday_morning(visit.now.astimezone(ZoneInfo(visit.person.tz)))
    blank = Layer(
        id=0,
        slots=(),
        anchor=anchor,
        unit=Unit.WEEK,
        every=1,
        tz=str(draft.fields.get("tz") or visit.person.tz),
    )
    context = {
        "nav": "oncall",
        "one": old,
        "action": f"/oncall/{old.slug}/edit" if old else "/oncall/new/layers",
        "fields": draft.fields,
        "layers": [*draft.layers, blank],
        "used": len(draft.layers),
        "opening": editor_form.openings,
        "caption": timeline_grid.caption,
        "others": others,
        "teams": [(t.id, t.name) for t in teams],
        "name": lambda user: names.get(user, FORMER_MEMBER),
        "effect": draft.preview,
        "weeks": _weeks(visit, drawn, draft.preview) if drawn else [],
        "findings": await _findings(visit, old, draft.preview),
        "active_hours": draft_edits.ACTIVE_HOURS,
        "pressed": draft.pressed,
        "unseen": draft.unseen,
        "error": draft.error,
    }
    return await html.render(visit.request, "oncall/schedule_editor.html", context)


def _weeks(visit: Visit, drawn: Schedule, preview: Preview | None) -> list[Any]:
    changed = [Interval(start, end) for start, end, _, _ in preview.changes] if preview else []
    return timeline_grid.weeks(drawn, changed, visit.person.tz, visit.now, SHOWN_WEEKS)


async def _findings(
    visit: Visit, old: Schedule | None, preview: Preview | None
) -> Sequence[ScheduleFinding] | None:
    """Return the findings of the draft, or of the stored schedule while there is no preview of the draft."""
    if preview:
        return preview.findings
    if old is None:
        return None
    findings = (await check_queries.findings_of(visit.tx, [old], visit.now))[old.id]
    return group_gaps(findings, old.tz, visit.now)


@router.get("/oncall/new/sun", dependencies=route_access.needs(Verb.SCHEDULE_WRITE))
async def new_sun(visit: CurrentVisit) -> Response:
    """Render the editor with one layer per region."""
    now = visit.now.astimezone(ZoneInfo(visit.person.tz))
    layers = editor_form.follow_the_sun(editor_form.monday_morning(now), REGIONS)
    return await _editor(visit, None, EditorState({"name": "", "team": "", "tz": visit.person.tz}, layers))


@router.get("/oncall/{slug}/edit", dependencies=route_access.needs(Verb.SCHEDULE_WRITE))
async def edit(visit: CurrentVisit, slug: str) -> Response:
    old = await queries.by_slug(visit.tx, slug)
    fields = {"name": old.name, "team": old.team_id, "tz": old.tz}
    return await _editor(visit, old, EditorState(fields, layer_versions.current(old, visit.now)))


@router.post("/oncall/{slug}/edit", dependencies=route_access.needs(Verb.SCHEDULE_WRITE))
async def save(visit: LargeForm, slug: str, preview: str = "") -> Response:
    old = await queries.by_slug(visit.tx, slug)
    return await _preview(visit, old) if preview else await _save(visit, old)


@router.post("/oncall/new/layers", dependencies=route_access.needs(Verb.SCHEDULE_WRITE))
async def make(visit: LargeForm, preview: str = "") -> Response:
    return await _preview(visit, None) if preview else await _save(visit, None)


@router.post("/oncall/{slug}/delete", dependencies=route_access.needs(Verb.SCHEDULE_WRITE))
async def delete(visit: CurrentVisit, slug: str) -> Response:
    old = await queries.by_slug(visit.tx, slug)
    fields = {"name": old.name, "team": old.team_id, "tz": old.tz}
    try:
        confirm.check_name(visit.form, old.name)
        async with visit.tx.savepoint():
            await actions.delete_schedule(visit.tx, visit.actor, old.id, visit.now)
    except (Conflict, Invalid) as error:
        return await _editor(
            visit, old, EditorState(fields, layer_versions.current(old, visit.now), error=error)
        )
    return flash.redirect(visit.request, "/oncall", f"{old.name} deleted.")


def _read(
    form: FormData, old: Schedule | None, now: datetime
) -> tuple[dict[str, Any], list[Layer], Invalid | None]:
    """Return the plain fields, the layers, and the error of the layers, if any."""
    fields = {name: str(form.get(name) or "") for name in ("name", "team", "tz", "from", "version")}
    layers, errors = editor_form.read(form)
    problem = Invalid(next(iter(errors.values())), fields=errors) if errors else None
    return fields, editor_form.aligned(layers, old.layers if old else (), now), problem


async def _preview(visit: Visit, old: Schedule | None) -> Response:
    """Render the draft after the button of the form, with its effect, without saving anything."""
    fields, layers, problem = _read(visit.form, old, visit.now)
    what, number = draft_edits.pressed(str(visit.form.get("do") or ""))
    pressed = None
    if number is not None:
        numbered, _ = editor_form.read_numbered(visit.form, kept=number)
        position = next((at for at, (i, _) in enumerate(numbered) if i == number), -1)
        layers, pressed = draft_edits.edited([layer for _, layer in numbered], what, position)
        layers = editor_form.aligned(layers, old.layers if old else (), visit.now)
    state = EditorState(fields, layers, pressed=pressed)
    staffed = [layer for layer in layers if any(layer.slots)]
    try:
        if problem and staffed:
            raise problem
        if not staffed:
            raise Invalid("Choose at least one person.")
        at = editor_form.begins(fields["from"], "from", visit.person.tz, visit.now)
        before = old or Schedule(id=0, name=fields["name"], tz=fields["tz"], layers=(), created_at=visit.now)
        after = await actions.edited(visit.tx, before, staffed, at)
        preview = await check_queries.preview_of(visit.tx, before, after, visit.now)
    except Invalid as error:
        return await _editor(visit, old, replace(state, unseen=error.message))
    return await _editor(visit, old, replace(state, preview=preview, drawn=after))


async def _save(visit: Visit, old: Schedule | None) -> Response:
    fields, layers, problem = _read(visit.form, old, visit.now)
    try:
        if problem:
            raise problem
        async with visit.tx.savepoint():
            saved = await _store(visit.tx, visit.person, old, fields, layers, visit.now)
    except (Invalid, Conflict, NotFound) as error:
        return await _editor(visit, old, EditorState(fields, layers, error=error))
    return flash.redirect(visit.request, f"/oncall/{saved.slug}", f"{saved.name} saved.")


async def _store(
    tx: Tx,
    me: Person,
    old: Schedule | None,
    fields: Mapping[str, str],
    layers: Sequence[Layer],
    now: datetime,
) -> Schedule:
    actor, team = authentication.actor_of(me), to_required(fields["team"], "team")
    if old is None:
        begun = [layer_versions.begun(layer, now) for layer in layers]
        return await actions.create_schedule(
            tx, actor, name=fields["name"], team_id=team, tz=fields["tz"], layers=begun, now=now
        )
    at = editor_form.begins(fields["from"], "from", me.tz, now)
    schedule_id, version = old.id, to_number(fields["version"], "version")
    saved = await actions.replace_layers(tx, actor, schedule_id, layers, version=version, at=at, now=now)
    if (fields["name"].strip(), team, fields["tz"]) != (old.name, old.team_id, old.tz):
        saved = await actions.rename_schedule(
            tx, actor, schedule_id, name=fields["name"], team_id=team, tz=fields["tz"], now=now
        )
    return saved
