"""Accounts, rooms, and what is kept in a chat."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class ChatKind(StrEnum):
    """The chats that can be connected; stored."""

    SLACK = "slack"
    MATTERMOST = "mattermost"
    TEAMS = "teams"
    DISCORD = "discord"
    GOOGLE_CHAT = "google_chat"


CHAT_LABELS = {
    ChatKind.SLACK: "Slack",
    ChatKind.MATTERMOST: "Mattermost",
    ChatKind.TEAMS: "Microsoft Teams",
    ChatKind.DISCORD: "Discord",
    ChatKind.GOOGLE_CHAT: "Google Chat",
}


class AccountState(StrEnum):
    """Whether an account works; nothing is called in a broken one until it has a new token."""

    OK = "ok"
    DEGRADED = "degraded"
    BROKEN = "broken"


class RoomState(StrEnum):
    """The state of an incident's channel.

    `lost` was archived or deleted by a person; `thread` could not be created, so that the announcement's
    thread takes its place.
    """

    WANTED = "wanted"
    OPEN = "open"
    ARCHIVED = "archived"
    LOST = "lost"
    MOVED = "moved"
    THREAD = "thread"


class ObjectState(StrEnum):
    """The state of something that is kept in a chat; `sending` and `unknown` may have been received."""

    NONE = "none"
    SENDING = "sending"
    UNKNOWN = "unknown"
    SENT = "sent"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a chat can do; what it cannot do becomes a link to Firebell."""

    edit: bool
    rooms: bool
    threads: bool
    dm: bool = False
    modal: bool = False
    buttons: bool = False
    ephemeral: bool = False
    capture: bool = False
    pins: bool = False
    bookmarks: bool = False


CAPABILITIES: Mapping[ChatKind, Capabilities] = {
    ChatKind.SLACK: Capabilities(
        edit=True,
        rooms=True,
        threads=True,
        dm=True,
        modal=True,
        buttons=True,
        ephemeral=True,
        capture=True,
        pins=True,
        bookmarks=True,
    ),
    ChatKind.MATTERMOST: Capabilities(
        edit=True,
        rooms=True,
        threads=True,
        dm=True,
        modal=True,
        buttons=True,
        ephemeral=True,
        capture=True,
        pins=True,
    ),
    ChatKind.TEAMS: Capabilities(edit=False, rooms=False, threads=False),
    ChatKind.DISCORD: Capabilities(edit=True, rooms=False, threads=False),
    ChatKind.GOOGLE_CHAT: Capabilities(edit=False, rooms=False, threads=True),
}


@dataclass(frozen=True, slots=True)
class AnnouncementRule:
    """Where incidents and pages are announced; an empty field restricts nothing.

    Without both, the channel has only what steps of the escalation matrix post.
    `channel` is the id of a channel, `label` its name; a webhook has one channel, its own.
    """

    channel: str
    label: str = ""
    severities: tuple[int, ...] = ()
    service_ids: tuple[int, ...] = ()
    team_ids: tuple[int, ...] = ()
    incidents: bool = True
    pages: bool = False
    high_only: bool = False
    """Announce only pages that wake people."""

    def _is_about(self, service_ids: frozenset[int], team_ids: frozenset[int]) -> bool:
        services = not self.service_ids or bool(service_ids & set(self.service_ids))
        teams = not self.team_ids or bool(team_ids & set(self.team_ids))
        return services and teams

    def takes_incident(self, severity: int, service_ids: frozenset[int], team_ids: frozenset[int]) -> bool:
        """Return True if incidents like this are announced here."""
        in_severity = not self.severities or severity in self.severities
        return self.incidents and in_severity and self._is_about(service_ids, team_ids)

    def takes_page(self, urgency: str, service_ids: frozenset[int], team_ids: frozenset[int]) -> bool:
        """Return True if pages like this are announced here."""
        return (
            self.pages and (urgency == "high" or not self.high_only) and self._is_about(service_ids, team_ids)
        )


@dataclass(frozen=True, slots=True)
class OncallGroup:
    """A user group of the chat that holds the people who are on call for schedules."""

    group: str
    handle: str
    schedule_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """The choices of an account; stored as JSON."""

    room_severities: tuple[int, ...] = (0, 1, 2)
    rules: tuple[AnnouncementRule, ...] = ()
    groups: tuple[OncallGroup, ...] = ()
    unlinked: str = "declare"
    """What people without a link may do: declare (and read), or nothing."""
    incident_command: str = "/incident"
    page_command: str = "/page"
    tz: str = "UTC"
    """The time zone of its messages, and of the dates in the names of channels."""


