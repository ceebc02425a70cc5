"""The order of the events of an alert (pure, spec 3.2)."""

from datetime import datetime

from firebell.alerts.model import Event, EventKind

_KIND_RANKS = {EventKind.FIRING: 0, EventKind.RESOLVED: 1}
_UNTIMED_RANK = 2
"""The rank of an event without a source time; it and later ones are ordered by arrival."""

Order = tuple[datetime, int]


def order_of(event: Event, now: datetime) -> Order:
    """Return the order of an event: by its source time and kind, or by its arrival."""
    return (event.occurred_at, _KIND_RANKS[event.kind]) if event.occurred_at else (now, _UNTIMED_RANK)


def is_newer(order: Order, hi: Order) -> bool:
    """Return True if `order` is not before `hi`; orders are compared only if both have a source time."""
    return _UNTIMED_RANK in (order[1], hi[1]) or order >= hi
