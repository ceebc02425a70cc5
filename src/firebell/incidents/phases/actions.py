"""Actions that move an incident between phases, and what each move means for its page and timers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from firebell.incidents import linked_pages, lookup, store, timeline_writer
from firebell.incidents.closing import queries as closing_queries
from firebell.incidents.closing import rules as closing_rules
from firebell.incidents.closing import watchers
from firebell.incidents.closing.rules import ClosingCondition
from firebell.incidents.model import ACTIVE, UNDECLARED, Incident, IncidentClosed, Phase, PhaseChanged
from firebell.incidents.phases import lifecycle
from firebell.incidents.phases import store as phase_store
from firebell.incidents.roles import ending as role_ending
from firebell.incidents.text_limits import REASON_MAX_CHARS
from firebell.incidents.update_deadlines import actions as update_actions
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM, Actor
from firebell.kit.errors import Conflict, Invalid
from firebell.kit.jobs import timers
from firebell.kit.text import clean_text
from firebell.paging import actions as paging
from firebell.people import actions as people
from firebell.people.action_permissions import TRUSTED_KINDS, internal, permits
from firebell.people.permissions import Verb

_TEXTS = {
    Phase.TRIAGING: "is looking at it",
    Phase.MONITORING: "resolved it: impact ended, monitoring for 30 minutes",
    Phase.CLOSED: "closed it",
    Phase.DISMISSED: "dismissed it as a false alarm",
    Phase.REVIEWED: "published the post-mortem",
}
STABLE_TIMER = "incidents.stable"
REFIRE_TIMER = "incidents.refire"
REVIEW_TIMER = "incidents.review"


async def guard_facts(
    tx: Tx, incident: Incident, conditions: Sequence[ClosingCondition] = ()
) -> lifecycle.GuardFacts:
    """Return what the guards need; of the closing conditions those that are not met."""
    return lifecycle.GuardFacts(
        roles=frozenset(role for role, _ in await lookup.holders(tx, incident.id)),
        unmet=tuple(condition.sentence for condition in closing_rules.by_urgency(conditions)),
        mitigation_recorded=await store.has_entry(tx, incident.id, "mitigation"),
    )


async def refusals(tx: Tx, incident: Incident, now: datetime) -> dict[Phase, str | None]:
    """Return each phase that people can select next with why the incident may not enter it, None if it may."""
    conditions = []
    if Phase.CLOSED in lifecycle.ALLOWED[incident.phase]:
        conditions = await closing_queries.conditions(tx, incident, now)
    facts = await guard_facts(tx, incident, conditions)
    return {
        to: lifecycle.refusal(incident, to, facts, now)
        for to in lifecycle.ALLOWED[incident.phase]
        if to not in lifecycle.BY_OTHER_ACTIONS
    }


@permits(Verb.INCIDENT_UPDATE)
async def set_phase(
    tx: Tx,
    actor: Actor,
    incident_id: int,
    phase: Phase,
    now: datetime,
    *,
    reason: str = "",
    force: bool = False,
    published: bool = False,
    effective_at: datetime | None = None,
) -> Incident:
    """Change the phase if its checks pass, or with `force` and a reason, which the timeline shows.

    `published` means that the post-mortem is published. `effective_at` is when it happened, now by default: not
    before the phase began that ends, and not in the future. Closing without its conditions is for the commander.
    """
    old = await lookup.locked(tx, incident_id)
    reason = clean_text(reason, REASON_MAX_CHARS, "reason")
    _check_pair(old, phase)
    began_at = await phase_store.last_transition_at(tx, incident_id) or old.declared_at
    happened_at = _effective(effective_at, began_at, now)
    conditions = await closing_queries.conditions(tx, old, happened_at) if phase is Phase.CLOSED else []
    facts = replace(
        await guard_facts(tx, old, conditions), published=published, reason=reason, actor_id=actor.person_id
    )
    if phase is Phase.DISMISSED and (refused := lifecycle.dismissal_refusal(old, facts)):
        if not reason:
            raise Invalid(refused, fields={"reason": refused})
        raise Conflict(refused)
    why = lifecycle.refusal(old, phase, facts, happened_at)
    if why and not force:
        raise Conflict(why, hint="Enter a reason to skip this check.")
    if why and not reason:
        raise Invalid("Enter a reason to skip this check.", fields={"reason": "Enter a reason."})
    if why and phase is Phase.CLOSED:
        await _check_override(tx, actor, old)
    skipped = [c.code for c in conditions if not c.is_met] or (["guard"] if why else [])
    return await _move(tx, actor, old, phase, now, happened_at, reason, why, skipped)


def _check_pair(old: Incident, phase: Phase) -> None:
    if why := lifecycle.pair_refusal(old, phase):
        raise Conflict(why)
    if phase is Phase.DECLARED:
        raise Conflict(f"Declare {old.ref} with its severity.", hint=f"Open /incidents/{old.ref}/declare.")
    if phase is Phase.MERGED:
        raise Conflict(f"Merge {old.ref} into another incident.", hint=f"Open /incidents/{old.ref}/links.")


def _effective(effective_at: datetime | None, began_at: datetime, now: datetime) -> datetime:
    if effective_at is None:
        return max(now, began_at)
    if why := lifecycle.effective_refusal(effective_at, began_at, now):
        raise Invalid("That time is not valid.", fields={"effective_at": why})
    return effective_at


async def _check_override(tx: Tx, actor: Actor, old: Incident) -> None:
    if actor.kind in TRUSTED_KINDS:
        return
    commander_id = closing_rules.commander_of(await lookup.holders(tx, old.id))
    name = (await people.person(tx, commander_id)).name if commander_id else ""
    if why := closing_rules.override_refusal(old, commander_id, actor.person_id, name):
        raise Conflict(why)


async def _move(
    tx: Tx,
    actor: Actor,
    old: Incident,
    phase: Phase,
    now: datetime,
    happened_at: datetime,
    reason: str,
    why: str | None,
    skipped: Sequence[str],
) -> Incident:
    """Store a move that passed its guards, with everything that follows from it."""
    await _lock_pages(tx, old)
    before, entered = old.phase, lifecycle.reached(old.phase, phase)
    for after in entered:
        await add_transition(
            *(tx, actor, old.id, before, after, now),
            effective_at=happened_at,
            reason=reason,
            skipped=skipped,
        )
        before = after
    phase = entered[-1]
    new = await store.change(tx, old.id, phase=phase, **_times(old, phase, happened_at))
    await _after_phase_change(tx, actor, old.phase, new, now)
    skipping = f", skipping a check (“{why.rstrip('.')}”). Reason: {reason}" if why else ""
    note = f". {reason}" if reason and not why else ""
    is_reopened = old.phase is Phase.CLOSED and phase is Phase.INVESTIGATING
    text = "reopened it" if is_reopened else _TEXTS.get(phase, f"moved it to {phase}")
    change: dict[str, Any] = {"from": old.phase, "to": phase}
    if happened_at < now:
        change["effective_at"] = happened_at.isoformat()
    text = f"{text}{skipping}{note}"
    await timeline_writer.write_entry(tx, actor, old.id, "phase", text, change, now, min(happened_at, now))
    if is_reopened:
        await role_ending.end_lost_roles(tx, new, now)
    await tx.audit(actor, "incident.phase", old.ref, now, to=phase, forced=bool(why))
    await tx.emit(PhaseChanged(old.id, old.phase, phase, happened_at), now)
    if phase is Phase.CLOSED:
        await tx.emit(IncidentClosed(old.id), now)
    return await update_actions.schedule_next_update(tx, new)


async def _lock_pages(tx: Tx, incident: Incident, *, linking: Sequence[int] = ()) -> None:
    """Lock what a move may change: the pages of the incident and of its response, and what pages again."""
    service_ids = (await store.services(tx, [incident.id]))[incident.id]
    await linked_pages.lock_pages(tx, [incident.id], service_ids, linking=linking)


@permits(Verb.INCIDENT_UPDATE)
async def withdraw_review(tx: Tx, actor: Actor, incident_id: int, now: datetime) -> None:
    """Move a reviewed incident back to closed, because its post-mortem is a draft again. Idempotent."""
    old = await lookup.locked(tx, incident_id)
    if old.phase is not Phase.REVIEWED:
        return
    await store.change(tx, incident_id, phase=Phase.CLOSED)
    change = {"from": Phase.REVIEWED, "to": Phase.CLOSED}
    text = "unpublished the post-mortem"
    await add_transition(tx, actor, incident_id, Phase.REVIEWED, Phase.CLOSED, now)
    await timeline_writer.add_timeline_entry(tx, actor, incident_id, "phase", text, now, **change)
    await tx.audit(actor, "incident.phase", old.ref, now, to=Phase.CLOSED, forced=False)
    await tx.emit(PhaseChanged(incident_id, Phase.REVIEWED, Phase.CLOSED, now), now)


def _times(old: Incident, phase: Phase, at: datetime) -> dict[str, Any]:
    """Return the columns that entering a phase changes."""
    match phase:
        case Phase.MONITORING:
            return {"impact_end": at, "resolved_at": at, "stable_since": at}
        case Phase.CLOSED | Phase.DISMISSED:
            return {"closed_at": at}
        case Phase.REVIEWED:
            return {}
        case _ if old.phase in (Phase.MONITORING, Phase.CLOSED):
            return {
                "impact_end": None,
                "resolved_at": None,
                "stable_since": None,
                "closed_at": None,
                "reopen_count": old.reopen_count + 1,
                **({"reopened_at": at} if old.phase is Phase.CLOSED else {}),
            }
        case _:
            return {}


async def _after_phase_change(tx: Tx, actor: Actor, before: Phase, new: Incident, now: datetime) -> None:
    """Start and stop timers, and page again or resolve the page of the incident."""
    key = str(new.id)
    if new.phase in (Phase.CLOSED, Phase.DISMISSED):
        await watchers.notify_ended(tx, actor, new, now)
    elif before is Phase.MONITORING:
        await watchers.wait_again(tx, actor, new)
    if before is Phase.MONITORING:
        await timers.cancel(tx, STABLE_TIMER, key)
        await timers.cancel(tx, REFIRE_TIMER, key)
    match new.phase:
        case Phase.MONITORING:
            stable_at = (new.stable_since or now) + closing_rules.STABILITY_PERIOD
            await phase_store.note_newest_alert(tx, new.id)
            await timers.schedule(tx, STABLE_TIMER, key, stable_at)
            await timers.schedule(tx, REFIRE_TIMER, key, now + lifecycle.REFIRE_CHECK_INTERVAL)
            text = f"{actor.label} resolved {new.public_name}."
            await paging.resolve_incident_page(tx, "incident", new.id, text, now)
        case Phase.CLOSED | Phase.REVIEWED | Phase.DISMISSED | Phase.MERGED:
            if new.phase is Phase.CLOSED and not lifecycle.postmortem_required(new):
                await timers.schedule(tx, REVIEW_TIMER, key, now + lifecycle.REOPEN_WITHIN)
            text = f"{new.public_name.capitalize() if new.is_private else new.ref} was {new.phase}."
            await paging.resolve_incident_page(tx, "incident", new.id, text, now)
        case Phase.TRIAGING:
            pass
        case _ if before not in (*ACTIVE, *UNDECLARED) and new.severity <= 1 and not new.drill:
            await linked_pages.page_for(tx, actor, new, (await store.services(tx, [new.id]))[new.id], now)
        case _:
            await paging.extend_ack(tx, "incident", new.id, now)


@internal("Part of merging two incidents.")
async def take_over_end(
    tx: Tx, actor: Actor, merged: Incident, into: Incident, ended_at: datetime
) -> Incident:
    """Give a monitored incident the later end of one that is merged into it: the 30 minutes begin then."""
    await phase_store.copy_newest_alert(tx, merged.id, into.id)
    await watchers.wait_again(tx, actor, into)
    await timers.schedule(tx, STABLE_TIMER, str(into.id), ended_at + closing_rules.STABILITY_PERIOD)
    return await store.change(tx, into.id, impact_end=ended_at, resolved_at=ended_at, stable_since=ended_at)


@internal("Called when an alert fires again, a customer reports, or an impact that continues is merged.")
async def regress(
    tx: Tx, actor: Actor, incident: Incident, reason: str, now: datetime, *, page_id: int | None = None
) -> Incident:
    """Move a monitored incident back to work because its impact continues; SEV0 and SEV1 page again.

    The incident must be locked. It returns to the phase from which it was resolved.
    """
    moves = await phase_store.transitions(tx, incident.id)
    resolved = next((t for t in reversed(moves) if t.after is Phase.RESOLVED), None)
    back_to = Phase.MITIGATING if resolved and resolved.before is Phase.MITIGATING else Phase.INVESTIGATING
    if page_id is not None:
        await _lock_pages(tx, incident, linking=[page_id])
        await linked_pages.attach_page(tx, incident, page_id, now)
    return await _move(tx, actor, incident, back_to, now, now, reason[:REASON_MAX_CHARS], None, ())


async def check_regressions(tx: Tx, ids: Sequence[int], now: datetime) -> Mapping[int, datetime | None]:
    """Move incidents back to work whose alerts fire again; return when each one is checked next, None for never.

    Incidents that are locked right now are absent.
    """
    unlocked = await store.lock_free(tx, ids)
    fired = await phase_store.fired_again(tx, [i.id for i in unlocked])
    checked: dict[int, datetime | None] = {}
    for incident in unlocked:
        if incident.phase is not Phase.MONITORING:
            checked[incident.id] = None
        elif incident.id in fired:
            title, page_id = fired[incident.id]
            reason = f"An alert fires again: {title}"
            await regress(tx, SYSTEM, incident, reason, now, page_id=page_id)
            checked[incident.id] = None
        else:
            checked[incident.id] = now + lifecycle.refire_interval(incident.stable_since, now)
    return checked


async def review_without_postmortem(tx: Tx, ids: Sequence[int], now: datetime) -> set[int]:
    """Move closed incidents that require no post-mortem to reviewed; return those that are locked right now."""
    unlocked = await store.lock_free(tx, ids)
    for incident in unlocked:
        if incident.phase is Phase.CLOSED and not lifecycle.postmortem_required(incident):
            text = "No post-mortem is required."
            await add_transition(tx, SYSTEM, incident.id, Phase.CLOSED, Phase.REVIEWED, now, reason=text)
            await store.change(tx, incident.id, phase=Phase.REVIEWED)
            change = {"from": Phase.CLOSED, "to": Phase.REVIEWED}
            await timeline_writer.add_timeline_entry(tx, SYSTEM, incident.id, "phase", text, now, **change)
            await tx.emit(PhaseChanged(incident.id, Phase.CLOSED, Phase.REVIEWED, now), now)
    return set(ids) - {incident.id for incident in unlocked}


async def note_stable_incidents(tx: Tx, ids: Sequence[int], now: datetime) -> set[int]:
    """Note in the timelines that incidents were stable for 30 minutes; return those that are locked right now."""
    unlocked = await store.lock_free(tx, ids)
    for incident in unlocked:
        since = incident.stable_since
        if incident.phase is Phase.MONITORING and since and now - since >= closing_rules.STABILITY_PERIOD:
            conditions = await closing_queries.conditions(tx, incident, now)
            missing = [condition.title for condition in closing_rules.by_urgency(conditions)]
            can_close = f"Missing: {'; '.join(missing)}." if missing else "It can be closed now."
            text = f"Stable for 30 minutes. {can_close}"
            await timeline_writer.add_timeline_entry(tx, SYSTEM, incident.id, "stable", text, now)
    return set(ids) - {incident.id for incident in unlocked}


@internal("Part of every action that changes a phase.")
async def add_transition(
    tx: Tx,
    actor: Actor,
    incident_id: int,
    before: Phase | None,
    after: Phase,
    now: datetime,
    *,
    effective_at: datetime | None = None,
    reason: str = "",
    skipped: Sequence[str] = (),
) -> None:
    """Record a move between phases with who made it, when, and why."""
    at = effective_at or now
    await phase_store.add_transition(
        tx, incident_id, before, after, at, actor.label, actor.person_id, reason, skipped, now
    )
