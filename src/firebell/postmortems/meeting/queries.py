"""Read models of a meeting: its page, and what it says about the process."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.action_items import actions as action_items
from firebell.action_items.model import ActionItem
from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident, IncidentRole, TimelineEntry
from firebell.kit.db.database import Tx
from firebell.kit.findings import ProcessFinding
from firebell.people import actions as people
from firebell.people.model import Person
from firebell.postmortems import lookup
from firebell.postmortems.document import whys
from firebell.postmortems.document.blocks import chosen_entries
from firebell.postmortems.document.evidence import EvidenceRef
from firebell.postmortems.document.evidence_links import EvidenceLink
from firebell.postmortems.document.sections import DocumentSection, split, titled
from firebell.postmortems.document.whys import WhyTree
from firebell.postmortems.drafting.draft import GAP_TEXT
from firebell.postmortems.drafting.facts import facts
from firebell.postmortems.drafting.queries import load_sources
from firebell.postmortems.drafting.timeline_rows import TimelineRow, select
from firebell.postmortems.editing import queries as editing_queries
from firebell.postmortems.meeting import findings, store
from firebell.postmortems.meeting.model import PostmortemMeeting
from firebell.postmortems.model import Postmortem


@dataclass(frozen=True, slots=True)
class MeetingRoom:
    """Everything that the page of a meeting shows."""

    incident: Incident
    postmortem: Postmortem
    running: PostmortemMeeting | None
    earlier: Sequence[PostmortemMeeting]
    people: Mapping[int, Person]
    rows: Sequence[TimelineRow]
    links: Mapping[EvidenceRef, EvidenceLink]
    sections: Sequence[DocumentSection]
    """The sections that the scribe writes into during the present part."""
    tree: WhyTree
    gaps: Sequence[str]
    items: Sequence[ActionItem]
    graph: incidents.ImpactGraph | None

    @property
    def row(self) -> TimelineRow | None:
        """The row of the timeline that everyone looks at."""
        if not self.running or not self.rows:
            return None
        return self.rows[min(self.running.row_at, len(self.rows) - 1)]


async def of_document(tx: Tx, incident_id: int) -> list[PostmortemMeeting]:
    """Return the meetings about the document of an incident, latest first; raise `NotFound` as `lookup` does."""
    return await store.of_document(tx, (await lookup.of_incident(tx, incident_id)).id)


async def room(tx: Tx, incident_id: int, now: datetime) -> MeetingRoom:
    """Return what the page of a meeting shows; raise `NotFound` as `lookup.of_incident` does."""
    postmortem = await lookup.of_incident(tx, incident_id)
    about = await lookup.incident_ids(tx, postmortem)
    incident = await incidents.incident(tx, about[0])
    meetings = await store.of_document(tx, postmortem.id)
    running = next((each for each in meetings if each.is_running), None)
    sources = await load_sources(tx, about, now)
    rows = select(facts(sources), chosen_entries(postmortem.body)).rows
    sections = split(postmortem.body)
    part = running.present_part if running else None
    wrong = titled(sections, "What went wrong")
    items = await action_items.of_incidents(tx, about)
    ids = {each for one in meetings for each in (one.facilitator_id, one.scribe_id) if each}
    tree = whys.tree_of(sections)
    refs = [ref for node in tree.nodes() for ref in node.evidence] + [row.fact.ref for row in rows]
    return MeetingRoom(
        incident,
        postmortem,
        running,
        [each for each in meetings if not each.is_running],
        await people.people_by_id(tx, list(ids)) if ids else {},
        rows,
        await editing_queries.links(tx, refs),
        [one for title in (part.sections if part else ()) if (one := titled(sections, title))],
        tree,
        [line for line in (wrong.text.split("\n") if wrong else []) if GAP_TEXT in line],
        [item for each in about for item in items.get(each, [])],
        await incidents.impact_graph(tx, sources.incidents, now) if running else None,
    )


async def load_findings(
    tx: Tx, listed: Sequence[Incident], _: Mapping[int, Sequence[TimelineEntry]], now: datetime
) -> Mapping[int, Sequence[ProcessFinding]]:
    """Return the findings about the meetings of incidents: a facilitator who wrote the document or commanded."""
    meetings = await store.of_incidents(tx, [incident.id for incident in listed])
    if not meetings:
        return {}
    authors = await store.authors(tx, list(meetings))
    roles = await incidents.roles(tx, list(meetings))
    ids = {one.facilitator_id for group in meetings.values() for one in group if one.facilitator_id}
    names = {each: person.name for each, person in (await people.people_by_id(tx, list(ids))).items()}
    return {
        incident.id: findings.findings(
            incident.ref,
            meetings[incident.id],
            authors.get(incident.id),
            {one.person_id for one in roles[incident.id] if one.role is IncidentRole.COMMANDER},
            names,
        )
        for incident in listed
        if incident.id in meetings
    }
