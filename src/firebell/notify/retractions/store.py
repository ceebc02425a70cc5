"""The SQL of messages whose request is taken back."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from firebell.kit.db.arrays import transpose
from firebell.kit.db.database import Reads, Tx
from firebell.notify.deliveries.store import QUALIFIED_COLUMNS, delivery_with_provider_id
from firebell.notify.model import Delivery


class Retraction(NamedTuple):
    """A message to retract, the id that its provider gave it, and the number of the try."""

    delivery: Delivery
    provider_id: str
    tries: int


class QuietSubject(NamedTuple):
    """A subject that needs no one, the epoch of its plan, and True if it is over, such as a resolved page."""

    id: int
    epoch: int
    is_over: bool


async def add_of_subjects(
    tx: Tx, kind: str, subjects: Sequence[QuietSubject], channels: Sequence[str], now: datetime
) -> int:
    """Queue the messages about these subjects that a provider has and can change, and return their number.

    A message is changed once, and once more when its subject is over: each further acknowledgment of a page would
    otherwise change every earlier message about it. One that is being changed is queued again, because what takes its
    place may be composed already. What quiet hours held is part of a message about several subjects,
    and stays.
    """
    return await tx.changed(
        """
        insert into retraction (delivery_id, epoch, due_at)
        select delivery.id, subject.epoch, $6
        from unnest($2::bigint[], $3::bigint[], $4::bool[]) subject (id, epoch, is_over)
        join delivery on delivery.subject_kind = $1
            and delivery.subject_id = subject.id
        left join retraction earlier on earlier.delivery_id = delivery.id
        where delivery.state = 'accepted'
            and delivery.channel = any($5::text[])
            and not delivery.held
            and (subject.is_over or earlier.delivery_id is null or earlier.due_at is not null)
        on conflict (delivery_id) do update
        set epoch = excluded.epoch, due_at = excluded.due_at, tries = 0
        where retraction.epoch < excluded.epoch
        """,
        kind,
        *transpose(subjects, 3),
        list(channels),
        now,
    )


async def add_superseded(tx: Tx, delivery_ids: Sequence[int], now: datetime) -> int:
    """Queue those of these messages whose subject has a newer plan, and return their number."""
    return await tx.changed(
        """
        insert into retraction (delivery_id, epoch, due_at)
        select delivery.id, plan.epoch, $2
        from delivery
        join subject_plan plan on plan.subject_kind = delivery.subject_kind
            and plan.subject_id = delivery.subject_id
        where delivery.id = any($1::bigint[])
            and plan.epoch > delivery.epoch
            and not delivery.held
        on conflict do nothing
        """,
        list(delivery_ids),
        now,
    )


async def claim(tx: Tx, now: datetime, until: datetime, limit: int) -> list[Retraction]:
    """Lease messages that are due until an instant."""
    rows = await tx.fetch(
        f"""
        with claimed as (
            update retraction
            set due_at = $2, tries = tries + 1
            where delivery_id in (
                select delivery_id
                from retraction
                where due_at <= $1
                order by due_at
                limit $3
                for update skip locked
            )
            returning delivery_id, tries
        )
        select {QUALIFIED_COLUMNS}, delivery.provider_id, claimed.tries
        from claimed
        join delivery on delivery.id = claimed.delivery_id
        order by delivery.id
        """,
        now,
        until,
        limit,
    )
    retractions = []
    for row in rows:
        delivery, provider_id = delivery_with_provider_id(row)
        retractions.append(Retraction(delivery, provider_id or "", row["tries"]))
    return retractions


async def forget(tx: Tx, retractions: Sequence[Retraction]) -> None:
    """Delete those that changed nothing, because their subject waits for someone again; the next plan queues them."""
    await tx.execute(
        """
        delete from retraction
        using unnest($1::bigint[], $2::smallint[]) unchanged (delivery_id, tries)
        where retraction.delivery_id = unchanged.delivery_id
            and retraction.tries = unchanged.tries
        """,
        *transpose(((each.delivery.id, each.tries) for each in retractions), 2),
    )


async def next_at(tx: Reads) -> datetime | None:
    """Return when the next message is due."""
    earliest: datetime | None = await tx.value(
        """
        select min(due_at)
        from retraction
        """
    )
    return earliest


async def reschedule(tx: Tx, retractions: Sequence[tuple[Retraction, datetime | None]]) -> None:
    """Set when each is tried again, None for never, unless it was queued or claimed again meanwhile."""
    await tx.execute(
        """
        update retraction
        set due_at = next.due_at
        from unnest($1::bigint[], $2::smallint[], $3::timestamptz[]) next (delivery_id, tries, due_at)
        where retraction.delivery_id = next.delivery_id
            and retraction.tries = next.tries
        """,
        *transpose(((each.delivery.id, each.tries, at) for each, at in retractions), 3),
    )
