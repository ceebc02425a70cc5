"""Create, update and look up services."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from enum import Enum
from typing import Any, Final, TypeVar

from firebell.catalog import deletion, dependency_actions, labels_and_links, naming, store
from firebell.catalog.labels_and_links import checked_labels, checked_links
from firebell.catalog.model import DESCRIPTION_MAX_CHARS, TIERS, Service, ServiceLink, renamed
from firebell.kit import undo
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.http_out import check_url
from firebell.kit.text import clean_name, clean_text, slugify
from firebell.kit.web.field_errors import FieldErrors
from firebell.kit.web.filters import QUERY_LIMIT, shown, storable
from firebell.people import actions as people
from firebell.people.action_permissions import internal, permits
from firebell.people.permissions import Verb

S = TypeVar("S")
T = TypeVar("T")


class Unchanged(Enum):
    """The type of `UNCHANGED`."""

    UNCHANGED = "unchanged"


UNCHANGED: Final = Unchanged.UNCHANGED
"""A field that keeps the value that it has."""

MAX_DEPENDENCIES = dependency_actions.MAX_DEPENDENCIES
MAX_IMPORTED_SERVICES = dependency_actions.MAX_IMPORTED_SERVICES

add_dependency = dependency_actions.add_dependency
dependency_edges = dependency_actions.all_edges
edges_before = dependency_actions.edges_before
edges_behind = dependency_actions.edges_behind
import_dependencies = dependency_actions.import_dependencies
remove_dependency = dependency_actions.remove_dependency
resolve_dependencies = dependency_actions.resolve_dependencies
restore_dependencies = dependency_actions.restore_dependencies
set_dependencies = dependency_actions.set_dependencies
delete_service = deletion.delete_service
restore_deleted = deletion.restore_deleted
undo_deletion = deletion.undo_deletion
service_by_name_or_slug = store.service_by_name_or_slug
services = store.services
services_by_id = store.services_by_id
labels_by_id = store.labels_by_id
tier_counts = store.tier_counts
label_lines = labels_and_links.label_lines
labels_of_lines = labels_and_links.labels_of_lines
link_lines = labels_and_links.link_lines
links_of_lines = labels_and_links.links_of_lines
lock_services_with_policy = store.lock_with_policy
clear_policy = store.clear_policy
hold_uses = store.hold_uses


async def by_slug(tx: Tx, slug: str, *, with_deleted: bool = False) -> Service:
    """Return the service; raise NotFound, which names up to 20 services, if there is none.

    A deleted one is found only `with_deleted`, for lists of past records, and also by its slug before the deletion.
    """
    service = await store.by_slug(tx, slug) or await store.deleted_with_slug(tx, slug)
    if service is None:
        names = ", ".join(s.slug for s in (await store.services(tx))[:20])
        raise NotFound(f"There is no service {slug}.", hint=f"There are: {names or 'none yet'}.")
    if service.is_deleted and not with_deleted:
        raise NotFound(f"{service.name} was deleted.", hint="Restore it on its page to use it again.")
    return service


async def resolve_service(tx: Tx, text: str, *, with_deleted: bool = False) -> Service:
    """Return the service with this slug or name; raise Invalid for the field `service` if there is none."""
    if storable(text) and len(text) <= QUERY_LIMIT:
        for slug in dict.fromkeys((text, slugify(text))):
            service = await store.by_slug(tx, slug)
            if service and (with_deleted or not service.is_deleted):
                return service
        if service := await store.service_by_name_or_slug(tx, text):
            return service
        if with_deleted and (service := await store.deleted_with_slug(tx, text)):
            return service
    raise Invalid(f"There is no service {shown(text)}.", fields={"service": "Enter the slug of a service."})


async def hold_services(tx: Tx, ids: Collection[int]) -> None:
    """Keep services from being deleted until the end of the transaction, for actions that begin to use them.

    Raise Conflict if one was deleted. Call it before any service is locked; alerts never wait for it.
    """
    if not ids:
        return
    await store.hold_uses(tx)
    for service in (await store.services_by_id(tx, list(ids))).values():
        if service.is_deleted:
            raise Conflict(f"{service.name} was deleted.", hint="Restore it, or choose another service.")


async def options(tx: Tx, chosen: Collection[int] = ()) -> list[tuple[int, str]]:
    """Return the services that a form offers, with those in `chosen` that were deleted.

    Without these, saving the form would widen what is restricted to them to all services.
    """
    services = await store.services(tx, with_deleted=True)
    return [(each.id, each.label) for each in services if not each.is_deleted or each.id in chosen]


async def lock_services(tx: Tx, ids: Sequence[int]) -> None:
    """Lock these services, so that changes to their alerts are serialized; always take this lock first."""
    await store.lock(tx, ids)


@permits(Verb.SERVICE_WRITE)
async def create_service(
    tx: Tx,
    actor: Actor,
    *,
    name: str,
    team_id: int,
    policy_id: int | None = None,
    description: str = "",
    runbook_url: str = "",
    tier: int | None = None,
    labels: Mapping[str, str] | None = None,
    links: Sequence[ServiceLink] = (),
    now: datetime,
) -> Service:
    """Create a service; without a policy its pages go to the fallback responders.

    Raise Invalid, NotFound for an unknown team or policy, or Conflict if the name is taken.
    """
    errors = FieldErrors()
    clean = errors.value(lambda: clean_name(name, "name"), "")
    new = Service(
        id=0,
        name=clean,
        slug=slugify(clean),
        team_id=team_id,
        policy_id=policy_id,
        description=errors.value(lambda: _clean_description(description), ""),
        runbook_url=errors.value(lambda: _clean_runbook_url(runbook_url), ""),
        tier=errors.value(lambda: _checked_tier(tier), None),
        labels=errors.value(lambda: checked_labels(labels or {}), {}),
        links=errors.value(lambda: checked_links(links), ()),
    )
    errors.check()
    await _check_owners(tx, team_id, policy_id)
    renamed_later = await naming.lock(tx, [clean])
    await naming.check(tx, new)
    [service] = await store.insert(tx, [new], now)
    await store.update(tx, naming.losing(renamed_later.values(), {clean: service.id}))
    await tx.audit(actor, "service.created", f"service:{service.id}", now, **settings_of(service))
    return service


async def _check_owners(tx: Tx, team_id: int, policy_id: int | None) -> None:
    await people.team(tx, team_id)
    if policy_id is not None and not await store.has_policy(tx, policy_id):
        raise NotFound(f"There is no policy {policy_id}.", fields={"policy_id": "Choose an existing policy."})


def _clean_description(description: str) -> str:
    return clean_text(description, DESCRIPTION_MAX_CHARS, "description")


def _checked_tier(tier: int | None) -> int | None:
    if tier is None or tier in TIERS:
        return tier
    raise Invalid("There is no such tier.", fields={"tier": f"Use one of {', '.join(map(str, TIERS))}."})


def _clean_runbook_url(url: str) -> str:
    return check_url(url, "runbook_url") if url.strip() else ""


@permits(Verb.SERVICE_WRITE)
async def set_escalation_policy(
    tx: Tx, actor: Actor, *, service_id: int, policy_id: int | None, now: datetime
) -> None:
    """Set the escalation policy for new pages of the service; raise NotFound if there is no such service."""
    service = (await store.services_by_id(tx, [service_id])).get(service_id)
    if service is None:
        raise NotFound(f"There is no service {service_id}.")
    await update_service(tx, actor, service, policy_id=policy_id, now=now)


@permits(Verb.SERVICE_WRITE)
async def fill_in_policy(
    tx: Tx, actor: Actor, *, service_ids: Sequence[int], policy_id: int, now: datetime
) -> None:
    """Set the escalation policy of those of the given services that have none and were not deleted.

    In one statement, because alerts of all these services wait for it.
    """
    without = [
        service
        for service in (await store.locked(tx, service_ids)).values()
        if service.policy_id is None and not service.is_deleted
    ]
    await save_changes(
        *(tx, actor, [(service, replace(service, policy_id=policy_id)) for service in without], now),
        is_final=True,
    )


@internal("Called by actions that change several services.")
async def save_changes(
    tx: Tx,
    actor: Actor,
    changes: Sequence[tuple[Service, Service]],
    now: datetime,
    *,
    losers: Sequence[Service] = (),
    is_final: bool = False,
) -> None:
    """Store changed services, each given as (before, after), and record the changes in the audit log.

    `losers` are other services after they lose an earlier name to one of these. If `is_final`, undo is not offered.
    """
    await store.update(tx, [*(after for _, after in changes), *losers])
    details = {}
    for before, after in changes:
        settings, earlier = settings_of(after), settings_of(before)
        undo_detail = {
            "before": earlier,
            # a name is an earlier name of one service at most
            "name_taken_from": losers[0].id if losers and not is_final else None,
            "final": is_final or settings == earlier,
        }
        details[f"service:{after.id}"] = {**settings, **undo_detail}
    await tx.audit_each(actor, "service.changed", details, now)


@permits(Verb.SERVICE_WRITE)
async def update_service(
    tx: Tx,
    actor: Actor,
    service: Service,
    *,
    name: str | Unchanged = UNCHANGED,
    policy_id: int | Unchanged | None = UNCHANGED,
    team_id: int | Unchanged = UNCHANGED,
    description: str | Unchanged = UNCHANGED,
    runbook_url: str | Unchanged = UNCHANGED,
    tier: int | Unchanged | None = UNCHANGED,
    labels: Mapping[str, str] | Unchanged = UNCHANGED,
    links: Sequence[ServiceLink] | Unchanged = UNCHANGED,
    now: datetime,
) -> Service:
    """Update and return the service; a new policy applies to new pages only.

    What is left out keeps the value that it has once the service is locked. Labels and links replace those before.
    With a new name its slug stays, and alerts that carry the earlier name still belong to it. Raise Invalid, which
    names each wrong field, NotFound for an unknown team or policy, or Conflict if the name is taken or it was deleted.
    """
    errors = FieldErrors()
    new_name = None if isinstance(name, Unchanged) else errors.value(lambda: clean_name(name, "name"), None)
    locked = await lock_for_edit(tx, service.id, new_name)
    current = locked[service.id]
    if current.is_deleted:
        raise Conflict(f"{current.name} was deleted.", hint="Restore it first.")

    def checked(value: S | Unchanged, current: T, check: Callable[[S], T]) -> T:
        return current if isinstance(value, Unchanged) else errors.value(lambda: check(value), current)

    changed = replace(
        renamed(current, new_name) if new_name else current,
        team_id=current.team_id if team_id is UNCHANGED else team_id,
        policy_id=current.policy_id if policy_id is UNCHANGED else policy_id,
        description=checked(description, current.description, _clean_description),
        runbook_url=checked(runbook_url, current.runbook_url, _clean_runbook_url),
        tier=checked(tier, current.tier, _checked_tier),
        labels=checked(labels, current.labels, checked_labels),
        links=checked(links, current.links, checked_links),
    )
    errors.check()
    await _check_owners(tx, changed.team_id, changed.policy_id)
    losers = await _losers(tx, locked, changed)
    await save_changes(tx, actor, [(current, changed)], now, losers=losers)
    return changed


async def lock_for_edit(tx: Tx, service_id: int, name: str | None) -> dict[int, Service]:
    """Lock and return a service and, if a new name was entered, the services that had that name earlier."""
    try:
        new_name = None if name is None else clean_name(name, "name")
    except Invalid:
        new_name = None
    return await (naming.lock(tx, [new_name], [service_id]) if new_name else store.locked(tx, [service_id]))


async def _losers(tx: Tx, locked: Mapping[int, Service], changed: Service) -> list[Service]:
    """Return the services that lose an earlier name to a renamed one; raise Conflict if one has the name now."""
    if changed.name == locked[changed.id].name:
        return []
    await naming.check(tx, changed)
    return naming.losing(locked.values(), {changed.name: changed.id})


def settings_of(service: Service) -> dict[str, Any]:
    """Return what can be changed of a service, as the audit log keeps it."""
    own = {
        n: getattr(service, n) for n in ("name", "team_id", "policy_id", "description", "runbook_url", "tier")
    }
    return {**own, "labels": dict(service.labels), "links": [asdict(link) for link in service.links]}


@permits(Verb.SERVICE_WRITE)
async def restore_service(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> Service:
    """Undo a change of a service; raise Conflict if someone has changed or deleted it since then.

    An earlier name that the change took from another service goes back to that service.
    """
    before, owner_id = entry.detail["before"], entry.detail.get("name_taken_from")
    ids = [entry.subject_id] if owner_id is None else [entry.subject_id, owner_id]
    locked = await naming.lock(tx, [before["name"]], ids)
    service = locked[entry.subject_id]
    if service.is_deleted:
        raise undo.changed_since(f"{service.name} was deleted.", "Restore it on its page first.")
    if settings_of(service) != {name: entry.detail.get(name) for name in settings_of(service)}:
        raise undo.changed_since(
            f"someone has changed {service.name} since then.", "Edit it on the service's page."
        )
    named = renamed(service, before["name"])
    restored = replace(named, **{**before, "links": tuple(ServiceLink(**link) for link in before["links"])})
    await _check_owners(tx, restored.team_id, restored.policy_id)
    others = {each.id: each for each in await _losers(tx, locked, restored)}
    if owner_id is not None:
        owner = others.get(owner_id, locked[owner_id])
        restored, others[owner_id] = naming.giving_back(restored, owner, service.name)
    await store.update(tx, [restored, *others.values()])
    await tx.audit(actor, "service.changed", entry.subject, now, **before, final=True)
    return restored
