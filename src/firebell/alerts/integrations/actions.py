"""Create, reveal, revoke and restore the integrations of a service."""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from firebell.alerts import flap as flapping
from firebell.alerts.integrations import dropped_labels
from firebell.alerts.integrations import store as integration_store
from firebell.alerts.model import Integration
from firebell.catalog import actions as catalog
from firebell.kit import undo
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import NotFound
from firebell.kit.text import clean_name
from firebell.kit.web.field_errors import FieldErrors
from firebell.people.action_permissions import internal, permits
from firebell.people.permissions import Verb


@permits(Verb.INTEGRATION_CREATE)
async def create_integration(
    tx: Tx, actor: Actor, *, service_id: int, name: str, now: datetime
) -> Integration:
    """Create an integration for a sender, with a new key; raise Conflict if its service was deleted."""
    await catalog.hold_services(tx, [service_id])
    integration = await integration_store.insert_integration(
        tx, service_id, clean_name(name, "name"), _new_key(), actor.person_id, now
    )
    await tx.audit(actor, "integration.created", f"service:{service_id}", now, name=integration.name)
    return integration


@internal("Called by the action that watches a service.")
async def ensure_internal_integration(tx: Tx, service_id: int, name: str, now: datetime) -> int:
    """Return the id of a service's integration for alerts that Firebell raises itself. Idempotent.

    It is never listed, and nothing is accepted with its key.
    """
    return await integration_store.ensure_internal(tx, service_id, name, _new_key(), now)


def _new_key() -> str:
    """Return a key of 32 characters, as long as PagerDuty's routing keys."""
    return secrets.token_hex(16)


@permits(Verb.INTEGRATION_CREATE)
async def update_integration(
    tx: Tx,
    actor: Actor,
    *,
    service_id: int,
    integration_id: int,
    flapping_changes: int,
    drop_labels: Sequence[str],
    now: datetime,
) -> Integration:
    """Change how the alerts of an integration are handled; it takes effect within five seconds.

    Raise NotFound if it is not active, and Invalid naming the wrong fields.
    """
    integration = await integration_of_service(tx, service_id, integration_id)
    errors = FieldErrors()
    labels: tuple[str, ...] = errors.value(lambda: dropped_labels.checked(drop_labels), ())
    is_count = flapping.MIN_CHANGES <= flapping_changes <= flapping.MAX_CHANGES
    if flapping_changes != flapping.NEVER and not is_count:
        allowed = f"from {flapping.MIN_CHANGES} to {flapping.MAX_CHANGES}"
        errors.add(
            "flapping_changes",
            f"Enter a whole number {allowed}, or {flapping.NEVER} to page at each change.",
        )
    errors.check()
    changed = replace(integration, flapping_changes=flapping_changes, drop_labels=labels)
    if changed == integration:
        return integration
    await integration_store.update_settings(
        tx, integration_id, flapping_changes=flapping_changes, drop_labels=labels
    )
    await tx.audit(
        actor,
        "integration.changed",
        f"service:{service_id}",
        now,
        name=integration.name,
        flapping_changes=flapping_changes,
        drop_labels=", ".join(labels),
    )
    return changed


def _no_such_key() -> NotFound:
    return NotFound(
        "This service has no active integration key with this ID.",
        hint="Check the keys on the service's page.",
    )


async def integration_of_service(tx: Tx, service_id: int, integration_id: int) -> Integration:
    """Return an active integration of a service; raise NotFound if there is none."""
    for integration in await integration_store.integrations(tx, service_id):
        if integration.id == integration_id:
            return integration
    raise _no_such_key()


@permits(Verb.INTEGRATION_REVEAL)
async def reveal_integration(
    tx: Tx, actor: Actor, *, service_id: int, integration_id: int, now: datetime
) -> Integration:
    """Return an active integration with its whole key, and audit who saw it; raise NotFound if there is none."""
    integration = await integration_of_service(tx, service_id, integration_id)
    await tx.audit(
        actor,
        "integration.revealed",
        f"service:{service_id}",
        now,
        name=integration.name,
        integration=integration_id,
    )
    return integration


@permits(Verb.INTEGRATION_REVOKE)
async def revoke_integration(
    tx: Tx, actor: Actor, *, service_id: int, integration_id: int, now: datetime
) -> Integration:
    """Revoke an integration; its events are refused within 5 seconds. Raise NotFound if it is not active."""
    integration = await integration_store.revoke_integration(tx, service_id, integration_id, now)
    if integration is None:
        raise _no_such_key()
    await tx.audit(
        actor,
        "integration.revoked",
        f"service:{service_id}",
        now,
        name=integration.name,
        integration=integration.id,
    )
    return integration


@permits(Verb.INTEGRATION_REVOKE)
async def restore_integration(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> str:
    """Restore a revoked integration and return its name; raise Conflict if it is active or its service was deleted."""
    service_id, integration_id = entry.subject_id, entry.detail["integration"]
    await catalog.hold_services(tx, [service_id])
    name = await integration_store.restore_integration(tx, service_id, integration_id, entry.at)
    if name is None:
        raise undo.changed_since("the key is already active.", "There is nothing to undo.")
    await tx.audit(actor, "integration.restored", f"service:{service_id}", now, name=name)
    return name
