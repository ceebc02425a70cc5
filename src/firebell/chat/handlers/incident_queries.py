"""What chats show of incidents: a status, a summary for who joins, and lists."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.chat.linked_users.chat_context import ChatContext
from firebell.incidents import actions as incidents
from firebell.incidents import queries
from firebell.incidents.model import OPEN, Incident, IncidentRole, Phase, TimelineEntry
from firebell.kit import private_reader
from firebell.kit.db.database import Tx
from firebell.kit.errors import NotFound
from firebell.people.model import Role
from firebell.people.permissions import Rights, Verb, allows

LISTED = 20
SEARCHED = 200
"""Number of the newest incidents in which a list looks for words."""


@dataclass(frozen=True, slots=True)
class IncidentFacts:
    """An incident with the names of its people and its timeline, oldest entry first."""

    incident: Incident
    holders: dict[IncidentRole, list[str]]
    services: list[str]
    timeline: list[TimelineEntry]


async def visible_incident(tx: Tx, context: ChatContext, incident_id: int) -> Incident:
    """Return an incident; raise `NotFound` alike if there is none and if this person may not see it."""
    incident = (await incidents.incidents_by_id(tx, [incident_id])).get(incident_id)
    if incident is None or not _may_see(context):
        raise NotFound("No such incident.", hint="List incidents to see their numbers.")
    context.check_known(incident.first_known_at)
    return incident


def _may_see(context: ChatContext) -> bool:
    return context.person is None or allows(Rights(Role(context.person.role)), Verb.INCIDENT_READ)


async def facts(tx: Tx, context: ChatContext, incident_id: int) -> IncidentFacts:
    """Return the facts of an incident that this person may see; raise `NotFound`."""
    incident = await visible_incident(tx, context, incident_id)
    (summary,) = await queries.summaries(tx, [incident])
    return IncidentFacts(
        incident,
        {role: [name for name, _ in people] for role, people in summary.holders.items()},
        [service.name for service in summary.services],
        await incidents.timeline(tx, incident_id),
    )


async def listed(tx: Tx, context: ChatContext, search: str, now: datetime) -> list[queries.IncidentSummary]:
    """Return up to 20 incidents, newest first: open ones, `mine`, `all`, or those with words in their title."""
    wanted = search.casefold()
    phases = tuple(OPEN) if wanted in ("", "mine") else tuple(Phase)
    rows = await incidents.incidents(tx, phases, False, SEARCHED)
    if wanted not in ("", "mine", "all"):
        rows = [row for row in rows if all(word in row.title.casefold() for word in wanted.split())]
    summaries = await queries.summaries(tx, rows)
    if wanted == "mine":
        person_id = context.person.id if context.person else 0
        summaries = [s for s in summaries if person_id in {i for _, i in s.people}]
    return summaries[:LISTED]


async def similar(
    tx: Tx,
    context: ChatContext,
    title: str,
    now: datetime,
    *,
    answered: bool = False,
    service_ids: Sequence[int] = (),
) -> list[Incident]:
    """Return the incidents that a declaration may duplicate, of those that this person may see."""
    if not _may_see(context) or (context.person is None and context.account.settings.unlinked != "declare"):
        return []
    with private_reader.as_reader(context.reader):
        return await incidents.similar_incidents(tx, title, now, answered=answered, service_ids=service_ids)


async def update_draft(tx: Tx, context: ChatContext, incident_id: int, now: datetime) -> str:
    """Return the update template of an incident as far as it can be filled; empty for one that is not visible."""
    with private_reader.as_reader(context.reader):
        incident = (await incidents.incidents_by_id(tx, [incident_id])).get(incident_id)
        if incident is None or not _may_see(context):
            return ""
        return await incidents.next_update_text(tx, incident, context.public_url, context.tz, now)


async def open_choices(tx: Tx, context: ChatContext) -> list[tuple[int, str]]:
    """Return the numbers and headings of open incidents that this person may see, newest first."""
    with private_reader.as_reader(context.reader):
        rows = await incidents.incidents(tx, tuple(OPEN), False, 100)
    return [(row.id, f"{row.ref} {row.title}") for row in rows if _may_see(context)]
