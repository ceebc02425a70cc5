"""Writes durations and elapsed time for people, and reads durations of forms (pure)."""

from datetime import datetime, timedelta

from firebell.kit.text import to_number


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


def minutes_text(seconds: int) -> str:
    """Return seconds as the form shows them: "5" for minutes, "1:30" if seconds are left over."""
    minutes, rest = divmod(seconds, 60)
    return f"{minutes}:{rest:02}" if rest else str(minutes)


def to_seconds(text: str, field: str) -> int:
    """Return the seconds of a field such as "5" or "1:30"; raise `Invalid` naming the field."""
    minutes, colon, rest = text.strip().partition(":")
    seconds = to_number(minutes, field, least=1, most=1440, unit="minutes") * 60
    if colon:
        seconds += to_number(rest, field, most=59, unit="seconds")
    return seconds
