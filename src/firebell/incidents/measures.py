"""How long each part of one incident took (pure, spec 5, 11.5 and 11.13): detect, acknowledge, engage and so on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.incidents.model import Incident, TimelineEntry
from firebell.incidents.severity import FACTS, Severity

ACKNOWLEDGE_WITHIN = timedelta(minutes=5)
RESOLVE_WITHIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Measure:
    """A duration of an incident; `taken` is None if it is not known, `target` is None without one.

    A negative duration means that the recorded times contradict each other; it is not known either.
    """

    id: str
    label: str
    taken: timedelta | None
    target: timedelta | None = None
    people: int | None = None
    """How many people took part in it, None if that is not counted."""

    @property
    def is_met(self) -> bool | None:
        """True within the target; None without a target, or if the duration is not known."""
        return None if self.taken is None or self.target is None else self.taken <= self.target


@dataclass(frozen=True, slots=True)
class PageTimes:
    """When a page was triggered, and when a person first acknowledged it."""

    triggered_at: datetime
    acknowledged_at: datetime | None


def people_before(
    at: datetime | None,
    timeline: Sequence[TimelineEntry],
    acknowledgments: Iterable[tuple[datetime, int | None]],
) -> int | None:
    """Return how many people wrote in the timeline, took a role or acknowledged a page until an instant.

    People who were only paged do not count. Return None without an instant.
    """
    if at is None:
        return None
    acted = [(entry.effective_at, entry.actor_id) for entry in timeline]
    return len({person for when, person in (*acted, *acknowledgments) if person is not None and when <= at})


def measures(
    incident: Incident,
    pages: list[PageTimes],
    commander_at: datetime | None,
    people_until_mitigation: int | None = None,
) -> list[Measure]:
    """Return the measures of an incident, in the order in which its parts happened, and how it was coordinated.

    Acknowledging counts from the first page, and so does coordinating, until the first mitigation. Targets are those of
    the peak severity: five minutes to acknowledge and an hour to resolve a SEV0 or SEV1, and the time within which its
    commander is due.
    """
    facts = FACTS[Severity(incident.max_severity)]
    is_major = incident.max_severity <= Severity.SEV1
    first = min(pages, key=lambda page: page.triggered_at, default=None)
    commander_within = facts.commander_within
    return [
        Measure("detect", "Detect", _between(incident.impact_start, incident.detected_at)),
        Measure(
            "acknowledge",
            "Acknowledge",
            _between(first.triggered_at, first.acknowledged_at) if first else None,
            ACKNOWLEDGE_WITHIN if is_major else None,
        ),
        Measure(
            "engage",
            "Engage a commander",
            _between(incident.declared_at, commander_at),
            None if commander_within is None else timedelta(minutes=commander_within),
        ),
        Measure("mitigate", "Mitigate", _between(incident.detected_at, incident.impact_end)),
        Measure(
            "resolve",
            "Resolve",
            _between(incident.detected_at, incident.resolved_at),
            RESOLVE_WITHIN if is_major else None,
        ),
        Measure(
            "coordinate",
            "Coordinate the first mitigation",
            _between(first.triggered_at, incident.mitigated_at) if first else None,
            people=people_until_mitigation,
        ),
    ]


def _between(start: datetime | None, end: datetime | None) -> timedelta | None:
    if start is None or end is None or end < start:
        return None
    return end - start
