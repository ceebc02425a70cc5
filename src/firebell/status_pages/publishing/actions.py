"""Publishing on status pages: updates, corrections, regressions and edits. Nothing published is ever deleted."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident, IncidentRole
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Forbidden, Invalid, NotFound
from firebell.kit.text import clean_name, clean_text, required_text
from firebell.people import permissions
from firebell.people.action_permissions import permits, rights_of
from firebell.people.permissions import Verb
from firebell.status_pages import derived_status, incident_store, lookup, published_log_writer, stages, store
from firebell.status_pages.model import (
    ComponentStatus,
    Effect,
    Impact,
    PublicIncident,
    PublicUpdate,
    Stage,
    StatusPage,
    UpdateKind,
    UpdatePublished,
    UpdateRecalled,
)
from firebell.status_pages.publishing import continuing, taking_over, translating, update_appending
from firebell.status_pages.uptime import daily as uptime

SLOT = re.compile(r"\{\{\w+\}\}")
"""A slot of a template that no one filled in."""
BODY_MAX_CHARS = 25_000
"""The longest text of an update; the same limit as Statuspage's."""
NAME_MAX_CHARS = 255
EDIT_REASON_MAX_CHARS = 500
COMMS_GRACE = timedelta(minutes=10)
"""How long after the declaration the first update waits for a comms lead or the commander (spec 7.3)."""
LONGEST_PROMISE = timedelta(hours=24)
LONGEST_ESTIMATE = timedelta(days=7)
_TWIN_WITHIN = timedelta(minutes=1)
_TWINS_READ = 5


@dataclass(frozen=True, slots=True)
class NewUpdate:
    """What someone wants to publish.

    `statuses` gives the status of each component by id; one that is left out keeps what it has.
    `since` says when these statuses began; None for the start of the impact, or its end when they are operational.
    `after` is the number of updates that the author had read.
    """

    stage: Stage
    body: str
    statuses: Mapping[int, ComponentStatus]
    since: datetime | None = None
    next_update_at: datetime | None = None
    after: int | None = None
    kind: UpdateKind = UpdateKind.UPDATE
    eta_at: datetime | None = None
    """When it is expected to be over, as an estimate."""
    translations: Mapping[str, str] = field(default_factory=dict)
    """The text in other languages of the page, by language."""
    hold: timedelta = timedelta()
    """How long mail about it waits, because it can be recalled."""
    is_quiet: bool = False
    """True if subscribers are not to be notified; of a correction they always are."""


@permits(Verb.STATUS_PAGE_PUBLISH)
async def open_incident(
    tx: Tx,
    actor: Actor,
    page_id: int,
    name: str,
    update: NewUpdate,
    now: datetime,
    *,
    incident_id: int | None = None,
    impact: Impact | None = None,
    continues: str = "",
) -> PublicIncident:
    """Publish the first update of an incident on a status page, about an incident of Firebell or on its own.

    `continues` is the public id of a resolved one of the page, which then links to this one; so does the one that the
    page has shown about the same incident. Raise `Conflict` if that one can still go on. If the same person publishes
    the same standalone incident twice within a minute, it is published once: a form can be sent twice.
    """
    if update.kind is UpdateKind.POSTMORTEM:
        raise Conflict("Publish that it is resolved before its post-mortem.")
    incident = await _allowed_incident(tx, actor, incident_id, is_first=True, now=now)
    page = await lookup.locked_page(tx, page_id)
    name = clean_name(name, "name", limit=NAME_MAX_CHARS)
    if incident is None and (twin := await _twin(tx, actor, page_id, name, impact, update, now)):
        return twin
    earlier = await continuing.earlier_incidents(tx, page, continues, incident_id, now)
    public_id = lookup.new_public_id()
    new_id = await incident_store.insert_incident(tx, page_id, public_id, incident_id, name, impact, now)
    opened = PublicIncident(new_id, public_id, incident_id, name, impact, now, None, None, 0, ())
    await tx.audit(actor, "status_page.incident_published", page.name, now, incident=name)
    opened = await _publish(tx, actor, page, opened, incident, update, now)
    await continuing.link_earlier(tx, actor, page, opened, earlier, now)
    return opened


