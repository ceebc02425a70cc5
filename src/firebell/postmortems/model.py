"""Post-mortems: documents with versions, comments and reviews."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from firebell.kit.db.events import Actor


class PostmortemKind(StrEnum):
    """What a post-mortem is about: one incident, a near miss, several incidents, or a drill."""

    INCIDENT = "incident"
    NEAR_MISS = "near_miss"
    SEVERAL = "several"
    DRILL = "drill"


class VersionReason(StrEnum):
    """Why a version was stored."""

    DRAFT = "draft"
    SAVE = "save"
    MERGE = "merge"
    RESTORE = "restore"
    PUBLISH = "publish"


class Verdict(StrEnum):
    """What a reviewer decided about a version."""

    APPROVE = "approve"
    CHANGES = "changes"


@dataclass(frozen=True, slots=True)
class ListedPostmortem:
    """A post-mortem without its text; `state` is draft, review, approved, published or withdrawn."""

    id: int
    incident_id: int
    state: str
    due_at: datetime
    author_id: int | None
    created_at: datetime
    updated_at: datetime
    published_at: datetime | None
    first_published_at: datetime | None
    """When it was first published; `published_at` is when its last revision was."""
    version: int
    kind: str
    published_version: int | None
    asked_version: int | None
    """The version that a review was asked for; approvals are for a version too."""
    approved_version: int | None
    withdrawal_by: int | None
    """Who wants it withdrawn, or withdrew it first; the second person completes it."""
    withdrawal_reason: str
    withdrawn_at: datetime | None

    @property
    def stage(self) -> str:
        """How far its present text is: draft, review, approved, published or withdrawn.

        A published document whose text changed is a draft again, while its published version stays visible.
        """
        if self.state == "withdrawn":
            return "withdrawn"
        if self.published_version == self.version and self.state == "published":
            return "published"
        if self.approved_version == self.version:
            return "approved"
        return "review" if self.asked_version == self.version else "draft"

    @property
    def is_revision(self) -> bool:
        """True if it was published and its text changed since."""
        return self.state == "published" and self.published_version != self.version

    @property
    def ref(self) -> str:
        """The reference of the incident, which the post-mortem shares."""
        return f"INC-{self.incident_id}"


@dataclass(frozen=True, slots=True)
class Postmortem(ListedPostmortem):
    """A post-mortem; `body` is Markdown."""

    body: str


@dataclass(frozen=True, slots=True)
class ListedVersion:
    """A stored version without its text; `section` is the slug of the only section that it changed, or empty."""

    postmortem_id: int
    n: int
    reason: VersionReason
    section: str
    base_n: int | None
    by_id: int | None
    actor: str
    at: datetime
    superseded: bool


@dataclass(frozen=True, slots=True)
class DocumentVersion(ListedVersion):
    """A stored version with its whole text."""

    body: str


@dataclass(frozen=True, slots=True)
class DocumentComment:
    """A comment on a quoted sentence, or on a section if `quote` is empty; `at_line` is its line in the section.

    A blocking comment stops the approval until it is resolved. One that `waives` a rule of the wording has the reason.
    """

    id: int
    postmortem_id: int
    version_n: int
    section: str
    quote: str
    at_line: int
    body: str
    blocking: bool
    waives: str
    parent_id: int | None
    by_id: int | None
    actor: str
    at: datetime
    resolved_at: datetime | None
    resolved_by: int | None
    resolver: str


@dataclass(frozen=True, slots=True)
class DocumentReview:
    """The verdict of a reviewer about one version."""

    id: int
    postmortem_id: int
    version_n: int
    verdict: Verdict
    note: str
    by_id: int
    actor: str
    at: datetime
    override_reason: str = ""
    """Why someone who wrote the document approved it."""


@dataclass(frozen=True, slots=True)
class DocumentIncident:
    """An incident that a post-mortem is about; the main one gives it its reference."""

    incident_id: int
    is_main: bool


@dataclass(frozen=True, slots=True)
class PostmortemPublished:
    """A post-mortem was published, or a revision of it."""

    postmortem_id: int
    incident_id: int
    version: int


@dataclass(frozen=True, slots=True)
class ComparedEntryAdded:
    """An entry of a timeline changes what its incident is compared by."""

    incident_id: int


@dataclass(frozen=True, slots=True)
class ExternalPostmortemPublished:
    """The version for customers was published; its text has nothing internal."""

    incident_id: int
    body: str
    actor: Actor


@dataclass(frozen=True, slots=True)
class Presence:
    """A person who writes in a section, as of an instant."""

    person_id: int
    name: str
    section: str
    at: datetime
