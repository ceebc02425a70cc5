"""The SQL of the facts for process checks: roles, linked pages, alerts and reports."""

from collections.abc import Sequence
from datetime import datetime

from firebell.incidents.checks.model import HeldRole, LinkedPage
from firebell.incidents.model import IncidentRole
from firebell.kit.db.arrays import transpose
from firebell.kit.db.database import Tx


async def role_history(tx: Tx, ids: Sequence[int]) -> dict[int, list[HeldRole]]:
    """Return all assignments of each incident, ended ones included, earliest first."""
    rows = await tx.fetch(
        """
        select incident_id, incident_role.role, person_id, person.name, from_at, until_at
        from incident_role
        join person on person.id = incident_role.person_id
        where incident_id = any($1::bigint[])
        order by incident_role.id
        """,
        list(ids),
    )
    roles: dict[int, list[HeldRole]] = {i: [] for i in ids}
    for row in rows:
        roles[row["incident_id"]].append(
            HeldRole(
                IncidentRole(row["role"]), row["person_id"], row["name"], row["from_at"], row["until_at"]
            )
        )
    return roles


async def alert_pages(tx: Tx, ids: Sequence[int]) -> dict[int, list[LinkedPage]]:
    """Return the linked pages of alerts of each incident, and whether an alert or the service links a runbook."""
    rows = await tx.fetch(
        """
        select
            incident_page.incident_id,
            page.id,
            coalesce(service.runbook_url, '') <> ''
                or exists (
                    select
                    from alert
                    where alert.group_id = page.subject_id
                        and alert.links ->> 'runbook' <> ''
                ) as has_runbook
        from incident_page
        join page on page.id = incident_page.page_id
        left join service on service.id = page.service_id
        where incident_page.incident_id = any($1::bigint[])
            and page.subject_kind = 'group'
        order by page.id
        """,
        list(ids),
    )
    pages: dict[int, list[LinkedPage]] = {i: [] for i in ids}
    for row in rows:
        pages[row["incident_id"]].append(LinkedPage(f"PG-{row['id']}", row["has_runbook"]))
    return pages


async def responders_before(tx: Tx, ids: Sequence[int]) -> dict[int, int]:
    """Return how many people owned pages of each incident before it was declared."""
    rows = await tx.fetch(
        """
        select incident.id, count(distinct owner.person_id) as responders
        from incident
        join incident_page on incident_page.incident_id = incident.id
        join page_owner as owner on owner.page_id = incident_page.page_id
        where incident.id = any($1::bigint[])
            and owner.at < incident.declared_at
        group by incident.id
        """,
        list(ids),
    )
    return {row["id"]: row["responders"] for row in rows}


async def firing_at(
    tx: Tx, moments: Sequence[tuple[int, datetime]]
) -> dict[tuple[int, datetime], tuple[str, str]]:
    """Return (page, title) of an alert linked to each incident that fires now or fired at the instant."""
    rows = await tx.fetch(
        """
        select distinct on (moment.incident_id, moment.at)
            moment.incident_id,
            moment.at,
            page.id,
            alert.title
        from unnest($1::bigint[], $2::timestamptz[]) moment (incident_id, at)
        join incident_page on incident_page.incident_id = moment.incident_id
        join page on page.id = incident_page.page_id
            and page.subject_kind = 'group'
        join alert on alert.group_id = page.subject_id
        where alert.status = 'firing'
            or (
                alert.starts_at <= moment.at
                and coalesce(alert.ends_at, alert.last_seen) > moment.at
            )
        order by moment.incident_id, moment.at, alert.status = 'firing' desc, alert.id
        """,
        *transpose(moments, 2),
    )
    return {(row["incident_id"], row["at"]): (f"PG-{row['id']}", row["title"]) for row in rows}


async def reports_open_at(tx: Tx, moments: Sequence[tuple[int, datetime]]) -> dict[tuple[int, datetime], str]:
    """Return a customer report of each incident from after its impact that is open, or was at the instant."""
    rows = await tx.fetch(
        """
        select distinct on (moment.incident_id, moment.at)
            moment.incident_id,
            moment.at,
            report.text
        from unnest($1::bigint[], $2::timestamptz[]) moment (incident_id, at)
        join incident on incident.id = moment.incident_id
        join customer_report report on report.incident_id = moment.incident_id
        where report.reported_at > incident.impact_end
            and (
                report.answered_at is null
                or (report.reported_at <= moment.at and report.answered_at > moment.at)
            )
        order by moment.incident_id, moment.at, report.id
        """,
        *transpose(moments, 2),
    )
    return {(row["incident_id"], row["at"]): row["text"] for row in rows}
