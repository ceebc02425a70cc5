"""Appends published texts to the log of a status page."""

from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.people.action_permissions import internal
from firebell.status_pages import store
from firebell.status_pages.model import StatusPage
from firebell.status_pages.published_log import chain as published_log_chain
from firebell.status_pages.published_log import store as published_log_store
from firebell.status_pages.published_log import translation_store
from firebell.status_pages.published_log.chain import LoggedUpdate
from firebell.status_pages.signing import keyring


@internal("Called by the actions that publish or edit.")
async def append(
    tx: Tx,
    actor: Actor,
    page: StatusPage,
    public_id: str,
    update: LoggedUpdate,
    now: datetime,
    reason: str = "",
    *,
    locale: str = "",
) -> None:
    """Append the text of an update of a public incident to the log of its page, which must be locked.

    With a locale, it is the translation of the text.
    """
    seq, prev = await published_log_store.last_of_chain(tx, page.id)
    names = await store.component_public_ids(tx, page.id)
    entry = published_log_chain.LogEntry(
        *(page.slug, seq + 1, public_id, update.public_id, update.version),
        *(update.kind, update.stage),
        {names[effect.component_id]: effect.status.code for effect in update.effects},
        update.display_at,
        now,
        published_log_chain.body_hash(update.body),
        locale,
    )
    hashed = published_log_chain.entry_hash(entry, prev)
    key = await keyring.signing_key(tx, actor, page.id, entry.seq, now)
    chained = published_log_chain.ChainedEntry(entry, prev, hashed, keyring.signature(key, hashed))
    if locale:
        await translation_store.insert(tx, page.id, update, chained, actor.label, now)
        return
    await published_log_store.insert_version(tx, page.id, update, chained, actor.label, reason, now)
