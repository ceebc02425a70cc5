"""Messages from before a backup was restored, whose numbers may now belong to something else (pure)."""

from datetime import datetime, timedelta

CLOCK_TOLERANCE = timedelta(minutes=1)
"""How far the clocks of two processes may differ."""


def is_lost(named_at: datetime | None, began_at: datetime) -> bool:
    """Return True if the subject of a message was lost, because what has its number now began later.

    `named_at` is when the message was composed, or when its subject began; None stands for a message from an earlier
    release, which doesn't say.
    """
    return named_at is not None and began_at > named_at + CLOCK_TOLERANCE
