"""What the screen of a published document shows."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from firebell.action_items import actions as action_items
from firebell.action_items.model import ActionItem
from firebell.incidents import actions as incidents
from firebell.incidents.measures import Measure
from firebell.incidents.model import Incident
from firebell.kit.db.database import Tx
from firebell.people import actions as people
from firebell.postmortems import lookup
from firebell.postmortems.document import whys
from firebell.postmortems.document.blocks import expand
from firebell.postmortems.document.evidence import EvidenceRef, references
from firebell.postmortems.document.evidence_links import EvidenceLink
from firebell.postmortems.document.sections import DocumentSection, split, titled
from firebell.postmortems.document.whys import WhyTree
from firebell.postmortems.drafting.block_texts import block_texts
from firebell.postmortems.drafting.queries import load_sources
from firebell.postmortems.editing import version_store
from firebell.postmortems.editing.html_rendering import markdown_html
from firebell.postmortems.editing.queries import links
from firebell.postmortems.external import store as external_store
from firebell.postmortems.external.model import ExternalVersion
from firebell.postmortems.model import DocumentVersion, Postmortem
from firebell.postmortems.publication import queries, reading, store
from firebell.postmortems.publication.queries import ChosenDistribution
from firebell.postmortems.publication.reading import FrozenTimeline
from firebell.postmortems.publication.store import PublicPlace
from firebell.postmortems.reader_feedback import store as reader_store
from firebell.postmortems.reader_feedback.store import Readership
from firebell.postmortems.review import store as review_store

_FOLDED = {title.casefold() for title in reading.LEARNED}
MEASURES_SHOWN = 4
_NOTHING = Markup("")


@dataclass(frozen=True, slots=True)
class PublishedDocument:
    """A published version with everything around it; its texts are not rendered yet."""

    version: DocumentVersion
    sections: tuple[DocumentSection, ...]
    links: Mapping[EvidenceRef, EvidenceLink]
    tree: WhyTree
    timeline: FrozenTimeline | None
    learned: Mapping[str, str]
    measures: Sequence[Measure]
    items: Sequence[ActionItem]
    owners: Mapping[int, str]
    services: Sequence[str]
    author: str
    approver: str
    distribution: ChosenDistribution
    external: ExternalVersion | None
    places: Sequence[PublicPlace]
    graph: incidents.ImpactGraph | None
    readership: Readership

    @property
    def graph_slug(self) -> str:
        """The section above whose text the graph stands, empty without one."""
        section = titled(self.sections, "Impact") or titled(self.sections, "Timeline")
        return section.slug if section and self.graph else ""

    @property
    def written_links(self) -> Mapping[str, EvidenceLink]:
        """Where references lead, by reference as it is written, such as `[t:4]`."""
        return {f"[{ref}]": link for ref, link in self.links.items()}


@dataclass(frozen=True, slots=True)
class ReadSection:
    """A section as it is shown: `kind` says how, `html` has its text before and after what is drawn."""

    slug: str
    title: str
    kind: str
    html: Markup
    after: Markup = _NOTHING


async def load(
    tx: Tx, postmortem: Postmortem, incident: Incident, reader_id: int, now: datetime
) -> PublishedDocument | None:
    """Return the published version of a document that the caller has looked up, None if it has none.

    The reader is counted.
    """
    if postmortem.published_version is None:
        return None
    version = await version_store.version(tx, postmortem.id, postmortem.published_version)
    if version is None:
        return None
    await reader_store.record(tx, postmortem.id, reader_id, now)
    sources = await load_sources(tx, await lookup.incident_ids(tx, postmortem), now)
    ids = [each.id for each in sources.incidents]
    body = expand(version.body, block_texts(version.body, sources))
    sections = tuple(split(body))
    cause, timeline = titled(sections, "Root cause"), titled(sections, "Timeline")
    listed = await action_items.of_incidents(tx, ids)
    items = [item for each in ids for item in listed.get(each, ())]
    names = await action_items.names(tx, items)
    approval = await review_store.approval(tx, postmortem.id, version.base_n)
    author = await people.person(tx, postmortem.author_id) if postmortem.author_id else None
    known = [m for m in sources.measures.get(incident.id, ()) if m.taken is not None]
    return PublishedDocument(
        version,
        sections,
        await links(tx, references(body)),
        whys.parse(cause.text if cause else ""),
        reading.frozen_timeline(timeline.text) if timeline else None,
        reading.learned(sections),
        known[:MEASURES_SHOWN],
        items,
        {item.id: names.owner(item) for item in items},
        sources.services,
        author.name if author else "",
        approval.actor if approval else "",
        await queries.distribution_of(tx, postmortem),
        await external_store.external(tx, postmortem.id),
        await store.public_places(tx, incident.id),
        await incidents.impact_graph(tx, sources.incidents, now),
        await reader_store.readership(tx, postmortem.id, reader_id),
    )


async def rendered(document: PublishedDocument) -> tuple[list[ReadSection], Mapping[str, Markup]]:
    """Return the sections as they are shown, and what was learned by label; runs outside a transaction."""
    shown = [
        section
        for section in document.sections
        if (section.title or section.text) and section.title.casefold() not in _FOLDED
    ]
    sections = await asyncio.gather(*(_section(document, section) for section in shown))
    texts = await asyncio.gather(*(markdown_html(text, document.links) for text in document.learned.values()))
    return [section for section in sections if section], dict(zip(document.learned, texts, strict=True))


async def _section(document: PublishedDocument, section: DocumentSection) -> ReadSection | None:
    title = section.title.casefold()
    if not section.title:
        text = "\n".join(line for line in section.text.split("\n") if not line.startswith("# ")).strip()
        html = await markdown_html(text, document.links)
        return ReadSection(section.slug, "", "text", html) if text else None
    if title == "timeline" and document.timeline:
        before, after = await asyncio.gather(
            markdown_html(document.timeline.before, document.links),
            markdown_html(document.timeline.after, document.links),
        )
        return ReadSection(section.slug, section.title, "timeline", before, after)
    tree = document.tree
    if title == "root cause" and tree.end > tree.start:
        lines = section.text.split("\n")
        before, after = await asyncio.gather(
            markdown_html("\n".join(lines[: tree.start]), document.links),
            markdown_html("\n".join(lines[tree.end :]), document.links),
        )
        return ReadSection(section.slug, section.title, "whys", before, after)
    kind = {"summary": "lead", "action items": "actions"}.get(title, "text")
    return ReadSection(section.slug, section.title, kind, await markdown_html(section.text, document.links))
