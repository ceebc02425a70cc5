"""The SQL of reply codes: the short number by which a person answers a page in a text message."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from firebell.kit.db.arrays import transpose
from firebell.kit.db.database import Reads, Tx
from firebell.kit.db.database_clock import last_gap
from firebell.kit.intervals import Interval

Subject = tuple[int, str, int]
"""A person, and the kind and id of what they can answer."""


_MIN_LEFT_OUT, _MAX_LEFT_OUT = 100, 900


def _left_out(gap: Interval) -> int:
    """Return how many codes to skip after a gap: a different number each time the same backup is restored."""
    minutes = (gap.end - gap.start) // timedelta(minutes=1)
    return _MIN_LEFT_OUT + minutes % (_MAX_LEFT_OUT - _MIN_LEFT_OUT)


async def give(
    tx: Tx, subjects: Sequence[Subject], channels: Sequence[str], now: datetime
) -> dict[Subject, int]:
    """Return the code of each subject for its person: the one it has, else the next free one after the latest.

    After 999 comes 1, so that codes are reused as late as possible. If an old backup may have been restored, some
    are skipped: messages about lost pages may hold the next ones. A code of someone who shares an address
    of these channels is not free: a reply says only from which address it is.
    One that another process takes at this moment is missing: its message carries only the link.
    """
    columns = transpose(sorted(set(subjects)), 3)
    gap = await last_gap(tx, now)
    rows = await tx.fetch(
        """
        with wanted as (
            select person_id, subject_kind, subject_id
            from unnest($2::bigint[], $3::text[], $4::bigint[]) wanted (person_id, subject_kind, subject_id)
        ),
        sharing as (
            select own.person_id, array_agg(distinct other.person_id) as person_ids
            from contact_method own
            join contact_method other on other.kind = own.kind
                and other.address = own.address
                and other.disabled_at is null
            where own.person_id in (select person_id from wanted)
                and own.kind = any($5::text[])
                and own.disabled_at is null
            group by own.person_id
        ),
        known as (
            update reply_code
            set given_at = $1
            from wanted
            where reply_code.person_id = wanted.person_id
                and reply_code.subject_kind = wanted.subject_kind
                and reply_code.subject_id = wanted.subject_id
            returning reply_code.person_id, reply_code.subject_kind, reply_code.subject_id, reply_code.code
        ),
        new as (
            select
                wanted.*,
                coalesce(sharing.person_ids, array[wanted.person_id]) as person_ids,
                row_number() over (
                    partition by coalesce(sharing.person_ids[1], wanted.person_id)
                    order by wanted.person_id, wanted.subject_kind, wanted.subject_id
                ) as place
            from wanted
            left join sharing on sharing.person_id = wanted.person_id
            where not exists (
                select
                from known
                where known.person_id = wanted.person_id
                    and known.subject_kind = wanted.subject_kind
                    and known.subject_id = wanted.subject_id
            )
        ),
        added as (
            insert into reply_code (person_id, code, subject_kind, subject_id, given_at, added_at)
            select new.person_id, free.code, new.subject_kind, new.subject_id, $1, $1
            from new
            cross join lateral (
                select (coalesce(max(code), 0) + $7::int) % 999 as code
                from (
                    select code
                    from reply_code
                    where person_id = any(new.person_ids)
                        and ($6::timestamptz is null or added_at <= $6)
                    order by added_at desc, code desc
                    limit 1
                ) given
            ) latest
            cross join lateral (
                select number as code
                from generate_series(1, 999) number
                where not exists (
                    select
                    from reply_code used
                    where used.person_id = any(new.person_ids)
                        and used.code = number
                )
                order by number <= latest.code, number
                offset new.place - 1
                limit 1
            ) free
            on conflict do nothing
            returning person_id, subject_kind, subject_id, code
        )
        select * from known
        union all
        select * from added
        """,
        now,
        *columns,
        list(channels),
        gap.start if gap else None,
        _left_out(gap) if gap else 0,
    )
    return {(row["person_id"], row["subject_kind"], row["subject_id"]): row["code"] for row in rows}


async def subjects_of(tx: Reads, person_ids: Sequence[int], code: int) -> list[Subject]:
    """Return what a code of these people stands for."""
    rows = await tx.fetch(
        """
        select person_id, subject_kind, subject_id
        from reply_code
        where person_id = any($1::bigint[])
            and code = $2
        """,
        list(person_ids),
        code,
    )
    return [(row["person_id"], row["subject_kind"], row["subject_id"]) for row in rows]


async def codes_of(tx: Reads, person_id: int, kind: str, subject_ids: Sequence[int]) -> dict[int, int]:
    """Return the code of each subject of a person that has one."""
    rows = await tx.fetch(
        """
        select subject_id, code
        from reply_code
        where person_id = $1
            and subject_kind = $2
            and subject_id = any($3::bigint[])
        """,
        person_id,
        kind,
        list(subject_ids),
    )
    return {row["subject_id"]: row["code"] for row in rows}
