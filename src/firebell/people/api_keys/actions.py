"""Actions on API keys; `people.actions` offers them to other slices."""

from datetime import datetime

from firebell.kit import signing, undo
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Forbidden, NotFound
from firebell.kit.text import clean_name
from firebell.people import permissions, store, validation
from firebell.people.action_permissions import permits, rights_of
from firebell.people.api_keys import store as key_store
from firebell.people.model import ApiKey, Role
from firebell.people.permissions import Rights, Verb


@permits(Verb.API_KEY_CREATE, own="person_id")
async def create_api_key(
    tx: Tx, actor: Actor, *, name: str, scopes: list[str], person_id: int, now: datetime
) -> tuple[ApiKey, str]:
    """Return a new key and its secret, which is not stored.

    Raise `Forbidden` for a scope that the owner's current role does not include, so that no stored scope
    takes effect with a later promotion.
    """
    checked = validation.check_scopes(scopes)
    if not await store.hold_active(tx, person_id):
        raise Conflict("This account is deactivated.", hint="Ask an admin of your organization.")
    owner = (await store.people_by_id(tx, [person_id]))[person_id]
    permissions.check_new_key(Rights(Role(owner.role)), checked)
    secret = f"fb_{signing.random_token()}"
    api_key = await key_store.insert_key(
        tx,
        clean_name(name, "name"),
        secret[:9],
        signing.token_hash(secret),
        checked,
        person_id,
        now,
    )
    await tx.audit(actor, "key.created", f"key:{api_key.id}", now, name=api_key.name, scopes=checked)
    return api_key, secret


@permits(Verb.API_KEY_REVOKE, own="person_id")
async def revoke_api_key(tx: Tx, actor: Actor, key_id: int, person_id: int, now: datetime) -> str:
    """Revoke a key of the person and return its name."""
    name = await key_store.revoke_key(tx, key_id, person_id, now)
    if name is None:
        raise NotFound("This key doesn’t exist or is already revoked.")
    await tx.audit(actor, "key.revoked", f"key:{key_id}", now)
    return name


@permits(Verb.API_KEY_REVOKE)
async def restore_api_key(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> None:
    """Restore a revoked key; raise `Conflict` if its owner has been deactivated since.

    An API key can't restore a key with scopes that it lacks, because it couldn't have revoked it.
    """
    if actor.kind == "key":
        revoked = await key_store.keys(tx, actor.person_id or 0)
        scopes = {scope for key in revoked if key.id == entry.subject_id for scope in key.scopes}
        if not (await rights_of(tx, actor)).scopes.issuperset(scopes):
            raise Forbidden("That key has scopes that this key lacks.", hint="Create a new key in Settings.")
    if not await key_store.restore_key(tx, entry.subject_id, entry.at):
        raise undo.changed_since(
            "the key was revoked again or its owner was deactivated.", "Create a new key."
        )
    await tx.audit(actor, "key.restored", f"key:{entry.subject_id}", now)
