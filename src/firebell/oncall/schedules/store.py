"""The SQL of schedules, layers, edits and shadows."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from firebell.kit.db import Reads, Row, Tx
from firebell.oncall.checks.zone_changes import Clock, from_json, to_json
from firebell.oncall.model import Layer, Override, OverrideKind, Schedule, Shadow, Spans, Unit, User, Window
from firebell.oncall.rota.shifts import present


async def insert_schedule(tx: Tx, name: str, slug: str, team_id: int, tz: str, now: datetime) -> int | None:
    """Insert a schedule and return its id, None when the address is taken."""
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


def _edit(row: Row) -> Override:
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


async def schedules(
    tx: Reads,
    ids: Sequence[int] | None = None,
    *,
    slug: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    archived: bool = False,
    still: int | None = None,
) -> list[Schedule]:
    """Return schedules with who left, by name: those of `ids` or of `slug`, or all.

    Layers, edits and shadows that are over before `since` or begin at `until` or later are left out. With
    `archived` those that were deleted after `since` are there too, for what was until then; with `still` they
    are as if this person had not left.
    """
    rows = await tx.fetch(
        "select id, name, slug, team_id, tz, version, archived_at,"
        " exists (select from shadow where schedule_id = s.id) as shadowed,"
        " exists (select from calendar_import where schedule_id = s.id) as imported,"
        " array(select id from person where not active and id is distinct from $5) as inactive,"
        " exists (select from person_gone where person_id is distinct from $5"
        " and ($4::timestamptz is null or since > $4 or until > $4)) as left_lately from schedule s"
        " where ($1::bigint[] is null or id = any($1)) and ($2::text is null or slug = $2)"
        " and (archived_at is null or $3 and ($4::timestamptz is null or archived_at > $4)) order by name, id",
        list(ids) if ids is not None else None,
        slug,
        archived,
        since,
        still,
    )
    if not rows:
        return []
    wanted = ([row["id"] for row in rows], since, until)
    between = (
        " where schedule_id = any($1::bigint[])"
        " and ($2::timestamptz is null or ends_at is null or ends_at > $2)"
        " and ($3::timestamptz is null or starts_at is null or starts_at < $3)"
    )
    layers: dict[int, list[Layer]] = defaultdict(list)
    for row in await tx.fetch(f"select * from layer{between} order by position, id", *wanted):
        layers[row["schedule_id"]].append(_layer(row))
    gone = await _gone(tx, since, still) if rows[0]["left_lately"] else {}
    inactive: frozenset[User] = frozenset(rows[0]["inactive"])
    edits: dict[int, list[Override]] = defaultdict(list)
    if any(row["imported"] for row in rows):
        edits = await _imported(tx, *wanted, gone, inactive - gone.keys())
    for row in await tx.fetch(
        f"select * from schedule_edit{between} and removed_at is null order by id", *wanted
    ):
        edits[row["schedule_id"]].append(_edit(row))
    shadows: dict[int, list[Shadow]] = defaultdict(list)
    if any(row["shadowed"] for row in rows):
        for row in await tx.fetch(
            f"select schedule_id, id, person_id, of_id, starts_at, ends_at from shadow{between} order by id",
            *wanted,
        ):
            shadows[row["schedule_id"]].append(Shadow(*list(row.values())[1:]))
    return [
        Schedule(
            id=row["id"],
            name=row["name"],
            tz=row["tz"],
            layers=tuple(layers[row["id"]]),
            edits=tuple(edits[row["id"]]),
            inactive=inactive,
            version=row["version"],
            slug=row["slug"],
            team_id=row["team_id"],
            shadows=tuple(shadows[row["id"]]),
            archived_at=row["archived_at"],
            gone=gone,
        )
        for row in rows
    ]


async def names_by_id(tx: Reads, ids: Sequence[int] | None = None) -> dict[int, str]:
    """Return what schedules are called, all or those of `ids`, by name."""
    rows = await tx.fetch(
        "select id, name from schedule where archived_at is null and ($1::bigint[] is null or id = any($1))"
        " order by name, id",
        list(ids) if ids is not None else None,
    )
    return {row["id"]: row["name"] for row in rows}


async def ids_naming(tx: Reads, person_id: int, since: datetime) -> list[int]:
    """Return the schedules that could have somebody on duty after `since`: by a turn, an edit or a calendar."""
    rows = await tx.fetch(
        "select id from schedule s where archived_at is null and ("
        " exists (select from layer where schedule_id = s.id and (ends_at is null or ends_at > $2)"
        " and jsonb_path_exists(slots, '$[*][*] ? (@ == $who)', jsonb_build_object('who', $1::bigint)))"
        " or exists (select from schedule_edit where schedule_id = s.id and removed_at is null and ends_at > $2"
        " and ($1 = any(users) or jsonb_path_exists(mapping, '$.* ? (@ == $who)',"
        " jsonb_build_object('who', $1::bigint))))"
        " or exists (select from calendar_import i join calendar_shift c on c.import_id = i.id"
        " where i.schedule_id = s.id and c.ends_at > $2 and $1 = any(c.users)))",
        person_id,
        since,
    )
    return [row["id"] for row in rows]


async def ids_near(tx: Reads, person_id: int, since: datetime, words: str = "") -> list[int]:
    """Return the schedules that have `words` in their name or their team's.

    Those that name somebody come first, then those of their teams, then the others by name.
    """
    rows = await tx.fetch(
        "select s.id from schedule s join team t on t.id = s.team_id where s.archived_at is null"
        " and position(lower($3) in lower(s.name || ' ' || t.name)) > 0 order by s.id = any($1::bigint[]) desc,"
        " t.id in (select team_id from team_member where person_id = $2) desc, s.name, s.id",
        await ids_naming(tx, person_id, since),
        person_id,
        words.strip(),
    )
    return [row["id"] for row in rows]


async def slugs_by_id(tx: Reads) -> dict[int, str]:
    """Return the addresses of all schedules."""
    return {
        row["id"]: row["slug"]
        for row in await tx.fetch("select id, slug from schedule where archived_at is null order by name, id")
    }


async def _gone(tx: Reads, since: datetime | None, still: int | None) -> dict[User, Spans]:
    """Return when people were gone who were there at some time after `since`."""
    found: dict[User, Spans] = {}
    for row in await tx.fetch(
        "select person_id, since, until from person_gone g where person_id is distinct from $2 and exists ("
        "select from person_gone where person_id = g.person_id"
        " and ($1::timestamptz is null or since > $1 or until > $1)) order by since",
        since,
        still,
    ):
        found[row["person_id"]] = (*found.get(row["person_id"], ()), (row["since"], row["until"]))
    return found


async def _imported(
    tx: Reads,
    schedule_ids: Sequence[int],
    since: datetime | None,
    until: datetime | None,
    gone: Mapping[User, Spans],
    never: Collection[User],
) -> dict[int, list[Override]]:
    """Return what calendars of others say as edits that act before all edits made here, layers first.

    Those below the rotations fill what the rotations leave empty, before those above replace what is there;
    of two in the same place the later one lies above. Nobody is among them while they are `gone`, or who is
    `never` there, and a shift of nobody decides nothing: what lies below answers.
    """
    rows = await tx.fetch(
        "select i.schedule_id, i.name, i.id, i.use, s.place, s.starts_at, s.ends_at, s.users"
        " from calendar_shift s join calendar_import i on i.id = s.import_id"
        " where i.schedule_id = any($1::bigint[]) and i.use in ('layer', 'override') and s.users <> '{}'"
        " and ($2::timestamptz is null or s.ends_at > $2) and ($3::timestamptz is null or s.starts_at < $3)"
        " order by i.use = 'override', s.place = 'above', case s.place when 'above' then i.id else -i.id end,"
        " s.starts_at",
        list(schedule_ids),
        since,
        until,
    )
    found: dict[int, list[Override]] = defaultdict(list)
    for number, row in enumerate(rows, -len(rows)):
        whole = Override(
            id="",
            seq=number,
            start=row["starts_at"],
            end=row["ends_at"],
            kind=OverrideKind.SET,
            users=tuple(u for u in row["users"] if u not in never),
            reason=row["name"],
            fills=row["place"] == "below",
            rota=row["id"] if row["use"] == "layer" else None,
        )
        for part in present(whole, gone):
            # named by what it says: its row is written anew whenever the calendar changes
            name = f"ical:{row['id']}:{int(part.start.timestamp())}"
            found[row["schedule_id"]].append(replace(part, id=name))
    return found


async def raise_version(tx: Tx, schedule_id: int, now: datetime) -> None:
    """Count a change of the schedule, and note when it was."""
    await tx.execute(
        "update schedule set version = version + 1, changed_at = $2 where id = $1", schedule_id, now
    )


async def ids(tx: Reads, team_id: int | None = None) -> list[int]:
    """Return the ids of all schedules, or of a team's, in the order in which they are locked."""
    rows = await tx.fetch(
        "select id from schedule where archived_at is null and ($1::bigint is null or team_id = $1) order by id",
        team_id,
    )
    return [row["id"] for row in rows]


