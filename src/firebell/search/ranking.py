"""Ranks and groups the hits of a search (pure)."""

from collections.abc import Iterable, Sequence

from firebell.kit.search_terms import Terms
from firebell.search.model import KINDS, GroupName, Hit, HitGroup, Kind, Results


def _order(terms: Terms, hit: Hit, exact: Hit | None) -> tuple[bool, int, bool, int]:
    kinds = list(Kind)
    return hit is not exact, terms.rank(hit.title), not hit.is_open, kinds.index(hit.kind)


def results(terms: Terms, hits: Sequence[Hit], exact: Hit | None, limit: int) -> Results:
    """Return hits in groups of at most `limit`; `exact`, the hit that a reference names, is always the best."""
    unique = list(
        {(hit.kind, hit.path, hit.title): hit for hit in [*([exact] if exact else []), *hits]}.values()
    )
    exact = next((hit for hit in unique if exact and hit.path == exact.path), None)
    ranked = sorted(unique, key=lambda hit: _order(terms, hit, exact))
    best = ranked[0] if ranked else None
    return Results(terms, best, tuple(_groups(ranked[1:], limit)))


def _groups(ranked: Sequence[Hit], limit: int) -> Iterable[HitGroup]:
    for name in GroupName:
        # open incidents and pages come before better matches
        members = sorted((h for h in ranked if h.kind in KINDS[name]), key=lambda h: not h.is_open)
        if members:
            yield HitGroup(name, tuple(members[:limit]), len(members) > limit)


def single_group(terms: Terms, name: GroupName, hits: Sequence[Hit], limit: int) -> Results:
    """Return results with one group, which includes its best hit."""
    ranked = sorted(hits, key=lambda hit: (not hit.is_open, _order(terms, hit, None)))
    group = HitGroup(name, tuple(ranked[:limit]), len(ranked) > limit)
    return Results(terms, None, (group,) if ranked else ())
