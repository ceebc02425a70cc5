"""Posts: what someone wrote about an incident for several targets, and its outcome at each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from firebell.comms.tone.model import ReaderKind

RULE_LABEL = "Firebell (rule)"
"""The author of a post that the rule of a status page wrote."""


class PostState(StrEnum):
    """How far a post is. `partly` means that a target failed, `returned` that an approver asked for changes."""

    DRAFT = "draft"
    WAITING = "waiting"
    PUBLISHED = "published"
    PARTLY = "partly"
    RETURNED = "returned"
    RECALLED = "recalled"


POST_STATE_LABELS = {
    PostState.DRAFT: "Draft",
    PostState.WAITING: "Waits for approval",
    PostState.PUBLISHED: "Sent",
    PostState.PARTLY: "Not sent everywhere",
    PostState.RETURNED: "Changes requested",
    PostState.RECALLED: "Recalled",
}


class SendState(StrEnum):
    """The outcome of a post at one target."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"
    RETURNED = "returned"
    RECALLED = "recalled"


SEND_STATE_LABELS = {
    SendState.WAITING: "Waits for approval",
    SendState.SENT: "Sent",
    SendState.FAILED: "Not sent",
    SendState.RETURNED: "Not sent",
    SendState.RECALLED: "Recalled",
}


class ApproverAnswer(StrEnum):
    """What an approver says."""

    APPROVED = "approved"
    CHANGES = "changes"


@dataclass(frozen=True, slots=True)
class PostContent:
    """What someone writes: a text for each kind of reader, and what changes on status pages.

    `statuses` are the codes of component statuses by component id, `targets` the keys of those that are ticked.
    `headline` names the incident on a status page that does not show it yet. `translations` have the public text in
    other languages of its pages, by language.
    """

    bodies: Mapping[ReaderKind, str]
    targets: tuple[str, ...]
    stage: str | None = None
    statuses: Mapping[int, str] = field(default_factory=dict)
    next_update_at: datetime | None = None
    headline: str = ""
    reason: str = ""
    """Why it is sent although the tone check found errors."""
    eta_at: datetime | None = None
    """When it is expected to be over, as an estimate for status pages."""
    translations: Mapping[str, str] = field(default_factory=dict)
    mail_subject: str = ""
    """The subject of emails to customers, empty if its author wrote none."""
    is_quiet: bool = False
    """True if the subscribers of status pages are not notified."""

    def body(self, reader: ReaderKind) -> str:
        """Return the text for a kind of reader, empty without one; customers get the public text without one."""
        text = self.bodies.get(reader, "")
        if reader is ReaderKind.CUSTOMER and not text.strip():
            return self.bodies.get(ReaderKind.PUBLIC, "")
        return text

    def subject(self, title: str) -> str:
        """Return the subject of emails to customers; without one, the headline, or else the title of the incident."""
        return self.mail_subject or self.headline or title


@dataclass(frozen=True, slots=True)
class PostDelivery:
    """The outcome of a post at one target.

    `removed` are sentences that were left out because no one approved them, `reference` is what it created there.
    """

    target: str
    label: str
    state: SendState
    removed: tuple[str, ...]
    reference: Mapping[str, Any]
    error: str
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class Approval:
    """A role that is asked by a rule, and its answer; without `due_at`, nothing is sent before it answers."""

    id: int
    rule: str
    role: str
    asked_ids: tuple[int, ...]
    asked_at: datetime
    due_at: datetime | None
    answer: ApproverAnswer | None
    answered_by: int | None
    answered_label: str
    answered_at: datetime | None
    answered_sha256: str
    note: str


@dataclass(frozen=True, slots=True)
class CommsPost:
    """A draft, or what was published from one; `seq` counts what was saved about the incident."""

    id: int
    incident_id: int
    seq: int
    state: PostState
    author_id: int | None
    author: str
    content: PostContent
    body_sha256: str
    created_at: datetime
    updated_at: datetime
    published_at: datetime | None
    deliveries: tuple[PostDelivery, ...] = ()
    approvals: tuple[Approval, ...] = ()

    @property
    def is_automatic(self) -> bool:
        """True if a rule wrote it, not a person."""
        return self.author_id is None and self.author == RULE_LABEL

    def asks(self, person_id: int | None) -> bool:
        """Return True if the post waits for this person's approval; authors never approve their own."""
        is_asked = any(person_id in each.asked_ids for each in self.approvals)
        return self.state is PostState.WAITING and is_asked and person_id != self.author_id
