"""What post-mortems add to the process checks of incidents."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache

from firebell.handbook import actions as handbook
from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident, Phase, TimelineEntry
from firebell.kit.db.database import Tx
from firebell.kit.findings import ProcessFinding
from firebell.people import actions as people
from firebell.people.model import Person
from firebell.postmortems.blameless import queries as name_queries
from firebell.postmortems.checks import store
from firebell.postmortems.checks.content_checks import ContentProblem, KnownWaiver, content_problems
from firebell.postmortems.checks.process_checks import PostmortemRecord, findings
from firebell.postmortems.checks.store import CheckedDocument
from firebell.postmortems.deadlines import due_at
from firebell.postmortems.model import Postmortem

_UNFINISHED_CACHED = 64
"""Documents in progress whose problems a process remembers; each version is examined once."""
_FINISHED = ("published", "withdrawn")


async def load_findings(
    tx: Tx, listed: Sequence[Incident], _: Mapping[int, Sequence[TimelineEntry]], now: datetime
) -> Mapping[int, Sequence[ProcessFinding]]:
    """Return the findings about the post-mortem of each closed incident that is not a drill and was not imported."""
    closed = [
        incident
        for incident in listed
        if incident.phase in (Phase.CLOSED, Phase.REVIEWED)
        and incident.closed_at
        and not incident.drill
        and not incident.backfilled
    ]
    if not closed:
        return {}
    documents = await store.documents(tx, [incident.id for incident in closed])
    problems = await _problems(tx, closed, documents)
    author_ids = [d.author_id for d in documents.values() if d.author_id]
    authors = await people.people_by_id(tx, author_ids) if author_ids else {}
    return {
        incident.id: findings(_record(incident, documents.get(incident.id), problems, authors), now)
        for incident in closed
        if incident.id in documents or incident.phase is Phase.CLOSED
    }


def _record(
    incident: Incident,
    document: CheckedDocument | None,
    problems: Mapping[int, Sequence[ContentProblem]],
    authors: Mapping[int, Person],
) -> PostmortemRecord:
    closed_at = incident.closed_at or incident.declared_at
    is_required = incidents.postmortem_required(incident)
    if document is None:
        due = due_at(incident.max_severity, incident.drill, closed_at, "UTC")
        return PostmortemRecord(incident.ref, incident.max_severity, is_required, closed_at, due)
    author = authors.get(document.author_id) if document.author_id else None
    return PostmortemRecord(
        incident.ref,
        incident.max_severity,
        is_required,
        min(closed_at, document.due_at),
        document.due_at,
        document.state,
        author.name if author else "",
        document.written_at,
        document.published_at,
        problems.get(document.id, ()),
        document.override,
    )


async def _problems(
    tx: Tx, listed: Sequence[Incident], documents: Mapping[int, CheckedDocument]
) -> Mapping[int, Sequence[ContentProblem]]:
    """Return the problems of the texts in progress, by post-mortem id."""
    severities = {incident.id: incident.max_severity for incident in listed}
    unfinished = [document for document in documents.values() if document.state not in _FINISHED]
    if not unfinished:
        return {}
    template = (await handbook.template(tx, "postmortem")).body
    names = await name_queries.names(tx)
    teams = frozenset(team.name for team in await people.teams(tx))
    waivers = await store.waivers(tx, [document.id for document in unfinished])
    return {
        document.id: _cached_problems(
            document.body,
            template,
            severities[document.incident_id],
            names,
            teams,
            tuple(waivers[document.id]),
        )
        for document in unfinished
    }


async def problems_of(tx: Tx, postmortem: Postmortem, max_severity: int) -> tuple[ContentProblem, ...]:
    """Return the problems of the current text of a document in any state."""
    names = await name_queries.names(tx)
    teams = frozenset(team.name for team in await people.teams(tx))
    waivers = await store.waivers(tx, [postmortem.id])
    template = (await handbook.template(tx, "postmortem")).body
    return _cached_problems(
        postmortem.body, template, max_severity, names, teams, tuple(waivers[postmortem.id])
    )


@lru_cache(maxsize=_UNFINISHED_CACHED)
def _cached_problems(
    body: str,
    template: str,
    max_severity: int,
    names: frozenset[str],
    teams: frozenset[str],
    waivers: tuple[KnownWaiver, ...],
) -> tuple[ContentProblem, ...]:
    return tuple(content_problems(body, template, max_severity, names, teams, waivers))
