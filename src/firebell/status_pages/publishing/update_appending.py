"""Appends an update of a public incident to it, and records in a timeline that it was published."""

from collections.abc import Mapping
from datetime import datetime

from firebell.incidents import actions as incidents
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.public_markdown import to_plain
from firebell.people.action_permissions import internal
from firebell.status_pages import incident_store, published_log_writer
from firebell.status_pages.model import ENTRY_KIND, PublicIncident, PublicUpdate, StatusPage, UpdateKind
from firebell.status_pages.publishing import translating


@internal("Called by the actions that publish.")
async def append(
    tx: Tx,
    actor: Actor,
    page: StatusPage,
    published: PublicIncident,
    update: PublicUpdate,
    translations: Mapping[str, str],
    now: datetime,
) -> PublicUpdate:
    """Store an update and its translations, also in the log of its page, which must be locked; return it."""
    update = await incident_store.insert_update(tx, published.id, update, actor.person_id)
    await published_log_writer.append(tx, actor, page, published.public_id, update, now)
    for locale, text in translations.items():
        await translating.append(
            tx, actor, page, published.public_id, published.name, update, locale, text, now
        )
    return update


@internal("Called by the actions that publish.")
async def record_entry(
    tx: Tx, actor: Actor, page: StatusPage, incident_id: int, update: PublicUpdate, now: datetime
) -> None:
    """Record an update in the timeline of an incident, as plain text."""
    label = "post-mortem" if update.kind is UpdateKind.POSTMORTEM else str(update.stage)
    text = f"published on {page.name}: {label}. {to_plain(update.body)}"
    data = {"status_page": page.slug, "stage": str(update.stage)}
    await incidents.record_entry(tx, actor, incident_id, ENTRY_KIND, text, data, now)
