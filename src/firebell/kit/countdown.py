"""Formats remaining time: `in 2:41` before the end, never a negative number after it (pure).

`static/js/countdowns.js` formats the same way while a page is open; one table tests both.
"""

from datetime import timedelta

_HOURS_IN_FULL = 48


def stopwatch(length: timedelta) -> str:
    """Return the absolute duration as 2:41, 1:02:41, or 3 d 4 h from two days on."""
    seconds = int(abs(length.total_seconds()))
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= _HOURS_IN_FULL:
        return f"{hours // 24} d {hours % 24} h"
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def countdown(left: timedelta, *, promise: bool = False) -> str:
    """Return `in 2:41` before the end; after it, `now`, or `overdue 1:31` if it was a promise."""
    second = timedelta(seconds=1)
    if left >= second:
        return f"in {stopwatch(left)}"
    return f"overdue {stopwatch(left)}" if promise and left <= -second else "now"
