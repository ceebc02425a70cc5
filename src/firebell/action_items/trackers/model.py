"""Trackers, links, issues and the values that are synced (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from firebell.action_items.model import ItemState


class SyncField(StrEnum):
    """A field of an item that has a counterpart in trackers."""

    TITLE = "title"
    STATE = "state"
    ASSIGNEE = "assignee"
    DUE = "due"
    PRIORITY = "priority"


FIELD_NAMES = {
    SyncField.TITLE: "Title",
    SyncField.STATE: "State",
    SyncField.ASSIGNEE: "Owner",
    SyncField.DUE: "Due day",
    SyncField.PRIORITY: "Priority",
}
ITEM_COLUMNS = {
    SyncField.TITLE: "title",
    SyncField.STATE: "state",
    SyncField.ASSIGNEE: "owner_id",
    SyncField.DUE: "due",
    SyncField.PRIORITY: "priority",
}
"""The field of an item's history in which a change of each field stands."""


class Direction(StrEnum):
    """In which direction a field is synced."""

    BOTH = "both"
    OUT = "out"
    """Firebell writes it when it changes here; what changes there is ignored."""
    IN = "in"
    """Firebell takes what changes there, and never writes it."""
    OFF = "off"


DIRECTION_NAMES = {
    Direction.BOTH: "Both ways",
    Direction.OUT: "Firebell to tracker",
    Direction.IN: "Tracker to Firebell",
    Direction.OFF: "Not synced",
}


class AuthMethod(StrEnum):
    """How Firebell signs in to a tracker."""

    TOKEN = "token"  # noqa: S105 - no password
    APP = "app"
    """As a GitHub App, whose key gets a token every hour."""
    OAUTH = "oauth"
    """On behalf of someone who authorized Firebell; a refresh token gets each access token."""


class LinkState(StrEnum):
    """The state of the link between an item and an issue."""

    CREATING = "creating"
    LINKED = "linked"
    MOVED = "moved"
    """The issue was moved to another project; it is followed and synced."""
    GONE = "gone"
    """The issue was deleted. The item stays, and Firebell creates no other issue for it."""
    ERROR = "error"
    """The issue cannot be read or created; it is tried again daily."""


LINK_STATE_NAMES = {
    LinkState.CREATING: "Creating",
    LinkState.LINKED: "Linked",
    LinkState.MOVED: "Moved",
    LinkState.GONE: "Deleted there",
    LinkState.ERROR: "No access",
}

NO_ONE = ""
"""The assignee of an issue without one."""
UNKNOWN_PERSON = "person:"
"""What begins the value of an owner who is not a known user of the tracker; the person's id follows."""

Value = str
"""A value as the tracker can express it: a title, a state of items, a user's id there, a day, a priority."""
Values = Mapping[SyncField, Value]


@dataclass(frozen=True, slots=True)
class Tracker:
    """A project, repository or team of an issue tracker.

    `url` is the address of the installation, `target` its project; `options` are those of its kind, as texts. `api_url`
    is where calls go if not to `url`, `client_id` the app's. `authorized_at` is when someone authorized an OAuth app.
    """

    id: int
    kind: str
    name: str
    url: str
    target: str
    login: str
    key_hint: str
    key_hash: str
    is_private: bool
    is_enabled: bool
    links_new: bool
    team_id: int | None
    directions: Mapping[SyncField, Direction]
    options: Mapping[str, str]
    created_at: datetime
    stopped_reason: str
    failures: int
    rests_until: datetime | None
    last_ok_at: datetime | None
    last_error: str
    last_error_at: datetime | None
    last_hook_at: datetime | None
    sweep_at: datetime
    swept_until: datetime
    auth: AuthMethod = AuthMethod.TOKEN
    client_id: str = ""
    api_url: str = ""
    authorized_at: datetime | None = None
    sweep_etag: str = ""

    @property
    def is_active(self) -> bool:
        """True if it is switched on and its token was not refused."""
        return self.is_enabled and not self.stopped_reason

    @property
    def via(self) -> str:
        """Through what its changes come, in the history of an item."""
        return f"tracker:{self.id}"


@dataclass(frozen=True, slots=True)
class TrackerLink:
    """The link between an item and its issue in one tracker."""

    id: int
    item_id: int
    tracker_id: int
    state: LinkState
    marker: str
    external_id: str | None
    issue_key: str
    url: str
    snapshot: Values
    standoffs: Mapping[SyncField, tuple[Value, Value]]
    left_out: frozenset[SyncField]
    is_changed: bool
    attempts: int
    created_at: datetime
    created_by: str
    check_at: datetime
    tried_at: datetime | None
    synced_at: datetime | None
    error: str
    etag: str = ""
    """The ETag of the issue when both sides were the same; empty if they are not."""


@dataclass(frozen=True, slots=True)
class TrackerUser:
    """A person's user in a tracker; without `external_id`, none is known."""

    tracker_id: int
    person_id: int
    handle: str
    external_id: str
    is_by_hand: bool
    looked_up_at: datetime | None


@dataclass(frozen=True, slots=True)
class RemoteUser:
    """A user of a tracker: the id that its API takes, the name that people know, and an address if it shows one."""

    id: str
    handle: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class RemoteIssue:
    """An issue as its tracker has it.

    `id` finds it again; `key` is what people call it, such as `#12` or `PAY-12`. `assignees` are all of its users;
    `etag` identifies this version, empty if the tracker has no conditional reads.
    """

    id: str
    key: str
    url: str
    title: str
    state: ItemState
    assignees: tuple[RemoteUser, ...] = ()
    due: date | None = None
    priority: str = ""
    text: str = ""
    is_deleted: bool = False
    is_pull_request: bool = False
    was_moved: bool = False
    lacks: frozenset[SyncField] = frozenset()
    """Fields that this issue cannot hold."""
    document: Mapping[str, Any] = field(default_factory=dict)
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """What an issue is created from; `values` has no title, no state, and only a known assignee."""

    marker: str
    ref: str
    title: str
    text: str
    values: Values


@dataclass(frozen=True, slots=True)
class Proof:
    """A commit or change that closed an issue."""

    kind: str
    url: str


@dataclass(frozen=True, slots=True)
class ReadAhead:
    """A page of issues that changed, by id; `following` asks for the next page, None after the last."""

    ids: tuple[str, ...]
    following: str | None = None
    etag: str = ""


@dataclass(frozen=True, slots=True)
class ConnectionCheck:
    """One thing that was looked at when a connection was checked: `level` is ok, warn or late."""

    level: str
    text: str
