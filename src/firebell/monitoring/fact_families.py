"""The metric families of incidents, pages and action items by team and severity (pure; spec 11.11)."""

from collections.abc import Iterator, Mapping, Sequence

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from firebell.monitoring.family import Sample, counter, gauge
from firebell.monitoring.integration_families import integration_families
from firebell.monitoring.model import (
    ACKNOWLEDGE_BOUNDS_S,
    DURATION_BOUNDS_S,
    BucketCounts,
    FactReadings,
)


def fact_families(facts: FactReadings) -> Iterator[Metric]:
    """Yield the families of facts; each gauge of teams has all of them."""
    yield counter("pages_triggered", "Pages.", ["team", "urgency", "severity"], list(facts.pages.items()))
    yield counter(
        "pages_night", "Urgent pages that woke someone.", ["team"], _by_team(facts, facts.night_pages)
    )
    yield histogram(
        "page_ack_seconds",
        "Time until a person acknowledged an urgent page.",
        ["severity"],
        {(severity,): counts for severity, counts in facts.acknowledged.items()},
        ACKNOWLEDGE_BOUNDS_S,
    )
    yield gauge(
        "pages_unacked",
        "Urgent pages that no one has acknowledged.",
        ["team"],
        _by_team(facts, facts.unacknowledged),
    )
    yield gauge(
        "pages_exhausted",
        "Urgent pages whose escalation policy has ended without an acknowledgment.",
        ["team"],
        _by_team(facts, facts.exhausted),
    )
    yield counter(
        "incidents_declared", "Declared incidents.", ["severity", "team"], list(facts.declared.items())
    )
    yield counter(
        "incidents_reopened",
        "How often incidents were reopened.",
        ["severity", "team"],
        list(facts.reopened.items()),
    )
    for metric, text in (
        ("detect", "Time from the start of the impact until an incident was detected."),
        ("mitigate", "Time from detection until the impact ended."),
        ("resolve", "Time from detection until an incident was resolved."),
    ):
        yield histogram(
            f"incident_{metric}_seconds",
            text,
            ["severity"],
            {(severity,): counts for (of, severity), counts in facts.durations.items() if of == metric},
            DURATION_BOUNDS_S,
        )
    yield gauge(
        "postmortems_overdue",
        "Required post-mortems that are not published 48 hours after their incident was closed.",
        ["team"],
        _by_team(facts, facts.overdue_postmortems),
    )
    yield gauge(
        "action_items",
        "Unfinished action items.",
        ["team", "state", "priority"],
        list(facts.items.items()),
    )
    yield gauge(
        "action_items_overdue",
        "Unfinished action items after their due day.",
        ["team"],
        _by_team(facts, facts.overdue_items),
    )
    yield gauge(
        "action_completion_ratio",
        "Share of the action items due in the last 90 days that were done in time.",
        ["team"],
        [([team], ratio) for team, ratio in facts.completion.items()],
    )
    yield counter(
        "runbook_runs",
        "Runs of runbooks that ended, without dry ones.",
        ["result"],
        [([result], runs) for result, runs in facts.runbook_runs.items()],
    )
    readiness = [] if facts.readiness is None else [((), facts.readiness)]
    yield gauge("readiness_ratio", "Score of readiness, as last recorded.", [], readiness)
    yield gauge(
        "findings",
        "Findings about contact methods and channels.",
        ["rule", "level"],
        list(facts.findings.items()),
    )
    yield from integration_families(facts.integrations)


def _by_team(facts: FactReadings, counts: Mapping[str, int]) -> list[Sample]:
    """Return a sample for each team, also for those without any."""
    return [([team], counts.get(team, 0)) for team in sorted({*facts.teams, *counts})]


def histogram(
    name: str,
    text: str,
    labels: Sequence[str],
    histograms: Mapping[tuple[str, ...], BucketCounts],
    bounds: Sequence[int],
) -> Metric:
    """Return a histogram of whole seconds."""
    family = HistogramMetricFamily(f"firebell_{name}", text, labels=labels)
    for values, one in sorted(histograms.items()):
        total, buckets = 0, []
        for bound, count in zip((*(str(float(b)) for b in bounds), "+Inf"), one.counts, strict=True):
            total += count
            buckets.append((bound, float(total)))
        family.add_metric(values, buckets, one.total)
    return family
