"""The SQL of schedules, and of the changes that raise their version."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Literal

from firebell.kit.db.database import Reads, Row, Tx
from firebell.oncall.model import Layer, Override, Schedule, User
from firebell.oncall.rota.tzdata_changes import ZoneOffsets, from_json, to_json
from firebell.oncall.schedules import parts_store

LockStrength = Literal["for key share", "for no key update", "for update"]


async def insert_schedule(tx: Tx, name: str, slug: str, team_id: int, tz: str, now: datetime) -> int | None:
    """Insert a schedule and return its id; return None if the slug is taken."""
    schedule_id: int | None = await tx.value(
        """
        insert into schedule (name, slug, team_id, tz, created_at, changed_at)
        values ($1, $2, $3, $4, $5, $5)
        on conflict (slug) do nothing
        returning id
        """,
        name,
        slug,
        team_id,
        tz,
        now,
    )
    return schedule_id


async def schedules(
    tx: Reads,
    ids: Sequence[int] | None = None,
    *,
    slug: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    archived: bool = False,
    as_if_active: int | None = None,
) -> list[Schedule]:
    """Return schedules with the people who left, by name: those of `ids` or of `slug`, or all.

    Layers, overrides and shadows that end by `since` or begin at `until` or later are left out. `archived`
    includes schedules deleted after `since`; `as_if_active` treats this person as if they had not left.
    """
    rows = await _schedule_rows(tx, ids, slug, since, archived, as_if_active)
    if not rows:
        return []
    within = ([row["id"] for row in rows], since, until)
    inactive_during = (
        await parts_store.inactive_intervals(tx, since, as_if_active) if rows[0]["left_recently"] else {}
    )
    inactive: frozenset[User] = frozenset(rows[0]["inactive"])
    layers = await parts_store.layers(tx, *within)
    overrides: dict[int, list[Override]] = defaultdict(list)
    if any(row["imported"] for row in rows):
        overrides = await parts_store.imported(
            tx, *within, inactive_during, inactive - inactive_during.keys()
        )
    for schedule_id, made_here in (await parts_store.overrides(tx, *within)).items():
        overrides[schedule_id] += made_here
    shadows = await parts_store.shadows(tx, *within) if any(row["shadowed"] for row in rows) else {}
    return [
        Schedule(
            id=row["id"],
            name=row["name"],
            tz=row["tz"],
            layers=tuple(layers.get(row["id"], ())),
            overrides=tuple(overrides.get(row["id"], ())),
            inactive=inactive,
            version=row["version"],
            slug=row["slug"],
            team_id=row["team_id"],
            shadows=tuple(shadows.get(row["id"], ())),
            archived_at=row["archived_at"],
            created_at=row["created_at"],
            inactive_during=inactive_during,
        )
        for row in rows
    ]


async def _schedule_rows(
    tx: Reads,
    ids: Sequence[int] | None,
    slug: str | None,
    since: datetime | None,
    archived: bool,
    as_if_active: int | None,
) -> list[Row]:
    return await tx.fetch(
        """
        select
            id,
            name,
            slug,
            team_id,
            tz,
            version,
            archived_at,
            created_at,
            exists (select from shadow where schedule_id = s.id) as shadowed,
            exists (select from calendar_import where schedule_id = s.id) as imported,
            array(select id from person where not active and id is distinct from $5) as inactive,
            exists (
                select
                from person_gone
                where person_id is distinct from $5
                    and ($4::timestamptz is null or since > $4 or until > $4)
            ) as left_recently
        from schedule s
        where ($1::bigint[] is null or id = any($1))
            and ($2::text is null or slug = $2)
            and (archived_at is null or $3 and ($4::timestamptz is null or archived_at > $4))
        order by name, id
        """,
        list(ids) if ids is not None else None,
        slug,
        archived,
        since,
        as_if_active,
    )


async def names_by_id(tx: Reads, ids: Sequence[int] | None = None) -> dict[int, str]:
    """Return the names of all schedules, or of those of `ids`, by id, in the order of the names."""
    rows = await tx.fetch(
        """
        select id, name
        from schedule
        where archived_at is null
            and ($1::bigint[] is null or id = any($1))
        order by name, id
        """,
        list(ids) if ids is not None else None,
    )
    return {row["id"]: row["name"] for row in rows}


async def ids_naming(tx: Reads, person_id: int, since: datetime) -> list[int]:
    """Return the schedules that name a person after `since` in a layer, an override or a calendar."""
    rows = await tx.fetch(
        """
        select id
        from schedule s
        where archived_at is null
            and (
                exists (
                    select
                    from layer
                    where schedule_id = s.id
                        and (ends_at is null or ends_at > $2)
                        and jsonb_path_exists(
                            slots, '$[*][*] ? (@ == $who)', jsonb_build_object('who', $1::bigint)
                        )
                )
                or exists (
                    select
                    from schedule_edit
                    where schedule_id = s.id
                        and removed_at is null
                        and ends_at > $2
                        and (
                            $1 = any(users)
                            or jsonb_path_exists(
                                mapping, '$.* ? (@ == $who)', jsonb_build_object('who', $1::bigint)
                            )
                        )
                )
                or exists (
                    select
                    from calendar_import i
                    join calendar_shift c on c.import_id = i.id
                    where i.schedule_id = s.id
                        and c.ends_at > $2
                        and $1 = any(c.users)
                )
            )
        """,
        person_id,
        since,
    )
    return [row["id"] for row in rows]


async def ids_near(tx: Reads, person_id: int, since: datetime, search: str = "") -> list[int]:
    """Return the schedules whose name, or whose team's name, contains `search`.

    Schedules that name the person come first, then those of their teams, then the others by name.
    """
    rows = await tx.fetch(
        """
        select schedule.id
        from schedule
        join team on team.id = schedule.team_id
        where schedule.archived_at is null
            and position(lower($3) in lower(schedule.name || ' ' || team.name)) > 0
        order by
            schedule.id = any($1::bigint[]) desc,
            team.id in (select team_id from team_member where person_id = $2) desc,
            schedule.name,
            schedule.id
        """,
        await ids_naming(tx, person_id, since),
        person_id,
        search.strip(),
    )
    return [row["id"] for row in rows]


async def slugs_by_id(tx: Reads) -> dict[int, str]:
    """Return the slugs of all schedules by id, in the order of the names."""
    rows = await tx.fetch(
        """
        select id, slug
        from schedule
        where archived_at is null
        order by name, id
        """
    )
    return {row["id"]: row["slug"] for row in rows}


async def raise_version(tx: Tx, schedule_id: int, now: datetime) -> None:
    """Increment the version of a schedule and record when it changed."""
    await tx.execute(
        """
        update schedule
        set version = version + 1,
            changed_at = $2
        where id = $1
        """,
        schedule_id,
        now,
    )


async def ids(tx: Reads, team_id: int | None = None) -> list[int]:
    """Return the ids of all schedules, or of a team's, in locking order."""
    rows = await tx.fetch(
        """
        select id
        from schedule
        where archived_at is null
            and ($1::bigint is null or team_id = $1)
        order by id
        """,
        team_id,
    )
    return [row["id"] for row in rows]


