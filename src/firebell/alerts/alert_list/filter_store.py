"""The SQL that searches alerts by the words of their titles, a whole deduplication key, or their labels."""

from collections.abc import Sequence
from dataclasses import dataclass

from firebell.alerts.model import AlertFilter, matched_labels, stored_keys
from firebell.alerts.read_store import MUTED, newest_alerts, started
from firebell.kit import label_comparison
from firebell.kit.db.arrays import transpose
from firebell.kit.db.database import Tx
from firebell.kit.matchers import Matcher, Op
from firebell.kit.search_terms import NEWEST_SEARCHED
from firebell.kit.storable_json import storable_text


@dataclass(frozen=True, slots=True)
class Compared:
    """The alerts that meet some conditions, newest first; `lowest_id` is the oldest one that was compared.

    `is_partial` means that there may be older ones.
    """

    ids: list[int]
    lowest_id: int
    is_partial: bool


async def ids_by_key(tx: Tx, key: str, before: int, limit: int, wanted: AlertFilter) -> list[int]:
    """Return the newest alerts with this deduplication key, as people see it, from the index of each integration."""
    values: list[object] = [stored_keys(storable_text(key)), before, limit, wanted.service_id]
    in_range = started(wanted, values)
    rows = await tx.fetch(
        f"""
        select of_key.id
        from integration
        cross join lateral (
            select alert.id, alert.routed_service_id
            from alert
            where integration_id = integration.id
                and dedup_key = any($1::text[])
                and alert.id < $2
                {in_range}
                {"and status = 'firing'" if wanted.is_firing else ""}
                {MUTED if wanted.is_muted else ""}
            order by alert.id desc
            limit $3
        ) of_key
        where $4::bigint is null
            or $4 in (integration.service_id, of_key.routed_service_id)
        order by of_key.id desc
        limit $3
        """,
        *values,
    )
    return [row["id"] for row in rows]


async def by_title(
    tx: Tx, tsquery: str, before: int, limit: int, wanted: AlertFilter, *, enough: int
) -> Compared:
    """Return the newest alerts whose titles match, in bounded time for common and for rare words.

    At most `limit`, but of a common word only those among the newest alerts, if these are `enough`.
    """
    ids = await _newest_ids(tx, tsquery, before, limit, wanted)
    is_complete = len(ids) < limit and await _are_few(tx, before, wanted)
    if is_complete or len(ids) >= enough:
        return Compared(ids, ids[-1] if ids else 0, is_partial=not is_complete)
    values: list[object] = [tsquery, before, limit, wanted.service_id]
    in_range = started(wanted, values)
    # `id + 0` keeps the planner from reading all alerts in the order of their ids
    rows = await tx.fetch(
        f"""
        select id
        from alert
        where search_vector(title) @@ to_tsquery('simple', $1)
            and id < $2
            {in_range}
            {"and status = 'firing'" if wanted.is_firing else ""}
            {MUTED if wanted.is_muted else ""}
            and (
                $4::bigint is null
                or routed_service_id = $4
                or integration_id in (select id from integration where service_id = $4)
            )
        order by id + 0 desc
        limit $3
        """,
        *values,
    )
    ids = [row["id"] for row in rows]
    return Compared(ids, ids[-1] if ids else 0, is_partial=len(ids) == limit)


async def _newest_ids(tx: Tx, tsquery: str, before: int, limit: int, wanted: AlertFilter) -> list[int]:
    newest, values = newest_alerts("id, title", before, NEWEST_SEARCHED, wanted)
    rows = await tx.fetch(
        f"""
        select id
        from (
            {newest}
        ) searched
        where search_vector(title) @@ to_tsquery('simple', ${len(values) + 1})
        order by id desc
        limit ${len(values) + 2}
        """,
        *values,
        tsquery,
        limit,
    )
    return [row["id"] for row in rows]


async def _are_few(tx: Tx, before: int, wanted: AlertFilter) -> bool:
    """Return True if the newest alerts that are searched are all that there are, as in a short range of time."""
    newest, values = newest_alerts("id", before, NEWEST_SEARCHED, wanted)
    [row] = await tx.fetch(f"select count(*) as alerts from ({newest}) searched", *values)
    return bool(row["alerts"] < NEWEST_SEARCHED)


async def newest_matching(
    tx: Tx, conditions: Sequence[Matcher], before: int, compared: int, wanted: AlertFilter
) -> Compared:
    """Return those of the newest `compared` alerts that meet the conditions."""
    newest, values = newest_alerts("id, title, severity, labels", before, compared, wanted)
    return await _matching(tx, newest, values, conditions, compared)


async def matching_of(tx: Tx, conditions: Sequence[Matcher], ids: Sequence[int]) -> Compared:
    """Return those of these alerts that meet the conditions."""
    newest = "select id, title, severity, labels from alert where id = any($1::bigint[])"
    return await _matching(tx, newest, [list(ids)], conditions, len(ids) + 1)


async def _matching(
    tx: Tx, newest: str, values: list[object], conditions: Sequence[Matcher], compared: int
) -> Compared:
    """Compare alerts with the conditions: those with a regular expression here, so that none can hang the database."""
    # an escape in a query can produce a character that stored text never contains
    plain = [
        (storable_text(c.name), storable_text(c.value), c.op is Op.EQUAL)
        for c in conditions
        if c.op in (Op.EQUAL, Op.NOT_EQUAL)
    ]
    patterns = [c for c in conditions if c.op in (Op.MATCHES, Op.DIFFERS)]
    names, wanted_values, equal, pattern_names = (f"${len(values) + n}" for n in range(1, 5))
    rows = await tx.fetch(
        f"""
        with newest as materialized (
            {newest}
        ),
        looked_at as (
            select count(*) as alerts, coalesce(min(id), 0) as lowest_id
            from newest
        ),
        matching as (
            select id, (
                select array_agg({_value("pattern.name")} order by pattern.position)
                from unnest({pattern_names}::text[]) with ordinality as pattern (name, position)
            ) as texts
            from newest
            where not exists (
                select
                from unnest({names}::text[], {wanted_values}::text[], {equal}::bool[])
                    as condition (name, value, is_equal)
                where condition.is_equal <> (condition.value = {_value("condition.name")})
            )
        )
        select looked_at.alerts as looked_at, looked_at.lowest_id, matching.*
        from looked_at
        left join matching on true
        order by matching.id desc
        """,
        *values,
        *transpose(plain, 3),
        [storable_text(condition.name) for condition in patterns],
    )
    lowest_id, is_partial = rows[0]["lowest_id"], rows[0]["looked_at"] >= compared
    if rows[0]["id"] is None or not patterns:
        ids = [row["id"] for row in rows if row["id"] is not None]
        return Compared(ids, lowest_id, is_partial)
    texts = [(row["id"], tuple(row["texts"])) for row in rows]
    ids, cut_at = await label_comparison.matching(texts, patterns)
    return Compared(ids, lowest_id if cut_at is None else cut_at, is_partial or cut_at is not None)


def _value(name: str) -> str:
    """Return the expression for what matchers read of an alert by a name."""
    return f"""
        coalesce(
            newest.labels ->> {name},
            case {name}
                when 'title' then newest.title
                when 'severity' then newest.severity
            end,
            ''
        )
    """


async def labels_of(tx: Tx, ids: Sequence[int]) -> list[dict[str, str]]:
    """Return what matchers read of these alerts, newest first."""
    rows = await tx.fetch(
        """
        select title, severity, labels
        from alert
        where id = any($1::bigint[])
        order by id desc
        """,
        list(ids),
    )
    return [matched_labels(row["title"], row["severity"], row["labels"]) for row in rows]