@dataclass(frozen=True, slots=True)
class Account:
    """One connected workspace."""

    id: int
    kind: ChatKind
    external_id: str
    name: str
    mode: str
    bot_user: str
    scopes: tuple[str, ...]
    state: AccountState
    address: str = ""
    bot_id: str = ""
    hint: str = ""
    reason: str = ""
    settings: AccountSettings = field(default_factory=AccountSettings)
    paused_at: datetime | None = None
    last_ok_at: datetime | None = None
    last_frame_at: datetime | None = None
    created_at: datetime | None = None
    created_by: int | None = None

    @property
    def label(self) -> str:
        """The chat and the workspace, such as Slack, workspace Kestrel."""
        return f"{CHAT_LABELS[self.kind]}, {self.name}"


@dataclass(frozen=True, slots=True)
class AccountSecrets:
    """The secrets of an account; never shown, logged or stored in clear."""

    bot_token: str = field(default="", repr=False)
    signing_secrets: tuple[str, ...] = field(default=(), repr=False)
    app_token: str = field(default="", repr=False)
    webhooks: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The addresses of webhooks by the channel they stand for."""


@dataclass(frozen=True, slots=True)
class Room:
    """The channel of one incident in one account."""

    id: int
    account_id: int
    incident_id: int
    external_id: str
    name: str
    state: RoomState
    attempt: int = 1
    private: bool = False
    owners: Mapping[str, str] = field(default_factory=dict)
    """Who last set the name, topic, purpose, pin and bookmarks: `human`, or absent for Firebell."""
    left_by: tuple[int, ...] = ()
    """The people who left; they are not invited again."""
    invited: Mapping[str, str] = field(default_factory=dict)
    """The users that Firebell invited, by the id of their person."""
    created_at: datetime | None = None
    renamed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChatObject:
    """What is stored about one object of a chat; `ts` is the chat's id of it."""

    key: str
    target: str
    state: ObjectState
    channel: str = ""
    ts: str = ""
    part_of: str | None = None
    sent_hash: str = ""
    sent_urgent: str = ""
    sent_at: datetime | None = None
    nonce: str = ""
    attempt_at: datetime | None = None
    attempts: int = 0
    retry_at: datetime | None = None
    error: str = ""
    dead_at: datetime | None = None
    posts: int = 0
    """How often it was posted; a message that people delete is posted three times."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An object that could not be sent, and why."""

    account_id: int
    account: str
    key: str
    error: str
    dead_at: datetime


@dataclass(frozen=True, slots=True)
class Want:
    """A target whose chat may differ from the database; `version` counts its changes."""

    account_id: int
    target: str
    version: int


def settings_to_json(settings: AccountSettings) -> dict[str, Any]:
    """Return the settings as they are stored."""
    return {
        "room_severities": list(settings.room_severities),
        "rules": [
            {
                "channel": rule.channel,
                "label": rule.label,
                "severities": list(rule.severities),
                "service_ids": list(rule.service_ids),
                "team_ids": list(rule.team_ids),
                "incidents": rule.incidents,
                "pages": rule.pages,
                "high_only": rule.high_only,
            }
            for rule in settings.rules
        ],
        "groups": [
            {"group": g.group, "handle": g.handle, "schedule_ids": list(g.schedule_ids)}
            for g in settings.groups
        ],
        "unlinked": settings.unlinked,
        "incident_command": settings.incident_command,
        "page_command": settings.page_command,
        "tz": settings.tz,
    }


def settings_from_json(data: Mapping[str, Any]) -> AccountSettings:
    """Return the settings that `settings_to_json` returned; what is missing has its default."""
    default = AccountSettings()
    return AccountSettings(
        room_severities=tuple(data.get("room_severities", default.room_severities)),
        rules=tuple(
            AnnouncementRule(
                channel=rule["channel"],
                label=rule.get("label", ""),
                severities=tuple(rule.get("severities", ())),
                service_ids=tuple(rule.get("service_ids", ())),
                team_ids=tuple(rule.get("team_ids", ())),
                incidents=rule.get("incidents", True),
                pages=rule.get("pages", False),
                high_only=rule.get("high_only", False),
            )
            for rule in data.get("rules", ())
        ),
        groups=tuple(
            OncallGroup(g["group"], g.get("handle", ""), tuple(g.get("schedule_ids", ())))
            for g in data.get("groups", ())
        ),
        unlinked=data.get("unlinked", default.unlinked),
        incident_command=data.get("incident_command", default.incident_command),
        page_command=data.get("page_command", default.page_command),
        tz=data.get("tz", default.tz),
    )


@dataclass(frozen=True, slots=True)
class PublicUpdateWritten:
    """A person wrote in a chat what customers should read; `via` is the chat, for the audit log."""

    incident_id: int
    text: str
    person_id: int
    person_name: str
    tz: str
    public_url: str
    via: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PublicUpdateUndone:
    """A person takes back in a chat what they published about an incident moments ago."""

    incident_id: int
    person_id: int
    person_name: str
    via: Mapping[str, str]
