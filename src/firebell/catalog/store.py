"""The SQL of services."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from firebell.catalog.model import Service, ServiceLink
from firebell.catalog.names import ServiceName
from firebell.kit.db.database import Row, Tx
from firebell.kit.web.filters import storable

_COLUMNS = (
    "id, name, slug, team_id, policy_id, description, runbook_url, tier, labels, links, earlier_names,"
    " deleted_at"
)


def _service(row: Row) -> Service:
    links, earlier = tuple(ServiceLink(**link) for link in row["links"]), tuple(row["earlier_names"])
    return Service(**{**row, "links": links, "earlier_names": earlier})


def _json(services: Sequence[Service]) -> list[dict[str, Any]]:
    """Return services as `jsonb_to_recordset` reads them."""
    return [
        {
            "id": each.id,
            "name": each.name,
            "slug": each.slug,
            "team_id": each.team_id,
            "policy_id": each.policy_id,
            "description": each.description,
            "runbook_url": each.runbook_url,
            "tier": each.tier,
            "labels": dict(each.labels),
            "links": [asdict(link) for link in each.links],
            "earlier_names": list(each.earlier_names),
        }
        for each in services
    ]


async def insert(tx: Tx, services: Sequence[Service], now: datetime) -> list[Service]:
    """Create services in one statement, with ids that the database chooses, and return them in the given order.

    Those whose slug is taken are left out.
    """
    if not services:
        return []
    rows = await tx.fetch(
        f"""
        insert into service
            (name, slug, team_id, policy_id, description, runbook_url, tier, labels, links, created_at)
        select name, slug, team_id, policy_id, description, runbook_url, tier, labels, links, $2
        from jsonb_to_recordset($1) as new (
            name text, slug text, team_id bigint, policy_id bigint, description text, runbook_url text,
            tier smallint, labels jsonb, links jsonb
        )
        on conflict (slug) do nothing
        returning {_COLUMNS}
        """,
        _json(services),
        now,
    )
    created = {row["slug"]: _service(row) for row in rows}
    return [created[slug] for slug in dict.fromkeys(each.slug for each in services) if slug in created]


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
    """Return services by id, including deleted ones, which past records name."""
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


async def deleted_with_slug(tx: Tx, slug: str) -> Service | None:
    """Return the service that was last deleted under this slug."""
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from service
        where deleted_at is not null
            and slug = $1 || '-deleted-' || id
        order by deleted_at desc
        limit 1
        """,
        slug,
    )
    return _service(row) if row else None


async def locked(tx: Tx, ids: Sequence[int]) -> dict[int, Service]:
    """Lock services in the order of their ids, as alerts do, and return them as they are now."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from service
        where id = any($1::bigint[])
        order by id
        for no key update
        """,
        list(ids),
    )
    return {row["id"]: _service(row) for row in rows}


async def labels_by_id(tx: Tx) -> dict[int, dict[str, str]]:
    """Return the labels of every service by its id, deleted ones too, for matchers."""
    rows = await tx.fetch("select id, labels from service")
    return {row["id"]: row["labels"] for row in rows}


async def tier_counts(tx: Tx, ids: Sequence[int]) -> dict[int, int]:
    """Return how many of these services each tier has, by tier."""
    rows = await tx.fetch(
        """
        select tier, count(*) as services
        from service
        where id = any($1::bigint[])
            and tier is not null
        group by tier
        order by tier
        """,
        list(ids),
    )
    return {row["tier"]: row["services"] for row in rows}


async def update(tx: Tx, services: Sequence[Service]) -> None:
    """Store services, which must be locked, in one statement; their slugs stay."""
    if not services:
        return
    await tx.execute(
        """
        update service
        set name = changed.name,
            team_id = changed.team_id,
            policy_id = changed.policy_id,
            description = changed.description,
            runbook_url = changed.runbook_url,
            tier = changed.tier,
            labels = changed.labels,
            links = changed.links,
            earlier_names = changed.earlier_names
        from jsonb_to_recordset($1) as changed (
            id bigint, name text, team_id bigint, policy_id bigint, description text, runbook_url text,
            tier smallint, labels jsonb, links jsonb, earlier_names text[]
        )
        where service.id = changed.id
        """,
        _json(services),
    )


async def lock_names(tx: Tx) -> None:
    """Let one transaction at a time choose names of services, so that no two have the same.

    Call it before locking services.
    """
    await tx.execute("select pg_advisory_xact_lock(hashtextextended('service_name', 0))")


async def taken_names(tx: Tx) -> list[ServiceName]:
    """Return the names of all services; a deleted one has only its slug."""
    rows = await tx.fetch(
        """
        select id, case when deleted_at is null then name else slug end as name, slug
        from service
        order by id
        """
    )
    return [ServiceName(row["id"], row["name"], row["slug"]) for row in rows]


async def ids_with_earlier_name(tx: Tx, names: Sequence[str]) -> list[int]:
    """Return the services that had one of these names, in lower case, before they were renamed."""
    rows = await tx.fetch(
        """
        select id
        from service
        where earlier_names && $1::text[]
        order by id
        """,
        list(names),
    )
    return [row["id"] for row in rows]


async def lock_uses(tx: Tx) -> None:
    """Keep anything from beginning to use a service until the end of the transaction.

    Call it before any other lock on services.
    """
    await tx.execute("select pg_advisory_xact_lock(hashtextextended('service_use', 0))")


async def hold_uses(tx: Tx) -> None:
    """Let no service be deleted until the end of the transaction; alerts never wait for this lock."""
    await tx.execute("select pg_advisory_xact_lock_shared(hashtextextended('service_use', 0))")


async def mark_deleted(tx: Tx, service_id: int, slug: str, deleted_at: datetime) -> bool:
    """Mark a service as deleted under another slug; return False if that is taken."""
    changed = await tx.changed(
        """
        update service
        set slug = $2,
            deleted_at = $3
        where id = $1
            and not exists (
                select
                from service other
                where other.slug = $2
            )
        """,
        service_id,
        slug,
        deleted_at,
    )
    return changed == 1


async def restore(tx: Tx, service_id: int, slug: str) -> None:
    """Mark a deleted service as not deleted, under a slug that no other one has."""
    await tx.execute(
        """
        update service
        set slug = $2,
            deleted_at = null
        where id = $1
        """,
        service_id,
        slug,
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
