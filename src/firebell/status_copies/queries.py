"""What copies read of status pages, and what people see of copies."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.status_copies import difference_store, step_store, store, update_posts
from firebell.status_copies.model import (
    STUCK,
    CopyState,
    Difference,
    DifferenceState,
    OfferedPostmortem,
    QueuedStep,
    RemoteComponent,
    StatusCopy,
)
from firebell.status_pages import queries as status_pages
from firebell.status_pages.maintenance_windows.model import Maintenance
from firebell.status_pages.model import Component, ComponentGroup, ComponentStatus, PublicIncident, StatusPage

SHOWN_STEPS = 100
SHOWN_POSTMORTEMS = 20


async def page_of(tx: Tx, copy: StatusCopy) -> StatusPage:
    """Return the status page of a copy."""
    return await status_pages.page_by_id(tx, copy.status_page_id)


async def published(tx: Tx, copy: StatusCopy, public_incident_ids: Sequence[int]) -> list[PublicIncident]:
    """Return public incidents of the status page of a copy."""
    return await status_pages.published_incidents(tx, copy.status_page_id, public_incident_ids)


async def maintenance(tx: Tx, public_incident_id: int) -> Maintenance | None:
    """Return the maintenance that a public incident is, None if it is not maintenance."""
    return await status_pages.maintenance_by_id(tx, public_incident_id)


async def statuses(
    tx: Tx, page: StatusPage, now: datetime
) -> tuple[list[Component], dict[int, ComponentStatus]]:
    """Return the components of a status page, and the status of each as of now."""
    view = await status_pages.view_of(tx, page, now)
    return (
        [shown.component for shown in view.components],
        {shown.component.id: shown.status for shown in view.components},
    )


async def components(tx: Tx, page: StatusPage, now: datetime) -> Sequence[Component]:
    """Return the components of a status page."""
    return (await status_pages.snapshot(tx, page, now)).components


async def groups(tx: Tx, page: StatusPage, now: datetime) -> Sequence[ComponentGroup]:
    """Return the groups of a status page."""
    return (await status_pages.snapshot(tx, page, now)).groups


@dataclass(frozen=True, slots=True)
class CopyView:
    """A copy with its components, its queue and what is different there."""

    copy: StatusCopy
    components: Sequence[Component]
    remote_components: Sequence[RemoteComponent]
    mapped: dict[int, str]
    queue: Sequence[QueuedStep]
    differences: Sequence[Difference]
    postmortems: Sequence[OfferedPostmortem]
    """The published post-mortems that a person can send there."""

    @property
    def open_differences(self) -> list[Difference]:
        """The differences that no one ignores."""
        return [each for each in self.differences if each.state is not DifferenceState.IGNORED]

    @property
    def stuck(self) -> list[QueuedStep]:
        """The steps that wait for a person."""
        return [each for each in self.queue if each.step.state in STUCK]

    @property
    def unmapped(self) -> list[Component]:
        """The components that the copy does not have."""
        return [component for component in self.components if component.id not in self.mapped]

    @property
    def health(self) -> str:
        """The look of the copy: late, warn, idle or ok."""
        if self.copy.state is CopyState.STOPPED or self.stuck:
            return "late"
        if self.copy.state is CopyState.PAUSED:
            return "idle"
        return "warn" if self.open_differences or self.queue else "ok"


async def copy_views(tx: Tx, page: StatusPage, now: datetime) -> list[CopyView]:
    """Return the copies of a status page."""
    copies = await store.copies(tx, [page.id])
    ids = [copy.id for copy in copies]
    queue = await step_store.unfinished(tx, ids, SHOWN_STEPS)
    differences = await difference_store.differences(tx, ids)
    own = await components(tx, page, now) if copies else []
    return [
        CopyView(
            copy,
            own,
            await store.remote_components(tx, copy.id),
            await store.component_map(tx, copy.id),
            [each for each in queue if each.step.copy_id == copy.id],
            [each for each in differences if each.copy_id == copy.id],
            await step_store.offered_postmortems(tx, copy.id, SHOWN_POSTMORTEMS),
        )
        for copy in copies
    ]


async def unmapped_by_incident(
    tx: Tx, incident_ids: Sequence[int]
) -> dict[int, list[tuple[StatusCopy, int]]]:
    """Return the copies that lack components of what is published about incidents, with the number, by incident."""
    lacking: dict[int, list[tuple[StatusCopy, int]]] = {}
    queued = await step_store.copied_incidents(tx, incident_ids)
    copies = {copy.id: copy for copy in await store.copies(tx)} if queued else {}
    for incident_id, public_incident_id, copy_id in queued:
        copy = copies[copy_id]
        mapped = await store.component_map(tx, copy_id)
        for incident in await published(tx, copy, [public_incident_id]):
            if missing := update_posts.unmapped(incident, mapped):
                lacking.setdefault(incident_id, []).append((copy, len(missing)))
    return lacking
