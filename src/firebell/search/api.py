"""Search over JSON."""

from typing import Annotated

from fastapi import Query

from firebell.kit.web import api
from firebell.kit.web.api import ApiOutput, Ctx, Limit
from firebell.people.authentication import Caller
from firebell.people.permissions import Verb
from firebell.people.route_access import may
from firebell.search import run_search
from firebell.search.model import GroupName, Hit, Kind

router = api.router("search", "/search")


class HitShown(ApiOutput):
    """One search result; `ref` is set for incidents and pages, `state` names the glyph of its state or is empty."""

    kind: Kind
    ref: str
    title: str
    subtitle: str
    url: str
    state: str
    icon: str


class GroupShown(ApiOutput):
    """The hits of one group, best first; if `more` is true, ask for this `group` with a higher `limit`."""

    name: GroupName
    label: str
    hits: list[HitShown]
    more: bool


class ResultsShown(ApiOutput):
    """The best match, which is in no group, and the groups of all other hits."""

    query: str
    best: HitShown | None
    groups: list[GroupShown]


def _shown(hit: Hit, public_url: str) -> HitShown:
    return HitShown(
        kind=hit.kind,
        ref=hit.ref,
        title=hit.title,
        subtitle=hit.subtitle,
        url=public_url + hit.path,
        state=hit.state,
        icon=hit.symbol,
    )


@router.get("", summary="Search everything you may see, grouped by kind, best match first")
async def search(
    ctx: Ctx,
    caller: Annotated[Caller, may(Verb.SEARCH_READ)],
    q: Annotated[str, Query(description="words in any order, or their first letters, or PG-7 or INC-3")] = "",
    group: Annotated[GroupName | None, Query(description="only this group, without a best match")] = None,
    limit: Limit = run_search.HITS_PER_GROUP,
) -> ResultsShown:
    results = await run_search.search(ctx, caller.rights, q, group=group, limit=limit)
    return ResultsShown(
        query=results.terms.text,
        best=_shown(results.best, ctx.public_url) if results.best else None,
        groups=[
            GroupShown(
                name=g.name, label=g.label, hits=[_shown(h, ctx.public_url) for h in g.hits], more=g.more
            )
            for g in results.groups
        ],
    )
