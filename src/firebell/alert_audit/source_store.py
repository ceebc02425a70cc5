"""The SQL of what an audit counts: pages of a team's alerts, their firings, and what each rule last sent.

Only incidents that everyone may read count, so that an audit reveals nothing about private ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from firebell.alert_audit.model import SilentRule
from firebell.alert_audit.verdicts import BIN_S, FLAPPING_FIRINGS, AuditedPage
from firebell.kit.db.database import Tx
from firebell.metrics.model import RULE_MAX_CHARS

SILENT_RULES_MAX = 50
PAGES_DRAWN = 200

_PAGES = """
            from page_fact fact
            join page on page.id = fact.id
            where fact.team_id = $1
                and fact.triggered_at >= $2
                and fact.triggered_at < $3
                and fact.excluded is null
                and fact.rule <> ''
                and page.subject_kind = 'group'
"""
_RULE = f"left(coalesce(nullif(alert.labels ->> 'alertname', ''), alert.title), {RULE_MAX_CHARS})"


async def pages(tx: Tx, team_id: int, start: datetime, end: datetime) -> list[AuditedPage]:
    """Return the pages of a team's alerts in `[start, end)`, oldest first, without those of drills."""
    rows = await tx.fetch(
        f"""
        select
            fact.rule,
            page.subject_id as group_id,
            fact.triggered_at,
            fact.urgency = 'high' as is_urgent,
            fact.is_noise,
            fact.night is not null as is_at_night,
            fact.woken,
            fact.ack_s,
            case
                when page.resolved_at is not null
                    and not exists (
                        select
                        from page_log
                        where page_log.page_id = page.id
                            and page_log.kind = 'resolved'
                            and page_log.actor_id is not null
                    )
                    then extract(epoch from page.resolved_at - page.triggered_at)::int
            end as self_ended_s,
            (select count(*)::int from page_vote where page_id = page.id and is_actionable) as votes_yes,
            (select count(*)::int from page_vote where page_id = page.id and not is_actionable) as votes_no,
            exists (
                select
                from incident_page
                join incident on incident.id = incident_page.incident_id
                where incident_page.page_id = page.id
                    and incident.visibility = 'open'
                    and incident.phase not in ('detected', 'triaging')
                    and not incident.drill
            ) as has_incident,
            exists (
                select
                from page_log
                where page_log.page_id = page.id
                    and page_log.kind in ('note', 'snoozed', 'escalated')
                    and page_log.actor_id is not null
            ) as has_entry
        {_PAGES}
        order by fact.triggered_at, fact.id
        """,
        team_id,
        start,
        end,
    )
    return [AuditedPage(**{**dict(row), "woken": tuple(row["woken"])}) for row in rows]


@dataclass(frozen=True, slots=True)
class Firings:
    """When a rule fired: how often, in which groups and five-minute bins, and in how many hours an alert flapped."""

    count: int
    groups: frozenset[int]
    bins: frozenset[int]
    flapping_hours: int


async def firings(tx: Tx, team_id: int, start: datetime, end: datetime) -> dict[str, Firings]:
    """Return by rule when the alerts of a team's pages fired."""
    rows = await tx.fetch(
        f"""
        with fired as (
            select
                {_RULE} as rule,
                alert.group_id,
                alert.integration_id,
                alert.dedup_key,
                extract(epoch from alert.starts_at)::bigint as second
            from alert
            where alert.group_id in (
                select page.subject_id
                {_PAGES}
            )
        ),
        flapping as (
            select rule, count(distinct hour) as hours
            from (
                select rule, second / 3600 as hour
                from fired
                group by rule, integration_id, dedup_key, hour
                having count(*) >= {FLAPPING_FIRINGS}
            ) flapped
            group by rule
        )
        select
            fired.rule,
            count(*)::int as count,
            array_agg(distinct fired.group_id) as groups,
            array_agg(distinct fired.second / {BIN_S}) as bins,
            coalesce(max(flapping.hours), 0)::int as flapping_hours
        from fired
        left join flapping on flapping.rule = fired.rule
        group by fired.rule
        """,
        team_id,
        start,
        end,
    )
    return {
        row["rule"]: Firings(
            row["count"], frozenset(row["groups"]), frozenset(row["bins"]), row["flapping_hours"]
        )
        for row in rows
    }


