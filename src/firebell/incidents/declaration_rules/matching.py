"""Rules that declare incidents: which pages count for a rule, and when they are enough (pure, spec 4.2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.kit.errors import Invalid
from firebell.kit.matchers import Matcher, MatcherError, matches_all, parse

DRY_RUN_DAYS = 30
QUIET_AFTER = timedelta(hours=1)
"""A dry run assumes that an incident ends when no page matched for this long."""
MAX_PAGES, MAX_WINDOW_MINUTES = 100, 1440


@dataclass(frozen=True, slots=True)
class DeclarationRule:
    """A rule: so many matching pages of one service within a window declare an incident of this severity.

    Without `service_id` it applies to each service by itself.
    """

    id: int
    name: str
    service_id: int | None
    matchers: str
    pages: int
    window_minutes: int
    severity: int
    is_on: bool
    created_at: datetime

    @property
    def window(self) -> timedelta:
        """The time within which the pages must arrive."""
        return timedelta(minutes=self.window_minutes)


@dataclass(frozen=True, slots=True)
class RulePage:
    """A page as rules see it: the labels of each of its alerts, with `title`, `severity` and `service`."""

    id: int
    title: str
    service_id: int
    triggered_at: datetime
    alerts: tuple[Mapping[str, str], ...]


@dataclass(frozen=True, slots=True)
class DryDeclaration:
    """An incident that a rule would have declared, with the pages that count for it."""

    at: datetime
    service_id: int
    page_ids: tuple[int, ...]


def parsed(text: str) -> tuple[Matcher, ...]:
    """Return the matchers of a rule; raise `Invalid` with the position of the error."""
    try:
        return parse(text)
    except MatcherError as error:
        message = f"Character {error.start + 1}: {error.message}."
        raise Invalid("The matchers can't be read.", fields={"matchers": message}) from None


def counts_for(rule: DeclarationRule, matchers: Sequence[Matcher], page: RulePage) -> bool:
    """Return True if a page counts for a rule: one of its alerts meets every matcher."""
    if rule.service_id is not None and page.service_id != rule.service_id:
        return False
    return any(matches_all(matchers, labels) for labels in page.alerts)


def enough(rule: DeclarationRule, pages: Sequence[RulePage], now: datetime) -> list[RulePage]:
    """Return the pages of one service that declare now, earliest first; empty if they are too few."""
    recent = sorted((p for p in pages if now - p.triggered_at <= rule.window), key=lambda p: p.triggered_at)
    return recent if len(recent) >= rule.pages else []


def dry_run(rule: DeclarationRule, pages: Sequence[RulePage]) -> list[DryDeclaration]:
    """Return what the rule would have declared from these pages, earliest first."""
    matchers = parsed(rule.matchers)
    declared: list[DryDeclaration] = []
    by_service: dict[int, list[RulePage]] = {}
    for page in sorted(pages, key=lambda page: (page.triggered_at, page.id)):
        if counts_for(rule, matchers, page):
            by_service.setdefault(page.service_id, []).append(page)
    for service_id, matching in by_service.items():
        declared += _service_run(rule, service_id, matching)
    return sorted(declared, key=lambda one: one.at)


def _service_run(rule: DeclarationRule, service_id: int, pages: Sequence[RulePage]) -> list[DryDeclaration]:
    declared: list[DryDeclaration] = []
    waiting: list[RulePage] = []
    last_at: datetime | None = None
    for page in pages:
        if declared and last_at is not None and page.triggered_at - last_at <= QUIET_AFTER:
            last = declared[-1]
            declared[-1] = DryDeclaration(last.at, service_id, (*last.page_ids, page.id))
            last_at = page.triggered_at
            continue
        waiting = enough(rule, [*waiting, page], page.triggered_at) or [*waiting, page]
        waiting = [p for p in waiting if page.triggered_at - p.triggered_at <= rule.window]
        last_at = None
        if len(waiting) >= rule.pages:
            declared.append(DryDeclaration(page.triggered_at, service_id, tuple(p.id for p in waiting)))
            waiting, last_at = [], page.triggered_at
    return declared
