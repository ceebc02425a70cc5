"""When a mail or text to a subscriber is tried again, and given up (pure; spec 7.11); webhooks follow `kit.retries`."""

from datetime import timedelta

MAIL_RETRIES = tuple(timedelta(minutes=m) for m in (5, 15, 60, 240))
LOST_CLAIMS = 8
"""Leases in a row that may end without an outcome: a message may crash every process."""
GAVE_UP = f"Gave up after {LOST_CLAIMS} attempts; the outcome is unknown."
SMS_RETRIES = tuple(timedelta(minutes=m) for m in (1, 5, 15, 60))
