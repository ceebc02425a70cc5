"""Read models of runbook sources for the screens and the API."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.kit.db.database import Reads
from firebell.kit.findings import FindingLevel
from firebell.runbooks.model import RunbookFinding
from firebell.runbooks.sources import actions
from firebell.runbooks.sources.model import STALE_AFTER, RunbookSource, SourceKind


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """A source, whether it can be read, and its findings (R-SYNC)."""

    source: RunbookSource
    findings: Sequence[RunbookFinding]
    paths: Sequence[str]
    """The path of each finding, empty if it is about the source."""

    @property
    def is_failing(self) -> bool:
        """True if its last sync failed."""
        return bool(self.source.last_error)


async def health(tx: Reads, now: datetime) -> list[SourceHealth]:
    """Return all sources with their findings, by name."""
    return [source_health(source, now) for source in await actions.sources(tx)]


def source_health(source: RunbookSource, now: datetime) -> SourceHealth:
    """Return a source with its findings: files that were not taken, and that it cannot be read."""
    findings = list(_failure(source, now))
    paths = [""] * len(findings)
    for problem in source.findings:
        paths.append(problem.path)
        findings.append(
            RunbookFinding(
                f"R-SYNC:{problem.path}",
                "R-SYNC",
                FindingLevel.WARNING,
                problem.message,
                problem.line,
                advice=problem.advice,
            )
        )
    return SourceHealth(source, findings, paths)


def _failure(source: RunbookSource, now: datetime) -> Iterable[RunbookFinding]:
    if not source.last_error or source.kind is SourceKind.PUSH:
        return
    since = source.last_ok_at or source.created_at
    level = FindingLevel.ERROR if now - since > STALE_AFTER else FindingLevel.WARNING
    yield RunbookFinding(
        "R-SYNC",
        "R-SYNC",
        level,
        source.last_error,
        1,
        advice="The last good commit stays in the library until this is solved.",
    )
