"""Times that a person types and reads at a terminal, in the time zone of this machine."""

import os
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def machine_zone() -> ZoneInfo | None:
    """Return the time zone that TZ or the system names; None when it names none that is known."""
    return _zone(os.environ.get("TZ"))


@cache
def _zone(tz: str | None) -> ZoneInfo | None:
    """Return the zone while TZ is `tz`: a table asks for each of its cells, and the system's files are slow."""
    import tzlocal

    try:
        return tzlocal.reload_localzone()
    except ZoneInfoNotFoundError:
        return None


def typed_instant(text: str) -> datetime:
    """Return an ISO 8601 time as an instant in UTC; without an offset it is a wall time of this machine.

    A wall time that comes twice means its first coming and one that the clocks skip means the instant of the
    jump, as everywhere in Firebell (docs/time.md). Raises `ValueError` or `OverflowError`.
    """
    from firebell.kit.localtime import to_instant

    at = datetime.fromisoformat(text)
    zone = machine_zone()
    if at.tzinfo or zone is None:
        return at.astimezone(UTC)
    return to_instant(at, zone.key)


def shown(instant: datetime, form: str) -> str:
    """Return an instant as this machine's clock shows it, with the offset where the clock shows it twice."""
    at = instant.astimezone(machine_zone())
    repeated = at.replace(fold=0).utcoffset() != at.replace(fold=1).utcoffset()
    return at.strftime(f"{form} %z" if repeated else form)
