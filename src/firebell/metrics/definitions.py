"""What each metric is: its start, end, population, estimator and target, in words and for SQL (pure; spec 5, 11.11)."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from firebell.metrics.definition_history import FIRST, DefinitionChange


class Kind(StrEnum):
    """What a metric consists of."""

    DURATION = "duration"
    SHARE = "share"
    COUNT = "count"
    SERVICES = "services"


class Subject(StrEnum):
    """What a metric counts."""

    INCIDENTS = "incidents"
    PAGES = "pages"
    UPDATES = "updates"
    ITEMS = "action items"
    MESSAGES = "messages"


@dataclass(frozen=True, slots=True)
class Definition:
    """One metric; `slug` is its address, `acronym` the name under which people know it."""

    slug: str
    title: str
    kind: Kind
    subject: Subject
    sentence: str
    starts: str
    ends: str
    population: str
    estimator: str
    finding: str
    """What the title of its screen says about the cases that it counts."""
    acronym: str = ""
    worst_severity: int = 3
    """The least severe incidents that count: 1 for SEV0 and SEV1."""
    target_s: int | None = None
    handbook: str = ""
    """The chapter of the handbook that says what moves it."""
    levers: tuple[str, ...] = ()
    changes: tuple[DefinitionChange, ...] = FIRST
    """Its versions, oldest first. Another formula or target is another version."""

    @property
    def version(self) -> int:
        """The number of the version in force."""
        return self.changes[-1].version

    @property
    def since(self) -> str:
        """The day since which it is in force."""
        return self.changes[-1].since


_KAPLAN_MEIER = (
    "Kaplan–Meier: an open case counts as longer than it has lasted. No mean: one long case would move it."
)
_WILSON = "A share with its Wilson 95% interval."
_CLOSED = "closed in the period, or still open"

DEFINITIONS = {
    each.slug: each
    for each in (
        Definition(
            "impact",
            "Time in impact",
            Kind.SERVICES,
            Subject.INCIDENTS,
            "How long customers felt incidents, added up per service.",
            "When the impact began; if that is not known, when it was detected",
            "When the impact ended, or now",
            "SEV0 to SEV2 with impact in the period, clipped to it",
            "The union of impacts per service; overlaps count once.",
            finding="customers felt incidents",
            worst_severity=2,
            handbook="incident-workflow",
            levers=("Mitigate before you diagnose", "Practice the rollback"),
        ),
        Definition(
            "customer-minutes",
            "Customer minutes",
            Kind.COUNT,
            Subject.INCIDENTS,
            "The total minutes of impact over all affected customers.",
            "When the impact began; if that is not known, when it was detected",
            "When the impact ended; if it has no end, when the incident was closed, or now",
            "SEV0 to SEV2 with a customer count, closed in the period, or still open",
            "The customers of each incident times the minutes of its impact, added up. One large incident can"
            " dominate the sum.",
            finding="were lost",
            worst_severity=2,
            handbook="incident-workflow",
            levers=(
                "Mitigate for the largest group of customers first",
                "Roll changes out to a few customers first",
            ),
        ),
        Definition(
            "repeats",
            "Repeats within 90 days",
            Kind.SHARE,
            Subject.INCIDENTS,
            "Incidents that came back: same service and the same trigger or weakness within 90 days.",
            "90 days before the incident",
            "When it was declared",
            "Declared in the period",
            _WILSON,
            finding="incidents came back",
            handbook="blameless-postmortems",
            levers=("Finish the action items of the first incident", "Fix the weakness, not the trigger"),
        ),
        Definition(
            "preventable",
            "Preventable incidents",
            Kind.SHARE,
            Subject.INCIDENTS,
            "Incidents that an overdue action item would have prevented or shortened, by people’s answers.",
            "The due day of the action item",
            "When the incident was declared",
            "Declared in the period, with an overdue item about which someone answered",
            _WILSON,
            finding="would have been prevented or shortened",
            handbook="blameless-postmortems",
            levers=("Do overdue action items first",),
        ),
        Definition(
            "actions",
            "Action items done in time",
            Kind.SHARE,
            Subject.ITEMS,
            "Action items that were done by their due day, or within seven days after it.",
            "The due day",
            "When it was done",
            "Due in the period, in the team if one is chosen; no other filter changes them. Those within seven days"
            " after it are shown separately",
            _WILSON,
            finding="action items were done in time",
            handbook="blameless-postmortems",
            levers=("Agree on fewer items, each with one owner", "Drop what no one will do, and say so"),
        ),
        Definition(
            "nights",
            "Interrupted nights",
            Kind.COUNT,
            Subject.PAGES,
            "Nights in which a page woke someone, counted per person.",
            "22:00 where the person is",
            "07:00 where the person is",
            "High-urgency pages with a message that reached a person",
            "A count. Three pages in one night are the limit.",
            finding="nights were interrupted",
            handbook="escalation-matrix",
            levers=("Delete the rule that wakes people the most", "Page only by day when it can wait"),
        ),
        Definition(
            "noise",
            "Noise",
            Kind.SHARE,
            Subject.PAGES,
            "Pages that needed no action.",
            "When the page was triggered",
            "When it ended",
            "High-urgency pages triggered in the period",
            "People’s answers decide. Without an answer, a page is noise if it has no incident, no one acted, and its"
            " source ended it within 5 min. " + _WILSON,
            finding="pages needed no action",
            handbook="incident-workflow",
            levers=("Answer “Was this page actionable?”", "Wait longer before a rule fires"),
        ),
        Definition(
            "levels",
            "Acknowledged by level",
            Kind.SHARE,
            Subject.PAGES,
            "Pages that were acknowledged at the first level.",
            "When the page was triggered",
            "When a person acknowledged it",
            "High-urgency pages triggered in the period",
            _WILSON,
            finding="pages were acknowledged at the first level",
            handbook="escalation-matrix",
            levers=("Check the notification rules of the first responder", "Shorten the first level"),
        ),
        Definition(
            "delivery",
            "Messages within 30 s",
            Kind.SHARE,
            Subject.MESSAGES,
            "Messages about urgent pages that their provider accepted within 30 seconds.",
            "When the message was due; a retry does not change that",
            "When the provider of the channel accepted it",
            "Messages about high-urgency pages triggered in the period, accepted or failed for good",
            _WILSON + " The 99% quantile of a channel needs 100 messages; a failed one counts as longer.",
            finding="messages were accepted within 30 s",
            handbook="escalation-matrix",
            levers=("Add a second contact method to each person", "Replace the channel that is slow"),
        ),
        Definition(
            "acknowledge",
            "Time to acknowledge",
            Kind.DURATION,
            Subject.PAGES,
            "How long a page waits for a person.",
            "When the page was triggered",
            "When a person first acknowledged it; a tool does not count",
            "High-urgency pages triggered in the period",
            "Kaplan–Meier: a page that no one acknowledged counts as longer than it lasted.",
            finding="acknowledged",
            acronym="MTTA",
            target_s=300,
            handbook="escalation-matrix",
            levers=("Prove every contact method", "Add a call to the first level"),
        ),
        Definition(
            "detect",
            "Time to detect",
            Kind.DURATION,
            Subject.INCIDENTS,
            "How long customers feel an incident before someone or something detects it.",
            "When the impact began",
            "When someone or something detected it",
            f"With a known start of the impact, {_CLOSED}",
            "Quantiles of the sample (Hyndman–Fan type 7).",
            finding="detected",
            acronym="MTTD",
            handbook="incident-workflow",
            levers=(
                "Alert on what customers feel",
                "Add an alert for each incident that a person found first",
            ),
        ),
        Definition(
            "engage",
            "Time to engage",
            Kind.DURATION,
            Subject.INCIDENTS,
            "How long an incident waits for a commander.",
            "When it was declared",
            "When a commander took over",
            f"SEV0 and SEV1, {_CLOSED}",
            "Kaplan–Meier: an incident that never had a commander counts as longer than it lasted.",
            finding="taken over by a commander",
            acronym="MTTE",
            worst_severity=1,
            handbook="incident-roles",
            levers=("Page the commander with the declaration",),
        ),
        Definition(
            "mitigate",
            "Time to mitigate",
            Kind.DURATION,
            Subject.INCIDENTS,
            "How long it takes until customers no longer feel it.",
            "When someone or something detected it",
            "When the impact ended",
            f"SEV0 to SEV2, {_CLOSED}",
            _KAPLAN_MEIER,
            finding="mitigated",
            acronym="MTTM",
            worst_severity=2,
            handbook="incident-workflow",
            levers=("Roll back before you look for the cause", "Write the mitigation into the runbook"),
        ),
        Definition(
            "resolve",
            "Time to resolve",
            Kind.DURATION,
            Subject.INCIDENTS,
            "How long it takes from detection to resolution.",
            "When someone or something detected it",
            "The last time it was resolved",
            f"Each incident that was {_CLOSED}",
            _KAPLAN_MEIER,
            finding="resolved",
            acronym="MTTR",
            target_s=3600,
            handbook="incident-workflow",
            levers=("Roll back before you look for the cause", "Exercise the runbook monthly"),
        ),
        Definition(
            "mtbf",
            "Time between failures",
            Kind.SERVICES,
            Subject.INCIDENTS,
            "How long a service runs between SEV0 or SEV1 incidents.",
            "The start of the period, or the creation of the service if that is later",
            "Its end, or now",
            "SEV0 and SEV1 declared in the period",
            "The period without the impact, divided by the failures. Without a failure: longer than the period, and"
            " at least a third of it (rule of three, 95%).",
            finding="failed",
            acronym="MTBF",
            worst_severity=1,
            handbook="blameless-postmortems",
            levers=("Fix what comes back", "Deploy smaller changes"),
            changes=(
                *FIRST,
                DefinitionChange(2, date(2026, 11, 30), "A service counts from its creation"),
            ),
        ),
        Definition(
            "frequency",
            "Incidents per month",
            Kind.COUNT,
            Subject.INCIDENTS,
            "How many incidents were declared.",
            "The start of the period",
            "Its end",
            "Declared in the period",
            "A count with its exact 95% interval (Garwood): the range that chance alone gives.",
            finding="incidents were declared",
            handbook="severity-classification",
            levers=("Declare early, or the number means little",),
        ),
        Definition(
            "severity",
            "Severity accuracy",
            Kind.SHARE,
            Subject.INCIDENTS,
            "Incidents whose first severity was their highest.",
            "When it was declared",
            "When it was closed",
            "Closed in the period",
            _WILSON,
            finding="incidents began at their highest severity",
            handbook="severity-classification",
            levers=("Ask the four questions",),
        ),
        Definition(
            "updates",
            "Updates on time",
            Kind.SHARE,
            Subject.UPDATES,
            "Internal updates that were posted when they were due.",
            "The declaration, and each update",
            "The next update, or the resolution",
            "Updates that were due in incidents closed in the period",
            _WILSON,
            finding="updates were posted in time",
            handbook="incident-roles",
            levers=("Assign a comms lead",),
        ),
        Definition(
            "postmortems",
            "Post-mortems on time",
            Kind.SHARE,
            Subject.INCIDENTS,
            "Post-mortems that were published within 48 hours.",
            "When the incident was closed",
            "When its post-mortem was published",
            "SEV0 and SEV1 closed in the period, without those with a post-mortem that was withdrawn before it was"
            " published; those within their 48 hours are shown separately",
            _WILSON,
            finding="post-mortems were published in time",
            handbook="blameless-postmortems",
            levers=("Assign the author when the incident closes",),
            changes=(
                *FIRST,
                DefinitionChange(
                    2, date(2026, 12, 1), "Without post-mortems that were withdrawn unpublished"
                ),
            ),
        ),
        Definition(
            "cost",
            "People’s time",
            Kind.COUNT,
            Subject.INCIDENTS,
            "How many hours people spent on incidents.",
            "When a person took a role, or wrote the first entry",
            "When the role or the incident ended, or five minutes after the last entry",
            "Closed in the period",
            "The union of each person’s presence, added up. Watching and being paged don’t count.",
            finding="went into incidents",
            handbook="incident-roles",
            levers=("Release people who are not needed",),
        ),
    )
}
"""All metrics, in the order of the home page: what customers feel first, means by name last."""
CUSTOMER_MINUTES = "customer-minutes"
SUMS = frozenset({CUSTOMER_MINUTES, "cost"})
"""Metrics that are the sum of an amount per case; no test of counts applies to them."""
