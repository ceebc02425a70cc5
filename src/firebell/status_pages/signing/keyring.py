"""Creates the keys of status pages, and signs with them."""

from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.people.action_permissions import internal
from firebell.status_pages.signing import store


@internal("Called by the actions that publish.")
async def signing_key(tx: Tx, actor: Actor, page_id: int, next_seq: int, now: datetime) -> Ed25519PrivateKey:
    """Return the key of a page, which must be locked; create it if it has none, from the entry `next_seq` on."""
    key = await store.present(tx, page_id)
    if key is None:
        key = Ed25519PrivateKey.generate()
        await store.insert(tx, page_id, key, next_seq, actor.label, now)
    return key


def signature(key: Ed25519PrivateKey, entry_hash: str) -> bytes:
    """Return the signature of an entry: of the 64 characters of its hash."""
    return key.sign(entry_hash.encode())
