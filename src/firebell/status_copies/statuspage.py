"""The API of Statuspage.io, version 1, as its OpenAPI description has it (pure; spec 7.17)."""

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

from firebell.kit.json_documents import rows, text_of
from firebell.kit.token_bucket import CallRate
from firebell.status_copies.model import Post, RemoteCall, RemoteComponent, RemoteIncident, RemoteUpdate
from firebell.status_copies.remote_api import PAGE_SIZE, PostmortemApi, instant, stage_of
from firebell.status_copies.statuspage_postmortems import StatuspagePostmortems
from firebell.status_copies.text_limits import BODY_MAX_CHARS, NAME_MAX_CHARS, comparable, cut_at_sentence
from firebell.status_pages.model import ComponentStatus

MARK = "firebell"
"""Our key in the metadata of an incident, whose values must be objects."""
_AUTOMATIC = (
    "scheduled_auto_in_progress",
    "scheduled_auto_completed",
    "auto_transition_to_maintenance_state",
    "auto_transition_to_operational_state",
)
_SCHEDULED = frozenset({"scheduled", "in_progress", "verifying", "completed"})


class StatuspageApi:
    """Statuspage.io: the words of stages and components are ours."""

    address = "https://api.statuspage.io/v1"
    rate = CallRate(0.8, 5)
    """It allows 60 calls in any 60 seconds for a key; this makes 53 at most."""

    def __init__(self, link: str = "") -> None:
        self._link = link
        self.postmortems: PostmortemApi | None = StatuspagePostmortems(link)

    def headers(self, key: str) -> Mapping[str, str]:
        return {"Authorization": f"OAuth {key}", "User-Agent": "firebell"}

    def component_calls(self, page: str) -> Sequence[RemoteCall]:
        return [
            RemoteCall("GET", f"/pages/{page}/{what}?page=1&per_page={PAGE_SIZE}")
            for what in ("components", "component-groups")
        ]

    def components(self, documents: Sequence[Any]) -> list[RemoteComponent]:
        listed, groups = documents
        names = {text_of(group, "id"): text_of(group, "name") for group in rows(groups)}
        return [
            RemoteComponent(
                text_of(row, "id"),
                text_of(row, "name"),
                _status(text_of(row, "status")),
                names.get(text_of(row, "group_id"), ""),
                text_of(row, "group_id") or None,
                row["position"] if isinstance(row.get("position"), int) else 0,
                text_of(row, "description"),
                text_of(row, "start_date"),
            )
            for row in rows(listed)
            if text_of(row, "id") and row.get("group") is not True
        ]

    def latest_calls(self, page: str, *, is_maintenance: bool = False) -> Sequence[RemoteCall]:
        # its lists of incidents have maintenance too
        return [
            RemoteCall("GET", f"/pages/{page}/incidents/unresolved?per_page={PAGE_SIZE}"),
            self.history_call(page, 1),
        ]

    def history_call(self, page: str, number: int) -> RemoteCall:
        return RemoteCall("GET", f"/pages/{page}/incidents?limit={PAGE_SIZE}&page={number}")

    def incident_call(self, page: str, remote_id: str, *, is_maintenance: bool = False) -> RemoteCall:
        return RemoteCall("GET", f"/pages/{page}/incidents/{remote_id}")

    def incidents(self, document: Any) -> list[RemoteIncident]:
        return [incident for row in rows(document) if (incident := self.incident(row))]

    def incident(self, document: Any) -> RemoteIncident | None:
        if not isinstance(document, dict) or not text_of(document, "id"):
            return None
        metadata = document.get("metadata")
        mark = metadata.get(MARK) if isinstance(metadata, dict) else None
        mark = mark if isinstance(mark, dict) else {}
        seq = mark.get("seq")
        return RemoteIncident(
            text_of(document, "id"),
            text_of(document, "name"),
            stage_of(text_of(document, "status")),
            text_of(document, "status") in _SCHEDULED,
            instant(document, "created_at"),
            tuple(_update(row) for row in rows(document.get("incident_updates"))),
            text_of(mark, "id"),
            seq if isinstance(seq, int) else 0,
            text_of(document, "impact"),
        )

    def create_call(self, page: str, post: Post) -> RemoteCall:
        incident = {"name": cut_at_sentence(post.name, NAME_MAX_CHARS, self._link), **self._fields(post)}
        if post.impact_override:
            incident["impact_override"] = post.impact_override
        if post.planned:
            # it goes on there when we are down
            incident |= dict.fromkeys(_AUTOMATIC, True)
            incident["scheduled_remind_prior"] = post.notifies
        return RemoteCall("POST", f"/pages/{page}/incidents", {"incident": incident})

    def window_call(self, page: str, incident: RemoteIncident, post: Post) -> RemoteCall | None:
        return None

    def update_call(self, page: str, remote_id: str, post: Post) -> RemoteCall:
        return RemoteCall("PATCH", f"/pages/{page}/incidents/{remote_id}", {"incident": self._fields(post)})

    def _fields(self, post: Post) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "status": post.stage.value,
            "body": self.text_of(post),
            "deliver_notifications": post.notifies,
            "metadata": {MARK: {"id": post.public_id, "seq": post.seq}},
        }
        if post.planned:
            fields["scheduled_for"] = post.planned.start.astimezone(UTC).isoformat()
            fields["scheduled_until"] = post.planned.end.astimezone(UTC).isoformat()
        if post.remote_component_ids:
            fields["component_ids"] = list(post.remote_component_ids)
        if post.statuses:
            fields["components"] = {
                component_id: status.code for component_id, status in post.statuses.items()
            }
        return fields

    def edit_call(self, page: str, remote_id: str, remote_update_id: str, post: Post) -> RemoteCall:
        update = {"body": self.text_of(post), "deliver_notifications": False}
        path = f"/pages/{page}/incidents/{remote_id}/incident_updates/{remote_update_id}"
        return RemoteCall("PATCH", path, {"incident_update": update})

    def rename_call(self, page: str, remote_id: str, name: str) -> RemoteCall:
        fields = {"name": cut_at_sentence(name, NAME_MAX_CHARS, self._link), "deliver_notifications": False}
        return RemoteCall("PATCH", f"/pages/{page}/incidents/{remote_id}", {"incident": fields})

    def component_call(self, page: str, remote_id: str, status: ComponentStatus) -> RemoteCall:
        body = {"component": {"status": status.code}}
        return RemoteCall("PATCH", f"/pages/{page}/components/{remote_id}", body)

    def text_of(self, post: Post) -> str:
        return cut_at_sentence(post.body, BODY_MAX_CHARS, self._link)

    def is_ours(self, incident: RemoteIncident, post: Post) -> bool:
        return incident.mark_id == post.public_id

    def sent_update(self, incident: RemoteIncident, post: Post) -> RemoteUpdate | None:
        ours, body = self.is_ours(incident, post), comparable(self.text_of(post))
        if ours and incident.mark_seq < post.seq:
            return None
        same = [
            update
            for update in incident.updates
            if update.stage is post.stage and comparable(update.body) == body
        ]
        if ours:
            # the mark alone says that it was sent, also when someone edited the text since
            return same[0] if same else RemoteUpdate("", post.stage, "", None, {})
        return same[0] if same and same[0] is incident.updates[0] else None

    def sent_update_id(self, document: Any, post: Post) -> str:
        incident = self.incident(document)
        sent = self.sent_update(incident, post) if incident else None
        return sent.id if sent else ""


def _status(word: str) -> ComponentStatus | None:
    try:
        return ComponentStatus.of(word)
    except ValueError:
        return None


def _update(row: Mapping[str, Any]) -> RemoteUpdate:
    statuses = {}
    for affected in rows(row.get("affected_components")):
        status = _status(text_of(affected, "new_status"))
        if status is not None and text_of(affected, "code"):
            statuses[text_of(affected, "code")] = status
    at = instant(row, "display_at") or instant(row, "created_at")
    word = text_of(row, "status")
    return RemoteUpdate(
        text_of(row, "id"),
        stage_of(word),
        text_of(row, "body"),
        at,
        statuses,
        is_postmortem=word == "postmortem",
    )
