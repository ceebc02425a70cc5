"""The one-time import of what a provider published: components, groups, and incidents with their updates."""

from collections.abc import Sequence
from datetime import date, datetime

from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM
from firebell.kit.text import NAME_LIMIT
from firebell.status_copies import queries, step_store, store
from firebell.status_copies.model import RemoteComponent, RemoteIncident, StatusCopy, topic
from firebell.status_copies.remote_api import PAGE_SIZE
from firebell.status_copies.text_limits import BODY_MAX_CHARS, NAME_MAX_CHARS
from firebell.status_pages import actions as status_pages
from firebell.status_pages.model import ComponentStatus, Stage
from firebell.status_pages.publishing import imported_history
from firebell.status_pages.publishing.imported_history import ImportedUpdate

MAX_PAGES = 50
INCIDENTS_PER_TRANSACTION = 5
"""So that the status page is locked for a moment only, and someone who publishes never waits."""


async def import_components(
    tx: Tx, copy: StatusCopy, components: Sequence[RemoteComponent], now: datetime
) -> None:
    """Add their components and groups to the status page and map them; an equal name is the same. Idempotent."""
    if await store.lock_copy(tx, copy.id) is None:
        return
    page = await queries.page_of(tx, copy)
    by_name = {c.name.casefold(): c.id for c in await queries.components(tx, page, now)}
    mapped = await store.component_map(tx, copy.id)
    groups = {group.name.casefold(): group.id for group in await queries.groups(tx, page, now)}
    taken = set(mapped.values())
    for component in sorted(components, key=lambda each: (each.group_name, each.position)):
        name = component.name.strip()[:NAME_LIMIT]
        if not name or component.id in taken:
            continue
        component_id = by_name.get(name.casefold())
        if component_id is None:
            group_id = None
            if group_name := component.group_name.strip()[:NAME_LIMIT]:
                group_id = groups.get(group_name.casefold())
                if group_id is None:
                    group = await status_pages.add_group(tx, SYSTEM, page.id, group_name, now)
                    group_id = groups[group_name.casefold()] = group.id
            added = await status_pages.add_component(
                tx,
                SYSTEM,
                page.id,
                name=name,
                service_ids=(),
                group_id=group_id,
                start_date=_day(component.start_date),
                now=now,
            )
            component_id = by_name[name.casefold()] = added.id
        mapped.setdefault(component_id, component.id)
    await store.set_component_map(tx, copy.id, mapped)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


async def import_incidents(
    tx: Tx, copy: StatusCopy, incidents: Sequence[RemoteIncident], now: datetime
) -> None:
    """Import incidents that were not imported before and are not copies of ours. Idempotent."""
    locked = await store.lock_copy(tx, copy.id)
    if locked is None:
        return
    known = await step_store.known_remote_ids(tx, copy.id, [incident.id for incident in incidents])
    own_ids = {remote_id: own_id for own_id, remote_id in (await store.component_map(tx, copy.id)).items()}
    imported = 0
    for incident in incidents:
        updates = _updates(incident, own_ids, now)
        if incident.id in known or incident.mark_id or incident.is_maintenance or not updates:
            continue
        published = await imported_history.import_incident(
            tx,
            SYSTEM,
            copy.status_page_id,
            " ".join(incident.name.split())[:NAME_MAX_CHARS] or "Incident",
            updates,
            now,
        )
        await step_store.set_remote_id(tx, copy.id, published.id, incident.id, is_imported=True)
        imported += 1
    await store.change_copy(tx, copy.id, imported=locked.imported + imported)


def _updates(incident: RemoteIncident, own_ids: dict[str, int], now: datetime) -> list[ImportedUpdate]:
    """Return the updates with a stage and a time in the past, oldest first."""
    updates = []
    for update in reversed(incident.updates):
        at = update.at or incident.created_at
        if not isinstance(update.stage, Stage) or at is None or at > now:
            continue
        statuses: dict[int, ComponentStatus] = {
            own_ids[remote_id]: status
            for remote_id, status in update.statuses.items()
            if remote_id in own_ids and status is not ComponentStatus.UNDER_MAINTENANCE
        }
        updates.append(ImportedUpdate(update.stage, update.body[:BODY_MAX_CHARS], at, statuses))
    return updates


async def finish_page(tx: Tx, copy: StatusCopy, number: int, rows: int, now: datetime) -> None:
    """Go on with the next page, or end the import after the last one."""
    is_last = rows < PAGE_SIZE or number >= MAX_PAGES
    await store.change_copy(tx, copy.id, import_page=None if is_last else number + 1)
    if is_last and (locked := await store.lock_copy(tx, copy.id)):
        page = await queries.page_of(tx, copy)
        await tx.audit(
            SYSTEM, "status_copy.imported", page.name, now, copy=copy.label, incidents=locked.imported
        )
        await tx.live(topic(copy.status_page_id))
        await tx.live(f"status-{page.slug}")
