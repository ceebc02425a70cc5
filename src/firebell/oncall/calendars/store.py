"""The SQL of imported calendars and their shifts."""

from collections.abc import Sequence
from datetime import datetime

from firebell.kit.db.database import Row, Tx
from firebell.oncall.calendars.model import (
    DueImport,
    Import,
    ImportedShift,
    ImportSource,
    LayerPlace,
    ReadResult,
    UnmatchedShift,
    Use,
)

_IMPORT_COLUMNS = """
    id, name, use, place, source, schedule_id, person_id, url, country, subdivision, users, next_at, good_at,
    failing_since, error, notes, unmatched
"""


def _import(row: Row) -> Import:
    strays = tuple(
        UnmatchedShift(datetime.fromisoformat(s["start"]), datetime.fromisoformat(s["end"]), s["title"])
        for s in row["unmatched"]
    )
    return Import(
        **{
            **{column.strip(): row[column.strip()] for column in _IMPORT_COLUMNS.split(",")},
            "use": Use(row["use"]),
            "place": LayerPlace(row["place"]),
            "source": ImportSource(row["source"]),
            "users": tuple(row["users"]),
            "notes": tuple(row["notes"]),
            "unmatched": strays,
        }
    )


async def insert_import(
    tx: Tx,
    *,
    name: str,
    use: Use,
    place: LayerPlace,
    source: ImportSource,
    schedule_id: int | None,
    person_id: int | None,
    url: str,
    body: bytes | None,
    country: str,
    subdivision: str,
    users: Sequence[int],
    created_by: int | None,
    now: datetime,
) -> int:
    import_id = await tx.value(
        """
        insert into calendar_import (
            name, use, place, source, schedule_id, person_id, url, body, country, subdivision, users, created_by,
            next_at, created_at
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)
        returning id
        """,
        name,
        use,
        place,
        source,
        schedule_id,
        person_id,
        url,
        body,
        country,
        subdivision,
        list(users),
        created_by,
        now,
    )
    assert isinstance(import_id, int)
    return import_id


async def imports(
    tx: Tx, *, schedule_ids: Sequence[int] | None = None, person_id: int | None = None
) -> list[Import]:
    """Return the imports of these schedules and of this person that are not removed; all if neither is given."""
    rows = await tx.fetch(
        f"""
        select {_IMPORT_COLUMNS}
        from calendar_import
        where removed_at is null
            and ($1::bigint[] is null and $2::bigint is null or schedule_id = any($1) or person_id = $2)
        order by id
        """,
        list(schedule_ids) if schedule_ids is not None else None,
        person_id,
    )
    return [_import(row) for row in rows]


async def lock_import(tx: Tx, import_id: int) -> Import | None:
    """Return an import that is not removed, and lock it and its schedule.

    The schedule is locked first, as when it is deleted with its calendars.
    """
    await tx.fetch(
        """
        select id
        from schedule
        where id = (select schedule_id from calendar_import where id = $1)
        for no key update
        """,
        import_id,
    )
    row = await tx.row(
        f"""
        select {_IMPORT_COLUMNS}
        from calendar_import
        where id = $1
            and removed_at is null
        for no key update
        """,
        import_id,
    )
    return _import(row) if row else None


async def claim(tx: Tx, now: datetime, again_at: datetime, limit: int) -> list[DueImport]:
    """Claim up to `limit` imports that are due; each is due again at `again_at`, or up to 3 minutes later.

    If the process dies while it works on an import, the import is due again then.
    """
    rows = await tx.fetch(
        f"""
        update calendar_import i
        -- 0 to 179 seconds by id, so that calendars of one server are not fetched at once
        set next_at = $2::timestamptz + i.id * 37 % 180 * interval '1 second'
        where id in (
            select id
            from calendar_import
            where removed_at is null
                and next_at <= $1
            order by next_at, id
            limit $3
            for update skip locked
        )
        returning {_IMPORT_COLUMNS}, body, etag, modified, made_for, coalesce(
            (select tz from schedule s where s.id = i.schedule_id),
            (select tz from person p where p.id = i.person_id)
        ) as tz
        """,
        now,
        again_at,
        limit,
    )
    return [
        DueImport(_import(row), row["body"], row["etag"], row["modified"], row["made_for"], row["tz"])
        for row in rows
    ]


async def next_at(tx: Tx) -> datetime | None:
    """Return when the next import is due."""
    next_at = await tx.value(
        """
        select min(next_at)
        from calendar_import
        where removed_at is null
        """
    )
    assert next_at is None or isinstance(next_at, datetime)
    return next_at


async def set_next(tx: Tx, import_id: int, at: datetime) -> None:
    await tx.execute(
        """
        update calendar_import
        set next_at = $2
        where id = $1
        """,
        import_id,
        at,
    )


async def set_place(tx: Tx, import_id: int, place: LayerPlace) -> None:
    await tx.execute(
        """
        update calendar_import
        set place = $2
        where id = $1
        """,
        import_id,
        place,
    )


async def good(
    tx: Tx,
    import_id: int,
    body: bytes | None,
    etag: str,
    modified: str,
    made_for: str,
    result: ReadResult,
    now: datetime,
) -> None:
    """Save the result of a successful read; a `body` of None keeps the stored one."""
    unmatched = [
        {"start": s.start.isoformat(), "end": s.end.isoformat(), "title": s.title} for s in result.unmatched
    ]
    await tx.execute(
        """
        update calendar_import
        set body = coalesce($2, body), etag = $3, modified = $4, made_for = $5, good_at = $6,
            failing_since = null, error = '', notes = $7, unmatched = $8
        where id = $1
        """,
        import_id,
        body,
        etag,
        modified,
        made_for,
        now,
        list(result.notes),
        unmatched,
    )


