"""What each provider's mapping offers; it makes calls and reads documents, and speaks to no one (pure)."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from firebell.kit.clock import YEARS
from firebell.kit.json_documents import text_of
from firebell.kit.token_bucket import CallRate
from firebell.status_copies.model import (
    Post,
    PostStage,
    RemoteCall,
    RemoteComponent,
    RemoteIncident,
    RemotePostmortem,
    RemoteUpdate,
)
from firebell.status_pages.maintenance_windows.model import MaintenanceStage
from firebell.status_pages.model import ComponentStatus, Stage

PAGE_SIZE = 100
"""Rows of one list; the most that both providers return."""


class PostmortemApi(Protocol):
    """The part of an API for post-mortems that are not updates of their incident."""

    def read_call(self, page: str, remote_id: str) -> RemoteCall:
        """Return the call that reads the post-mortem of an incident."""
        ...

    def postmortem(self, document: Any) -> RemotePostmortem:
        """Return the post-mortem in an answer to `read_call`."""
        ...

    def text_of(self, post: Post) -> str:
        """Return the text as it is sent."""
        ...

    def draft_call(self, page: str, remote_id: str, post: Post) -> RemoteCall:
        """Return the call that stores the text, which readers do not see yet. Idempotent."""
        ...

    def publish_call(self, page: str, remote_id: str, post: Post) -> RemoteCall:
        """Return the call that shows the stored text to readers. Idempotent."""
        ...


class RemoteApi(Protocol):
    """The API of a provider."""

    address: str
    rate: CallRate
    postmortems: PostmortemApi | None
    """None if a post-mortem is sent as the last update of its incident."""

    def headers(self, key: str) -> Mapping[str, str]:
        """Return the headers of each call."""
        ...

    def component_calls(self, page: str) -> Sequence[RemoteCall]:
        """Return the calls that list the components and their groups."""
        ...

    def components(self, documents: Sequence[Any]) -> list[RemoteComponent]:
        """Return the components of the answers to `component_calls`."""
        ...

    def latest_calls(self, page: str, *, is_maintenance: bool = False) -> Sequence[RemoteCall]:
        """Return the calls that together list what is open and the newest incidents, or the newest maintenance."""
        ...

    def history_call(self, page: str, number: int) -> RemoteCall:
        """Return the call that lists a page of all incidents, newest first; the first has the number 1."""
        ...

    def incident_call(self, page: str, remote_id: str, *, is_maintenance: bool = False) -> RemoteCall:
        """Return the call that reads one incident, or one window of maintenance."""
        ...

    def incidents(self, document: Any) -> list[RemoteIncident]:
        """Return the incidents of a list; what is not an incident is left out."""
        ...

    def incident(self, document: Any) -> RemoteIncident | None:
        """Return an incident, None if the document is something else."""
        ...

    def create_call(self, page: str, post: Post) -> RemoteCall:
        """Return the call that creates an incident with its first update."""
        ...

    def window_call(self, page: str, incident: RemoteIncident, post: Post) -> RemoteCall | None:
        """Return the call that moves maintenance there, None if the call of the update does or it is not needed."""
        ...

    def update_call(self, page: str, remote_id: str, post: Post) -> RemoteCall:
        """Return the call that appends an update."""
        ...

    def edit_call(self, page: str, remote_id: str, remote_update_id: str, post: Post) -> RemoteCall:
        """Return the call that replaces the text of an update and notifies no one. Idempotent."""
        ...

    def rename_call(self, page: str, remote_id: str, name: str) -> RemoteCall:
        """Return the call that renames an incident. Idempotent."""
        ...

    def component_call(self, page: str, remote_id: str, status: ComponentStatus) -> RemoteCall:
        """Return the call that sets the status of a component. Idempotent."""
        ...

    def text_of(self, post: Post) -> str:
        """Return the text of an update as it is sent."""
        ...

    def is_ours(self, incident: RemoteIncident, post: Post) -> bool:
        """Return True if the incident is the copy of the one that the update belongs to."""
        ...

    def sent_update(self, incident: RemoteIncident, post: Post) -> RemoteUpdate | None:
        """Return the update on the copy if it was sent before, None if it was not."""
        ...

    def sent_update_id(self, document: Any, post: Post) -> str:
        """Return the id of the update in the answer to the call that sent it, empty if it cannot be told apart."""
        ...


def instant(row: Mapping[str, Any], name: str) -> datetime | None:
    """Return an instant of an object, None if it has none with a time zone or a year that no page could show."""
    try:
        at = datetime.fromisoformat(text_of(row, name))
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo and at.year in YEARS else None


_OTHER_WORDS: Mapping[str, PostStage] = {
    "postmortem": Stage.RESOLVED,
    "notstartedyet": MaintenanceStage.SCHEDULED,
    "inprogress": MaintenanceStage.IN_PROGRESS,
}


def stage_of(word: str) -> PostStage | None:
    """Return the stage of a word of either provider, None for one that is not known; a post-mortem is resolved."""
    name = word.lower()
    if name in _OTHER_WORDS:
        return _OTHER_WORDS[name]
    if name in list(MaintenanceStage):
        return MaintenanceStage(name)
    return Stage(name) if name in list(Stage) else None
