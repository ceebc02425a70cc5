"""How long an API key rests after its provider refused a call as too fast (pure; spec 7.17)."""

from datetime import datetime, timedelta

from firebell.kit.token_bucket import CallRate, RateBucket

CLOSED_FOR_S = 30
"""How long a key rests after a refusal for too many calls that names no time."""
CLOSED_AT_MOST_S = 3600


def closed(bucket: RateBucket, rate: CallRate, after_s: float | None, now: datetime) -> RateBucket:
    """Return the bucket after the provider refused a call for too many calls."""
    pause_s = min(CLOSED_FOR_S if after_s is None else after_s, CLOSED_AT_MOST_S)
    return bucket.closed(rate, now + timedelta(seconds=pause_s), now)
