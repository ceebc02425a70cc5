"""The SQL of the rows that the rules of readiness look at.

A rule reads the newest rows that it needs. Incidents recorded afterwards never count; drills count where the rule
says so.
"""

from collections.abc import Sequence
from datetime import date, datetime

from firebell.channels.registry import NEVER_REACHING
from firebell.kit.db.database import Tx
from firebell.readiness.facts import ClosedIncident, Dated, PlanningFacts, PublicPageFacts, TabletopFacts


def _incident(incident_id: int, at: datetime) -> Dated:
    return Dated(f"INC-{incident_id}", at, incident_id)


async def classified(tx: Tx, since: datetime, limit: int) -> list[Dated]:
    """1.1: return the newest incidents that were classified by the questions, drills too."""
    rows = await tx.fetch(
        """
        select id, declared_at
        from incident
        where answers <> '{}'
            and not provisional
            and not backfilled
            and declared_at > $1
        order by declared_at desc
        limit $2
        """,
        since,
        limit,
    )
    return [_incident(row["id"], row["declared_at"]) for row in rows]


async def provisional(tx: Tx, before: datetime) -> list[Dated]:
    """1.1: return up to 10 open incidents declared before an instant whose severity is not confirmed."""
    rows = await tx.fetch(
        """
        select id, declared_at
        from incident
        where phase in ('declared', 'investigating', 'mitigating', 'resolved', 'monitoring')
            and provisional
            and not drill
            and declared_at <= $1
        order by id
        limit 10
        """,
        before,
    )
    return [_incident(row["id"], row["declared_at"]) for row in rows]


async def last_event(tx: Tx, since: datetime) -> Dated | None:
    """1.2: return the newest alert message since an instant that could be read."""
    row = await tx.row(
        """
        select event.received_at, integration.name
        from event
        join integration on integration.id = event.integration_id
        where event.received_at > $1
            and event.error is null
        order by event.received_at desc
        limit 1
        """,
        since,
    )
    return Dated(f"a message through {row['name']}", row["received_at"]) if row else None


async def last_delivery(tx: Tx, since: datetime) -> Dated | None:
    """1.2: return the newest message of a page since an instant that counts as having reached someone."""
    row = await tx.row(
        """
        select sent_at, channel
        from delivery
        where state = 'accepted'
            and subject_kind = 'page'
            and channel <> 'web'
            and channel <> all($2::text[])
            and sent_at > $1
        order by sent_at desc
        limit 1
        """,
        since,
        NEVER_REACHING,
    )
    return Dated(f"a message by {row['channel']}", row["sent_at"]) if row else None


async def proofs(tx: Tx, since: datetime) -> dict[int, datetime]:
    """1.3: return when a message of a page last arrived at each person, since an instant."""
    rows = await tx.fetch(
        """
        select person_id, max(sent_at) as at
        from delivery
        where state = 'accepted'
            and subject_kind = 'page'
            and channel <> all($2::text[])
            and sent_at > $1
        group by person_id
        """,
        since,
        NEVER_REACHING,
    )
    return {row["person_id"]: row["at"] for row in rows}


async def has_chat(tx: Tx) -> bool:
    """1.4: return True if a chat is connected and works."""
    return bool(await tx.value("select exists (select from chat_account where state <> 'broken')"))


async def last_channel(tx: Tx, since: datetime) -> Dated | None:
    """1.4: return the newest channel of an incident that Firebell created, with its message pinned; drills too."""
    row = await tx.row(
        """
        select chat_room.name, chat_room.created_at, chat_room.incident_id
        from chat_room
        join chat_object on chat_object.account_id = chat_room.account_id
            and chat_object.object_key = 'inc-' || chat_room.incident_id || '/pin'
        where chat_room.created_at > $1
            and chat_room.name ~ '^(incident|drill)-\\d{4}-\\d\\d-\\d\\d-'
            and chat_object.state = 'sent'
        order by chat_room.created_at desc
        limit 1
        """,
        since,
    )
    return Dated(f"#{row['name']}", row["created_at"], row["incident_id"]) if row else None


async def public_page(tx: Tx) -> PublicPageFacts | None:
    """2.2: return the status page with a component for a service that was fetched last from outside."""
    row = await tx.row(
        """
        select status_page.slug, status_page.fetched_at
        from status_page
        where exists (
            select
            from status_component
            join status_component_service on status_component_service.component_id = status_component.id
            where status_component.status_page_id = status_page.id
                and status_component.archived_at is null
        )
        order by status_page.fetched_at desc nulls last, status_page.id
        limit 1
        """
    )
    return PublicPageFacts(row["slug"], row["fetched_at"]) if row else None


