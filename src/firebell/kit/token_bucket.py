"""Token buckets, which keep calls within a rate: a burst at once, then a steady flow (pure; time is a value)."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class CallRate:
    """`burst` calls at once, then `per_second`."""

    per_second: float
    burst: int


def per_minute(calls: float, burst: int) -> CallRate:
    """Return the rate of `burst` calls at once, then `calls` per minute."""
    return CallRate(calls / 60, burst)


@dataclass(frozen=True, slots=True)
class RateBucket:
    """The tokens as they were at `at`; no call is made before `closed_until`."""

    tokens: float
    at: datetime
    closed_until: datetime | None = None

    def refilled(self, rate: CallRate, now: datetime) -> "RateBucket":
        """Return the bucket with what it gained until `now`; a clock that went back takes nothing away."""
        elapsed_s = max(0.0, (now - self.at).total_seconds())
        tokens = min(float(rate.burst), self.tokens + elapsed_s * rate.per_second)
        return replace(self, tokens=tokens, at=max(now, self.at))

    def free_at(self, rate: CallRate, now: datetime, calls: int = 1) -> datetime:
        """Return the earliest time of the next `calls` calls, of a burst at most; `now` if at once."""
        needed, filled, at = min(calls, rate.burst), self.refilled(rate, now), now
        if filled.tokens < needed:
            at += timedelta(seconds=(needed - filled.tokens) / rate.per_second)
        return max(at, self.closed_until) if self.closed_until else at

    def after(self, rate: CallRate, now: datetime, calls: int = 1) -> "RateBucket":
        """Return the bucket after that many calls; the caller has checked `free_at`."""
        filled = self.refilled(rate, now)
        return replace(filled, tokens=filled.tokens - min(calls, rate.burst))

    def reserved(self, rate: CallRate, now: datetime, calls: int = 1) -> tuple["RateBucket", datetime]:
        """Return the bucket without the tokens of that many calls, and `now`.

        With too few of them, return the bucket closed until there are enough, and that instant.
        """
        free_at = self.free_at(rate, now, calls)
        if free_at > now:
            return replace(self.refilled(rate, now), closed_until=free_at), free_at
        return self.after(rate, now, calls), now

    def given_back(self, rate: CallRate, now: datetime) -> "RateBucket":
        """Return the bucket with the token of a call that cost nothing."""
        filled = self.refilled(rate, now)
        return replace(filled, tokens=min(float(rate.burst), filled.tokens + 1))

    def closed(self, rate: CallRate, until: datetime, now: datetime) -> "RateBucket":
        """Return the bucket after a call was refused as too fast: nothing before `until`, then one call at once."""
        filled = self.refilled(rate, now)
        return replace(filled, tokens=min(filled.tokens, 1.0), closed_until=until)


def full(rate: CallRate, now: datetime) -> RateBucket:
    """Return a bucket that was never used."""
    return RateBucket(float(rate.burst), now)
