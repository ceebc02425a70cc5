"""The values of an item and of its issue in the words of the tracker, which are compared (pure; spec 11.10)."""

from collections.abc import Mapping

from firebell.action_items.model import ActionItem
from firebell.action_items.trackers.model import (
    NO_ONE,
    UNKNOWN_PERSON,
    Direction,
    RemoteIssue,
    SyncField,
    Tracker,
    TrackerUser,
    Value,
)
from firebell.action_items.trackers.vendor import TrackerVendor


def directions(vendor: TrackerVendor, tracker: Tracker) -> dict[SyncField, Direction]:
    """Return in which direction each field is synced: as chosen, as far as the tracker can."""
    chosen = {}
    for name, possible in vendor.api.limits(tracker).items():
        wanted = tracker.directions.get(name, Direction.BOTH)
        if possible is Direction.BOTH or wanted is Direction.OFF:
            chosen[name] = wanted
        else:
            chosen[name] = Direction.OUT if wanted in (Direction.BOTH, Direction.OUT) else Direction.OFF
    return chosen


def our_assignee(owner_id: int | None, users: Mapping[int, TrackerUser]) -> Value:
    """Return the user of an owner, or a value that stands for a person who is not a known user."""
    if owner_id is None:
        return NO_ONE
    user = users.get(owner_id)
    return user.external_id if user and user.external_id else f"{UNKNOWN_PERSON}{owner_id}"


def our_values(
    item: ActionItem, vendor: TrackerVendor, users: Mapping[int, TrackerUser]
) -> dict[SyncField, Value]:
    """Return the values of an item."""
    return {
        SyncField.TITLE: item.title,
        SyncField.STATE: str(vendor.api.express(item.state)),
        SyncField.ASSIGNEE: our_assignee(item.owner_id, users),
        SyncField.DUE: item.due.isoformat(),
        SyncField.PRIORITY: str(int(item.priority)),
    }


def their_values(issue: RemoteIssue, ours: Mapping[SyncField, Value]) -> dict[SyncField, Value]:
    """Return the values of an issue. One of several assignees is enough to agree; no priority says nothing."""
    assignees = [user.id for user in issue.assignees]
    mine = ours[SyncField.ASSIGNEE]
    values = {
        SyncField.TITLE: issue.title,
        SyncField.STATE: str(issue.state),
        SyncField.ASSIGNEE: mine if mine in assignees else (assignees or [NO_ONE])[0],
        SyncField.DUE: issue.due.isoformat() if issue.due else "",
        SyncField.PRIORITY: issue.priority,
    }
    missing = issue.lacks | (frozenset() if issue.priority else {SyncField.PRIORITY})
    return {name: value for name, value in values.items() if name not in missing}
