"""Retracting a published text: it is erased everywhere on the page, and its hash stays in the log (spec 7.7)."""

from dataclasses import replace
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.text import required_text
from firebell.people.action_permissions import internal, permits
from firebell.people.permissions import Verb
from firebell.status_pages import lookup, published_log_writer, store
from firebell.status_pages.maintenance_windows.model import MaintenanceUpdate
from firebell.status_pages.model import (
    PublicIncident,
    PublicUpdate,
    StatusPage,
    UpdatePublished,
)
from firebell.status_pages.published_log import store as published_log_store
from firebell.status_pages.publishing.actions import EDIT_REASON_MAX_CHARS, public_incident, update_of

U = TypeVar("U", PublicUpdate, MaintenanceUpdate)


@permits(Verb.STATUS_PAGE_WRITE)
async def retract_update(
    tx: Tx, actor: Actor, page_id: int, public_id: str, seq: int, reason: str, now: datetime
) -> PublicIncident:
    """Replace a text that must not be read anymore by the reason, and erase it with its translations.

    The log keeps their hashes, so it still verifies. Stage and components stay. Nothing brings the text back.
    """
    page = await lookup.locked_page(tx, page_id)
    published = await public_incident(tx, page_id, public_id)
    update = update_of(published, seq)
    retracted = await erase(tx, actor, page, published.public_id, published.name, update, reason, now)
    await tx.emit(
        UpdatePublished(page.id, published.id, published.public_id, update.id, seq, retracted.version), now
    )
    await tx.live(lookup.topic(page))
    return await public_incident(tx, page_id, public_id)


@internal("Called by the actions that retract.")
async def erase(
    tx: Tx,
    actor: Actor,
    page: StatusPage,
    public_id: str,
    name: str,
    update: U,
    reason: str,
    now: datetime,
) -> U:
    """Erase the texts of an update and publish the reason in their place; return the update with it.

    `public_id` and `name` are those of what the update is about; the page must be locked.
    """
    hint = "Enter a reason that doesn’t repeat the text."
    reason = required_text(reason, EDIT_REASON_MAX_CHARS, name="reason", hint=hint, field="reason")
    notice = f"Removed at {now.astimezone(ZoneInfo(page.tz)):%H:%M %Z}: {reason}"
    await published_log_store.erase_texts(tx, update.id)
    retracted = replace(update, body=notice, version=update.version + 1)
    await published_log_writer.append(tx, actor, page, public_id, retracted, now, reason)
    await store.change_page(tx, page.id, updated_at=now)
    await tx.audit(
        *(actor, "status_page.update_retracted", page.name, now),
        incident=name,
        update=update.seq,
        reason=reason,
    )
    return retracted
