"""Which merged incidents become private, or open again, with the one that they are part of (pure)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MergedIncident:
    """An incident that was merged; `follows` means that it became private only with the one that it is part of."""

    id: int
    merged_into: int
    is_private: bool
    follows: bool


def followers(incident_id: int, merged: Sequence[MergedIncident], *, private: bool) -> Iterator[int]:
    """Yield the incidents merged into one, directly or not, whose visibility changes with it.

    All of them become private. Only those open again that are private for no other reason.
    """
    for one in merged:
        if one.merged_into != incident_id:
            continue
        if private or (one.is_private and one.follows):
            if one.is_private is not private:
                yield one.id
            yield from followers(one.id, merged, private=private)
