"""Post-mortems."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Postmortem:
    """The document of one incident; its body is Markdown."""

    id: int
    incident_id: int
    body: str
    state: str
    due_at: datetime
    author_id: int | None
    created_at: datetime
    updated_at: datetime
    published_at: datetime | None
    version: int

    @property
    def ref(self) -> str:
        """The incident's reference, which is the document's too."""
        return f"INC-{self.incident_id}"
