"""Replacing the key of a status page."""

from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.text import required_text
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb
from firebell.status_pages import lookup, store
from firebell.status_pages.published_log import chain as published_log_chain
from firebell.status_pages.published_log import store as published_log_store
from firebell.status_pages.published_log.chain import ChainedKey, KeyEntry
from firebell.status_pages.signing import keyring
from firebell.status_pages.signing import store as signing_store
from firebell.status_pages.signing.model import SigningKey, encoded_key

REASON_MAX_CHARS = 500


@permits(Verb.STATUS_PAGE_WRITE)
async def replace_key(tx: Tx, actor: Actor, page_id: int, reason: str, now: datetime) -> list[SigningKey]:
    """Replace the key of a page and erase it; the log announces the new one, signed by the old one.

    Return all keys of the page, oldest first.
    """
    hint = "Enter a reason; readers of the log see it."
    reason = required_text(reason, REASON_MAX_CHARS, name="reason", hint=hint, field="reason")
    page = await lookup.locked_page(tx, page_id)
    last, prev = await published_log_store.last_of_chain(tx, page_id)
    former = await keyring.signing_key(tx, actor, page_id, last + 1, now)
    new = Ed25519PrivateKey.generate()
    entry = KeyEntry(page.slug, last + 1, encoded_key(new.public_key().public_bytes_raw()), now)
    hashed = published_log_chain.key_entry_hash(entry, prev)
    announcement = ChainedKey(entry, prev, hashed, keyring.signature(former, hashed))
    await signing_store.erase_private_key(tx, page_id)
    await signing_store.insert(
        tx, page_id, new, last + 2, actor.label, now, announcement=announcement, reason=reason
    )
    await store.change_page(tx, page_id, updated_at=now)
    await tx.audit(actor, "status_page.key_replaced", page.name, now, key=entry.key, reason=reason)
    await tx.live(lookup.topic(page))
    return await signing_store.keys(tx, page_id)
