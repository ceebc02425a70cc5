"""Users of a chat, and when one is linked to a person by an email address (spec 8.3; pure)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

CHECKED_FOR = timedelta(hours=24)
"""How long a link by email, or its absence, is trusted before the chat is asked again."""


class LinkedBy(StrEnum):
    """Who decided which person a user is; without a person, `admin` means that an admin linked the user to no one."""

    EMAIL = "email"
    EXPLICIT = "explicit"
    ADMIN = "admin"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class ChatUser:
    """A user of an account of a chat."""

    account_id: int
    external_id: str
    person_id: int | None
    how: LinkedBy
    name: str
    email: str
    guest: bool
    checked_at: datetime

    def needs_check(self, now: datetime) -> bool:
        """Return True if the chat must be asked again who this is; links by people last."""
        return self.how in (LinkedBy.EMAIL, LinkedBy.NONE) and now - self.checked_at >= CHECKED_FOR


@dataclass(frozen=True, slots=True)
class UserFacts:
    """What the chat knows of a user."""

    team: str
    name: str = ""
    email: str = ""
    email_confirmed: bool = False
    is_bot: bool = False
    deleted: bool = False
    guest: bool = False
    """A restricted user, or one of another workspace."""


def email_to_link(facts: UserFacts, account_team: str) -> str:
    """Return the email address by which a user may be linked, empty if they may not.

    Only a member of the account's own workspace whose address the chat has confirmed is linked.
    """
    if facts.is_bot or facts.deleted or facts.guest or not facts.email_confirmed:
        return ""
    return facts.email.strip().casefold() if facts.team == account_team else ""
