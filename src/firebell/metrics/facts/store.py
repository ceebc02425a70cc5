"""The SQL that stores facts, and up to where they follow the logs."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime, timedelta

from firebell.kit.db.arrays import transpose
from firebell.kit.db.database import Tx
from firebell.kit.jobs.pruning import Retention, by_index
from firebell.kit.jobs.retention_store import count_rows
from firebell.metrics.figures import page_month_store
from firebell.metrics.model import IncidentFact, PageFact, Progress

PAGE_FACT_DAYS = 2_200
"""Six years: a metric looks back five, and compares."""
REPEAT_WITHIN = timedelta(days=90)
_INCIDENT = tuple(f.name for f in fields(IncidentFact))
_PAGE = tuple(f.name for f in fields(PageFact))


def _assigned(names: Sequence[str]) -> str:
    return ", ".join(f"{name} = excluded.{name}" for name in names if name != "id")


async def save_incidents(tx: Tx, facts: Sequence[IncidentFact]) -> list[int]:
    """Store facts of incidents; return the ids of those that are new or differ from the stored ones."""
    rows = await tx.fetch(
        f"""
        insert into incident_fact ({", ".join(_INCIDENT)})
        select {", ".join(_INCIDENT)}
        from jsonb_to_recordset($1) as fact (
            id bigint, type text, severity_first smallint, severity_max smallint, impact_start timestamptz,
            detected_at timestamptz, declared_at timestamptz, engaged_at timestamptz, impact_end timestamptz,
            resolved_at timestamptz, closed_at timestamptz, excluded text, detect_s int, engage_s int,
            mitigate_s int, resolve_s int, reopens int, people int, person_minutes int, factors text[],
            updates_due int, updates_on_time int, postmortem_required boolean,
            postmortem_published_at timestamptz, customers bigint
        )
        on conflict (id) do update set {_assigned(_INCIDENT)}
        where ({", ".join(f"incident_fact.{name}" for name in _INCIDENT)})
            is distinct from ({", ".join(f"excluded.{name}" for name in _INCIDENT)})
        returning id
        """,
        [{name: getattr(fact, name) for name in _INCIDENT} for fact in facts],
    )
    return [row["id"] for row in rows]


async def save_services(
    tx: Tx, incident_ids: Sequence[int], services: Sequence[tuple[int, int]]
) -> list[int]:
    """Store which services incidents affected; return the incidents for which that changed."""
    removed = await tx.fetch(
        """
        delete from incident_fact_service fact
        where incident_id = any($1::bigint[])
            and not exists (
                select
                from unnest($2::bigint[], $3::bigint[]) kept (incident_id, service_id)
                where kept.incident_id = fact.incident_id
                    and kept.service_id = fact.service_id
            )
        returning incident_id
        """,
        list(incident_ids),
        *transpose(services, 2),
    )
    added = await tx.fetch(
        """
        insert into incident_fact_service (incident_id, service_id)
        select incident_id, service_id
        from unnest($1::bigint[], $2::bigint[]) added (incident_id, service_id)
        join incident_fact on incident_fact.id = added.incident_id
        on conflict do nothing
        returning incident_id
        """,
        *transpose(services, 2),
    )
    return [row["incident_id"] for row in (*removed, *added)]


async def save_people(
    tx: Tx, incident_ids: Sequence[int], minutes: Sequence[tuple[int, int, int]]
) -> list[int]:
    """Store the (incident, person, minutes) of incidents; return the incidents for which that changed."""
    removed = await tx.fetch(
        """
        delete from incident_fact_person fact
        where incident_id = any($1::bigint[])
            and not exists (
                select
                from unnest($2::bigint[], $3::bigint[]) kept (incident_id, person_id)
                where kept.incident_id = fact.incident_id
                    and kept.person_id = fact.person_id
            )
        returning incident_id
        """,
        list(incident_ids),
        *transpose([each[:2] for each in minutes], 2),
    )
    saved = await tx.fetch(
        """
        insert into incident_fact_person (incident_id, person_id, minutes)
        select incident_id, person_id, minutes
        from unnest($1::bigint[], $2::bigint[], $3::int[]) present (incident_id, person_id, minutes)
        on conflict (incident_id, person_id) do update
        set minutes = excluded.minutes
        where incident_fact_person.minutes <> excluded.minutes
        returning incident_id
        """,
        *transpose(minutes, 3),
    )
    return [row["incident_id"] for row in (*removed, *saved)]


async def link_repeats(tx: Tx, incident_ids: Sequence[int]) -> int:
    """Update which incident each of these repeats, and each that may repeat one of them; return how many changed.

    That is the latest of the 90 days before on the same service that had the same trigger, or the same weakness.
    """
    return await tx.changed(
        """
        with candidate as materialized (
            select id
            from incident_fact
            where id = any($1::bigint[]) or repeat_of = any($1::bigint[])
            union
            select later.id
            from incident_fact changed
            join incident_fact_service mine on mine.incident_id = changed.id
            join incident_fact_service theirs on theirs.service_id = mine.service_id
            join incident_fact later on later.id = theirs.incident_id
            where changed.id = any($1::bigint[])
                and changed.factors <> '{}'
                and later.declared_at between changed.declared_at and changed.declared_at + $2
                and later.factors && changed.factors
        ),
        repeats as (
            select fact.id, earlier.id as repeat_of
            from candidate
            join incident_fact fact on fact.id = candidate.id
            left join lateral (
                select other.id
                from incident_fact other
                where other.declared_at >= fact.declared_at - $2
                    and (other.declared_at, other.id) < (fact.declared_at, fact.id)
                    and other.excluded is null
                    and fact.excluded is null
                    -- decided before any other incident is read
                    and fact.factors <> '{}'
                    and other.factors && fact.factors
                    and exists (
                        select
                        from unnest(other.factors) factor
                        where factor = any(fact.factors)
                            and (factor like 'trigger.%' or factor like 'latent.%')
                    )
                    and exists (
                        select
                        from incident_fact_service mine
                        join incident_fact_service theirs on theirs.service_id = mine.service_id
                        where mine.incident_id = fact.id
                            and theirs.incident_id = other.id
                    )
                order by other.declared_at desc, other.id desc
                limit 1
            ) earlier on true
        )
        update incident_fact
        set repeat_of = repeats.repeat_of
        from repeats
        where incident_fact.id = repeats.id
            and incident_fact.repeat_of is distinct from repeats.repeat_of
        """,
        list(incident_ids),
        REPEAT_WITHIN,
    )


async def save_pages(tx: Tx, facts: Sequence[PageFact]) -> int:
    """Store facts of pages; return the number of those that are new or differ from the stored ones."""
    changed = await tx.changed(
        f"""
        insert into page_fact ({", ".join(_PAGE)})
        select {", ".join(_PAGE)}
        from jsonb_to_recordset($1) as fact (
            id bigint, team_id bigint, service_id bigint, rule text, urgency text, severity smallint,
            triggered_at timestamptz, ack_s int, censored_s int, level smallint, is_exhausted boolean,
            is_noise boolean, vote text, hour smallint, night date, woken bigint[], excluded text
        )
        on conflict (id) do update set {_assigned(_PAGE)}
        where ({", ".join(f"page_fact.{name}" for name in _PAGE)})
            is distinct from ({", ".join(f"excluded.{name}" for name in _PAGE)})
        """,
        [{name: getattr(fact, name) for name in _PAGE} for fact in facts],
    )
    if changed:
        await page_month_store.forget(tx, [(fact.triggered_at, fact.night) for fact in facts])
    return changed


async def progress(tx: Tx) -> Progress:
    """Return up to where facts follow the logs."""
    row = await tx.row(
        """
        select page_log_id, entry_id, refreshed_at, version, compared_at, drifted, drifted_at
        from metric_progress
        """
    )
    assert row
    return Progress(**dict(row))


async def lock_progress(tx: Tx) -> bool:
    """Lock the progress and return True; False if another process has it."""
    row = await tx.row(
        """
        select
        from metric_progress
        for update skip locked
        """
    )
    return row is not None


async def save_progress(
    tx: Tx, page_log_id: int, entry_id: int, refreshed_at: datetime | None, *, has_changed: bool
) -> None:
    """Store up to where facts follow the logs, and when nothing was left to follow."""
    await tx.execute(
        """
        update metric_progress
        set page_log_id = $1,
            entry_id = $2,
            refreshed_at = $3,
            version = version + $4::int
        """,
        page_log_id,
        entry_id,
        refreshed_at,
        int(has_changed),
    )


async def restart(tx: Tx) -> None:
    """Let facts follow the logs again from their beginning."""
    await tx.execute(
        """
        update metric_progress
        set page_log_id = 0,
            entry_id = 0,
            refreshed_at = null,
            version = version + 1
        """
    )


async def note_comparison(tx: Tx, drifted: int, now: datetime) -> None:
    """Store how many facts the comparison with the sources fixed."""
    await tx.execute(
        """
        update metric_progress
        set compared_at = $2,
            drifted = case when $1::int > 0 then $1::int else drifted end,
            drifted_at = case when $1::int > 0 then $2 else drifted_at end,
            version = version + least($1::int, 1)
        """,
        drifted,
        now,
    )


async def delete_page_facts(tx: Tx, before: datetime, limit: int) -> int:
    """Delete facts of pages that were triggered before an instant; return their number."""
    await page_month_store.forget_before(tx, before)
    return await tx.changed(
        """
        delete from page_fact
        where id in (
            select id
            from page_fact
            where triggered_at < $1
            order by triggered_at
            limit $2
        )
        """,
        before,
        limit,
    )


count_page_facts = count_rows(
    """
    select
    from page_fact
    where triggered_at < $1
    limit $2
    """
)

RETENTIONS = (
    Retention(
        "page_fact",
        PAGE_FACT_DAYS,
        by_index(delete_page_facts),
        setting="page_facts",
        least_days=400,
        label="What metrics know about pages",
        count=count_page_facts,
    ),
)
