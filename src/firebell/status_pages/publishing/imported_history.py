"""Incidents that were published elsewhere before, imported with their updates. Nothing is sent about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Invalid
from firebell.kit.text import clean_name, clean_text
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb
from firebell.status_pages import incident_store, lookup, published_log_writer, store
from firebell.status_pages.model import (
    STAGE_LABELS,
    ComponentStatus,
    Effect,
    PublicIncident,
    PublicUpdate,
    Stage,
    StatusPage,
    UpdateKind,
)
from firebell.status_pages.publishing import actions as publishing


@dataclass(frozen=True, slots=True)
class ImportedUpdate:
    """An update as it was published elsewhere; `statuses` gives the status of components by id."""

    stage: Stage
    body: str
    at: datetime
    statuses: Mapping[int, ComponentStatus]


@permits(Verb.STATUS_PAGE_WRITE)
async def import_incident(
    tx: Tx, actor: Actor, page_id: int, name: str, updates: Sequence[ImportedUpdate], now: datetime
) -> PublicIncident:
    """Publish an incident with its updates as they were, oldest first; the log says when it was imported."""
    page = await lookup.locked_page(tx, page_id)
    ordered = sorted(updates, key=lambda update: update.at)
    if not ordered or ordered[-1].at > now:
        raise Invalid("An imported incident needs updates, all of them in the past.")
    name = clean_name(name, "name", limit=publishing.NAME_MAX_CHARS)
    public_id = lookup.new_public_id()
    new_id = await incident_store.insert_incident(tx, page_id, public_id, None, name, None, ordered[0].at)
    published = PublicIncident(new_id, public_id, None, name, None, ordered[0].at, None, None, 0, ())
    known = {component.id for component in await store.components(tx, page_id)}
    regressions = await _insert_updates(tx, actor, page, published, ordered, known, now)
    is_over = ordered[-1].stage is Stage.RESOLVED
    monitoring = [update.at for update in ordered if update.stage is Stage.MONITORING]
    await incident_store.change_incident(
        tx,
        new_id,
        resolved_at=ordered[-1].at if is_over else None,
        monitoring_at=monitoring[0] if monitoring else None,
        regressions=regressions,
    )
    return await publishing.public_incident(tx, page_id, public_id)


async def _insert_updates(
    tx: Tx,
    actor: Actor,
    page: StatusPage,
    published: PublicIncident,
    updates: Sequence[ImportedUpdate],
    known: set[int],
    now: datetime,
) -> int:
    """Insert the updates and return how many of them went back to an earlier stage."""
    named: set[int] = set()
    stage, regressions = Stage.INVESTIGATING, 0
    for seq, update in enumerate(updates, 1):
        statuses = {i: status for i, status in update.statuses.items() if i in known}
        named |= set(statuses)
        if update.stage is Stage.RESOLVED:
            statuses = dict.fromkeys(named, ComponentStatus.OPERATIONAL)
        is_back = update.stage.rank < stage.rank
        stage, regressions = update.stage, regressions + is_back
        new = PublicUpdate(
            0,
            lookup.new_public_id(),
            seq,
            update.stage,
            UpdateKind.REGRESSION if is_back else UpdateKind.UPDATE,
            clean_text(update.body, publishing.BODY_MAX_CHARS) or STAGE_LABELS[update.stage],
            tuple(Effect(i, status, update.at) for i, status in statuses.items()),
            display_at=update.at,
            next_update_at=None,
            created_at=update.at,
            actor=actor.label,
        )
        new = await incident_store.insert_update(tx, published.id, new, actor.person_id)
        await published_log_writer.append(tx, actor, page, published.public_id, new, now)
    return regressions
