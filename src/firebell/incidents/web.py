"""The incident page and what is done on it."""

import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self

from fastapi import Request, Response
from starlette.datastructures import FormData

from firebell.alerts import actions as alerts
from firebell.alerts.model import Alert
from firebell.catalog import actions as catalog
from firebell.catalog.model import Service
from firebell.handbook import actions as handbook
from firebell.incidents import actions
from firebell.incidents.canvas.texts import canvas
from firebell.incidents.closing import rules as closing_rules
from firebell.incidents.messages import placeholder_values
from firebell.incidents.messages.queries import message
from firebell.incidents.model import ACTIVE, OPEN, ROLE_NAMES, Incident, IncidentRole, Phase
from firebell.incidents.queries import PHASE_LABELS, alerts_of_pages, checked
from firebell.incidents.roles import handover_actions, role_requirements
from firebell.incidents.roles.rules import conflicting_role
from firebell.incidents.severity import FACTS, Severity, parse
from firebell.incidents.timeline import store as timeline_store
from firebell.incidents.timeline.entry_history import EntryView
from firebell.incidents.update_deadlines import rules as update_rules
from firebell.kit.db.database import Tx
from firebell.kit.errors import FirebellError, Invalid, NotFound
from firebell.kit.localtime import to_input_value, to_instant
from firebell.kit.references import parse_ref
from firebell.kit.slice import IncidentChecks, IncidentPart
from firebell.kit.text import to_choice, to_id, to_wall
from firebell.kit.war_rooms import war_room_url
from firebell.kit.web import flash, html, routing, transaction
from firebell.paging import actions as paging
from firebell.paging.model import Page
from firebell.people import actions as people
from firebell.people import authentication, route_access
from firebell.people.permissions import Verb
from firebell.people.queries import choosable
from firebell.people.unit_of_work import CurrentVisit, Visit
from firebell.runbooks import actions as runbooks

router = routing.html_router()

ALERTS_PER_PAGE = 5
"""Number of alerts that an incident shows of each linked page."""
CHANGES_SHOWN = 5
"""Number of the latest changes of its services that an incident shows."""
CHANGES_BEFORE = timedelta(hours=2)
"""How long before the first alert a change may be the cause."""
NEXT = {
    Phase.DETECTED: (Phase.TRIAGING, "Start triage"),
    Phase.DECLARED: (Phase.INVESTIGATING, "Start investigating"),
    Phase.INVESTIGATING: (Phase.MITIGATING, "Move to Mitigating"),
    Phase.MITIGATING: (Phase.MONITORING, "Move to Monitoring"),
    Phase.MONITORING: (Phase.CLOSED, "Close incident"),
}
ENTRIES_SHOWN = 200
"""Number of timeline entries that the incident page shows at first, newest first."""
_SHOWN: Mapping[str, Callable[[EntryView], bool]] = {
    "people": lambda view: view.is_written,
    "decisions": lambda view: view.entry.kind in ("decision", "mitigation", "severity", "phase"),
    "moments": lambda view: bool(view.entry.key_moment),
}
_FLASH_TEXTS = {
    "unchanged": "Update posted in {ref}: no change.",
    "roles": "Role assigned in {ref}.",
    "severity": "Severity of {ref} changed to {severity}.",
    "phase": "{ref} moved to {phase}.",
    "link": "{page} linked to {ref}.",
}
_MAJOR_INCIDENT_ROLES = (IncidentRole.COMMANDER, IncidentRole.COMMS, IncidentRole.SME, IncidentRole.SCRIBE)


@router.get("/i/{ref}", dependencies=route_access.needs(Verb.INCIDENT_READ))
async def short(ref: str) -> Response:
    return html.redirect(f"/incidents/INC-{parse_ref('INC', ref)}")


@dataclass(frozen=True, slots=True)
class NextStep:
    """The next thing to do in an incident: a form that posts to `action`, or a link."""

    label: str
    icon: str
    action: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    href: str = ""
    compose: str = ""


