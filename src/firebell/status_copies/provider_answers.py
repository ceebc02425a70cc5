"""What the answer of a provider means for a call (pure; spec 7.17)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from firebell.kit.token_bucket import CallRate, RateBucket

CLOSED_FOR_S = 30
"""How long a key rests after a refusal for too many calls that names no time."""
CLOSED_AT_MOST_S = 3600


ERROR_MAX_CHARS = 300
_TOO_FAST = frozenset({420, 429})
_PASSING = frozenset({408, 425})


class Outcome(StrEnum):
    """The outcome of a call. After `unknown`, the provider may have done it; after the others but `ok`, it has not."""

    OK = "ok"
    RETRY = "retry"
    TOO_FAST = "too_fast"
    UNKNOWN = "unknown"
    REFUSED = "refused"
    GONE = "gone"
    KEY_REFUSED = "key_refused"


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of a call, its JSON if it has some, and the reason otherwise."""

    outcome: Outcome
    document: Any = None
    reason: str = ""
    after_s: float | None = None


def not_sent(reason: str) -> Answer:
    """Return the answer of a call that never reached the provider."""
    return Answer(Outcome.RETRY, reason=reason[:ERROR_MAX_CHARS])


def lost(reason: str, *, is_write: bool) -> Answer:
    """Return the answer of a call whose response did not arrive."""
    outcome = Outcome.UNKNOWN if is_write else Outcome.RETRY
    return Answer(outcome, reason=reason[:ERROR_MAX_CHARS])


def read_answer(status: int, text: str, retry_after: str, *, is_write: bool) -> Answer:
    """Return what an HTTP response means. A success without a JSON object or list counts as lost."""
    reason = f"{status}: {' '.join(text.split())}"[:ERROR_MAX_CHARS]
    if 200 <= status < 300:
        try:
            document = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return lost(f"The answer is not JSON. {reason}", is_write=is_write)
        if not isinstance(document, dict | list):
            return lost(f"The answer has no object. {reason}", is_write=is_write)
        return Answer(Outcome.OK, document)
    if status in (401, 403):
        return Answer(Outcome.KEY_REFUSED, reason=reason)
    if status in _TOO_FAST:
        return Answer(Outcome.TOO_FAST, reason=reason, after_s=_seconds(retry_after))
    if status in (404, 410):
        return Answer(Outcome.GONE, reason=reason)
    if status in _PASSING or status >= 500:
        return lost(reason, is_write=is_write)
    return Answer(Outcome.REFUSED, reason=reason)


def _seconds(retry_after: str) -> float | None:
    text = retry_after.strip()
    return float(text) if text.isascii() and text.isdecimal() and len(text) < 7 else None


def closed(bucket: RateBucket, rate: CallRate, after_s: float | None, now: datetime) -> RateBucket:
    """Return the bucket after the provider refused a call for too many calls."""
    pause_s = min(CLOSED_FOR_S if after_s is None else after_s, CLOSED_AT_MOST_S)
    return bucket.closed(rate, now + timedelta(seconds=pause_s), now)