async def _twin(
    tx: Tx, actor: Actor, page_id: int, name: str, impact: Impact | None, update: NewUpdate, now: datetime
) -> PublicIncident | None:
    """Return an identical standalone incident that the same person has just published, or None."""
    wanted = (name, impact, checked_text(update.body), update.stage, update.is_quiet, actor.label)
    since = now - _TWIN_WITHIN
    for published in await incident_store.incidents_since(tx, page_id, since, _TWINS_READ):
        first, *later = published.updates
        if published.incident_id is not None or later or first.created_at <= since:
            continue
        # the effects of resolving an incident follow its statuses
        statuses = {each.component_id: each.status for each in reversed(first.effects)}
        alike = (
            published.name,
            published.impact_override,
            first.body,
            first.stage,
            first.is_quiet,
            first.actor,
        )
        if alike == wanted and statuses == update.statuses:
            return published
    return None


@permits(Verb.STATUS_PAGE_PUBLISH)
async def publish_update(
    tx: Tx, actor: Actor, page_id: int, public_id: str, update: NewUpdate, now: datetime
) -> PublicIncident:
    """Publish the next update of an incident on a status page.

    The one into which it was merged takes over its components when it is resolved. Raise `Conflict` if the stage may
    not follow, or if someone published since the author read the incident.
    """
    published = await public_incident(tx, page_id, public_id)
    # an incident is locked before its status pages, here as in the composer, which locks both
    incident = await _allowed_incident(tx, actor, published.incident_id, is_first=False, now=now)
    if incident is not None:
        await incidents.survivor(tx, incident, lock=True)
    page = await lookup.locked_page(tx, page_id)
    published = await public_incident(tx, page_id, public_id)
    if update.after is not None and update.after != len(published.updates):
        raise Conflict(
            f"{published.updates[-1].actor} published an update meanwhile.",
            hint="Read it, then publish yours.",
        )
    if update.kind is UpdateKind.CORRECTION:
        why_not = "" if update.stage is published.stage else "A correction keeps the stage."
    elif update.kind is UpdateKind.POSTMORTEM:
        why_not = _postmortem_refusal(published, update)
    elif update.kind is UpdateKind.REGRESSION:
        why_not = stages.regression_refusal(published, update.stage, now)
    else:
        why_not = stages.refusal(published, update.stage)
    if why_not:
        raise Conflict(why_not, fields={"stage": why_not})
    await tx.audit(
        actor, "status_page.update_published", page.name, now, incident=published.name, stage=update.stage
    )
    if update.stage is Stage.RESOLVED and update.kind is UpdateKind.UPDATE:
        await taking_over.take_over(tx, actor, page, published, incident, now)
    return await _publish(tx, actor, page, published, incident, update, now)


def _postmortem_refusal(published: PublicIncident, update: NewUpdate) -> str:
    if published.is_open or update.stage is not Stage.RESOLVED:
        return "Publish that it is resolved before its post-mortem."
    return "Its post-mortem is published: edit its text." if published.postmortem else ""


async def public_incident(tx: Tx, page_id: int, public_id: str) -> PublicIncident:
    """Return a public incident of a status page; raise `NotFound`."""
    published = await incident_store.by_public_id(tx, page_id, public_id)
    if published is None:
        raise NotFound(f"This status page has no incident {public_id[:20]!r}.")
    return published


def update_of(published: PublicIncident, seq: int) -> PublicUpdate:
    """Return an update of a public incident by its number; raise `NotFound`."""
    update = next((each for each in published.updates if each.seq == seq), None)
    if update is None:
        raise NotFound(f"This incident has no update {seq}.")
    return update


