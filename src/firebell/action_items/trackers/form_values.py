"""What the forms of trackers contain."""

from collections.abc import Mapping
from typing import Any

from firebell.action_items.trackers.credentials import EnteredCredentials
from firebell.action_items.trackers.model import AuthMethod, Direction, SyncField
from firebell.action_items.trackers.vendor import TrackerVendor
from firebell.kit.errors import Invalid
from firebell.kit.text import to_choice
from firebell.people.unit_of_work import Visit


def auth_method(text: str, vendor: TrackerVendor, default: AuthMethod = AuthMethod.TOKEN) -> AuthMethod:
    """Return the way to sign in that a form or an address names; the default if the tracker has no such way."""
    return next((method for method in vendor.auth_methods if method == text), default)


def credentials(visit: Visit) -> EnteredCredentials:
    """Return the credentials of a form; raise `Invalid` for a way to sign in that does not exist."""
    auth = visit.text("auth") or str(AuthMethod.TOKEN)
    if auth not in list(AuthMethod):
        text = "Choose how Firebell signs in."
        raise Invalid(text, fields={"auth": text})
    return EnteredCredentials(
        AuthMethod(auth),
        visit.text("token"),
        visit.text("client_id"),
        visit.text("private_key"),
        visit.text("client_secret"),
    )


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
    return {**values, "login": visit.text("login")} if "login" in visit.values else values
