"""The SQL of covers, swaps and absences."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from firebell.kit.db.database import Row, Tx
from firebell.oncall.model import Absence, Cover, CoverState, Swap, SwapState

_COVER_COLUMNS = """
    id, schedule_id, requester, starts_at as start, ends_at as "end", expires_at, state, asked, declined, reason,
    taken_by, edit_id, vacation_id, created_at, decided_at, why
"""
_SWAP_COLUMNS = """
    id, schedule_id, proposer, other, starts_at as start, ends_at as "end", their_starts_at as their_start,
    their_ends_at as their_end, state, reason, edit_ids, created_at, decided_at, why
"""
_ABSENCE_COLUMNS = """
    id, person_id, starts_at as start, ends_at as "end", reason, created_by, created_at, cancelled_at
"""
_OF_LIVE_SCHEDULE = "schedule_id in (select id from schedule where archived_at is null)"


def _cover(row: Row) -> Cover:
    return Cover(**_values(row))


def _swap(row: Row) -> Swap:
    return Swap(**_values(row))


def _absence(row: Row) -> Absence:
    return Absence(**_values(row))


def _values(row: Row) -> dict[str, Any]:
    return {column: tuple(v) if isinstance(v, list) else v for column, v in row.items()}


async def covers(
    tx: Tx,
    *,
    schedule_ids: Sequence[int] | None = None,
    vacation_ids: Sequence[int] | None = None,
    state: CoverState | None = None,
    since: datetime | None = None,
) -> list[Cover]:
    """Return requests for cover that end after `since`, earliest first."""
    rows = await tx.fetch(
        f"""
        select {_COVER_COLUMNS}
        from cover
        where {_OF_LIVE_SCHEDULE}
            and ($1::bigint[] is null or schedule_id = any($1))
            and ($2::bigint[] is null or vacation_id = any($2))
            and ($3::text is null or state = $3)
            and ($4::timestamptz is null or ends_at > $4)
        order by starts_at, id
        """,
        list(schedule_ids) if schedule_ids is not None else None,
        list(vacation_ids) if vacation_ids is not None else None,
        state,
        since,
    )
    return [_cover(row) for row in rows]


async def cover(tx: Tx, cover_id: int) -> Cover | None:
    """Return one request for cover."""
    row = await tx.row(
        f"""
        select {_COVER_COLUMNS}
        from cover
        where {_OF_LIVE_SCHEDULE}
            and id = $1
        """,
        cover_id,
    )
    return _cover(row) if row else None


async def cover_of_override(tx: Tx, edit_id: int) -> Cover | None:
    """Return the request that an override answers."""
    row = await tx.row(
        f"""
        select {_COVER_COLUMNS}
        from cover
        where edit_id = $1
        """,
        edit_id,
    )
    return _cover(row) if row else None


async def insert_cover(tx: Tx, new: Cover) -> Cover:
    """Insert a request, ignoring its id, and return it with its new id."""
    row = await tx.row(
        f"""
        insert into cover (
            schedule_id, requester, starts_at, ends_at, expires_at, state, asked, declined, reason, taken_by,
            edit_id, vacation_id, created_at, decided_at
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
        returning {_COVER_COLUMNS}
        """,
        new.schedule_id,
        new.requester,
        new.start,
        new.end,
        new.expires_at,
        new.state,
        list(new.asked),
        list(new.declined),
        new.reason,
        new.taken_by,
        new.edit_id,
        new.vacation_id,
        new.created_at,
        new.decided_at,
    )
    assert row
    return _cover(row)


async def save_cover(tx: Tx, new: Cover) -> None:
    await tx.execute(
        """
        update cover
        set starts_at = $2, ends_at = $3, expires_at = $4, state = $5, declined = $6, taken_by = $7,
            edit_id = $8, decided_at = $9, why = $10
        where id = $1
        """,
        new.id,
        new.start,
        new.end,
        new.expires_at,
        new.state,
        list(new.declined),
        new.taken_by,
        new.edit_id,
        new.decided_at,
        new.why,
    )


async def swaps(
    tx: Tx,
    *,
    schedule_ids: Sequence[int] | None = None,
    state: SwapState | None = None,
    since: datetime | None = None,
) -> list[Swap]:
    """Return swaps whose later shift ends after `since`, earliest first."""
    rows = await tx.fetch(
        f"""
        select {_SWAP_COLUMNS}
        from swap
        where {_OF_LIVE_SCHEDULE}
            and ($1::bigint[] is null or schedule_id = any($1))
            and ($2::text is null or state = $2)
            and ($3::timestamptz is null or greatest(ends_at, their_ends_at) > $3)
        order by starts_at, id
        """,
        list(schedule_ids) if schedule_ids is not None else None,
        state,
        since,
    )
    return [_swap(row) for row in rows]


async def swap(tx: Tx, swap_id: int) -> Swap | None:
    """Return one swap."""
    row = await tx.row(
        f"""
        select {_SWAP_COLUMNS}
        from swap
        where {_OF_LIVE_SCHEDULE}
            and id = $1
        """,
        swap_id,
    )
    return _swap(row) if row else None


async def swap_of_override(tx: Tx, edit_id: int) -> Swap | None:
    """Return the accepted swap that created an override."""
    row = await tx.row(
        f"""
        select {_SWAP_COLUMNS}
        from swap
        where state = 'accepted'
            and $1 = any(edit_ids)
        """,
        edit_id,
    )
    return _swap(row) if row else None


async def insert_swap(tx: Tx, new: Swap) -> Swap:
    """Insert a swap, ignoring its id, and return it with its new id."""
    row = await tx.row(
        f"""
        insert into swap (
            schedule_id, proposer, other, starts_at, ends_at, their_starts_at, their_ends_at, state, reason,
            created_at
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        returning {_SWAP_COLUMNS}
        """,
        new.schedule_id,
        new.proposer,
        new.other,
        new.start,
        new.end,
        new.their_start,
        new.their_end,
        new.state,
        new.reason,
        new.created_at,
    )
    assert row
    return _swap(row)


async def save_swap(tx: Tx, new: Swap) -> None:
    await tx.execute(
        """
        update swap
        set state = $2, edit_ids = $3, decided_at = $4, why = $5
        where id = $1
        """,
        new.id,
        new.state,
        list(new.edit_ids),
        new.decided_at,
        new.why,
    )


async def schedules_with(tx: Tx, person_id: int) -> list[int]:
    """Return the schedules with an open request or swap that a person made or is asked in."""
    rows = await tx.fetch(
        f"""
        select schedule_id
        from cover
        where {_OF_LIVE_SCHEDULE}
            and state = 'open'
            and (requester = $1 or $1 = any(asked))
        union
        select schedule_id
        from swap
        where {_OF_LIVE_SCHEDULE}
            and state = 'open'
            and $1 in (proposer, other)
        """,
        person_id,
    )
    return [row["schedule_id"] for row in rows]


async def absences(tx: Tx, *, person_id: int | None = None, since: datetime | None = None) -> list[Absence]:
    """Return absences that are not canceled and end after `since`, earliest first."""
    rows = await tx.fetch(
        f"""
        select {_ABSENCE_COLUMNS}
        from vacation
        where cancelled_at is null
            and ($1::bigint is null or person_id = $1)
            and ($2::timestamptz is null or ends_at > $2)
        order by starts_at, id
        """,
        person_id,
        since,
    )
    return [_absence(row) for row in rows]


async def lock_absence(tx: Tx, vacation_id: int) -> Absence | None:
    """Return an absence that is not canceled, and lock its row."""
    row = await tx.row(
        f"""
        select {_ABSENCE_COLUMNS}
        from vacation
        where id = $1
            and cancelled_at is null
        for no key update
        """,
        vacation_id,
    )
    return _absence(row) if row else None


async def insert_absence(
    tx: Tx,
    person_id: int,
    start: datetime,
    end: datetime,
    reason: str,
    created_by: int | None,
    now: datetime,
) -> Absence:
    row = await tx.row(
        f"""
        insert into vacation (person_id, starts_at, ends_at, reason, created_by, created_at)
        values ($1, $2, $3, $4, $5, $6)
        returning {_ABSENCE_COLUMNS}
        """,
        person_id,
        start,
        end,
        reason,
        created_by,
        now,
    )
    assert row
    return _absence(row)


async def cancel_absence(tx: Tx, vacation_id: int, now: datetime) -> None:
    await tx.execute(
        """
        update vacation
        set cancelled_at = $2
        where id = $1
        """,
        vacation_id,
        now,
    )
