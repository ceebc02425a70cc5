"""Read models of a document for its pages and its API."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident
from firebell.kit.db.database import Tx
from firebell.people import actions as people
from firebell.people.model import Person
from firebell.postmortems import lookup
from firebell.postmortems.blameless import isolated
from firebell.postmortems.document import evidence_link_store
from firebell.postmortems.document.blocks import block_lines, chosen_entries, expand
from firebell.postmortems.document.evidence import EvidenceRef, references
from firebell.postmortems.document.evidence_links import EvidenceLink
from firebell.postmortems.document.sections import split
from firebell.postmortems.drafting import source_store
from firebell.postmortems.drafting.block_texts import block_texts
from firebell.postmortems.drafting.facts import DraftSources, facts
from firebell.postmortems.drafting.queries import load_sources
from firebell.postmortems.drafting.timeline_rows import HIDDEN_KINDS, ShownTimeline, select
from firebell.postmortems.editing import comments, presence, version_store
from firebell.postmortems.editing.comments import CommentThread
from firebell.postmortems.guide.publication_obstacles import ReviewedDocument, review
from firebell.postmortems.guide.steps import GuidedStep, StepFacts, current_step, guided_steps
from firebell.postmortems.model import Postmortem, Presence

EVIDENCE_LISTED = 200


@dataclass(frozen=True, slots=True)
class ExpandedDocument:
    """A document as its readers get it: with the content of its live blocks, and where its evidence leads."""

    postmortem: Postmortem
    body: str
    links: dict[EvidenceRef, EvidenceLink]


@dataclass(frozen=True, slots=True)
class DeskRecords:
    """Everything that the editor of a document reads from the database."""

    incident: Incident
    postmortem: Postmortem
    author: Person | None
    sources: DraftSources
    blocks: dict[str, str]
    links: dict[EvidenceRef, EvidenceLink]
    threads: Sequence[CommentThread]
    present: Sequence[Presence]
    people: tuple[str, ...]
    unfinished: Sequence[str]
    first_saved_at: datetime | None
    is_recorded_from_start: bool
    """True if something was recorded by the time at which the impact began."""
    has_met: bool
    """True if the meeting was held, or was left out with a reason."""
    graph: incidents.ImpactGraph | None


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything that the editor of a document shows."""

    incident: Incident
    postmortem: Postmortem
    author: Person | None
    document: ReviewedDocument
    sources: DraftSources
    shown: ShownTimeline
    blocks: dict[str, str]
    links: dict[EvidenceRef, EvidenceLink]
    threads: Sequence[CommentThread]
    present: Sequence[Presence]
    steps: Sequence[GuidedStep]
    people: tuple[str, ...]
    graph: incidents.ImpactGraph | None

    @property
    def current(self) -> GuidedStep | None:
        """The step that is next."""
        return current_step(list(self.steps))

    @property
    def open_threads(self) -> list[CommentThread]:
        """The comments that are not resolved."""
        return [thread for thread in self.threads if thread.comment.resolved_at is None]


async def expanded(tx: Tx, postmortem: Postmortem, body: str, now: datetime) -> ExpandedDocument:
    """Return a text of a document with its live blocks drawn from data, which is read only for a text with a block."""
    text = body
    if block_lines(body):
        sources = await load_sources(tx, await lookup.incident_ids(tx, postmortem), now)
        text = expand(body, block_texts(body, sources))
    return ExpandedDocument(postmortem, text, await links(tx, references(text)))


async def links(tx: Tx, refs: Sequence[EvidenceRef]) -> dict[EvidenceRef, EvidenceLink]:
    """Return where references lead, as far as the current reader may read it."""
    return await evidence_link_store.links(tx, refs, await incidents.hidden_ids(tx)) if refs else {}


async def names(tx: Tx) -> tuple[str, ...]:
    """Return the names of all people, which the lint looks for."""
    return tuple(person.name for person in await people.people(tx))


async def desk_records(
    tx: Tx, incident_id: int, unfinished: Sequence[str], now: datetime, *, has_met: bool
) -> DeskRecords:
    """Return what the editor reads; raise `NotFound` as `lookup.of_incident` does."""
    postmortem = await lookup.of_incident(tx, incident_id)
    incident = await incidents.incident(tx, postmortem.incident_id)
    sources = await load_sources(tx, await lookup.incident_ids(tx, postmortem), now)
    blocks = block_texts(postmortem.body, sources)
    author = postmortem.author_id and await people.person(tx, postmortem.author_id)
    return DeskRecords(
        incident,
        postmortem,
        author or None,
        sources,
        blocks,
        await links(tx, references(expand(postmortem.body, blocks))),
        await comments.comments(tx, postmortem),
        await presence.present(tx, postmortem, now),
        await names(tx),
        unfinished,
        await version_store.written_by_a_person(tx, postmortem.id),
        postmortem.id in await source_store.recorded_from_start(tx, [postmortem.id], HIDDEN_KINDS),
        has_met,
        await incidents.impact_graph(tx, sources.incidents, now),
    )


async def desk(records: DeskRecords) -> Desk:
    """Return what the editor shows; the wording is examined in another process, so no transaction is open."""
    incident, postmortem = records.incident, records.postmortem
    parts = split(postmortem.body)
    wording = await isolated.lint_sections([(part.title, part.text) for part in parts], records.people)
    document = review(
        postmortem.body,
        incident.max_severity,
        records.people,
        {part.slug: result for part, result in zip(parts, wording, strict=True)},
        unfinished=records.unfinished,
        known_refs=records.links,
        blocking_comments=sum(
            thread.comment.blocking and thread.comment.resolved_at is None for thread in records.threads
        ),
    )
    shown = select(facts(records.sources), chosen_entries(postmortem.body))
    step_facts = StepFacts(
        postmortem.state,
        postmortem.due_at,
        incident.closed_at or postmortem.created_at,
        records.first_saved_at,
        incident.impact_start,
        records.is_recorded_from_start,
        records.has_met,
    )
    return Desk(
        incident,
        postmortem,
        records.author,
        document,
        records.sources,
        shown,
        records.blocks,
        records.links,
        records.threads,
        records.present,
        guided_steps(step_facts, document),
        records.people,
        records.graph,
    )


async def evidence_to_pick(
    tx: Tx, postmortem: Postmortem, words: str, now: datetime
) -> list[tuple[EvidenceRef, datetime, str, str]]:
    """Return what was recorded about the incidents of a document: (reference, when, who, what), oldest first.

    Only what contains all words, in any order, whatever their capitals; at most 200.
    """
    sources = await load_sources(tx, await lookup.incident_ids(tx, postmortem), now)
    wanted = words.casefold().split()
    rows = [
        (fact.ref, fact.at, fact.who, fact.text)
        for fact in facts(sources)
        if all(word in f"{fact.ref} {fact.who} {fact.text}".casefold() for word in wanted)
    ]
    return list({row[0]: row for row in reversed(rows)}.values())[::-1][:EVIDENCE_LISTED]
