"""The SQL of reminders of post-mortems."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.kit.db.database import Tx


@dataclass(frozen=True, slots=True)
class RemindedPostmortem:
    """A locked document as its reminders see it; one with a published version needs no more of them.

    It is about an incident, or else it is a near miss, of which `service_ids` are the services.
    """

    id: int
    incident_id: int | None
    state: str
    due_at: datetime
    author_id: int | None
    created_at: datetime
    service_ids: tuple[int, ...]
    sent: tuple[str, ...]
    """The marks of the reminders that were sent for this due time."""


async def lock_free(tx: Tx, postmortem_ids: Sequence[int]) -> list[RemindedPostmortem]:
    """Lock those post-mortems that no one else has locked, and return them."""
    rows = await tx.fetch(
        """
        select
            id,
            incident_id,
            case when published_version is null then state else 'published' end as state,
            due_at,
            author_id,
            created_at,
            coalesce(
                (select near_miss.service_ids from near_miss where near_miss.postmortem_id = postmortem.id), '{}'
            ) as service_ids
        from postmortem
        where id = any($1::bigint[])
        order by id
        for update skip locked
        """,
        list(postmortem_ids),
    )
    marks = await tx.fetch(
        """
        select reminder.postmortem_id, reminder.mark
        from postmortem_reminder reminder
        join postmortem on postmortem.id = reminder.postmortem_id and postmortem.due_at = reminder.due_at
        where reminder.postmortem_id = any($1::bigint[])
        """,
        [row["id"] for row in rows],
    )
    return [
        RemindedPostmortem(
            **{**dict(row), "service_ids": tuple(row["service_ids"])},
            sent=tuple(mark["mark"] for mark in marks if mark["postmortem_id"] == row["id"]),
        )
        for row in rows
    ]


async def existing(tx: Tx, postmortem_ids: Sequence[int]) -> set[int]:
    """Return those ids that are post-mortems."""
    rows = await tx.fetch("select id from postmortem where id = any($1::bigint[])", list(postmortem_ids))
    return {row["id"] for row in rows}


async def record(tx: Tx, postmortem_id: int, due_at: datetime, marks: Sequence[str], now: datetime) -> None:
    """Record that reminders were sent, or passed over. Idempotent."""
    await tx.execute(
        """
        insert into postmortem_reminder (postmortem_id, due_at, mark, sent_at)
        select $1, $2, mark, $4
        from unnest($3::text[]) mark
        on conflict do nothing
        """,
        postmortem_id,
        due_at,
        list(marks),
        now,
    )


async def set_due(tx: Tx, postmortem_id: int, due_at: datetime) -> None:
    """Change when a post-mortem is due."""
    await tx.execute("update postmortem set due_at = $2 where id = $1", postmortem_id, due_at)


async def set_author(tx: Tx, postmortem_id: int, author_id: int) -> None:
    """Change who writes a post-mortem."""
    await tx.execute("update postmortem set author_id = $2 where id = $1", postmortem_id, author_id)


@dataclass(frozen=True, slots=True)
class DuePostmortem:
    """What the message of a reminder needs to know."""

    id: int
    incident_id: int | None
    state: str
    due_at: datetime
    author_id: int | None
    near_miss: int | None
    """The number of the near miss, None for a document about an incident."""
    near_miss_title: str


async def due_postmortems(tx: Tx, postmortem_ids: Sequence[int]) -> dict[int, DuePostmortem]:
    """Return post-mortems by id."""
    rows = await tx.fetch(
        """
        select
            postmortem.id,
            postmortem.incident_id,
            postmortem.state,
            postmortem.due_at,
            postmortem.author_id,
            near_miss.id as near_miss,
            coalesce(near_miss.title, '') as near_miss_title
        from postmortem
        left join near_miss on near_miss.postmortem_id = postmortem.id
        where postmortem.id = any($1::bigint[])
        """,
        list(postmortem_ids),
    )
    return {row["id"]: DuePostmortem(**dict(row)) for row in rows}
