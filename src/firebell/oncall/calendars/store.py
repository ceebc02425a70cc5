"""The SQL of feeds, imports and what imports say."""

from collections.abc import Sequence
from datetime import datetime

from firebell.kit.db import Row, Tx
from firebell.oncall.calendars.model import (
    Due,
    Feed,
    FeedKind,
    Import,
    ImportedShift,
    Made,
    Place,
    Source,
    Stray,
    Use,
)

_IMPORT = (
    "id, name, use, place, source, schedule_id, person_id, url, country, subdivision, users, next_at, good_at,"
    " failing_since, error, notes, unmatched"
)


async def insert_feed(
    tx: Tx, token_hash: bytes, kind: FeedKind, subject_id: int, created_by: int, now: datetime
) -> int:
    found = await tx.value(
        "insert into calendar_feed (token_hash, kind, subject_id, created_by, created_at)"
        " values ($1, $2, $3, $4, $5) returning id",
        token_hash,
        kind,
        subject_id,
        created_by,
        now,
    )
    assert isinstance(found, int)
    return found


_FEED = (
    "select f.id, f.kind, f.subject_id, f.created_by, f.created_at, f.last_used_at,"
    " coalesce(s.name, t.name, p.name) as name from calendar_feed f join person by on by.id = f.created_by"
    " left join schedule s on f.kind = 'schedule' and s.id = f.subject_id and s.archived_at is null"
    " left join team t on f.kind = 'team' and t.id = f.subject_id"
    " left join person p on f.kind = 'person' and p.id = f.subject_id and p.active"
    " where f.revoked_at is null and by.active and coalesce(s.id, t.id, p.id) is not null"
)
"""Feeds that work: not revoked, and neither their maker nor their subject is gone."""


def _feed(row: Row) -> Feed:
    return Feed(**{**dict(row.items()), "kind": FeedKind(row["kind"])})


async def feeds(tx: Tx, created_by: int) -> list[Feed]:
    return [_feed(r) for r in await tx.fetch(f"{_FEED} and f.created_by = $1 order by f.id desc", created_by)]


async def feed(tx: Tx, token_hash: bytes) -> Feed | None:
    row = await tx.row(f"{_FEED} and f.token_hash = $1", token_hash)
    return _feed(row) if row else None


async def was_feed(tx: Tx, token_hash: bytes) -> bool:
    """Say whether this token was given out once, whether it works or not."""
    return bool(await tx.value("select true from calendar_feed where token_hash = $1", token_hash))


async def touch_feed(tx: Tx, feed_id: int, now: datetime) -> None:
    """Note the use of a feed, at most once a minute."""
    await tx.execute(
        "update calendar_feed set last_used_at = $2::timestamptz where id = $1"
        " and (last_used_at is null or last_used_at < $2::timestamptz - interval '1 minute')",
        feed_id,
        now,
    )


async def revoke_feeds(tx: Tx, created_by: int, now: datetime) -> int:
    """Revoke every feed that a person made; return how many that were."""
    revoked = await tx.execute(
        """
        update calendar_feed
        set revoked_at = $2
        where created_by = $1 and revoked_at is null
        """,
        created_by,
        now,
    )
    return int(revoked.partition(" ")[2])


async def revoke_feed(tx: Tx, feed_id: int, created_by: int, now: datetime) -> bool:
    done = await tx.execute(
        "update calendar_feed set revoked_at = $3 where id = $1 and created_by = $2 and revoked_at is null",
        feed_id,
        created_by,
        now,
    )
    return done == "UPDATE 1"


async def restore_feed(tx: Tx, feed_id: int, revoked_at: datetime) -> bool:
    """Put a feed in force that was revoked at this instant; return False if there is none."""
    done = await tx.execute(
        """
        update calendar_feed
        set revoked_at = null
        where id = $1
          and revoked_at = $2
        """,
        feed_id,
        revoked_at,
    )
    return done == "UPDATE 1"


async def changed_at(tx: Tx, schedule_ids: Sequence[int]) -> dict[int, datetime]:
    rows = await tx.fetch(
        "select id, changed_at from schedule where id = any($1::bigint[])", list(schedule_ids)
    )
    return {row["id"]: row["changed_at"] for row in rows}


