"""The values of labels in a list of alerts, with how many alerts have each (pure)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from firebell.kit.matcher_query import MatcherQuery
from firebell.kit.matchers import Op

MAX_FACETS = 6
VALUES_LISTED = 8


@dataclass(frozen=True, slots=True)
class FacetValue:
    """A value of a label; `is_chosen` means that the query asks for it."""

    value: str
    alerts: int
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """A label with its most common values; `others` is the number of values that are not listed."""

    name: str
    values: tuple[FacetValue, ...]
    others: int


def facets(labels: Sequence[Mapping[str, str]], query: MatcherQuery) -> tuple[Facet, ...]:
    """Return the labels that split a list: the severity, those that the query asks for, then the most common ones.

    A label whose values hardly repeat, such as a request id, splits nothing, and the title is no label here.
    """
    counts: dict[str, Counter[str]] = {}
    for each in labels:
        for name, value in each.items():
            if value and name != "title":
                counts.setdefault(name, Counter())[value] += 1
    chosen = {c.name: c.value for c in query.conditions if c.op is Op.EQUAL and c.value}
    names = [name for name in dict.fromkeys(["severity", *chosen]) if name in counts]
    splitting = [
        name for name, values in counts.items() if name not in names and 1 < len(values) <= values.total() / 2
    ]
    # a label with few values first, if as many alerts have it
    splitting.sort(key=lambda name: (-counts[name].total(), len(counts[name]), name))
    return tuple(_facet(name, counts[name], chosen.get(name)) for name in (names + splitting)[:MAX_FACETS])


def _facet(name: str, counted: Counter[str], chosen: str | None) -> Facet:
    ordered = sorted(counted.items(), key=lambda pair: (pair[0] != chosen, -pair[1], pair[0]))
    values = tuple(FacetValue(value, count, value == chosen) for value, count in ordered[:VALUES_LISTED])
    return Facet(name, values, len(ordered) - len(values))