async def last_public_post(tx: Tx, since: datetime) -> Dated | None:
    """2.2: return the newest public update, or status text in the tray of a drill."""
    row = await tx.row(
        """
        (
            select 'a public update' as ref, public_update.created_at as at, public_incident.incident_id
            from public_update
            join public_incident on public_incident.id = public_update.public_incident_id
            where public_update.created_at > $1
            order by public_update.id desc
            limit 1
        )
        union all
        (
            select 'DRILL-' || drill.id, drill.started_at, null
            from drill
            join drill_tray_post on drill_tray_post.drill_id = drill.id
            where drill_tray_post.target = 'status_page'
                and drill.started_at > $1
            order by drill.started_at desc
            limit 1
        )
        order by at desc
        limit 1
        """,
        since,
    )
    return Dated(row["ref"], row["at"], row["incident_id"]) if row else None


async def last_drills(tx: Tx, since: datetime) -> dict[int, datetime]:
    """2.3: return the end of the last drill that each person took part in, since an instant."""
    rows = await tx.fetch(
        """
        select drill_participant.person_id, max(drill.finished_at) as at
        from drill
        join drill_participant on drill_participant.drill_id = drill.id
        where drill.state = 'finished'
            and drill.finished_at > $1
            and drill_participant.attended
        group by drill_participant.person_id
        """,
        since,
    )
    return {row["person_id"]: row["at"] for row in rows}


async def owning_teams(tx: Tx) -> dict[int, str]:
    """2.3: return the teams that own a service, by id with their names."""
    rows = await tx.fetch(
        """
        select team.id, team.name
        from team
        where exists (select from service where service.team_id = team.id and deleted_at is null)
        order by team.name
        """
    )
    return {row["id"]: row["name"] for row in rows}


async def tabletops(tx: Tx, since: datetime) -> list[TabletopFacts]:
    """2.4: return the newest finished tabletops since an instant, at most 20."""
    rows = await tx.fetch(
        """
        select
            drill.id,
            drill.finished_at,
            (
                select count(*)
                from drill_participant
                where drill_participant.drill_id = drill.id
                    and drill_participant.attended
            ) as attended,
            (
                select count(*)
                from drill_inject
                where drill_inject.drill_id = drill.id
                    and drill_inject.answered_s is not null
            ) as answered,
            exists (
                select
                from postmortem
                where postmortem.incident_id = drill.incident_id
                    and postmortem.state = 'published'
            ) as published
        from drill
        where drill.state = 'finished'
            and drill.kind = 'tabletop'
            and drill.finished_at > $1
        order by drill.finished_at desc
        limit 20
        """,
        since,
    )
    return [
        TabletopFacts(
            f"DRILL-{row['id']}", row["finished_at"], row["attended"], row["answered"], row["published"]
        )
        for row in rows
    ]


async def reviewed_postmortem(tx: Tx) -> Dated | None:
    """3.1: return the first published post-mortem that someone approved who stored no version of it."""
    row = await tx.row(
        """
        select postmortem.incident_id, postmortem.published_at
        from postmortem_review
        join postmortem on postmortem.id = postmortem_review.postmortem_id
        where postmortem_review.verdict = 'approve'
            and postmortem.state = 'published'
            and postmortem.incident_id is not null
            and postmortem.kind <> 'drill'
            and not exists (
                select
                from postmortem_version
                where postmortem_version.postmortem_id = postmortem.id
                    and postmortem_version.by_id = postmortem_review.by_id
            )
        order by postmortem_review.id
        limit 1
        """
    )
    return _incident(row["incident_id"], row["published_at"]) if row else None


async def closed_severe(tx: Tx, since: datetime, severities: Sequence[int]) -> list[ClosedIncident]:
    """3.2: return the real incidents closed since an instant that require a post-mortem."""
    rows = await tx.fetch(
        """
        select
            incident.id,
            incident.closed_at,
            case when postmortem.state = 'published' then postmortem.first_published_at end as published_at,
            coalesce(postmortem.due_at, incident.closed_at + interval '48 hours') as due_at
        from incident
        left join postmortem on postmortem.incident_id = incident.id
        where incident.closed_at > $1
            and incident.phase in ('closed', 'reviewed')
            and incident.max_severity = any($2::int[])
            and not incident.drill
            and not incident.backfilled
        order by incident.closed_at desc
        limit 500
        """,
        since,
        list(severities),
    )
    return [ClosedIncident(row["id"], row["closed_at"], row["published_at"], row["due_at"]) for row in rows]


