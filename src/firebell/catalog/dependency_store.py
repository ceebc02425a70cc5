"""The SQL of the dependencies between services."""

from collections.abc import Collection, Sequence
from datetime import datetime

from firebell.catalog.dependencies import Edge
from firebell.kit.db.database import Reads, Tx


async def all_edges(tx: Reads) -> list[Edge]:
    """Return every dependency."""
    rows = await tx.fetch(
        """
        select service_id, depends_on_id
        from service_dependency
        order by service_id, depends_on_id
        """
    )
    return [(row["service_id"], row["depends_on_id"]) for row in rows]


async def edges_behind(tx: Reads, service_ids: Collection[int]) -> list[Edge]:
    """Return the dependencies of these services, of what they depend on, and so on."""
    return await _edges_along(tx, service_ids, "service_id", "depends_on_id")


async def edges_before(tx: Reads, service_ids: Collection[int]) -> list[Edge]:
    """Return the dependencies on these services, on those that depend on them, and so on."""
    return await _edges_along(tx, service_ids, "depends_on_id", "service_id")


async def _edges_along(tx: Reads, starts: Collection[int], from_column: str, to_column: str) -> list[Edge]:
    rows = await tx.fetch(
        f"""
        with recursive reached ({from_column}) as (
            select unnest($1::bigint[])
            union
            select service_dependency.{to_column}
            from reached
            join service_dependency using ({from_column})
        )
        select service_id, depends_on_id
        from reached
        join service_dependency using ({from_column})
        order by service_id, depends_on_id
        """,
        list(starts),
    )
    return [(row["service_id"], row["depends_on_id"]) for row in rows]


async def dependencies_of(tx: Reads, service_ids: Collection[int]) -> dict[int, list[int]]:
    """Return what each service depends on directly."""
    rows = await tx.fetch(
        """
        select service_id, depends_on_id
        from service_dependency
        where service_id = any($1::bigint[])
        order by depends_on_id
        """,
        list(service_ids),
    )
    result: dict[int, list[int]] = {i: [] for i in service_ids}
    for row in rows:
        result[row["service_id"]].append(row["depends_on_id"])
    return result


async def count_dependents(tx: Reads, service_id: int) -> int:
    """Return the number of services that depend directly on a service."""
    number: int = await tx.value(
        """
        select count(*)
        from service_dependency
        where depends_on_id = $1
        """,
        service_id,
    )
    return number


async def insert(tx: Tx, edges: Sequence[Edge], now: datetime) -> None:
    """Store dependencies. Idempotent."""
    await tx.execute(
        """
        insert into service_dependency (service_id, depends_on_id, created_at)
        select service_id, depends_on_id, $3
        from unnest($1::bigint[], $2::bigint[]) added (service_id, depends_on_id)
        on conflict do nothing
        """,
        [service_id for service_id, _ in edges],
        [depends_on_id for _, depends_on_id in edges],
        now,
    )


async def delete(tx: Tx, edges: Sequence[Edge]) -> None:
    """Delete dependencies. Idempotent."""
    await tx.execute(
        """
        delete from service_dependency
        using unnest($1::bigint[], $2::bigint[]) removed (service_id, depends_on_id)
        where service_dependency.service_id = removed.service_id
            and service_dependency.depends_on_id = removed.depends_on_id
        """,
        [service_id for service_id, _ in edges],
        [depends_on_id for _, depends_on_id in edges],
    )


async def lock(tx: Tx) -> None:
    """Serialize changes of dependencies until the end of the transaction; alerts never wait for this lock."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended('service_dependency', 0))")