def _step(
    incident: Incident,
    refusal: str | None,
    holders: Mapping[IncidentRole, Sequence[int]],
    refused_roles: Collection[IncidentRole],
) -> NextStep | None:
    """Return the next thing to do, None if there is only time to wait for."""
    if incident.phase is Phase.TRIAGING:
        return NextStep("Declare incident", "siren", href=f"/incidents/{incident.ref}/declare")
    if incident.merged_into:
        return NextStep(
            f"View INC-{incident.merged_into}", "flame", href=f"/incidents/INC-{incident.merged_into}"
        )
    if incident.phase is Phase.DISMISSED:
        return None
    if incident.phase not in NEXT:
        return NextStep("View post-mortem", "file-pen-line", href=f"/post-mortems/{incident.ref}")
    to, label = NEXT[incident.phase]
    if refusal is None:
        return NextStep(label, "arrow-right", "/phase", {"phase": to})
    if incident.severity <= 1 and not holders.get(IncidentRole.COMMANDER):
        if IncidentRole.COMMANDER in refused_roles:
            return NextStep("Assign a commander", "user-round-plus", href="#roles")
        return NextStep("Take command", "user-round-plus", "/roles", {"role": IncidentRole.COMMANDER})
    if incident.phase in ACTIVE:
        return NextStep("Record a mitigation", "check", href="#composer", compose="mitigation")
    if incident.phase is Phase.MONITORING:
        return NextStep("View conditions", "list-checks", href=f"/incidents/{incident.ref}/close")
    return None


@dataclass(frozen=True, slots=True)
class FeedView:
    """Which timeline entries the incident page shows: those of a kind, and at most how many."""

    show: str = "all"
    entries: int = ENTRIES_SHOWN


@dataclass(frozen=True, slots=True)
class SliceParts:
    """What slices above incidents and the settings add to the incident page."""

    parts: Sequence[IncidentPart]
    checks: Sequence[IncidentChecks]
    war_room_url: str
    public_url: str

    @classmethod
    def of(cls, request: Request) -> Self:
        """Return those of the running app."""
        state = request.app.state
        ctx = html.ctx(request)
        return cls(state.incident_parts, state.incident_checks, ctx.war_room_url, ctx.public_url)


async def _room(
    tx: Tx,
    slices: SliceParts,
    incident_id: int,
    feed: FeedView,
    person_search: str,
    person_id: int | None,
    tz: str,
    now: datetime,
) -> dict[str, Any]:
    """Return what the template of the incident page needs, for a person or for anyone without a role in it."""
    incident = await actions.incident(tx, incident_id)
    assignments = (await actions.roles(tx, [incident_id]))[incident_id]
    holders: dict[IncidentRole, list[int]] = {}
    for assignment in assignments:
        holders.setdefault(assignment.role, []).append(assignment.person_id)
    services = await catalog.services_by_id(tx, (await actions.services(tx, [incident_id]))[incident_id])
    pages = await paging.pages_by_id(tx, await actions.page_ids(tx, incident_id))
    refusals = await actions.refusals(tx, incident, now)
    refusal = refusals.get(NEXT[incident.phase][0]) if incident.phase in NEXT else None
    required_roles = {IncidentRole(r) for r in FACTS[Severity(incident.severity)].roles}
    shown_roles = (
        required_roles | set(holders) | (set(_MAJOR_INCIDENT_ROLES) if incident.severity <= 1 else set())
    )
    timeline = list(reversed(await timeline_store.entry_views(tx, incident_id)))
    team_members = await people.members(tx, list({s.team_id for s in services.values()}))
    offers = await handover_actions.waiting(tx, incident_id)
    involved_ids = [*(a.person_id for a in assignments), *(i for o in offers for i in (o.from_id, o.to_id))]
    likely_ids = {
        *(a.person_id for a in assignments),
        *(i for ids in team_members.values() for i, _ in ids),
        *(view.entry.actor_id for view in timeline if view.entry.actor_id),
    }
    own_roles = {a.role for a in assignments if a.person_id == person_id}
    refused_roles = {r for r in IncidentRole if conflicting_role(incident.severity, r, own_roles)}
    others = await choosable(tx, likely_ids, person_search, verb=Verb.INCIDENT_UPDATE)
    page_alerts = await alerts_of_pages(tx, list(pages.values()), ALERTS_PER_PAGE)
    in_force = {incident_id: [view.entry for view in reversed(timeline) if view.struck is None]}
    results = await checked(tx, [incident], slices.checks, now, tz, timelines=in_force)
    is_shown = _SHOWN.get(feed.show)
    chosen = [view for view in timeline if is_shown is None or is_shown(view)]
    return {
        "i": incident,
        "live": ",".join([f"inc-{incident_id}", *paging.live_topics(list(pages))]),
        "own_roles": own_roles,
        "refused_roles": refused_roles,
        "war_room": war_room_url(slices.war_room_url, incident.ref),
        "me_id": person_id,
        "personal_ids": frozenset(involved_ids),
        "offers": offers,
        "timeline": chosen[: feed.entries],
        "canvas": canvas(view.entry for view in reversed(timeline)),
        "earlier": max(0, len(chosen) - feed.entries),
        "more_entries": feed.entries + ENTRIES_SHOWN,
        "show": feed.show if is_shown else "all",
        "roles": [(r, ROLE_NAMES[r], holders.get(r, [])) for r in IncidentRole if r in shown_roles],
        "role_names": [(r.value, name) for r, name in ROLE_NAMES.items()],
        "people": await people.people_by_id(tx, involved_ids),
        "others": others,
        "services": list(services.values()),
        "pages": list(pages.values()),
        "changes": await alerts.changes(
            tx,
            sorted(services),
            since=incident.detected_at - CHANGES_BEFORE,
            until=incident.closed_at or now,
            limit=CHANGES_SHOWN,
        ),
        "alerts": page_alerts,
        "runbooks": await runbooks.suggestions(
            tx, _alerts_by_service(services, pages, page_alerts), slices.public_url
        ),
        "checked": results[incident_id],
        "role_states": role_requirements.role_states(incident, holders, now),
        "stages": PHASE_LABELS,
        "late": bool(incident.update_due_at and incident.update_due_at < now and incident.phase in OPEN),
        "step": _step(incident, refusal, holders, refused_roles),
        "refusal": refusal,
        "next_phases": [(to.value, to.capitalize()) for to in refusals],
        "interval": update_rules.update_interval(incident.severity),
        "late_share": _elapsed_percent(incident, now),
        "is_open": incident.phase in OPEN,
        "stable_at": incident.stable_since + closing_rules.STABILITY_PERIOD
        if incident.stable_since
        else None,
        "parts": [(part.place, part.template, await part.load(tx, incident, now)) for part in slices.parts],
    }


