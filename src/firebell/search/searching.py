"""Runs a search: every source that someone may see, in one short transaction."""

from functools import partial

from firebell.kit import search_terms
from firebell.kit.context import Context
from firebell.kit.search_terms import Terms
from firebell.people import permissions
from firebell.people.permissions import Rights
from firebell.search import model
from firebell.search.model import KINDS, GroupName, Hit, Results
from firebell.search.sources import SOURCES, Query, named

SHORTEST = 2
"""Characters of a query from which on there is a search; a number is searched for as it is."""
PER_GROUP = 5
"""Hits of each group that are shown side by side."""
WHOLE_GROUP = 50
"""Hits that are shown of one group alone."""
_TIMEOUT = "3s"


def is_searched(terms: Terms) -> bool:
    """Return True if a query is long enough to be searched for."""
    return bool(terms.words) and (len(terms.text) >= SHORTEST or terms.reference is not None)


async def search(
    ctx: Context, rights: Rights, text: str, *, group: GroupName | None = None, limit: int = PER_GROUP
) -> Results:
    """Return what `text` finds for someone with these rights, of one `group` or of all.

    Every text is a query. Raises `Unavailable` if the database is away or takes longer than three seconds.
    """
    terms = search_terms.parse(text)
    if not is_searched(terms):
        return Results(terms, None, ())
    may = partial(permissions.allows, rights)
    wanted = [s for s in SOURCES if group is None or s.kind in KINDS[group]]
    async with ctx.db.tx() as tx:
        # the plan depends on how common the words are, so a plan for any words is no good one
        await tx.execute(
            """
            select set_config('statement_timeout', $1, true),
                set_config('plan_cache_mode', 'force_custom_plan', true)
            """,
            _TIMEOUT,
        )
        # one more tells that there is more, and another may become the best match
        query = Query(tx, terms, limit + 2, ctx.clock.now(), may)
        exact = [hit for hit in await named(query) if group is None or hit.kind in KINDS[group]]
        hits: list[Hit] = []
        # PG-7 names one thing, whether it exists or not
        for source in wanted if "-" not in terms.text or not terms.reference else ():
            if source.verb is None or may(source.verb):
                hits += await source.search(query)
    if group is not None:
        return model.only(Results(terms, None, ()), group, [*exact, *hits], limit)
    return model.results(terms, [*exact, *hits], exact[0] if exact else None, limit)