async def clocks(tx: Tx, schedule_ids: Sequence[int]) -> dict[int | str, dict[str, Clock]]:
    """Return what the clocks of these schedules were known to do."""
    rows = await tx.fetch("select id, clocks from schedule where id = any($1::bigint[])", list(schedule_ids))
    return {row["id"]: from_json(row["clocks"]) for row in rows}


async def set_clocks(tx: Tx, schedule_id: int, found: Mapping[str, Clock]) -> None:
    """Write down what the clocks of a schedule do."""
    await tx.execute("update schedule set clocks = $2 where id = $1", schedule_id, to_json(found))


async def lock(tx: Tx, schedule_ids: Sequence[int]) -> list[int]:
    """Let one transaction at a time change these schedules; return those that exist."""
    rows = await tx.fetch(
        "select id from schedule where id = any($1::bigint[]) and archived_at is null order by id"
        " for no key update",
        list(schedule_ids),
    )
    return [row["id"] for row in rows]


async def lock_free(tx: Tx, schedule_ids: Sequence[int]) -> set[int]:
    """Lock those of these schedules that nobody holds just now, and return them."""
    rows = await tx.fetch(
        "select id from schedule where id = any($1::bigint[]) and archived_at is null order by id"
        " for no key update skip locked",
        list(schedule_ids),
    )
    return {row["id"] for row in rows}


