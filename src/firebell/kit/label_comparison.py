"""Compares many labels with the matchers of a search, outside the event loop and for a limited time."""

import time
from collections.abc import Mapping, Sequence

from firebell.kit.errors import Invalid
from firebell.kit.matchers import Matcher, Op, cheapest_first, matches_all
from firebell.kit.threads import Pool

TIME_LIMIT_S = 2.0
"""How long a request compares labels with regular expressions."""
_comparisons = Pool("comparisons of labels", size=1, queue=32)


async def matching(
    rows: Sequence[tuple[int, tuple[str, ...]]], conditions: Sequence[Matcher]
) -> tuple[list[int], int | None]:
    """Return the ids of the rows that meet the conditions, and the last one that was compared if the time was up.

    Each row has the texts that the conditions are about, in their order. They are compared in a thread, so that what
    receives alerts and sends pages does not wait.
    """
    return await _comparisons.run(lambda: _matching(rows, conditions))


async def matching_labels(
    labels_by_id: Mapping[int, Mapping[str, str]], conditions: Sequence[Matcher]
) -> list[int]:
    """Return the ids of the labels that meet the conditions; raise Invalid at `q` if that takes too long."""
    if all(condition.op in (Op.EQUAL, Op.NOT_EQUAL) for condition in conditions):
        return [id_ for id_, labels in labels_by_id.items() if matches_all(conditions, labels)]
    ordered = cheapest_first(conditions)
    rows = [(id_, tuple(labels.get(c.name, "") for c in ordered)) for id_, labels in labels_by_id.items()]
    ids, cut_at = await matching(rows, ordered)
    if cut_at is not None:
        raise Invalid("The search takes too long.", fields={"q": "Use simpler regular expressions."})
    return ids


def _matching(
    rows: Sequence[tuple[int, tuple[str, ...]]], conditions: Sequence[Matcher]
) -> tuple[list[int], int | None]:
    known: dict[tuple[str, ...], bool] = {}
    ids: list[int] = []
    end = time.monotonic() + TIME_LIMIT_S
    for id_, texts in rows:
        is_match = known.get(texts)
        if is_match is None:
            pairs = zip(conditions, texts, strict=True)
            is_match = known[texts] = all(c.matches({c.name: text}) for c, text in pairs)
        if is_match:
            ids.append(id_)
        if time.monotonic() > end:
            return ids, id_
    return ids, None