def _alerts_by_service(
    services: Mapping[int, Service], pages: Mapping[int, Page], page_alerts: Sequence[tuple[Alert, str]]
) -> list[tuple[Service | None, list[Alert]]]:
    """Return the alerts of an incident by the service of their page; each of its services has an entry."""
    alerts_by_service: dict[int | None, list[Alert]] = {service_id: [] for service_id in services}
    service_ids = {page.ref: page.service_id for page in pages.values()}
    for alert, ref in page_alerts:
        alerts_by_service.setdefault(service_ids.get(ref), []).append(alert)
    return [(services.get(key or 0), alerts_) for key, alerts_ in alerts_by_service.items()]


def _elapsed_percent(incident: Incident, now: datetime) -> float:
    """Return how much of the time until the next update has passed, in percent."""
    if incident.update_due_at is None:
        return 0
    start = incident.update_from
    return 100 * (now - start) / max(incident.update_due_at - start, closing_rules.STABILITY_PERIOD / 30)


async def render_room(
    visit: Visit,
    incident_id: int,
    feed: FeedView,
    *,
    template: str = "",
    person_search: str = "",
    fields: Mapping[str, str] | None = None,
    error: FirebellError | None = None,
) -> Response:
    """Return the incident page; with `error` it shows the refused entry in `fields` again."""
    tx, now = visit.tx, visit.now
    slices, me = SliceParts.of(visit.request), visit.person
    context = await _room(tx, slices, incident_id, feed, person_search, me.id, me.tz, now)
    incident: Incident = context["i"]
    draft = (
        await message(tx, incident, template, visit.ctx.public_url, visit.person.tz, now)
        if template
        else None
    )
    templates = await handbook.all_templates(tx)
    composer = {
        "nav": "room",
        "typed_now": to_input_value(now, visit.person.tz),
        "begun": draft,
        "beginnings": [
            (name, templates[name].title) for name in placeholder_values.UPDATES if name in templates
        ],
        "fitting": placeholder_values.update_for(incident),
        "fields": fields or {},
        "error": error,
    }
    return await html.render(
        visit.request, "incidents/incident.html", {**context, **composer}, kept_offline=error is None
    )


