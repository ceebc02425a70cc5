"""Run a search over all sources that someone may see, in one short transaction."""

from functools import partial

from firebell.kit import search_terms
from firebell.kit.context import Context
from firebell.kit.search_terms import Terms
from firebell.people import permissions
from firebell.people.permissions import Rights
from firebell.search import ranking
from firebell.search.model import KINDS, GroupName, Hit, Results
from firebell.search.sources import SOURCES, SearchQuery, reference_hits

MIN_QUERY_LENGTH = 2
"""Shorter queries have no results, unless they are a reference."""
HITS_PER_GROUP = 5
"""The most hits of each group when all are shown."""
SINGLE_GROUP_HITS = 50
"""The most hits of a group that is shown alone."""
_TIMEOUT = "3s"


def is_searched(terms: Terms) -> bool:
    """Return True if a query is long enough."""
    return bool(terms.words) and (len(terms.text) >= MIN_QUERY_LENGTH or terms.reference is not None)


async def search(
    ctx: Context, rights: Rights, text: str, *, group: GroupName | None = None, limit: int = HITS_PER_GROUP
) -> Results:
    """Return the results for `text` that someone with these rights may see, of one `group` or of all.

    Any text is valid. Raise Unavailable if the database is unavailable or takes longer than three seconds.
    """
    terms = search_terms.parse(text)
    if not is_searched(terms):
        return Results(terms, None, ())
    may = partial(permissions.allows, rights)
    sources = [s for s in SOURCES if group is None or s.kind in KINDS[group]]
    async with ctx.db.tx() as tx:
        # a generic plan is slow: the best plan depends on how common the words are
        await tx.execute(
            """
            select set_config('statement_timeout', $1, true),
                set_config('plan_cache_mode', 'force_custom_plan', true)
            """,
            _TIMEOUT,
        )
        # one more shows that there are others, and another may become the best match
        query = SearchQuery(tx, terms, limit + 2, ctx.clock.now(), may)
        exact = [hit for hit in await reference_hits(query) if group is None or hit.kind in KINDS[group]]
        hits: list[Hit] = []
        # a reference such as PG-7 is never searched for as text
        for source in sources if "-" not in terms.text or not terms.reference else ():
            if source.verb is None or may(source.verb):
                hits += await source.search(query)
    if group is not None:
        return ranking.single_group(terms, group, [*exact, *hits], limit)
    return ranking.results(terms, [*exact, *hits], exact[0] if exact else None, limit)
