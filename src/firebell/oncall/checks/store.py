"""The SQL of what findings need beside a schedule, and of which errors people were told."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from firebell.kit.db import Tx
from firebell.oncall.checks.unreported import Reported


async def chains(tx: Tx) -> list[tuple[str, list[tuple[list[int], bool]]]]:
    """Return each policy's name and levels: the schedules of a level, and whether others are notified too."""
    found = []
    for row in await tx.fetch("select name, levels from policy_chain order by name, id"):
        steps = []
        for level in row["levels"]:
            schedules_ = [t["id"] for t in level["targets"] if t["kind"] == "schedule"]
            steps.append((schedules_, len(schedules_) < len(level["targets"])))
        found.append((row["name"], steps))
    return found


async def calls(tx: Tx, since: datetime) -> list[tuple[int, int, datetime, str]]:
    """Return the messages of urgent pages from `since` on: whom, which page, when, in which zone they live."""
    rows = await tx.fetch(
        "select c.person_id, c.page_id, c.at, p.tz from urgent_call c join person p on p.id = c.person_id"
        " where c.at >= $1 order by c.at",
        since,
    )
    return [(r["person_id"], r["page_id"], r["at"], r["tz"]) for r in rows]


async def told(tx: Tx, schedule_ids: Sequence[int]) -> dict[int, list[Reported]]:
    """Return of which errors of these schedules people were told."""
    found: dict[int, list[Reported]] = defaultdict(list)
    for row in await tx.fetch(
        "select schedule_id, what, starts_at, ends_at from finding_told where schedule_id = any($1::bigint[])",
        list(schedule_ids),
    ):
        found[row["schedule_id"]].append(Reported(row["what"], row["starts_at"], row["ends_at"]))
    return found


async def set_told(tx: Tx, schedule_ids: Sequence[int], known: Mapping[int, Sequence[Reported]]) -> None:
    """Remember this of these schedules, and nothing else."""
    await tx.execute("delete from finding_told where schedule_id = any($1::bigint[])", list(schedule_ids))
    await tx.many(
        "insert into finding_told (schedule_id, what, starts_at, ends_at) values ($1, $2, $3, $4)",
        [(i, t.what, t.start, t.end) for i, reporteds in known.items() for t in reporteds],
    )
