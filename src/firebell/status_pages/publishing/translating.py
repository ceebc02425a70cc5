"""Translations of published texts, of incidents and of maintenance, into the other languages of their page."""

from dataclasses import replace
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Invalid
from firebell.people.action_permissions import internal
from firebell.status_pages import published_log_writer
from firebell.status_pages.hosting import store as hosting_store
from firebell.status_pages.maintenance_windows.model import MaintenanceUpdate
from firebell.status_pages.model import PublicUpdate, StatusPage
from firebell.status_pages.published_log import translation_store


async def check_locale(tx: Tx, page: StatusPage, locale: str) -> None:
    """Raise `Invalid` unless a page has this language beside its own."""
    locales = (await hosting_store.theme(tx, page.id)).locales
    if locale not in locales:
        offered = (
            f"Use {', '.join(locales)}." if locales else "Choose its languages at Access and appearance."
        )
        raise Invalid(
            f"{locale[:20]!r} is not an additional language of {page.name}.", fields={"locale": offered}
        )


@internal("Called by the actions that publish and translate.")
async def append(
    tx: Tx,
    actor: Actor,
    page: StatusPage,
    public_id: str,
    name: str,
    update: PublicUpdate | MaintenanceUpdate,
    locale: str,
    body: str,
    now: datetime,
) -> None:
    """Append a translation of an update to the log of its page, which must be locked.

    `public_id` and `name` are those of what the update is about.
    """
    version = await translation_store.next_version(tx, update.id, locale)
    translation = replace(update, body=body, version=version)
    await published_log_writer.append(tx, actor, page, public_id, translation, now, locale=locale)
    await tx.audit(
        *(actor, "status_page.update_translated", page.name, now),
        incident=name,
        update=update.seq,
        locale=locale,
    )
