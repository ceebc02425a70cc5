"""The SQL that reads what facts are computed from: roles and post-mortems of incidents, logs and calls of pages."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from firebell.incidents.model import IncidentRole
from firebell.kit.db.database import Tx
from firebell.kit.localtime import known_zone
from firebell.metrics.facts.rules import Call, PageLogRow, PageSource, RoleHeld


async def roles(tx: Tx, incident_ids: Sequence[int]) -> dict[int, list[RoleHeld]]:
    """Return all roles that people held, ended ones included, by incident."""
    rows = await tx.fetch(
        """
        select incident_id, role, person_id, from_at, until_at
        from incident_role
        where incident_id = any($1::bigint[])
        order by id
        """,
        list(incident_ids),
    )
    held: dict[int, list[RoleHeld]] = {i: [] for i in incident_ids}
    for row in rows:
        role = RoleHeld(IncidentRole(row["role"]), row["person_id"], row["from_at"], row["until_at"])
        held[row["incident_id"]].append(role)
    return held


class PostmortemSource(NamedTuple):
    """The text of a post-mortem, when it was first published, and whether it was withdrawn."""

    body: str = ""
    published_at: datetime | None = None
    is_withdrawn: bool = False


async def services(tx: Tx, incident_ids: Sequence[int]) -> list[tuple[int, int]]:
    """Return the (incident, service) pairs of incidents."""
    rows = await tx.fetch(
        """
        select incident_id, service_id
        from incident_service
        where incident_id = any($1::bigint[])
        """,
        list(incident_ids),
    )
    return [(row["incident_id"], row["service_id"]) for row in rows]


async def postmortems(tx: Tx, incident_ids: Sequence[int]) -> dict[int, PostmortemSource]:
    """Return the post-mortem of each incident, also a withdrawn one."""
    rows = await tx.fetch(
        """
        select
            about.incident_id,
            postmortem.body,
            postmortem.first_published_at as published_at,
            postmortem.state = 'withdrawn' as is_withdrawn
        from postmortem_incident about
        join postmortem on postmortem.id = about.postmortem_id
        where about.incident_id = any($1::bigint[])
        order by postmortem.id
        """,
        list(incident_ids),
    )
    return {
        row["incident_id"]: PostmortemSource(row["body"], row["published_at"], row["is_withdrawn"])
        for row in rows
    }


async def pages(tx: Tx, ids: Sequence[int]) -> list[PageSource]:
    """Return what is recorded about pages; those that were deleted are missing.

    Only incidents that everyone may read count, so that a page tells nothing about a private one.
    """
    wanted = list(ids)
    logs = await _logs(tx, wanted)
    calls = await _calls(tx, wanted)
    rows = await tx.fetch(
        """
        select
            page.id,
            page.team_id,
            page.service_id,
            coalesce(
                (
                    select coalesce(nullif(alert.labels ->> 'alertname', ''), alert.title)
                    from alert
                    where alert.group_id = page.subject_id
                        and page.subject_kind = 'group'
                    order by alert.id
                    limit 1
                ),
                case page.subject_kind when 'group' then page.title else '' end
            ) as rule,
            page.urgency,
            page.severity,
            page.triggered_at,
            page.resolved_at,
            array(
                select is_actionable
                from page_vote
                where page_vote.page_id = page.id
                order by page_vote.person_id
            ) as votes,
            array(
                select incident.max_severity
                from incident_page
                join incident on incident.id = incident_page.incident_id
                where incident_page.page_id = page.id
                    and incident.visibility = 'open'
                    and incident.phase not in ('detected', 'triaging')
                order by incident.id
            ) as severities,
            array(
                select incident.drill
                from incident_page
                join incident on incident.id = incident_page.incident_id
                where incident_page.page_id = page.id
                order by incident.id
            ) || case when page.plan ? 'is_drill' then array[true] else array[]::boolean[] end as drills
        from page
        where page.id = any($1::bigint[])
            and page.state <> 'merged'
        """,
        wanted,
    )
    return [
        PageSource(**dict(row), log=logs.get(row["id"], []), calls=calls.get(row["id"], [])) for row in rows
    ]


async def _logs(tx: Tx, ids: list[int]) -> dict[int, list[PageLogRow]]:
    rows = await tx.fetch(
        """
        select page_id, at, kind, actor_id, (data ->> 'level')::int as level
        from page_log
        where page_id = any($1::bigint[])
        order by page_id, id
        """,
        ids,
    )
    logs: dict[int, list[PageLogRow]] = {}
    for row in rows:
        logs.setdefault(row["page_id"], []).append(
            PageLogRow(row["at"], row["kind"], row["actor_id"], row["level"])
        )
    return logs


async def _calls(tx: Tx, ids: list[int]) -> dict[int, list[Call]]:
    rows = await tx.fetch(
        """
        select delivery.subject_id as page_id, delivery.person_id, person.tz, delivery.sent_at
        from delivery
        join page on page.id = delivery.subject_id
        join person on person.id = delivery.person_id
        where delivery.subject_kind = 'page'
            and delivery.subject_id = any($1::bigint[])
            and delivery.state = 'accepted'
            and delivery.sent_at is not null
            and page.urgency = 'high'
        order by delivery.id
        """,
        ids,
    )
    calls: dict[int, list[Call]] = {}
    for row in rows:
        calls.setdefault(row["page_id"], []).append(
            Call(row["person_id"], known_zone(row["tz"]), row["sent_at"])
        )
    return calls


async def pages_of_incidents(tx: Tx, incident_ids: Sequence[int]) -> list[int]:
    """Return the pages of incidents."""
    rows = await tx.fetch(
        """
        select distinct page_id
        from incident_page
        where incident_id = any($1::bigint[])
        """,
        list(incident_ids),
    )
    return [row["page_id"] for row in rows]


async def changed_pages(tx: Tx, after_id: int, settled: datetime, limit: int) -> tuple[list[int], int, bool]:
    """Return pages whose log has entries after one, the last of these that is settled, and whether there are more.

    An entry is settled if it was written before `settled`: later ones may still come from transactions that began
    before it.
    """
    rows = await tx.fetch(
        """
        select id, page_id, at
        from page_log
        where id > $1
        order by id
        limit $2
        """,
        after_id,
        limit,
    )
    return _changed([(row["id"], row["page_id"], row["at"]) for row in rows], after_id, settled, limit)


async def changed_incidents(
    tx: Tx, after_id: int, settled: datetime, limit: int
) -> tuple[list[int], int, bool]:
    """Return incidents whose timeline has entries after one, as `changed_pages` does."""
    rows = await tx.fetch(
        """
        select id, incident_id, at
        from timeline_entry
        where id > $1
        order by id
        limit $2
        """,
        after_id,
        limit,
    )
    return _changed([(row["id"], row["incident_id"], row["at"]) for row in rows], after_id, settled, limit)


def _changed(
    rows: Sequence[tuple[int, int, datetime]], after_id: int, settled: datetime, limit: int
) -> tuple[list[int], int, bool]:
    last = after_id
    for entry_id, _, at in rows:
        if at >= settled:
            break
        last = entry_id
    else:
        return list({subject_id for _, subject_id, _ in rows}), last, len(rows) >= limit
    return list({subject_id for _, subject_id, _ in rows}), last, False


Newest = tuple[int, int, datetime | None, datetime | None, datetime | None]
"""The newest log entry of a page, timeline entry, answer about a page, change of a post-mortem, and call."""


async def newest(tx: Tx) -> Newest:
    """Return what happened last, read from indexes."""
    row = await tx.row(
        """
        select
            (select coalesce(max(id), 0) from page_log),
            (select coalesce(max(id), 0) from timeline_entry),
            (select max(at) from page_vote),
            (select max(updated_at) from postmortem),
            (
                select max(sent_at)
                from delivery
                where state = 'accepted'
                    and subject_kind = 'page'
            )
        """
    )
    assert row
    return row[0], row[1], row[2], row[3], row[4]


async def voted_pages(tx: Tx, since: datetime) -> list[int]:
    """Return the pages about which someone answered since an instant."""
    rows = await tx.fetch(
        """
        select distinct page_id
        from page_vote
        where at >= $1
        """,
        since,
    )
    return [row["page_id"] for row in rows]


async def called_pages(tx: Tx, since: datetime) -> list[int]:
    """Return the pages of which a message reached someone since an instant."""
    rows = await tx.fetch(
        """
        select distinct subject_id
        from delivery
        where state = 'accepted'
            and subject_kind = 'page'
            and sent_at >= $1
        """,
        since,
    )
    return [row["subject_id"] for row in rows]


async def published_postmortems(tx: Tx, since: datetime) -> list[int]:
    """Return the incidents whose post-mortem changed since an instant."""
    rows = await tx.fetch(
        """
        select distinct about.incident_id
        from postmortem
        join postmortem_incident about on about.postmortem_id = postmortem.id
        where postmortem.updated_at >= $1
        """,
        since,
    )
    return [row["incident_id"] for row in rows]


async def pages_since(
    tx: Tx, since: datetime, settled: datetime, after_id: int, limit: int
) -> tuple[list[int], int | None]:
    """Return pages with an id after one that were triggered since an instant, and the last id that was read.

    Pages about which something was logged, sent or answered since `settled`, or written in their incidents, are left
    out: their facts may follow in a moment.
    """
    rows = await tx.fetch(
        """
        select
            id,
            exists (
                select
                from page_log
                where page_log.page_id = page.id
                    and page_log.at >= $4
            )
            or exists (
                select
                from delivery
                where delivery.subject_kind = 'page'
                    and delivery.subject_id = page.id
                    and delivery.sent_at >= $4
            )
            or exists (
                select
                from page_vote
                where page_vote.page_id = page.id
                    and page_vote.at >= $4
            )
            or exists (
                select
                from incident_page
                join timeline_entry on timeline_entry.incident_id = incident_page.incident_id
                where incident_page.page_id = page.id
                    and timeline_entry.at >= $4
            ) as is_moving
        from page
        where id > $2
            and triggered_at >= $1
        order by id
        limit $3
        """,
        since,
        after_id,
        limit,
        settled,
    )
    return [row["id"] for row in rows if not row["is_moving"]], rows[-1]["id"] if rows else None


async def incidents_since(
    tx: Tx, since: datetime, settled: datetime, after_id: int, limit: int
) -> tuple[list[int], int | None]:
    """Return incidents with an id after one that were declared since an instant, as `pages_since` does."""
    rows = await tx.fetch(
        """
        select
            id,
            exists (
                select
                from timeline_entry
                where timeline_entry.incident_id = incident.id
                    and timeline_entry.at >= $4
            )
            or exists (
                select
                from postmortem_incident about
                join postmortem on postmortem.id = about.postmortem_id
                where about.incident_id = incident.id
                    and postmortem.updated_at >= $4
            ) as is_moving
        from incident
        where id > $2
            and declared_at >= $1
        order by id
        limit $3
        """,
        since,
        after_id,
        limit,
        settled,
    )
    return [row["id"] for row in rows if not row["is_moving"]], rows[-1]["id"] if rows else None
