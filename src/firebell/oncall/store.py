"""The SQL of schedules, layers and edits."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from firebell.kit.db import Row, Tx
from firebell.oncall.model import Edit, EditKind, Layer, Schedule, Unit, Window


async def insert_schedule(tx: Tx, name: str, slug: str, team_id: int, tz: str, now: datetime) -> int | None:
    """Insert a schedule and return its id, None when the name is taken."""
    found: int | None = await tx.value(
        "insert into schedule (name, slug, team_id, tz, created_at, changed_at)"
        " values ($1, $2, $3, $4, $5, $5)"
        " on conflict (slug) do nothing returning id",
        name,
        slug,
        team_id,
        tz,
        now,
    )
    return found


async def insert_layer(tx: Tx, schedule_id: int, position: int, layer: Layer) -> None:
    await tx.execute(
        "insert into layer (schedule_id, position, name, slots, anchor, unit, every, tz, windows, starts_at,"
        " ends_at, slot_offset) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        schedule_id,
        position,
        layer.name,
        [list(slot) for slot in layer.slots],
        layer.anchor,
        layer.unit,
        layer.every,
        layer.tz,
        [{"start": w.start, "minutes": w.minutes, "days": sorted(w.days)} for w in layer.windows],
        layer.start,
        layer.end,
        layer.offset,
    )


def _layer(row: Row) -> Layer:
    return Layer(
        id=row["id"],
        slots=tuple(tuple(slot) for slot in row["slots"]),
        anchor=row["anchor"],
        unit=Unit(row["unit"]),
        every=row["every"],
        tz=row["tz"],
        windows=tuple(Window(w["start"], w["minutes"], frozenset(w["days"])) for w in row["windows"]),
        start=row["starts_at"],
        end=row["ends_at"],
        offset=row["slot_offset"],
        name=row["name"],
    )


def _edit(row: Row) -> Edit:
    return Edit(
        id=row["id"],
        seq=row["id"],
        start=row["starts_at"],
        end=row["ends_at"],
        kind=EditKind(row["kind"]),
        users=tuple(row["users"]),
        mapping={int(old): int(new) for old, new in row["mapping"].items()},
        reason=row["reason"],
    )


async def schedules(tx: Tx, ids: Sequence[int] | None = None) -> list[Schedule]:
    """Return schedules with their layers and edits, by name; all of them without `ids`."""
    rows = await tx.fetch(
        "select id, name, slug, team_id, tz, version from schedule"
        " where $1::bigint[] is null or id = any($1) order by name, id",
        list(ids) if ids is not None else None,
    )
    wanted = [row["id"] for row in rows]
    layers: dict[int, list[Layer]] = defaultdict(list)
    for row in await tx.fetch(
        "select * from layer where schedule_id = any($1::bigint[]) order by position, id", wanted
    ):
        layers[row["schedule_id"]].append(_layer(row))
    edits = await _imported(tx, wanted)
    for row in await tx.fetch(
        "select * from schedule_edit where schedule_id = any($1::bigint[]) and removed_at is null"
        " order by id",
        wanted,
    ):
        edits[row["schedule_id"]].append(_edit(row))
    return [
        Schedule(
            id=row["id"],
            name=row["name"],
            tz=row["tz"],
            layers=tuple(layers[row["id"]]),
            edits=tuple(edits[row["id"]]),
            version=row["version"],
            slug=row["slug"],
            team_id=row["team_id"],
        )
        for row in rows
    ]


async def _imported(tx: Tx, schedule_ids: Sequence[int]) -> dict[int, list[Edit]]:
    """Return what calendars of others say as edits that act before all edits made here, layers first.

    Somebody who left is not among them, and a shift of nobody decides nothing: the layers answer.
    """
    rows = await tx.fetch(
        "select i.schedule_id, i.name, i.id, s.starts_at, s.ends_at, array("
        "select u from unnest(s.users) with ordinality x(u, n) join person p on p.id = u and p.active order by n)"
        " as users from calendar_shift s join calendar_import i on i.id = s.import_id"
        " where i.schedule_id = any($1::bigint[]) and i.use in ('layer', 'override') and s.users <> '{}'"
        " order by i.use = 'override', i.id, s.starts_at",
        list(schedule_ids),
    )
    found: dict[int, list[Edit]] = defaultdict(list)
    for number, row in enumerate(rows, -len(rows)):
        if row["users"]:
            found[row["schedule_id"]].append(
                Edit(
                    # named by what it says: its row is written anew whenever the calendar changes
                    id=f"ical:{row['id']}:{int(row['starts_at'].timestamp())}",
                    seq=number,
                    start=row["starts_at"],
                    end=row["ends_at"],
                    kind=EditKind.SET,
                    users=tuple(row["users"]),
                    reason=row["name"],
                )
            )
    return found


async def raise_version(tx: Tx, schedule_id: int, now: datetime) -> None:
    """Count a change of the schedule, and note when it was."""
    await tx.execute(
        "update schedule set version = version + 1, changed_at = $2 where id = $1", schedule_id, now
    )


async def inactive(tx: Tx) -> frozenset[int]:
    """Return the people who left."""
    return frozenset(row["id"] for row in await tx.fetch("select id from person where not active"))


def without(schedule: Schedule, inactive_: frozenset[int]) -> Schedule:
    """Return the schedule knowing who left."""
    return replace(schedule, inactive=inactive_)


async def insert_edit(
    tx: Tx,
    schedule_id: int,
    start: datetime,
    end: datetime,
    kind: EditKind,
    users: Sequence[int],
    source: str,
    reason: str,
    created_by: int | None,
    now: datetime,
) -> int:
    found = await tx.value(
        "insert into schedule_edit (schedule_id, starts_at, ends_at, kind, users, source, reason, created_by,"
        " created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning id",
        schedule_id,
        start,
        end,
        kind,
        list(users),
        source,
        reason,
        created_by,
        now,
    )
    await raise_version(tx, schedule_id, now)
    assert isinstance(found, int)
    return found


async def remove_edit(tx: Tx, edit_id: int, now: datetime) -> int | None:
    """Mark an edit as removed and return its schedule's id, None when there is none."""
    found: int | None = await tx.value(
        "update schedule_edit set removed_at = $2 where id = $1 and removed_at is null returning schedule_id",
        edit_id,
        now,
    )
    if found is not None:
        await raise_version(tx, found, now)
    return found
