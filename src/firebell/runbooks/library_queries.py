"""The read model of the library: its runbooks with their runs, filters and figures."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.alerts import actions as alerts
from firebell.alerts.model import LabeledAlert
from firebell.catalog import actions as catalog
from firebell.kit.db.database import Tx
from firebell.kit.text import to_number
from firebell.runbooks import actions, coverage, queries
from firebell.runbooks.automation import (
    EXERCISED_WITHIN,
    FIGURES_WINDOW,
    AutomationLevel,
    RunFigures,
    automation_level,
    run_figures,
)
from firebell.runbooks.coverage import UncoveredRule
from firebell.runbooks.library_checks import broad
from firebell.runbooks.matching import shares
from firebell.runbooks.model import RunbookFinding, RunSummary
from firebell.runbooks.queries import RunbookDetails
from firebell.runbooks.runs import summary_store

UNCOVERED_SHOWN = 5
FINDING_FILTERS = ("any", "errors", "none")


@dataclass(frozen=True, slots=True)
class LibraryFilter:
    """What the library is narrowed to; empty fields narrow nothing."""

    query: str = ""
    team: str = ""
    service: str = ""
    findings: str = ""
    level: str = ""

    @property
    def is_set(self) -> bool:
        """True if it narrows anything."""
        return any((self.query, self.team, self.service, self.findings, self.level))

    def accepts(self, row: "LibraryRow") -> bool:
        """Return True if a runbook is shown."""
        text = f"{row.details.title}\n{row.details.stored.slug}\n{row.details.stored.body}".casefold()
        return (
            all(word in text for word in self.query.casefold().split())
            and self.team in ("", row.details.team)
            and (not self.service or self.service in row.services)
            and self._accepts_findings(row)
            and (not self.level or row.level == to_number(self.level, "level", most=4))
        )

    def _accepts_findings(self, row: "LibraryRow") -> bool:
        match self.findings:
            case "any":
                return bool(row.findings)
            case "errors":
                return row.details.errors > 0
            case "none":
                return not row.findings
        return True


@dataclass(frozen=True, slots=True)
class LibraryRow:
    """A runbook of the library: what it covers, and how it was exercised."""

    details: RunbookDetails
    services: Sequence[str]
    triggers: Sequence[str]
    findings: Sequence[RunbookFinding]
    level: AutomationLevel
    runs: Sequence[RunSummary]

    @property
    def exercised(self) -> datetime | None:
        """When it was last exercised."""
        return self.details.exercised

    def exercised_state(self, now: datetime) -> str:
        """Return the state of its glyph: ok, late if the last run is too old, warn if there was none."""
        if self.exercised is None:
            return "warn"
        age = now - self.exercised
        return "ok" if age <= FIGURES_WINDOW else "idle" if age <= EXERCISED_WITHIN else "late"

    @property
    def succeeded(self) -> int:
        """The number of real runs that succeeded."""
        return sum(r.has_succeeded and not r.is_dry for r in self.runs)

    @property
    def ended(self) -> int:
        """The number of real runs that ended."""
        return sum(r.ended_at is not None and not r.is_dry for r in self.runs)


@dataclass(frozen=True, slots=True)
class Library:
    """The page of the library."""

    rows: Sequence[LibraryRow]
    total: int
    covered: int
    services: int
    exercised: int
    figures: RunFigures
    before: RunFigures
    uncovered: Sequence[UncoveredRule]
    teams: Sequence[tuple[str, str]]
    service_names: Sequence[tuple[str, str]]
    """The services that runbooks cover, each with its slug and name."""


async def recent_alerts(tx: Tx, now: datetime) -> list[LabeledAlert]:
    """Return the newest alerts of the last 30 days."""
    return await alerts.labeled_alerts(tx, now - coverage.WINDOW, coverage.ALERTS_MAX)


async def library(tx: Tx, narrowed: LibraryFilter, public_url: str, now: datetime) -> Library:
    """Return the library, narrowed by a filter; its figures are always those of the whole."""
    details = await queries.details(tx, await actions.library(tx), public_url, now)
    runs = await summary_store.summaries(tx)
    recent = await recent_alerts(tx, now)
    services = await catalog.services(tx)
    signals = [coverage.signal(alert) for alert in recent]
    rows = []
    for one in details:
        own_runs = runs.get(one.stored.slug, ())
        front = one.runbook.front
        rows.append(
            LibraryRow(
                one,
                services=list(dict.fromkeys((*(s.slug for s in one.services), *front.services))),
                triggers=front.triggers,
                findings=[*one.findings, *broad(shares(front.triggers, signals))],
                level=automation_level(one.runbook, own_runs, now),
                runs=own_runs,
            )
        )
    listed = {slug for row in rows for slug in row.services}
    urls = {s.slug: s.runbook_url for s in services}
    entries = await actions.index(tx, urls.values(), public_url)
    every_run = [run for each in runs.values() for run in each]
    return Library(
        rows=[row for row in rows if narrowed.accepts(row)],
        total=len(rows),
        covered=sum(bool(s.runbook_url) or s.slug in listed for s in services),
        services=len(services),
        exercised=sum(row.exercised is not None and now - row.exercised <= EXERCISED_WITHIN for row in rows),
        figures=run_figures(every_run, now - FIGURES_WINDOW, now),
        before=run_figures(every_run, now - 2 * FIGURES_WINDOW, now - FIGURES_WINDOW),
        uncovered=coverage.uncovered_rules(recent, urls, entries, public_url, UNCOVERED_SHOWN),
        teams=sorted({(row.details.team, row.details.team) for row in rows if row.details.team}),
        service_names=_names(rows, {s.slug: s.name for s in services}),
    )


def _names(rows: Iterable[LibraryRow], names: dict[str, str]) -> list[tuple[str, str]]:
    slugs = sorted({slug for row in rows for slug in row.services})
    return [(slug, names.get(slug, slug)) for slug in slugs]


@dataclass(frozen=True, slots=True)
class TriggerPreview:
    """The alerts of the last 30 days for which a runbook would have been shown, and what is too broad about it."""

    alerts: Sequence[LabeledAlert]
    considered: int
    findings: Sequence[RunbookFinding]


async def trigger_preview(tx: Tx, triggers: Sequence[str], now: datetime) -> TriggerPreview | None:
    """Return the preview of triggers, None without any."""
    if not triggers:
        return None
    recent = await recent_alerts(tx, now)
    signals = [coverage.signal(alert) for alert in recent]
    return TriggerPreview(
        coverage.preview(triggers, recent), len(recent), list(broad(shares(triggers, signals)))
    )
