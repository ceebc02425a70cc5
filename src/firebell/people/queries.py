"""Whom a page offers where somebody is chosen: everybody, or in a large organization those who are near."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from firebell.kit.db import Reads
from firebell.people import store
from firebell.people.model import Person

WHOLE = 100
"""An organization of up to so many active people is offered whole."""
FOUND = 50
"""How many people one search adds at most."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Who is offered, as (id, label) by name; `partial` when there are others, whom `wanted` can add."""

    options: list[tuple[int, str]]
    partial: bool
    wanted: str


async def choosable(
    tx: Reads, near: Iterable[int], wanted: str = "", *, chosen: Iterable[int] = ()
) -> Choice:
    """Return everybody active; in a large organization those of `near` and whom `wanted` names.

    Who is `chosen` already is among them, even when they have left.
    """
    people = await store.search(tx, active=True, limit=WHOLE + 1)
    if partial := len(people) > WHOLE:
        named = await store.search(tx, wanted, active=True, limit=FOUND) if wanted.strip() else []
        close = (await store.people_by_id(tx, list(set(near)))).values()
        people = [p for p in (*named, *close) if p.active]
    stand = (await store.people_by_id(tx, list(set(chosen)))).values()
    offered = {p.id: p for p in (*people, *stand)}.values()
    times = Counter(p.name for p in offered)

    def label(person: Person) -> str:
        which = "" if times[person.name] == 1 else f" ({person.email})"
        return f"{person.name}{which}{'' if person.active else ' (left)'}"

    by_name = sorted(offered, key=lambda p: (p.name, p.id))
    return Choice([(p.id, label(p)) for p in by_name], partial, wanted.strip())
