"""The SQL that reads what events are about, as it is when they are composed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from firebell.kit.db.database import Row, Tx


@dataclass(frozen=True, slots=True)
class Names:
    """The slugs and names of teams and services, and the names of people, by id."""

    teams: Mapping[int, tuple[str, str]]
    services: Mapping[int, tuple[str, str, int]]
    """The team is the third."""
    people: Mapping[int, str]


async def names(
    tx: Tx, service_ids: Collection[int], team_ids: Collection[int], person_ids: Collection[int]
) -> Names:
    """Return the names of these, and of the teams of the services."""
    services = {
        row["id"]: (row["slug"], row["name"], row["team_id"])
        for row in await tx.fetch(
            "select id, slug, name, team_id from service where id = any($1::bigint[])", list(service_ids)
        )
    }
    wanted = {*team_ids, *(team_id for _, _, team_id in services.values())}
    teams = await tx.fetch("select id, slug, name from team where id = any($1::bigint[])", list(wanted))
    people = await tx.fetch("select id, name from person where id = any($1::bigint[])", list(person_ids))
    return Names(
        {row["id"]: (row["slug"], row["name"]) for row in teams},
        services,
        {row["id"]: row["name"] for row in people},
    )


async def pages(tx: Tx, ids: Collection[int]) -> dict[int, Row]:
    """Return pages with their owners and, but for those of alert groups, the incidents on which they hang."""
    rows = await tx.fetch(
        """
        select
            page.id, page.subject_kind, page.subject_id, page.service_id, page.team_id, page.title, page.urgency,
            page.severity, page.state, page.level, page.triggered_at, page.acked_at, page.resolved_at,
            page.snoozed_until, page.plan ->> 'name' as policy, linked.incident_ids,
            coalesce((page.plan ->> 'is_drill')::boolean, false)
                or exists (
                    select
                    from incident
                    where incident.id = any(linked.incident_ids)
                        and incident.drill
                ) as is_drill,
            array(
                select person_id
                from page_owner
                where page_id = page.id
                    and (page.acks = '[]' or page.acks @> to_jsonb(person_id))
                order by at, person_id
            ) as owner_ids
        from page
        cross join lateral (
            select
                case when page.subject_kind = 'group' then '{}' else array(
                    select incident_id
                    from incident_page
                    where page_id = page.id
                    union
                    select page.subject_id
                    where page.subject_kind = 'incident'
                ) end as incident_ids
        ) linked
        where page.id = any($1::bigint[])
        """,
        list(ids),
    )
    return {row["id"]: row for row in rows}


async def groups(tx: Tx, ids: Collection[int]) -> dict[int, Row]:
    """Return alert groups by id."""
    rows = await tx.fetch(
        """
        select id, title, urgency, opened_at, closed_at, alerts, firing, lead_severity
        from alert_group
        where id = any($1::bigint[])
        """,
        list(ids),
    )
    return {row["id"]: row for row in rows}


async def incident(tx: Tx, incident_id: int) -> Row | None:
    """Return an incident with its services and the holders of its roles."""
    return await tx.row(
        """
        select
            id, title, summary, severity, provisional, phase, type, visibility, drill, detected_at, declared_at,
            mitigated_at, resolved_at, closed_at,
            array(select service_id from incident_service where incident_id = incident.id order by 1) as service_ids,
            array(
                select array[role, person_id::text]
                from incident_role
                where incident_id = incident.id
                    and until_at is null
                order by id
            ) as roles
        from incident
        where id = $1
        """,
        incident_id,
    )


async def entry(tx: Tx, entry_id: int) -> Row | None:
    """Return who wrote an entry of a timeline, and its text."""
    return await tx.row("select actor, text from timeline_entry where id = $1", entry_id)


async def postmortem(tx: Tx, postmortem_id: int) -> Row | None:
    """Return a post-mortem with all incidents that it is about."""
    return await tx.row(
        """
        select
            id, incident_id, kind, published_at,
            array(
                select incident_id
                from postmortem_incident
                where postmortem_id = postmortem.id
                union
                select postmortem.incident_id
                where postmortem.incident_id is not null
                order by 1
            ) as incident_ids
        from postmortem
        where id = $1
        """,
        postmortem_id,
    )


async def action_item(tx: Tx, item_id: int) -> Row | None:
    """Return an action item with the incidents on which it hangs."""
    return await tx.row(
        """
        select
            id, title, kind, priority, state, owner_id, is_accepted, team_id, due, done_at, incident_id,
            array(
                select incident_id
                from postmortem_incident
                where postmortem_id = action_item.postmortem_id
                union
                select action_item.incident_id
                where action_item.incident_id is not null
            ) as incident_ids
        from action_item
        where id = $1
        """,
        item_id,
    )


async def silences(tx: Tx, ids: Sequence[int]) -> list[dict[str, Any]]:
    """Return those of these mutes that are silences."""
    rows = await tx.fetch(
        """
        select id, author, name as comment, matchers, service_ids, starts_at, ends_at, ended_at
        from alert_mute
        where id = any($1::bigint[])
            and kind = 'silence'
        order by id
        """,
        list(ids),
    )
    return [dict(row) for row in rows]


async def schedules(tx: Tx, ids: Collection[int]) -> list[Row]:
    """Return schedules by id."""
    return await tx.fetch(
        "select id, slug, name, team_id, tz from schedule where id = any($1::bigint[]) order by id", list(ids)
    )
