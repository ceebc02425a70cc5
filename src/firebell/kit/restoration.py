"""Messages from before an old backup was restored, whose numbers can be those of other things now (pure)."""

from datetime import datetime, timedelta

CLOCK_TOLERANCE = timedelta(minutes=1)
"""How far the clocks of two processes may differ."""


def is_lost(named_at: datetime | None, began_at: datetime) -> bool:
    """Return True if what a message named by its number was lost, because what has the number now began later.

    `named_at` is when the message was composed, or when what it names began; None stands for a message of an earlier
    release, which does not say.
    """
    return named_at is not None and began_at > named_at + CLOCK_TOLERANCE