async def rename(tx: Tx, schedule_id: int, name: str, team_id: int, tz: str, now: datetime) -> None:
    """Change what a schedule is called, whose it is and where it is drawn."""
    await tx.execute(
        "update schedule set name = $2, team_id = $3, tz = $4 where id = $1", schedule_id, name, team_id, tz
    )
    await raise_version(tx, schedule_id, now)


async def archive(tx: Tx, schedule_id: int, now: datetime) -> None:
    """End a schedule at `now`: what was stays, what was to come is gone, and its address is free again."""
    for table in ("layer", "shadow"):
        await tx.execute(f"delete from {table} where schedule_id = $1 and starts_at >= $2", schedule_id, now)
        await tx.execute(
            f"update {table} set ends_at = $2 where schedule_id = $1 and (ends_at is null or ends_at > $2)",
            schedule_id,
            now,
        )
    await tx.execute(
        "update schedule_edit set removed_at = $2 where schedule_id = $1 and starts_at >= $2"
        " and removed_at is null",
        schedule_id,
        now,
    )
    await tx.execute(
        "update schedule_edit set ends_at = $2 where schedule_id = $1 and starts_at < $2 and ends_at > $2",
        schedule_id,
        now,
    )
    await tx.execute(
        "update schedule set archived_at = $2, slug = slug || '~' || id where id = $1", schedule_id, now
    )
    await raise_version(tx, schedule_id, now)


