"""The SQL of moves between phases, and of alerts that fire again."""

from collections.abc import Sequence
from datetime import datetime

from firebell.incidents.model import Phase, Transition
from firebell.kit.db.database import Row, Tx


def _transition(row: Row) -> Transition:
    values = dict(row)
    before = Phase(values["before"]) if values["before"] else None
    values |= {"before": before, "after": Phase(values["after"]), "skipped": tuple(values["skipped"])}
    return Transition(**values)


async def add_transition(
    tx: Tx,
    incident_id: int,
    before: Phase | None,
    after: Phase,
    effective_at: datetime,
    actor: str,
    actor_id: int | None,
    reason: str,
    skipped: Sequence[str],
    now: datetime,
) -> None:
    """Record a move between phases; those into monitoring also note the newest alert at that time."""
    await tx.execute(
        """
        insert into incident_transition (
            incident_id, before, after, at, effective_at, actor, actor_id, reason, skipped
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """,
        incident_id,
        before,
        after,
        now,
        effective_at,
        actor,
        actor_id,
        reason,
        list(skipped),
    )


async def transitions(tx: Tx, incident_id: int) -> list[Transition]:
    """Return the moves of an incident between phases, oldest first."""
    rows = await tx.fetch(
        """
        select id, before, after, at, effective_at, actor, actor_id, reason, skipped
        from incident_transition
        where incident_id = $1
        order by id
        """,
        incident_id,
    )
    return [_transition(row) for row in rows]


async def last_transition_at(tx: Tx, incident_id: int) -> datetime | None:
    """Return when the current phase began, None if that is not recorded."""
    effective_at: datetime | None = await tx.value(
        """
        select effective_at
        from incident_transition
        where incident_id = $1
        order by id desc
        limit 1
        """,
        incident_id,
    )
    return effective_at


async def note_newest_alert(tx: Tx, incident_id: int) -> None:
    """Note which alerts exist, so that only a later one is a regression."""
    await tx.execute(
        """
        update incident
        set last_alert_id = (
            select max(id)
            from alert
        )
        where id = $1
        """,
        incident_id,
    )


async def copy_newest_alert(tx: Tx, merged_id: int, into_id: int) -> None:
    """Let an alert that fired all along for a merged incident be no regression of the other one either."""
    await tx.execute(
        """
        update incident
        set last_alert_id = greatest(incident.last_alert_id, merged.last_alert_id)
        from incident merged
        where incident.id = $2
            and merged.id = $1
        """,
        merged_id,
        into_id,
    )


async def fired_again(tx: Tx, incident_ids: Sequence[int]) -> dict[int, tuple[str, int | None]]:
    """Return the title and page of an alert that fires again since monitoring began, by incident.

    It has the key of an alert of a linked page and was opened after the end of the impact was recorded, or, if that
    was dated back, started after the end.
    """
    rows = await tx.fetch(
        """
        select distinct on (incident.id) incident.id, again.title, group_page.page_id
        from incident
        join incident_page on incident_page.incident_id = incident.id
        join page on page.id = incident_page.page_id
            and page.subject_kind = 'group'
        join alert linked on linked.group_id = page.subject_id
        join alert again on again.integration_id = linked.integration_id
            and again.dedup_key = linked.dedup_key
            and again.status = 'firing'
        left join group_page on group_page.group_id = again.group_id
        left join lateral (
            select at, effective_at
            from incident_transition
            where incident_id = incident.id
                and after = 'monitoring'
            order by id desc
            limit 1
        ) ended on true
        where incident.id = any($1::bigint[])
            and incident.phase = 'monitoring'
            and (
                again.id > coalesce(incident.last_alert_id, 0)
                or (ended.effective_at < ended.at and again.starts_at > incident.stable_since)
            )
        order by incident.id, again.id, group_page.page_id desc
        """,
        list(incident_ids),
    )
    return {row["id"]: (row["title"], row["page_id"]) for row in rows}
