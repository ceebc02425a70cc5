"""Which names of services are taken: no two share a name, a slug, or the slug that a name stands for (pure)."""

from collections.abc import Iterable, Set
from dataclasses import dataclass

from firebell.kit.text import slugify


@dataclass(frozen=True, slots=True)
class ServiceName:
    """The name and the slug of a service; `id` tells it from others."""

    id: int
    name: str
    slug: str


def _keys(service: ServiceName) -> Set[str]:
    """Return every key by which alerts and addresses could name a service, now or after it is created again."""
    return {service.name.casefold(), service.slug, slugify(service.name)}


class TakenNames:
    """The names of all services."""

    def __init__(self, services: Iterable[ServiceName]) -> None:
        self._by_key: dict[str, list[ServiceName]] = {}
        for service in services:
            for key in _keys(service):
                self._by_key.setdefault(key, []).append(service)

    def holder(self, wanted: ServiceName) -> ServiceName | None:
        """Return another service that has this name or slug, the one with this name first; None if there is none."""
        others = [
            other for key in _keys(wanted) for other in self._by_key.get(key, ()) if other.id != wanted.id
        ]
        name = wanted.name.casefold()
        return min(others, key=lambda other: (other.name.casefold() != name, other.id), default=None)
