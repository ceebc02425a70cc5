"""The post-mortem of an incident."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ListedPostmortem:
    """A post-mortem without its text; `state` is draft, review or published."""

    id: int
    incident_id: int
    state: str
    due_at: datetime
    author_id: int | None
    created_at: datetime
    updated_at: datetime
    published_at: datetime | None
    version: int

    @property
    def ref(self) -> str:
        """The reference of the incident, which the post-mortem shares."""
        return f"INC-{self.incident_id}"


@dataclass(frozen=True, slots=True)
class Postmortem(ListedPostmortem):
    """A post-mortem; `body` is Markdown."""

    body: str
