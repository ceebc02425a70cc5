"""Actions on contact methods: add, test, remove; each writes its audit row."""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from firebell.channels import registry
from firebell.kit import undo
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, NotFound
from firebell.kit.standard_webhooks import SECRET_BYTES, secret_text
from firebell.kit.text import clean_text
from firebell.people import contact_method_store, store, validation
from firebell.people.action_permissions import permits
from firebell.people.model import (
    ContactMethod,
    ContactTestRequested,
    MessageSettings,
    MethodState,
    RotatedSecret,
)
from firebell.people.notification_rules import store as notification_rule_store
from firebell.people.own_contact_methods import own_method
from firebell.people.permissions import Verb
from firebell.people.verification import actions as verification_actions

LABEL_MAX_CHARS = 80
OLD_SECRET_SIGNS = timedelta(hours=24)
"""How long messages are signed with the old secret as well after a rotation."""


async def typed_address(kind: str, address: str, settings: Mapping[str, str]) -> str:
    """Return a typed address, completed by what the channel settings imply, such as the country of a number.

    Raise `Invalid` if its channel cannot use it. No transaction may be open: it can take seconds.
    """
    channel = registry.channel(kind)
    completed = channel.complete_address(address, settings)
    await channel.check_typed_address(validation.check_address(kind, completed))
    return completed


@permits(Verb.CONTACT_METHOD_WRITE, own="person_id")
async def add_contact_method(
    tx: Tx,
    actor: Actor,
    *,
    person_id: int,
    kind: str,
    address: str,
    label: str,
    replaces: int | None = None,
    now: datetime,
) -> ContactMethod:
    """Add a contact method, used for urgent pages once it is verified; a webhook comes with its signing secret.

    One that it `replaces` is used until then. What a person typed goes through `typed_address` first.
    """
    channel = registry.channel(kind)
    secret = secrets.token_bytes(SECRET_BYTES) if channel.is_signed else None
    clean, text = validation.check_address(kind, address), clean_text(label, LABEL_MAX_CHARS, "label")
    if replaces is not None:
        await own_method(tx, person_id, replaces)
    stored = await contact_method_store.sealed(tx, clean) if channel.is_sealed else clean
    method = await contact_method_store.insert_method(
        tx, person_id, kind, stored, text, now, secret, replaces
    )
    if method is None:
        raise Conflict("This contact method already exists.", fields={"address": "Already on the list."})
    if replaces is None:
        await notification_rule_store.add_rule(tx, person_id, "high", 0, method.id)
    shown = validation.mask_address(kind, method.address)
    await tx.audit(actor, "contact.added", f"person:{person_id}", now, kind=kind, address=shown)
    return replace(method, new_secret=secret_text(secret)) if secret else method


@permits(Verb.CONTACT_METHOD_WRITE, own="person_id")
async def renew_address(
    tx: Tx, actor: Actor, *, person_id: int, kind: str, before: str, address: str, now: datetime
) -> ContactMethod:
    """Give one of the person's own contact methods the address that its device made in place of the one before.

    It stays verified: the same signed-in browser has both. Raise `NotFound` if the one before is not in use, and
    `Conflict` if the new one is.
    """
    await store.lock_person(tx, person_id)
    clean = validation.check_address(kind, address)
    methods = [m for m in await contact_method_store.methods(tx, [person_id]) if m.kind == kind]
    method = next((m for m in methods if m.address == before), None)
    if method is None:
        raise NotFound("There is no such contact method.")
    if any(m.address == clean for m in methods):
        raise Conflict("This contact method already exists.")
    await contact_method_store.set_address(tx, method.id, clean)
    shown = validation.mask_address(kind, clean)
    await tx.audit(
        actor, "contact.renewed", f"person:{person_id}", now, method=method.id, kind=kind, address=shown
    )
    await tx.live(f"person-{person_id}")
    return replace(method, address=clean, shown_address=registry.shown_address(kind, clean))


