"""Accounts and rooms of chats."""

from dataclasses import dataclass

SLACK = "slack"


@dataclass(frozen=True, slots=True)
class Account:
    """A connected workspace of a chat; `external_id` is its id there."""

    id: int
    kind: str
    external_id: str
    name: str
    mode: str
    bot_user: str
    scopes: tuple[str, ...]
    state: str


@dataclass(frozen=True, slots=True)
class Room:
    """The channel of an incident in an account."""

    id: int
    account_id: int
    incident_id: int
    external_id: str
    name: str
    state: str


@dataclass(frozen=True, slots=True)
class AccountSecrets:
    """The tokens of an account, and the secrets with which its chat signs: two while they are rotated."""

    bot_token: str
    signing_secrets: tuple[str, ...]
    app_token: str
