"""Read models of runbooks for the screens and the API."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.catalog import actions as catalog
from firebell.catalog.model import Service
from firebell.kit.db.database import Tx
from firebell.kit.findings import errors, warnings
from firebell.kit.text import slugify
from firebell.runbooks import actions, service_queries, store
from firebell.runbooks.library_checks import untested
from firebell.runbooks.model import LibraryRunbook, Runbook, RunbookFinding
from firebell.runbooks.text_checks import owning_team

titles = actions.titles
RunbookOfService = service_queries.RunbookOfService
of_service = service_queries.of_service


@dataclass(frozen=True, slots=True)
class RunbookDetails:
    """A runbook of the library, parsed and checked; `team` is an existing owner, `age_days` the age of its date."""

    stored: LibraryRunbook
    runbook: Runbook
    findings: Sequence[RunbookFinding]
    team: str | None
    age_days: int | None
    services: Sequence[Service]
    exercised: datetime | None = None
    """When it was last exercised."""

    @property
    def title(self) -> str:
        """The title, or the slug if there is none."""
        return self.runbook.title or self.stored.slug

    @property
    def errors(self) -> int:
        """The number of errors."""
        return errors(self.findings)

    @property
    def warnings(self) -> int:
        """The number of warnings."""
        return warnings(self.findings)


async def unexercised(tx: Tx, now: datetime) -> list[tuple[str, str, datetime | None]]:
    """Return (slug, title, last run) of the runbooks that no one exercised in 180 days, longest ago first."""
    listed = await actions.library(tx)
    exercised = await actions.last_exercised(tx, listed)
    created = await store.created(tx, [one.slug for one in listed])
    rows = [
        (one.slug, actions.title_line(one.body, one.slug), exercised.get(one.slug))
        for one in listed
        if any(untested(exercised.get(one.slug), created.get(one.slug), now))
    ]
    return sorted(rows, key=lambda row: (row[2] is not None, row[2] or now, row[1].casefold(), row[0]))


async def details(
    tx: Tx, runbooks: Sequence[LibraryRunbook], public_url: str, now: datetime
) -> list[RunbookDetails]:
    """Return details of the runbooks, by title."""
    exercised, parsed = await actions.last_exercised(tx, runbooks), await actions.parsed_texts(runbooks)
    findings = await actions.findings(tx, runbooks, parsed, exercised, now)
    teams, services = await actions.owning_teams(tx), await catalog.services(tx)
    runbook_details = []
    for stored in runbooks:
        runbook = parsed[stored.slug]
        runbook_details.append(
            RunbookDetails(
                stored=stored,
                runbook=runbook,
                findings=findings[stored.slug],
                team=owning_team(runbook.owner, teams),
                age_days=(now.date() - runbook.updated).days if runbook.updated else None,
                services=[
                    s for s in services if s.runbook_url.partition("#")[0] == address(public_url, stored.slug)
                ],
                exercised=exercised.get(stored.slug),
            )
        )
    return sorted(runbook_details, key=lambda d: (d.title.casefold(), d.stored.slug))


def slug_at(public_url: str, url: str) -> str:
    """Return the slug of the runbook of the library at a URL, empty for any other URL."""
    start = address(public_url, "")
    slug = url.removeprefix(start).partition("#")[0].partition("?")[0] if url.startswith(start) else ""
    return slug if slug == slugify(slug) else ""


def address(public_url: str, slug: str) -> str:
    """Return the URL of a runbook, as services and alerts link to it."""
    return f"{public_url}/runbooks/{slug}"
