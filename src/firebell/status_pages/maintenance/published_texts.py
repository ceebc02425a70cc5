"""Actions on the texts of published updates of maintenance: editing, translating and retracting them."""

from dataclasses import replace
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import NotFound
from firebell.kit.text import clean_text
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb
from firebell.status_pages import lookup, published_log_writer
from firebell.status_pages import store as page_store
from firebell.status_pages.maintenance import transitions
from firebell.status_pages.maintenance.actions import maintenance
from firebell.status_pages.maintenance_windows.model import Maintenance, MaintenanceUpdate
from firebell.status_pages.publishing import retraction, translating
from firebell.status_pages.publishing.actions import EDIT_REASON_MAX_CHARS, checked_text


def _update_of(window: Maintenance, seq: int) -> MaintenanceUpdate:
    update = next((each for each in window.updates if each.seq == seq), None)
    if update is None:
        raise NotFound(f"This maintenance has no update {seq}.")
    return update


@permits(Verb.STATUS_PAGE_PUBLISH)
async def edit_maintenance_update(
    tx: Tx, actor: Actor, page_id: int, public_id: str, seq: int, body: str, reason: str, now: datetime
) -> Maintenance:
    """Replace the text of a published update; the earlier one stays in the log. Idempotent."""
    page = await lookup.locked_page(tx, page_id)
    window = await maintenance(tx, page_id, public_id)
    update = _update_of(window, seq)
    body = checked_text(body)
    if body == update.body:
        return window
    edited = replace(update, body=body, version=update.version + 1)
    reason = clean_text(reason, EDIT_REASON_MAX_CHARS, "reason")
    await published_log_writer.append(tx, actor, page, public_id, edited, now, reason)
    await page_store.change_page(tx, page.id, updated_at=now)
    await tx.audit(actor, "maintenance.update_edited", page.name, now, maintenance=window.name, update=seq)
    await transitions.emit(tx, window, "updated", edited, now, notify=False)
    await tx.live(lookup.topic(page))
    return await maintenance(tx, page_id, public_id)


@permits(Verb.STATUS_PAGE_PUBLISH)
async def translate_maintenance_update(
    tx: Tx, actor: Actor, page_id: int, public_id: str, seq: int, locale: str, body: str, now: datetime
) -> Maintenance:
    """Publish the text of an update in another language of the page; it notifies no one. Idempotent.

    Reminders that are sent later have the translation. A later one replaces it; the log keeps both.
    """
    page = await lookup.locked_page(tx, page_id)
    window = await maintenance(tx, page_id, public_id)
    update = _update_of(window, seq)
    await translating.check_locale(tx, page, locale)
    body = checked_text(body)
    if update.translations.get(locale) == body:
        return window
    await translating.append(tx, actor, page, public_id, window.name, update, locale, body, now)
    await tx.live(lookup.topic(page))
    return await maintenance(tx, page_id, public_id)


@permits(Verb.STATUS_PAGE_WRITE)
async def retract_maintenance_update(
    tx: Tx, actor: Actor, page_id: int, public_id: str, seq: int, reason: str, now: datetime
) -> Maintenance:
    """Replace a text that must not be read anymore with the reason, and erase it with its translations.

    Stage and times stay. Other windows of the series keep their text.
    """
    page = await lookup.locked_page(tx, page_id)
    window = await maintenance(tx, page_id, public_id)
    update = _update_of(window, seq)
    retracted = await retraction.erase(tx, actor, page, public_id, window.name, update, reason, now)
    # copies are updated; people who were already notified are not notified again
    await transitions.emit(tx, window, "updated", retracted, now, notify=False)
    await tx.live(lookup.topic(page))
    return await maintenance(tx, page_id, public_id)
