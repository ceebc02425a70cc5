"""What readers of the library need around a runbook, gathered once for page and API."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.catalog import actions as catalog
from firebell.catalog.model import Service
from firebell.kit.db import Tx
from firebell.runbooks import actions
from firebell.runbooks.check import owning_team
from firebell.runbooks.documents import read_stored
from firebell.runbooks.model import Finding, Level, Runbook, Stored


@dataclass(frozen=True, slots=True)
class RunbookDetails:
    """A runbook of the library, read and checked; `team` owns it here, `age_days` is since its own date."""

    stored: Stored
    runbook: Runbook
    findings: Sequence[Finding]
    team: str | None
    age_days: int | None
    services: Sequence[Service]

    @property
    def title(self) -> str:
        """What people call it."""
        return self.runbook.title or self.stored.slug

    @property
    def errors(self) -> int:
        """How many findings are errors."""
        return sum(f.level is Level.ERROR for f in self.findings)

    @property
    def warnings(self) -> int:
        """How many findings are warnings."""
        return len(self.findings) - self.errors


async def seen(tx: Tx, runbooks: Sequence[Stored], public_url: str, now: datetime) -> list[RunbookDetails]:
    """Return the runbooks with what is around them, by title."""
    findings = await actions.findings(tx, runbooks, now)
    teams, services = await actions.owners(tx), await catalog.services(tx)
    found = []
    for stored in runbooks:
        runbook = await read_stored(stored.body)
        found.append(
            RunbookDetails(
                stored,
                runbook,
                findings[stored.slug],
                owning_team(runbook.owner, teams),
                (now.date() - runbook.updated).days if runbook.updated else None,
                [s for s in services if s.runbook_url.partition("#")[0] == address(public_url, stored.slug)],
            )
        )
    return sorted(found, key=lambda s: (s.title.casefold(), s.stored.slug))


def address(public_url: str, slug: str) -> str:
    """Return the address of a runbook's page, as a service or an alert links to it."""
    return f"{public_url}/runbooks/{slug}"
