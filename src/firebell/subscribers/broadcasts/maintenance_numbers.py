"""The numbers of broadcasts about one maintenance window: reminders lie between two updates (pure)."""

from firebell.status_pages.maintenance_windows.model import MAX_REMINDERS

_STEP = MAX_REMINDERS + 1


def of_update(seq: int) -> int:
    """Return the number of the broadcast of an update."""
    return seq * _STEP


def of_reminder(seq: int, place: int) -> int:
    """Return the number of a reminder after the update `seq`; `place` counts the reminders of a window from 0."""
    return seq * _STEP + 1 + place


def has_text_of(number: int, seq: int) -> bool:
    """Return True if a broadcast has the text of an update: reminders have that of the first one."""
    place, reminder = divmod(number, _STEP)
    return seq == 1 if reminder else place == seq
