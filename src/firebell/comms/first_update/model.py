"""The rule of a status page for its first update, and what it did about an incident."""

from dataclasses import dataclass
from datetime import datetime

from firebell.comms.model import RULE_LABEL
from firebell.kit.db.events import Actor

RULE_ACTOR = Actor("system", RULE_LABEL)
"""Who publishes; the timeline, the audit log and the post show it."""
ENTRY_KIND = "first_update"
"""The kind of the timeline entries of the rule; the publication itself has that of status pages."""


@dataclass(frozen=True, slots=True)
class FirstUpdateRule:
    """When Firebell publishes the first update on a status page, and its text; off while `enabled_at` is None.

    It counts `minutes` from when an incident got one of the severities. The texts can have the slot `{{components}}`.
    """

    status_page_id: int
    severities: frozenset[int]
    minutes: int
    headline: str
    body: str
    enabled_at: datetime | None

    @property
    def is_enabled(self) -> bool:
        """True if Firebell may publish."""
        return self.enabled_at is not None


@dataclass(frozen=True, slots=True)
class FirstUpdateProgress:
    """What the rule of a status page did about an incident."""

    warned_at: datetime | None = None
    reminded_at: datetime | None = None
    """When those who must approve the first update were reminded."""
    post_id: int | None = None


@dataclass(frozen=True, slots=True)
class FirstUpdateClaim:
    """Someone said that they post the first update about an incident."""

    person_id: int | None
    label: str
    claimed_at: datetime
