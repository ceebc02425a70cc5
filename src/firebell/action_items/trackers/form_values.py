"""What the forms of trackers contain."""

from collections.abc import Mapping
from typing import Any

from firebell.action_items.trackers.model import Direction, SyncField
from firebell.action_items.trackers.vendor import TrackerVendor
from firebell.kit.text import to_choice
from firebell.people.unit_of_work import Visit


def options(visit: Visit, vendor: TrackerVendor) -> dict[str, str]:
    """Return the options of a kind of tracker."""
    return {option.name: visit.text(f"option-{option.name}") for option in vendor.options}


def directions(visit: Visit) -> dict[str, str]:
    """Return the chosen direction of each field in the form."""
    return {
        str(name): visit.text(f"direction-{name}") or str(Direction.BOTH)
        for name in SyncField
        if f"direction-{name}" in visit.values
    }


def settings(visit: Visit, vendor: TrackerVendor, current: Mapping[SyncField, Direction]) -> dict[str, Any]:
    """Return the values of the form that changes a tracker; a field that it lacks keeps its direction."""
    kept = {str(name): str(direction) for name, direction in current.items()}
    values: dict[str, Any] = {
        "name": visit.text("name"),
        "is_private": "is_private" in visit.values,
        "links_new": "links_new" in visit.values,
        "team_id": to_choice(visit.values.get("team"), "team"),
        "options": options(visit, vendor),
        "directions": {**kept, **directions(visit)},
    }
    return {**values, "login": visit.text("login")} if vendor.login_label else values
