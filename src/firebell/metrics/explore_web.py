"""The screen on which people split any metric by any dimension; its address holds all of it."""

from dataclasses import dataclass
from typing import Any

from fastapi import Response

from firebell.kit import private_reader
from firebell.kit.errors import FirebellError, Invalid
from firebell.kit.web import html, routing
from firebell.metrics import explore, export, filter_values, queries
from firebell.metrics.definitions import DEFINITIONS, Kind
from firebell.metrics.dimensions import (
    DEFAULT_DIMENSION,
    DEFAULT_METRIC,
    DIMENSION_NAMES,
    chosen_dimension,
    dimensions_of,
    split_metrics,
)
from firebell.metrics.filter_values import Address
from firebell.metrics.presentation import wording
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit
from firebell.readiness import actions as readiness

router = routing.html_router()

PATH = "/metrics/explore"


@dataclass(frozen=True, slots=True)
class ExploreAddress(Address):
    """The address of an exploration."""

    metric: str = DEFAULT_METRIC
    by: str = DEFAULT_DIMENSION

    def url(self, path: str = "", **changes: Any) -> str:
        """Return the address with changed parameters; other screens get the filters only."""
        own = {} if path else {"metric": self.metric, "by": self.by}
        return html.address(path or self.path, **{**own, **self.query.parameters(), **changes})


@router.get(PATH, dependencies=route_access.needs(Verb.METRICS_READ))
async def screen(
    visit: CurrentVisit,
    metric: str = DEFAULT_METRIC,
    by: str = DEFAULT_DIMENSION,
    format: str = "",  # noqa: A002 - the name of the parameter
) -> Response:
    address = ExploreAddress(PATH, filter_values.query_of(visit), metric[:40], by[:40])
    if filter_values.has_blank(visit):
        return html.redirect(address.url(format=format))
    try:
        what = queries.definition(metric)
        offered = dimensions_of(what)
        # another metric was chosen in the form, which may not have the dimension of the one before
        dimension = offered[0] if offered and by in DIMENSION_NAMES and by not in offered else None
        address = ExploreAddress(PATH, address.query, metric, dimension or chosen_dimension(what, by))
        if format in ("csv", "json"):
            with private_reader.as_reader(private_reader.NO_ONE):
                return await _export(visit, address, format)
        explored = await _explored(visit, address)
    except FirebellError as error:
        return await _render(visit, address, None, error)
    await readiness.record_metrics_view(visit.tx, visit.actor, visit.now)
    return await _render(visit, address, explored, None)


async def _explored(visit: Visit, address: ExploreAddress) -> explore.Exploration:
    what = queries.definition(address.metric)
    scope = await queries.scope(visit.tx, address.query, visit.person.tz, visit.now)
    return await explore.explore(visit.tx, what, chosen_dimension(what, address.by), scope)


async def _export(visit: Visit, address: ExploreAddress, file_format: str) -> Response:
    explored = await _explored(visit, address)
    name = export.file_name(f"{address.metric}-by-{address.by}", explored.scope.window, file_format)
    if file_format == "json":
        return filter_values.json_file({"groups": explored.records()}, name)
    return filter_values.file(
        export.records_csv(explore.COLUMNS, explored.records(), bom=True), name, "text/csv"
    )


async def _render(
    visit: Visit, address: ExploreAddress, explored: explore.Exploration | None, error: FirebellError | None
) -> Response:
    if error is not None and not isinstance(error, Invalid):
        raise error
    what = explored.what if explored else DEFINITIONS.get(address.metric)
    context = {
        "nav": "metrics",
        "explored": explored,
        "what": what,
        "w": wording,
        "is_duration": what is not None and what.kind is Kind.DURATION,
        "metrics": [(slug, each.title) for slug, each in split_metrics().items()],
        "dimensions": [(str(d), DIMENSION_NAMES[d]) for d in (dimensions_of(what) if what else ())],
        "dimension_names": DIMENSION_NAMES,
        "target_result": export.target_result,
        "error": error,
        "link_of": lambda group: _link_of(address, group),
        "full_address": f"{visit.ctx.public_url}{address.url()}",
        **await filter_values.filters(visit, address),
    }
    return await html.render(visit.request, "metrics/explore.html", context)


def _link_of(address: ExploreAddress, group: explore.Group) -> str:
    """Return the address of the metric with the group as a filter, empty if there is no such filter."""
    if not group.key or address.by not in ("severity", "service", "team", "type"):
        return ""
    return address.url(f"/metrics/{address.metric}", **{address.by: group.key})
