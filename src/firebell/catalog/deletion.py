"""Delete a service that nothing uses, and restore one; its pages, alerts and incidents stay."""

from dataclasses import replace
from datetime import datetime

from firebell.catalog import dependency_store, naming, store, uses
from firebell.catalog.model import Service
from firebell.kit import undo
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb

_REASONS_SHOWN = 5


def _suffix(service: Service) -> str:
    """Return what is appended to the slug of a deleted service, so that others can have the slug."""
    return f"-deleted-{service.id}"


@permits(Verb.SERVICE_WRITE)
async def delete_service(tx: Tx, actor: Actor, service: Service, now: datetime) -> Service:
    """Delete a service and return it as it is kept; raise Conflict, which says why, while something uses it.

    Alerts that rules would route to it go to the fallback rule from then on. Its dependencies are removed. An alert
    already being stored still pages.
    """
    await store.lock_uses(tx)
    await dependency_store.lock(tx)
    # so that no one takes the slug that it gets
    await store.lock_names(tx)
    # alerts of the service wait for this lock, so that none opens a page between the checks and the end
    current = (await store.locked(tx, [service.id]))[service.id]
    if current.is_deleted:
        raise Conflict(f"{current.name} has already been deleted.", hint="Nothing more to do.")
    if used_by := await uses.uses(tx, actor, current.id, current.slug):
        listed = ", ".join(use.text for use in used_by[:_REASONS_SHOWN])
        more = f", and {len(used_by) - _REASONS_SHOWN} more" if len(used_by) > _REASONS_SHOWN else ""
        raise Conflict(f"{current.name} is in use.", hint=f"First remove or move: {listed}{more}.")
    deleted = replace(current, slug=f"{current.slug}{_suffix(current)}", deleted_at=now)
    if not await store.mark_deleted(tx, deleted.id, deleted.slug, now):
        raise Conflict(f"Another service has the address {deleted.slug}.", hint="Delete that one first.")
    depends_on = (await dependency_store.dependencies_of(tx, [current.id]))[current.id]
    await dependency_store.delete(tx, [(current.id, other_id) for other_id in depends_on])
    detail = {"name": current.name, "slug": current.slug, "depends_on": depends_on}
    await tx.audit(actor, "service.deleted", f"service:{current.id}", now, **detail)
    return deleted


@permits(Verb.SERVICE_WRITE)
async def restore_deleted(tx: Tx, actor: Actor, service: Service, now: datetime) -> Service:
    """Restore a deleted service under its earlier slug; raise Conflict if it is not deleted, or its name is taken."""
    locked = await naming.lock(tx, [service.name], [service.id])
    current = locked[service.id]
    if not current.is_deleted:
        raise Conflict(f"{current.name} is not deleted.", hint="Nothing to restore.")
    restored = replace(current, slug=current.slug.removesuffix(_suffix(current)), deleted_at=None)
    if holder := await naming.holder(tx, restored):
        raise Conflict(
            f"{holder.name} has its name or its address now.", hint="Rename or delete that service first."
        )
    await store.restore(tx, restored.id, restored.slug)
    await store.update(tx, naming.losing(locked.values(), {restored.name: restored.id}))
    detail = {"name": restored.name, "slug": restored.slug}
    await tx.audit(actor, "service.restored", f"service:{restored.id}", now, **detail)
    return restored


@permits(Verb.SERVICE_WRITE)
async def undo_deletion(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> Service:
    """Undo the deletion of a service, with those of its dependencies that still exist.

    Raise Conflict if its name was taken.
    """
    await dependency_store.lock(tx)
    service = (await store.services_by_id(tx, [entry.subject_id]))[entry.subject_id]
    restored = await restore_deleted(tx, actor, service, now)
    depended_on = await store.services_by_id(tx, entry.detail.get("depends_on", ()))
    edges = [(restored.id, each.id) for each in depended_on.values() if not each.is_deleted]
    await dependency_store.insert(tx, edges, now)
    return restored


async def dependents(tx: Tx, service_id: int, slug: str) -> list[uses.ServiceUse]:
    """Return the use of a service by the services that depend on it."""
    number = await dependency_store.count_dependents(tx, service_id)
    return uses.counted_use(number, "dependent service", f"/services/{slug}/dependencies", Verb.SERVICE_READ)
