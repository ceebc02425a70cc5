"""The ids of alerts as Opsgenie's clients see them: UUIDs that encode the number of the alert."""

from uuid import UUID

_ID_PREFIX = 0x66697265_6265_8000_8C6C << 48
"""The beginning of the ids of alerts; the rest is the number of the alert."""
_MAX_ALERT_ID = 2**48


def alert_uuid(alert_id: int) -> str:
    """Return the id of an alert as clients see it."""
    return str(UUID(int=_ID_PREFIX | alert_id))


def alert_id_of(text: str) -> int | None:
    """Return the number of the alert with this id, or None if it is not an id of an alert."""
    try:
        number = UUID(text).int
    except ValueError:
        return None
    alert_id = number ^ _ID_PREFIX
    return alert_id if 0 < alert_id < _MAX_ALERT_ID else None
