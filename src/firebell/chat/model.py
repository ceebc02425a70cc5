"""Accounts and rooms of chats."""

from dataclasses import dataclass, field
from enum import StrEnum


class ChatKind(StrEnum):
    """The chats that can be connected; stored."""

    SLACK = "slack"


CHAT_LABELS = {ChatKind.SLACK: "Slack"}


class AccountState(StrEnum):
    """Whether an account works; nothing is called in a broken one until it has a new token."""

    OK = "ok"
    DEGRADED = "degraded"
    BROKEN = "broken"


class RoomState(StrEnum):
    """The state of an incident's channel."""

    WANTED = "wanted"
    OPEN = "open"
    LOST = "lost"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """The choices of an account."""

    unlinked: str = "declare"
    """What people without a link may do: declare (and read), or nothing."""
    incident_command: str = "/incident"
    page_command: str = "/page"


@dataclass(frozen=True, slots=True)
class Account:
    """A connected workspace of a chat; `external_id` is its id there."""

    id: int
    kind: ChatKind
    external_id: str
    name: str
    mode: str
    bot_user: str
    scopes: tuple[str, ...]
    state: AccountState
    settings: AccountSettings = field(default_factory=AccountSettings)


@dataclass(frozen=True, slots=True)
class Room:
    """The channel of an incident in an account."""

    id: int
    account_id: int
    incident_id: int
    external_id: str
    name: str
    state: RoomState


@dataclass(frozen=True, slots=True)
class AccountSecrets:
    """The tokens of an account, and the secrets with which its chat signs: two while they are rotated."""

    bot_token: str = field(default="", repr=False)
    signing_secrets: tuple[str, ...] = field(default=(), repr=False)
    app_token: str = field(default="", repr=False)
