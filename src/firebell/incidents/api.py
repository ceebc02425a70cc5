"""The API of incidents."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Literal

from fastapi import Query
from pydantic import AfterValidator, ConfigDict, Field

from firebell.catalog import actions as catalog
from firebell.incidents import actions, store
from firebell.incidents.custom_fields import actions as field_actions
from firebell.incidents.incident_list import filtering
from firebell.incidents.incident_list import store as list_store
from firebell.incidents.incident_list.filtering import IncidentQuery
from firebell.incidents.model import OPEN, Incident, IncidentRole, IncidentType, Phase, Sort, Visibility
from firebell.incidents.queries import alerts_of_pages
from firebell.incidents.severity import ANSWERS, FACTS, Severity, classify, parse
from firebell.incidents.text_limits import REASON_MAX_CHARS, SUMMARY_MAX_CHARS, TITLE_MAX_CHARS
from firebell.kit import private_reader
from firebell.kit.db.database import Tx
from firebell.kit.references import parse_ref
from firebell.kit.web import api
from firebell.kit.web.api import (
    ApiInput,
    ApiOutput,
    Id,
    Instant,
    Name,
    PageParams,
    QueryBool,
    StrictBool,
    Text,
    matching,
    problems,
)
from firebell.paging import actions as paging
from firebell.people import actions as people
from firebell.people import permissions
from firebell.people.authentication import Caller
from firebell.people.permissions import Verb
from firebell.people.route_access import may
from firebell.people.unit_of_work import Work, work

router = api.router("incidents")

Reader = Annotated[Work, work(Verb.INCIDENT_READ)]
Declarer = Annotated[Work, work(Verb.INCIDENT_DECLARE)]
Responder = Annotated[Work, work(Verb.INCIDENT_UPDATE)]
Answer = Literal["yes", "no", "unknown"]
Sev = Literal["SEV0", "SEV1", "SEV2", "SEV3"]


def _severity(value: str) -> str:
    severity = parse(value)
    if severity is None:
        raise ValueError("Use SEV0, SEV1, SEV2 or SEV3.")
    return severity.name


GivenSeverity = Annotated[
    Text,
    AfterValidator(_severity),
    Field(examples=["SEV1"], description="SEV0 to SEV3, or P0 to P3"),
    matching("^([Ss][Ee][Vv])?[Pp]?[0-3]$"),
]


class Classified(ApiOutput):
    """A severity, the questions and answers that led to it, and whether it rests on an unknown answer."""

    severity: Sev
    path: list[str]
    provisional: bool
    meaning: str


class RoleShown(ApiOutput):
    """A person who holds a role."""

    role: IncidentRole
    person: str
    id: int


class IncidentShown(ApiOutput):
    """An incident."""

    ref: str
    title: str
    summary: str
    conditions: str
    actions: str
    needs: str
    severity: Sev
    max_severity: Sev
    provisional: bool
    phase: Phase
    drill: bool
    type: IncidentType
    visibility: Visibility
    backfilled: bool
    merged_into: Annotated[str | None, Field(description="the incident that this one was merged into")]
    services: list[str]
    roles: list[RoleShown]
    pages: list[str]
    detected_at: datetime
    declared_at: datetime
    resolved_at: datetime | None
    closed_at: datetime | None
    update_due_at: datetime | None
    version: int


class NextPhase(ApiOutput):
    """A possible next phase; `refusal` says what is missing, null if nothing is."""

    phase: Phase
    refusal: str | None


class IncidentAlert(ApiOutput):
    """An alert of a linked page."""

    id: int
    title: str
    status: Literal["firing", "resolved"]
    page: str


class IncidentDetail(IncidentShown):
    """An incident with the alerts of its pages and its possible next phases."""

    alerts: Annotated[
        list[IncidentAlert] | None,
        Field(description="at most 100 per page, firing ones first; null if the key lacks pages:read"),
    ]
    next: list[NextPhase]


class SeverityAnswers(ApiInput):
    """Answers to the four questions; null means "not known" and counts as the worse answer."""

    down_or_data_at_risk: StrictBool | None = None
    major_degraded: StrictBool | None = None
    workaround: StrictBool | None = None
    customers_impacted: StrictBool | None = None


class NewIncident(ApiInput):
    """An incident to declare, with a severity or with answers that decide it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"title": "Card payments fail", "severity": "SEV1", "page": "PG-7", "take_command": True}
            ]
        }
    )

    title: Annotated[Name, Field(max_length=TITLE_MAX_CHARS)]
    severity: GivenSeverity | None = None
    answers: SeverityAnswers | None = None
    services: Annotated[list[Name] | None, Field(max_length=100, description="slugs of the services")] = None
    page: Annotated[
        Name | None, Field(description="the page that led to the incident", examples=["PG-7"])
    ] = None
    summary: Annotated[Text, Field(max_length=SUMMARY_MAX_CHARS)] = ""
    take_command: StrictBool = False
    drill: StrictBool = False
    page_in_drill: Annotated[
        StrictBool, Field(description="page people in a drill of SEV0 or SEV1 too; the page says DRILL")
    ] = False
    type: IncidentType = IncidentType.OPERATIONAL
    fields: Annotated[
        dict[Name, Text] | None, Field(description="values of custom fields by slug", max_length=50)
    ] = None
    private: Annotated[
        StrictBool, Field(description="only those involved and managers see it; always true for security")
    ] = False


