"""The SQL that restores an integration key."""

from datetime import datetime

from firebell.kit.db import Tx


async def restore_integration(
    tx: Tx, service_id: int, integration_id: int, revoked_after: datetime
) -> str | None:
    """Put a key in force that was revoked after this instant; return its name, None if there is none."""
    name: str | None = await tx.value(
        """
        update integration
        set revoked_at = null
        where id = $2
          and service_id = $1
          and revoked_at > $3
        returning name
        """,
        service_id,
        integration_id,
        revoked_after,
    )
    return name
