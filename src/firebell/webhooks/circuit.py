"""When an endpoint that fails rests, and when it is disabled (pure; spec 10.13)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.webhooks.model import RESTS_AFTER

RESTS = tuple(timedelta(seconds=s) for s in (30, 60, 120, 300))
"""How long it rests after the first failures that make it rest, and after each failed probe that follows."""
DISABLED_AFTER = timedelta(days=3)
"""How long an endpoint may fail without a single success before it is disabled."""
GONE = 410


@dataclass(frozen=True, slots=True)
class Health:
    """Failures in a row, since when, and until when the endpoint rests."""

    failures: int = 0
    failing_since: datetime | None = None
    resting_until: datetime | None = None


def after(health: Health, *, is_ok: bool, now: datetime) -> Health:
    """Return the health after an attempt: one success ends the rest at once."""
    if is_ok:
        return Health()
    failures = health.failures + 1
    since = health.failing_since or now
    if failures < RESTS_AFTER:
        return Health(failures, since)
    rest = RESTS[min(failures - RESTS_AFTER, len(RESTS) - 1)]
    return Health(failures, since, max(now + rest, health.resting_until or now))


def disabled_because(health: Health, status: int | None, now: datetime, *, is_alone: bool = False) -> str:
    """Return why an endpoint is disabled after an attempt; empty if it stays as it is.

    `is_alone` if only one delivery failed: the receiver may refuse this one, and accept all others.
    """
    if status == GONE:
        return "It answered 410 Gone."
    if (
        not is_alone
        and health.failures >= RESTS_AFTER
        and health.failing_since
        and now - health.failing_since >= DISABLED_AFTER
    ):
        return f"It failed for {DISABLED_AFTER.days} days."
    return ""
