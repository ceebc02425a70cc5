"""The SQL of mutes: what they mute, and the groups that they hold."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.alerts.model import TEST_KEY_PREFIX, Alert, OpenedGroup
from firebell.alerts.mutes import Mute, MuteKind
from firebell.alerts.read_store import ALERT_COLUMNS, alert_from_row
from firebell.kit import matchers
from firebell.kit.db.arrays import transpose
from firebell.kit.db.database import Reads, Row, Tx
from firebell.kit.log import OncePerMinute

log = logging.getLogger(__name__)
_unreadable = OncePerMinute(log, "the matchers of a mute cannot be read, so it mutes nothing")

_PATH = "case when kind = 'silence' then '/silences/' || alert_mute.id else path end as path"
COLUMNS = f"id, kind, name, {_PATH}, service_ids, matchers, excluded, starts_at, ends_at"


@dataclass(frozen=True, slots=True)
class MuteMark:
    """Why the alerts of a group paged no one: `is_muted` is True until the group is released.

    The `name` is that of the maintenance, or the comment of the silence, which has an `author`.
    """

    id: int
    public_id: str
    kind: MuteKind
    name: str
    author: str
    path: str
    ends_at: datetime
    is_muted: bool


@dataclass(frozen=True, slots=True)
class MutedCount:
    """A running mute, and how many firing alerts it mutes."""

    id: int
    kind: MuteKind
    name: str
    author: str
    path: str
    ends_at: datetime
    alerts: int


def readable(rows: Sequence[Row]) -> list[Mute]:
    """Return the mutes whose matchers can be read; one that cannot mutes nothing, and no alert is refused."""
    mutes = []
    for row in rows:
        try:
            parsed, excluded = matchers.parse(row["matchers"]), matchers.parse(row["excluded"])
        except matchers.MatcherError as error:
            _unreadable.add(f"mute {row['id']}: {error}")
            continue
        mutes.append(
            Mute(
                id=row["id"],
                name=row["name"],
                path=row["path"],
                service_ids=frozenset(row["service_ids"]),
                matchers=matchers.cheapest_first(parsed),
                starts_at=row["starts_at"],
                ends_at=row["ends_at"],
                kind=MuteKind(row["kind"]),
                excluded=excluded,
            )
        )
    return mutes


async def insert(
    tx: Tx,
    name: str,
    path: str,
    service_ids: Collection[int],
    matchers_text: str,
    starts_at: datetime,
    ends_at: datetime,
) -> int:
    """Insert the mute of maintenance, which starts when it is created, and return its id."""
    new_id: int = await tx.value(
        """
        insert into alert_mute (name, path, service_ids, matchers, starts_at, created_at, ends_at)
        values ($1, $2, $3, $4, $5, $5, $6)
        returning id
        """,
        name,
        path,
        sorted(service_ids),
        matchers_text,
        starts_at,
        ends_at,
    )
    return new_id


async def unended(tx: Reads, inhibition_versions: Mapping[int, str] | None = None) -> list[Mute]:
    """Return the mutes that have not ended: silences, those of maintenance, and those of these inhibition rules.

    The ones of inhibition can be many; alerts that are received look theirs up. `inhibition_versions` has the current
    version of each rule.
    """
    rows = await tx.fetch(
        f"""
        select {COLUMNS}
        from alert_mute
        where ended_at is null
            and (
                kind in ('maintenance', 'silence')
                or exists (
                    select
                    from unnest($1::bigint[], $2::text[]) as current (rule_id, version)
                    where current.rule_id = inhibition_rule_id
                        and current.version = coalesce(inhibition_version, current.version)
                )
            )
        order by ends_at, id
        """,
        *transpose(list((inhibition_versions or {}).items()), 2),
    )
    return readable(rows)


async def hold(tx: Tx, ids: Collection[int], now: datetime) -> list[Mute]:
    """Return which of these mutes are running; they cannot end before the transaction does.

    The services must be locked: what a mute holds is released under their lock, after the mute has ended.
    """
    rows = await tx.fetch(
        f"""
        select {COLUMNS}
        from alert_mute
        where id = any($1::bigint[])
            and ended_at is null
            and (starts_at <= $2 or kind in ('inhibition', 'inhibit_wait'))
            and ends_at > $2
        order by id
        for share
        """,
        list(ids),
        now,
    )
    return readable(rows)


async def change_end(tx: Tx, mute_id: int, ends_at: datetime) -> bool:
    """Set when a mute ends; return False if it has ended."""
    return bool(
        await tx.changed(
            """
            update alert_mute
            set ends_at = $2
            where id = $1
                and ended_at is null
            """,
            mute_id,
            ends_at,
        )
    )


async def end(tx: Tx, mute_id: int, now: datetime) -> bool:
    """End a mute; return False if it has ended."""
    return bool(
        await tx.changed(
            """
            update alert_mute
            set ended_at = $2
            where id = $1
                and ended_at is null
            """,
            mute_id,
            now,
        )
    )


async def end_overdue(tx: Tx, ids: Collection[int], now: datetime) -> tuple[set[int], set[int]]:
    """End those of these mutes whose end has passed.

    Return the ids of all that have ended, and of the silences that ended just now.
    """
    overdue = await tx.fetch(
        """
        update alert_mute
        set ended_at = ends_at
        where id = any($1::bigint[])
            and ended_at is null
            and ends_at <= $2
        returning id, kind
        """,
        list(ids),
        now,
    )
    rows = await tx.fetch(
        """
        select id
        from alert_mute
        where id = any($1::bigint[])
            and ended_at is not null
        """,
        list(ids),
    )
    return {row["id"] for row in rows}, {row["id"] for row in overdue if row["kind"] == MuteKind.SILENCE}


async def services(tx: Reads, ids: Collection[int]) -> list[int]:
    """Return the services of these mutes, in order; of one for all services, those with alerts that it holds."""
    rows = await tx.fetch(
        """
        select unnest(service_ids) as service_id
        from alert_mute
        where id = any($1::bigint[])
        union
        select service_id
        from alert_group
        where mute_id = any($1::bigint[])
            and released_at is null
            and closed_at is null
        order by 1
        """,
        list(ids),
    )
    return [row["service_id"] for row in rows]


async def release(
    tx: Tx, mute_ids: Collection[int], service_ids: Collection[int], now: datetime
) -> list[OpenedGroup]:
    """Release the groups of these mutes and services in which an alert fires, and return them; idempotent."""
    rows = await tx.fetch(
        """
        update alert_group
        set released_at = $3
        where mute_id = any($1::bigint[])
            and service_id = any($2::bigint[])
            and released_at is null
            and closed_at is null
        returning
            id,
            service_id,
            title,
            urgency,
            lead_severity as severity,
            coalesce(starts_with(key, $4), false) as is_test
        """,
        list(mute_ids),
        list(service_ids),
        now,
        TEST_KEY_PREFIX,
    )
    return sorted((OpenedGroup(**dict(row)) for row in rows), key=lambda group: group.id)


async def alerts_to_hand_over(
    tx: Reads, mute_ids: Collection[int], service_ids: Collection[int]
) -> list[tuple[int, MuteKind | None, Alert]]:
    """Return the firing alerts in groups of these services that these mutes hold.

    Each comes after its service and the kind of the mute.
    """
    columns = ", ".join(f"alert.{column}" for column in ALERT_COLUMNS.split(", "))
    rows = await tx.fetch(
        f"""
        select alert_group.service_id, alert_mute.kind, {columns}
        from alert_group
        join alert_mute on alert_mute.id = alert_group.mute_id
        join alert on alert.group_id = alert_group.id
        where alert_group.mute_id = any($1::bigint[])
            and alert_group.service_id = any($2::bigint[])
            and alert_group.released_at is null
            and alert_group.closed_at is null
            and alert.status = 'firing'
        order by alert.id
        """,
        list(mute_ids),
        list(service_ids),
    )
    return [(row["service_id"], MuteKind(row["kind"]), alert_from_row(row)) for row in rows]


async def move_alerts(tx: Tx, places: Sequence[tuple[int, int]]) -> None:
    """Move alerts to other groups: each the id of an alert and of its new group."""
    await tx.execute(
        """
        update alert
        set group_id = moved.group_id
        from unnest($1::bigint[], $2::bigint[]) as moved (alert_id, group_id)
        where alert.id = moved.alert_id
        """,
        *transpose(places, 2),
    )


async def holding(tx: Reads, ids: Collection[int]) -> set[int]:
    """Return those of these mutes that hold alerts that fire."""
    rows = await tx.fetch(
        """
        select distinct mute_id
        from alert_group
        where mute_id = any($1::bigint[])
            and released_at is null
            and closed_at is null
        """,
        list(ids),
    )
    return {row["mute_id"] for row in rows}


async def mark_released(tx: Tx, group_ids: Collection[int], now: datetime) -> None:
    """Record that groups page from now on."""
    await tx.execute(
        """
        update alert_group
        set released_at = $2
        where id = any($1::bigint[])
        """,
        list(group_ids),
        now,
    )


async def insert_moved_alerts(tx: Tx, places: Sequence[tuple[int, int]]) -> None:
    """Insert moved alerts whose new groups are muted into the list of muted alerts."""
    await tx.execute(
        """
        insert into muted_alert (alert_id, service_id)
        select moved.alert_id, alert_group.service_id
        from unnest($1::bigint[], $2::bigint[]) as moved (alert_id, group_id)
        join alert_group on alert_group.id = moved.group_id
        where alert_group.mute_id is not null
        on conflict do nothing
        """,
        *transpose(places, 2),
    )


async def insert_muted_alerts(tx: Tx, alerts: Sequence[tuple[int, str, int]]) -> None:
    """Insert the newest alerts of integrations and deduplication keys into the list of muted alerts.

    Each comes with its service; a key that comes several times has as many new alerts.
    """
    await tx.execute(
        """
        insert into muted_alert (alert_id, service_id)
        select newest.id, created.service_id
        from (
            select integration_id, dedup_key, service_id, count(*) as alerts
            from unnest($1::bigint[], $2::text[], $3::bigint[]) as sent (integration_id, dedup_key, service_id)
            group by integration_id, dedup_key, service_id
        ) created
        cross join lateral (
            select alert.id
            from alert
            where alert.integration_id = created.integration_id
                and alert.dedup_key = created.dedup_key
            order by alert.id desc
            limit created.alerts
        ) newest
        on conflict do nothing
        """,
        *transpose(alerts, 3),
    )


async def marks_of_groups(tx: Reads, group_ids: Collection[int]) -> dict[int, MuteMark]:
    """Return the mark of each group that is or was muted."""
    rows = await tx.fetch(
        f"""
        select
            alert_group.id as group_id,
            alert_mute.id,
            alert_mute.public_id::text,
            alert_mute.kind,
            alert_mute.name,
            alert_mute.author,
            {_PATH},
            coalesce(alert_mute.ended_at, alert_mute.ends_at) as ends_at,
            alert_group.released_at is null as is_muted
        from alert_group
        join alert_mute on alert_mute.id = alert_group.mute_id
        where alert_group.id = any($1::bigint[])
        """,
        list(group_ids),
    )
    names = ("id", "public_id", "name", "author", "path", "ends_at", "is_muted")
    return {
        row["group_id"]: MuteMark(kind=MuteKind(row["kind"]), **{name: row[name] for name in names})
        for row in rows
    }


async def muted_counts(tx: Reads, now: datetime, mute_id: int | None = None) -> list[MutedCount]:
    """Return the mutes that run, or the one with this id, in the order in which they end."""
    rows = await tx.fetch(
        f"""
        select alert_mute.id, kind, name, author, {_PATH}, ends_at, muted.alerts
        from alert_mute
        cross join lateral (
            select coalesce(sum(firing), 0)::int as alerts
            from alert_group
            where alert_group.mute_id = alert_mute.id
                and released_at is null
                and closed_at is null
        ) muted
        where ended_at is null
            and starts_at <= $1
            and ends_at > $1
            and kind <> 'inhibit_wait'
            and (kind <> 'inhibition' or muted.alerts > 0)
            and ($2::bigint is null or alert_mute.id = $2)
        order by ends_at, alert_mute.id
        """,
        now,
        mute_id,
    )
    return [MutedCount(**{**dict(row), "kind": MuteKind(row["kind"])}) for row in rows]


async def muted_counts_of_service(tx: Reads, service_id: int) -> list[MutedCount]:
    """Return the mutes that hold firing alerts of a service back, in the order in which they end."""
    rows = await tx.fetch(
        f"""
        select alert_mute.id, kind, name, author, {_PATH}, ends_at, sum(alert_group.firing)::int as alerts
        from alert_group
        join alert_mute on alert_mute.id = alert_group.mute_id
        where alert_group.service_id = $1
            and alert_group.closed_at is null
            and alert_group.released_at is null
            and kind <> 'inhibit_wait'
        group by alert_mute.id
        order by ends_at, alert_mute.id
        """,
        service_id,
    )
    return [MutedCount(**{**dict(row), "kind": MuteKind(row["kind"])}) for row in rows]


async def alert_ids(tx: Reads, mute_id: int, limit: int) -> list[int]:
    """Return the newest alerts that a mute muted, firing or not."""
    rows = await tx.fetch(
        """
        select alert.id
        from alert_group
        join alert on alert.group_id = alert_group.id
        where alert_group.mute_id = $1
        order by alert.id desc
        limit $2
        """,
        mute_id,
        limit,
    )
    return [row["id"] for row in rows]
