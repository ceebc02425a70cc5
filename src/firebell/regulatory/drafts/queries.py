"""Read models of drafts: one with its fields and sources, those of an incident, and who may see them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.catalog import actions as catalog_actions
from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident, IncidentRole
from firebell.kit.db import org_settings
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import NotFound
from firebell.people import actions as people
from firebell.people import permissions
from firebell.people.action_permissions import TRUSTED_KINDS, rights_of
from firebell.people.permissions import Verb
from firebell.regulatory import queries, rules, store
from firebell.regulatory.drafts import comparison as draft_comparison
from firebell.regulatory.drafts import facts as draft_facts
from firebell.regulatory.drafts import store as draft_store
from firebell.regulatory.drafts import text as draft_text
from firebell.regulatory.drafts.facts import DraftSources
from firebell.regulatory.drafts.model import (
    Contradiction,
    Draft,
    DraftState,
    DraftTemplate,
    FieldAnswer,
    FilledField,
    SectionChange,
)
from firebell.regulatory.drafts.template_files import draft_templates
from firebell.regulatory.model import Clock
from firebell.regulatory.queries import IncidentClocks, Setup

PUBLIC_KIND = "public"
"""The kind of the timeline entries about texts that were published."""


@dataclass(frozen=True, slots=True)
class DraftView:
    """A draft with its template, its clock, the fields as they are known now, and what to look at."""

    draft: Draft
    template: DraftTemplate
    clock: Clock
    fields: Sequence[FilledField]
    current_text: str
    """The text as it would be with the facts of now."""
    previous: Draft | None
    differences: Sequence[SectionChange]
    contradictions: Sequence[Contradiction]

    @property
    def missing(self) -> list[FilledField]:
        """The fields that are not known yet."""
        return [one for one in self.fields if one.is_missing]

    @property
    def text(self) -> str:
        """The text: with the facts of now until it is reviewed, and fixed from then on."""
        return self.current_text if self.draft.state is DraftState.DRAFT else self.draft.text

    @property
    def is_outdated(self) -> bool:
        """True if facts changed since the text was reviewed, and it was not sent yet."""
        is_final = self.draft.state in (DraftState.REVIEWED, DraftState.SIGNED)
        return is_final and self.draft.text != self.current_text


async def may_draft(tx: Tx, actor: Actor, incident: Incident) -> bool:
    """Return True if an actor may see and write the drafts of an incident.

    Managers and admins may, its commander, and who is responsible for regulatory clocks.
    """
    if actor.kind in TRUSTED_KINDS:
        return True
    if permissions.allows(await rights_of(tx, actor), Verb.REGULATORY_WRITE):
        return True
    held = (await incidents.roles(tx, [incident.id]))[incident.id]
    commanders = {one.person_id for one in held if one.role is IncidentRole.COMMANDER}
    settings = await store.settings(tx)
    responsible = {one.responsible_id for one in settings.values() if one.is_on}
    return actor.person_id in commanders | responsible | {await queries.responsible_id(tx)}


async def check_drafter(tx: Tx, actor: Actor, incident: Incident) -> None:
    """Raise `NotFound` unless an actor may see and write the drafts of an incident: others learn of none."""
    if not await may_draft(tx, actor, incident):
        raise NotFound(
            f"There is no draft of {incident.ref} that you can see.",
            hint="The commander, who is responsible for regulatory clocks, managers and admins see drafts.",
        )


async def draft_sources(tx: Tx, incident: Incident, current: Setup) -> DraftSources:
    """Return everything that the drafts of an incident are filled from."""
    service_ids = (await incidents.services(tx, [incident.id]))[incident.id]
    services = await catalog_actions.services_by_id(tx, service_ids)
    held = (await incidents.roles(tx, [incident.id]))[incident.id]
    commander = next((one.person_id for one in held if one.role is IncidentRole.COMMANDER), None)
    names = await people.people_by_id(tx, [commander] if commander else [])
    final = await incidents.final_facts(tx, incident.id)
    return DraftSources(
        incident,
        await incidents.timeline(tx, incident.id),
        rules.latest((await store.facts(tx, [incident.id]))[incident.id]),
        current.definitions,
        [services[i].name for i in service_ids if i in services],
        names[commander].name if commander in names else "",
        await org_settings.organization_name(tx),
        final.affected,
        final.cause,
    )


def rendered(
    template: DraftTemplate,
    clock: Clock,
    part: int,
    sources: DraftSources,
    answers: Mapping[str, FieldAnswer],
) -> str:
    """Return the text of a part of a notification with the facts of now."""
    header = {
        "To": clock.recipient,
        "Rule": f"{clock.applied.regime.name}, {clock.obligation.article}",
        "Part": str(part) if part > 1 else "",
    }
    return draft_text.to_markdown(template, header, draft_facts.fill(template, sources, answers))


def clock_of(one: IncidentClocks, obligation: str) -> Clock:
    """Return the clock of an obligation of an incident; raise `NotFound` if it has none."""
    clock = next((clock for clock in one.clocks if clock.id == obligation), None)
    if clock is None:
        raise NotFound(
            f"{one.incident.ref} has no clock {obligation[:40]}.",
            hint=f"See its clocks at /incidents/{one.incident.ref}/clocks.",
        )
    return clock


def before(draft: Draft, template: DraftTemplate, drafts: Sequence[Draft]) -> Draft | None:
    """Return the sent notification that a draft continues: its own part before, else that of an earlier phase."""
    own = [one for one in drafts if one.obligation == draft.obligation and one.part == draft.part - 1]
    earlier = [one for one in drafts if one.obligation in template.continues and one.state is DraftState.SENT]
    return own[0] if own else max(earlier, key=lambda one: one.id, default=None)


async def draft_view(tx: Tx, actor: Actor, incident_id: int, draft_id: int, now: datetime) -> DraftView:
    """Return a draft of an incident for someone who may see it; raise `NotFound`."""
    incident = await incidents.incident(tx, incident_id)
    await check_drafter(tx, actor, incident)
    draft = await draft_store.draft(tx, incident_id, draft_id)
    if draft is None:
        raise NotFound(f"{incident.ref} has no draft {draft_id}.")
    current = await queries.setup(tx)
    records = (await store.facts(tx, [incident_id]))[incident_id]
    clock = clock_of(queries.incident_clocks(current, incident, records, now), draft.obligation)
    template = draft_templates()[draft.template]
    sources = await draft_sources(tx, incident, current)
    answers = (await draft_store.answers(tx, [draft_id]))[draft_id]
    fields = draft_facts.fill(template, sources, answers)
    text = rendered(template, clock, draft.part, sources, answers)
    previous = before(draft, template, (await draft_store.drafts(tx, [incident_id])).get(incident_id, []))
    shown = text if draft.state is DraftState.DRAFT else draft.text
    public = [(e.id, e.text) for e in sources.timeline if e.kind == PUBLIC_KIND]
    return DraftView(
        draft,
        template,
        clock,
        fields,
        text,
        previous,
        _changes(previous, shown, template),
        draft_comparison.contradictions(shown, draft_comparison.stated_start(shown), public),
    )


def _changes(previous: Draft | None, text: str, template: DraftTemplate) -> list[SectionChange]:
    if previous is None:
        return []
    return draft_comparison.changes((previous.text, draft_templates()[previous.template]), (text, template))


async def published_texts(tx: Tx, ids: Sequence[int]) -> dict[int, list[tuple[int, str]]]:
    """Return the texts that were published about each incident, with their timeline entries, oldest first."""
    timelines = await incidents.timelines(tx, ids)
    return {i: [(e.id, e.text) for e in each if e.kind == PUBLIC_KIND] for i, each in timelines.items()}


async def drafts_of(tx: Tx, actor: Actor, incident: Incident) -> list[Draft] | None:
    """Return the drafts of an incident, None for someone who may not see them."""
    if not await may_draft(tx, actor, incident):
        return None
    return (await draft_store.drafts(tx, [incident.id])).get(incident.id, [])
