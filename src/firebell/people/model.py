"""People, teams, contact methods, personal rules and API keys."""

from dataclasses import dataclass, field
from datetime import datetime, time
from enum import StrEnum


class Role(StrEnum):
    """What a person may do in the organization."""

    ADMIN = "admin"
    MANAGER = "manager"
    RESPONDER = "responder"
    VIEWER = "viewer"


class Channel(StrEnum):
    """How a person can be reached."""

    EMAIL = "email"
    WEBHOOK = "webhook"
    NTFY = "ntfy"


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
    """Somebody with an account; `tz` is an IANA zone."""

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
    """The signing secret of a webhook, in the value that its creation returns and never again."""


@dataclass(frozen=True, slots=True)
class RotatedSecret:
    """A new signing secret; messages are signed with the one before as well until `previous_until`."""

    secret: str = field(repr=False)
    previous_until: datetime


@dataclass(frozen=True, slots=True)
class Rule:
    """Use `method` `delay_s` seconds after the page reached the person."""

    delay_s: int
    method: ContactMethod


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `starts` to `ends` of the wall clock in the IANA zone `tz`, what can wait is held."""

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
    """One browser in which a person is signed in; `address` is where it was used last."""

    id: int
    user_agent: str
    address: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class AccessRevoked:
    """Whatever acts for a person without a browser, such as feeds, must end now."""

    person_id: int


@dataclass(frozen=True, slots=True)
class PersonLeft:
    """Somebody is not active any more."""

    person_id: int


@dataclass(frozen=True, slots=True)
class QuietHoursChanged:
    """What was held for somebody may be free to go."""

    person_id: int


@dataclass(frozen=True, slots=True)
class ContactTestRequested:
    """Somebody wants a test message through one of their contact methods."""

    method_id: int
