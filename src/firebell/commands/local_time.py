"""Parsing and formatting of times at a terminal, in this machine's time zone."""

import os
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def machine_zone() -> ZoneInfo | None:
    """Return the time zone of TZ or the system, None if it is unknown."""
    return _zone(os.environ.get("TZ"))


@cache
def _zone(tz: str | None) -> ZoneInfo | None:
    """Return the zone, cached per value of TZ: a table needs it for each cell, and reading it is slow."""
    import tzlocal

    try:
        return tzlocal.reload_localzone()
    except ZoneInfoNotFoundError:
        return None


def typed_instant(text: str) -> datetime:
    """Return an ISO 8601 time as an instant in UTC; without an offset it is local time of this machine.

    A repeated local time means its first occurrence and a skipped one the instant of the change, as everywhere
    in Firebell (docs/time.md). Raises `ValueError` or `OverflowError`.
    """
    from firebell.kit.localtime import to_instant

    at = datetime.fromisoformat(text)
    zone = machine_zone()
    if at.tzinfo or zone is None:
        return at.astimezone(UTC)
    return to_instant(at, zone.key)


def format_time(instant: datetime, form: str) -> str:
    """Return an instant in this machine's time zone, with the offset if that local time is repeated."""
    at = instant.astimezone(machine_zone())
    repeated = at.replace(fold=0).utcoffset() != at.replace(fold=1).utcoffset()
    return at.strftime(f"{form} %z" if repeated else form)
