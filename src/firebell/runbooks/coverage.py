"""Which alerts of the last 30 days a runbook would have been shown for, and which rules have none (pure)."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice

from firebell.alerts.model import Alert, LabeledAlert
from firebell.catalog.model import Service
from firebell.runbooks.matching import ServiceFacts, Signal, conditions, match
from firebell.runbooks.model import IndexEntry

WINDOW = timedelta(days=30)
ALERTS_MAX = 2000
"""Number of alerts that are looked at, the newest."""
SIGNALS_MAX = 20
"""Number of alerts of one page whose labels are compared with triggers."""


@dataclass(frozen=True, slots=True)
class UncoveredRule:
    """An alert rule whose alerts show no runbook, and how many of them there were."""

    name: str
    alerts: int
    last_id: int


def signal(alert: LabeledAlert) -> Signal:
    """Return an alert as triggers see it."""
    return Signal(alert.rule_labels, alert.runbook_url)


def signals_of(alerts: Iterable[Alert], service: Service | None) -> list[Signal]:
    """Return the first alerts of a page as triggers see them."""
    slug = service.slug if service else ""
    return [
        Signal(
            {"title": a.title, "severity": a.severity or "", "service": slug, **a.labels},
            a.links.get("runbook", ""),
        )
        for a in islice(alerts, SIGNALS_MAX)
    ]


def facts_of(service: Service | None) -> ServiceFacts:
    """Return what matching needs of a service."""
    return ServiceFacts(service.slug, service.name, service.runbook_url) if service else ServiceFacts()


def preview(triggers: Iterable[str], alerts: Sequence[LabeledAlert]) -> list[LabeledAlert]:
    """Return the alerts that at least one of the triggers matches, in their order."""
    wanted = list(triggers)
    return [a for a in alerts if any(conditions(trigger, a.rule_labels) for trigger in wanted)]


def uncovered_rules(
    alerts: Sequence[LabeledAlert],
    runbook_urls: Mapping[str, str],
    entries: Sequence[IndexEntry],
    public_url: str,
    limit: int,
) -> list[UncoveredRule]:
    """Return the rules with the most alerts that show no runbook; `runbook_urls` are those of services by slug."""
    counts: Counter[str] = Counter()
    last_ids: dict[str, int] = {}
    for alert in alerts:
        service = ServiceFacts(alert.service, "", runbook_urls.get(alert.service, ""))
        if alert.runbook_url or service.runbook_url:
            continue
        received = signal(alert)
        if any(match(received, service, entry, public_url) for entry in entries):
            continue
        counts[alert.rule] += 1
        last_ids.setdefault(alert.rule, alert.id)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [UncoveredRule(name, number, last_ids[name]) for name, number in ranked[:limit]]
