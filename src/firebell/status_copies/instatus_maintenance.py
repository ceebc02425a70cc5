"""Maintenance at Instatus, as its OpenAPI description has it: a window, and updates of it (pure; spec 7.17)."""

from typing import Any

from firebell.kit.intervals import Interval
from firebell.status_copies.instatus_words import effects, mark, marked, written
from firebell.status_copies.model import Post, PostStage, RemoteCall, RemoteIncident
from firebell.status_copies.remote_api import PAGE_SIZE
from firebell.status_copies.text_limits import BODY_MAX_CHARS, NAME_MAX_CHARS, comparable, cut_at_sentence
from firebell.status_pages.maintenance_windows.model import MaintenanceStage

STAGE_WORDS: dict[PostStage, str] = {
    MaintenanceStage.SCHEDULED: "NOTSTARTEDYET",
    MaintenanceStage.IN_PROGRESS: "INPROGRESS",
    MaintenanceStage.VERIFYING: "INPROGRESS",
    MaintenanceStage.COMPLETED: "COMPLETED",
}
REMINDER_MINUTES = 60
"""When its subscribers are reminded before the start, if it notifies them at all."""


class InstatusMaintenance:
    """The calls about maintenance; the milliseconds of its start are the mark of ours."""

    def __init__(self, link: str) -> None:
        self._link = link

    def list_call(self, page: str) -> RemoteCall:
        """Return the call that lists the newest windows."""
        return RemoteCall("GET", f"/v1/{page}/maintenances?page=1&per_page={PAGE_SIZE}")

    def create_call(self, page: str, post: Post) -> RemoteCall:
        """Return the call that creates a window; it starts and ends there also while we are down."""
        body = {
            "name": self._name(post),
            "message": self._text(post),
            **self._window(post, _planned(post)),
            "notify": post.notifies,
            "notifyStart": post.notifies,
            "notifyEnd": post.notifies,
            "notifyEarly": post.notifies,
            "notifyMinutes": REMINDER_MINUTES,
        }
        return RemoteCall("POST", f"/v1/{page}/maintenances", body)

    def window_call(self, page: str, incident: RemoteIncident, post: Post) -> RemoteCall | None:
        """Return the call that moves a window to its planned start, None if it is there.

        The description requires a text: the one of the first update, so that nothing changes if it replaces that.
        """
        if post.planned is None or incident.created_at == marked(post.planned.start, post.public_id):
            return None
        first = incident.updates[-1].body if incident.updates else self._text(post)
        body = {"message": first, **self._window(post, post.planned), "notify": False}
        return RemoteCall("PUT", f"/v1/{page}/maintenances/{incident.id}", body)

    def update_call(self, page: str, remote_id: str, post: Post) -> RemoteCall:
        """Return the call that appends an update; its milliseconds are the mark of the update."""
        body = {
            "message": self._text(post),
            "started": written(marked(post.at, post.update_public_id)),
            "end": written(_planned(post).end),
            "status": STAGE_WORDS[post.stage],
            **effects(post),
            "notify": post.notifies,
        }
        return RemoteCall("POST", f"/v1/{page}/maintenances/{remote_id}/maintenance-updates", body)

    def is_ours(self, incident: RemoteIncident, post: Post) -> bool:
        """Return True if a window carries our mark, and our start or name: either can be changed, there or here."""
        at = incident.created_at
        if not incident.is_maintenance or at is None or at.microsecond != mark(post.public_id) * 1000:
            return False
        is_there = at == marked(_planned(post).start, post.public_id)
        return is_there or comparable(incident.name) == comparable(self._name(post))

    def _window(self, post: Post, planned: Interval) -> dict[str, Any]:
        return {
            "start": written(marked(planned.start, post.public_id)),
            "end": written(planned.end),
            "duration": max(1, round((planned.end - planned.start).total_seconds() / 60)),
            "status": STAGE_WORDS[post.stage],
            "autoStart": True,
            "autoEnd": True,
            **effects(post),
        }

    def _name(self, post: Post) -> str:
        return cut_at_sentence(post.name, NAME_MAX_CHARS, self._link)

    def _text(self, post: Post) -> str:
        return cut_at_sentence(post.body, BODY_MAX_CHARS, self._link)


def _planned(post: Post) -> Interval:
    assert post.planned
    return post.planned
