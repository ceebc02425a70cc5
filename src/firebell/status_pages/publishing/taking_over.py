"""A public incident takes over the components of one that was merged into it ([spec 7.3](docs/spec/7-comms.md))."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.public_markdown import literal
from firebell.people.action_permissions import internal
from firebell.status_pages import derived_status, lookup, store
from firebell.status_pages.hosting import queries as hosting_queries
from firebell.status_pages.model import (
    Component,
    ComponentStatus,
    Effect,
    PublicIncident,
    PublicUpdate,
    StatusPage,
    UpdateKind,
    UpdatePublished,
)
from firebell.status_pages.public.languages import languages
from firebell.status_pages.publishing import continuing, update_appending

UPDATE_TEXT = "“{name}” is part of this incident from here on. Affected: {components}."
"""The text of the update with which an incident takes over components."""
FINAL_TEXT = "From here on, we report on this as part of “{name}”."
"""The draft of the last update of the incident that was merged."""


@dataclass(frozen=True, slots=True)
class Takeover:
    """What the public incident `into` publishes when the one that was merged into it is resolved."""

    into: PublicIncident
    effects: tuple[Effect, ...]
    components: Mapping[int, tuple[Component, ComponentStatus]]
    """The components with the status that they have then, by id."""
    body: str
    translations: Mapping[str, str]
    """The text in the other languages of the page."""


async def planned(tx: Tx, page: StatusPage, merged: PublicIncident, now: datetime) -> Takeover | None:
    """Return what resolving a public incident hands over to the one at which it goes on, None for nothing."""
    into = await continuing.successor(tx, page.id, merged) if merged.is_open else None
    effects = derived_status.taken_over(merged, into, now) if into else []
    if into is None or not effects:
        return None
    current = {effect.component_id: effect.status for effect in effects}
    components = {
        component.id: (component, current[component.id])
        for component in await store.components(tx, page.id)
        if component.id in current
    }
    names = ", ".join(component.name for component, _ in components.values()) or "–"
    own, *others = await hosting_queries.locales(tx, page)
    texts = {
        locale: languages()[locale].text(UPDATE_TEXT, name=literal(merged.name), components=literal(names))
        for locale in (own, *others)
    }
    return Takeover(into, tuple(effects), components, texts.pop(own), texts)


async def final_text(tx: Tx, page: StatusPage, merged: PublicIncident) -> str:
    """Return the draft of the last update of an incident that goes on elsewhere, in the language of the page."""
    assert merged.continued_at is not None
    own, *_ = await hosting_queries.locales(tx, page)
    return languages()[own].text(FINAL_TEXT, name=literal(merged.continued_at.name))


@internal("Part of publishing that a merged incident is resolved.")
async def take_over(
    tx: Tx, actor: Actor, page: StatusPage, merged: PublicIncident, incident: Incident | None, now: datetime
) -> None:
    """Publish the update with which an incident takes over the components of a merged one, if it has any.

    Its stage, promise and estimate stay. The page and the incident of Firebell that goes on must be locked.
    """
    takeover = await planned(tx, page, merged, now)
    if takeover is None:
        return
    into = takeover.into
    latest = next(update for update in reversed(into.updates) if update.kind.is_progress)
    update = PublicUpdate(
        0,
        lookup.new_public_id(),
        len(into.updates) + 1,
        into.stage,
        UpdateKind.UPDATE,
        takeover.body,
        takeover.effects,
        display_at=now,
        next_update_at=latest.next_update_at,
        created_at=now,
        actor=actor.label,
        eta_at=latest.eta_at,
    )
    update = await update_appending.append(tx, actor, page, into, update, takeover.translations, now)
    await tx.audit(
        *(actor, "status_page.components_taken_over", page.name, now), incident=into.name, merged=merged.name
    )
    leading = await incidents.survivor(tx, incident) if incident else None
    if leading is not None and leading.id == into.incident_id:
        await update_appending.record_entry(tx, actor, page, leading.id, update, now)
    published = UpdatePublished(page.id, into.id, into.public_id, update.id, update.seq, update.version)
    await tx.emit(published, now)
