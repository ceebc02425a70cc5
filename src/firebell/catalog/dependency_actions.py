"""Change which services depend on which: one, all of a service, or those of many from a file."""

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.catalog import dependency_store, store
from firebell.catalog.model import Service
from firebell.kit import undo
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid
from firebell.kit.web.field_errors import FieldErrors
from firebell.kit.web.filters import shown
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb

MAX_DEPENDENCIES = 100
"""The most services that one service depends on directly."""
MAX_IMPORTED_SERVICES = 5_000
"""The most services whose dependencies one import lists."""
MAX_SUGGESTIONS = 5
"""The most unknown services of an import for which one with a similar name is suggested."""

all_edges = dependency_store.all_edges
edges_behind = dependency_store.edges_behind
edges_before = dependency_store.edges_before


@dataclass(frozen=True, slots=True)
class DependencyChanges:
    """What an import adds and removes, each as a service and one that it depends on, by name."""

    added: list[tuple[Service, Service]]
    removed: list[tuple[Service, Service]]
    services: int
    """The number of services that the file lists."""


async def resolve_dependencies(tx: Tx, slugs: Sequence[str]) -> list[Service]:
    """Return the services with these slugs; raise Invalid, which names the first that does not exist."""
    by_slug = await store.services_by_slug(tx, slugs)
    unknown = next((slug for slug in slugs if slug not in by_slug), None)
    if unknown is not None:
        raise Invalid(
            f"There is no service {shown(unknown)}.", fields={"depends_on": "Enter the slugs of services."}
        )
    return [by_slug[slug] for slug in dict.fromkeys(slugs)]


@permits(Verb.SERVICE_WRITE)
async def add_dependency(tx: Tx, actor: Actor, service: Service, depends_on: Service, now: datetime) -> None:
    """Let a service depend on another. Idempotent; raise Invalid if they are the same or it has too many."""
    await dependency_store.lock(tx)
    before = await _of(tx, service)
    await _replace(tx, actor, service, before, [*before, depends_on.id], now)


@permits(Verb.SERVICE_WRITE)
async def remove_dependency(
    tx: Tx, actor: Actor, service: Service, depends_on: Service, now: datetime
) -> None:
    """Let a service no longer depend on another. Idempotent."""
    await dependency_store.lock(tx)
    before = await _of(tx, service)
    await _replace(tx, actor, service, before, [i for i in before if i != depends_on.id], now)


@permits(Verb.SERVICE_WRITE)
async def set_dependencies(
    tx: Tx, actor: Actor, service: Service, depends_on: Sequence[Service], now: datetime
) -> None:
    """Let a service depend on exactly these; raise Invalid if it is among them or they are too many."""
    await dependency_store.lock(tx)
    await _replace(tx, actor, service, await _of(tx, service), [each.id for each in depends_on], now)


@permits(Verb.SERVICE_WRITE)
async def import_dependencies(
    tx: Tx, actor: Actor, wanted: Mapping[str, Sequence[str]], now: datetime, *, dry_run: bool = False
) -> DependencyChanges:
    """Let each listed service depend on exactly what is listed for it, by slug; others keep what they have.

    Raise Invalid, which names each service that is unknown or depends on itself, before anything is changed.
    """
    await dependency_store.lock(tx)
    by_slug = {service.slug: service for service in await store.services(tx)}
    desired = _desired(wanted, by_slug)
    by_id = {service.id: service for service in by_slug.values()}
    stored = await dependency_store.dependencies_of(tx, list(desired))
    added, removed, details = [], [], {}
    for service_id, after in desired.items():
        service, before = by_id[service_id], stored[service_id]
        more, fewer = sorted(after - set(before)), [i for i in before if i not in after]
        added += [(service, by_id[i]) for i in more]
        removed += [(service, by_id[i]) for i in fewer]
        if more or fewer:
            # undo takes back one entry: for an import of many services it would restore one
            details[_subject(service)] = _detail(service, before, after, by_id, is_final=True)
    if not dry_run:
        # at once, because others who change dependencies wait for it
        await dependency_store.insert(tx, [(service.id, other.id) for service, other in added], now)
        await dependency_store.delete(tx, [(service.id, other.id) for service, other in removed])
        await tx.audit_each(actor, "service.dependencies", details, now)
    return DependencyChanges(added, removed, len(desired))


