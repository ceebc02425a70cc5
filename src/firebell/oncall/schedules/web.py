"""The page of one schedule: its timeline, findings and forms."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from fastapi import Response

from firebell.kit import undo
from firebell.kit.errors import Conflict, FirebellError, Invalid, NotFound
from firebell.kit.localtime import to_input_value
from firebell.kit.text import plural, to_id
from firebell.kit.web import flash, html, routing
from firebell.oncall.checks import fix_actions
from firebell.oncall.checks import queries as check_queries
from firebell.oncall.checks.grouping import group_gaps
from firebell.oncall.checks.preview import Preview
from firebell.oncall.checks.rules import CHECKS_HORIZON
from firebell.oncall.rota import layer_versions, timeline_grid
from firebell.oncall.rota.shifts import next_change
from firebell.oncall.schedules import editor_form, queries, timeline_context
from firebell.oncall.swaps import override_removal
from firebell.oncall.swaps import queries as swap_queries
from firebell.oncall.swaps.web import askable
from firebell.people import actions as people
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.queries import choosable
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()


@dataclass(frozen=True, slots=True)
class Filled:
    """The submitted fields of the form named `form` on a schedule's page, and the result."""

    fields: Mapping[str, str] = field(default_factory=dict)
    form: str = ""
    preview: Preview | None = None
    error: FirebellError | None = None
    unseen: str = ""


_PERSON_FIELDS = ("person", "instead", "who", "learner", "of")
"""The form fields of a schedule's page that hold a person's id."""


async def one(visit: Visit, slug: str, filled: Filled) -> Response:
    """Render the page of one schedule, with its forms as they were filled in."""
    options, error = timeline_context.TimelineView.of(visit.request, visit.person), filled.error
    if filled.fields.get("tz") in html.time_zones():
        options = replace(options, tz=filled.fields["tz"])
    since = min(
        timeline_context.picture(options, visit.now).start - timeline_grid.SHIFT_END_SEARCH,
        visit.now - CHECKS_HORIZON,
    )
    schedule = await queries.by_slug(visit.tx, slug, since=since)
    cover_requests = askable(
        await swap_queries.covers(visit.tx, schedule_ids=[schedule.id], since=visit.now), visit.person
    )
    chosen = {i for i in (to_id(filled.fields.get(name)) for name in _PERSON_FIELDS) if i is not None}
    context = await timeline_context.context(
        visit.tx, [schedule], cover_requests, visit.person, options, visit.now, more=chosen
    )
    near = {
        visit.person.id,
        *map(int, schedule.people),
        *await people.team_members(visit.tx, schedule.team_id),
    }
    others = await choosable(visit.tx, near | chosen, visit.request.query_params.get("with", ""))
    findings = (await check_queries.findings_of(visit.tx, [schedule], visit.now))[schedule.id]
    more = {
        "one": schedule,
        "others": others,
        "findings": group_gaps(findings, schedule.tz, visit.now),
        "direct": fix_actions.CARRIED_OUT,
        "layers": layer_versions.current(schedule, visit.now),
        "handoff": (handoff := next_change(schedule, visit.now, editor_form.HANDOFF_LOOKAHEAD)),
        "lengths": _lengths(handoff),
        "filled": filled,
        "error": error,
    }
    return await html.render(
        visit.request, "oncall/oncall.html", {**context, **more}, kept_offline=error is None
    )


def _lengths(handoff: datetime | None) -> list[tuple[str, str]]:
    """Return the options for an override's duration, likeliest first."""
    until_handoff = [(editor_form.HANDOFF, "Until the next handoff")] if handoff else []
    hours = [(str(n), f"For {plural(n, 'hour')}") for n in editor_form.OVERRIDE_HOURS]
    presets = [
        (editor_form.TONIGHT, "Tonight, 18:00 to 08:00"),
        (editor_form.WEEKEND, "This weekend, Fri 18:00 to Mon 08:00"),
    ]
    return [*until_handoff, *hours, *presets, ("", "Until a set time")]


@router.get("/oncall/{slug}", dependencies=route_access.needs(Verb.SCHEDULE_READ))
async def schedule(visit: CurrentVisit, slug: str, start: str = "", end: str = "") -> Response:
    tz = timeline_context.TimelineView.of(visit.request, visit.person).tz
    fields = {name: _local(text, tz) for name, text in (("start", start), ("end", end)) if text}
    return await one(visit, slug, Filled(fields, "override"))


def _local(text: str, tz: str) -> str:
    """Return the instant or local time of a link as an input value in `tz`; empty if it is invalid."""
    try:
        at = datetime.fromisoformat(text) if text else None
        return "" if at is None else to_input_value(at, tz) if at.tzinfo else f"{at:%Y-%m-%dT%H:%M}"
    except (ValueError, OverflowError):
        return ""


@router.post("/oncall/{slug}/edits/{edit_id}/remove", dependencies=route_access.needs(Verb.OVERRIDE_WRITE))
async def remove(visit: CurrentVisit, slug: str, edit_id: int) -> Response:
    schedule = await queries.by_slug(visit.tx, slug)
    await override_removal.remove_override(visit.tx, visit.actor, edit_id, visit.now, schedule_id=schedule.id)
    offer = await undo.offer(visit.tx, visit.ctx.signer, visit.actor, "schedule.override_removed", visit.now)
    return flash.redirect(visit.request, f"/oncall/{slug}", f"Override on {schedule.name} removed.", offer)


@router.post("/oncall/{slug}/fix", dependencies=route_access.needs(Verb.SCHEDULE_WRITE))
async def fix(visit: CurrentVisit, slug: str) -> Response:
    try:
        async with visit.tx.savepoint():
            schedule = await queries.by_slug(visit.tx, slug)
            finding_id = visit.text("finding")
            await fix_actions.carry_out(visit.tx, visit.actor, schedule.id, finding_id, visit.now)
    except (Conflict, Invalid, NotFound) as error:
        return await one(visit, slug, Filled(error=error))
    return flash.redirect(visit.request, f"/oncall/{slug}", f"Finding on {schedule.name} fixed.")