async def clocks(tx: Tx, schedule_ids: Sequence[int]) -> dict[int, dict[str, ZoneOffsets]]:
    """Return the recorded clocks of these schedules, by time zone."""
    rows = await tx.fetch(
        """
        select id, clocks
        from schedule
        where id = any($1::bigint[])
        """,
        list(schedule_ids),
    )
    return {row["id"]: from_json(row["clocks"]) for row in rows}


async def set_clocks(tx: Tx, schedule_id: int, clocks_by_tz: Mapping[str, ZoneOffsets]) -> None:
    """Record the clocks of a schedule's time zones."""
    await tx.execute(
        """
        update schedule
        set clocks = $2
        where id = $1
        """,
        schedule_id,
        to_json(clocks_by_tz),
    )


async def lock(
    tx: Tx, schedule_ids: Sequence[int], *, strength: LockStrength = "for no key update"
) -> list[int]:
    """Lock these schedules until the transaction ends, by default against other changes; return those that exist.

    A deletion locks them for update. It waits for all that hold them for key share, which no other change waits for.
    """
    rows = await tx.fetch(
        f"""
        select id
        from schedule
        where id = any($1::bigint[])
            and archived_at is null
        order by id
        {strength}
        """,
        list(schedule_ids),
    )
    return [row["id"] for row in rows]


async def lock_free(tx: Tx, schedule_ids: Sequence[int]) -> set[int]:
    """Lock those of these schedules that are not locked already, and return them."""
    rows = await tx.fetch(
        """
        select id
        from schedule
        where id = any($1::bigint[])
            and archived_at is null
        order by id
        for no key update skip locked
        """,
        list(schedule_ids),
    )
    return {row["id"] for row in rows}


async def rename(tx: Tx, schedule_id: int, name: str, team_id: int, tz: str, now: datetime) -> None:
    """Update the name, team and time zone of a schedule."""
    await tx.execute(
        """
        update schedule
        set name = $2,
            team_id = $3,
            tz = $4
        where id = $1
        """,
        schedule_id,
        name,
        team_id,
        tz,
    )
    await raise_version(tx, schedule_id, now)


async def archive(tx: Tx, schedule_id: int, now: datetime) -> None:
    """End a schedule at `now`: its past stays, its future is deleted, and its slug is free again."""
    for table in ("layer", "shadow"):
        await tx.execute(
            f"""
            delete from {table}
            where schedule_id = $1
                and starts_at >= $2
            """,
            schedule_id,
            now,
        )
        await tx.execute(
            f"""
            update {table}
            set ends_at = $2
            where schedule_id = $1
                and (ends_at is null or ends_at > $2)
            """,
            schedule_id,
            now,
        )
    await tx.execute(
        """
        update schedule_edit
        set removed_at = $2
        where schedule_id = $1
            and starts_at >= $2
            and removed_at is null
        """,
        schedule_id,
        now,
    )
    await tx.execute(
        """
        update schedule_edit
        set ends_at = $2
        where schedule_id = $1
            and starts_at < $2
            and ends_at > $2
        """,
        schedule_id,
        now,
    )
    await tx.execute(
        """
        update schedule
        set archived_at = $2,
            slug = slug || '~' || id
        where id = $1
        """,
        schedule_id,
        now,
    )
    await raise_version(tx, schedule_id, now)


async def replace_layers(
    tx: Tx, schedule_id: int, layers: Sequence[Layer], kept: Collection[int], now: datetime
) -> None:
    """Replace the layers of a schedule, from low to high.

    Layers in `kept` keep their rows, whose position and end are updated; all other rows are deleted and inserted.
    """
    await tx.execute(
        """
        delete from layer
        where schedule_id = $1
            and id <> all($2::bigint[])
        """,
        schedule_id,
        list(kept),
    )
    for position, layer in enumerate(layers):
        if layer.id in kept:
            await tx.execute(
                """
                update layer
                set position = $2,
                    ends_at = $3
                where id = $1
                """,
                layer.id,
                position,
                layer.end,
            )
        else:
            await parts_store.insert_layer(tx, schedule_id, position, layer)
    await raise_version(tx, schedule_id, now)
