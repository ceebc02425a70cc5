"""Read models of the composer: what can be sent where, the draft, what the tone check finds, and who must approve."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from firebell.comms import (
    approver_queries,
    drafts,
    publication_queries,
    sending,
    store,
    target_registry,
    tone_queries,
)
from firebell.comms.approval_rules import ApprovalRule
from firebell.comms.model import CommsPost, PostContent
from firebell.comms.target import Destination
from firebell.comms.tone.model import ReaderKind, ToneFinding
from firebell.comms.tone_queries import PostFindings
from firebell.handbook import actions as handbook
from firebell.handbook.model import Template
from firebell.handbook.templates import fill
from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident
from firebell.kit.db.database import Tx
from firebell.kit.localtime import format_short
from firebell.status_pages import actions as status_pages
from firebell.status_pages import stages
from firebell.status_pages.model import Component, ComponentStatus, Stage
from firebell.status_pages.queries import Publication

TEMPLATES = {
    ReaderKind.INTERNAL: (
        *("update-first", "update-progress", "update-mitigated", "update-resolved"),
        "update-handover",
    ),
    ReaderKind.PUBLIC: tuple(f"status-{stage}" for stage in Stage),
    ReaderKind.CUSTOMER: ("email-acknowledge", "email-update", "email-resolved"),
}
"""The templates of the handbook for each kind of reader."""
MAX_POSTS = 20
_SUBJECT_LINE = "Subject: "


@dataclass(frozen=True, slots=True)
class ComponentChoice:
    """A component whose status a post can set; `suggested` is a code, empty for no change."""

    page_name: str
    component: Component
    current: ComponentStatus
    suggested: str


@dataclass(frozen=True, slots=True)
class NeededApproval:
    """A rule that a post matches, and who would be asked for it, by role."""

    rule: ApprovalRule
    roles: Mapping[str, Sequence[int]]

    @property
    def is_asked(self) -> bool:
        """True if someone can be asked."""
        return any(self.roles.values())


@dataclass(frozen=True, slots=True)
class Composition:
    """Everything that the composer shows about one incident and one text."""

    incident: Incident
    content: PostContent
    draft: CommsPost | None
    revision: int
    destinations: Sequence[Destination]
    components: Sequence[ComponentChoice]
    published_stage: Stage | None
    languages: Sequence[str]
    """The languages into which the public text can be translated."""
    findings: PostFindings
    approvals: Sequence[NeededApproval]

    @property
    def readers(self) -> frozenset[ReaderKind]:
        """The kinds of readers that the ticked destinations have."""
        return frozenset(each.reader for each in self.destinations if each.key in self.content.targets)


async def templates(tx: Tx) -> dict[ReaderKind, list[Template]]:
    """Return the templates that can be chosen, by the kind of reader."""
    known = await handbook.all_templates(tx)
    return {reader: [known[name] for name in names if name in known] for reader, names in TEMPLATES.items()}


async def template_text(
    tx: Tx,
    incident: Incident,
    template_id: str,
    public_url: str,
    tz: str,
    now: datetime,
    promise: datetime | None = None,
) -> str:
    """Return a template filled with the facts of an incident and the public promise; raise `NotFound`."""
    text = (await incidents.message(tx, incident, template_id, public_url, tz, now)).text
    return fill(text, {"next_update": format_short(promise, tz, now)}) if promise else text


def _component_choices(
    listed: Sequence[Publication],
    components: Mapping[int, Sequence[Component]],
    incident: Incident,
    now: datetime,
) -> list[ComponentChoice]:
    choices = []
    for publication in listed:
        published = publication.published
        for component in components.get(publication.page.id, ()):
            current = (
                publication_queries.status_now(published, component.id, now)
                if published
                else ComponentStatus.OPERATIONAL
            )
            suggested = ""
            if published is None and component.id in publication.suggested_ids:
                status = stages.SUGGESTED_STATUS.get(incident.severity)
                suggested = status.code if status else ""
            choices.append(ComponentChoice(publication.page.name, component, current, suggested))
    return choices


async def _first_content(
    tx: Tx,
    incident: Incident,
    destinations: Sequence[Destination],
    listed: Sequence[Publication],
    choices: Sequence[ComponentChoice],
    public_url: str,
    tz: str,
    now: datetime,
) -> PostContent:
    """Return the text that the composer begins with: templates, filled with what the timeline knows."""
    published = publication_queries.public_state(listed).stage
    suggested = await publication_queries.suggested_stage(tx, incident) or Stage.INVESTIGATING
    stage = published if published and suggested.rank < published.rank else suggested
    has_public = any(each.reader is ReaderKind.PUBLIC for each in destinations)
    bodies = {ReaderKind.INTERNAL: await incidents.next_update_text(tx, incident, public_url, tz, now)}
    promise = now + stages.next_update_interval(incident.severity, stage)
    promise = promise.replace(second=0, microsecond=0)
    if has_public:
        template_id = f"status-{stage}"
        bodies[ReaderKind.PUBLIC] = await template_text(
            tx, incident, template_id, public_url, tz, now, promise
        )
    return PostContent(
        bodies,
        tuple(each.key for each in destinations if each.is_suggested and not each.refusal),
        str(stage) if has_public else None,
        {choice.component.id: choice.suggested for choice in choices if choice.suggested},
        promise,
        incident.title if published is None else "",
        eta_at=_current_estimate(listed, now),
    )


def _current_estimate(listed: Sequence[Publication], now: datetime) -> datetime | None:
    """Return the estimate that customers know, None if there is none or it is past."""
    latest = publication_queries.public_state(listed).latest
    return latest.eta_at if latest and latest.eta_at and latest.eta_at > now else None


async def composition(
    tx: Tx,
    incident: Incident,
    public_url: str,
    tz: str,
    now: datetime,
    content: PostContent | None = None,
) -> Composition:
    """Return what the composer shows: of `content`, else of the draft, else of a new text."""
    known = await target_registry.destinations(tx, incident, now)
    destinations = [destination for _, destination in known.values()]
    draft = await store.draft(tx, incident.id)
    listed = await publication_queries.publications(tx, incident, now)
    languages = await publication_queries.languages(tx, listed)
    choices = _component_choices(listed, await status_pages.components_by_page(tx), incident, now)
    if content is None and draft:
        content = draft.content
    elif content is None:
        content = await _first_content(tx, incident, destinations, listed, choices, public_url, tz, now)
    chosen = [each for each in destinations if each.key in content.targets]
    readers = frozenset(each.reader for each in chosen)
    return Composition(
        incident,
        content,
        draft,
        await drafts.revision_of(tx, incident, now),
        destinations,
        choices,
        publication_queries.public_state(listed).stage,
        languages.others,
        await tone_queries.findings(tx, incident, content, readers, languages.own, now),
        await _needed_approvals(tx, incident, content, chosen, now),
    )


async def _needed_approvals(
    tx: Tx, incident: Incident, content: PostContent, chosen: Sequence[Destination], now: datetime
) -> list[NeededApproval]:
    by_reader = await sending.rules_by_reader(tx, incident, content, chosen)
    rules = {rule.id: rule for matched in by_reader.values() for rule in matched}
    return [
        NeededApproval(rule, await approver_queries.approvers(tx, incident, rule.roles, None, now))
        for rule in rules.values()
    ]


async def posts(tx: Tx, incident_id: int) -> list[CommsPost]:
    """Return the newest posts about an incident, without its draft."""
    return await store.posts(tx, incident_id, MAX_POSTS)


def with_text(content: PostContent, reader: ReaderKind, text: str) -> PostContent:
    """Return a post with another text for a kind of reader; the first line of an email can be its subject."""
    first_line, _, rest = text.partition("\n")
    if reader is ReaderKind.CUSTOMER and first_line.startswith(_SUBJECT_LINE):
        content = replace(content, mail_subject=first_line.removeprefix(_SUBJECT_LINE).strip())
        text = rest.strip()
    return replace(content, bodies={**content.bodies, reader: text})


def marked(text: str, findings: Sequence[ToneFinding]) -> list[tuple[str, bool]]:
    """Return a text in pieces, each with True if a finding is about it."""
    pieces, at = [], 0
    for finding in sorted(findings, key=lambda each: each.start):
        if finding.start >= at and finding.end > finding.start:
            pieces += [(text[at : finding.start], False), (text[finding.start : finding.end], True)]
            at = finding.end
    return [piece for piece in [*pieces, (text[at:], False)] if piece[0]]
