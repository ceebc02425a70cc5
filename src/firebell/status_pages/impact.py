"""The impact of a public incident, and the indicator of a whole status page (pure; spec 7.4)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from firebell.status_pages.model import ComponentStatus, Impact, IndicatorRule, PublicIncident, Stage

IMPACT_OF = {
    ComponentStatus.OPERATIONAL: Impact.NONE,
    ComponentStatus.UNDER_MAINTENANCE: Impact.MAINTENANCE,
    ComponentStatus.DEGRADED_PERFORMANCE: Impact.MINOR,
    ComponentStatus.PARTIAL_OUTAGE: Impact.MAJOR,
    ComponentStatus.MAJOR_OUTAGE: Impact.CRITICAL,
}
_WITHOUT_COMPONENT = {
    Impact.MINOR: "Minor Service Outage",
    Impact.MAJOR: "Partial System Outage",
    Impact.CRITICAL: "Major System Outage",
}


@dataclass(frozen=True, slots=True)
class Indicator:
    """What a status page says of everything together, in the words of Statuspage."""

    impact: Impact
    description: str


def impact(incident: PublicIncident) -> Impact:
    """Return the impact: the override, else the worst status that any update gave; recovery does not shrink it."""
    if incident.impact_override is not None:
        return incident.impact_override
    return max(
        (IMPACT_OF[effect.status] for update in incident.updates for effect in update.effects),
        default=Impact.NONE,
    )


def blend(statuses: Sequence[ComponentStatus]) -> Indicator:
    """Return the indicator of components, groups not counted."""
    outage, partial = ComponentStatus.MAJOR_OUTAGE, ComponentStatus.PARTIAL_OUTAGE
    degraded = ComponentStatus.DEGRADED_PERFORMANCE
    if statuses and all(status is outage for status in statuses):
        return Indicator(Impact.CRITICAL, "Major System Outage")
    if outage in statuses or (statuses and all(status is partial for status in statuses)):
        return Indicator(Impact.MAJOR, "Partial System Outage")
    if partial in statuses:
        return Indicator(Impact.MINOR, "Minor Service Outage")
    if len(statuses) > 1 and all(status is degraded for status in statuses):
        return Indicator(Impact.MINOR, "Degraded System Service")
    if degraded in statuses:
        return Indicator(Impact.MINOR, "Partially Degraded Service")
    if ComponentStatus.UNDER_MAINTENANCE in statuses:
        return Indicator(Impact.MAINTENANCE, "Service Under Maintenance")
    return Indicator(Impact.NONE, "All Systems Operational")


def worst(statuses: Sequence[ComponentStatus]) -> Indicator:
    """Return the indicator of the worst component, however few are affected."""
    impact_of_worst = IMPACT_OF[max(statuses, default=ComponentStatus.OPERATIONAL)]
    if impact_of_worst in (Impact.MAJOR, Impact.CRITICAL):
        return Indicator(impact_of_worst, _WITHOUT_COMPONENT[impact_of_worst])
    return blend(statuses)


def indicator(
    statuses: Sequence[ComponentStatus],
    incidents: Iterable[PublicIncident],
    rule: IndicatorRule = IndicatorRule.BLEND,
) -> Indicator:
    """Return the indicator of a status page: never green beside an open problem that names no component."""
    of_components = worst(statuses) if rule is IndicatorRule.WORST else blend(statuses)
    unnamed = max(
        (
            impact(incident)
            for incident in incidents
            if incident.is_open
            and not incident.component_ids
            and incident.stage in (Stage.INVESTIGATING, Stage.IDENTIFIED)
        ),
        default=Impact.NONE,
    )
    if unnamed <= of_components.impact or unnamed not in _WITHOUT_COMPONENT:
        return of_components
    return Indicator(unnamed, _WITHOUT_COMPONENT[unnamed])
