"""The SQL of the list of services: its pages, its numbers, and the recent alerts of its rows."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.alerts.model import TEST_KEY_PREFIX
from firebell.kit.db.database import Reads

_NOT_READY = """(
            service.policy_id is null
            or not exists (
                select
                from integration
                where integration.service_id = service.id
                    and integration.revoked_at is null
                    and not integration.is_internal
            )
        )"""
"""Its pages go to the fallback responders, or no alert can reach it."""


@dataclass(frozen=True, slots=True)
class ServiceFilter:
    """Which services a list shows; `tsquery` has the words of a search, empty for none.

    `labeled_ids` are the services whose labels match; None if labels do not matter.
    """

    tsquery: str = ""
    team_id: int | None = None
    is_not_ready: bool = False
    tier: int | None = None
    labeled_ids: Collection[int] | None = None
    is_deleted: bool = False


@dataclass(frozen=True, slots=True)
class ServiceCounts:
    """How many services match a search and a team: all, the unhealthy ones, and those not ready or deleted."""

    total: int
    unhealthy: int
    not_ready: int
    deleted: int


def _where(wanted: ServiceFilter, values: list[object]) -> str:
    conditions = [f"deleted_at is {'not ' if wanted.is_deleted else ''}null", *_matching(wanted, values)]
    if wanted.is_not_ready:
        conditions.append(_NOT_READY)
    return "\n            and ".join(conditions)


def _matching(wanted: ServiceFilter, values: list[object]) -> list[str]:
    """Return the conditions of a search, a team, a tier and labels."""
    conditions = []
    if wanted.tsquery:
        values.append(wanted.tsquery)
        document = "search_vector(name || ' ' || slug || ' ' || description)"
        conditions.append(f"{document} @@ to_tsquery('simple', ${len(values)})")
    if wanted.team_id is not None:
        values.append(wanted.team_id)
        conditions.append(f"team_id = ${len(values)}")
    if wanted.tier is not None:
        values.append(wanted.tier)
        conditions.append(f"tier = ${len(values)}")
    if wanted.labeled_ids is not None:
        values.append(list(wanted.labeled_ids))
        conditions.append(f"id = any(${len(values)}::bigint[])")
    return conditions


async def service_ids(
    tx: Reads,
    wanted: ServiceFilter,
    unhealthy_ids: Collection[int],
    *,
    unhealthy: bool,
    after_id: int | None,
    limit: int,
) -> list[int]:
    """Return services by name: those among `unhealthy_ids`, or the others, after a service."""
    values: list[object] = [list(unhealthy_ids), after_id, limit]
    rows = await tx.fetch(
        f"""
        select id
        from service
        where {_where(wanted, values)}
            and {"" if unhealthy else "not "}id = any($1::bigint[])
            and ($2::bigint is null or (name, id) > (
                select name, id
                from service
                where id = $2
            ))
        order by name, id
        limit $3
        """,
        *values,
    )
    return [row["id"] for row in rows]


async def counts(tx: Reads, wanted: ServiceFilter, unhealthy_ids: Collection[int]) -> ServiceCounts:
    """Return the numbers of the services that match, each number without the filters of the others."""
    values: list[object] = [list(unhealthy_ids)]
    row = await tx.row(
        f"""
        select
            count(*) filter (where deleted_at is null) as total,
            count(*) filter (where deleted_at is null and id = any($1::bigint[])) as unhealthy,
            count(*) filter (where deleted_at is null and {_NOT_READY}) as not_ready,
            count(*) filter (where deleted_at is not null) as deleted
        from service
        where {" and ".join(["true", *_matching(wanted, values)])}
        """,
        *values,
    )
    assert row
    return ServiceCounts(**row)


async def alert_counts(
    tx: Reads, service_ids: Sequence[int], first: datetime, last: datetime
) -> dict[int, dict[datetime, int]]:
    """Return how many alerts each service had by quarter of an hour, `last` included; empty quarters are absent."""
    rows = await tx.fetch(
        """
        select service_id, quarter, alerts
        from alert_count
        where quarter >= $2
            and quarter <= $3
            and service_id = any($1::bigint[])
        """,
        list(service_ids),
        first,
        last,
    )
    counted: dict[int, dict[datetime, int]] = {i: {} for i in service_ids}
    for row in rows:
        counted[row["service_id"]][row["quarter"]] = row["alerts"]
    return counted


async def last_alerts(tx: Reads, service_ids: Sequence[int]) -> dict[int, datetime]:
    """Return when the newest alert of each service began: of its keys, or sent to it by a rule.

    Test alerts do not count.
    """
    # ranges, because with equalities the planner may scan the alerts of all services backward
    rows = await tx.fetch(
        """
        select wanted.service_id, max(newest.starts_at) as at
        from unnest($1::bigint[]) wanted (service_id)
        cross join lateral (
            select received.starts_at
            from integration
            cross join lateral (
                select starts_at
                from alert
                where integration_id >= integration.id
                    and (integration_id, id) < (integration.id + 1, 0)
                    and not starts_with(dedup_key, $2)
                order by integration_id desc, id desc
                limit 1
            ) received
            where integration.service_id = wanted.service_id
            union all
            (
                select starts_at
                from alert
                where routed_service_id = wanted.service_id
                    and not starts_with(dedup_key, $2)
                order by id desc
                limit 1
            )
        ) newest
        group by wanted.service_id
        """,
        list(service_ids),
        TEST_KEY_PREFIX,
    )
    return {row["service_id"]: row["at"] for row in rows}
