"""Calendars on the web: feeds, and imported calendars of schedules and people."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial
from pathlib import PurePath
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from fastapi import Request, Response
from starlette.datastructures import FormData, UploadFile

from firebell.kit import signing, undo
from firebell.kit.errors import Conflict, FirebellError, Invalid, NotFound
from firebell.kit.text import to_choices, to_required
from firebell.kit.threads import DOCUMENTS
from firebell.kit.web import flash, html, routing, transaction
from firebell.oncall.calendars import actions, feeds
from firebell.oncall.calendars.feed_limits import FeedLimiter
from firebell.oncall.calendars.model import (
    CALENDAR_LOOKAHEAD,
    MAX_UPLOAD_BYTES,
    FeedKind,
    Import,
    ImportedShift,
    LayerPlace,
    Use,
)
from firebell.oncall.calendars.person_matching import from_the_top
from firebell.oncall.model import Schedule
from firebell.oncall.schedules import queries as oncall
from firebell.people import actions as people
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.queries import choosable
from firebell.people.unit_of_work import CurrentVisit, Visit, visit_with

router = routing.html_router()

USES = (
    ("layer", "A layer above the rotations"),
    ("below", "A layer below the rotations, for when they have no one on call"),
    ("override", "Overrides above every layer"),
)
PLACES = (
    (LayerPlace.ABOVE, "Above the rotations"),
    (LayerPlace.BELOW, "Below, for when they have no one on call"),
)


_limit = FeedLimiter()


def _has(request: Request, tag: str) -> bool:
    """Return True if the client has the version `tag`; a compressing proxy makes the tag weak."""
    tags = [t.strip().removeprefix("W/") for t in request.headers.get("if-none-match", "").split(",")]
    return tag in tags or tags == ["*"]


@router.api_route(
    "/calendar/{token}.ics",
    methods=["GET", "HEAD"],
    dependencies=route_access.public("The token grants access."),
)
async def feed(request: Request, token: str) -> Response:
    """Return a feed to anyone with its address: 304 if unchanged, 410 if it has ended."""
    ctx, now = html.ctx(request), transaction.now(request)
    token_hash, address = signing.token_hash(token), request.client.host if request.client else ""
    with _limit.read(token_hash, address, now):
        async with ctx.db.tx() as tx:
            calendar_feed, schedules, known = await actions.feed_by_token(tx, token_hash, now)
    host = urlsplit(ctx.public_url).hostname or "firebell"
    tag = feeds.tag(host, schedules, known, now, f"{calendar_feed.kind}:{calendar_feed.name}")
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Referrer-Policy": "no-referrer"}
    if _has(request, tag):
        return Response(status_code=304, headers=headers)
    only = calendar_feed.subject_id if calendar_feed.kind is FeedKind.PERSON else None
    body = await DOCUMENTS.run(
        partial(
            feeds.calendar,
            f"On call: {calendar_feed.name}",
            host,
            schedules,
            {p.id: p for p in known},
            now,
            only,
        )
    )
    return Response(body, media_type="text/calendar; charset=utf-8", headers=headers)


async def _mine(
    visit: Visit,
    fields: Mapping[str, str],
    url: str = "",
    error: FirebellError | None = None,
) -> Response:
    subjects = [(f"person:{visit.person.id}", "My shifts")]
    schedules = await oncall.schedules(visit.tx, since=visit.now, until=visit.now)
    subjects += [(f"schedule:{s.id}", f"Schedule {s.name}") for s in schedules]
    subjects += [(f"team:{t.id}", f"Team {t.name}") for t in await people.teams(visit.tx)]
    context = {
        "tab": "calendars",
        "live": "oncall",
        "feeds": await actions.feeds(visit.tx, visit.person.id),
        "imports": await actions.imports_of_person(visit.tx, visit.person.id),
        "conflicts": await actions.conflicts(visit.tx, visit.now, visit.person.id),
        "schedules": {s.slug: s.name for s in schedules},
        "subjects": subjects,
        "url": url,
        "fields": fields,
        "error": error,
    }
    return await html.render(visit.request, "oncall/my_calendars.html", context)


@router.get("/settings/calendars", dependencies=route_access.needs(Verb.OWN_CALENDAR_READ))
async def mine(visit: CurrentVisit, of: str = "") -> Response:
    return await _mine(visit, {"of": of} if of else {})


@router.post("/settings/calendars/feeds", dependencies=route_access.needs(Verb.OWN_CALENDAR_WRITE))
async def make_feed(visit: CurrentVisit) -> Response:
    kind, _, number = visit.text("of").partition(":")
    try:
        if kind not in set(FeedKind):
            raise Invalid("Choose the shifts to show.", fields={"of": "Choose from the list."})
        async with visit.tx.savepoint():
            created, token = await actions.create_feed(
                visit.tx,
                visit.actor,
                kind=FeedKind(kind),
                subject_id=to_required(number, "of"),
                made_by=visit.person.id,
                now=visit.now,
            )
    except (Invalid, Conflict, NotFound) as error:
        return await _mine(visit, {}, error=error)
    flash.show(
        visit.request,
        f"Calendar feed of {created.name} created." if created.name else "Calendar feed created.",
    )
    return await _mine(visit, {}, f"{visit.ctx.public_url}/calendar/{token}.ics")


@router.post(
    "/settings/calendars/feeds/{feed_id}/revoke", dependencies=route_access.needs(Verb.OWN_CALENDAR_WRITE)
)
async def revoke_feed(visit: CurrentVisit, feed_id: int) -> Response:
    await actions.revoke_feed(visit.tx, visit.actor, feed_id, visit.person.id, visit.now)
    offer = await undo.offer(visit.tx, visit.ctx.signer, visit.actor, "calendar.feed_revoked", visit.now)
    return flash.redirect(visit.request, "/settings/calendars", "Calendar feed revoked.", offer)


@router.post("/settings/calendars/busy", dependencies=route_access.needs(Verb.OWN_CALENDAR_WRITE))
async def add_busy(visit: CurrentVisit) -> Response:
    fields = visit.values
    try:
        async with visit.tx.savepoint():
            added = await actions.add_import(
                visit.tx,
                visit.actor,
                use=Use.BUSY,
                person_id=visit.person.id,
                name=fields.get("name", ""),
                url=fields.get("url", ""),
                now=visit.now,
            )
    except (Invalid, Conflict) as error:
        return await _mine(visit, fields, error=error)
    return flash.redirect(visit.request, "/settings/calendars", f"Calendar {added.name} added.")


async def _of_schedule(
    visit: Visit, slug: str, fields: Mapping[str, Any], error: FirebellError | None = None
) -> Response:
    schedule = await oncall.by_slug(visit.tx, slug, since=visit.now, until=visit.now)
    names = {p.id: p.name for p in await people.people(visit.tx) if p.active}
    nearby = {
        visit.person.id,
        *map(int, schedule.people),
        *await people.team_members(visit.tx, schedule.team_id),
    }
    chosen = fields.get("chosen", [])
    others = await choosable(visit.tx, nearby, visit.request.query_params.get("with", ""), chosen=chosen)
    context = {
        "nav": "oncall",
        "live": "oncall",
        "schedule": schedule,
        "imports": from_the_top(await actions.imports_of_schedules(visit.tx, [schedule.id])),
        "holidays": _days(
            await actions.holiday_names(visit.tx, [schedule.id], visit.now, visit.now + CALENDAR_LOOKAHEAD),
            schedule.tz,
        ),
        "others": others,
        "names": names,
        "uses": USES,
        "places": PLACES,
        "fields": fields,
        "error": error,
    }
    return await html.render(visit.request, "oncall/calendars.html", context)


def _days(holidays: Sequence[tuple[int, ImportedShift]], tz: str) -> list[tuple[date, str, tuple[int, ...]]]:
    """Return public holidays as days in the schedule's time zone, each once."""
    days: dict[tuple[date, str], tuple[int, ...]] = {}
    for _, shift in holidays:
        key = (shift.start.astimezone(ZoneInfo(tz)).date(), shift.title)
        days[key] = tuple(dict.fromkeys((*days.get(key, ()), *shift.users)))
    return [(day, title, users) for (day, title), users in days.items()]