@permits(Verb.CONTACT_METHOD_WRITE, own="person_id")
async def rotate_signing_secret(
    tx: Tx, actor: Actor, method_id: int, person_id: int, now: datetime
) -> RotatedSecret:
    """Replace the signing secret of the person's webhook; the old one also signs for 24 hours."""
    await store.lock_person(tx, person_id)
    method = await own_method(tx, person_id, method_id)
    if not registry.channel(method.kind).is_signed:
        raise Conflict("Only webhooks have a signing secret.", hint="Choose a webhook.")
    secret, until = secrets.token_bytes(SECRET_BYTES), now + OLD_SECRET_SIGNS
    await contact_method_store.rotate_secret(tx, method_id, secret, until)
    await tx.audit(actor, "contact.secret_rotated", f"person:{person_id}", now, method=method_id)
    return RotatedSecret(secret_text(secret), until)


@permits(Verb.CONTACT_METHOD_WRITE, own="person_id")
async def set_message_settings(
    tx: Tx,
    actor: Actor,
    *,
    method_id: int,
    person_id: int,
    language: str | None = None,
    privacy: str | None = None,
    now: datetime,
) -> ContactMethod:
    """Set how messages read at one of the person's own contact methods; what is None stays as it is."""
    await store.lock_person(tx, person_id)
    method = await own_method(tx, person_id, method_id)
    settings = MessageSettings(
        method.language if language is None else validation.check_language(language),
        method.privacy if privacy is None else validation.check_privacy(privacy),
    )
    if settings == MessageSettings(method.language, method.privacy):
        return method
    await contact_method_store.set_message_settings(tx, method_id, settings)
    await tx.audit(
        actor,
        "contact.messages_changed",
        f"person:{person_id}",
        now,
        method=method_id,
        language=settings.language,
        privacy=settings.privacy,
    )
    await tx.live(f"person-{person_id}")
    return replace(method, language=settings.language, privacy=settings.privacy)


async def signing_secret(tx: Tx, person_id: int, method_id: int) -> str:
    """Return the signing secret of the person's webhook, to show once; empty if there is none."""
    secret = await contact_method_store.signing_secret(tx, person_id, method_id)
    return secret_text(secret) if secret else ""


@permits(Verb.CONTACT_METHOD_WRITE, own="person_id")
async def remove_contact_method(
    tx: Tx, actor: Actor, method_id: int, person_id: int, now: datetime
) -> ContactMethod:
    """Remove and return a contact method of the person; raise `Conflict` for the last one."""
    await store.lock_person(tx, person_id)
    methods = await contact_method_store.methods(tx, [person_id])
    method = next((m for m in methods if m.id == method_id), None)
    if method is None:
        raise NotFound("There is no such contact method.")
    if all(m.state is MethodState.DISABLED for m in methods if m.id != method_id):
        only = "only contact method" if len(methods) == 1 else "only contact method that isn’t disabled"
        raise Conflict(f"This is your {only}.", hint="Add another one first.")
    used = await contact_method_store.rules_of_method(tx, method_id)
    await contact_method_store.disable_method(tx, method_id, now)
    await tx.audit(actor, "contact.removed", f"person:{person_id}", now, method=method_id, rules=used)
    return method


@permits(Verb.CONTACT_METHOD_WRITE)
async def restore_contact_method(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> None:
    """Restore a removed contact method with its rules; raise `Conflict` when it is there again."""
    person_id, method_id = entry.subject_id, entry.detail["method"]
    await store.lock_person(tx, person_id)
    if not await contact_method_store.enable_method(tx, person_id, method_id):
        raise undo.changed_since("this contact method was added again.", "Nothing else to do.")
    for urgency, delay_s in entry.detail["rules"]:
        await notification_rule_store.add_rule(tx, person_id, urgency, delay_s, method_id)
    await tx.audit(actor, "contact.restored", f"person:{person_id}", now, method=method_id)


@permits(Verb.CONTACT_METHOD_WRITE, own="person_id")
async def request_test(tx: Tx, actor: Actor, method_id: int, person_id: int, now: datetime) -> None:
    """Request a test message through one of the person's own contact methods."""
    await own_method(tx, person_id, method_id)
    await verification_actions.record_test(tx, method_id, "sent", now)
    await tx.emit(ContactTestRequested(method_id), now)
    await tx.audit(actor, "contact.tested", f"person:{person_id}", now, method=method_id)