@permits(Verb.STATUS_PAGE_PUBLISH)
async def edit_update(
    tx: Tx, actor: Actor, page_id: int, public_id: str, seq: int, body: str, reason: str, now: datetime
) -> PublicIncident:
    """Replace the text of a published update; the earlier one stays in the log. Idempotent."""
    published = await public_incident(tx, page_id, public_id)
    await _allowed_incident(tx, actor, published.incident_id, is_first=False, now=now)
    page = await lookup.locked_page(tx, page_id)
    published = await public_incident(tx, page_id, public_id)
    update = update_of(published, seq)
    body = checked_text(body)
    if body == update.body:
        return published
    edited = replace(update, body=body, version=update.version + 1)
    await published_log_writer.append(
        tx, actor, page, published.public_id, edited, now, clean_text(reason, EDIT_REASON_MAX_CHARS, "reason")
    )
    await tx.audit(actor, "status_page.update_edited", page.name, now, incident=published.name, update=seq)
    await tx.emit(_event(page, published, edited), now)
    await tx.live(lookup.topic(page))
    return await public_incident(tx, page_id, public_id)


@permits(Verb.STATUS_PAGE_PUBLISH)
async def recall_update(
    tx: Tx, actor: Actor, page_id: int, public_id: str, seq: int, notice: str, reason: str, now: datetime
) -> PublicIncident:
    """Replace the text of an update that was published by mistake; messages about it that still wait are not sent."""
    published = await edit_update(tx, actor, page_id, public_id, seq, notice, reason, now)
    await tx.emit(UpdateRecalled(page_id, public_id, seq), now)
    return published


@permits(Verb.STATUS_PAGE_PUBLISH)
async def translate_update(
    tx: Tx, actor: Actor, page_id: int, public_id: str, seq: int, locale: str, body: str, now: datetime
) -> PublicIncident:
    """Publish the text of an update in another language of the page; it notifies no one. Idempotent.

    A later one replaces it; the log keeps both.
    """
    published = await public_incident(tx, page_id, public_id)
    await _allowed_incident(tx, actor, published.incident_id, is_first=False, now=now)
    page = await lookup.locked_page(tx, page_id)
    published = await public_incident(tx, page_id, public_id)
    update = update_of(published, seq)
    await translating.check_locale(tx, page, locale)
    body = checked_text(body)
    if update.translations.get(locale) == body:
        return published
    await translating.append(tx, actor, page, public_id, published.name, update, locale, body, now)
    await tx.live(lookup.topic(page))
    return await public_incident(tx, page_id, public_id)


def checked_text(body: str) -> str:
    """Return a text as it is published; raise `Invalid` if it is empty, too long, or has an open slot."""
    text = required_text(body, BODY_MAX_CHARS, name="update", hint="Write what customers should know.")
    if slot := SLOT.search(text):
        raise Invalid("The draft is not finished.", fields={"text": f"Fill in or remove {slot[0]}."})
    return text


