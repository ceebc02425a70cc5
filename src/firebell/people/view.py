"""Whom a page offers where somebody is chosen: everybody, or in a large organisation those who are near."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from firebell.kit.db import Reads
from firebell.people import store

WHOLE = 100
"""An organisation of up to so many active people is offered whole."""
FOUND = 50
"""How many people one search adds at most."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Who is offered, as (id, label) by name; `partial` when there are others, whom `wanted` can add."""

    options: list[tuple[int, str]]
    partial: bool
    wanted: str


async def choosable(tx: Reads, near: Iterable[int], wanted: str = "") -> Choice:
    """Return everybody active; in a large organisation those of `near` and whom `wanted` names."""
    found = await store.search(tx, active=True, limit=WHOLE + 1)
    if partial := len(found) > WHOLE:
        named = await store.search(tx, wanted, active=True, limit=FOUND) if wanted.strip() else []
        close = (await store.persons(tx, list(set(near)))).values()
        found = list({p.id: p for p in (*named, *close) if p.active}.values())
    times = Counter(p.name for p in found)
    return Choice(
        [
            (p.id, p.name if times[p.name] == 1 else f"{p.name} ({p.email})")
            for p in sorted(found, key=lambda p: (p.name, p.id))
        ],
        partial,
        wanted.strip(),
    )
