"""What is done with incidents; each verb writes its line into the timeline and tells open browsers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from firebell.catalog import actions as catalog
from firebell.incidents import lifecycle, list_store, store
from firebell.incidents.model import (
    ACTIVE,
    ENTRY_KINDS,
    OPEN,
    ROLE_NAMES,
    SINGLE,
    Incident,
    IncidentClosed,
    Phase,
    Role,
)
from firebell.incidents.severity import FACTS, Severity, classify, suggest
from firebell.kit import timers
from firebell.kit.db import Tx
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.events import SYSTEM, Actor
from firebell.kit.text import clean_name, clean_text
from firebell.paging import actions as paging
from firebell.paging.model import PageState
from firebell.people import actions as people

UPDATE_DUE = "incidents.update_due"
STABLE = "incidents.stable"
_ENTRY = 10_000
_TWIN_WITHIN = timedelta(seconds=10)

POSTMORTEM_WITHIN = lifecycle.POSTMORTEM_WITHIN
incidents = list_store.in_phases
incidents_by_id = store.incidents_by_id
incident_of_page = store.incident_of_page
page_ids = store.page_ids
postmortem_required = lifecycle.postmortem_required
roles = store.roles
services = store.services
timeline = store.timeline


async def incident(tx: Tx, incident_id: int) -> Incident:
    """Return one incident; raise `NotFound`."""
    found = await store.incident(tx, incident_id)
    if found is None:
        raise NotFound(f"There is no incident INC-{incident_id}.", hint="See all incidents at /incidents.")
    return found


async def _locked(tx: Tx, incident_id: int) -> Incident:
    found = await store.lock(tx, incident_id)
    if found is None:
        raise NotFound(f"There is no incident INC-{incident_id}.", hint="See all incidents at /incidents.")
    return found


async def _add_timeline_entry(
    tx: Tx, actor: Actor, incident_id: int, kind: str, text: str, now: datetime, **data: Any
) -> None:
    await store.add_entry(tx, incident_id, kind, actor.label, actor.person_id, text, data, now)
    await tx.live("incidents")
    await tx.live(f"inc-{incident_id}")


async def _keep_cadence(tx: Tx, found: Incident) -> Incident:
    """Set when the next update is due, and its one timer."""
    due_at = lifecycle.next_update(found)
    if due_at is None:
        await timers.cancel(tx, UPDATE_DUE, str(found.id))
    else:
        await timers.schedule(tx, UPDATE_DUE, str(found.id), due_at)
    return await store.change(tx, found.id, update_due_at=due_at)


async def declare(
    tx: Tx,
    actor: Actor,
    *,
    title: str,
    severity: int | None = None,
    answers: Mapping[str, bool | None] | None = None,
    service_ids: Sequence[int] = (),
    page_id: int | None = None,
    summary: str = "",
    commander_id: int | None = None,
    drill: bool = False,
    cap_unknown: bool = False,
    now: datetime,
) -> Incident:
    """Declare an incident: anybody may, in one step; SEV0 and SEV1 page in the same transaction.

    The severity is `severity`, else what the answers say; with `cap_unknown`, which forms set, an unknown
    answer counts as SEV2 at most. The same declaration twice within ten seconds is
    one incident, of the worse severity.
    """
    clean = clean_name(title, "title", limit=200)
    verdict = (suggest(answers or {}) if cap_unknown else None) or classify(answers or {})
    if severity is None and not answers:
        raise Invalid(
            "The severity is missing.", fields={"severity": "Answer the questions or select a severity."}
        )
    chosen = verdict.severity if severity is None else Severity(severity)
    if double := await store.twin(tx, actor.person_id, clean, now - _TWIN_WITHIN):
        worse = chosen < double.severity and double.phase in OPEN
        return await set_severity(tx, actor, double.id, chosen, "", now) if worse else double
    page = await paging.page(tx, page_id) if page_id is not None else None
    wanted = list(dict.fromkeys([*service_ids, *([page.service_id] if page and page.service_id else [])]))
    known = await catalog.services_by_id(tx, wanted)
    if missing := [i for i in wanted if i not in known]:
        raise NotFound(f"There is no service {missing[0]}.")
    found = await store.insert(
        tx,
        clean,
        clean_text(summary, 5000),
        chosen,
        dict(answers or {}),
        verdict.provisional if severity is None else False,
        drill,
        min(page.triggered_at, now) if page else now,
        actor.person_id,
        now,
    )
    await store.set_services(tx, found.id, wanted)
    origin = f" from {page.ref}" if page else ""
    words = f"declared SEV{chosen}{origin}: {clean}"
    await _add_timeline_entry(
        tx, actor, found.id, "declared", words, now, severity=int(chosen), path=list(verdict.path)
    )
    await tx.audit(actor, "incident.declared", found.ref, now, severity=int(chosen))
    if page:
        await store.link_page(tx, found.id, page.id)
    if commander_id is not None:
        await take_role(tx, actor, found.id, Role.COMMANDER, commander_id, now)
    if FACTS[chosen].page and not drill:
        await _page(tx, actor, found, wanted, now)
    return await _keep_cadence(tx, found)


async def _page(tx: Tx, actor: Actor, found: Incident, service_ids: Sequence[int], now: datetime) -> None:
    known = await catalog.services_by_id(tx, service_ids)
    service = next((known[i] for i in service_ids if i in known), None)
    made = await paging.start_incident_page(
        tx,
        actor,
        incident_id=found.id,
        title=f"{found.ref}: {found.title}",
        severity=found.severity,
        service_id=service.id if service else None,
        team_id=service.team_id if service else None,
        policy_id=service.policy_id if service else None,
        now=now,
    )
    if made is None:
        await paging.raise_incident_page(tx, "incident", found.id, found.severity, now)
        return
    await store.link_page(tx, found.id, made)
    await _add_timeline_entry(
        tx,
        SYSTEM,
        found.id,
        "paged",
        f"Paged for a commander and subject matter experts (PG-{made}).",
        now,
        page=made,
    )


async def take_role(
    tx: Tx, actor: Actor, incident_id: int, role: Role, person_id: int, now: datetime
) -> None:
    """Give a role to somebody; a single role changes hands, and the hand-over is told."""
    found = await _locked(tx, incident_id)
    if found.phase not in OPEN:
        raise Conflict(f"{found.ref} is {found.phase}, so its roles can't be changed.")
    person = await people.person(tx, person_id)
    if not person.active:
        raise Conflict(f"{person.name} is deactivated.", fields={"person": "Choose someone else."})
    held = [a for a in (await store.roles(tx, [incident_id]))[incident_id] if a.role is role]
    if any(a.person_id == person_id for a in held):
        return
    name, own = ROLE_NAMES[role].lower(), actor.person_id == person_id
    text = f"became {name}" if own else f"assigned {person.name} as {name}"
    if held and role in SINGLE:
        before = await people.person(tx, held[0].person_id)
        await store.end_role(tx, incident_id, role, None, now)
        text = f"took over as {name} from {before.name}" if own else f"assigned {person.name} as {name}"
    await store.start_role(tx, incident_id, role, person_id, now)
    await _add_timeline_entry(tx, actor, incident_id, "role", text, now, role=role, person=person_id)
    await tx.audit(actor, "incident.role", found.ref, now, role=role, person=person_id)


async def add_entry(tx: Tx, actor: Actor, incident_id: int, kind: str, text: str, now: datetime) -> None:
    """Write into the timeline; an update restarts the cadence, progress renews the acknowledgement."""
    found = await _locked(tx, incident_id)
    if kind not in ENTRY_KINDS:
        raise Invalid(
            f"{kind!r} is not a kind of entry.", fields={"kind": f"Use one of {', '.join(ENTRY_KINDS)}."}
        )
    if len(text) > _ENTRY:
        raise Invalid("The entry is too long.", fields={"text": f"Enter at most {_ENTRY:,} characters."})
    clean = clean_text(text, _ENTRY)
    if not clean:
        raise Invalid("The entry is empty.", fields={"text": "Enter what happened or what you see."})
    await _add_timeline_entry(tx, actor, incident_id, kind, clean, now)
    if kind == "mitigation" and found.mitigated_at is None:
        found = await store.change(tx, incident_id, mitigated_at=now)
    if kind == "update":
        await _keep_cadence(tx, await store.change(tx, incident_id, last_update_at=now))
    await paging.extend_ack(tx, "incident", incident_id, now)


def _listed(words: Sequence[str]) -> str:
    return " and ".join(w for w in (", ".join(words[:-1]), words[-1]) if w)


async def set_canvas(
    tx: Tx, actor: Actor, incident_id: int, conditions: str, actions: str, needs: str, now: datetime
) -> None:
    """Set what is known, what is being done and what is needed."""
    old = await _locked(tx, incident_id)
    new = {"conditions": conditions, "actions": actions, "needs": needs}
    clean = {name: clean_text(value, 2000) for name, value in new.items()}
    changed = [name for name in clean if clean[name] != getattr(old, name)]
    if changed:
        await store.change(tx, incident_id, **clean)
        await _add_timeline_entry(
            tx, actor, incident_id, "canvas", f"updated {_listed(changed)}", now, **clean
        )


async def set_severity(
    tx: Tx, actor: Actor, incident_id: int, severity: int, reason: str, now: datetime
) -> Incident:
    """Change the severity: raising acts at once and pages, lowering needs a reason."""
    old = await _locked(tx, incident_id)
    if old.phase not in OPEN:
        raise Conflict(f"{old.ref} is {old.phase}, so its severity can't be changed.")
    reason = clean_text(reason, 1000)
    if why := lifecycle.severity_refusal(old, severity, reason, await store.last_raise(tx, incident_id), now):
        raise Conflict(why)
    worst = min(old.max_severity, severity)
    new = await store.change(
        tx, incident_id, severity=severity, max_severity=worst, severity_at=now, provisional=False
    )
    raised = severity < old.severity
    because = f": {reason}" if reason else ""
    text = f"{'raised' if raised else 'lowered'} severity from SEV{old.severity} to SEV{severity}{because}"
    data = {"from": old.severity, "to": severity}
    await store.add_entry(tx, incident_id, "severity", actor.label, actor.person_id, text, data, now)
    await tx.live("incidents")
    await tx.live(f"inc-{incident_id}")
    await tx.audit(actor, "incident.severity", old.ref, now, **data)
    if raised and FACTS[Severity(severity)].page and not new.drill:
        await _page(tx, actor, new, (await store.services(tx, [incident_id]))[incident_id], now)
    return await _keep_cadence(tx, new)


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
) -> Incident:
    """Move the incident on when its guard allows it, or by force with a reason, which is told.

    `published` says that the post-mortem is.
    """
    old = await _locked(tx, incident_id)
    facts = replace(await _facts(tx, old), published=published)
    why = lifecycle.refusal(old, phase, facts, now)
    allowed = phase in lifecycle.ALLOWED[old.phase]
    if why and not (force and allowed):
        raise Conflict(why, hint="To skip this check, use force and give a reason." if allowed else "")
    reason = clean_text(reason, 1000)
    if why and not reason:
        raise Invalid("Give a reason to skip this check.", fields={"reason": "Enter a reason."})
    new = await store.change(tx, incident_id, phase=phase, **_times(old, phase, now))
    await _after_move(tx, actor, old.phase, new, now)
    override = f", skipping a check (“{why.rstrip('.')}”). Reason: {reason}" if why else ""
    note = f". {reason}" if reason and not why else ""
    words = {
        Phase.MONITORING: "resolved it: impact ended, monitoring for 30 minutes",
        Phase.CLOSED: "closed it",
        Phase.DISMISSED: "dismissed it as a false alarm",
        Phase.REVIEWED: "published the post-mortem",
    }.get(phase, f"moved it to {phase}")
    if old.phase is Phase.CLOSED and phase is Phase.INVESTIGATING:
        words = "reopened it"
    await _add_timeline_entry(
        tx, actor, incident_id, "phase", f"{words}{override}{note}", now, **{"from": old.phase, "to": phase}
    )
    await tx.audit(actor, "incident.phase", old.ref, now, to=phase, forced=bool(why))
    if phase is Phase.CLOSED:
        await tx.emit(IncidentClosed(incident_id), now)
    return await _keep_cadence(tx, new)


async def withdraw_review(tx: Tx, actor: Actor, incident_id: int, now: datetime) -> None:
    """Make a reviewed incident a closed one again, because its post-mortem is a draft again."""
    old = await _locked(tx, incident_id)
    if old.phase is not Phase.REVIEWED:
        return
    await store.change(tx, incident_id, phase=Phase.CLOSED)
    moved = {"from": Phase.REVIEWED, "to": Phase.CLOSED}
    await _add_timeline_entry(tx, actor, incident_id, "phase", "unpublished the post-mortem", now, **moved)
    await tx.audit(actor, "incident.phase", old.ref, now, to=Phase.CLOSED, forced=False)


def _times(old: Incident, phase: Phase, now: datetime) -> dict[str, Any]:
    match phase:
        case Phase.MONITORING:
            return {"impact_end": now, "resolved_at": now, "stable_since": now}
        case Phase.CLOSED | Phase.DISMISSED:
            return {"closed_at": now}
        case Phase.REVIEWED:
            return {}
        case _ if old.phase in (Phase.MONITORING, Phase.CLOSED):
            return {
                "impact_end": None,
                "resolved_at": None,
                "stable_since": None,
                "closed_at": None,
                "reopen_count": old.reopen_count + 1,
            }
        case _:
            return {}


async def _after_move(tx: Tx, actor: Actor, before: Phase, new: Incident, now: datetime) -> None:
    if before is Phase.MONITORING:
        await timers.cancel(tx, STABLE, str(new.id))
    match new.phase:
        case Phase.MONITORING:
            await timers.schedule(tx, STABLE, str(new.id), now + lifecycle.STABLE)
            await paging.resolve_incident_page(
                tx, "incident", new.id, f"{actor.label} resolved {new.ref}.", now
            )
        case Phase.CLOSED | Phase.REVIEWED | Phase.DISMISSED:
            await paging.resolve_incident_page(tx, "incident", new.id, f"{new.ref} was {new.phase}.", now)
        case _ if before not in ACTIVE and new.severity <= 1 and not new.drill:
            await _page(tx, actor, new, (await store.services(tx, [new.id]))[new.id], now)
        case _:
            await paging.extend_ack(tx, "incident", new.id, now)


async def _facts(tx: Tx, found: Incident) -> lifecycle.GuardFacts:
    held = (await store.roles(tx, [found.id]))[found.id]
    linked = await paging.pages_by_id(tx, await store.page_ids(tx, found.id))
    demanding = (PageState.TRIGGERED, PageState.EXHAUSTED, PageState.ACKED)
    return lifecycle.GuardFacts(
        roles=frozenset(a.role for a in held),
        open_pages=tuple(p.ref for p in linked.values() if p.state in demanding),
        mitigation_recorded=await store.has_entry(tx, found.id, "mitigation"),
    )


async def refusals(tx: Tx, found: Incident, now: datetime) -> dict[Phase, str | None]:
    """Return for each phase that may follow why it may not follow now."""
    facts = await _facts(tx, found)
    return {to: lifecycle.refusal(found, to, facts, now) for to in lifecycle.ALLOWED[found.phase]}


async def link_page(tx: Tx, actor: Actor, incident_id: int, page_id: int, now: datetime) -> None:
    """Make a page part of the incident."""
    await _locked(tx, incident_id)
    page = await paging.page(tx, page_id)
    await store.link_page(tx, incident_id, page_id)
    await _add_timeline_entry(
        tx, actor, incident_id, "linked", f"linked {page.ref}: {page.title}", now, page=page_id
    )


async def remind(tx: Tx, ids: Sequence[int], now: datetime) -> set[int]:
    """Say that promised updates are overdue; return the incidents that somebody holds just now."""
    free = await store.lock_free(tx, ids)
    for found in free:
        if found.update_due_at and found.update_due_at <= now and found.phase in OPEN:
            text = "The update is overdue."
            await _add_timeline_entry(tx, SYSTEM, found.id, "check", text, now, check="I-UPDATE")
    return set(ids) - {found.id for found in free}


async def announce_stable(tx: Tx, ids: Sequence[int], now: datetime) -> set[int]:
    """Say that incidents were stable for 30 minutes; return those that somebody holds just now."""
    free = await store.lock_free(tx, ids)
    for found in free:
        since = found.stable_since
        if found.phase is Phase.MONITORING and since and now - since >= lifecycle.STABLE:
            text = "Stable for 30 minutes. It can be closed now."
            await _add_timeline_entry(tx, SYSTEM, found.id, "stable", text, now)
    return set(ids) - {found.id for found in free}
