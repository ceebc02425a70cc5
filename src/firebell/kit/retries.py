"""When a message is tried again (pure; spec 7.11): one table for every subscription by webhook."""

from collections.abc import Sequence
from datetime import datetime, timedelta

HOOK_RETRIES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(timedelta(hours=h) for h in (2, 5, 10, 14, 20, 24)),
)
"""The waits of webhooks, spec 7.11; each is changed at random by up to 10%."""
JITTER = 0.1
LONGEST_RETRY_AFTER_S = 24 * 3600.0


def retry_at(
    waits: Sequence[timedelta],
    attempts: int,
    now: datetime,
    jitter: float,
    retry_after_s: float | None = None,
) -> datetime | None:
    """Return when to try again after `attempts`, None after the last; `jitter` is from -1 to 1.

    A receiver that names a later time is tried then.
    """
    if attempts > len(waits):
        return None
    wait = waits[attempts - 1] * (1 + JITTER * jitter)
    if retry_after_s is not None:
        wait = max(wait, timedelta(seconds=min(retry_after_s, LONGEST_RETRY_AFTER_S)))
    return now + wait