async def _allowed_incident(
    tx: Tx, actor: Actor, incident_id: int | None, *, is_first: bool, now: datetime
) -> Incident | None:
    """Return the incident; raise `Forbidden` unless the actor may publish about it, `Conflict` if no one may.

    Managers, the commander and the comms lead may, of a merged incident those of the one that it is part of. If there
    is no comms lead ten minutes after the declaration, any responder may publish the first update.
    """
    is_manager = actor.person_id is None or permissions.allows(
        await rights_of(tx, actor), Verb.STATUS_PAGE_WRITE
    )
    if incident_id is None:
        if not is_manager:
            raise Forbidden("Only managers and admins can publish what is about no incident.")
        return None
    incident = await incidents.locked(tx, incident_id)
    if incident.drill:
        raise Conflict(f"{incident.ref} is a drill: nothing of it is published.")
    if incident.is_private and is_first:
        raise Conflict(f"{incident.ref} is private: nothing of it is published.")
    if incident.is_private and not is_manager:
        raise Forbidden(
            f"{incident.ref} is private now: only managers and admins tell customers how it ends."
        )
    leading = await incidents.survivor(tx, incident)
    if leading.id != incident.id and is_first:
        raise Conflict(
            f"{incident.ref} was merged into {leading.ref}.", hint=f"Publish about {leading.ref} instead."
        )
    holders = (await incidents.roles(tx, [leading.id]))[leading.id]
    speakers = {
        held.person_id for held in holders if held.role in (IncidentRole.COMMANDER, IncidentRole.COMMS)
    }
    has_comms = any(held.role is IncidentRole.COMMS for held in holders)
    is_open_to_all = is_first and not has_comms and now - incident.declared_at >= COMMS_GRACE
    if not (is_manager or actor.person_id in speakers or is_open_to_all):
        raise Forbidden(
            "The commander or the comms lead publishes this.",
            hint="Take the role of comms lead, or ask one of them.",
        )
    return incident


async def _publish(
    tx: Tx,
    actor: Actor,
    page: StatusPage,
    published: PublicIncident,
    incident: Incident | None,
    update: NewUpdate,
    now: datetime,
) -> PublicIncident:
    body = checked_text(update.body)
    translations = {locale: checked_text(text) for locale, text in update.translations.items()}
    for locale in translations:
        await translating.check_locale(tx, page, locale)
    if update.is_quiet and update.kind is UpdateKind.CORRECTION:
        raise Invalid(
            "A correction is never quiet.", fields={"notify": "Notify those who read what was wrong."}
        )
    promise = _promise(update, now)
    effects = await _effects(tx, page, published, incident, update, now)
    new = PublicUpdate(
        0,
        lookup.new_public_id(),
        len(published.updates) + 1,
        update.stage,
        update.kind,
        body,
        tuple(effects),
        display_at=now,
        next_update_at=promise,
        created_at=now,
        actor=actor.label,
        eta_at=_estimate(update, now),
        is_quiet=update.is_quiet,
    )
    if update.kind is UpdateKind.CORRECTION or update.since is not None:
        _check_past(page, published, new, now)
    new = await update_appending.append(tx, actor, page, published, new, translations, now)
    if update.kind.is_progress:
        changes: dict[str, datetime | int | None] = {
            "resolved_at": now if update.stage is Stage.RESOLVED else None,
            "regressions": published.regressions + (update.kind is UpdateKind.REGRESSION),
        }
        if update.stage is Stage.MONITORING and published.monitoring_at is None:
            changes["monitoring_at"] = now
        await incident_store.change_incident(tx, published.id, **changes)
    if incident is not None:
        await update_appending.record_entry(tx, actor, page, incident.id, new, now)
    await store.change_page(tx, page.id, updated_at=now)
    event = _event(page, published, new)
    hold_s = int(update.hold.total_seconds())
    await tx.emit(replace(event, hold_s=hold_s, is_quiet=new.is_quiet), now)
    await tx.live(lookup.topic(page))
    return await public_incident(tx, page.id, published.public_id)


def _promise(update: NewUpdate, now: datetime) -> datetime | None:
    if update.stage is Stage.RESOLVED or not update.kind.is_progress:
        return None
    if update.next_update_at is None:
        raise Invalid(
            "The next update has no time.",
            fields={"next_update_at": "Say when customers hear from you again."},
        )
    if not now < update.next_update_at <= now + LONGEST_PROMISE:
        raise Invalid(
            "The next update is in the past or too far away.",
            fields={"next_update_at": "Enter a time within 24 hours."},
        )
    return update.next_update_at


def _estimate(update: NewUpdate, now: datetime) -> datetime | None:
    if update.stage is Stage.RESOLVED or not update.kind.is_progress or update.eta_at is None:
        return None
    if not now < update.eta_at <= now + LONGEST_ESTIMATE:
        raise Invalid(
            "The estimate is in the past or too far away.",
            fields={"eta_at": "Enter a time within 7 days, or leave it blank."},
        )
    return update.eta_at


