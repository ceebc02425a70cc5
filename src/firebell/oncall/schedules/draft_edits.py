"""What the buttons of the schedule editor do to a draft (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from firebell.oncall.model import Layer, Window
from firebell.oncall.schedules.editor_form import EVERY_DAY, window

WEEKDAYS = frozenset(range(5))
FRIDAY = frozenset({4})
ACTIVE_HOURS: Mapping[str, tuple[str, tuple[Window, ...]]] = {
    "always": ("24/7", ()),
    "business": ("Business hours", (window("09:00", "17:00", WEEKDAYS),)),
    "nights": ("Nights", (window("17:00", "09:00", WEEKDAYS - FRIDAY),)),
    "weekends": ("Weekends", (window("17:00", "09:00", FRIDAY, 3),)),
    "every-night": ("Every night", (window("17:00", "09:00", EVERY_DAY),)),
}
"""Label and windows of the active hours that a button fills in; the first four together cover a week."""


def pressed(button: str) -> tuple[str, int | None]:
    """Return what a button such as `up-1` does, and to which layer of the form; None for no button."""
    what, _, index = button.rpartition("-")
    return what, int(index) if index.isascii() and index.isdecimal() and len(index) < 4 else None


def edited(layers: Sequence[Layer], what: str, at: int) -> tuple[list[Layer], int | None]:
    """Return the layers after a button, and the position of the layer that it concerns.

    The buttons are up, down, copy, remove, and `hours-` with a key of `ACTIVE_HOURS`, which also name a layer
    without a name; an unknown one, or a position that does not exist, changes nothing.
    """
    result = list(layers)
    if not 0 <= at < len(result):
        return result, None
    match what:
        case "up" if at > 0:
            result[at - 1], result[at] = result[at], result[at - 1]
            return result, at - 1
        case "down" if at + 1 < len(result):
            result[at + 1], result[at] = result[at], result[at + 1]
            return result, at + 1
        case "copy":
            result.insert(at + 1, replace(result[at], id=0))
            return result, at + 1
        case "remove":
            del result[at]
            return result, min(at, len(result) - 1) if result else None
        case _ if (hours := ACTIVE_HOURS.get(what.removeprefix("hours-"))) and what.startswith("hours-"):
            label, windows = hours
            result[at] = replace(
                result[at], windows=windows, name=result[at].name or (label if windows else "")
            )
    return result, at
