"""The filters of the list of pages, from URLs, the command line and forms."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from firebell.catalog import actions as catalog
from firebell.kit.db.database import Tx
from firebell.kit.errors import Invalid
from firebell.kit.text import slugify
from firebell.kit.web.filters import search_words, shown, to_day, to_one_of
from firebell.paging.model import PageFilter
from firebell.people import actions as people
from firebell.people.model import URGENCIES

WHOSE = ("me", "my-teams", "all")


@dataclass(frozen=True, slots=True)
class PageQuery:
    """The parameters of a list of pages; blank ones restrict nothing, dates are days in the reader's time zone."""

    q: str = ""
    service: str = ""
    team: str = ""
    whose: str = ""
    urgency: str = ""
    since: str = ""
    until: str = ""

    def filters(self) -> dict[str, str]:
        """Return the parameters that restrict the list, by name."""
        values = {name: getattr(self, name).strip() for name in self.__slots__}
        return {name: v for name, v in values.items() if v and (name, v) != ("whose", "all")}


async def _team_ids(tx: Tx, filters: dict[str, str], person_id: int) -> tuple[int, ...] | None:
    chosen: set[int] | None = None
    if "team" in filters:
        slugs = {team.slug: team.id for team in await people.teams(tx)}
        name = filters["team"]
        if (team_id := slugs.get(name, slugs.get(slugify(name)))) is None:
            raise Invalid(f"There is no team {shown(name)}.", fields={"team": "Use the slug of a team."})
        chosen = {team_id}
    if filters.get("whose") == "my-teams":
        own = set(await people.team_ids_of(tx, person_id))
        chosen = own if chosen is None else chosen & own
    return None if chosen is None else tuple(sorted(chosen))


async def resolve(
    tx: Tx,
    query: PageQuery,
    *,
    person_id: int,
    tz: str = "UTC",
    since: datetime | None = None,
    until: datetime | None = None,
) -> PageFilter:
    """Return the filter of a query; raise `Invalid` naming the parameter that is wrong.

    The days of the query are both included, and replace the instants `since` and `until`.
    """
    filters = query.filters()
    if "whose" in filters:
        to_one_of(filters["whose"], "whose", WHOSE)
    if "urgency" in filters:
        to_one_of(filters["urgency"], "urgency", URGENCIES)
    zone = ZoneInfo(tz)
    if "since" in filters:
        since = datetime.combine(to_day(filters["since"], "since"), time.min, zone)
    if "until" in filters:
        until = datetime.combine(to_day(filters["until"], "until") + timedelta(days=1), time.min, zone)
    if since and until and since >= until:
        raise Invalid("The end date is before the start date.", fields={"until": "Use a date after `since`."})
    return PageFilter(
        words=search_words(filters.get("q", "")),
        service_id=(await catalog.resolve_service(tx, filters["service"], with_deleted=True)).id
        if "service" in filters
        else None,
        team_ids=await _team_ids(tx, filters, person_id),
        person_id=person_id if filters.get("whose") == "me" else None,
        urgency=filters.get("urgency", ""),
        since=since,
        until=until,
    )