def _desired(wanted: Mapping[str, Sequence[str]], by_slug: Mapping[str, Service]) -> dict[int, set[int]]:
    if len(wanted) > MAX_IMPORTED_SERVICES:
        raise Invalid(
            "The import lists too many services.",
            fields={
                "services": f"List at most {MAX_IMPORTED_SERVICES:,} services; import the rest after it."
            },
        )
    errors = FieldErrors()
    desired: dict[int, set[int]] = {}
    for slug, depends_on in wanted.items():
        field = f"services.{shown(slug)}"
        unknown = next((each for each in (slug, *depends_on) if each not in by_slug), None)
        if unknown is not None:
            # comparing takes time: a file of another organization gets a few suggestions only
            known = by_slug if len(errors.fields) < MAX_SUGGESTIONS else ()
            errors.add(field, f"There is no service {shown(unknown)}.{_suggestion(unknown, known)}")
            continue
        ids = {by_slug[each].id for each in depends_on}
        if problem := _problem(by_slug[slug], ids):
            errors.add(field, problem)
        desired[by_slug[slug].id] = ids
    errors.check()
    return desired


def _suggestion(slug: str, by_slug: Collection[str]) -> str:
    close = difflib.get_close_matches(slug[:200].lower(), by_slug, n=1)
    return f" Did you mean {close[0]}?" if close else " Create it first, or remove it from the list."


def _problem(service: Service, depends_on_ids: Collection[int]) -> str:
    """Return why a service can't depend on these; empty if it can."""
    if service.id in depends_on_ids:
        return f"{service.name} can’t depend on itself. Choose another service."
    if len(set(depends_on_ids)) > MAX_DEPENDENCIES:
        return f"List at most {MAX_DEPENDENCIES} services that {service.name} needs directly."
    return ""


async def _of(tx: Tx, service: Service) -> list[int]:
    return (await dependency_store.dependencies_of(tx, [service.id]))[service.id]


async def _replace(
    tx: Tx,
    actor: Actor,
    service: Service,
    before: Sequence[int],
    after: Sequence[int],
    now: datetime,
) -> None:
    """Store the dependencies of a service and record what changed; nothing if they are the same."""
    if problem := _problem(service, after):
        raise Invalid("These dependencies can’t be saved.", fields={"depends_on": problem})
    added, removed = sorted(set(after) - set(before)), sorted(set(before) - set(after))
    if not added and not removed:
        return
    # a deletion takes the same lock, so none of these is deleted meanwhile
    services = await store.services_by_id(tx, [service.id, *added, *removed])
    if deleted := next(
        (each for each in services.values() if each.is_deleted and each.id not in removed), None
    ):
        raise Conflict(f"{deleted.name} was deleted.", hint="Restore it, or choose another service.")
    if added:
        await dependency_store.insert(tx, [(service.id, i) for i in added], now)
    if removed:
        await dependency_store.delete(tx, [(service.id, i) for i in removed])
    detail = _detail(service, before, after, services, is_final=not removed)
    await tx.audit(actor, "service.dependencies", _subject(service), now, **detail)


def _subject(service: Service) -> str:
    return f"service:{service.id}"


def _detail(
    service: Service,
    before: Collection[int],
    after: Collection[int],
    services: Mapping[int, Service],
    *,
    is_final: bool,
) -> dict[str, object]:
    """Return what the audit log keeps of a change; one that is final can't be undone."""
    return {
        "name": service.name,
        "added": [services[i].name for i in sorted(set(after) - set(before))],
        "removed": [services[i].name for i in sorted(set(before) - set(after))],
        "before": sorted(before),
        "after": sorted(set(after)),
        "final": is_final,
    }


@permits(Verb.SERVICE_WRITE)
async def restore_dependencies(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> Service:
    """Undo a change of dependencies; raise Conflict if someone has changed them since then."""
    await dependency_store.lock(tx)
    service = (await store.services_by_id(tx, [entry.subject_id]))[entry.subject_id]
    current = await _of(tx, service)
    if current != entry.detail["after"]:
        raise undo.changed_since(
            f"someone has changed what {service.name} depends on since then.",
            "Edit it on the service's page.",
        )
    existing = await store.services_by_id(tx, entry.detail["before"])
    kept = sorted(each.id for each in existing.values() if not each.is_deleted)
    await _replace(tx, actor, service, current, kept, now)
    return service
