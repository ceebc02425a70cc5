"""Events between slices: what happened, who did it, and the two lanes in which handlers run."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from firebell.kit.db.database import Tx


@dataclass(frozen=True, slots=True)
class Actor:
    """The origin of an action: `kind` is person, key, link, source, chat, visitor or system."""

    kind: str
    label: str
    person_id: int | None = None
    rights: object = field(default=None, compare=False, repr=False)
    """The `people.permissions.Rights` of a session or key, so that an action decides without asking the database."""
    via: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    """Through what the action came, such as a chat; part of the audit entries."""


SYSTEM = Actor("system", "Firebell")

MustHandler = Callable[["Tx", Any, datetime], Awaitable[None]]


@dataclass(slots=True)
class Reactions:
    """The event handlers by event type, built only by `firebell.event_subscriptions`.

    `must` runs in the emitter's transaction; `then` stores one outbox row per reaction and runs later.
    """

    must: dict[type, tuple[MustHandler, ...]] = field(default_factory=dict)
    then: dict[type, tuple[str, ...]] = field(default_factory=dict)
    while_rows: dict[str | MustHandler, str] = field(default_factory=dict)
    """The `then` reactions, by name, and the `must` handlers that only matter while a table has rows, with it."""

    def is_awaited(self, event: type) -> str:
        """Return the SQL condition under which an event of a type has a reaction that matters."""
        reactions: tuple[str | MustHandler, ...] = (*self.must.get(event, ()), *self.then.get(event, ()))
        tables = {self.while_rows.get(reaction) for reaction in reactions}
        conditions = ["true" if table is None else f"exists (select from {table})" for table in tables]
        return " or ".join(sorted(conditions)) or "false"


def payload(event: Any) -> dict[str, Any]:
    """Return a flat event dataclass as the JSON object that an outbox row carries."""
    assert is_dataclass(event)
    return {f.name: getattr(event, f.name) for f in fields(event)}
