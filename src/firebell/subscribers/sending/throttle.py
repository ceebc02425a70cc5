"""How fast mails go to the relay: a token bucket, slowed down by the relay's answers (pure; spec 7.12)."""

from dataclasses import dataclass, replace

DEFAULT_RATE, DEFAULT_BURST = 50.0, 100.0
LEAST_RATE = 1.0
PAUSE_S = 60.0
"""How long nothing is sent after the relay asked to slow down."""
RECOVERY_MAILS, RECOVERY_FACTOR = 1000, 1.1
DOMAIN_RATE, DOMAIN_BURST = 20.0, 20.0


@dataclass(frozen=True, slots=True)
class TokenBucket:
    """`tokens` at the instant `at`, in seconds of a monotonic clock."""

    tokens: float
    at: float


def take(bucket: TokenBucket, now: float, rate: float, burst: float, n: float) -> tuple[TokenBucket, float]:
    """Return the bucket after taking `n` tokens and 0, or the bucket as it is and how many seconds to wait.

    More than `burst` tokens are never there at once: the wait is then for the first part.
    """
    tokens = min(burst, bucket.tokens + max(0.0, now - bucket.at) * rate)
    if tokens >= n:
        return TokenBucket(tokens - n, now), 0.0
    return TokenBucket(tokens, now), (n - tokens) / rate


def available(bucket: TokenBucket, now: float, rate: float, burst: float) -> int:
    """Return how many whole tokens a bucket has."""
    return int(min(burst, bucket.tokens + max(0.0, now - bucket.at) * rate) + 1e-9)


@dataclass(frozen=True, slots=True)
class RelayPace:
    """The rate of one relay: halved when it asks to slow down, raised again with what it accepts."""

    full_rate: float = DEFAULT_RATE
    rate: float = DEFAULT_RATE
    paused_until: float = 0.0
    accepted: int = 0

    def slowed(self, now: float) -> "RelayPace":
        """Return the pace after an answer such as 421: half the rate, after a minute without mails."""
        return replace(self, rate=max(LEAST_RATE, self.rate / 2), paused_until=now + PAUSE_S, accepted=0)

    def after(self, mails: int) -> "RelayPace":
        """Return the pace after `mails` more were accepted: 10% faster for each 1,000, up to the full rate."""
        steps, accepted = divmod(self.accepted + mails, RECOVERY_MAILS)
        rate = min(self.full_rate, self.rate * RECOVERY_FACTOR**steps)
        return replace(self, rate=rate, accepted=accepted)
