"""The SQL of drills."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from firebell.drills.model import Drill, DrillKind, DrillState
from firebell.kit.db.database import Row, Tx
from firebell.kit.intervals import Interval

_COLUMNS = (
    "id, slug, title, kind, scenario_text, minutes, speed, state, team_id, service_id, facilitator_id,"
    " planned_for, started_at, paused_at, pauses, pause_reason, finished_at, incident_id, earned, possible,"
    " results, findings, created_at, version"
)
_CHANGEABLE = frozenset(
    {
        "state",
        "started_at",
        "paused_at",
        "pauses",
        "pause_reason",
        "finished_at",
        "incident_id",
        "earned",
        "possible",
        "results",
        "findings",
    }
)


def _drill(row: Row) -> Drill:
    values = dict(row)
    return Drill(
        **{
            **values,
            "kind": DrillKind(values["kind"]),
            "state": DrillState(values["state"]),
            "pauses": tuple(Interval(*map(datetime.fromisoformat, pause)) for pause in values["pauses"]),
        }
    )


async def insert(
    tx: Tx,
    *,
    slug: str,
    title: str,
    kind: DrillKind,
    scenario_text: str,
    minutes: int,
    speed: int,
    team_id: int | None,
    service_id: int | None,
    facilitator_id: int,
    planned_for: datetime,
    now: datetime,
) -> Drill:
    """Insert a planned drill and return it."""
    row = await tx.row(
        f"""
        insert into drill (
            slug, title, kind, scenario_text, minutes, speed, team_id, service_id, facilitator_id, planned_for,
            created_at
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        returning {_COLUMNS}
        """,
        slug,
        title,
        kind,
        scenario_text,
        minutes,
        speed,
        team_id,
        service_id,
        facilitator_id,
        planned_for,
        now,
    )
    assert row
    return _drill(row)


async def drill(tx: Tx, drill_id: int) -> Drill | None:
    """Return a drill, None if there is none with this id."""
    row = await tx.row(f"select {_COLUMNS} from drill where id = $1", drill_id)
    return _drill(row) if row else None


async def lock(tx: Tx, drill_id: int) -> Drill | None:
    """Lock and return a drill, None if there is none with this id."""
    row = await tx.row(f"select {_COLUMNS} from drill where id = $1 for update", drill_id)
    return _drill(row) if row else None


async def lock_free(tx: Tx, ids: Sequence[int]) -> list[Drill]:
    """Lock and return those of these drills that no one else has locked."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from drill
        where id = any($1::bigint[])
        order by id
        for update skip locked
        """,
        list(ids),
    )
    return [_drill(row) for row in rows]


async def lock_running(tx: Tx) -> list[Drill]:
    """Lock and return the running drills, by id."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from drill
        where state = 'running'
        order by id
        for update
        """
    )
    return [_drill(row) for row in rows]


async def existing_ids(tx: Tx, ids: Sequence[int]) -> set[int]:
    """Return which of these drills exist."""
    rows = await tx.fetch("select id from drill where id = any($1::bigint[])", list(ids))
    return {row["id"] for row in rows}


async def change(tx: Tx, drill_id: int, **changes: Any) -> Drill:
    """Update the named columns, raise the version, and return the drill."""
    assert set(changes) <= _CHANGEABLE
    assignments = "".join(f", {name} = ${i}" for i, name in enumerate(changes, 2))
    row = await tx.row(
        f"""
        update drill
        set version = version + 1{assignments}
        where id = $1
        returning {_COLUMNS}
        """,
        drill_id,
        *changes.values(),
    )
    assert row
    return _drill(row)


async def drills(
    tx: Tx, limit: int, before: tuple[datetime, int] | None = None, state: DrillState | None = None
) -> list[Drill]:
    """Return drills, the latest planned first, before a position of time and id; of a state only these."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from drill
        where ($2::timestamptz is null or (planned_for, id) < ($2, $3))
            and ($4::text is null or state = $4)
        order by planned_for desc, id desc
        limit $1
        """,
        limit,
        before[0] if before else None,
        before[1] if before else 0,
        state,
    )
    return [_drill(row) for row in rows]


async def finished_between(
    tx: Tx, start: datetime, end: datetime, team_id: int | None, limit: int
) -> list[Drill]:
    """Return the drills that finished in `[start, end)`, of one team or of all, the latest first."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from drill
        where state = 'finished'
            and finished_at >= $1
            and finished_at < $2
            and ($3::bigint is null or team_id = $3)
        order by finished_at desc
        limit $4
        """,
        start,
        end,
        team_id,
        limit,
    )
    return [_drill(row) for row in rows]


async def next_planned_for(tx: Tx, now: datetime) -> datetime | None:
    """Return when the next planned drill begins, None if none is planned."""
    begins: datetime | None = await tx.value(
        """
        select min(planned_for)
        from drill
        where state = 'planned'
            and planned_for > $1
        """,
        now,
    )
    return begins


async def under_way(tx: Tx) -> list[Drill]:
    """Return the running and paused drills, by id."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from drill
        where state in ('running', 'paused')
        order by id
        """
    )
    return [_drill(row) for row in rows]


async def of_incident(tx: Tx, incident_id: int) -> Drill | None:
    """Return the drill of an incident, None if it belongs to none."""
    row = await tx.row(f"select {_COLUMNS} from drill where incident_id = $1", incident_id)
    return _drill(row) if row else None


async def previous_of_team(tx: Tx, drill_: Drill) -> Drill | None:
    """Return the last finished drill of the same team before this one, None if there is none."""
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from drill
        where state = 'finished'
            and id <> $1
            and team_id is not distinct from $2::bigint
            and finished_at < coalesce($3::timestamptz, 'infinity')
            and possible > 0
        order by finished_at desc
        limit 1
        """,
        drill_.id,
        drill_.team_id,
        drill_.finished_at,
    )
    return _drill(row) if row else None


async def lacks_practice(tx: Tx, since: datetime) -> bool:
    """Return True if no drill was finished since an instant, none is planned or under way, and people are older."""
    return bool(
        await tx.value(
            """
            select exists (select from person where created_at < $1)
                and not exists (select from drill where state = 'finished' and finished_at >= $1)
                and not exists (select from drill where state in ('running', 'paused'))
                and not exists (select from drill where state = 'planned' and planned_for >= $1)
            """,
            since,
        )
    )


async def titles_about(tx: Tx, service_id: int) -> list[str]:
    """Return the titles of the drills about a service that have not ended, earliest first."""
    rows = await tx.fetch(
        """
        select title
        from drill
        where service_id = $1
            and state in ('planned', 'running', 'paused')
        order by planned_for, id
        """,
        service_id,
    )
    return [row["title"] for row in rows]
