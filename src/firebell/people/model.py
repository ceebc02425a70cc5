"""People, teams, contact methods, notification rules and API keys."""

from dataclasses import dataclass, field
from datetime import datetime, time
from enum import StrEnum
from typing import Literal

from firebell.kit.language_catalogs import DEFAULT


class Role(StrEnum):
    """A person's role in the organization, which grants permissions."""

    ADMIN = "admin"
    MANAGER = "manager"
    RESPONDER = "responder"
    VIEWER = "viewer"


class MethodState(StrEnum):
    """The state of a contact method (spec 10.3)."""

    NEW = "new"
    """Not verified: it gets codes and tests, and pages only if the person has no verified one."""
    VERIFIED = "verified"
    SUSPECT = "suspect"
    """Its address failed: it is still used."""
    DISABLED = "disabled"
    """Its address is gone or failed repeatedly: it is not used until its owner enters a code."""


class MessagePrivacy(StrEnum):
    """What messages through a contact method show to those who see the screen (spec 10.4)."""

    FULL = "full"
    TITLE_HIDDEN = "title_hidden"
    """The reference, the severity and the service of a page; of other messages only that there is one."""


@dataclass(frozen=True, slots=True)
class MessageSettings:
    """How messages read at a contact method; `language` is a code of `channels.languages`."""

    language: str = DEFAULT
    privacy: MessagePrivacy = MessagePrivacy.FULL


URGENCIES = ("high", "low")
"""Of pages and notices; a person has notification rules for each."""
SCOPES = (
    "alerts:write",
    "pages:read",
    "pages:write",
    "incidents:read",
    "incidents:declare",
    "incidents:write",
    "oncall:read",
    "oncall:write",
    "admin",
)


@dataclass(frozen=True, slots=True)
class Person:
    """A person with an account; `tz` is an IANA time zone."""

    id: int
    name: str
    email: str
    role: str
    tz: str
    theme: str
    active: bool


@dataclass(frozen=True, slots=True)
class Team:
    """People who own services together."""

    id: int
    name: str
    slug: str


@dataclass(frozen=True, slots=True)
class ContactMethod:
    """One address of one person on one channel."""

    id: int
    person_id: int
    kind: str
    address: str
    label: str
    verified_at: datetime | None
    disabled_at: datetime | None
    suspect_since: datetime | None = None
    """When its address failed, for the first time in 30 days; None if it was verified since."""
    unusable_since: datetime | None = None
    exempt: bool = False
    """True if it was added before codes existed: it is paged without being verified."""
    replaces: int | None = None
    """The contact method that is used until this one is verified."""
    test_at: datetime | None = None
    test_result: Literal["sent", "accepted", "failed"] | None = None
    """The outcome of the last test or code: sent, accepted or failed."""
    language: str = DEFAULT
    privacy: MessagePrivacy = MessagePrivacy.FULL
    shown_address: str = ""
    """What its owner recognizes the address by."""
    new_secret: str = field(default="", repr=False, compare=False)
    """The signing secret of a webhook; set only in the value that its creation returns."""

    @property
    def state(self) -> MethodState:
        """The state that its instants say."""
        if self.unusable_since is not None:
            return MethodState.DISABLED
        if self.verified_at is None:
            return MethodState.NEW
        return MethodState.VERIFIED if self.suspect_since is None else MethodState.SUSPECT

    @property
    def is_verified(self) -> bool:
        """True if its owner proved that it reaches them, and it is in use."""
        return self.state in (MethodState.VERIFIED, MethodState.SUSPECT)

    @property
    def is_trusted(self) -> bool:
        """True if it is verified, or was added before codes existed: what comes from it comes from its owner."""
        return self.is_verified or (self.exempt and self.state is MethodState.NEW)


@dataclass(frozen=True, slots=True)
class RotatedSecret:
    """A new signing secret; messages are also signed with the previous one until `previous_until`."""

    secret: str = field(repr=False)
    previous_until: datetime


@dataclass(frozen=True, slots=True)
class NotificationRule:
    """A notification rule: use `method` `delay_s` seconds after the page reached the person."""

    delay_s: int
    method: ContactMethod


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Low-urgency notifications are held from `starts` to `ends`, local time in the IANA time zone `tz`."""

    starts: time
    ends: time
    tz: str


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without its secret."""

    id: int
    name: str
    prefix: str
    scopes: tuple[str, ...]
    person_id: int
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Session:
    """A browser in which a person is signed in; `address` is the IP address that used it last."""

    id: int
    user_agent: str
    address: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class AccessRevoked:
    """A person's API keys were revoked; everything else that acts for them, such as feeds, must end too."""

    person_id: int


@dataclass(frozen=True, slots=True)
class PersonLeft:
    """A person was deactivated."""

    person_id: int


@dataclass(frozen=True, slots=True)
class AccountRoleChanged:
    """A person's account role changed, and with it their permissions."""

    person_id: int


@dataclass(frozen=True, slots=True)
class QuietHoursChanged:
    """A person's quiet hours changed, so held notifications may be due."""

    person_id: int


@dataclass(frozen=True, slots=True)
class ContactCodeRequested:
    """A person requested a verification code through one of their contact methods."""

    method_id: int
    code_id: int


@dataclass(frozen=True, slots=True)
class ContactMethodDisabled:
    """A contact method gets no more pages, because its address is gone or failed repeatedly."""

    method_id: int


@dataclass(frozen=True, slots=True)
class ContactTestRequested:
    """A person requested a test message through one of their contact methods."""

    method_id: int
