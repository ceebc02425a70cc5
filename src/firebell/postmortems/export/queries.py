"""Read everything that an export of a document has."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from firebell.action_items import actions as action_items
from firebell.incidents import actions as incidents
from firebell.incidents.model import ROLE_NAMES
from firebell.kit.db.database import Tx
from firebell.people import actions as people
from firebell.postmortems import lookup
from firebell.postmortems.document import whys
from firebell.postmortems.document.blocks import chosen_entries, expand
from firebell.postmortems.document.evidence import references
from firebell.postmortems.document.evidence_links import EvidenceLink, with_evidence
from firebell.postmortems.document.sections import split, titled
from firebell.postmortems.document.timeline_choice import TimelineChoice
from firebell.postmortems.document.whys import WhyNode
from firebell.postmortems.drafting.block_texts import block_texts
from firebell.postmortems.drafting.facts import DraftSources, facts
from firebell.postmortems.drafting.queries import load_sources
from firebell.postmortems.drafting.timeline_rows import select
from firebell.postmortems.editing import version_store
from firebell.postmortems.editing.queries import links
from firebell.postmortems.export.model import (
    ExportedAction,
    ExportedEvidence,
    ExportedGraphRow,
    ExportedMeasure,
    ExportedMeta,
    ExportedPostmortem,
    ExportedRow,
    ExportedSection,
    ExportedVersion,
    ExportedWhy,
)
from firebell.postmortems.export.role_names import NamedPerson, replacements, with_roles
from firebell.postmortems.model import Postmortem
from firebell.postmortems.review import store as review_store

VERSIONS_MAX = 200


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """A document, and its graph of alerts and impact with times in UTC; None without one."""

    document: ExportedPostmortem
    chart: incidents.DrawnGraph | None


async def exported(
    tx: Tx, incident_id: int, public_url: str, now: datetime, *, as_roles: bool = False
) -> ExportedFile:
    """Return the document that readers see: of a published one the published version, else the current text.

    Evidence that the reader may not see is left out. With `as_roles`, roles stand in place of names everywhere.
    """
    postmortem = await lookup.of_incident(tx, incident_id)
    number, text, approved_n = await _shown(tx, postmortem)
    sources = await load_sources(tx, await lookup.incident_ids(tx, postmortem), now)
    graph = await incidents.impact_graph(tx, sources.incidents, now)
    body = expand(text, block_texts(text, sources))
    stored_links = await links(tx, references(body))
    evidence = {
        ref: EvidenceLink(f"{public_url}{link.href}", link.label) for ref, link in stored_links.items()
    }
    author = await people.person(tx, postmortem.author_id) if postmortem.author_id else None
    approval = await review_store.approval(tx, postmortem.id, approved_n)
    cause = titled(split(body), "Root cause")
    tree = whys.parse(cause.text if cause else "")
    result = ExportedPostmortem(
        meta=ExportedMeta(
            ref=postmortem.ref,
            title=sources.main.title,
            severity=sources.main.severity,
            peak_severity=sources.main.max_severity,
            state=postmortem.state,
            version=number,
            incidents=[each.ref for each in sources.incidents],
            services=list(sources.services),
            author=author.name if author else "",
            approved_by=approval.actor if approval else "",
            due_at=postmortem.due_at,
            published_at=postmortem.published_at,
            exported_at=now,
            names="roles" if as_roles else "people",
        ),
        body=with_evidence(body, evidence),
        sections=[
            ExportedSection(slug=each.slug, title=each.title, text=each.text)
            for each in split(body)
            if each.title or each.text
        ],
        whys=[_why(node) for node in tree.effects],
        factors=tree.factors,
        actions=await _actions(tx, sources),
        timeline=_timeline(sources, chosen_entries(text)),
        graph=_graph(graph),
        measures=_measures(sources),
        evidence=[
            ExportedEvidence(ref=str(ref), url=link.href, label=link.label)
            for ref, link in sorted(evidence.items())
        ],
        versions=[
            ExportedVersion(n=each.n, at=each.at, by=each.actor, reason=each.reason)
            for each in await version_store.versions(tx, postmortem.id, None, VERSIONS_MAX)
        ],
    )
    document = _with_roles(result, await _roles(tx, sources)) if as_roles else result
    return ExportedFile(document, incidents.drawn_graph(graph, "UTC") if graph else None)


async def _shown(tx: Tx, postmortem: Postmortem) -> tuple[int, str, int | None]:
    """Return the version that readers see, its text, and the version whose approval it has."""
    if postmortem.published_version is not None and postmortem.state in ("published", "withdrawn"):
        version = await version_store.version(tx, postmortem.id, postmortem.published_version)
        if version:
            return version.n, version.body, version.base_n
    return postmortem.version, postmortem.body, postmortem.version


async def _actions(tx: Tx, sources: DraftSources) -> list[ExportedAction]:
    listed = await action_items.of_incidents(tx, [incident.id for incident in sources.incidents])
    items = [item for incident in sources.incidents for item in listed.get(incident.id, ())]
    names = await action_items.names(tx, items)
    return [
        ExportedAction(
            ref=f"ACT-{item.id}",
            title=item.title,
            owner=names.owner(item),
            due=item.due.isoformat(),
            state=item.state,
        )
        for item in items
    ]


def _timeline(sources: DraftSources, choice: TimelineChoice) -> list[ExportedRow]:
    main, recorded = sources.main.ref, facts(sources)
    shown = {row.fact.key for row in select(recorded, choice).rows}
    return [
        ExportedRow(
            at=fact.at,
            who=fact.who,
            text=fact.text,
            kind=fact.kind,
            marker=fact.marker or "",
            evidence=str(fact.ref),
            incident=f"INC-{fact.incident_id}" if fact.incident_id else main,
            shown=fact.key in shown,
        )
        for fact in recorded
    ]


def _graph(graph: incidents.ImpactGraph | None) -> list[ExportedGraphRow]:
    rows = graph.rows if graph else ()
    return [ExportedGraphRow(at=row.at, alerts_firing=row.firing, moments=list(row.moments)) for row in rows]


def _measures(sources: DraftSources) -> list[ExportedMeasure]:
    return [
        ExportedMeasure(
            incident=incident.ref,
            id=measure.id,
            label=measure.label,
            seconds=None if measure.taken is None else int(measure.taken.total_seconds()),
            target_seconds=None if measure.target is None else int(measure.target.total_seconds()),
            people=measure.people,
        )
        for incident in sources.incidents
        for measure in sources.measures.get(incident.id, ())
    ]


def _why(node: WhyNode) -> ExportedWhy:
    return ExportedWhy(
        kind=node.kind,
        text=node.text,
        evidence=[str(ref) for ref in node.evidence],
        factor=node.factor,
        actions=[f"ACT-{number}" for number in node.actions],
        children=[_why(child) for child in node.children],
    )


async def _roles(tx: Tx, sources: DraftSources) -> dict[str, str]:
    """Return what stands in place of the name of everyone who has an account or had one."""
    held: dict[int, str] = {}
    for assigned in (await incidents.roles(tx, [incident.id for incident in sources.incidents])).values():
        for each in assigned:
            held.setdefault(each.person_id, ROLE_NAMES[each.role])
    return replacements(
        [NamedPerson(p.name, p.email, held.get(p.id, "")) for p in await people.people(tx) if p.name]
    )


_KEPT_FIELDS = frozenset({"schema", "state", "kind", "slug", "evidence", "url", "ref", "incident", "id"})
"""Fields that are codes and addresses, not words about people."""


def _with_roles(result: ExportedPostmortem, roles: Mapping[str, str]) -> ExportedPostmortem:
    content = msgspec.to_builtins(result)
    replaced = _replaced(content, lambda text: with_roles(text, roles))
    return msgspec.convert(replaced, ExportedPostmortem)


def _replaced(value: object, change: Callable[[str], str]) -> object:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_replaced(each, change) for each in value]
    if isinstance(value, dict):
        return {
            name: each if name in _KEPT_FIELDS and isinstance(each, str) else _replaced(each, change)
            for name, each in value.items()
        }
    return value
