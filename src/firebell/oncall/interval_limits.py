"""Limits for the interval of an override, cover request, swap, absence or shadow (pure)."""

from datetime import datetime, timedelta

from firebell.kit.errors import Invalid

MAX_INTERVAL = timedelta(days=366)


def check_interval(what: str, start: datetime, end: datetime, now: datetime) -> None:
    """Raise Invalid if `[start, end)` is empty, over, or longer than a year; `what` names it."""
    if end <= start:
        raise Invalid(f"The {what} ends before it starts.", fields={"end": "Choose a later end."})
    if end <= now:
        raise Invalid(f"The {what} is already over.", fields={"end": "Choose an end in the future."})
    if end - start > MAX_INTERVAL:
        raise Invalid(
            f"The {what} is longer than a year.",
            fields={"end": "Choose an end within 366 days of the start."},
        )
