"""The SQL of covers, swaps and vacations."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from firebell.kit.db import Row, Tx
from firebell.oncall.model import Absence, Cover, CoverState, Swap, SwapState

_COVER = (
    "id, schedule_id, requester, starts_at, ends_at, expires_at, state, asked, declined, reason, taken_by,"
    " edit_id, vacation_id, created_at, decided_at, why"
)
_SWAP = (
    "id, schedule_id, proposer, other, starts_at, ends_at, their_starts_at, their_ends_at, state, reason,"
    " edit_ids, created_at, decided_at, why"
)
_LIVE = "schedule_id in (select id from schedule where archived_at is null)"
_VACATION = "id, person_id, starts_at, ends_at, reason, created_by, created_at, cancelled_at"


def _cover(row: Row) -> Cover:
    values: list[Any] = [tuple(v) if isinstance(v, list) else v for v in row.values()]
    return Cover(*values)


def _swap(row: Row) -> Swap:
    values: list[Any] = [tuple(v) if isinstance(v, list) else v for v in row.values()]
    return Swap(*values)


async def covers(
    tx: Tx,
    *,
    schedule_ids: Sequence[int] | None = None,
    vacation_ids: Sequence[int] | None = None,
    state: CoverState | None = None,
    since: datetime | None = None,
) -> list[Cover]:
    """Return requests for cover that end after `since`, the earliest first."""
    rows = await tx.fetch(
        f"select {_COVER} from cover where {_LIVE} and ($1::bigint[] is null or schedule_id = any($1))"
        " and ($2::bigint[] is null or vacation_id = any($2)) and ($3::text is null or state = $3)"
        " and ($4::timestamptz is null or ends_at > $4) order by starts_at, id",
        list(schedule_ids) if schedule_ids is not None else None,
        list(vacation_ids) if vacation_ids is not None else None,
        state,
        since,
    )
    return [_cover(row) for row in rows]


async def cover(tx: Tx, cover_id: int) -> Cover | None:
    """Return one request for cover."""
    row = await tx.row(f"select {_COVER} from cover where {_LIVE} and id = $1", cover_id)
    return _cover(row) if row else None


async def cover_of_edit(tx: Tx, edit_id: int) -> Cover | None:
    """Return the request that an edit answers."""
    row = await tx.row(f"select {_COVER} from cover where edit_id = $1", edit_id)
    return _cover(row) if row else None


async def insert_cover(tx: Tx, new: Cover) -> Cover:
    """Insert a request; its id is ignored."""
    row = await tx.row(
        "insert into cover (schedule_id, requester, starts_at, ends_at, expires_at, state, asked, declined,"
        " reason, taken_by, edit_id, vacation_id, created_at, decided_at)"
        f" values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) returning {_COVER}",
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
        "update cover set starts_at = $2, ends_at = $3, expires_at = $4, state = $5, declined = $6,"
        " taken_by = $7, edit_id = $8, decided_at = $9, why = $10 where id = $1",
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
    """Return swaps of which a part ends after `since`, the earliest first."""
    rows = await tx.fetch(
        f"select {_SWAP} from swap where {_LIVE} and ($1::bigint[] is null or schedule_id = any($1))"
        " and ($2::text is null or state = $2)"
        " and ($3::timestamptz is null or greatest(ends_at, their_ends_at) > $3) order by starts_at, id",
        list(schedule_ids) if schedule_ids is not None else None,
        state,
        since,
    )
    return [_swap(row) for row in rows]


async def swap(tx: Tx, swap_id: int) -> Swap | None:
    """Return one swap."""
    row = await tx.row(f"select {_SWAP} from swap where {_LIVE} and id = $1", swap_id)
    return _swap(row) if row else None


async def swap_of_edit(tx: Tx, edit_id: int) -> Swap | None:
    """Return the accepted swap that made an edit."""
    row = await tx.row(f"select {_SWAP} from swap where state = 'accepted' and $1 = any(edit_ids)", edit_id)
    return _swap(row) if row else None


async def insert_swap(tx: Tx, new: Swap) -> Swap:
    """Insert a swap; its id is ignored."""
    row = await tx.row(
        "insert into swap (schedule_id, proposer, other, starts_at, ends_at, their_starts_at, their_ends_at,"
        f" state, reason, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning {_SWAP}",
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
        "update swap set state = $2, edit_ids = $3, decided_at = $4, why = $5 where id = $1",
        new.id,
        new.state,
        list(new.edit_ids),
        new.decided_at,
        new.why,
    )


async def schedules_with(tx: Tx, person_id: int) -> list[int]:
    """Return the schedules with an open request or swap of somebody, or that asks somebody."""
    rows = await tx.fetch(
        f"select schedule_id from cover where {_LIVE} and state = 'open' and (requester = $1 or $1 = any(asked))"
        f" union select schedule_id from swap where {_LIVE} and state = 'open' and $1 in (proposer, other)",
        person_id,
    )
    return [row["schedule_id"] for row in rows]


async def vacations(tx: Tx, *, person_id: int | None = None, since: datetime | None = None) -> list[Absence]:
    """Return vacations that are not canceled and end after `since`, the earliest first."""
    rows = await tx.fetch(
        f"select {_VACATION} from vacation where cancelled_at is null"
        " and ($1::bigint is null or person_id = $1) and ($2::timestamptz is null or ends_at > $2)"
        " order by starts_at, id",
        person_id,
        since,
    )
    return [Absence(*row.values()) for row in rows]


async def vacation_of(tx: Tx, vacation_id: int) -> int | None:
    """Return whose time off it is, None when there is none that counts."""
    row = await tx.row(
        """
        select person_id
        from vacation
        where id = $1 and cancelled_at is null
        """,
        vacation_id,
    )
    return row["person_id"] if row else None


async def lock_vacation(tx: Tx, vacation_id: int) -> Absence | None:
    """Return a vacation that is not canceled, for one transaction at a time."""
    row = await tx.row(
        f"select {_VACATION} from vacation where id = $1 and cancelled_at is null for no key update",
        vacation_id,
    )
    return Absence(*row.values()) if row else None


async def insert_vacation(
    tx: Tx,
    person_id: int,
    start: datetime,
    end: datetime,
    reason: str,
    created_by: int | None,
    now: datetime,
) -> Absence:
    row = await tx.row(
        "insert into vacation (person_id, starts_at, ends_at, reason, created_by, created_at)"
        f" values ($1, $2, $3, $4, $5, $6) returning {_VACATION}",
        person_id,
        start,
        end,
        reason,
        created_by,
        now,
    )
    assert row
    return Absence(*row.values())


async def cancel_vacation(tx: Tx, vacation_id: int, now: datetime) -> None:
    await tx.execute("update vacation set cancelled_at = $2 where id = $1", vacation_id, now)