class NewSeverity(ApiInput):
    """A new severity; lowering it requires a reason."""

    severity: GivenSeverity
    reason: Annotated[Text, Field(max_length=REASON_MAX_CHARS)] = ""


class NewPhase(ApiInput):
    """A new phase; `force` skips a failed check and requires a reason."""

    phase: Phase
    reason: Annotated[Text, Field(max_length=REASON_MAX_CHARS)] = ""
    force: StrictBool = False
    effective_at: Annotated[
        Instant | None, Field(description="when it happened; now by default, never before the phase began")
    ] = None


class NewRole(ApiInput):
    """A role to assign; without a person it is assigned to the caller."""

    role: IncidentRole
    person_id: Id | None = None


class Canvas(ApiInput):
    """Conditions, actions and needs; all three are replaced."""

    conditions: Annotated[Text, Field(max_length=2000)]
    actions: Annotated[Text, Field(max_length=2000)]
    needs: Annotated[Text, Field(max_length=2000)]


class PageLink(ApiInput):
    """A page to link to the incident."""

    page: Annotated[Name, Field(examples=["PG-7"])]


async def _all(tx: Tx, incidents: Sequence[Incident]) -> list[IncidentShown]:
    ids = [i.id for i in incidents]
    roles, services = await actions.roles(tx, ids), await actions.services(tx, ids)
    pages = await store.pages_of(tx, ids)
    people_by_id = await people.people_by_id(tx, [a.person_id for held in roles.values() for a in held])
    services_by_id = await catalog.services_by_id(tx, [s for ids_ in services.values() for s in ids_])
    return [
        IncidentShown.model_validate(
            {
                "ref": i.ref,
                "title": i.title,
                "summary": i.summary,
                "conditions": i.conditions,
                "actions": i.actions,
                "needs": i.needs,
                "severity": Severity(i.severity).name,
                "max_severity": Severity(i.max_severity).name,
                "provisional": i.provisional,
                "phase": i.phase,
                "drill": i.drill,
                "type": i.type,
                "visibility": i.visibility,
                "backfilled": i.backfilled,
                "merged_into": f"INC-{i.merged_into}" if i.merged_into else None,
                "services": [services_by_id[s].slug for s in services[i.id]],
                "roles": [
                    {"role": a.role, "person": people_by_id[a.person_id].name, "id": a.person_id}
                    for a in roles[i.id]
                ],
                "pages": [f"PG-{page}" for page in pages[i.id]],
                "detected_at": i.detected_at,
                "declared_at": i.declared_at,
                "resolved_at": i.resolved_at,
                "closed_at": i.closed_at,
                "update_due_at": i.update_due_at,
                "version": i.version,
            }
        )
        for i in incidents
    ]


