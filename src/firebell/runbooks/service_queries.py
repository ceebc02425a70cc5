"""The runbooks of one service, with how each was exercised and what a machine can do of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from firebell.catalog.model import Service
from firebell.kit.db.database import Tx
from firebell.kit.matchers import matches_all, print_all
from firebell.runbooks import actions, matching
from firebell.runbooks.automation import EXERCISED_WITHIN, AutomationLevel, automation_level
from firebell.runbooks.isolated_parser import read_stored
from firebell.runbooks.matching import Match, MatchClass, ServiceFacts, Signal
from firebell.runbooks.model import IndexEntry, Runbook, RunSummary
from firebell.runbooks.runs import summary_store

LISTED = 5
"""The most runbooks that a service shows."""
_MATCHES: dict[MatchClass, Literal["trigger", "service_link", "service_listed"]] = {
    MatchClass.TRIGGER: "trigger",
    MatchClass.SERVICE_LINK: "service_link",
    MatchClass.SERVICE_LISTED: "service_listed",
}


@dataclass(frozen=True, slots=True)
class RunbookOfService:
    """A runbook of a service, and why it is one."""

    slug: str
    title: str
    match: Literal["trigger", "service_link", "service_listed"]
    last_exercised: datetime | None
    level: AutomationLevel
    url: str

    def age(self, now: datetime) -> timedelta | None:
        """Return how long ago it was last exercised; None if it never was."""
        return now - self.last_exercised if self.last_exercised else None

    def is_overdue(self, now: datetime) -> bool:
        """Return True if no one has exercised it for too long."""
        age = self.age(now)
        return age is None or age > EXERCISED_WITHIN


def of_any_alert(entry: IndexEntry, slug: str) -> IndexEntry:
    """Return a runbook with what its triggers ask of the label `service`, if that singles out this service (pure).

    A trigger such as `{service="checkout",alertname="QueueFull"}` is for some alerts of checkout, and one that asks
    for no service is for alerts of any.
    """
    labels = {"service": slug}
    parsed = [matching.parsed(trigger) for trigger in entry.triggers]
    service_matchers = [[each for each in matchers if each.name == "service"] for matchers in parsed]
    own = [each for each in service_matchers if matches_all(each, labels) and not matches_all(each, {})]
    return replace(entry, triggers=tuple(print_all(each) for each in own))


async def of_service(tx: Tx, service: Service, public_url: str, now: datetime) -> list[RunbookOfService]:
    """Return the runbooks that belong to a service, best first.

    They list it, it links to them, or a trigger of theirs asks for it.
    """
    indexed = await actions.index(tx, [service.runbook_url], public_url)
    entries = [of_any_alert(entry, service.slug) for entry in indexed]
    facts = ServiceFacts(service.slug, service.name, service.runbook_url)
    ranked = matching.rank([Signal({"service": service.slug})], facts, entries, public_url)
    own = [match for match in ranked if match.match_class in _MATCHES][:LISTED]
    if not own:
        return []
    slugs = [match.entry.slug for match in own]
    runs = await summary_store.summaries(tx, slugs)
    stored = await actions.runbooks_by_slug(tx, slugs)
    return [
        _runbook(match, await read_stored(stored[slug].body), runs.get(slug, []), public_url, now)
        for match, slug in zip(own, slugs, strict=True)
        if slug in stored
    ]


def _runbook(
    match: Match, parsed: Runbook, runs: Sequence[RunSummary], public_url: str, now: datetime
) -> RunbookOfService:
    entry = match.entry
    return RunbookOfService(
        slug=entry.slug,
        title=entry.title or entry.slug,
        match=_MATCHES[match.match_class],
        last_exercised=entry.last_exercised,
        level=automation_level(parsed, runs, now),
        url=f"{public_url}/runbooks/{entry.slug}",
    )
