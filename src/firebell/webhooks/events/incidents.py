"""Composes the events of incidents and their post-mortems."""

from collections.abc import Collection, Mapping
from typing import Any

from firebell.kit.db.database import Row
from firebell.kit.truncation import cut
from firebell.webhooks.events import subject_store
from firebell.webhooks.events.composition_context import (
    TEXT_BYTES,
    CompositionContext,
    person_of,
    services_of,
    team_ids_of,
    team_of,
)
from firebell.webhooks.events.payloads import (
    IncidentEvent,
    PostmortemEvent,
    WebhookIncident,
    WebhookPostmortem,
    WebhookRole,
)
from firebell.webhooks.events.subject_store import Names
from firebell.webhooks.model import NewEvent


async def _shown_incident(c: CompositionContext, row: Row) -> tuple[WebhookIncident, Names]:
    roles = [(role, int(person_id)) for role, person_id in row["roles"]]
    names = await subject_store.names(c.tx, row["service_ids"], (), {i for _, i in roles})
    team_ids = sorted(team_ids_of(names, row["service_ids"]))
    shown = WebhookIncident(
        ref=f"INC-{row['id']}",
        title=row["title"],
        summary=cut(row["summary"], TEXT_BYTES),
        severity=row["severity"],
        provisional=row["provisional"],
        phase=row["phase"],
        type=row["type"],
        visibility=row["visibility"],
        services=services_of(names, row["service_ids"]),
        teams=[each for i in team_ids if (each := team_of(names, i))],
        roles=[WebhookRole(role=role, person=person_of(names, i)) for role, i in roles],
        detected_at=row["detected_at"],
        declared_at=row["declared_at"],
        mitigated_at=row["mitigated_at"],
        resolved_at=row["resolved_at"],
        closed_at=row["closed_at"],
        url=c.url(f"/incidents/INC-{row['id']}"),
    )
    return shown, names


async def _incident(
    c: CompositionContext,
    type_: str,
    payload: Mapping[str, Any],
    *,
    others: Collection[int] = (),
    **fields: Any,
) -> list[NewEvent]:
    """Return an event of an incident; `others` are incidents that it tells of, and that may be private."""
    row = await subject_store.incident(c.tx, payload["incident_id"])
    if row is None or row["drill"]:
        return []
    shown, names = await _shown_incident(c, row)
    event = c.event(
        type_,
        f"incident:{row['id']}",
        IncidentEvent(incident=shown, **fields),
        teams=team_ids_of(names, row["service_ids"]),
        services=row["service_ids"],
        incidents=[row["id"], *others],
    )
    return [event]


async def compose_declared(c: CompositionContext, payload: Mapping[str, Any]) -> list[NewEvent]:
    """Return that an incident was declared."""
    return await _incident(c, "incident.declared", payload)


async def compose_phase(c: CompositionContext, payload: Mapping[str, Any]) -> list[NewEvent]:
    """Return that an incident moved to another phase."""
    return await _incident(
        c, "incident.phase_changed", payload, before=payload["before"], after=payload["after"]
    )


async def compose_severity(c: CompositionContext, payload: Mapping[str, Any]) -> list[NewEvent]:
    """Return that the severity of an incident changed."""
    return await _incident(
        c, "incident.severity_changed", payload, before=payload["before"], after=payload["after"]
    )


async def compose_role(c: CompositionContext, payload: Mapping[str, Any]) -> list[NewEvent]:
    """Return that someone got or lost a role."""
    names = await subject_store.names(c.tx, (), (), [payload["person_id"]])
    role = WebhookRole(role=payload["role"], person=person_of(names, payload["person_id"]))
    return await _incident(c, "incident.role_changed", payload, role=role, change=payload["change"])


async def compose_update(c: CompositionContext, payload: Mapping[str, Any]) -> list[NewEvent]:
    """Return that someone posted an update."""
    entry = await subject_store.entry(c.tx, payload["entry_id"])
    if entry is None:
        return []
    text = cut(entry["text"], TEXT_BYTES)
    return await _incident(c, "incident.update_posted", payload, text=text, by=entry["actor"])


async def compose_merged(c: CompositionContext, payload: Mapping[str, Any]) -> list[NewEvent]:
    """Return that an incident was merged into another one."""
    into_id = payload["into_id"]
    return await _incident(c, "incident.merged", payload, others=[into_id], into=f"INC-{into_id}")


async def compose_closed(c: CompositionContext, payload: Mapping[str, Any]) -> list[NewEvent]:
    """Return that an incident was closed."""
    return await _incident(c, "incident.closed", payload)


async def compose_postmortem(c: CompositionContext, payload: Mapping[str, Any]) -> list[NewEvent]:
    """Return that a post-mortem was published; those of drills stay here."""
    row = await subject_store.postmortem(c.tx, payload["postmortem_id"])
    if row is None or row["kind"] == "drill":
        return []
    incident_ids = list(row["incident_ids"])
    main_id = row["incident_id"] or (incident_ids[0] if incident_ids else None)
    main = await subject_store.incident(c.tx, main_id) if main_id else None
    shown, names = await _shown_incident(c, main) if main else (None, Names({}, {}, {}))
    services = main["service_ids"] if main else []
    data = PostmortemEvent(
        postmortem=WebhookPostmortem(
            kind=row["kind"],
            version=payload["version"],
            incidents=[f"INC-{i}" for i in incident_ids],
            published_at=row["published_at"],
            url=c.url(
                f"/near-misses/NM-{row['id']}"
                if row["kind"] == "near_miss"
                else f"/post-mortems/INC-{main_id}"
            ),
        ),
        incident=shown,
    )
    subject = f"postmortem:{row['id']}"
    about = {"teams": team_ids_of(names, services), "services": services, "incidents": incident_ids}
    return [c.event("incident.postmortem_published", subject, data, **about)]
