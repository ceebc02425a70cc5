"""Assign names to services: no two share one, and a name belongs to the service that had it last."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from firebell.catalog import store
from firebell.catalog.model import Service, with_earlier_name
from firebell.catalog.names import ServiceName, TakenNames
from firebell.kit.db.database import Tx
from firebell.kit.errors import Conflict
from firebell.kit.text import slugify


async def lock(tx: Tx, names: Sequence[str], ids: Sequence[int] = ()) -> dict[int, Service]:
    """Lock the names of services, then these services and those that had one of the names earlier; return these rows.

    Everything that renames services takes the locks in this order.
    """
    await store.lock_names(tx)
    earlier = await store.ids_with_earlier_name(tx, [name.casefold() for name in names])
    return await store.locked(tx, [*ids, *earlier])


async def holder(tx: Tx, service: Service) -> ServiceName | None:
    """Return another service with this name, or with the slug that alerts find it by; None if there is none."""
    own = ServiceName(service.id, service.name, service.slug)
    return TakenNames(await store.taken_names(tx)).holder(own)


async def check(tx: Tx, service: Service) -> None:
    """Raise Conflict if another service has this name, or the slug that alerts find it by."""
    if other := await holder(tx, service):
        raise Conflict(
            refusal(service.name, service.slug, other), fields={"name": "Choose a name that is not taken."}
        )


def refusal(name: str, slug: str, other: ServiceName) -> str:
    """Return why no service can have this name and slug, because of another service (pure)."""
    if other.name.casefold() == name.casefold():
        return f"A service named {name} already exists."
    if other.slug in (name.casefold(), slugify(name)):
        return f"The address of {other.name} is {other.slug}, so no other service can be named {name}."
    similar = name if slugify(name) == slugify(other.name) else f"The slug {slug}"
    return f"{similar} is too similar to the name of the service {other.name}."


def losing(services: Iterable[Service], taken_by: Mapping[str, int]) -> list[Service]:
    """Return the services that lose an earlier name, without it (pure).

    `taken_by` has the id of the service that takes each name.
    """
    taken_by = {name.casefold(): service_id for name, service_id in taken_by.items()}
    changed = []
    for service in services:
        kept = tuple(name for name in service.earlier_names if taken_by.get(name, service.id) == service.id)
        if kept != service.earlier_names:
            changed.append(replace(service, earlier_names=kept))
    return changed


def giving_back(taker: Service, owner: Service, name: str) -> tuple[Service, Service]:
    """Return both services after an earlier name goes back from the one that took it to the other (pure)."""
    kept = tuple(each for each in taker.earlier_names if each != name.casefold())
    return replace(taker, earlier_names=kept), with_earlier_name(owner, name)
