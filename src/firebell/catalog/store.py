"""The SQL of services."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from firebell.catalog.model import Service, ServiceLink
from firebell.kit.db.database import Row, Tx
from firebell.kit.web.filters import storable

_COLUMNS = "id, name, slug, team_id, policy_id, description, runbook_url, tier, labels, links"


def _service(row: Row) -> Service:
    return Service(**{**row, "links": tuple(ServiceLink(**link) for link in row["links"])})


async def insert(tx: Tx, service: Service, now: datetime) -> Service | None:
    """Create a service, whose id the database chooses; return None if its slug is taken."""
    row = await tx.row(
        f"""
        insert into service
            (name, slug, team_id, policy_id, description, runbook_url, tier, labels, links, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        on conflict (slug) do nothing
        returning {_COLUMNS}
        """,
        service.name,
        service.slug,
        service.team_id,
        service.policy_id,
        service.description,
        service.runbook_url,
        service.tier,
        dict(service.labels),
        [asdict(link) for link in service.links],
        now,
    )
    return _service(row) if row else None


async def services(tx: Tx) -> list[Service]:
    """Return every service, by name."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from service
        order by name, id
        """
    )
    return [_service(row) for row in rows]


async def search(tx: Tx, text: str, limit: int) -> list[Service]:
    """Return the services whose name or slug contains `text`, by name."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from service
        where position(lower($1) in lower(name)) > 0
            or position(lower($1) in slug) > 0
        order by name, id
        limit $2
        """,
        text,
        limit,
    )
    return [_service(row) for row in rows]


async def service_by_name_or_slug(tx: Tx, text: str) -> Service | None:
    """Return the service with this name or slug, ignoring case; return None unless exactly one matches."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from service
        where lower(name) = lower($1)
            or slug = lower($1)
        limit 2
        """,
        text,
    )
    return _service(rows[0]) if len(rows) == 1 else None


async def services_by_id(tx: Tx, ids: Sequence[int]) -> dict[int, Service]:
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from service
        where id = any($1::bigint[])
        """,
        list(ids),
    )
    return {row["id"]: _service(row) for row in rows}


async def services_by_slug(tx: Tx, slugs: Sequence[str]) -> dict[str, Service]:
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from service
        where slug = any($1::text[])
        """,
        [slug for slug in slugs if storable(slug)],
    )
    return {row["slug"]: _service(row) for row in rows}


async def by_slug(tx: Tx, slug: str) -> Service | None:
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from service
        where slug = $1
        """,
        slug,
    )
    return _service(row) if row else None


async def locked(tx: Tx, service_id: int) -> Service:
    """Lock a service against other changes, and return it as it is now; it must exist."""
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from service
        where id = $1
        for no key update
        """,
        service_id,
    )
    assert row, "services are never deleted"
    return _service(row)


async def labels_by_id(tx: Tx) -> dict[int, dict[str, str]]:
    """Return the labels of every service by its id, for matchers."""
    rows = await tx.fetch("select id, labels from service")
    return {row["id"]: row["labels"] for row in rows}


async def update(tx: Tx, service: Service) -> None:
    await tx.execute(
        """
        update service
        set team_id = $2,
            policy_id = $3,
            description = $4,
            runbook_url = $5,
            tier = $6,
            labels = $7,
            links = $8
        where id = $1
        """,
        service.id,
        service.team_id,
        service.policy_id,
        service.description,
        service.runbook_url,
        service.tier,
        dict(service.labels),
        [asdict(link) for link in service.links],
    )


async def has_policy(tx: Tx, policy_id: int) -> bool:
    """Return True if the escalation policy exists."""
    return bool(
        await tx.value(
            """
            select exists (
                select
                from policy_chain
                where id = $1
            )
            """,
            policy_id,
        )
    )


async def lock(tx: Tx, ids: Sequence[int]) -> None:
    await tx.execute("select lock_services($1)", sorted(set(ids)))


async def lock_with_policy(tx: Tx, policy_id: int) -> list[int]:
    """Lock the services that have this escalation policy and return their ids."""
    rows = await tx.fetch(
        """
        select id
        from service
        where policy_id = $1
        order by id
        for no key update
        """,
        policy_id,
    )
    return [row["id"] for row in rows]


async def clear_policy(tx: Tx, policy_id: int) -> None:
    await tx.execute("update service set policy_id = null where policy_id = $1", policy_id)