@router.get("/oncall/calendars", dependencies=route_access.needs(Verb.SCHEDULE_READ))
async def all_calendars(visit: CurrentVisit) -> Response:
    schedules = await oncall.schedules(visit.tx, since=visit.now, until=visit.now)
    imports = await actions.imports_of_schedules(visit.tx, [s.id for s in schedules])
    names = {p.id: p.name for p in await people.people(visit.tx)}
    conflicts = await actions.conflicts(visit.tx, visit.now)
    context = {
        "nav": "oncall",
        "live": "oncall",
        "schedules": schedules,
        "imports": {s.slug: from_the_top([i for i in imports if i.schedule_id == s.id]) for s in schedules},
        "titles": {s.slug: s.name for s in schedules},
        "conflicts": conflicts,
        "names": names,
    }
    return await html.render(visit.request, "oncall/all_calendars.html", context)


@router.get("/oncall/{slug}/calendars", dependencies=route_access.needs(Verb.SCHEDULE_READ))
async def of_schedule(visit: CurrentVisit, slug: str) -> Response:
    return await _of_schedule(visit, slug, {})


@router.post("/oncall/{slug}/calendars", dependencies=route_access.needs(Verb.CALENDAR_WRITE))
async def add(visit: Annotated[Visit, visit_with(files=1)], slug: str) -> Response:
    fields = visit.values
    users: list[int] = []
    try:
        try:
            users = to_choices(visit.form.getlist("person"), "people")
            sent = await _sent(visit.form)
        finally:
            await visit.form.close()
        async with visit.tx.savepoint():
            schedule = await oncall.by_slug(visit.tx, slug)
            added = await _add(visit, schedule, {**fields, **sent}, users)
    except (Invalid, Conflict) as error:
        return await _of_schedule(visit, slug, {**fields, "chosen": users}, error)
    return flash.redirect(visit.request, f"/oncall/{slug}/calendars", f"Calendar {added.name} added.")


