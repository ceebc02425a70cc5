"""Whose private records the current code may read: a request reads as its person, Firebell itself reads everything.

A store asks `reader` and restricts its SQL. The value is set where a request or an action learns who acts.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

NO_ONE = 0
"""The reader of what is rendered once for everyone: no person has this id."""
_reader: ContextVar[int | None] = ContextVar("reader", default=None)


def reader() -> int | None:
    """Return the id of the person to whose private records reads are restricted, None without a restriction."""
    return _reader.get()


def restrict(person_id: int | None) -> None:
    """Restrict reads to a person until the request ends; None lifts the restriction."""
    _reader.set(person_id)


@contextmanager
def as_reader(person_id: int | None) -> Iterator[None]:
    """Restrict reads to a person inside the block; None lifts the restriction."""
    token = _reader.set(person_id)
    try:
        yield
    finally:
        _reader.reset(token)


@contextmanager
def shared() -> Iterator[None]:
    """Read inside the block what everyone with the present rights may read."""
    with as_reader(None if reader() is None else NO_ONE):
        yield
