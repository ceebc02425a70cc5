"""When a mail or text to a subscriber is tried again, and given up (pure; spec 7.11); webhooks follow `kit.retries`."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from firebell.kit.retries import retry_at
from firebell.subscribers.delivery_store import DeliveryOutcome
from firebell.subscribers.model import ClaimedDelivery

MAIL_RETRIES = tuple(timedelta(minutes=m) for m in (5, 15, 60, 240))
LOST_CLAIMS = 8
"""Leases in a row that may end without an outcome: a message may crash every process."""
GAVE_UP = f"Gave up after {LOST_CLAIMS} attempts; the outcome is unknown."
SMS_RETRIES = tuple(timedelta(minutes=m) for m in (1, 5, 15, 60))


def after_error(
    delivery: ClaimedDelivery, error: Exception, waits: Sequence[timedelta], now: datetime, jitter: float
) -> DeliveryOutcome:
    """Return the outcome of a delivery that failed within this process, so that those beside it are recorded."""
    again_at = retry_at(waits, delivery.attempts + 1, now, jitter)
    reason = f"Sending failed: {type(error).__name__}"
    return DeliveryOutcome(
        delivery, reason, is_failed=again_at is None, retry_at=again_at, blames_address=False
    )
