"""The SQL of the readers of published post-mortems, and of what they said."""

from dataclasses import dataclass
from datetime import datetime

from firebell.kit.db.database import Tx


@dataclass(frozen=True, slots=True)
class Readership:
    """How many people read a document and said that it was useful, or not yet, and what this reader said.

    Who said what is shown to no one.
    """

    readers: int
    useful: int
    not_yet: int
    mine: bool | None


async def readership(tx: Tx, postmortem_id: int, reader_id: int | None) -> Readership:
    """Return the numbers of a document."""
    row = await tx.row(
        """
        select
            count(*) as readers,
            count(*) filter (where is_useful) as useful,
            count(*) filter (where not is_useful) as not_yet,
            bool_or(is_useful) filter (where person_id = $2) as mine
        from postmortem_reader
        where postmortem_id = $1
        """,
        postmortem_id,
        reader_id,
    )
    assert row
    return Readership(**dict(row))


async def record(tx: Tx, postmortem_id: int, person_id: int, now: datetime) -> None:
    """Record that a person read a document. Idempotent: the first time counts."""
    await tx.execute(
        """
        insert into postmortem_reader (postmortem_id, person_id, read_at)
        values ($1, $2, $3)
        on conflict do nothing
        """,
        postmortem_id,
        person_id,
        now,
    )


async def answer(tx: Tx, postmortem_id: int, person_id: int, is_useful: bool, now: datetime) -> None:
    """Store the answer of a person, instead of an earlier one; who answers has read it."""
    await tx.execute(
        """
        insert into postmortem_reader (postmortem_id, person_id, read_at, is_useful, answered_at)
        values ($1, $2, $4, $3, $4)
        on conflict (postmortem_id, person_id) do update
        set is_useful = excluded.is_useful,
            answered_at = excluded.answered_at
        """,
        postmortem_id,
        person_id,
        is_useful,
        now,
    )
