"""Undo for a few seconds: the audit entry of an action holds what takes it back."""

from datetime import datetime, timedelta
from typing import Any

from firebell.kit.db import Tx
from firebell.kit.errors import Conflict
from firebell.kit.events import Actor

UNDO_WITHIN = timedelta(seconds=10)
"""How long the button that undoes an action is offered."""
ACCEPTED_WITHIN = UNDO_WITHIN + timedelta(seconds=5)
"""How long it is accepted: a press in the last moment may need some seconds to arrive."""


async def recorded(tx: Tx, actor: Actor, action: str, subject: str, now: datetime) -> dict[str, Any]:
    """Return the detail of the actor's newest audit entry of this action; raise `Conflict` when it is too old."""
    row = await tx.row(
        """
        select detail
        from audit
        where subject = $1
          and action = $2
          and actor_id = $3
          and at > $4
        order by id desc
        limit 1
        """,
        subject,
        action,
        actor.person_id,
        now - ACCEPTED_WITHIN,
    )
    if row is None:
        raise Conflict(
            "This can’t be undone any more.",
            hint=f"Undo is offered for {int(UNDO_WITHIN.total_seconds())} seconds, to the person who acted.",
        )
    detail: dict[str, Any] = row["detail"]
    return detail
