"""The API of Instatus, as its OpenAPI description has it (pure; spec 7.17)."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from firebell.kit.json_documents import rows, text_of
from firebell.kit.token_bucket import CallRate
from firebell.status_copies.instatus_maintenance import InstatusMaintenance
from firebell.status_copies.instatus_words import STATUS_WORDS, effects, marked, written
from firebell.status_copies.model import Post, RemoteCall, RemoteComponent, RemoteIncident, RemoteUpdate
from firebell.status_copies.remote_api import PAGE_SIZE, PostmortemApi, instant, stage_of
from firebell.status_copies.text_limits import BODY_MAX_CHARS, NAME_MAX_CHARS, cut_at_sentence
from firebell.status_pages.model import ComponentStatus

_STATUSES = {word: status for status, word in STATUS_WORDS.items()} | {
    "MINOROUTAGE": ComponentStatus.PARTIAL_OUTAGE
}


class InstatusApi:
    """Instatus: its words are in capitals, and it derives the impact itself."""

    address = "https://api.instatus.com"
    rate = CallRate(1.0, 5)
    """It documents no limit."""
    postmortems: PostmortemApi | None = None

    def __init__(self, link: str = "") -> None:
        self._link = link
        self._maintenance = InstatusMaintenance(link)

    def headers(self, key: str) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {key}", "User-Agent": "firebell"}

    def component_calls(self, page: str) -> Sequence[RemoteCall]:
        return [RemoteCall("GET", f"/v1/{page}/components?page=1&per_page={PAGE_SIZE}")]

    def components(self, documents: Sequence[Any]) -> list[RemoteComponent]:
        listed = rows(documents[0])
        parents = {text_of(row["group"], "id") for row in listed if isinstance(row.get("group"), dict)}
        parents |= {text_of(row, "groupId") for row in listed}
        names = {text_of(row, "id"): text_of(row, "name") for row in listed}
        return [
            RemoteComponent(
                text_of(row, "id"),
                text_of(row, "name"),
                _STATUSES.get(text_of(row, "status")),
                names.get(text_of(row, "groupId"), ""),
                text_of(row, "groupId") or None,
                row["order"] if isinstance(row.get("order"), int) else 0,
                text_of(row, "description"),
            )
            for row in listed
            if text_of(row, "id") and text_of(row, "id") not in parents and not row.get("archivedAt")
        ]

    def latest_calls(self, page: str, *, is_maintenance: bool = False) -> Sequence[RemoteCall]:
        if is_maintenance:
            return [self._maintenance.list_call(page)]
        return [
            RemoteCall("GET", f"/v1/{page}/incidents?!status=RESOLVED&page=1&per_page={PAGE_SIZE}"),
            self.history_call(page, 1),
        ]

    def history_call(self, page: str, number: int) -> RemoteCall:
        return RemoteCall("GET", f"/v1/{page}/incidents?page={number}&per_page={PAGE_SIZE}")

    def incident_call(self, page: str, remote_id: str, *, is_maintenance: bool = False) -> RemoteCall:
        kind = "maintenances" if is_maintenance else "incidents"
        return RemoteCall("GET", f"/v1/{page}/{kind}/{remote_id}")

    def incidents(self, document: Any) -> list[RemoteIncident]:
        return [incident for row in rows(document) if (incident := self.incident(row))]

    def incident(self, document: Any) -> RemoteIncident | None:
        if not isinstance(document, dict) or not text_of(document, "id"):
            return None
        updates = sorted(
            (_update(row) for row in rows(document.get("updates"))),
            key=lambda update: update.at or datetime.min.replace(tzinfo=UTC),
            reverse=True,
        )
        is_maintenance = "start" in document
        return RemoteIncident(
            text_of(document, "id"),
            text_of(document, "name"),
            stage_of(text_of(document, "status")),
            is_maintenance=is_maintenance,
            created_at=instant(document, "start" if is_maintenance else "started"),
            updates=tuple(updates),
        )

    def create_call(self, page: str, post: Post) -> RemoteCall:
        if post.planned:
            return self._maintenance.create_call(page, post)
        body = {
            "name": cut_at_sentence(post.name, NAME_MAX_CHARS, self._link),
            "shouldPublish": True,
            **self._fields(post),
            "started": written(marked(post.incident_at, post.public_id)),
        }
        return RemoteCall("POST", f"/v1/{page}/incidents", body)

    def window_call(self, page: str, incident: RemoteIncident, post: Post) -> RemoteCall | None:
        return self._maintenance.window_call(page, incident, post)

    def update_call(self, page: str, remote_id: str, post: Post) -> RemoteCall:
        if post.planned:
            return self._maintenance.update_call(page, remote_id, post)
        body = {**self._fields(post), "started": written(marked(post.at, post.update_public_id))}
        return RemoteCall("POST", f"/v1/{page}/incidents/{remote_id}/incident-updates", body)

    def _fields(self, post: Post) -> dict[str, Any]:
        return {
            "message": self.text_of(post),
            "status": post.stage.value.upper(),
            **effects(post),
            "notify": post.notifies,
        }

    def edit_call(self, page: str, remote_id: str, remote_update_id: str, post: Post) -> RemoteCall:
        path = f"/v1/{page}/incidents/{remote_id}/incident-updates/{remote_update_id}"
        if post.planned:
            path = f"/v1/{page}/maintenances/{remote_id}/maintenance-updates/{remote_update_id}"
        return RemoteCall("PUT", path, {"message": self.text_of(post), "notify": False})

    def rename_call(self, page: str, remote_id: str, name: str) -> RemoteCall:
        body = {"name": cut_at_sentence(name, NAME_MAX_CHARS, self._link), "notify": False}
        return RemoteCall("PUT", f"/v1/{page}/incidents/{remote_id}", body)

    def component_call(self, page: str, remote_id: str, status: ComponentStatus) -> RemoteCall:
        return RemoteCall("PUT", f"/v1/{page}/components/{remote_id}", {"status": STATUS_WORDS[status]})

    def text_of(self, post: Post) -> str:
        if not post.is_postmortem:
            return cut_at_sentence(post.body, BODY_MAX_CHARS, self._link)
        link = f"{self._link}/incidents/{post.public_id}"
        return f"{cut_at_sentence(post.body, BODY_MAX_CHARS - len(link) - 2, self._link)}\n\n{link}"

    def is_ours(self, incident: RemoteIncident, post: Post) -> bool:
        """Compare the start alone: someone may have renamed the incident."""
        if post.planned:
            return self._maintenance.is_ours(incident, post)
        return incident.created_at == marked(post.incident_at, post.public_id)

    def sent_update(self, incident: RemoteIncident, post: Post) -> RemoteUpdate | None:
        if post.planned and post.seq == 1:
            # it has no start of its own: it comes with the maintenance
            return incident.updates[-1] if incident.updates else RemoteUpdate("", post.stage, "", None, {})
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
            return text_of(document, "id") if post.seq > 1 else ""
        sent = self.sent_update(incident, post)
        return sent.id if sent else ""


def _update(row: Mapping[str, Any]) -> RemoteUpdate:
    stage = stage_of(text_of(row, "status"))
    return RemoteUpdate(text_of(row, "id"), stage, text_of(row, "message"), instant(row, "started"), {})
