"""The SQL of handoff documents, and of how far shifts were announced."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from firebell.handoffs.model import Acknowledged, Handoff, ShiftChange
from firebell.kit.db.arrays import transpose
from firebell.kit.db.database import Row, Tx

_COLUMNS = "id, schedule_id, day, at, shift_start, body, edited, version, created_at, updated_at"


def _handoff(row: Row) -> Handoff:
    return Handoff(**dict(row.items()))


async def announced_until(tx: Tx, schedule_ids: Sequence[int]) -> dict[int, datetime]:
    """Return until when the shifts of each schedule were announced; a new schedule is missing."""
    rows = await tx.fetch(
        """
        select schedule_id, until
        from shift_told
        where schedule_id = any($1::bigint[])
        """,
        list(schedule_ids),
    )
    return {row["schedule_id"]: row["until"] for row in rows}


async def set_announced_until(tx: Tx, schedule_ids: Sequence[int], until: datetime) -> None:
    """Record that everything up to `until` was announced; it never goes back."""
    await tx.execute(
        """
        insert into shift_told (schedule_id, until)
        select schedule_id, $2
        from unnest($1::bigint[]) announced (schedule_id)
        on conflict (schedule_id) do update
        set until = greatest(shift_told.until, excluded.until)
        """,
        list(schedule_ids),
        until,
    )


async def lock_bodies(tx: Tx) -> None:
    """Make drafting and the removal of private lines wait for each other until the transaction ends."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended('handoff_body', 0))")


async def insert(tx: Tx, schedule_id: int, change: ShiftChange, body: str, now: datetime) -> bool:
    """Insert a document unless the day has one; return True if it was inserted."""
    inserted = await tx.value(
        """
        insert into handoff (schedule_id, day, at, shift_start, body, created_at, updated_at)
        values ($1, $2, $3, $4, $5, $6, $6)
        on conflict (schedule_id, day) do nothing
        returning true
        """,
        schedule_id,
        change.day,
        change.at,
        change.shift_start,
        body,
        now,
    )
    return bool(inserted)


async def redraft(tx: Tx, handoff_id: int, body: str, now: datetime) -> None:
    """Replace the text of a document that no person has edited."""
    await tx.execute(
        """
        update handoff
        set body = $2, updated_at = $3, version = version + 1
        where id = $1
            and not edited
        """,
        handoff_id,
        body,
        now,
    )


async def lock_bodies_naming(tx: Tx, refs: Sequence[str]) -> dict[int, str]:
    """Lock the documents that name one of these references and return their texts by id."""
    rows = await tx.fetch(
        """
        select id, body
        from handoff
        where body ~* $1
        order by id
        for update
        """,
        rf"\m({'|'.join(refs)})\M",
    )
    return {row["id"]: row["body"] for row in rows}


async def replace_bodies(tx: Tx, bodies: Mapping[int, str], now: datetime) -> None:
    """Replace the texts of documents by id, as new versions."""
    await tx.execute(
        """
        update handoff
        set body = new_text.body,
            updated_at = $3,
            version = version + 1
        from unnest($1::bigint[], $2::text[]) new_text (id, body)
        where handoff.id = new_text.id
        """,
        *transpose(bodies.items(), 2),
        now,
    )


async def handoff(tx: Tx, schedule_id: int, day: date) -> Handoff | None:
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from handoff
        where schedule_id = $1
            and day = $2
        """,
        schedule_id,
        day,
    )
    return _handoff(row) if row else None


async def handoffs(
    tx: Tx,
    *,
    schedule_ids: Sequence[int] | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[Handoff]:
    """Return documents with a lower id than `before`, newest first."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from handoff
        where ($1::bigint[] is null or schedule_id = any($1))
            and schedule_id in (select id from schedule where archived_at is null)
            and ($2::bigint is null or id < $2)
        order by id desc
        limit $3
        """,
        list(schedule_ids) if schedule_ids is not None else None,
        before,
        limit,
    )
    return [_handoff(row) for row in rows]


async def save(tx: Tx, handoff_id: int, body: str, version: int, now: datetime) -> bool:
    """Save the text; return False if the document has another version."""
    saved = await tx.value(
        """
        update handoff
        set body = $2, updated_at = $4, version = version + 1, edited = true
        where id = $1
            and version = $3
        returning true
        """,
        handoff_id,
        body,
        version,
        now,
    )
    return bool(saved)


async def acknowledge(tx: Tx, handoff_id: int, person_id: int, now: datetime) -> bool:
    """Record an acknowledgment; return False if the person had acknowledged before."""
    inserted = await tx.value(
        """
        insert into handoff_ack (handoff_id, person_id, at)
        values ($1, $2, $3)
        on conflict do nothing
        returning true
        """,
        handoff_id,
        person_id,
        now,
    )
    return bool(inserted)


async def acknowledged(tx: Tx, ids: Sequence[int]) -> dict[int, list[Acknowledged]]:
    """Return the acknowledgments of each document, earliest first."""
    rows = await tx.fetch(
        """
        select handoff_id, person_id, at
        from handoff_ack
        where handoff_id = any($1::bigint[])
        order by at, person_id
        """,
        list(ids),
    )
    acknowledgments: dict[int, list[Acknowledged]] = {i: [] for i in ids}
    for row in rows:
        acknowledgments[row["handoff_id"]].append(Acknowledged(row["person_id"], row["at"]))
    return acknowledgments
