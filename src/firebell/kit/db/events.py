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
    while_rows: dict[str, str] = field(default_factory=dict)
    """The `then` reactions that are stored only while a table has rows, with that table."""


def payload(event: Any) -> dict[str, Any]:
    """Return a flat event dataclass as the JSON object that an outbox row carries."""
    assert is_dataclass(event)
    return {f.name: getattr(event, f.name) for f in fields(event)}
