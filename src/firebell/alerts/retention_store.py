"""The SQL that deletes old messages, alerts and their counters."""

from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.jobs.pruning import (
    BATCH_ROWS,
    Retention,
    WaitingRows,
    by_index,
    next_cursor,
)
from firebell.kit.jobs.retention_store import count_rows

MESSAGE_DAYS = 30
"""Default retention of messages as they were received, and of changes."""
_NEEDED = """exists (
                select
                from group_page
                where group_page.group_id = {group_id}
                    and (
                        group_page.resolved_at is null
                        or group_page.resolved_at >= $1
                        or exists (
                            select
                            from page_incident
                            where page_incident.page_id = group_page.page_id
                        )
                    )
            )"""
"""True for a group whose page is open, ended recently, or belongs to an incident, which is kept."""
_ENDED_UNNEEDED = """alert_mute.kind <> 'maintenance'
                and alert_mute.ended_at < $1
                and not exists (
                    select
                    from alert_group
                    where alert_group.mute_id = alert_mute.id
                )"""
"""True for a silence that ended long ago and that no alert names as the reason why it paged no one."""
_CLOSED_UNUSED = """oldest.closed_at < $1
                and not exists (
                    select
                    from alert
                    where alert.group_id = oldest.id
                )
                and not exists (
                    select
                    from group_page
                    where group_page.group_id = oldest.id
                )"""
"""True for a group that closed long ago and has neither an alert nor a page."""


async def delete_messages(tx: Tx, before: datetime, limit: int) -> int:
    """Delete the oldest messages; return their number."""
    return await tx.changed(
        """
        delete from event
        where id in (
            select id
            from event
            where received_at < $1
            order by received_at
            limit $2
        )
        """,
        before,
        limit,
    )


async def delete_event_ids(tx: Tx, before: datetime, limit: int) -> int:
    """Delete the oldest ids of events; return their number."""
    return await tx.changed(
        """
        delete from seen_event
        where id in (
            select id
            from seen_event
            where at < $1
            order by at
            limit $2
        )
        """,
        before,
        limit,
    )


async def delete_changes(tx: Tx, before: datetime, limit: int) -> int:
    """Delete the oldest changes; return their number."""
    return await tx.changed(
        """
        delete from change_event
        where id in (
            select id
            from change_event
            where received_at < $1
            order by received_at
            limit $2
        )
        """,
        before,
        limit,
    )


async def delete_counts(tx: Tx, before: datetime, limit: int) -> int:
    """Delete the oldest counters of alerts; return their number."""
    return await tx.changed(
        """
        delete from alert_count
        where (quarter, service_id) in (
            select quarter, service_id
            from alert_count
            where quarter < $1
            order by quarter
            limit $2
        )
        """,
        before,
        limit,
    )


async def prune_alerts(tx: Tx, before: datetime, cursor: int) -> int | None:
    """Delete a batch of ended alerts; those of a page that is open or belongs to an incident stay."""
    rows = await tx.fetch(
        f"""
        with oldest as materialized (
            select id, group_id, starts_at, status, last_seen
            from alert
            where id > $2
            order by id
            limit $3
        ),
        unneeded as (
            select alert.id
            from alert
            join oldest on oldest.id = alert.id
            where oldest.status = 'resolved'
                and oldest.last_seen < $1
                and not {_NEEDED.format(group_id="oldest.group_id")}
            for update of alert skip locked
        ),
        deleted as (
            delete from alert
            where id in (select id from unneeded)
        )
        select id, starts_at >= $1 as is_kept
        from oldest
        order by id
        """,
        before,
        cursor,
        BATCH_ROWS,
    )
    return next_cursor(rows, BATCH_ROWS)


async def prune_mutes(tx: Tx, before: datetime, cursor: int) -> int | None:
    """Delete a batch of ended silences that no group of alerts names as its reason."""
    rows = await tx.fetch(
        f"""
        with oldest as materialized (
            select id, created_at
            from alert_mute
            where id > $2
            order by id
            limit $3
        ),
        unneeded as (
            select alert_mute.id
            from alert_mute
            join oldest on oldest.id = alert_mute.id
            where {_ENDED_UNNEEDED}
            for update of alert_mute skip locked
        ),
        deleted as (
            delete from alert_mute
            where id in (select id from unneeded)
        )
        select id, created_at >= $1 as is_kept
        from oldest
        order by id
        """,
        before,
        cursor,
        BATCH_ROWS,
    )
    return next_cursor(rows, BATCH_ROWS)


