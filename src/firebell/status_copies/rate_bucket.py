"""The token bucket of an API key (spec 7.17); pure, time is a value."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

CLOSED_FOR_S = 30
"""How long a key rests after a refusal for too many calls that names no time."""
CLOSED_AT_MOST_S = 3600


@dataclass(frozen=True, slots=True)
class CallRate:
    """`burst` calls at once, then `per_second`."""

    per_second: float
    burst: int


@dataclass(frozen=True, slots=True)
class RateBucket:
    """The tokens of a key as they were at `at`; no call is made before `closed_until`."""

    tokens: float
    at: datetime
    closed_until: datetime | None = None

    def refilled(self, rate: CallRate, now: datetime) -> "RateBucket":
        """Return the bucket with what it gained until `now`; a clock that went back takes nothing away."""
        elapsed_s = max(0.0, (now - self.at).total_seconds())
        tokens = min(float(rate.burst), self.tokens + elapsed_s * rate.per_second)
        return replace(self, tokens=tokens, at=max(now, self.at))


def full(rate: CallRate, now: datetime) -> RateBucket:
    """Return a bucket that was never used."""
    return RateBucket(float(rate.burst), now)


def take(bucket: RateBucket, rate: CallRate, calls: int, now: datetime) -> tuple[RateBucket, datetime | None]:
    """Return the bucket after `calls` calls and None, or the same bucket and when they may be made."""
    filled = bucket.refilled(rate, now)
    needed = min(calls, rate.burst)
    free_at = now
    if filled.tokens < needed:
        free_at = now + timedelta(seconds=(needed - filled.tokens) / rate.per_second)
    if filled.closed_until is not None:
        free_at = max(free_at, filled.closed_until)
    if free_at > now:
        return filled, free_at
    return replace(filled, tokens=filled.tokens - needed), None


def closed(bucket: RateBucket, rate: CallRate, after_s: float | None, now: datetime) -> RateBucket:
    """Return the bucket after the provider refused a call for too many calls."""
    pause_s = min(CLOSED_FOR_S if after_s is None else after_s, CLOSED_AT_MOST_S)
    filled = bucket.refilled(rate, now)
    return replace(filled, tokens=min(filled.tokens, 1.0), closed_until=now + timedelta(seconds=pause_s))
