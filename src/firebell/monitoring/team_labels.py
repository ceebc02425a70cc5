"""Teams as labels: few enough that all series together stay below their limit (pure; spec 11.11, N21)."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

TEAMS_SHOWN = 120
"""Each team has up to 30 series; all of a process are 5,000 at most."""
OTHER, NONE = "other", "none"
K = TypeVar("K")


def labels(slugs: Sequence[tuple[int, str]]) -> dict[int, str]:
    """Return the label of each team, given (id, slug) in the order of their names: a slug, or `other` after those."""
    return {team_id: slug if n < TEAMS_SHOWN else OTHER for n, (team_id, slug) in enumerate(slugs)}


def label(by_id: Mapping[int, str], team_id: int | None) -> str:
    """Return the label of a team, `none` for one that does not exist."""
    return by_id.get(team_id or 0, NONE)


def add_up(counts: Iterable[tuple[K, int]]) -> dict[K, int]:
    """Return the sum of the counts of each key."""
    total: Counter[K] = Counter()
    for key, n in counts:
        total[key] += n
    return dict(total)