async def prune_groups(tx: Tx, before: datetime, cursor: int) -> int | None:
    """Delete a batch of closed groups without an alert and without a page."""
    rows = await tx.fetch(
        f"""
        with oldest as materialized (
            select id, opened_at, closed_at
            from alert_group
            where id > $2
            order by id
            limit $3
        ),
        unneeded as (
            select alert_group.id
            from alert_group
            join oldest on oldest.id = alert_group.id
            where {_CLOSED_UNUSED}
            for update of alert_group skip locked
        ),
        deleted as (
            delete from alert_group
            where id in (select id from unneeded)
        )
        select id, opened_at >= $1 as is_kept
        from oldest
        order by id
        """,
        before,
        cursor,
        BATCH_ROWS,
    )
    return next_cursor(rows, BATCH_ROWS)


count_messages = count_rows(
    """
    select
    from event
    where received_at < $1
    limit $2
    """
)


count_event_ids = count_rows(
    """
    select
    from seen_event
    where at < $1
    limit $2
    """
)


count_changes = count_rows(
    """
    select
    from change_event
    where received_at < $1
    limit $2
    """
)


count_counts = count_rows(
    """
    select
    from alert_count
    where quarter < $1
    limit $2
    """
)


async def count_alerts(tx: Tx, before: datetime, limit: int) -> WaitingRows:
    """Count the alerts among the oldest ones that `prune_alerts` would delete."""
    row = await tx.row(
        f"""
        select
            count(*) filter (
                where oldest.status = 'resolved'
                    and oldest.last_seen < $1
                    and not {_NEEDED.format(group_id="oldest.group_id")}
            ) as rows,
            count(*) = $2 and max(starts_at) < $1 as has_more
        from (
            select starts_at, group_id, status, last_seen
            from alert
            order by id
            limit $2
        ) oldest
        """,
        before,
        limit,
    )
    assert row
    return WaitingRows(*row)


async def count_groups(tx: Tx, before: datetime, limit: int) -> WaitingRows:
    """Count the groups among the oldest ones that `prune_groups` would delete."""
    row = await tx.row(
        f"""
        select
            count(*) filter (
                where {_CLOSED_UNUSED}
            ) as rows,
            count(*) = $2 and max(opened_at) < $1 as has_more
        from (
            select opened_at, id, closed_at
            from alert_group
            order by id
            limit $2
        ) oldest
        """,
        before,
        limit,
    )
    assert row
    return WaitingRows(*row)


async def count_mutes(tx: Tx, before: datetime, limit: int) -> WaitingRows:
    """Count the silences among the oldest mutes that `prune_mutes` would delete."""
    row = await tx.row(
        f"""
        select
            count(*) filter (where {_ENDED_UNNEEDED}) as rows,
            count(*) = $2 and max(created_at) < $1 as has_more
        from (
            select id, kind, created_at, ended_at
            from alert_mute
            order by id
            limit $2
        ) alert_mute
        """,
        before,
        limit,
    )
    assert row
    return WaitingRows(*row)


RETENTIONS = (
    # what could not be read is shown for two days
    Retention(
        "event",
        MESSAGE_DAYS,
        by_index(delete_messages),
        setting="messages",
        least_days=2,
        label="Messages as received",
        count=count_messages,
    ),
    Retention(
        "change_event",
        MESSAGE_DAYS,
        by_index(delete_changes),
        setting="messages",
        label="Changes",
        count=count_changes,
    ),
    Retention(
        "seen_event",
        7,
        by_index(delete_event_ids),
        label="Ids of events",
        count=count_event_ids,
    ),
    Retention("alert", 400, prune_alerts, setting="alerts", label="Resolved alerts", count=count_alerts),
    # a silence that hid alerts stays as long as they do
    Retention("alert_mute", 5, prune_mutes, label="Silences that hid nothing", count=count_mutes),
    Retention("alert_group", 400, prune_groups, setting="alerts", label="Alert groups", count=count_groups),
    Retention(
        "alert_count",
        400,
        by_index(delete_counts),
        setting="alerts",
        label="Alert counts in charts",
        count=count_counts,
    ),
)
