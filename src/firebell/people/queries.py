"""The people listed in a form: everyone, or in a large organization those related to its subject."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from firebell.kit.db.database import Reads
from firebell.people import store
from firebell.people.model import Person, Role
from firebell.people.permissions import Rights, Verb, allows

MAX_LISTED_PEOPLE = 100
"""Maximum number of active people for which a form lists everyone."""
MAX_SEARCH_RESULTS = 50
"""Maximum number of people that one search adds to a form."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The options as (id, label) sorted by name; `partial` if not everyone is listed and `wanted` can add others."""

    options: list[tuple[int, str]]
    partial: bool
    wanted: str


async def choosable(
    tx: Reads,
    near: Iterable[int],
    wanted: str = "",
    *,
    chosen: Iterable[int] = (),
    verb: Verb | None = None,
) -> Choice:
    """Return all active people; in a large organization those of `near` and those who match `wanted`.

    Those already `chosen` are always listed, even when deactivated. With `verb`, others are listed only if their
    account includes it.
    """
    people = await store.search(tx, active=True, limit=MAX_LISTED_PEOPLE + 1)
    if partial := len(people) > MAX_LISTED_PEOPLE:
        matches = (
            await store.search(tx, wanted, active=True, limit=MAX_SEARCH_RESULTS) if wanted.strip() else []
        )
        nearby = (await store.people_by_id(tx, list(set(near)))).values()
        people = [p for p in (*matches, *nearby) if p.active]
    if verb is not None:
        people = [p for p in people if allows(Rights(Role(p.role)), verb)]
    already_chosen = (await store.people_by_id(tx, list(set(chosen)))).values()
    offered = {p.id: p for p in (*people, *already_chosen)}.values()
    name_counts = Counter(p.name for p in offered)

    def label(person: Person) -> str:
        email = "" if name_counts[person.name] == 1 else f" ({person.email})"
        return f"{person.name}{email}{'' if person.active else ' (deactivated)'}"

    by_name = sorted(offered, key=lambda p: (p.name, p.id))
    return Choice([(p.id, label(p)) for p in by_name], partial, wanted.strip())
