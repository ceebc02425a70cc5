"""How often and after which delays a delivery is tried again (pure)."""

RETRY_DELAYS_S = (2, 8, 30)
"""Delay after each failed attempt; after one more failure the delivery has failed."""


def retry_delay_s(attempts: int, requested_s: float | None, jitter: float) -> float | None:
    """Return the seconds until the next attempt, None if there is none after so many attempts.

    The delay that the provider requested comes first; otherwise `jitter`, around 1, spreads deliveries that failed
    together.
    """
    if attempts > len(RETRY_DELAYS_S):
        return None
    return requested_s or RETRY_DELAYS_S[max(0, attempts - 1)] * jitter