async def last_other_document(tx: Tx, since: datetime) -> Dated | None:
    """3.2: return the newest published document about a near miss or a drill since an instant."""
    row = await tx.row(
        """
        select id, incident_id, published_at
        from postmortem
        where state = 'published'
            and kind in ('near_miss', 'drill')
            and published_at > $1
        order by published_at desc
        limit 1
        """,
        since,
    )
    if row is None:
        return None
    ref = f"INC-{row['incident_id']}" if row["incident_id"] else f"document {row['id']}"
    return Dated(ref, row["published_at"], row["incident_id"])


async def acknowledged_pages(tx: Tx, since: datetime, limit: int) -> list[datetime]:
    """3.3: return when the newest pages were acknowledged, since an instant."""
    rows = await tx.fetch(
        """
        select first_ack_at
        from page
        where state in ('resolved', 'acked', 'triggered', 'snoozed', 'exhausted')
            and triggered_at > $1
            and first_ack_at is not null
            and not coalesce((plan ->> 'is_drill')::boolean, false)
        order by triggered_at desc
        limit $2
        """,
        since,
        limit,
    )
    return [row["first_ack_at"] for row in rows]


async def closed_incidents(tx: Tx, since: datetime, limit: int) -> list[datetime]:
    """3.3: return when the newest real incidents were closed, since an instant."""
    rows = await tx.fetch(
        """
        select closed_at
        from incident
        where closed_at > $1
            and not drill
            and not backfilled
        order by closed_at desc
        limit $2
        """,
        since,
        limit,
    )
    return [row["closed_at"] for row in rows]


async def planning(tx: Tx, since: datetime) -> PlanningFacts:
    """3.4: return how many action items were changed since an instant, and how many are planned in a tracker."""
    row = await tx.row(
        """
        select
            (select count(*) from action_item where changed_at > $1) as touched,
            (select count(*) from action_item where state in ('open', 'in_progress')) as unfinished,
            (
                select count(distinct item.id)
                from action_item item
                join tracker_link link on link.item_id = item.id
                where item.state in ('open', 'in_progress')
                    and link.state = 'linked'
                    and link.snapshot ->> 'due' <> ''
            ) as planned,
            (select max(last_ok_at) from tracker where is_enabled) as synced_at,
            exists (select from tracker where is_enabled) as has_trackers
        """,
        since,
    )
    assert row
    return PlanningFacts(**row)


async def active_rules(tx: Tx) -> int:
    """4.1: return how many declaration rules are on."""
    count: int = await tx.value(
        """
        select count(*)
        from declaration_rule
        where is_on
            and removed_at is null
        """
    )
    return count


async def declared_by_rule(tx: Tx, since: datetime) -> Dated | None:
    """4.1: return the newest incident that a rule declared since an instant, drills too."""
    row = await tx.row(
        """
        select id, declared_at
        from incident
        where declared_by_rule is not null
            and declared_at > $1
        order by id desc
        limit 1
        """,
        since,
    )
    return _incident(row["id"], row["declared_at"]) if row else None


async def terminal_run(tx: Tx, since: datetime) -> Dated | None:
    """4.2: return the newest run from a terminal since an instant that succeeded with a command."""
    row = await tx.row(
        """
        select id, started_at, slug, incident_id
        from runbook_run
        where kind = 'cli'
            and state = 'succeeded'
            and not is_dry
            and started_at > $1
            and exists (
                select
                from runbook_step
                where runbook_step.run_id = runbook_run.id
                    and runbook_step.exit = 0
            )
        order by id desc
        limit 1
        """,
        since,
    )
    return Dated(f"a run of {row['slug']}", row["started_at"], row["incident_id"]) if row else None


async def drill_months(tx: Tx, since: datetime) -> dict[date, str]:
    """4.3: return a finished game day with a run that was not dry, by the first day of its month in UTC."""
    rows = await tx.fetch(
        """
        select min(drill.id) as id, date_trunc('month', drill.finished_at at time zone 'UTC')::date as month
        from drill
        where drill.state = 'finished'
            and drill.kind = 'game_day'
            and drill.finished_at > $1
            and exists (
                select
                from runbook_run
                where runbook_run.incident_id = drill.incident_id
                    and not runbook_run.is_dry
            )
        group by month
        """,
        since,
    )
    return {row["month"]: f"DRILL-{row['id']}" for row in rows}