async def unchanged(tx: Tx, import_id: int, etag: str, modified: str, now: datetime) -> None:
    """Record that the stored copy is current, with the server's new validators."""
    await tx.execute(
        """
        update calendar_import
        set good_at = $2, etag = $3, modified = $4, failing_since = null, error = ''
        where id = $1
        """,
        import_id,
        now,
        etag,
        modified,
    )


async def failed(tx: Tx, import_id: int, error: str, now: datetime) -> None:
    await tx.execute(
        """
        update calendar_import
        set failing_since = coalesce(failing_since, $3), error = $2
        where id = $1
        """,
        import_id,
        error[:500],
        now,
    )


async def still_failing(tx: Tx, calendar: Import, error: str, now: datetime) -> None:
    """Record an error after the last good copy was expanded again; its age stays."""
    await tx.execute(
        """
        update calendar_import
        set failing_since = $3, good_at = $4, error = $2
        where id = $1
        """,
        calendar.id,
        error[:500],
        calendar.failing_since or now,
        calendar.good_at,
    )


async def remove_import(tx: Tx, import_id: int, now: datetime) -> None:
    await tx.execute(
        """
        update calendar_import
        set removed_at = $2, body = null
        where id = $1
        """,
        import_id,
        now,
    )


async def close(tx: Tx, schedule_id: int, now: datetime) -> None:
    """Remove the calendars of a schedule; their shifts until `now` stay."""
    await tx.execute(
        """
        update calendar_import
        set removed_at = $2, body = null
        where schedule_id = $1
            and removed_at is null
        """,
        schedule_id,
        now,
    )
    await tx.execute(
        """
        delete from calendar_shift
        where import_id in (select id from calendar_import where schedule_id = $1)
            and starts_at >= $2
        """,
        schedule_id,
        now,
    )
    await tx.execute(
        """
        update calendar_shift
        set ends_at = $2
        where import_id in (select id from calendar_import where schedule_id = $1)
            and ends_at > $2
        """,
        schedule_id,
        now,
    )


async def shifts(
    tx: Tx, import_ids: Sequence[int], since: datetime | None = None
) -> list[tuple[int, ImportedShift]]:
    """Return the shifts of imports, each with its import's id, in order; with `since`, those that end after it."""
    rows = await tx.fetch(
        """
        select import_id, starts_at, ends_at, users, title, place
        from calendar_shift
        where import_id = any($1::bigint[])
            and ($2::timestamptz is null or ends_at > $2)
        order by starts_at, id
        """,
        list(import_ids),
        since,
    )
    return [
        (
            row["import_id"],
            ImportedShift(
                row["starts_at"], row["ends_at"], tuple(row["users"]), row["title"], LayerPlace(row["place"])
            ),
        )
        for row in rows
    ]


async def shift_counts(tx: Tx, import_ids: Sequence[int], since: datetime) -> dict[int, int]:
    """Return how many shifts of each import end after `since`; imports without any are left out."""
    rows = await tx.fetch(
        """
        select import_id, count(*) as shifts
        from calendar_shift
        where import_id = any($1::bigint[])
            and ends_at > $2
        group by import_id
        """,
        list(import_ids),
        since,
    )
    return {row["import_id"]: row["shifts"] for row in rows}


async def busy(tx: Tx, a: datetime, b: datetime) -> list[ImportedShift]:
    """Return the busy times in `[a, b)` of people's own calendars; each names one person."""
    rows = await tx.fetch(
        """
        select s.starts_at, s.ends_at, s.users, s.title
        from calendar_shift s
        join calendar_import i on i.id = s.import_id
        where i.use = 'busy'
            and i.removed_at is null
            and s.starts_at < $2
            and s.ends_at > $1
        order by s.starts_at, s.id
        """,
        a,
        b,
    )
    return [
        ImportedShift(row["starts_at"], row["ends_at"], tuple(row["users"]), row["title"]) for row in rows
    ]


async def replace_shifts(tx: Tx, import_id: int, now: datetime, shifts: Sequence[ImportedShift]) -> None:
    """Replace the shifts of an import that are not over by `shifts`."""
    await tx.execute(
        """
        delete from calendar_shift
        where import_id = $1
            and ends_at > $2
        """,
        import_id,
        now,
    )
    await tx.many(
        """
        insert into calendar_shift (import_id, starts_at, ends_at, users, title, place)
        values ($1, $2, $3, $4, $5, $6)
        """,
        [(import_id, s.start, s.end, list(s.users), s.title, s.place) for s in shifts],
    )


async def names(
    tx: Tx, schedule_ids: Sequence[int], a: datetime, b: datetime
) -> list[tuple[int, ImportedShift]]:
    """Return the public holidays of schedules in `[a, b)`, each with its schedule's id."""
    rows = await tx.fetch(
        """
        select i.schedule_id, s.starts_at, s.ends_at, s.users, s.title
        from calendar_shift s
        join calendar_import i on i.id = s.import_id
        where i.schedule_id = any($1::bigint[])
            and i.source = 'holidays'
            and s.starts_at < $3
            and s.ends_at > $2
        order by s.starts_at, s.id
        """,
        list(schedule_ids),
        a,
        b,
    )
    return [
        (
            row["schedule_id"],
            ImportedShift(row["starts_at"], row["ends_at"], tuple(row["users"]), row["title"]),
        )
        for row in rows
    ]
