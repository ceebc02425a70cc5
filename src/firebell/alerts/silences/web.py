"""The screens of silences: the list, one with its silenced alerts, and the form with its preview."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from firebell.alerts import actions as alerts
from firebell.alerts import queries as alert_queries
from firebell.alerts.silences import actions, queries, rules, timeline
from firebell.alerts.silences.model import NewSilence, Silence, SilencePreview, SilenceState
from firebell.catalog import actions as catalog
from firebell.kit.context import Context
from firebell.kit.errors import Conflict, FirebellError, Invalid, Unavailable
from firebell.kit.localtime import to_input_value, to_local
from firebell.kit.spreadsheet import to_csv
from firebell.kit.text import MAX_ID, to_choices, to_id
from firebell.kit.web import flash, html, routing
from firebell.kit.web.file_names import disposition
from firebell.people import authentication, route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()

TABS = {SilenceState.ACTIVE: "Active", SilenceState.UPCOMING: "Upcoming", SilenceState.EXPIRED: "Expired"}
LENGTHS = (
    ("30", "In 30 minutes"),
    ("120", "In 2 hours"),
    ("480", "In 8 hours"),
    ("1440", "In 1 day"),
    ("10080", "In 7 days"),
    ("", "At a time of your choice"),
)
"""The minutes after which a silence can end; it can also end at a time."""
EXTENSIONS = (("60", "1 hour"), ("240", "4 hours"), ("1440", "1 day"), ("10080", "7 days"))
"""The minutes by which a silence can be extended with one button."""
BARS = 100
"""Silences of a week that are drawn, the newest ones."""
SILENCES_PER_BATCH = 500
CSV_HEAD = (
    *("id", "state", "matchers", "services", "author", "reason"),
    *("created_at", "starts_at", "ends_at", "ended_at", "firing", "alerts"),
)
MAX_CHOSEN_ALERTS = 200
PREVIEWED = 5
"""Alerts of a preview that are listed."""


@router.get("/silences", dependencies=route_access.needs(Verb.SILENCE_READ))
async def silences(visit: CurrentVisit, state: str = "active", week: str = "") -> Response:
    shown_week = timeline.week_of(week, visit.person.tz, visit.now)
    of_week = await queries.between(visit.tx, shown_week.start, shown_week.end, BARS)
    counts_of_week = await queries.silenced_counts(visit.tx, [each.id for each in of_week])
    tab = SilenceState(state) if state in set(SilenceState) else SilenceState.ACTIVE
    listed = await actions.silences(visit.tx, visit.now)
    counts = {each: sum(one.state(visit.now) is each for one in listed) for each in SilenceState}
    views = await queries.views(visit.tx, [one for one in listed if one.state(visit.now) is tab], visit.now)
    context = {
        "nav": "alerts",
        "live": alerts.MUTES_TOPIC,
        "tab": tab,
        "tabs": [(each, label, counts[each]) for each, label in TABS.items()],
        "views": views,
        "week": shown_week,
        "bars": timeline.bars(shown_week, of_week, visit.now),
        "silenced": {silence_id: alerts for silence_id, (_, alerts) in counts_of_week.items()},
        "today": to_local(visit.now, visit.person.tz).date(),
        "now_at": round(shown_week.place(visit.now) * 100, 2) if _is_in(shown_week, visit.now) else None,
        "tz": visit.person.tz,
    }
    return await html.render(visit.request, "alerts/silences.html", context)


def _is_in(week: timeline.Week, now: datetime) -> bool:
    return week.start <= now < week.end


@router.get("/silences.csv", dependencies=route_access.needs(Verb.SILENCE_READ))
async def export(request: Request) -> Response:
    """Export all silences that are stored, newest first."""
    await authentication.signed_in(request)
    headers = {**html.HEADERS, "Content-Disposition": disposition("silences.csv")}
    return StreamingResponse(_rows(html.ctx(request)), headers=headers, media_type="text/csv")


async def _rows(ctx: Context) -> AsyncIterator[str]:
    """Yield the file in batches; a client that reads slowly holds no transaction open."""
    yield to_csv([CSV_HEAD])
    before = MAX_ID
    while True:
        async with ctx.db.tx() as tx:
            now = ctx.clock.now()
            views = await queries.views(tx, await queries.newest(tx, before, SILENCES_PER_BATCH), now)
        if not views:
            return
        yield to_csv(_row(view) for view in views)
        before = views[-1].silence.id


def _row(view: queries.SilenceView) -> list[object]:
    one = view.silence
    services = " ".join(service.slug for service in view.services)
    ended_at = one.ended_at.isoformat() if one.ended_at else ""
    times = (one.created_at.isoformat(), one.starts_at.isoformat(), one.ends_at.isoformat(), ended_at)
    return [
        *(one.id, view.state.value, one.matchers, services, one.author, one.comment),
        *(*times, view.firing, view.alerts),
    ]


@router.get("/silences/new", dependencies=route_access.needs(Verb.SILENCE_WRITE))
async def new(visit: CurrentVisit, alert: str = "", matchers: str = "") -> Response:
    values, chosen = {"matchers": matchers, "length": "120"}, []
    error: Invalid | None = None
    if ids := to_choices(alert.split(), "alert"):
        if len(ids) > MAX_CHOSEN_ALERTS:
            raise Invalid(
                "There are too many alerts.", fields={"alert": f"Choose at most {MAX_CHOSEN_ALERTS}."}
            )
        stored = await alerts.alerts_by_id(visit.tx, ids)
        details = await alert_queries.alert_details(visit.tx, stored)
        values["matchers"] = rules.matchers_for_alerts([(each.title, each.labels) for each in stored])
        chosen = sorted({each.service.id for each in details})
        if stored and not values["matchers"]:
            error = Invalid(
                f"You selected more than {rules.MAX_ALTERNATIVES} different alerts.",
                hint="A silence of what they have in common would silence many others.",
                fields={"matchers": "Enter matchers, or select fewer alerts."},
            )
    return await _form(visit, values, chosen, error)


async def _form(
    visit: Visit,
    values: Mapping[str, str],
    chosen: list[int],
    error: FirebellError | None = None,
    edited: Silence | None = None,
) -> Response:
    preview, preview_error = await _preview(visit, values.get("matchers", ""), chosen)
    context: dict[str, Any] = {
        "nav": "alerts",
        "values": values,
        "services": [(service.id, service.name) for service in await catalog.services(visit.tx)],
        "chosen": chosen,
        "lengths": LENGTHS,
        "preview": preview,
        "preview_error": preview_error,
        "previewed": PREVIEWED,
        "error": error,
        "edited": edited,
        "action": f"{edited.path}/edit" if edited else "/silences/new",
    }
    return await html.render(visit.request, "alerts/silence_form.html", context)


async def _preview(visit: Visit, matchers: str, chosen: list[int]) -> tuple[SilencePreview | None, str]:
    """Return what the silence in a form would silence, or why that is unknown."""
    if not matchers.strip():
        return None, ""
    try:
        async with visit.tx.savepoint():
            return await actions.preview(visit.tx, matchers, chosen, visit.now), ""
    except (Invalid, Unavailable) as error:
        return None, error.fields.get("matchers", error.message)


def _entered(visit: Visit) -> NewSilence:
    """Return the silence in a form, whose times are in the time zone of the person; raise `Invalid`."""
    starts_at = visit.instant("starts_at")
    return NewSilence(
        matchers=visit.text("matchers"),
        comment=visit.text("comment"),
        ends_at=_end(visit, starts_at or visit.now),
        starts_at=starts_at,
        service_ids=tuple(to_choices(visit.form.getlist("service"), "services")),
    )


def _end(visit: Visit, starts_at: datetime) -> datetime:
    length = visit.text("length")
    if length in {minutes for minutes, _ in LENGTHS if minutes}:
        return starts_at + timedelta(minutes=int(length))
    ends_at = visit.instant("ends_at")
    if ends_at is None:
        raise Invalid("The end is missing.", fields={"ends_at": "Choose when the silence ends."})
    return ends_at


async def _check_width(visit: Visit, entered: NewSilence) -> None:
    """Raise `Invalid` for a silence of more than 20% of the alerts of its services that was not confirmed."""
    if visit.text("wide"):
        return
    preview = await actions.preview(visit.tx, entered.matchers, entered.service_ids, visit.now)
    if preview.is_wide:
        raise Invalid(
            f"In the last 30 days it would have silenced {preview.matching} of {preview.compared} alerts.",
            hint="Add a matcher to narrow it, or confirm it.",
            fields={"wide": "Check this box to silence more than 20% of the alerts of these services."},
        )


def _chosen(visit: Visit) -> list[int]:
    return [service_id for value in visit.form.getlist("service") if (service_id := to_id(value))]


@router.post("/silences/new", dependencies=route_access.needs(Verb.SILENCE_WRITE))
async def create(visit: CurrentVisit, preview: str = "") -> Response:
    if preview:
        return await _form(visit, visit.values, _chosen(visit))
    try:
        entered = _entered(visit)
        async with visit.tx.savepoint():
            created = await actions.create_silence(visit.tx, visit.actor, entered=entered, now=visit.now)
            await _check_width(visit, entered)
    except (Invalid, Conflict, Unavailable) as error:
        return await _form(visit, visit.values, _chosen(visit), error)
    return flash.redirect(visit.request, created.path, "Silence created.")


@router.get("/silences/{silence_id}", dependencies=route_access.needs(Verb.SILENCE_READ))
async def silence(visit: CurrentVisit, silence_id: int) -> Response:
    (view,) = await queries.views(visit.tx, [await actions.silence(visit.tx, silence_id)], visit.now)
    silenced = await alerts.muted_alerts(visit.tx, silence_id)
    context = {
        "nav": "alerts",
        "live": f"{alerts.MUTES_TOPIC},pages",
        "v": view,
        "s": view.silence,
        "silenced": await alert_queries.alert_details(visit.tx, silenced),
        "extensions": EXTENSIONS,
    }
    return await html.render(visit.request, "alerts/silence.html", context)


@router.get("/silences/{silence_id}/edit", dependencies=route_access.needs(Verb.SILENCE_WRITE))
async def edit(visit: CurrentVisit, silence_id: int) -> Response:
    one = await actions.silence(visit.tx, silence_id)
    rules.check_open(one, visit.now)
    tz = visit.person.tz
    values = {
        "matchers": one.matchers,
        "comment": one.comment,
        "length": "",
        "ends_at": to_input_value(one.ends_at, tz),
        "starts_at": to_input_value(one.starts_at, tz) if one.starts_at > visit.now else "",
    }
    return await _form(visit, values, list(one.service_ids), edited=one)


@router.post("/silences/{silence_id}/edit", dependencies=route_access.needs(Verb.SILENCE_WRITE))
async def update(visit: CurrentVisit, silence_id: int, preview: str = "") -> Response:
    one = await actions.silence(visit.tx, silence_id)
    if preview:
        return await _form(visit, visit.values, _chosen(visit), edited=one)
    try:
        entered = _entered(visit)
        async with visit.tx.savepoint():
            changed = await actions.update_silence(
                visit.tx, visit.actor, silence_id=silence_id, entered=entered, now=visit.now
            )
            await _check_width(visit, entered)
    except (Invalid, Conflict, Unavailable) as error:
        return await _form(visit, visit.values, _chosen(visit), error, one)
    return flash.redirect(visit.request, changed.path, "Silence saved.")


@router.post("/silences/{silence_id}/extend", dependencies=route_access.needs(Verb.SILENCE_WRITE))
async def extend(visit: CurrentVisit, silence_id: int) -> Response:
    length = visit.text("minutes")
    if length not in dict(EXTENSIONS):
        raise Invalid("Choose how much longer it lasts.", fields={"minutes": "Choose one of the durations."})
    one = await actions.extend_silence(
        visit.tx, visit.actor, silence_id=silence_id, by=timedelta(minutes=int(length)), now=visit.now
    )
    return flash.redirect(visit.request, one.path, f"Silence extended by {dict(EXTENSIONS)[length]}.")


@router.post("/silences/{silence_id}/expire", dependencies=route_access.needs(Verb.SILENCE_WRITE))
async def expire(visit: CurrentVisit, silence_id: int) -> Response:
    one = await actions.expire_silence(visit.tx, visit.actor, silence_id=silence_id, now=visit.now)
    return flash.redirect(visit.request, one.path, "Silence expired.")