async def shown_incident(tx: Tx, incident: Incident) -> IncidentShown:
    """Return an incident as the API shows it."""
    return (await _all(tx, [incident]))[0]


async def shown_after(tx: Tx, incident_id: int) -> IncidentShown:
    """Return an incident after an action, even if the action ended the caller's access to it."""
    with private_reader.as_reader(None):
        return await shown_incident(tx, await actions.incident(tx, incident_id))


@router.get("/severity", summary="Classify a severity from four answers")
async def classify_severity(
    caller: Annotated[Caller, may(Verb.INCIDENT_READ)],
    down_or_data_at_risk: Answer = "unknown",
    major_degraded: Answer = "unknown",
    workaround: Answer = "unknown",
    customers_impacted: Answer = "unknown",
) -> Classified:
    verdict = classify(
        {
            "down_or_data_at_risk": ANSWERS[down_or_data_at_risk],
            "major_degraded": ANSWERS[major_degraded],
            "workaround": ANSWERS[workaround],
            "customers_impacted": ANSWERS[customers_impacted],
        }
    )
    return Classified.model_validate(
        {
            "severity": verdict.severity.name,
            "path": list(verdict.path),
            "provisional": verdict.provisional,
            "meaning": FACTS[verdict.severity].meaning,
        }
    )


@router.get("/incidents", summary="List incidents, open ones first")
async def list_incidents(
    w: Reader,
    pagination: PageParams,
    phase: Annotated[list[Phase] | None, Query(description="defaults to the open phases")] = None,
    drill: Annotated[QueryBool, Query(description="list drills instead of real incidents")] = False,
    severity: Annotated[
        list[Text] | None, Query(description="repeatable, or separated by commas", examples=["SEV1", "1,2"])
    ] = None,
    service: Annotated[Text | None, Query(description="slug of a service", examples=["checkout"])] = None,
    commander: Annotated[
        Text | None, Query(description="id or email of a person, or `me`", examples=["me"])
    ] = None,
    month: Annotated[
        Text | None, Query(description="declared in this month (UTC)", examples=["2026-11"])
    ] = None,
    type: Annotated[  # noqa: A002 - the name of the parameter
        list[IncidentType] | None, Query(description="repeatable", examples=["security"])
    ] = None,
    q: Annotated[
        Text,
        Query(description="the beginnings of words in the title or summary, or INC-7", max_length=200),
    ] = "",
    field: Annotated[
        list[Text] | None,
        Query(description="slug and value of a custom field, repeatable", examples=["region:EU"]),
    ] = None,
    postmortem_due: Annotated[
        QueryBool, Query(description="in any phase, with a post-mortem that is not published")
    ] = False,
    sort: Annotated[Sort, Query(description="open incidents are first in each order")] = Sort.NEWEST,
) -> list[IncidentShown]:
    query = IncidentQuery(
        q, ",".join(severity or []), service or "", commander or "", month or "", ",".join(type or [])
    )
    phases = tuple(phase or (() if postmortem_due else OPEN))
    wanted = await filtering.resolve(w.tx, query, person_id=w.person_id)
    fields = await field_actions.conditions_by_value(w.tx, field or [])
    wanted = replace(wanted, phases=phases, drill=drill, postmortem_due=postmortem_due, fields=fields)
    listed = await list_store.incidents(w.tx, wanted, sort, limit=pagination.limit, place=pagination.before)
    pagination.link([i.id for i in listed])
    return await _all(w.tx, listed)


