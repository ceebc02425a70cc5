"""Writes durations and elapsed time for people (pure)."""

from datetime import datetime, timedelta


def duration(length: timedelta) -> str:
    """Return a duration in its two largest units, such as 3 d 4 h, 2 h 5 min, 9 min or 40 s; 0 s if negative."""
    seconds = max(0, int(length.total_seconds()))
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min" if minutes else f"{seconds} s"


def exact(seconds: int) -> str:
    """Return a setting in the largest unit that shows all of it, such as 90 s, 5 min or 2 h."""
    if seconds and seconds % 3600 == 0:
        return f"{seconds // 3600} h"
    return f"{seconds // 60} min" if seconds and seconds % 60 == 0 else f"{seconds} s"


def ago(at: datetime, now: datetime) -> str:
    """Return the time elapsed before `now`, such as 9 min ago; just now in the first minute."""
    passed = now - at
    return "just now" if passed < timedelta(minutes=1) else f"{duration(passed)} ago"