async def _effects(
    tx: Tx,
    page: StatusPage,
    published: PublicIncident,
    incident: Incident | None,
    update: NewUpdate,
    now: datetime,
) -> list[Effect]:
    """Return what the update says about components; resolving ends what the incident said about each (spec 7.4)."""
    known = {component.id for component in await store.components(tx, page.id)}
    if missing := set(update.statuses) - known:
        raise NotFound(f"This status page has no component {min(missing)}.")
    if ComponentStatus.UNDER_MAINTENANCE in update.statuses.values():
        raise Invalid("An incident is not maintenance.", fields={"statuses": "Choose another status."})
    if update.since is not None and update.since > now:
        raise Invalid(
            "The time is in the future.", fields={"since": "Enter when customers were first affected."}
        )
    statuses = dict(update.statuses)
    if update.kind is UpdateKind.POSTMORTEM:
        statuses = {}
    elif update.stage is Stage.RESOLVED and update.kind is not UpdateKind.CORRECTION:
        statuses |= dict.fromkeys(published.component_ids, ComponentStatus.OPERATIONAL)
    current = {
        component_id: derived_status.status_at([published], component_id, now) for component_id in statuses
    }
    effects = [
        Effect(component_id, status, _since(published, incident, component_id, status, update, now))
        for component_id, status in statuses.items()
        if update.kind is UpdateKind.CORRECTION
        or status is not current[component_id]
        or not published.updates
    ]
    problems = [effect for effect in effects if effect.status > ComponentStatus.OPERATIONAL]
    if update.kind is UpdateKind.CORRECTION and not published.is_open:
        effects += [_end(published, effect, now) for effect in problems]
    elif update.kind is not UpdateKind.CORRECTION and update.stage is Stage.RESOLVED:
        over_at = min((incident.impact_end if incident else None) or now, now)
        effects += [
            Effect(each.component_id, ComponentStatus.OPERATIONAL, max(over_at, each.since))
            for each in problems
        ]
    return effects


def _end(published: PublicIncident, corrected: Effect, now: datetime) -> Effect:
    """Return the end of a corrected status of an incident that is over: when the component was operational before."""
    history = derived_status.steps(published, corrected.component_id)
    ended_at = history[-1][0] if history else published.resolved_at or now
    return Effect(corrected.component_id, ComponentStatus.OPERATIONAL, max(ended_at, corrected.since))


def _since(
    published: PublicIncident,
    incident: Incident | None,
    component_id: int,
    status: ComponentStatus,
    update: NewUpdate,
    now: datetime,
) -> datetime:
    """Return when a status began: uptime measures the service, not the speed of the writer."""
    begun = derived_status.steps(published, component_id)
    if update.since is not None:
        return update.since
    if status is ComponentStatus.OPERATIONAL:
        end = incident.impact_end if incident else None
        return max(min(end or now, now), begun[-1][0] if begun else now)
    if begun or incident is None:
        return now
    return min(incident.impact_start or incident.detected_at, now)


def _check_past(page: StatusPage, published: PublicIncident, new: PublicUpdate, now: datetime) -> None:
    """Raise `Conflict` if an update makes days before yesterday look better: that needs a second person (7.7)."""
    after = replace(published, updates=(*published.updates, new))
    component_ids = {effect.component_id for effect in new.effects}
    if derived_status.improves(published, after, component_ids, uptime.yesterday(now, page.tz)):
        raise Conflict(
            "This makes days before yesterday look better, which needs a second person.",
            hint="Relabel the past instead, at Status pages.",
        )


def _event(page: StatusPage, published: PublicIncident, update: PublicUpdate) -> UpdatePublished:
    return UpdatePublished(page.id, published.id, published.public_id, update.id, update.seq, update.version)
