"""The SQL of maintenance windows and their series."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from firebell.kit.db.database import Reads, Row, Tx
from firebell.status_pages.incident_store import EDIT_GRACE
from firebell.status_pages.maintenance_windows.model import (
    Maintenance,
    MaintenancePlan,
    MaintenanceSeries,
    MaintenanceStage,
    MaintenanceUpdate,
    Muting,
)
from firebell.status_pages.published_log import translation_store
from firebell.status_pages.stored_effects import effects_json, read_effects

_COLUMNS = """
    m.public_incident_id as id, i.public_id, m.status_page_id, i.name, m.stage, m.scheduled_for,
    m.scheduled_until, m.announced_at, i.published_at, m.started_at, m.ended_at, m.component_ids, m.auto_start,
    m.auto_end, m.reminders, m.handled_until, m.created_by, m.version, m.series_id, m.mutes,
    m.mute_service_ids, m.mute_matchers, m.mute_id
"""
_FROM = "maintenance m join public_incident i on i.id = m.public_incident_id"
_SERIES_COLUMNS = (
    "id, public_id, status_page_id, name, body, rule, first_start, length_s, component_ids, auto_start, auto_end,"
    " reminders, created_by, stopped_at, mutes, mute_service_ids, mute_matchers"
)
_CHANGEABLE = {
    *("stage", "scheduled_for", "scheduled_until", "announced_at", "started_at", "ended_at"),
    *("handled_until", "version", "mutes", "mute_id"),
}


def _update(row: Row, translations: Mapping[str, str]) -> MaintenanceUpdate:
    is_edited = row["version"] > 1 and row["edited_at"] - row["created_at"] > EDIT_GRACE
    return MaintenanceUpdate(
        row["id"],
        row["public_id"],
        row["seq"],
        MaintenanceStage(row["stage"]),
        row["body"],
        read_effects(row["effects"]),
        row["display_at"],
        row["created_at"],
        row["actor"],
        row["edited_at"] if is_edited else None,
        row["version"],
        translations=translations,
    )


def _with_muting(row: Row) -> dict[str, Any]:
    """Return the columns of a window or a series, those of its muting as one value."""
    values = dict(row)
    mutes, services, text = (values.pop(f"mute{name}") for name in ("s", "_service_ids", "_matchers"))
    return {**values, "muting": Muting(tuple(services), text) if mutes else None}


def _muting_values(muting: Muting | None) -> tuple[bool, list[int], str]:
    return (muting is not None, list(muting.service_ids), muting.matchers) if muting else (False, [], "")


async def _with_updates(tx: Reads, rows: Sequence[Row]) -> list[Maintenance]:
    updates: dict[int, list[MaintenanceUpdate]] = {row["id"]: [] for row in rows}
    if not rows:
        return []
    translations = await translation_store.of_incidents(tx, list(updates))
    for row in await tx.fetch(
        """
        select
            u.id, u.public_id, u.public_incident_id, u.seq, u.stage, u.effects, u.display_at, u.created_at,
            u.actor, v.body, v.version, v.at as edited_at
        from public_update u
        join lateral (
            select body, version, at
            from public_update_version
            where update_id = u.id
            order by version desc
            limit 1
        ) v on true
        where u.public_incident_id = any($1::bigint[])
        order by u.public_incident_id, u.seq
        """,
        list(updates),
    ):
        updates[row["public_incident_id"]].append(_update(row, translations.get(row["id"], {})))
    return [
        Maintenance(
            **{
                **_with_muting(row),
                "stage": MaintenanceStage(row["stage"]),
                "component_ids": frozenset(row["component_ids"]),
                "reminders": tuple(row["reminders"]),
            },
            updates=tuple(updates[row["id"]]),
        )
        for row in rows
    ]


async def since(tx: Reads, page_id: int, ended_after: datetime, limit: int) -> list[Maintenance]:
    """Return the maintenance of a status page that is not over or ended after an instant, by its start."""
    rows = await tx.fetch(
        f"""
        (
            select {_COLUMNS}
            from {_FROM}
            where m.status_page_id = $1
                and m.stage in ('scheduled', 'in_progress', 'verifying')
            order by m.scheduled_for, m.public_incident_id
            limit $3
        )
        union all
        (
            select {_COLUMNS}
            from {_FROM}
            where m.status_page_id = $1
                and m.ended_at >= $2
            order by m.ended_at desc, m.public_incident_id desc
            limit $3
        )
        order by scheduled_for, id
        """,
        page_id,
        ended_after,
        limit,
    )
    return await _with_updates(tx, rows)


async def over_in(tx: Reads, page_id: int, start: datetime, end: datetime, limit: int) -> list[Maintenance]:
    """Return the maintenance of a status page that is over and was planned to start in [start, end), latest first."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from {_FROM}
        where m.status_page_id = $1
            and m.ended_at is not null
            and m.scheduled_for >= $2
            and m.scheduled_for < $3
        order by m.scheduled_for desc, m.public_incident_id desc
        limit $4
        """,
        page_id,
        start,
        end,
        limit,
    )
    return await _with_updates(tx, rows)


async def ended_before(tx: Reads, page_id: int, end: datetime, limit: int) -> list[Maintenance]:
    """Return the maintenance of a status page that ended before `end`, the latest start first."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from {_FROM}
        where m.status_page_id = $1
            and m.ended_at < $2
        order by m.scheduled_for desc, m.public_incident_id desc
        limit $3
        """,
        page_id,
        end,
        limit,
    )
    return await _with_updates(tx, rows)


async def latest(tx: Reads, page_id: int, limit: int, before: int | None) -> list[Maintenance]:
    """Return the maintenance of a status page, the last published first, with ids below `before`."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from {_FROM}
        where m.status_page_id = $1
            and ($3::bigint is null or m.public_incident_id < $3)
        order by m.public_incident_id desc
        limit $2
        """,
        page_id,
        limit,
        before,
    )
    return await _with_updates(tx, rows)


async def by_public_id(tx: Reads, page_id: int, public_id: str) -> Maintenance | None:
    """Return a maintenance window of a status page, None if it has no such window."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from {_FROM}
        where m.status_page_id = $1
            and i.public_id = $2
        """,
        page_id,
        public_id,
    )
    windows = await _with_updates(tx, rows)
    return windows[0] if windows else None


async def by_id(tx: Reads, maintenance_id: int) -> Maintenance | None:
    """Return a maintenance window, None if there is none."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from {_FROM}
        where m.public_incident_id = $1
        """,
        maintenance_id,
    )
    windows = await _with_updates(tx, rows)
    return windows[0] if windows else None


async def lock_free_pages(tx: Tx, maintenance_ids: Sequence[int]) -> tuple[dict[int, int], set[int]]:
    """Lock the status pages of these windows that no one else has locked.

    Return the page of each window whose page is locked now, and the windows whose page someone else has locked.
    """
    free = await tx.fetch(
        """
        select p.id
        from status_page p
        where p.id in (
            select m.status_page_id
            from maintenance m
            where m.public_incident_id = any($1::bigint[])
        )
        order by p.id
        for update of p skip locked
        """,
        list(maintenance_ids),
    )
    rows = await tx.fetch(
        """
        select public_incident_id, status_page_id
        from maintenance
        where public_incident_id = any($1::bigint[])
        """,
        list(maintenance_ids),
    )
    pages = {row["public_incident_id"]: row["status_page_id"] for row in rows}
    free_ids = {row["id"] for row in free}
    return (
        {window: page for window, page in pages.items() if page in free_ids},
        {window for window, page in pages.items() if page not in free_ids},
    )


async def insert(
    tx: Tx,
    page_id: int,
    public_id: str,
    plan: MaintenancePlan,
    scheduled_for: datetime,
    actor_id: int | None,
    now: datetime,
    *,
    series_id: int | None = None,
    occurrence: datetime | None = None,
) -> int:
    """Insert a maintenance window and return its id; its first update is inserted next."""
    new_id = await tx.value(
        """
        insert into public_incident (public_id, status_page_id, kind, name, published_at)
        values ($1, $2, 'maintenance', $3, $4)
        returning id
        """,
        public_id,
        page_id,
        plan.name,
        now,
    )
    assert isinstance(new_id, int)
    await tx.execute(
        """
        insert into maintenance (
            public_incident_id, status_page_id, series_id, occurrence, stage, scheduled_for, scheduled_until,
            announced_at, component_ids, auto_start, auto_end, reminders, handled_until, created_by, mutes,
            mute_service_ids, mute_matchers
        )
        values ($1, $2, $3, $4, 'scheduled', $5, $6, $7, $8, $9, $10, $11, $7, $12, $13, $14, $15)
        """,
        new_id,
        page_id,
        series_id,
        occurrence,
        scheduled_for,
        plan.scheduled_until,
        now,
        sorted(plan.component_ids),
        plan.auto_start,
        plan.auto_end,
        list(plan.reminders),
        actor_id,
        *_muting_values(plan.muting),
    )
    return new_id


async def change(tx: Tx, maintenance_id: int, **changes: Any) -> None:
    """Update the named columns of a maintenance window."""
    assert set(changes) <= _CHANGEABLE
    assignments = ", ".join(f"{name} = ${i}" for i, name in enumerate(changes, 2))
    await tx.execute(
        f"""
        update maintenance
        set {assignments}
        where public_incident_id = $1
        """,
        maintenance_id,
        *changes.values(),
    )


async def insert_update(
    tx: Tx, maintenance_id: int, update: MaintenanceUpdate, actor_id: int | None
) -> MaintenanceUpdate:
    """Insert an update of a maintenance window and return it with its id; the log has its text."""
    new_id = await tx.value(
        """
        insert into public_update (
            public_id, public_incident_id, seq, stage, kind, effects, display_at, created_at, actor, actor_id
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        returning id
        """,
        update.public_id,
        maintenance_id,
        update.seq,
        update.stage,
        update.kind,
        effects_json(update.effects),
        update.display_at,
        update.created_at,
        update.actor,
        actor_id,
    )
    assert isinstance(new_id, int)
    return replace(update, id=new_id)


def _series(row: Row) -> MaintenanceSeries:
    values = _with_muting(row)
    length = timedelta(seconds=values.pop("length_s"))
    lists = {name: tuple(row[name]) for name in ("component_ids", "reminders")}
    return MaintenanceSeries(**{**values, **lists, "length": length})


async def insert_series(
    tx: Tx,
    page_id: int,
    public_id: str,
    plan: MaintenancePlan,
    first_start: datetime,
    length: timedelta,
    actor_id: int | None,
    now: datetime,
) -> MaintenanceSeries:
    """Insert a series of windows and return it; `first_start` is wall time in the time zone of the page."""
    row = await tx.row(
        f"""
        insert into maintenance_series (
            public_id, status_page_id, name, body, rule, first_start, length_s, component_ids, auto_start,
            auto_end, reminders, created_by, created_at, mutes, mute_service_ids, mute_matchers
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
        returning {_SERIES_COLUMNS}
        """,
        public_id,
        page_id,
        plan.name,
        plan.body,
        plan.rule,
        first_start,
        int(length.total_seconds()),
        sorted(plan.component_ids),
        plan.auto_start,
        plan.auto_end,
        list(plan.reminders),
        actor_id,
        now,
        *_muting_values(plan.muting),
    )
    assert row
    return _series(row)


async def series_by_id(tx: Reads, series_id: int) -> MaintenanceSeries:
    """Return a series of windows."""
    row = await tx.row(
        f"""
        select {_SERIES_COLUMNS}
        from maintenance_series
        where id = $1
        """,
        series_id,
    )
    assert row
    return _series(row)


async def stop_series(tx: Tx, series_id: int, now: datetime) -> None:
    """Record that a series has no further windows."""
    await tx.execute(
        """
        update maintenance_series
        set stopped_at = $2
        where id = $1
        """,
        series_id,
        now,
    )


async def progress_of_series(tx: Reads, series_id: int) -> tuple[datetime | None, int]:
    """Return the last occurrence of a series that has a window, and how many of its windows have not started."""
    row = await tx.row(
        """
        select max(occurrence) as last_occurrence, count(*) filter (where stage = 'scheduled') as upcoming
        from maintenance
        where series_id = $1
        """,
        series_id,
    )
    assert row
    return row["last_occurrence"], row["upcoming"]


async def upcoming_of_series(tx: Reads, series_id: int) -> list[Maintenance]:
    """Return the windows of a series that have not started, earliest first."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from {_FROM}
        where m.series_id = $1
            and m.stage = 'scheduled'
        order by m.scheduled_for
        """,
        series_id,
    )
    return await _with_updates(tx, rows)


async def names_muting(tx: Reads, service_id: int) -> list[str]:
    """Return the names of windows and series that are not over and are set to mute this service, earliest first."""
    rows = await tx.fetch(
        """
        select name
        from (
            select i.name, m.scheduled_for as begins_at
            from maintenance m
            join public_incident i on i.id = m.public_incident_id
            where m.stage in ('scheduled', 'in_progress', 'verifying')
                and m.mutes
                and m.mute_service_ids @> array[$1::bigint]
            union all
            select name, created_at
            from maintenance_series
            where stopped_at is null
                and mutes
                and mute_service_ids @> array[$1::bigint]
        ) muting
        group by name
        order by min(begins_at)
        """,
        service_id,
    )
    return [row["name"] for row in rows]
