"""The dimensions by which metrics can be split, and those that each metric has (pure; spec 11.11)."""

from enum import StrEnum

from firebell.kit.errors import Invalid
from firebell.metrics.definitions import DEFINITIONS, Definition, Kind, Subject


class Dimension(StrEnum):
    """What the rows of a split metric are."""

    SEVERITY = "severity"
    SERVICE = "service"
    TEAM = "team"
    TYPE = "type"
    FACTOR = "factor"
    RULE = "rule"
    WEEKDAY = "weekday"
    MONTH = "month"


DIMENSION_NAMES = {
    Dimension.SEVERITY: "Severity",
    Dimension.SERVICE: "Service",
    Dimension.TEAM: "Team",
    Dimension.TYPE: "Type",
    Dimension.FACTOR: "Contributing factor",
    Dimension.RULE: "Alert rule",
    Dimension.WEEKDAY: "Day of the week",
    Dimension.MONTH: "Month",
}
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_OF_INCIDENTS = (
    Dimension.SEVERITY,
    Dimension.SERVICE,
    Dimension.TEAM,
    Dimension.TYPE,
    Dimension.FACTOR,
    Dimension.MONTH,
)
_OF_IMPACT = (
    Dimension.SERVICE,
    Dimension.TEAM,
    Dimension.SEVERITY,
    Dimension.TYPE,
    Dimension.MONTH,
)
_OF_PAGES = (
    Dimension.SEVERITY,
    Dimension.SERVICE,
    Dimension.TEAM,
    Dimension.RULE,
    Dimension.WEEKDAY,
    Dimension.MONTH,
)
DEFAULT_METRIC, DEFAULT_DIMENSION = "resolve", Dimension.SEVERITY


def dimensions_of(what: Definition) -> tuple[Dimension, ...]:
    """Return the dimensions of a metric, none if it can't be split.

    Impacts are unions per service, which are added up by team and clipped to months; the time between failures is of
    a service alone. Action items have a team and a month, messages only their channel, which their table has.
    """
    if what.kind is Kind.SERVICES:
        return _OF_IMPACT if what.slug == "impact" else (Dimension.SERVICE,)
    if what.subject is Subject.MESSAGES:
        return ()
    if what.subject is Subject.ITEMS:
        return (Dimension.TEAM, Dimension.MONTH)
    return _OF_PAGES if what.subject is Subject.PAGES else _OF_INCIDENTS


def split_metrics() -> dict[str, Definition]:
    """Return the metrics that can be split, by slug."""
    return {slug: what for slug, what in DEFINITIONS.items() if dimensions_of(what)}


def chosen_dimension(what: Definition, by: str) -> Dimension:
    """Return the dimension with a name; raise `Invalid` if the metric does not have it."""
    offered = dimensions_of(what)
    if not offered:
        names = ", ".join(split_metrics())
        raise Invalid(f"{what.title} can’t be split.", fields={"metric": f"Use one of {names}."})
    if by not in offered:
        raise Invalid(
            f"{what.title} can’t be split by {by[:20]!r}.", fields={"by": f"Use one of {', '.join(offered)}."}
        )
    return Dimension(by)