async def _sent(form: FormData) -> dict[str, str]:
    """Return the text of an uploaded calendar, and its name if the form has none."""
    file = form.get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        return {}
    if str(form.get("url") or "").strip() or str(form.get("text") or "").strip():
        raise Invalid(
            "Choose one source for the calendar.", fields={"file": "Enter a file, an address or a text."}
        )
    body = await file.read(MAX_UPLOAD_BYTES + 1)
    if len(body) > MAX_UPLOAD_BYTES:
        raise Invalid(
            f"{file.filename} is too large.",
            fields={"file": "Choose a file of at most 3 MB, or enter its address."},
        )
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = ""
    if not text.lstrip().upper().startswith("BEGIN:VCALENDAR"):
        raise Invalid(
            f"{file.filename} is not a calendar.",
            fields={"file": "Choose an iCalendar file (.ics) in UTF-8 that starts with BEGIN:VCALENDAR."},
        )
    name = str(form.get("name") or "").strip() or PurePath(file.filename).stem
    return {"text": text, "name": name[:80]}


async def _add(visit: Visit, schedule: Schedule, fields: Mapping[str, str], users: list[int]) -> Import:
    use, place = fields.get("use", ""), LayerPlace.ABOVE
    if fields.get("country", "").strip():
        use = Use.LAYER if users else Use.NAMES
        place = _place(fields) if users else place
    elif use == LayerPlace.BELOW:
        use, place = Use.LAYER, LayerPlace.BELOW
    if use not in set(Use):
        raise Invalid("Choose how to use the calendar.", fields={"use": "Choose from the list."})
    return await actions.add_import(
        visit.tx,
        visit.actor,
        use=Use(use),
        place=place,
        schedule_id=schedule.id,
        name=fields.get("name", ""),
        url=fields.get("url", ""),
        text=fields.get("text", ""),
        country=fields.get("country", ""),
        subdivision=fields.get("subdivision", ""),
        users=users,
        now=visit.now,
    )


def _place(fields: Mapping[str, Any]) -> LayerPlace:
    if fields.get("place", LayerPlace.ABOVE) not in set(LayerPlace):
        raise Invalid("Choose a position for the layer.", fields={"place": "Choose above or below."})
    return LayerPlace(fields.get("place", LayerPlace.ABOVE))


def _own(visit: Visit) -> bool:
    """Return True if only one's own calendars may be changed: viewers may open settings too."""
    return visit.request.url.path.startswith("/settings")


@router.post("/oncall/calendars/{import_id}/fetch", dependencies=route_access.needs(Verb.CALENDAR_WRITE))
@router.post(
    "/settings/calendars/{import_id}/fetch", dependencies=route_access.needs(Verb.OWN_CALENDAR_WRITE)
)
async def fetch(visit: CurrentVisit, import_id: int) -> Response:
    calendar = await actions.import_for(visit.tx, import_id, visit.person.id, own=_own(visit))
    await actions.fetch_now(visit.tx, calendar.id, visit.now)
    return flash.redirect(
        visit.request, html.local(visit.form, "/settings/calendars"), f"Updating {calendar.name}."
    )


@router.post("/oncall/calendars/{import_id}/place", dependencies=route_access.needs(Verb.CALENDAR_WRITE))
async def place(visit: CurrentVisit, import_id: int) -> Response:
    where = _place(visit.form)
    calendar = await actions.import_for(visit.tx, import_id, visit.person.id)
    await actions.place_import(visit.tx, visit.actor, calendar, where, visit.now)
    return flash.redirect(
        visit.request, html.local(visit.form, "/oncall/calendars"), f"{calendar.name} saved."
    )


@router.post("/oncall/calendars/{import_id}/remove", dependencies=route_access.needs(Verb.CALENDAR_WRITE))
@router.post(
    "/settings/calendars/{import_id}/remove", dependencies=route_access.needs(Verb.OWN_CALENDAR_WRITE)
)
async def remove(visit: CurrentVisit, import_id: int) -> Response:
    calendar = await actions.import_for(visit.tx, import_id, visit.person.id, own=_own(visit))
    await actions.remove_import(visit.tx, visit.actor, calendar, visit.now)
    return flash.redirect(
        visit.request, html.local(visit.form, "/settings/calendars"), f"{calendar.name} removed."
    )