@dataclass(frozen=True, slots=True)
class LastAlert:
    """The last alert of a rule, with the service that it paged for."""

    service_id: int | None
    title: str
    severity: str
    labels: Mapping[str, str]
    links: Mapping[str, str]


async def last_alerts(tx: Tx, team_id: int, start: datetime, end: datetime) -> dict[str, LastAlert]:
    """Return by rule the last alert of a team's pages."""
    rows = await tx.fetch(
        f"""
        select distinct on (rule)
            {_RULE} as rule,
            paged.service_id,
            alert.title,
            coalesce(alert.severity, '') as severity,
            alert.labels,
            alert.links
        from (
            select page.subject_id, page.service_id
            {_PAGES}
        ) paged
        join alert on alert.group_id = paged.subject_id
        order by rule, alert.id desc
        """,
        team_id,
        start,
        end,
    )
    return {row["rule"]: LastAlert(*list(row)[1:]) for row in rows}


async def silent_rules(tx: Tx, team_id: int, before: datetime) -> list[SilentRule]:
    """Return the rules of a team whose last page began before an instant, latest first."""
    rows = await tx.fetch(
        """
        select rule, max(triggered_at) as last_paged
        from page_fact
        where team_id = $1
            and rule <> ''
            and excluded is null
        group by rule
        having max(triggered_at) < $2
        order by last_paged desc, rule
        limit $3
        """,
        team_id,
        before,
        SILENT_RULES_MAX,
    )
    return [SilentRule(row["rule"], row["last_paged"].date()) for row in rows]


@dataclass(frozen=True, slots=True)
class PageMark:
    """A page of a rule in the chart."""

    id: int
    triggered_at: datetime
    is_at_night: bool


async def marks(tx: Tx, team_id: int, rule: str, start: datetime, end: datetime) -> list[PageMark]:
    """Return the urgent pages of a rule in `[start, end)`, oldest first, at most 200 of the newest."""
    rows = await tx.fetch(
        """
        select id, triggered_at, night is not null as is_at_night
        from page_fact
        where team_id = $1
            and triggered_at >= $2
            and triggered_at < $3
            and rule = $4
            and urgency = 'high'
            and excluded is null
        order by triggered_at desc, id desc
        limit $5
        """,
        team_id,
        start,
        end,
        rule,
        PAGES_DRAWN,
    )
    return [PageMark(**dict(row)) for row in reversed(rows)]


async def unalerted_incidents(
    tx: Tx, team_id: int, start: datetime, end: datetime
) -> list[tuple[int, str, date]]:
    """Return the incidents of a team's services that no alert detected: id, title and day, newest first.

    The caller leaves out those that the reader may not read.
    """
    rows = await tx.fetch(
        """
        select incident.id, incident.title, incident.declared_at
        from incident_fact fact
        join incident on incident.id = fact.id
        where fact.declared_at >= $2
            and fact.declared_at < $3
            and fact.excluded is null
            and exists (
                select
                from incident_fact_service affected
                join service on service.id = affected.service_id
                where affected.incident_id = fact.id
                    and service.team_id = $1
            )
            and not exists (
                select
                from incident_page
                join page on page.id = incident_page.page_id
                where incident_page.incident_id = fact.id
                    and page.subject_kind = 'group'
                    and page.triggered_at <= fact.declared_at
            )
        order by fact.declared_at desc
        """,
        team_id,
        start,
        end,
    )
    return [(row["id"], row["title"], row["declared_at"].date()) for row in rows]
