"""The SQL of the parts of a schedule: layers, overrides, imported shifts, shadows, and people who left."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from firebell.kit.db.database import Reads, Row, Tx
from firebell.kit.intervals import OpenInterval
from firebell.oncall.model import Layer, Override, OverrideKind, Shadow, Unit, User, Window
from firebell.oncall.rota.shifts import present


async def insert_layer(tx: Tx, schedule_id: int, position: int, layer: Layer) -> None:
    await tx.execute(
        """
        insert into layer (
            schedule_id, position, name, slots, anchor, unit, every, tz, windows, starts_at, ends_at, slot_offset
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        """,
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


async def layers(
    tx: Reads, schedule_ids: Sequence[int], since: datetime | None, until: datetime | None
) -> dict[int, list[Layer]]:
    """Return the layers on `[since, until)` by schedule, from low to high."""
    by_schedule: dict[int, list[Layer]] = defaultdict(list)
    for row in await tx.fetch(
        """
        select *
        from layer
        where schedule_id = any($1::bigint[])
            and ($2::timestamptz is null or ends_at is null or ends_at > $2)
            and ($3::timestamptz is null or starts_at is null or starts_at < $3)
        order by position, id
        """,
        schedule_ids,
        since,
        until,
    ):
        by_schedule[row["schedule_id"]].append(_layer(row))
    return by_schedule


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


async def overrides(
    tx: Reads, schedule_ids: Sequence[int], since: datetime | None, until: datetime | None
) -> dict[int, list[Override]]:
    """Return the overrides on `[since, until)` by schedule, in the order in which they apply."""
    by_schedule: dict[int, list[Override]] = defaultdict(list)
    for row in await tx.fetch(
        """
        select *
        from schedule_edit
        where schedule_id = any($1::bigint[])
            and ($2::timestamptz is null or ends_at is null or ends_at > $2)
            and ($3::timestamptz is null or starts_at is null or starts_at < $3)
            and removed_at is null
        order by id
        """,
        schedule_ids,
        since,
        until,
    ):
        by_schedule[row["schedule_id"]].append(_override(row))
    return by_schedule


def _override(row: Row) -> Override:
    return Override(
        id=row["id"],
        seq=row["id"],
        start=row["starts_at"],
        end=row["ends_at"],
        kind=OverrideKind(row["kind"]),
        users=tuple(row["users"]),
        mapping={int(old): int(new) for old, new in row["mapping"].items()},
        reason=row["reason"],
        source=row["source"],
        created_by=row["created_by"],
    )


async def imported(
    tx: Reads,
    schedule_ids: Sequence[int],
    since: datetime | None,
    until: datetime | None,
    inactive_during: Mapping[User, Sequence[OpenInterval]],
    excluded: Collection[User],
) -> dict[int, list[Override]]:
    """Return the shifts of imported calendars as overrides that apply before all that were created here.

    Calendars below the rotations fill gaps and apply first; those above replace. Of two in the same place the
    later one lies above. People are left out during their `inactive_during`, and always if they are `excluded`; a shift
    without people decides nothing.
    """
    rows = await tx.fetch(
        """
        select i.schedule_id, i.name, i.id, i.use, s.place, s.starts_at, s.ends_at, s.users
        from calendar_shift s
        join calendar_import i on i.id = s.import_id
        where i.schedule_id = any($1::bigint[])
            and i.use in ('layer', 'override')
            and s.users <> '{}'
            and ($2::timestamptz is null or s.ends_at > $2)
            and ($3::timestamptz is null or s.starts_at < $3)
        order by
            i.use = 'override',
            s.place = 'above',
            case s.place when 'above' then i.id else -i.id end,
            s.starts_at
        """,
        list(schedule_ids),
        since,
        until,
    )
    by_schedule: dict[int, list[Override]] = defaultdict(list)
    for seq, row in enumerate(rows, -len(rows)):
        shift = Override(
            id=0,
            seq=seq,
            start=row["starts_at"],
            end=row["ends_at"],
            kind=OverrideKind.SET,
            users=tuple(u for u in row["users"] if u not in excluded),
            reason=row["name"],
            fills=row["place"] == "below",
            rota=row["id"] if row["use"] == "layer" else None,
        )
        for part in present(shift, inactive_during):
            # the key comes from the content, since rows are rewritten whenever the calendar changes
            key = f"ical:{row['id']}:{int(part.start.timestamp())}"
            by_schedule[row["schedule_id"]].append(replace(part, import_key=key))
    return by_schedule


async def shadows(
    tx: Reads, schedule_ids: Sequence[int], since: datetime | None, until: datetime | None
) -> dict[int, list[Shadow]]:
    """Return the shadows on `[since, until)` by schedule."""
    by_schedule: dict[int, list[Shadow]] = defaultdict(list)
    for row in await tx.fetch(
        """
        select schedule_id, id, person_id, of_id, starts_at, ends_at
        from shadow
        where schedule_id = any($1::bigint[])
            and ($2::timestamptz is null or ends_at is null or ends_at > $2)
            and ($3::timestamptz is null or starts_at is null or starts_at < $3)
        order by id
        """,
        schedule_ids,
        since,
        until,
    ):
        by_schedule[row["schedule_id"]].append(_shadow(row))
    return by_schedule


def _shadow(row: Row) -> Shadow:
    return Shadow(
        id=row["id"], user=row["person_id"], of=row["of_id"], start=row["starts_at"], end=row["ends_at"]
    )


async def insert_shadow(tx: Tx, schedule_id: int, shadow: Shadow, now: datetime) -> int:
    shadow_id: int = await tx.value(
        """
        insert into shadow (schedule_id, person_id, of_id, starts_at, ends_at, created_at)
        values ($1, $2, $3, $4, $5, $6)
        returning id
        """,
        schedule_id,
        shadow.user,
        shadow.of,
        shadow.start,
        shadow.end,
        now,
    )
    return shadow_id


async def delete_shadow(tx: Tx, schedule_id: int, shadow_id: int) -> dict[str, Any] | None:
    """Delete a shadow of the schedule and return its columns, to restore it; return None if there is none."""
    row = await tx.row(
        """
        delete from shadow
        where id = $1
            and schedule_id = $2
        returning person_id, of_id, starts_at::text, ends_at::text
        """,
        shadow_id,
        schedule_id,
    )
    return dict(row.items()) if row else None


async def inactive_intervals(
    tx: Reads, since: datetime | None, except_id: int | None
) -> dict[User, list[OpenInterval]]:
    """Return when people were inactive, for those who were active at some time after `since`, but for `except_id`."""
    intervals: dict[User, list[OpenInterval]] = defaultdict(list)
    for row in await tx.fetch(
        """
        select person_id, since, until
        from person_gone g
        where person_id is distinct from $2
            and exists (
                select
                from person_gone
                where person_id = g.person_id
                    and ($1::timestamptz is null or since > $1 or until > $1)
            )
        order by since
        """,
        since,
        except_id,
    ):
        intervals[row["person_id"]].append((row["since"], row["until"]))
    return dict(intervals)
