"""The SQL of runbooks."""

from dataclasses import dataclass
from datetime import datetime

from firebell.kit.db import Tx

_COLUMNS = "slug, body, source, version, updated_at, updated_by"


@dataclass(frozen=True, slots=True)
class Own:
    """What an organization keeps under a slug; without a body the shipped runbook is taken out."""

    slug: str
    body: str | None
    source: str
    version: int
    updated_at: datetime
    updated_by: str


async def everything(tx: Tx) -> list[Own]:
    return [Own(*r.values()) for r in await tx.fetch(f"select {_COLUMNS} from runbook order by slug")]


async def own(tx: Tx, slug: str) -> Own | None:
    row = await tx.row(f"select {_COLUMNS} from runbook where slug = $1", slug)
    return Own(*row.values()) if row else None


async def lock(tx: Tx) -> None:
    """Let one transaction at a time change the library; readers go on."""
    await tx.execute("lock table runbook in share row exclusive mode")


async def put(tx: Tx, slug: str, body: str | None, source: str, by: str, now: datetime) -> None:
    """Write what is kept under a slug; the version rises by one."""
    await tx.execute(
        "insert into runbook (slug, body, source, version, updated_at, updated_by) values ($1, $2, $3, 1, $4, $5)"
        " on conflict (slug) do update set body = $2, source = $3, version = runbook.version + 1,"
        " updated_at = $4, updated_by = $5",
        slug,
        body,
        source,
        now,
        by,
    )


async def delete(tx: Tx, slug: str) -> bool:
    """Keep nothing under a slug; say whether something was kept."""
    return await tx.execute("delete from runbook where slug = $1", slug) == "DELETE 1"
