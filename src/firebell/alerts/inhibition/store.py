"""The SQL of inhibition: its rules, the mutes of firing sources, and which alerts these are."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from firebell.alerts.inhibition.model import InhibitionRule, Inhibitor, NewInhibitionRule, NewInhibitor
from firebell.alerts.mutes import Mute
from firebell.alerts.muting import store as mute_store
from firebell.kit.db.arrays import transpose
from firebell.kit.db.database import Reads, Row, Tx

_RULE = "id, name, source_matchers, target_matchers, equal, wait_s, author, created_at"


def _rule(row: Row) -> InhibitionRule:
    return InhibitionRule(**{**dict(row), "equal": tuple(row["equal"])})


async def rules(tx: Reads) -> list[InhibitionRule]:
    """Return the rules in the order of their names."""
    rows = await tx.fetch(
        f"""
        select {_RULE}
        from inhibition_rule
        order by lower(name), id
        """
    )
    return [_rule(row) for row in rows]


async def rule(tx: Reads, rule_id: int) -> InhibitionRule | None:
    row = await tx.row(
        f"""
        select {_RULE}
        from inhibition_rule
        where id = $1
        """,
        rule_id,
    )
    return _rule(row) if row else None


async def insert_rule(tx: Tx, author: str, new: NewInhibitionRule, now: datetime) -> InhibitionRule:
    row = await tx.row(
        f"""
        insert into inhibition_rule (name, source_matchers, target_matchers, equal, wait_s, author, created_at)
        values ($1, $2, $3, $4, $5, $6, $7)
        returning {_RULE}
        """,
        new.name,
        new.source_matchers,
        new.target_matchers,
        list(new.equal),
        new.wait_s,
        author,
        now,
    )
    assert row
    return _rule(row)


async def update_rule(tx: Tx, rule_id: int, new: NewInhibitionRule) -> None:
    await tx.execute(
        """
        update inhibition_rule
        set name = $2,
            source_matchers = $3,
            target_matchers = $4,
            equal = $5,
            wait_s = $6
        where id = $1
        """,
        rule_id,
        new.name,
        new.source_matchers,
        new.target_matchers,
        list(new.equal),
        new.wait_s,
    )


async def delete_rule(tx: Tx, rule_id: int) -> None:
    """Delete a rule; its mutes, which have ended, stay as the reason of the alerts that they inhibited."""
    await tx.execute(
        """
        delete from inhibition_rule
        where id = $1
        """,
        rule_id,
    )


async def lock_inhibitors(tx: Tx, keys: Collection[bytes]) -> list[Inhibitor]:
    """Return the running mutes with these keys; they cannot end before the transaction does."""
    rows = await tx.fetch(
        f"""
        select inhibition_key, {mute_store.COLUMNS}
        from alert_mute
        where inhibition_key = any($1::bytea[])
            and ended_at is null
        order by id
        for share
        """,
        list(keys),
    )
    return [Inhibitor(row["inhibition_key"], mute) for row in rows for mute in mute_store.readable([row])]


async def insert_inhibitors(
    tx: Tx, new: Sequence[NewInhibitor], ends_at: datetime, now: datetime
) -> list[int]:
    """Insert the mutes of sources that do not run yet, and return the ids of the new ones."""
    rows = await tx.fetch(
        """
        insert into alert_mute (
            kind, name, path, service_ids, matchers, excluded, starts_at, ends_at, created_at, inhibition_key,
            inhibition_rule_id, inhibition_version
        )
        select
            'inhibition', new.name, '/inhibition-rules', '{}', new.matchers, new.excluded, $7, $8, $7, new.key,
            new.rule_id, new.version
        from unnest($1::bytea[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[])
            as new (key, rule_id, version, name, matchers, excluded)
        where rule_id in (select id from inhibition_rule)
        order by key
        on conflict (inhibition_key) where ended_at is null do nothing
        returning id
        """,
        *transpose(
            [(each.key, each.rule_id, each.version, each.name, each.matchers, each.excluded) for each in new],
            6,
        ),
        now,
        ends_at,
    )
    return [row["id"] for row in rows]


async def ensure_wait(tx: Tx, key: bytes, name: str, ends_at: datetime, now: datetime) -> Mute | None:
    """Return the mute of the targets that wait for their sources until an instant; insert it if there is none."""
    await tx.execute(
        """
        insert into alert_mute (
            kind, name, path, service_ids, matchers, starts_at, ends_at, created_at, inhibition_key
        )
        values ('inhibit_wait', $2, '/inhibition-rules', '{}', '', $4, $3, $4, $1)
        on conflict (inhibition_key) where ended_at is null do nothing
        """,
        key,
        name,
        ends_at,
        now,
    )
    inhibitors = await lock_inhibitors(tx, [key])
    return inhibitors[0].mute if inhibitors else None


async def running_waits(tx: Reads, now: datetime, *, only_after_now: bool) -> list[int]:
    """Return the ids of active mutes that wait for sources, or only of those that began after `now`."""
    rows = await tx.fetch(
        """
        select id
        from alert_mute
        where kind = 'inhibit_wait'
            and ended_at is null
            and ends_at > $1
            and (starts_at > $1 or not $2)
        order by id
        """,
        now,
        only_after_now,
    )
    return [row["id"] for row in rows]


async def advance_waits(tx: Tx, ids: Collection[int], by: timedelta) -> None:
    """Shift the waits of these mutes earlier by `by`."""
    await tx.execute(
        """
        update alert_mute
        set starts_at = starts_at - $2::interval,
            ends_at = ends_at - $2::interval
        where id in (
            select id
            from alert_mute
            where id = any($1::bigint[])
                and ended_at is null
            order by id
            for no key update
        )
        """,
        list(ids),
        by,
    )


async def insert_sources(tx: Tx, sources: Sequence[tuple[int, int, str]]) -> None:
    """Record that firing alerts are sources: each a mute, and the alert's integration and deduplication key.

    A flapping alert is not one while its source reports it as resolved.
    """
    await tx.execute(
        """
        insert into inhibition_source (mute_id, alert_id)
        select source.mute_id, alert.id
        from unnest($1::bigint[], $2::bigint[], $3::text[]) as source (mute_id, integration_id, dedup_key)
        join alert on alert.integration_id = source.integration_id
            and alert.dedup_key = source.dedup_key
            and alert.status = 'firing'
            and not coalesce(alert.flap ? 'resolved_at', false)
        order by 1, 2
        on conflict do nothing
        """,
        *transpose(sources, 3),
    )


async def delete_stale_sources(tx: Tx, versions: Mapping[int, str]) -> None:
    """Forget the sources that no longer fire or are held themselves, and those of no current rule: they hold nothing.

    One that flaps does not fire while its source reports it as resolved. `versions` has that of each rule. Those that a
    change of their rule has just deleted are skipped: it waits for the check, and has it run again.
    """
    await tx.execute(
        """
        delete from inhibition_source
        using (
            select inhibition_source.mute_id, inhibition_source.alert_id
            from inhibition_source
            join alert_mute own on own.id = inhibition_source.mute_id
            join alert on alert.id = inhibition_source.alert_id
            left join alert_group on alert_group.id = alert.group_id
            left join alert_mute holder on holder.id = alert_group.mute_id
            where alert.status <> 'firing'
                or alert.flap ? 'resolved_at'
                or (
                    alert_group.released_at is null
                    and (holder.kind = 'inhibition' or alert_group.hold ->> 'kind' <> 'never')
                )
                or not exists (
                    select
                    from unnest($1::bigint[], $2::text[]) as current (rule_id, version)
                    where current.rule_id = own.inhibition_rule_id
                        and current.version = coalesce(own.inhibition_version, current.version)
                )
            for update of inhibition_source skip locked
        ) stale
        where stale.mute_id = inhibition_source.mute_id
            and stale.alert_id = inhibition_source.alert_id
        """,
        *transpose(list(versions.items()), 2),
    )


async def delete_sources_of_rule(tx: Tx, rule_id: int) -> None:
    await tx.execute(
        """
        delete from inhibition_source
        using alert_mute
        where alert_mute.id = inhibition_source.mute_id
            and alert_mute.inhibition_rule_id = $1
        """,
        rule_id,
    )


async def lock_running(tx: Tx) -> list[int]:
    """Lock the running mutes of sources that no one uses at the moment, and return their ids."""
    rows = await tx.fetch(
        """
        select id
        from alert_mute
        where kind = 'inhibition'
            and ended_at is null
        order by id
        for update skip locked
        """
    )
    return [row["id"] for row in rows]


async def end_without_source(tx: Tx, ids: Collection[int], now: datetime) -> list[int]:
    """End those of these locked mutes that have no source, and return their ids."""
    rows = await tx.fetch(
        """
        update alert_mute
        set ended_at = $2
        where id = any($1::bigint[])
            and not exists (
                select
                from inhibition_source
                where inhibition_source.mute_id = alert_mute.id
            )
        returning id
        """,
        list(ids),
        now,
    )
    return [row["id"] for row in rows]


async def running(tx: Reads) -> tuple[int, int]:
    """Return how many mutes of sources run, and how many of these have no source anymore."""
    row = await tx.row(
        """
        select
            count(*)::int as running,
            count(*) filter (
                where not exists (
                    select
                    from inhibition_source
                    where inhibition_source.mute_id = alert_mute.id
                )
            )::int as sourceless
        from alert_mute
        where kind = 'inhibition'
            and ended_at is null
        """
    )
    assert row
    return row["running"], row["sourceless"]


async def firing_keys(tx: Reads, keys: Collection[tuple[int, str]]) -> set[tuple[int, str]]:
    """Return those of these alerts that fire, each as its integration and deduplication key."""
    rows = await tx.fetch(
        """
        select alert.integration_id, alert.dedup_key
        from unnest($1::bigint[], $2::text[]) as wanted (integration_id, dedup_key)
        join alert on alert.integration_id = wanted.integration_id
            and alert.dedup_key = wanted.dedup_key
            and alert.status = 'firing'
        """,
        *transpose(list(keys), 2),
    )
    return {(row["integration_id"], row["dedup_key"]) for row in rows}


async def inhibited_by_rule(tx: Reads) -> dict[int, tuple[int, int]]:
    """Return for each rule how many of its sources fire, and how many alerts these inhibit."""
    rows = await tx.fetch(
        """
        select
            alert_mute.inhibition_rule_id as rule_id,
            sum((select count(*) from inhibition_source where mute_id = alert_mute.id))::int as sources,
            coalesce(sum((
                select sum(firing)
                from alert_group
                where alert_group.mute_id = alert_mute.id
                    and released_at is null
                    and closed_at is null
            )), 0)::int as inhibited
        from alert_mute
        where kind = 'inhibition'
            and ended_at is null
        group by alert_mute.inhibition_rule_id
        """
    )
    return {row["rule_id"]: (row["sources"], row["inhibited"]) for row in rows}
