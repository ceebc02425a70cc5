"""The SQL of the facts that checks need beside a schedule, and of the errors that were reported."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.localtime import known_zone
from firebell.oncall.checks.rules import UrgentCall
from firebell.oncall.checks.unreported import Reported


async def chains(tx: Tx) -> list[tuple[str, list[tuple[list[int], bool]]]]:
    """Return the name and levels of each policy: the schedules of a level, and whether it has other targets."""
    policies = []
    for row in await tx.fetch(
        """
        select name, levels
        from policy_chain
        order by name, id
        """
    ):
        levels = []
        for level in row["levels"]:
            schedule_ids = [target["id"] for target in level["targets"] if target["kind"] == "schedule"]
            levels.append((schedule_ids, len(schedule_ids) < len(level["targets"])))
        policies.append((row["name"], levels))
    return policies


async def urgent_calls(tx: Tx, since: datetime) -> list[UrgentCall]:
    """Return the messages of urgent pages from `since` on, earliest first."""
    rows = await tx.fetch(
        """
        select c.person_id, c.page_id, c.at, p.tz
        from urgent_call c
        join person p on p.id = c.person_id
        where c.at >= $1
        order by c.at
        """,
        since,
    )
    return [
        UrgentCall(user=row["person_id"], page_id=row["page_id"], at=row["at"], tz=known_zone(row["tz"]))
        for row in rows
    ]


async def reported(tx: Tx, schedule_ids: Sequence[int]) -> dict[int, list[Reported]]:
    """Return the errors of these schedules that were reported, by schedule."""
    errors: dict[int, list[Reported]] = defaultdict(list)
    for row in await tx.fetch(
        """
        select schedule_id, what, starts_at, ends_at
        from finding_told
        where schedule_id = any($1::bigint[])
        """,
        list(schedule_ids),
    ):
        errors[row["schedule_id"]].append(
            Reported(what=row["what"], start=row["starts_at"], end=row["ends_at"])
        )
    return errors


async def set_reported(tx: Tx, schedule_ids: Sequence[int], errors: Mapping[int, Sequence[Reported]]) -> None:
    """Replace the reported errors of these schedules."""
    await tx.execute(
        """
        delete from finding_told
        where schedule_id = any($1::bigint[])
        """,
        list(schedule_ids),
    )
    await tx.many(
        """
        insert into finding_told (schedule_id, what, starts_at, ends_at)
        values ($1, $2, $3, $4)
        """,
        [
            (schedule_id, error.what, error.start, error.end)
            for schedule_id, reported_errors in errors.items()
            for error in reported_errors
        ],
    )