def _import(row: Row) -> Import:
    strays = tuple(
        Stray(datetime.fromisoformat(s["start"]), datetime.fromisoformat(s["end"]), s["title"])
        for s in row["unmatched"]
    )
    return Import(
        **{
            **{column: row[column] for column in _IMPORT.split(", ")},
            "use": Use(row["use"]),
            "place": Place(row["place"]),
            "source": Source(row["source"]),
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
    place: Place,
    source: Source,
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
    found = await tx.value(
        "insert into calendar_import (name, use, place, source, schedule_id, person_id, url, body, country,"
        " subdivision, users, created_by, next_at, created_at)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13) returning id",
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
    assert isinstance(found, int)
    return found


async def imports(
    tx: Tx, *, schedule_ids: Sequence[int] | None = None, person_id: int | None = None
) -> list[Import]:
    """Return the imports of these schedules and of this person that were not taken away; all without either."""
    rows = await tx.fetch(
        f"select {_IMPORT} from calendar_import where removed_at is null and ($1::bigint[] is null"
        " and $2::bigint is null or schedule_id = any($1) or person_id = $2) order by id",
        list(schedule_ids) if schedule_ids is not None else None,
        person_id,
    )
    return [_import(row) for row in rows]


async def lock_import(tx: Tx, import_id: int) -> Import | None:
    """Return an import that is not taken away, and let one transaction at a time change it and its schedule.

    The schedule is locked first, as by whoever deletes it with its calendars.
    """
    await tx.fetch(
        "select id from schedule where id = (select schedule_id from calendar_import where id = $1)"
        " for no key update",
        import_id,
    )
    row = await tx.row(
        f"select {_IMPORT} from calendar_import where id = $1 and removed_at is null for no key update",
        import_id,
    )
    return _import(row) if row else None


async def claim(tx: Tx, now: datetime, again_at: datetime, limit: int) -> list[Due]:
    """Take up to `limit` imports that are due, and set each to come again at `again_at` or up to 3 min later.

    Whoever dies on the way leaves nothing behind: the import comes again then.
    """
    rows = await tx.fetch(
        "update calendar_import i set next_at = $2::timestamptz + i.id * 37 % 180 * interval '1 second'"
        " where id in (select id from calendar_import where removed_at is null and next_at <= $1"
        " order by next_at, id limit $3 for update skip locked)"
        f" returning {_IMPORT}, body, etag, modified, made_for, coalesce("
        "(select tz from schedule s where s.id = i.schedule_id), (select tz from person p where p.id = i.person_id)"
        ") as tz",
        now,
        again_at,
        limit,
    )
    return [Due(_import(r), r["body"], r["etag"], r["modified"], r["made_for"], r["tz"]) for r in rows]


async def next_at(tx: Tx) -> datetime | None:
    """Return when the next import is due."""
    found = await tx.value("select min(next_at) from calendar_import where removed_at is null")
    assert found is None or isinstance(found, datetime)
    return found


async def set_next(tx: Tx, import_id: int, at: datetime) -> None:
    await tx.execute("update calendar_import set next_at = $2 where id = $1", import_id, at)


async def set_place(tx: Tx, import_id: int, place: Place) -> None:
    await tx.execute("update calendar_import set place = $2 where id = $1", import_id, place)


async def good(
    tx: Tx,
    import_id: int,
    body: bytes | None,
    etag: str,
    modified: str,
    made_for: str,
    made: Made,
    now: datetime,
) -> None:
    """Keep a good copy, None: the one that is there, and what was seen in it."""
    strays = [
        {"start": s.start.isoformat(), "end": s.end.isoformat(), "title": s.title} for s in made.unmatched
    ]
    await tx.execute(
        "update calendar_import set body = coalesce($2, body), etag = $3, modified = $4, made_for = $5, good_at = $6,"
        " failing_since = null, error = '', notes = $7, unmatched = $8 where id = $1",
        import_id,
        body,
        etag,
        modified,
        made_for,
        now,
        list(made.notes),
        strays,
    )


async def unchanged(tx: Tx, import_id: int, etag: str, modified: str, now: datetime) -> None:
    """Note that the good copy is still the present one, and what the server calls it now."""
    await tx.execute(
        "update calendar_import set good_at = $2, etag = $3, modified = $4, failing_since = null, error = ''"
        " where id = $1",
        import_id,
        now,
        etag,
        modified,
    )


async def failed(tx: Tx, import_id: int, error: str, now: datetime) -> None:
    await tx.execute(
        "update calendar_import set failing_since = coalesce(failing_since, $3), error = $2 where id = $1",
        import_id,
        error[:500],
        now,
    )


async def still_failing(tx: Tx, found: Import, error: str, now: datetime) -> None:
    """Note an error after a good copy was expanded again, which makes that copy no younger."""
    await tx.execute(
        "update calendar_import set failing_since = $3, good_at = $4, error = $2 where id = $1",
        found.id,
        error[:500],
        found.failing_since or now,
        found.good_at,
    )


async def remove_import(tx: Tx, import_id: int, now: datetime) -> None:
    await tx.execute("update calendar_import set removed_at = $2, body = null where id = $1", import_id, now)


async def close(tx: Tx, schedule_id: int, now: datetime) -> None:
    """Take the calendars of a schedule away; what they said until `now` stays."""
    await tx.execute(
        "update calendar_import set removed_at = $2, body = null where schedule_id = $1 and removed_at is null",
        schedule_id,
        now,
    )
    mine = "import_id in (select id from calendar_import where schedule_id = $1)"
    await tx.execute(f"delete from calendar_shift where {mine} and starts_at >= $2", schedule_id, now)
    await tx.execute(
        f"update calendar_shift set ends_at = $2 where {mine} and ends_at > $2",
        schedule_id,
        now,
    )


async def shifts(
    tx: Tx, import_ids: Sequence[int], since: datetime | None = None
) -> list[tuple[int, ImportedShift]]:
    """Return what imports say, each shift with its import, in order; with `since` what ends after it."""
    rows = await tx.fetch(
        "select import_id, starts_at, ends_at, users, title, place from calendar_shift"
        " where import_id = any($1::bigint[]) and ($2::timestamptz is null or ends_at > $2)"
        " order by starts_at, id",
        list(import_ids),
        since,
    )
    return [
        (
            r["import_id"],
            ImportedShift(r["starts_at"], r["ends_at"], tuple(r["users"]), r["title"], Place(r["place"])),
        )
        for r in rows
    ]


async def shift_counts(tx: Tx, import_ids: Sequence[int], since: datetime) -> dict[int, int]:
    """Return how many shifts of each import end after `since`; one without any is left out."""
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
    """Return when people's own calendars have them busy in `[a, b)`; each shift names one person."""
    rows = await tx.fetch(
        "select s.starts_at, s.ends_at, s.users, s.title from calendar_shift s"
        " join calendar_import i on i.id = s.import_id where i.use = 'busy' and i.removed_at is null"
        " and s.starts_at < $2 and s.ends_at > $1 order by s.starts_at, s.id",
        a,
        b,
    )
    return [ImportedShift(r["starts_at"], r["ends_at"], tuple(r["users"]), r["title"]) for r in rows]


async def replace_shifts(tx: Tx, import_id: int, now: datetime, found: Sequence[ImportedShift]) -> None:
    """Put `found` in the place of what is not over yet."""
    await tx.execute("delete from calendar_shift where import_id = $1 and ends_at > $2", import_id, now)
    await tx.many(
        "insert into calendar_shift (import_id, starts_at, ends_at, users, title, place)"
        " values ($1, $2, $3, $4, $5, $6)",
        [(import_id, s.start, s.end, list(s.users), s.title, s.place) for s in found],
    )


async def names(
    tx: Tx, schedule_ids: Sequence[int], a: datetime, b: datetime
) -> list[tuple[int, ImportedShift]]:
    """Return the public holidays that schedules know in `[a, b)`, each with its schedule."""
    rows = await tx.fetch(
        "select i.schedule_id, s.starts_at, s.ends_at, s.users, s.title from calendar_shift s"
        " join calendar_import i on i.id = s.import_id where i.schedule_id = any($1::bigint[])"
        " and i.source = 'holidays' and s.starts_at < $3 and s.ends_at > $2 order by s.starts_at, s.id",
        list(schedule_ids),
        a,
        b,
    )
    return [
        (r["schedule_id"], ImportedShift(r["starts_at"], r["ends_at"], tuple(r["users"]), r["title"]))
        for r in rows
    ]
