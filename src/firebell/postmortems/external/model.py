"""The version of a document for customers."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ExternalVersion:
    """Whether customers get a version of a document, and how far it is; `body` is its present text."""

    postmortem_id: int
    is_needed: bool
    decision_reason: str
    decider: str
    decided_at: datetime
    version: int
    asked_version: int | None
    approved_version: int | None
    approver: str
    published_version: int | None
    published_at: datetime | None
    publisher: str
    body: str

    @property
    def stage(self) -> str:
        """How far its present text is: not_needed, draft, review, approved or published."""
        if not self.is_needed:
            return "not_needed"
        if self.version and self.published_version == self.version:
            return "published"
        if self.version and self.approved_version == self.version:
            return "approved"
        return "review" if self.version and self.asked_version == self.version else "draft"
