"""The SQL that lists, counts and voids the deliveries about a subject."""

from collections.abc import Sequence
from typing import NamedTuple

from firebell.channels.registry import NEVER_REACHING
from firebell.kit.db.arrays import transpose
from firebell.kit.db.database import Tx
from firebell.notify.deliveries.store import DELIVERY_COLUMNS, delivery_from_row
from firebell.notify.model import REMINDER, Delivery


class LevelRecipients(NamedTuple):
    """The people who get the messages of a level."""

    notified: frozenset[int]
    """All of them, but for those who were only reminded."""
    reachable: frozenset[int]
    """Those of `notified` who have not left, and who got a message or still can."""
    left: frozenset[int]
    """Those who have left, also if they were only reminded."""


async def of_subject(tx: Tx, kind: str, subject_id: int) -> list[Delivery]:
    """Return the latest 1,000 deliveries about a subject, oldest first."""
    rows = await tx.fetch(
        f"""
        select {DELIVERY_COLUMNS}
        from (
            select *
            from delivery
            where subject_kind = $1
                and subject_id = $2
            order by id desc
            limit 1000
        ) latest
        order by id
        """,
        kind,
        subject_id,
    )
    return [delivery_from_row(row) for row in rows]


async def latest_to(tx: Tx, kind: str, subject_id: int, person_id: int, channel: str) -> Delivery | None:
    """Return the latest message about a subject that a channel accepted for a person; None for none."""
    row = await tx.row(
        f"""
        select {DELIVERY_COLUMNS}
        from delivery
        where subject_kind = $1
            and subject_id = $2
            and person_id = $3
            and channel = $4
            and state = 'accepted'
        order by id desc
        limit 1
        """,
        kind,
        subject_id,
        person_id,
        channel,
    )
    return delivery_from_row(row) if row else None


async def notified(tx: Tx, kind: str, subject_ids: Sequence[int]) -> dict[int, dict[int, bool]]:
    """Return, by subject, each recipient of messages about it, and whether any message arrived.

    Messages of a channel that never shows what arrives do not count.
    """
    rows = await tx.fetch(
        """
        select subject_id, person_id, bool_or(state = 'accepted' and channel <> all($3::text[])) arrived
        from delivery
        where subject_kind = $1
            and subject_id = any($2::bigint[])
        group by subject_id, person_id
        """,
        kind,
        list(subject_ids),
        NEVER_REACHING,
    )
    arrived_by_person: dict[int, dict[int, bool]] = {subject_id: {} for subject_id in subject_ids}
    for row in rows:
        arrived_by_person[row["subject_id"]][row["person_id"]] = row["arrived"]
    return arrived_by_person


async def level_recipients(
    tx: Tx, kind: str, levels: Sequence[tuple[int, int, int, int]]
) -> dict[int, LevelRecipients]:
    """Return, by subject, the recipients of the messages of its level.

    Nothing arrives by a channel that never shows what arrives.
    `levels` are (subject id, epoch, level, round), at most one of each subject; one without messages is left out.
    """
    rows = await tx.fetch(
        """
        select
            entered.subject_id,
            array_agg(distinct own.person_id) filter (where own.reason <> $6) notified,
            array_agg(distinct own.person_id) filter (
                where person.active
                    and own.state in ('queued', 'sending', 'accepted')
                    and own.reason <> $6
                    and own.channel <> all($7::text[])
            ) reachable,
            array_agg(distinct own.person_id) filter (where not person.active) "left"
        from unnest($2::bigint[], $3::bigint[], $4::int[], $5::int[]) entered (subject_id, epoch, level, round)
        cross join lateral (
            select epoch, level, round, person_id, state, reason, channel
            from delivery
            where subject_kind = $1
                and subject_id = entered.subject_id
            offset 0
        ) own
        join person on person.id = own.person_id
        where own.epoch = entered.epoch
            and own.level = entered.level
            and own.round = entered.round
        group by entered.subject_id
        """,
        kind,
        *transpose(levels, 4),
        REMINDER,
        NEVER_REACHING,
    )
    return {
        row["subject_id"]: LevelRecipients(*(frozenset(row[name] or ()) for name in LevelRecipients._fields))
        for row in rows
    }


async def void_superseded(tx: Tx, kind: str, epochs: Sequence[tuple[int, int]]) -> None:
    """Void queued deliveries of older plans; `epochs` are (subject id, epoch of the current plan)."""
    # `offset 0` keeps the lookup on the subject's own deliveries
    await tx.execute(
        """
        update delivery
        set state = 'void'
        where id in (
            select own.id
            from unnest($2::bigint[], $3::bigint[]) replanned (subject_id, epoch)
            cross join lateral (
                select id, epoch, state
                from delivery
                where subject_kind = $1
                    and subject_id = replanned.subject_id
                offset 0
            ) own
            where own.epoch < replanned.epoch
                and own.state = 'queued'
        )
        """,
        kind,
        *transpose(epochs, 2),
    )


async def void_queued_about(tx: Tx, kind: str, subject_id: int, person_id: int) -> None:
    """Void every message about a subject that is queued for a person, also one that is to be tried again.

    A message that a sender has locked is skipped: it is being sent.
    """
    await tx.execute(
        """
        update delivery
        set state = 'void'
        where id in (
            select id
            from delivery
            where subject_kind = $1
                and subject_id = $2
                and person_id = $3
                and state = 'queued'
            for update skip locked
        )
        """,
        kind,
        subject_id,
        person_id,
    )
