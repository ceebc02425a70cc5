"""The SQL of when updates of an incident begin to be due again."""

from datetime import datetime

from firebell.kit.db.database import Tx


async def reopened_at(tx: Tx, incident_id: int) -> datetime | None:
    """Return when a closed incident was last reopened, None for never."""
    at: datetime | None = await tx.value(
        """
        select max(effective_at)
        from incident_transition
        where incident_id = $1
            and before = 'closed'
            and after = 'investigating'
        """,
        incident_id,
    )
    return at
