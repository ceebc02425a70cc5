"""The SQL of runbooks."""

from dataclasses import dataclass
from datetime import datetime

from firebell.kit.db.database import Tx

_COLUMNS = "slug, body, source, version, updated_at, updated_by"


@dataclass(frozen=True, slots=True)
class OwnRunbook:
    """An organization's own text of a runbook; `body` is None if it hides the default one."""

    slug: str
    body: str | None
    source: str
    version: int
    updated_at: datetime
    updated_by: str


async def all_own(tx: Tx) -> list[OwnRunbook]:
    """Return all own runbooks by slug, hidden ones too."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from runbook
        order by slug
        """
    )
    return [OwnRunbook(**dict(row)) for row in rows]


async def own(tx: Tx, slug: str) -> OwnRunbook | None:
    """Return the own runbook of a slug, None if there is none."""
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from runbook
        where slug = $1
        """,
        slug,
    )
    return OwnRunbook(**dict(row)) if row else None


async def lock(tx: Tx) -> None:
    """Serialize changes of the library until the end of the transaction; readers do not wait."""
    await tx.execute("lock table runbook in share row exclusive mode")


async def put(tx: Tx, slug: str, body: str | None, source: str, by: str, now: datetime) -> None:
    """Insert or replace the own runbook of a slug; the version rises by one."""
    await tx.execute(
        """
        insert into runbook (slug, body, source, version, updated_at, updated_by)
        values ($1, $2, $3, 1, $4, $5)
        on conflict (slug) do update
        set body = $2,
            source = $3,
            version = runbook.version + 1,
            updated_at = $4,
            updated_by = $5
        """,
        slug,
        body,
        source,
        now,
        by,
    )


async def delete(tx: Tx, slug: str) -> bool:
    """Delete the own runbook of a slug; return True if there was one."""
    changed = await tx.changed("delete from runbook where slug = $1", slug)
    return changed == 1