@router.get("/incidents/{ref}", dependencies=route_access.needs(Verb.INCIDENT_READ))
async def room(
    request: Request, ref: str, show: str = "all", template: str = "", entries: str = ""
) -> Response:
    me = await authentication.signed_in(request)
    ctx, incident_id = html.ctx(request), parse_ref("INC", ref)
    feed = FeedView(show, to_id(entries) or ENTRIES_SHOWN)
    slices = SliceParts.of(request)
    person_search = request.query_params.get("with", "")

    async def shared(person_id: int | None) -> tuple[dict[str, Any], frozenset[int]]:
        async with ctx.db.tx() as tx:
            context = await _room(tx, slices, incident_id, feed, "", person_id, me.tz, ctx.clock.now())
            involved = await actions.readers_of_open(tx)
        empty: dict[str, Any] = {"nav": "room", "begun": None, "fields": {}, "error": None}
        return {**empty, **context}, context["personal_ids"] | involved

    if html.is_live_refresh(request) and not person_search:
        # a private incident is not rendered for everyone, but below for those who may read it
        with contextlib.suppress(NotFound):
            return await html.render_shared(request, "incidents/incident.html", (incident_id, feed), shared)
    async with transaction.opened(request) as (tx, now):
        visit = Visit(request, tx, me, FormData(), now)
        return await render_room(visit, incident_id, feed, template=template, person_search=person_search)


def _effective_at(fields: Mapping[str, str], visit: Visit) -> datetime | None:
    """Return when a change of phase happened, None for now."""
    if not fields.get("effective_at"):
        return None
    return to_instant(to_wall(fields["effective_at"], "effective_at"), visit.person.tz)


async def address_after(tx: Tx, incident_id: int, part: str = "") -> str:
    """Return the address of an incident after a form, or of the list if the person may no longer read it."""
    may_read = await actions.incidents_by_id(tx, [incident_id])
    return f"/incidents/INC-{incident_id}{part}" if may_read else "/incidents"


@router.post("/incidents/{ref}/{what}", dependencies=route_access.needs(Verb.INCIDENT_UPDATE))
async def act(visit: CurrentVisit, ref: str, what: str) -> Response:
    incident_id = parse_ref("INC", ref)
    fields = visit.values
    match what:
        case "unchanged":
            text = "No change since the last update."
            await actions.add_entry(visit.tx, visit.actor, incident_id, "update", text, visit.now)
        case "roles":
            if fields.get("role") not in list(IncidentRole):
                raise Invalid(
                    "That is not a role.", fields={"role": f"Use one of {', '.join(IncidentRole)}."}
                )
            person = to_choice(fields.get("person"), "person") or visit.person.id
            await actions.take_role(
                visit.tx, visit.actor, incident_id, IncidentRole(fields["role"]), person, visit.now
            )
        case "severity":
            severity = parse(fields.get("severity", ""))
            if severity is None:
                raise Invalid("That is not a severity.", fields={"severity": "Use SEV0 to SEV3."})
            await actions.set_severity(
                visit.tx, visit.actor, incident_id, severity, fields.get("reason", ""), visit.now
            )
        case "phase":
            if fields.get("phase") not in list(Phase):
                raise Invalid("That is not a phase.", fields={"phase": f"Use one of {', '.join(Phase)}."})
            await actions.set_phase(
                visit.tx,
                visit.actor,
                incident_id,
                Phase(fields["phase"]),
                visit.now,
                reason=fields.get("reason", ""),
                force=bool(fields.get("force")),
                effective_at=_effective_at(fields, visit),
            )
        case "link":
            await actions.link_page(
                visit.tx, visit.actor, incident_id, parse_ref("PG", fields.get("page", "")), visit.now
            )
        case _:
            raise NotFound(f"Unknown action: {what}.")
    severity = parse(fields.get("severity", ""))
    named = {
        "phase": fields.get("phase", ""),
        "severity": severity.name if severity else "",
        "page": fields.get("page", ""),
    }
    text = _FLASH_TEXTS[what].format(ref=f"INC-{incident_id}", **named)
    address = await address_after(visit.tx, incident_id)
    return flash.redirect(visit.request, html.local(fields, address), text)
