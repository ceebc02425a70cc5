"""How Instatus writes statuses and instants, and how what we sent is marked (pure)."""

import hashlib
from datetime import UTC, datetime

from firebell.status_copies.model import Post
from firebell.status_pages.model import ComponentStatus

STATUS_WORDS = {
    ComponentStatus.OPERATIONAL: "OPERATIONAL",
    ComponentStatus.UNDER_MAINTENANCE: "UNDERMAINTENANCE",
    ComponentStatus.DEGRADED_PERFORMANCE: "DEGRADEDPERFORMANCE",
    ComponentStatus.PARTIAL_OUTAGE: "PARTIALOUTAGE",
    ComponentStatus.MAJOR_OUTAGE: "MAJOROUTAGE",
}


def effects(post: Post) -> dict[str, object]:
    """Return the components of an update, and their statuses."""
    return {
        "components": list(post.remote_component_ids),
        "statuses": [
            {"id": component_id, "status": STATUS_WORDS[status]}
            for component_id, status in post.statuses.items()
        ],
    }


def mark(public_id: str) -> int:
    """Return the milliseconds that mark what we sent: Instatus has no field for an id of ours."""
    return int.from_bytes(hashlib.sha256(public_id.encode()).digest()) % 1000


def marked(at: datetime, public_id: str) -> datetime:
    """Return an instant whose milliseconds are the mark of an id."""
    return at.astimezone(UTC).replace(microsecond=mark(public_id) * 1000)


def written(at: datetime) -> str:
    """Return an instant as Instatus writes it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
