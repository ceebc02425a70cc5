"""Which runbooks fit an alert, best first (pure, spec 11.2)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from urllib.parse import unquote

from firebell.kit import matchers
from firebell.runbooks.model import IndexEntry

SHOWN_MAX = 3
"""How many runbooks a page or an incident shows."""
BROAD_SHARE = 0.3
"""The share of alerts above which a trigger matches too many (R-BROAD)."""
BROAD_MIN_ALERTS = 20
"""Fewer alerts say nothing about how broad a trigger is."""


class MatchClass(IntEnum):
    """Why a runbook fits an alert; a higher class is more specific."""

    DEPENDENCY = 1
    SERVICE_LISTED = 2
    SERVICE_LINK = 3
    TRIGGER = 4
    ALERT_LINK = 5


@dataclass(frozen=True, slots=True)
class Signal:
    """An alert as triggers see it: its labels with `title`, `severity` and `service`, and its runbook address."""

    labels: Mapping[str, str]
    runbook_url: str = ""


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """The service of an alert: its slug, name and runbook address, and the slugs of the services it depends on."""

    slug: str = ""
    name: str = ""
    runbook_url: str = ""
    dependencies: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """A runbook that fits; `conditions` is the number of matchers of the trigger that matched."""

    entry: IndexEntry
    match_class: MatchClass
    conditions: int = 0

    @property
    def order(self) -> tuple[object, ...]:
        """The key by which the best comes first."""
        exercised = self.entry.last_exercised
        return (
            -self.match_class,
            -self.conditions,
            self.entry.errors > 0,
            -exercised.timestamp() if exercised else 0.0,
            self.entry.slug,
        )


@dataclass(frozen=True, slots=True)
class RunbookLink:
    """A runbook as a page or an incident shows it: where it is, and why it fits.

    The title of one that is kept elsewhere is that of the alert, or the name of the service, that links to it.
    """

    title: str
    url: str
    match_class: MatchClass
    is_elsewhere: bool = False


@lru_cache(maxsize=8192)
def parsed(trigger: str) -> tuple[matchers.Matcher, ...]:
    """Return the matchers of a stored trigger, none if it does not parse."""
    try:
        return matchers.parse(trigger)
    except matchers.MatcherError:
        return ()


def conditions(trigger: str, labels: Mapping[str, str]) -> int:
    """Return the number of matchers of a trigger that matches the labels, 0 if it does not match."""
    wanted = parsed(trigger)
    return len(wanted) if wanted and matchers.matches_all(wanted, labels) else 0


@lru_cache(maxsize=8192)
def slug_of(url: str, public_url: str) -> str:
    """Return the slug of the runbook that a web address shows, empty for other addresses."""
    path = url.strip().partition("#")[0].partition("?")[0]
    prefix = f"{public_url.rstrip('/')}/runbooks/"
    return unquote(path.removeprefix(prefix).rstrip("/")) if path.startswith(prefix) else ""


def match(signal: Signal, service: ServiceFacts, entry: IndexEntry, public_url: str) -> Match | None:
    """Return how well a runbook fits an alert of a service, None if it does not."""
    if entry.slug == slug_of(signal.runbook_url, public_url):
        return Match(entry, MatchClass.ALERT_LINK)
    most = max((conditions(trigger, signal.labels) for trigger in entry.triggers), default=0)
    if most:
        return Match(entry, MatchClass.TRIGGER, most)
    if entry.slug == slug_of(service.runbook_url, public_url):
        return Match(entry, MatchClass.SERVICE_LINK)
    if service.slug and service.slug in entry.services:
        return Match(entry, MatchClass.SERVICE_LISTED)
    if any(slug in entry.services for slug in service.dependencies):
        return Match(entry, MatchClass.DEPENDENCY)
    return None


def rank(
    signals: Iterable[Signal], service: ServiceFacts, entries: Iterable[IndexEntry], public_url: str
) -> list[Match]:
    """Return the runbooks that fit at least one of the alerts of a service, each once, best first."""
    every_signal = list(signals) or [Signal({})]
    matches = []
    for entry in entries:
        fits = (match(signal, service, entry, public_url) for signal in every_signal)
        closest = min((m for m in fits if m), key=lambda m: m.order, default=None)
        if closest:
            matches.append(closest)
    return sorted(matches, key=lambda m: m.order)


def links(
    signals: Sequence[Signal], service: ServiceFacts, matches: Iterable[Match], public_url: str
) -> list[RunbookLink]:
    """Return at most three runbooks to show, best first, with the addresses of alerts and service that lead elsewhere.

    Only web addresses are shown: an alert can carry anything.
    """
    candidates = [
        RunbookLink(m.entry.title or m.entry.slug, f"{public_url}/runbooks/{m.entry.slug}", m.match_class)
        for m in matches
    ]
    known = {slug_of(link.url, public_url) for link in candidates}
    elsewhere = [
        *((s.labels.get("title", ""), s.runbook_url, MatchClass.ALERT_LINK) for s in signals),
        (service.name, service.runbook_url, MatchClass.SERVICE_LINK),
    ]
    for title, url, match_class in elsewhere:
        if url.startswith(("https://", "http://")) and slug_of(url, public_url) not in known:
            candidates.append(RunbookLink(title or url, url, match_class, is_elsewhere=True))
    return best(candidates)


def best(candidates: Iterable[RunbookLink]) -> list[RunbookLink]:
    """Return at most three of the links, each address once, those of a higher class first."""
    unique: dict[str, RunbookLink] = {}
    for link in sorted(candidates, key=lambda link: -link.match_class):
        unique.setdefault(link.url, link)
    return list(unique.values())[:SHOWN_MAX]


def shares(triggers: Sequence[str], signals: Sequence[Signal]) -> dict[str, float]:
    """Return the share of the alerts that each trigger matches; empty if there are too few alerts to tell."""
    if len(signals) < BROAD_MIN_ALERTS:
        return {}
    return {t: sum(conditions(t, s.labels) > 0 for s in signals) / len(signals) for t in triggers}