@router.post("/incidents", status_code=201, summary="Declare an incident", responses=problems(404))
async def declare_incident(w: Declarer, body: NewIncident) -> IncidentShown:
    incident = await actions.declare(
        w.tx,
        w.actor,
        title=body.title,
        severity=parse(body.severity) if body.severity else None,
        answers=body.answers.model_dump() if body.answers else None,
        service_ids=[(await catalog.by_slug(w.tx, slug)).id for slug in body.services or []],
        page_id=parse_ref("PG", body.page) if body.page else None,
        summary=body.summary,
        commander_id=w.person_id if body.take_command else None,
        drill=body.drill,
        page_in_drill=body.page_in_drill,
        incident_type=body.type,
        private=body.private,
        fields=body.fields or {},
        now=w.now,
    )
    return await shown_incident(w.tx, incident)


@router.get(
    "/incidents/{ref}", summary="Get an incident and its possible next phases", responses=problems(404)
)
async def get_incident(w: Reader, ref: Text) -> IncidentDetail:
    incident = await actions.incident(w.tx, parse_ref("INC", ref))
    shown = await shown_incident(w.tx, incident)
    refusals = await actions.refusals(w.tx, incident, w.now)
    pages = await paging.pages_by_id(w.tx, await actions.page_ids(w.tx, incident.id))
    alerts = await alerts_of_pages(w.tx, list(pages.values()), 100)
    next_phases = [NextPhase(phase=phase, refusal=why) for phase, why in refusals.items()]
    listed = [
        IncidentAlert.model_validate({"id": a.id, "title": a.title, "status": a.status, "page": ref})
        for a, ref in alerts
    ]
    may_read = permissions.allows(w.rights, Verb.ALERT_READ)
    return IncidentDetail(**shown.model_dump(), alerts=listed if may_read else None, next=next_phases)


@router.post(
    "/incidents/{ref}/severity",
    summary="Change the severity",
    responses=problems(404, 409),
)
async def set_severity(w: Responder, ref: Text, body: NewSeverity) -> IncidentShown:
    chosen = Severity[body.severity]
    incident_id, now = parse_ref("INC", ref), w.now
    return await shown_incident(
        w.tx, await actions.set_severity(w.tx, w.actor, incident_id, chosen, body.reason, now)
    )


@router.post(
    "/incidents/{ref}/phase",
    summary="Change the phase",
    responses=problems(404, 409),
)
async def set_phase(w: Responder, ref: Text, body: NewPhase) -> IncidentShown:
    moved = await actions.set_phase(
        w.tx,
        w.actor,
        parse_ref("INC", ref),
        body.phase,
        w.now,
        reason=body.reason,
        force=body.force,
        effective_at=body.effective_at,
    )
    return await shown_incident(w.tx, moved)


@router.post(
    "/incidents/{ref}/roles",
    summary="Assign a role",
    responses=problems(404, 409),
)
async def take_role(w: Responder, ref: Text, body: NewRole) -> IncidentShown:
    incident_id, person = parse_ref("INC", ref), body.person_id or w.person_id
    await actions.take_role(w.tx, w.actor, incident_id, body.role, person, w.now)
    return await shown_after(w.tx, incident_id)


@router.put(
    "/incidents/{ref}/canvas",
    summary="Update conditions, actions and needs",
    responses=problems(404),
)
async def set_canvas(w: Responder, ref: Text, body: Canvas) -> IncidentShown:
    incident_id, now = parse_ref("INC", ref), w.now
    await actions.set_canvas(w.tx, w.actor, incident_id, body.conditions, body.actions, body.needs, now)
    return await shown_incident(w.tx, await actions.incident(w.tx, incident_id))


@router.post("/incidents/{ref}/pages", summary="Link a page to the incident", responses=problems(404))
async def link_page(w: Responder, ref: Text, body: PageLink) -> IncidentShown:
    incident_id, page_id = parse_ref("INC", ref), parse_ref("PG", body.page)
    await actions.link_page(w.tx, w.actor, incident_id, page_id, w.now)
    return await shown_incident(w.tx, await actions.incident(w.tx, incident_id))
