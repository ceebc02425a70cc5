"""The SQL of the texts that an organization words itself."""

from datetime import datetime

from firebell.handbook.model import Own, Source
from firebell.kit.db import Row, Tx

_OWN = "id, body, source, changed_by, changed_at"


def _own(row: Row) -> Own:
    return Own(row["id"], row["body"], Source(row["source"]), row["changed_by"], row["changed_at"])


async def all_own(tx: Tx) -> list[Own]:
    return [_own(row) for row in await tx.fetch(f"select {_OWN} from own_template order by id")]


async def own(tx: Tx, template_id: str) -> Own | None:
    row = await tx.row(f"select {_OWN} from own_template where id = $1", template_id)
    return _own(row) if row else None


async def put(tx: Tx, template_id: str, body: str, source: Source, by: str, now: datetime) -> None:
    await tx.execute(
        "insert into own_template (id, body, source, changed_by, changed_at) values ($1, $2, $3, $4, $5)"
        " on conflict (id) do update set body = excluded.body, source = excluded.source,"
        " changed_by = excluded.changed_by, changed_at = excluded.changed_at",
        template_id,
        body,
        source,
        by,
        now,
    )


async def delete(tx: Tx, template_id: str) -> bool:
    """Remove an own text; say whether there was one."""
    done = await tx.execute("delete from own_template where id = $1", template_id)
    return done != "DELETE 0"


async def lock(tx: Tx) -> None:
    """Let one transaction change own texts at a time."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended('own_template', 0))")
