"""The SQL of what admins allow beyond the hourly limits of codes and tests."""

from datetime import datetime

from firebell.kit.db.database import Reads, Row, Tx
from firebell.notify.hourly_limits.rules import CodeAllowance, LimitScope

_COLUMNS = "id, scope, value, created_at, created_by, expires_at"


def _allowance(row: Row) -> CodeAllowance:
    return CodeAllowance(
        id=row["id"],
        scope=LimitScope(row["scope"], row["value"]),
        created_at=row["created_at"],
        created_by=row["created_by"],
        expires_at=row["expires_at"],
    )


async def put(
    tx: Tx, scope: LimitScope, created_by: str, now: datetime, expires_at: datetime
) -> CodeAllowance:
    """Store an allowance in place of an earlier one, and delete those that have expired."""
    await tx.execute("delete from code_allowance where expires_at <= $1", now)
    row = await tx.row(
        f"""
        insert into code_allowance (scope, value, created_at, created_by, expires_at)
        values ($1, $2, $3, $4, $5)
        on conflict (scope, value) do update
        set created_at = excluded.created_at,
            created_by = excluded.created_by,
            expires_at = excluded.expires_at
        returning {_COLUMNS}
        """,
        scope.kind,
        scope.value,
        now,
        created_by,
        expires_at,
    )
    assert row
    return _allowance(row)


async def in_force(tx: Reads, now: datetime) -> list[CodeAllowance]:
    """Return the allowances that have not expired, by what they allow."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from code_allowance
        where expires_at > $1
        order by scope, value
        """,
        now,
    )
    return [_allowance(row) for row in rows]


async def delete(tx: Tx, allowance_id: int) -> CodeAllowance | None:
    """Delete and return an allowance, None if there is none."""
    row = await tx.row(f"delete from code_allowance where id = $1 returning {_COLUMNS}", allowance_id)
    return _allowance(row) if row else None
