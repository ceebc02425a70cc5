"""The SQL of the daily tests of the fallback responders."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from firebell.kit.db.arrays import transpose
from firebell.kit.db.database import Reads, Tx
from firebell.self_watch.fallback_tests import ResponderTests

LATEST_MAX = 30
"""Number of the latest tests of a person that are read."""


class FallbackTest(NamedTuple):
    """The test of one person on one day."""

    id: int
    person_id: int
    sent_at: datetime
    confirmed_at: datetime | None


async def insert_tests(tx: Tx, due: Sequence[tuple[int, date]], now: datetime) -> list[tuple[int, int]]:
    """Store the tests of (person, day) that do not exist yet; return their (id, person)."""
    rows = await tx.fetch(
        """
        insert into fallback_test (person_id, day, sent_at)
        select person_id, day, $3
        from unnest($1::bigint[], $2::date[]) due (person_id, day)
        order by person_id
        on conflict (person_id, day) do nothing
        returning id, person_id
        """,
        *transpose(due, 2),
        now,
    )
    return [(row["id"], row["person_id"]) for row in rows]


async def test(tx: Reads, test_id: int) -> FallbackTest | None:
    row = await tx.row(
        "select id, person_id, sent_at, confirmed_at from fallback_test where id = $1", test_id
    )
    return FallbackTest(**dict(row)) if row else None


async def confirm(tx: Tx, test_id: int, now: datetime) -> bool:
    """Record that a test was confirmed; return False if it was before."""
    changed = await tx.changed(
        """
        update fallback_test
        set confirmed_at = $2
        where id = $1
            and confirmed_at is null
        """,
        test_id,
        now,
    )
    return changed == 1


async def latest(tx: Reads, person_ids: Sequence[int]) -> list[ResponderTests]:
    """Return the tests of each person, in the order of the ids."""
    rows = await tx.fetch(
        """
        select
            person_id,
            max(sent_at) as sent_at,
            max(confirmed_at) as confirmed_at,
            count(*) filter (where day > coalesce(confirmed_day, '-infinity')) as unconfirmed
        from (
            select
                test.person_id,
                test.day,
                test.sent_at,
                test.confirmed_at,
                max(test.day) filter (where test.confirmed_at is not null) over (partition by test.person_id)
                    as confirmed_day
            from unnest($1::bigint[]) responder (id)
            cross join lateral (
                select person_id, day, sent_at, confirmed_at
                from fallback_test
                where person_id = responder.id
                order by day desc
                limit $2
            ) test
        ) test
        group by person_id
        """,
        list(person_ids),
        LATEST_MAX,
    )
    by_person = {row["person_id"]: ResponderTests(**dict(row)) for row in rows}
    return [by_person.get(person_id, ResponderTests(person_id)) for person_id in person_ids]
