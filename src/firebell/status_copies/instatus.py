"""The API of Instatus, as its OpenAPI description has it (pure; spec 7.17)."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from firebell.kit.token_bucket import CallRate
from firebell.status_copies.model import Post, RemoteCall, RemoteComponent, RemoteIncident, RemoteUpdate
from firebell.status_copies.remote_api import PAGE_SIZE, instant, rows, stage_of, text
from firebell.status_copies.text_limits import BODY_MAX_CHARS, NAME_MAX_CHARS, cut_at_sentence
from firebell.status_pages.model import ComponentStatus

STATUS_WORDS = {
    ComponentStatus.OPERATIONAL: "OPERATIONAL",
    ComponentStatus.UNDER_MAINTENANCE: "UNDERMAINTENANCE",
    ComponentStatus.DEGRADED_PERFORMANCE: "DEGRADEDPERFORMANCE",
    ComponentStatus.PARTIAL_OUTAGE: "PARTIALOUTAGE",
    ComponentStatus.MAJOR_OUTAGE: "MAJOROUTAGE",
}
_STATUSES = {word: status for status, word in STATUS_WORDS.items()} | {
    "MINOROUTAGE": ComponentStatus.PARTIAL_OUTAGE
}


def mark(public_id: str) -> int:
    """Return the milliseconds that mark what we sent: Instatus has no field for an id of ours."""
    return int.from_bytes(hashlib.sha256(public_id.encode()).digest()) % 1000


def marked(at: datetime, public_id: str) -> datetime:
    """Return an instant whose milliseconds are the mark of an id."""
    return at.astimezone(UTC).replace(microsecond=mark(public_id) * 1000)


def _written(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class InstatusApi:
    """Instatus: its words are in capitals, and it derives the impact itself."""

    address = "https://api.instatus.com"
    rate = CallRate(1.0, 5)
    """It documents no limit."""
    copies_maintenance = False
    """It documents no call that publishes the updates of maintenance."""

    def __init__(self, link: str = "") -> None:
        self._link = link

    def headers(self, key: str) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {key}", "User-Agent": "firebell"}

    def component_calls(self, page: str) -> Sequence[RemoteCall]:
        return [RemoteCall("GET", f"/v1/{page}/components?page=1&per_page={PAGE_SIZE}")]

    def components(self, documents: Sequence[Any]) -> list[RemoteComponent]:
        listed = rows(documents[0])
        parents = {text(row["group"], "id") for row in listed if isinstance(row.get("group"), dict)}
        parents |= {text(row, "groupId") for row in listed}
        names = {text(row, "id"): text(row, "name") for row in listed}
        return [
            RemoteComponent(
                text(row, "id"),
                text(row, "name"),
                _STATUSES.get(text(row, "status")),
                names.get(text(row, "groupId"), ""),
                text(row, "groupId") or None,
                row["order"] if isinstance(row.get("order"), int) else 0,
                text(row, "description"),
            )
            for row in listed
            if text(row, "id") and text(row, "id") not in parents and not row.get("archivedAt")
        ]

    def latest_calls(self, page: str) -> Sequence[RemoteCall]:
        return [
            RemoteCall("GET", f"/v1/{page}/incidents?!status=RESOLVED&page=1&per_page={PAGE_SIZE}"),
            self.history_call(page, 1),
        ]

    def history_call(self, page: str, number: int) -> RemoteCall:
        return RemoteCall("GET", f"/v1/{page}/incidents?page={number}&per_page={PAGE_SIZE}")

    def incident_call(self, page: str, remote_id: str) -> RemoteCall:
        return RemoteCall("GET", f"/v1/{page}/incidents/{remote_id}")

    def incidents(self, document: Any) -> list[RemoteIncident]:
        return [incident for row in rows(document) if (incident := self.incident(row))]

    def incident(self, document: Any) -> RemoteIncident | None:
        if not isinstance(document, dict) or not text(document, "id"):
            return None
        updates = sorted(
            (_update(row) for row in rows(document.get("updates"))),
            key=lambda update: update.at or datetime.min.replace(tzinfo=UTC),
            reverse=True,
        )
        return RemoteIncident(
            text(document, "id"),
            text(document, "name"),
            stage_of(text(document, "status")),
            is_maintenance=False,
            created_at=instant(document, "started"),
            updates=tuple(updates),
        )

    def create_call(self, page: str, post: Post) -> RemoteCall:
        body = {
            "name": cut_at_sentence(post.name, NAME_MAX_CHARS, self._link),
            "shouldPublish": True,
            **self._fields(post),
            "started": _written(marked(post.incident_at, post.public_id)),
        }
        return RemoteCall("POST", f"/v1/{page}/incidents", body)

    def update_call(self, page: str, remote_id: str, post: Post) -> RemoteCall:
        body = {**self._fields(post), "started": _written(marked(post.at, post.update_public_id))}
        return RemoteCall("POST", f"/v1/{page}/incidents/{remote_id}/incident-updates", body)

    def _fields(self, post: Post) -> dict[str, Any]:
        return {
            "message": self.text_of(post),
            "status": post.stage.value.upper(),
            "components": list(post.remote_component_ids),
            "statuses": [
                {"id": component_id, "status": STATUS_WORDS[status]}
                for component_id, status in post.statuses.items()
            ],
            "notify": post.notifies,
        }

    def edit_call(self, page: str, remote_id: str, remote_update_id: str, post: Post) -> RemoteCall:
        path = f"/v1/{page}/incidents/{remote_id}/incident-updates/{remote_update_id}"
        return RemoteCall("PUT", path, {"message": self.text_of(post), "notify": False})

    def rename_call(self, page: str, remote_id: str, name: str) -> RemoteCall:
        body = {"name": cut_at_sentence(name, NAME_MAX_CHARS, self._link), "notify": False}
        return RemoteCall("PUT", f"/v1/{page}/incidents/{remote_id}", body)

    def component_call(self, page: str, remote_id: str, status: ComponentStatus) -> RemoteCall:
        return RemoteCall("PUT", f"/v1/{page}/components/{remote_id}", {"status": STATUS_WORDS[status]})

    def text_of(self, post: Post) -> str:
        return cut_at_sentence(post.body, BODY_MAX_CHARS, self._link)

    def is_ours(self, incident: RemoteIncident, post: Post) -> bool:
        """Compare the start alone: someone may have renamed the incident."""
        return incident.created_at == marked(post.incident_at, post.public_id)

    def sent_update(self, incident: RemoteIncident, post: Post) -> RemoteUpdate | None:
        at = marked(post.at, post.update_public_id)
        if post.seq == 1:
            at = marked(post.incident_at, post.public_id)
        return next((update for update in incident.updates if update.at == at), None)

    def sent_update_id(self, document: Any, post: Post) -> str:
        """Read the incident that was created, or the one update that was appended."""
        if not isinstance(document, dict):
            return ""
        incident = self.incident(document) if "updates" in document else None
        if incident is None:
            return text(document, "id") if post.seq > 1 else ""
        sent = self.sent_update(incident, post)
        return sent.id if sent else ""


def _update(row: Mapping[str, Any]) -> RemoteUpdate:
    stage = stage_of(text(row, "status"))
    return RemoteUpdate(text(row, "id"), stage, text(row, "message"), instant(row, "started"), {})
