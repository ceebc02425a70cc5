"""The SQL of incidents, roles and timelines."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec

from firebell.incidents.model import (
    OPEN,
    UNDECLARED,
    Assignment,
    Incident,
    IncidentRole,
    IncidentType,
    Phase,
    Visibility,
)
from firebell.incidents.visibility_store import Values, readable
from firebell.kit.db.database import Row, Tx
from firebell.kit.drill_clock import DrillClock
from firebell.kit.text import MAX_ID

INCIDENT_COLUMNS = (
    "id, title, summary, conditions, actions, needs, severity, max_severity, answers, provisional, phase,"
    " drill, impact_start, detected_at, declared_at, mitigated_at, impact_end, resolved_at, stable_since,"
    " closed_at, last_update_at, update_due_at, severity_at, reopen_count, declared_by, version,"
    " type, visibility, backfilled, merged_into, drill_clock, reopened_at"
)
_CHANGEABLE = {
    *("title", "summary", "conditions", "actions", "needs"),
    *("severity", "max_severity", "answers", "provisional", "phase"),
    *("mitigated_at", "impact_end", "resolved_at", "stable_since", "closed_at", "last_update_at"),
    *("update_due_at", "severity_at", "reopen_count", "reopened_at"),
    *("type", "visibility", "merged_into", "answers", "impact_start", "detected_at", "declared_at"),
    *("declared_by", "drill_clock"),
}


def incident_from_row(row: Row) -> Incident:
    """Return a row of `INCIDENT_COLUMNS` as an incident."""
    values = dict(row)
    values |= {
        "phase": Phase(values["phase"]),
        "type": IncidentType(values["type"]),
        "visibility": Visibility(values["visibility"]),
    }
    if values["drill_clock"] is not None:
        clock = values["drill_clock"] = msgspec.convert(values["drill_clock"], DrillClock)
        if clock.stands_still:
            values |= {"update_due_at": None, "paused_due_at": values["update_due_at"]}
    return Incident(**values)


async def insert(
    tx: Tx,
    title: str,
    summary: str,
    severity: int,
    answers: dict[str, Any],
    provisional: bool,
    drill: bool,
    detected_at: datetime,
    declared_by: int | None,
    now: datetime,
    *,
    phase: Phase = Phase.DECLARED,
    type: IncidentType = IncidentType.OPERATIONAL,  # noqa: A002 - the name of the column
    visibility: Visibility = Visibility.OPEN,
    backfilled: bool = False,
) -> Incident:
    """Insert an incident and return it; until someone declares it, `declared_at` is when it was reported."""
    row = await tx.row(
        f"""
        insert into incident (
            title, summary, severity, max_severity, answers, provisional, phase, drill,
            detected_at, declared_at, severity_at, declared_by, type, visibility, backfilled
        )
        values ($1, $2, $3, $3, $4, $5, $10, $6, $7, $8, $8, $9, $11, $12, $13)
        returning {INCIDENT_COLUMNS}
        """,
        title,
        summary,
        severity,
        answers,
        provisional,
        drill,
        detected_at,
        now,
        declared_by,
        phase,
        type,
        visibility,
        backfilled,
    )
    assert row
    return incident_from_row(row)


async def twin(
    tx: Tx, declared_by: int | None, title: str, since: datetime, service_ids: Sequence[int], *, drill: bool
) -> Incident | None:
    """Return an incident with all these services that the same person declared under this title after `since`.

    Incidents that are only reported or were recorded afterwards don't count. A drill is never the twin of a real
    incident.

    Serializes declarations of this person and title until the end of the transaction.
    """
    await tx.execute("select pg_advisory_xact_lock(hashtextextended($1, $2))", title, declared_by or 0)
    row = await tx.row(
        f"""
        select {INCIDENT_COLUMNS}
        from incident
        where declared_by is not distinct from $1::bigint
            and title = $2
            and declared_at > $3
            and drill = $4
            and not backfilled
            and phase <> all($5::text[])
            and $6::bigint[] <@ array(
                select service_id
                from incident_service
                where incident_service.incident_id = incident.id
            )
        order by id
        limit 1
        """,
        declared_by,
        title,
        since,
        drill,
        [str(phase) for phase in UNDECLARED],
        list(service_ids),
    )
    return incident_from_row(row) if row else None


async def lock(tx: Tx, incident_id: int) -> Incident | None:
    """Lock an incident and return it, None if it does not exist or may not be read."""
    values = Values(incident_id)
    row = await tx.row(
        f"""
        select {INCIDENT_COLUMNS}
        from incident
        where id = $1
            and {readable(values.add)}
        for update
        """,
        *values.values,
    )
    return incident_from_row(row) if row else None


async def lock_free(tx: Tx, ids: Sequence[int]) -> list[Incident]:
    """Lock and return those incidents that no other transaction has locked."""
    rows = await tx.fetch(
        f"""
        select {INCIDENT_COLUMNS}
        from incident
        where id = any($1::bigint[])
        order by id
        for update skip locked
        """,
        list(ids),
    )
    return [incident_from_row(row) for row in rows]


async def incident(tx: Tx, incident_id: int) -> Incident | None:
    """Return an incident, None if it does not exist or may not be read."""
    values = Values(incident_id)
    row = await tx.row(
        f"""
        select {INCIDENT_COLUMNS}
        from incident
        where id = $1
            and {readable(values.add)}
        """,
        *values.values,
    )
    return incident_from_row(row) if row else None


async def incidents_by_id(tx: Tx, ids: Sequence[int]) -> dict[int, Incident]:
    """Return the incidents that exist and may be read, by id."""
    values = Values(list(ids))
    rows = await tx.fetch(
        f"""
        select {INCIDENT_COLUMNS}
        from incident
        where id = any($1::bigint[])
            and {readable(values.add)}
        """,
        *values.values,
    )
    return {row["id"]: incident_from_row(row) for row in rows}


async def of_service(
    tx: Tx, service_id: int, limit: int, phases: Sequence[str] | None = None
) -> list[Incident]:
    """Return the incidents of a service without drills, newest first; with `phases` only those in one of them."""
    values = Values(service_id, limit, MAX_ID)
    in_phase = (
        "" if phases is None else f"and incident.phase = any({values.add([str(p) for p in phases])}::text[])"
    )
    # A range instead of an equality: otherwise the planner may walk the incidents of all services backward.
    rows = await tx.fetch(
        f"""
        select {INCIDENT_COLUMNS}
        from incident_service
        join incident on incident.id = incident_service.incident_id
        where service_id >= $1
            and (service_id, incident_id) <= ($1, $3::bigint)
            and not incident.drill
            {in_phase}
            and {readable(values.add)}
        order by service_id desc, incident_id desc
        limit $2
        """,
        *values.values,
    )
    return [incident_from_row(row) for row in rows]


async def open_by_service(tx: Tx, service_ids: Sequence[int] | None) -> list[tuple[int, Incident]]:
    """Return each open incident, without drills, with each of its services that is among these; None means all."""
    values = Values([str(phase) for phase in OPEN])
    among = "" if service_ids is None else f"and service_id = any({values.add(list(service_ids))}::bigint[])"
    rows = await tx.fetch(
        f"""
        select service_id, incident_id
        from incident
        join incident_service on incident_service.incident_id = incident.id
        where incident.phase = any($1::text[])
            and not incident.drill
            {among}
            and {readable(values.add)}
        order by incident_id
        """,
        *values.values,
    )
    by_id = await incidents_by_id(tx, [row["incident_id"] for row in rows])
    # an incident that became private after the first query is missing from the second
    return [(row["service_id"], by_id[row["incident_id"]]) for row in rows if row["incident_id"] in by_id]


async def change(tx: Tx, incident_id: int, **changes: Any) -> Incident:
    """Update the named columns, raise the version, and return the incident."""
    assert set(changes) <= _CHANGEABLE
    assignments = "".join(f", {name} = ${i}" for i, name in enumerate(changes, 2))
    row = await tx.row(
        f"""
        update incident
        set version = version + 1{assignments}
        where id = $1
        returning {INCIDENT_COLUMNS}
        """,
        incident_id,
        *changes.values(),
    )
    assert row
    return incident_from_row(row)


async def set_services(tx: Tx, incident_id: int, service_ids: Sequence[int]) -> None:
    """Add services to an incident. Idempotent."""
    await tx.many(
        """
        insert into incident_service (incident_id, service_id)
        values ($1, $2)
        on conflict do nothing
        """,
        [(incident_id, i) for i in service_ids],
    )


async def services(tx: Tx, ids: Sequence[int]) -> dict[int, list[int]]:
    """Return the service ids of each incident."""
    rows = await tx.fetch(
        """
        select incident_id, service_id
        from incident_service
        where incident_id = any($1::bigint[])
        order by service_id
        """,
        list(ids),
    )
    service_ids: dict[int, list[int]] = {i: [] for i in ids}
    for row in rows:
        service_ids[row["incident_id"]].append(row["service_id"])
    return service_ids


async def link_page(tx: Tx, incident_id: int, page_id: int) -> None:
    """Link a page to an incident. Idempotent."""
    await tx.execute(
        """
        insert into incident_page (incident_id, page_id)
        values ($1, $2)
        on conflict do nothing
        """,
        incident_id,
        page_id,
    )


async def page_ids(tx: Tx, incident_id: int) -> list[int]:
    """Return the ids of the pages that are linked to an incident, oldest first."""
    rows = await tx.fetch(
        """
        select page_id
        from incident_page
        where incident_id = $1
        order by page_id
        """,
        incident_id,
    )
    return [row["page_id"] for row in rows]


async def pages_of(tx: Tx, ids: Sequence[int]) -> dict[int, list[int]]:
    """Return the page ids of each incident."""
    rows = await tx.fetch(
        """
        select incident_id, page_id
        from incident_page
        where incident_id = any($1::bigint[])
        order by page_id
        """,
        list(ids),
    )
    page_ids: dict[int, list[int]] = {i: [] for i in ids}
    for row in rows:
        page_ids[row["incident_id"]].append(row["page_id"])
    return page_ids


async def incident_of_page(tx: Tx, page_id: int) -> int | None:
    """Return the id of the newest incident that a page is linked to and that may be read, None if there is none."""
    values = Values(page_id)
    incident_id: int | None = await tx.value(
        f"""
        select incident_id
        from incident_page
        join incident on incident.id = incident_page.incident_id
        where page_id = $1
            and {readable(values.add)}
        order by incident_id desc
        limit 1
        """,
        *values.values,
    )
    return incident_id


async def roles(tx: Tx, ids: Sequence[int]) -> dict[int, list[Assignment]]:
    """Return the current assignments of each incident, earliest first."""
    rows = await tx.fetch(
        """
        select incident_id, id, role, person_id, from_at
        from incident_role
        where incident_id = any($1::bigint[])
            and until_at is null
        order by id
        """,
        list(ids),
    )
    assignments: dict[int, list[Assignment]] = {i: [] for i in ids}
    for row in rows:
        assignments[row["incident_id"]].append(
            Assignment(
                id=row["id"],
                role=IncidentRole(row["role"]),
                person_id=row["person_id"],
                from_at=row["from_at"],
            )
        )
    return assignments


async def end_role(tx: Tx, incident_id: int, role: IncidentRole, person_id: int, now: datetime) -> None:
    """End a role of a person."""
    await tx.execute(
        """
        update incident_role
        set until_at = $4
        where incident_id = $1
            and role = $2
            and person_id = $3
            and until_at is null
        """,
        incident_id,
        role,
        person_id,
        now,
    )


async def start_role(tx: Tx, incident_id: int, role: IncidentRole, person_id: int, now: datetime) -> None:
    """Record that a person holds a role from now on."""
    await tx.execute(
        """
        insert into incident_role (incident_id, role, person_id, from_at)
        values ($1, $2, $3, $4)
        """,
        incident_id,
        role,
        person_id,
        now,
    )


async def add_entry(
    tx: Tx,
    incident_id: int,
    kind: str,
    actor: str,
    actor_id: int | None,
    text: str,
    data: dict[str, Any],
    now: datetime,
    effective_at: datetime,
) -> int:
    """Insert a timeline entry and return its id."""
    entry_id: int = await tx.value(
        """
        insert into timeline_entry (incident_id, at, effective_at, kind, actor, actor_id, text, data)
        values ($1, $2, $8, $3, $4, $5, $6, $7)
        returning id
        """,
        incident_id,
        now,
        kind,
        actor,
        actor_id,
        text,
        data,
        effective_at,
    )
    return entry_id


async def has_entry(tx: Tx, incident_id: int, kind: str) -> bool:
    """Return True if the timeline has an entry of this kind that is not struck."""
    return bool(
        await tx.value(
            """
            select exists (
                select
                from timeline_entry as entry
                where incident_id = $1
                    and kind = $2
                    and 'strike' is distinct from (
                        select change.kind
                        from timeline_change as change
                        where change.entry_id = entry.id
                            and change.kind in ('strike', 'restore')
                        order by change.id desc
                        limit 1
                    )
            )
            """,
            incident_id,
            kind,
        )
    )


async def last_raise(tx: Tx, incident_id: int) -> datetime | None:
    """Return when the severity was last raised, None for never."""
    raised_at: datetime | None = await tx.value(
        """
        select max(at)
        from timeline_entry
        where incident_id = $1
            and kind = 'severity'
            and (data->>'to')::int < (data->>'from')::int
        """,
        incident_id,
    )
    return raised_at


async def last_entry_at(tx: Tx, incident_id: int, kinds: Collection[str]) -> datetime | None:
    """Return when the timeline last got an entry of one of these kinds, None for never."""
    written_at: datetime | None = await tx.value(
        """
        select max(at)
        from timeline_entry
        where incident_id = $1
            and kind = any($2::text[])
        """,
        incident_id,
        list(kinds),
    )
    return written_at
