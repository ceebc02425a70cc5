"""People, teams, contact methods, notification rules and API keys."""

from dataclasses import dataclass, field
from datetime import datetime, time
from enum import StrEnum


class Role(StrEnum):
    """A person's role in the organization, which grants permissions."""

    ADMIN = "admin"
    MANAGER = "manager"
    RESPONDER = "responder"
    VIEWER = "viewer"


SCOPES = (
    "alerts:write",
    "pages:read",
    "pages:write",
    "incidents:read",
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
    new_secret: str = field(default="", repr=False, compare=False)
    """The signing secret of a webhook; set only in the value that its creation returns."""


@dataclass(frozen=True, slots=True)
class RotatedSecret:
    """A new signing secret; messages are also signed with the previous one until `previous_until`."""

    secret: str = field(repr=False)
    previous_until: datetime


@dataclass(frozen=True, slots=True)
class Rule:
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
class QuietHoursChanged:
    """A person's quiet hours changed, so held notifications may be due."""

    person_id: int


@dataclass(frozen=True, slots=True)
class ContactTestRequested:
    """A person requested a test message through one of their contact methods."""

    method_id: int
