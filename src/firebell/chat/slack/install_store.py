"""The SQL of installations of the Slack app that were begun."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from firebell.chat import store
from firebell.kit.db.database import Tx
from firebell.kit.jobs.pruning import Retention, by_index
from firebell.kit.jobs.retention_store import count_rows

KEPT_DAYS = 1


async def insert(
    tx: Tx, nonce: str, person_id: int, secrets: Mapping[str, str], expires_at: datetime
) -> None:
    """Store the secrets of an installation that a person begins, sealed."""
    sealed = (await store.sealer(tx)).seal(msgspec.json.encode(secrets), f"install/{nonce}")
    await tx.execute(
        """
        insert into chat_install (nonce, person_id, secrets, expires_at)
        values ($1, $2, $3, $4)
        """,
        nonce,
        person_id,
        sealed,
        expires_at,
    )


async def take(tx: Tx, nonce: str, person_id: int, now: datetime) -> dict[str, Any] | None:
    """Delete an installation and return its secrets; None if it was used, has expired, or is someone else's."""
    row = await tx.row(
        """
        delete from chat_install
        where nonce = $1
            and person_id = $2
        returning secrets, expires_at
        """,
        nonce,
        person_id,
    )
    if row is None or row["expires_at"] <= now:
        return None
    opened = (await store.sealer(tx)).open(row["secrets"], f"install/{nonce}")
    secrets: dict[str, Any] = msgspec.json.decode(opened)
    return secrets


async def delete_expired(tx: Tx, before: datetime, limit: int) -> int:
    """Delete installations that expired before an instant; return their number."""
    return await tx.changed(
        """
        delete from chat_install
        where nonce in (
            select nonce
            from chat_install
            where expires_at < $1
            order by expires_at
            limit $2
        )
        """,
        before,
        limit,
    )


count_expired = count_rows(
    """
    select
    from chat_install
    where expires_at < $1
    limit $2
    """
)


RETENTIONS = (
    Retention(
        "chat_install",
        KEPT_DAYS,
        by_index(delete_expired),
        label="Installations of the Slack app that were not finished",
        count=count_expired,
    ),
)
