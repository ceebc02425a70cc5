"""Audiences, customers with their contacts, and posts to them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from firebell.audiences import webhooks


class AudienceKind(StrEnum):
    """Whether an audience is inside the organization; the text for outsiders may not guess."""

    INTERNAL = "internal"
    EXTERNAL = "external"


class Moment(StrEnum):
    """Which post an audience gets: the first, one during the incident, or the last."""

    FIRST = "first"
    UPDATE = "update"
    END = "end"


MOMENT_LABELS = {Moment.FIRST: "First", Moment.UPDATE: "Update", Moment.END: "All clear"}


class Occasion(StrEnum):
    """What happens in an incident that makes a post due before its interval has passed."""

    DECISION = "decision"
    SEVERITY = "severity"
    PUBLIC = "public"


OCCASION_LABELS = {
    Occasion.DECISION: "A decision",
    Occasion.SEVERITY: "A change of severity",
    Occasion.PUBLIC: "An update on a status page",
}

AFFECTED_CUSTOMERS = "customers:affected"
"""The member that stands for the contacts of all customers of the affected services."""


@dataclass(frozen=True, slots=True)
class Cadence:
    """Minutes from the declaration to the first post, and from one post to the next; None for never."""

    first: int | None = None
    every: int | None = None


NEVER = Cadence()


@dataclass(frozen=True, slots=True)
class AudienceDefinition:
    """Who is kept informed, when, and with which templates of the handbook.

    A member is such as `person:5`, `team:3`, `group:executives`, `role:comms`, `customer:12`, `customers:affected`,
    `address:board@example.org` or `webhook:https://hooks.example.org/x`.
    `cadence` is by severity. An audience that `follows_updates` reads the internal updates of the room.
    """

    slug: str
    name: str
    kind: AudienceKind
    members: tuple[str, ...]
    cadence: tuple[Cadence, Cadence, Cadence, Cadence]
    occasions: frozenset[Occasion]
    has_end: bool
    templates: Mapping[Moment, str]
    follows_updates: bool = False

    @property
    def is_external(self) -> bool:
        """True if its members are outside the organization."""
        return self.kind is AudienceKind.EXTERNAL


@dataclass(frozen=True, slots=True)
class AudienceSettings:
    """The audiences of the organization in one version; version 0 is the shipped one."""

    version: int
    audiences: tuple[AudienceDefinition, ...]

    def audience(self, slug: str) -> AudienceDefinition | None:
        """Return an audience by its slug, None if there is none."""
        return next((each for each in self.audiences if each.slug == slug), None)


@dataclass(frozen=True, slots=True)
class SettingsVersion:
    """Who put a version in force, and when."""

    version: int
    applied_at: datetime
    actor: str


@dataclass(frozen=True, slots=True)
class CustomerContact:
    """A person at a customer; `address` is a lower-case email address."""

    id: int
    name: str
    address: str
    locale: str = ""
    """The code of the language in which they get what was translated, empty for that of the text."""


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer with its contacts and what it uses; without services and components it uses everything."""

    id: int
    name: str
    service_ids: tuple[int, ...] = ()
    component_ids: tuple[int, ...] = ()
    contacts: tuple[CustomerContact, ...] = ()

    @property
    def uses_everything(self) -> bool:
        """True if every incident may affect it."""
        return not self.service_ids and not self.component_ids


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who gets a post; `customer` is the name of the customer, empty for a colleague."""

    address: str
    name: str
    customer: str = ""
    locale: str = ""
    """The code of the language of their choice, empty without one."""


@dataclass(frozen=True, slots=True)
class AudienceText:
    """What one audience is sent; `translations` have the body in other languages, by code."""

    audience: str
    subject: str
    body: str
    translations: Mapping[str, str] = field(default_factory=dict)


class DeliveryState(StrEnum):
    """The state of one message of a post; void ones are never sent."""

    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"
    VOID = "void"


ERASED = "erased-"
"""What stands in place of the address of an erased contact, before the id of the message."""


@dataclass(frozen=True, slots=True)
class AudienceDelivery:
    """One message of a post to one address."""

    id: int
    text_id: int
    address: str
    name: str
    customer: str
    state: DeliveryState
    send_at: datetime
    attempts: int
    reason: str
    sent_at: datetime | None

    @property
    def is_erased(self) -> bool:
        """True if its contact was erased."""
        return self.address.startswith(ERASED) and "@" not in self.address

    @property
    def shown_address(self) -> str:
        """The address as people see it: empty if it was erased, of a webhook only its host."""
        return "" if self.is_erased else webhooks.shown(self.address)


@dataclass(frozen=True, slots=True)
class SentText:
    """The text of a post for one audience, with the number of its messages by state."""

    id: int
    audience: str
    name: str
    is_external: bool
    subject: str
    body: str
    recipients: int
    states: Mapping[DeliveryState, int] = field(default_factory=dict)

    def count(self, state: str) -> int:
        """Return the number of its messages in a state."""
        return self.states.get(DeliveryState(state), 0)


@dataclass(frozen=True, slots=True)
class AudiencePost:
    """What was sent at once about an incident; of a drill nothing is sent."""

    id: int
    incident_id: int
    moment: Moment
    is_drill: bool
    created_at: datetime
    recalled_at: datetime | None
    actor: str
    texts: tuple[SentText, ...]

    @property
    def is_waiting(self) -> bool:
        """True if some of its messages have not been sent yet."""
        return any(text.count(DeliveryState.QUEUED) for text in self.texts)


EntryFact = tuple[int, str, datetime, Mapping[str, Any]]
"""An entry of a timeline: its id, kind, when it happened and its data."""
