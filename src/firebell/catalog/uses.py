"""The uses of a service that keep it from being deleted; each slice declares its own with `Slice.service_uses`."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Forbidden
from firebell.kit.text import plural
from firebell.people import action_permissions
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb


@dataclass(frozen=True, slots=True)
class ServiceUse:
    """Something that uses a service, such as `2 open pages`, and the address at which to remove or move it.

    An actor who may not do `verb` sees only `kind`, such as `incidents`.
    """

    text: str
    path: str
    kind: str
    verb: Verb


UseSource = Callable[[Tx, int, str], Awaitable[Sequence[ServiceUse]]]
"""Returns the uses of a service by one slice; called with its id and slug; of incidents only those that may be read."""

_sources: list[UseSource] = []


def register(sources: Sequence[UseSource]) -> None:
    """Replace the sources of uses; `firebell.event_subscriptions` calls it with those of all slices."""
    _sources[:] = sources


def counted_use(number: int, thing: str, path: str, verb: Verb) -> list[ServiceUse]:
    """Return the use of a service by this many things; nothing for zero."""
    return [ServiceUse(plural(number, thing), path, f"{thing}s", verb)] if number else []


def named_uses(names: Sequence[str], thing: str, path: str, verb: Verb) -> list[ServiceUse]:
    """Return the use of a service by each of these things."""
    return [ServiceUse(f"{thing} {name}", path, f"{thing}s", verb) for name in names]


@permits(Verb.SERVICE_WRITE)
async def uses(tx: Tx, actor: Actor, service_id: int, slug: str) -> list[ServiceUse]:
    """Return what uses a service, in the order of the slices; of what the actor may not read, only the kind."""
    everything = [use for source in _sources for use in await source(tx, service_id, slug)]
    hidden = [verb for verb in {use.verb for use in everything} if not await _may(tx, actor, verb)]
    shown = [replace(use, text=use.kind, path="") if use.verb in hidden else use for use in everything]
    return list(dict.fromkeys(shown))


async def _may(tx: Tx, actor: Actor, verb: Verb) -> bool:
    try:
        await action_permissions.require(tx, actor, verb)
    except Forbidden:
        return False
    return True
