"""The SQL of services."""

from collections.abc import Sequence
from datetime import datetime

from firebell.catalog.model import Service
from firebell.kit.db import Tx

_COLUMNS = "id, name, slug, team_id, policy_id, description, runbook_url"


async def insert(
    tx: Tx,
    name: str,
    slug: str,
    team_id: int,
    policy_id: int | None,
    description: str,
    runbook_url: str,
    now: datetime,
) -> Service | None:
    row = await tx.row(
        "insert into service (name, slug, team_id, policy_id, description, runbook_url, created_at)"
        f" values ($1, $2, $3, $4, $5, $6, $7) on conflict (slug) do nothing returning {_COLUMNS}",
        name,
        slug,
        team_id,
        policy_id,
        description,
        runbook_url,
        now,
    )
    return Service(*row.values()) if row else None


async def services(tx: Tx) -> list[Service]:
    return [Service(*r.values()) for r in await tx.fetch(f"select {_COLUMNS} from service order by name, id")]


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
    return [Service(*row.values()) for row in rows]


async def named(tx: Tx, text: str) -> Service | None:
    """Return the one service of exactly this name or slug, whatever its case; None when there is not one."""
    rows = await tx.fetch(
        f"select {_COLUMNS} from service where lower(name) = lower($1) or slug = lower($1) limit 2", text
    )
    return Service(*rows[0].values()) if len(rows) == 1 else None


async def services_by_id(tx: Tx, ids: Sequence[int]) -> dict[int, Service]:
    rows = await tx.fetch(f"select {_COLUMNS} from service where id = any($1::bigint[])", list(ids))
    return {row["id"]: Service(*row.values()) for row in rows}


async def by_slug(tx: Tx, slug: str) -> Service | None:
    row = await tx.row(f"select {_COLUMNS} from service where slug = $1", slug)
    return Service(*row.values()) if row else None


async def update(tx: Tx, service: Service) -> None:
    await tx.execute(
        "update service set team_id = $2, policy_id = $3, description = $4, runbook_url = $5 where id = $1",
        service.id,
        service.team_id,
        service.policy_id,
        service.description,
        service.runbook_url,
    )


async def has_policy(tx: Tx, policy_id: int) -> bool:
    """Say whether the policy exists; who it pages is a matter of paging."""
    return bool(await tx.value("select exists (select from policy where id = $1)", policy_id))