async def replace_layers(
    tx: Tx, schedule_id: int, layers: Sequence[Layer], kept: Collection[int], now: datetime
) -> None:
    """Store a whole list of layers from low to high: those of `kept` stay rows, of which the end may differ.

    The others become new rows, and rows that are not kept go.
    """
    await tx.execute(
        "delete from layer where schedule_id = $1 and id <> all($2::bigint[])", schedule_id, list(kept)
    )
    for position, layer in enumerate(layers):
        if layer.id in kept:
            await tx.execute(
                "update layer set position = $2, ends_at = $3 where id = $1", layer.id, position, layer.end
            )
        else:
            await insert_layer(tx, schedule_id, position, layer)
    await raise_version(tx, schedule_id, now)


async def insert_shadow(tx: Tx, schedule_id: int, shadow: Shadow, now: datetime) -> int:
    found = await tx.value(
        "insert into shadow (schedule_id, person_id, of_id, starts_at, ends_at, created_at)"
        " values ($1, $2, $3, $4, $5, $6) returning id",
        schedule_id,
        shadow.user,
        shadow.of,
        shadow.start,
        shadow.end,
        now,
    )
    assert isinstance(found, int)
    return found


async def delete_shadow(tx: Tx, schedule_id: int, shadow_id: int) -> dict[str, Any] | None:
    """Delete a shadow of the schedule and return what restores it; None when there is none."""
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


async def insert_edit(tx: Tx, schedule_id: int, edit: Override, now: datetime) -> int:
    """Insert an edit and return its id; the id and the sequence that it carries are ignored."""
    found = await tx.value(
        "insert into schedule_edit (schedule_id, starts_at, ends_at, kind, users, mapping, source, reason,"
        " created_by, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning id",
        schedule_id,
        edit.start,
        edit.end,
        edit.kind,
        list(edit.users),
        {str(old): new for old, new in edit.mapping.items()},
        edit.source,
        edit.reason,
        edit.created_by,
        now,
    )
    await raise_version(tx, schedule_id, now)
    assert isinstance(found, int)
    return found


async def edit_of(tx: Tx, edit_id: int) -> int | None:
    """Return the schedule of an edit that is not removed."""
    found: int | None = await tx.value(
        "select schedule_id from schedule_edit where id = $1 and removed_at is null", edit_id
    )
    return found


async def remove_edits(tx: Tx, schedule_id: int, edit_ids: Sequence[int], now: datetime) -> None:
    """Let edits of a schedule end now, and mark those that had not begun as removed; what is over stays."""
    await tx.execute(
        "update schedule_edit set ends_at = case when starts_at < $2 then $2 else ends_at end,"
        " removed_at = case when starts_at < $2 then null else $2 end"
        " where id = any($1::bigint[]) and removed_at is null and ends_at > $2",
        list(edit_ids),
        now,
    )
    await raise_version(tx, schedule_id, now)


async def restore_edits(
    tx: Tx, schedule_id: int, ends: Mapping[int, datetime], removed_at: datetime, now: datetime
) -> bool:
    """Restore edits that were removed or ended at one instant, with their ends; return False unless all are."""
    done = await tx.fetch(
        """
        update schedule_edit
        set ends_at = kept.ends_at,
            removed_at = null
        from unnest($1::bigint[], $2::timestamptz[]) kept (id, ends_at)
        where schedule_edit.id = kept.id
          and schedule_id = $3
          and kept.ends_at > $5
          and (removed_at = $4 or removed_at is null and schedule_edit.ends_at = $4)
        returning schedule_edit.id
        """,
        list(ends),
        list(ends.values()),
        schedule_id,
        removed_at,
        now,
    )
    await raise_version(tx, schedule_id, now)
    return len(done) == len(ends)
