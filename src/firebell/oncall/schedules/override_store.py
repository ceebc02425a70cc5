"""The SQL of overrides, the rows of `schedule_edit`; each change raises the version of the schedule."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.oncall.model import Override
from firebell.oncall.schedules import store


async def insert(tx: Tx, schedule_id: int, override: Override, now: datetime) -> int:
    """Insert an override and return its id; its own `id` and `seq` are ignored."""
    override_id: int = await tx.value(
        """
        insert into schedule_edit (
            schedule_id, starts_at, ends_at, kind, users, mapping, source, reason, created_by, created_at
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        returning id
        """,
        schedule_id,
        override.start,
        override.end,
        override.kind,
        list(override.users),
        {str(old): new for old, new in override.mapping.items()},
        override.source,
        override.reason,
        override.created_by,
        now,
    )
    await store.raise_version(tx, schedule_id, now)
    return override_id


async def schedule_of(tx: Tx, edit_id: int) -> int | None:
    """Return the schedule of an override that is not removed."""
    schedule_id: int | None = await tx.value(
        """
        select schedule_id
        from schedule_edit
        where id = $1
            and removed_at is null
        """,
        edit_id,
    )
    return schedule_id


async def remove(tx: Tx, schedule_id: int, edit_ids: Sequence[int], now: datetime) -> None:
    """End overrides that have begun at `now`, and mark later ones as removed; past ones stay."""
    await tx.execute(
        """
        update schedule_edit
        set ends_at = case when starts_at < $2 then $2 else ends_at end,
            removed_at = case when starts_at < $2 then null else $2 end
        where id = any($1::bigint[])
            and removed_at is null
            and ends_at > $2
        """,
        list(edit_ids),
        now,
    )
    await store.raise_version(tx, schedule_id, now)


async def restore(
    tx: Tx, schedule_id: int, ends: Mapping[int, datetime], removed_at: datetime, now: datetime
) -> bool:
    """Restore overrides that were removed or ended at `removed_at`, with their ends; return True if all were."""
    restored = await tx.fetch(
        """
        update schedule_edit
        set ends_at = kept.ends_at,
            removed_at = null
        from unnest($1::bigint[], $2::timestamptz[]) kept (id, ends_at)
        where schedule_edit.id = kept.id
            and schedule_id = $3
            and kept.ends_at > $5
            and (removed_at = $4 or removed_at is null and schedule_edit.ends_at = $4)
        returning schedule_edit.id
        """,
        list(ends),
        list(ends.values()),
        schedule_id,
        removed_at,
        now,
    )
    await store.raise_version(tx, schedule_id, now)
    return len(restored) == len(ends)
