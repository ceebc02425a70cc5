"""The SQL of an organization's own templates."""

from datetime import datetime

from firebell.handbook.model import OwnTemplate, TemplateSource
from firebell.kit.db.database import Row, Tx

_COLUMNS = "id, body, source, changed_by, changed_at"


def _from_row(row: Row) -> OwnTemplate:
    return OwnTemplate(**{**dict(row), "source": TemplateSource(row["source"])})


async def all_own(tx: Tx) -> list[OwnTemplate]:
    """Return the organization's own templates by id."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from own_template
        order by id
        """
    )
    return [_from_row(row) for row in rows]


async def own(tx: Tx, template_id: str) -> OwnTemplate | None:
    """Return the organization's own text of a template, None if it uses the default."""
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from own_template
        where id = $1
        """,
        template_id,
    )
    return _from_row(row) if row else None


async def put(tx: Tx, template_id: str, body: str, source: TemplateSource, by: str, now: datetime) -> None:
    """Insert or replace the organization's own text of a template."""
    await tx.execute(
        """
        insert into own_template (id, body, source, changed_by, changed_at)
        values ($1, $2, $3, $4, $5)
        on conflict (id) do update
        set body = excluded.body,
            source = excluded.source,
            changed_by = excluded.changed_by,
            changed_at = excluded.changed_at
        """,
        template_id,
        body,
        source,
        by,
        now,
    )


async def delete(tx: Tx, template_id: str) -> bool:
    """Delete the organization's own text of a template; return True if there was one."""
    changed = await tx.changed("delete from own_template where id = $1", template_id)
    return changed == 1


async def lock(tx: Tx) -> None:
    """Serialize changes of templates until the end of the transaction."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended('own_template', 0))")
