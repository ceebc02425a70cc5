"""The SQL of services."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from firebell.catalog.model import Service, ServiceLink
from firebell.kit.db.database import Row, Tx
from firebell.kit.web.filters import storable

_COLUMNS = (
    "id, name, slug, team_id, policy_id, description, runbook_url, tier, labels, links, earlier_names,"
    " deleted_at"
)


def _service(row: Row) -> Service:
    links, earlier = tuple(ServiceLink(**link) for link in row["links"]), tuple(row["earlier_names"])
    return Service(**{**row, "links": links, "earlier_names": earlier})


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


async def services(tx: Tx, *, with_deleted: bool = False) -> list[Service]:
    """Return every service, by name. Deleted ones are included only `with_deleted`, for lists of past records."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from service
        {"" if with_deleted else "where deleted_at is null"}
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
        where deleted_at is null
            and (position(lower($1) in lower(name)) > 0 or position(lower($1) in slug) > 0)
        order by name, id
        limit $2
        """,
        text,
        limit,
    )
    return [_service(row) for row in rows]


async def service_by_name_or_slug(tx: Tx, text: str) -> Service | None:
    """Return the service with this name or slug, ignoring case, else with this earlier name.

    Return None unless exactly one matches.
    """
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from service
        where deleted_at is null
            and (lower(name) = lower($1) or slug = lower($1) or earlier_names @> array[$2])
        order by lower(name) = lower($1) or slug = lower($1) desc
        limit 3
        """,
        text,
        text.casefold(),
    )
    services = [_service(row) for row in rows]
    current = [each for each in services if text.lower() in (each.name.lower(), each.slug)]
    candidates = current or services
    return candidates[0] if len(candidates) == 1 else None


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
            and deleted_at is null
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
    assert row, "service rows are never deleted"
    return _service(row)


async def labels_by_id(tx: Tx) -> dict[int, dict[str, str]]:
    """Return the labels of every service by its id, for matchers."""
    rows = await tx.fetch("select id, labels from service where deleted_at is null")
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
            links = $8,
            name = $9,
            earlier_names = $10
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
        service.name,
        list(service.earlier_names),
    )


async def lock_names(tx: Tx) -> None:
    """Let one transaction at a time choose the name of a service, so that no two have the same one."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended('service_name', 0))")


async def has_name(tx: Tx, name: str, slug: str, *, except_id: int = 0) -> bool:
    """Return True if another service has this name, ignoring case, or this slug."""
    return bool(
        await tx.value(
            """
            select exists (
                select
                from service
                where id <> $3
                    and deleted_at is null
                    and (lower(name) = lower($1) or slug = $2)
            )
            """,
            name,
            slug,
            except_id,
        )
    )


async def mark_deleted(tx: Tx, service_id: int, slug: str, deleted_at: datetime) -> None:
    """Mark a service as deleted under a new slug."""
    await tx.execute(
        """
        update service
        set slug = $2,
            deleted_at = $3
        where id = $1
        """,
        service_id,
        slug,
        deleted_at,
    )


async def restore(tx: Tx, service_id: int, slug: str) -> bool:
    """Return True if a deleted service is back under this slug, False if the slug is taken."""
    changed = await tx.changed(
        """
        update service
        set slug = $2,
            deleted_at = null
        where id = $1
            and not exists (
                select
                from service other
                where other.slug = $2
            )
        """,
        service_id,
        slug,
    )
    return changed == 1


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
