"""The uses of a service that keep it from being deleted; each slice declares its own with `Slice.service_uses`."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from firebell.kit.db.database import Tx


@dataclass(frozen=True, slots=True)
class ServiceUse:
    """Something that uses a service, such as `2 open pages`, and the address at which to remove or move it."""

    text: str
    path: str


UseSource = Callable[[Tx, int, str], Awaitable[Sequence[ServiceUse]]]
"""Returns the uses of a service by one slice; called with its id and slug."""

_sources: list[UseSource] = []


def register(sources: Sequence[UseSource]) -> None:
    """Replace the sources of uses; `firebell.event_subscriptions` calls it with those of all slices."""
    _sources[:] = sources


def counted_use(number: int, thing: str, path: str) -> list[ServiceUse]:
    """Return the use of a service by a number of things, [] for zero."""
    return [ServiceUse(f"{number} {thing}{'' if number == 1 else 's'}", path)] if number else []


async def uses(tx: Tx, service_id: int, slug: str) -> list[ServiceUse]:
    """Return what uses a service, in the order of the slices."""
    return [use for source in _sources for use in await source(tx, service_id, slug)]
