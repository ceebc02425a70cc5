"""Runs the steps of a response: pages, briefs, reminders and questions to the commander, once each."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from firebell.catalog import actions as catalog
from firebell.catalog.model import Service
from firebell.incident_tasks import actions as tasks
from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident, IncidentRole
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM, Actor
from firebell.kit.errors import FirebellError
from firebell.kit.jobs import timers
from firebell.kit.truncation import cut
from firebell.notify import actions as notify
from firebell.notify.model import Notice
from firebell.paging import actions as paging
from firebell.paging.model import ManualTarget, ManualTargetKind
from firebell.people import actions as people
from firebell.people.action_permissions import internal
from firebell.response import business_hours, plan, queries, store
from firebell.response.model import (
    ANSWER_WITHIN,
    CHANNEL,
    NEXT_TIER,
    SERVICE_TEAM,
    Audience,
    How,
    ResponseGroup,
    ResponsePage,
    ResponseSettings,
    ResponseStep,
    StepState,
)
from firebell.response.queries import RunningResponse

RESPONSE_TIMER = "response.incident"
ENTRY_KIND = "response"
"""The kind of the timeline entries of this slice."""
TITLE_MAX_BYTES = 200
AGAIN_AFTER_REFUSAL = timedelta(minutes=1)

log = logging.getLogger(__name__)


async def run_responses(tx: Tx, incident_ids: Sequence[int], now: datetime) -> set[int]:
    """Do what is due in these incidents, and schedule what is next; return the incidents that are locked."""
    unlocked = await incidents.lock_free(tx, incident_ids)
    for one in await queries.running(tx, unlocked, now):
        await _run(tx, one, now)
    return set(incident_ids) - {incident.id for incident in unlocked}


async def _run(tx: Tx, one: RunningResponse, now: datetime) -> None:
    refused = False
    for step in one.pending:
        try:
            async with tx.savepoint():
                await _run_step(tx, one, step, now)
        except FirebellError:
            # one step that is refused never keeps the steps after it from running
            log.exception("step %s of %s was refused", step.key, one.incident.ref)
            refused = True
    next_run = [at for at in (next_at(one, now), now + AGAIN_AFTER_REFUSAL if refused else None) if at]
    if next_run:
        await timers.schedule(tx, RESPONSE_TIMER, str(one.incident.id), min(next_run))


async def _run_step(tx: Tx, one: RunningResponse, step: ResponseStep, now: datetime) -> None:
    """Ask about a step or do it, if that is due."""
    state = one.state(step)
    if step.ask_at is None:
        if step.at <= now:
            await act(tx, SYSTEM, one, step, now)
    elif step.ask_at <= now and not _is_asked(step, state):
        await _ask(tx, one, step, state, now)
    elif state.asked_at and answer_until(step, state) <= now:
        await act(tx, SYSTEM, one, step, now)


def _is_asked(step: ResponseStep, state: StepState) -> bool:
    """Return True if the commander was asked since the step was last postponed."""
    return state.asked_at is not None and (state.not_before is None or state.asked_at >= state.not_before)


def answer_until(step: ResponseStep, state: StepState) -> datetime:
    """Return until when a question can be answered: five minutes from when it was really asked."""
    return max(step.at, state.asked_at + ANSWER_WITHIN) if state.asked_at else step.at


def is_asking(one: RunningResponse, step: ResponseStep) -> bool:
    """Return True if the commander was asked about a step and has not answered."""
    return step.ask_at is not None and _is_asked(step, one.state(step))


def next_at(one: RunningResponse, now: datetime) -> datetime | None:
    """Return when the next step of an incident asks or acts, None if none does; one just asked counts from now."""
    instants = [
        at
        for step in one.pending
        for at in (step.ask_at, step.at, step.ask_at and answer_until(step, one.state(step)))
    ]
    # a question that was asked late acts five minutes after it was asked
    instants += (
        [now + ANSWER_WITHIN] if any(step.ask_at and step.ask_at <= now for step in one.pending) else []
    )
    return min((at for at in instants if at and at > now), default=None)


async def _ask(tx: Tx, one: RunningResponse, step: ResponseStep, state: StepState, now: datetime) -> None:
    """Ask the commander, or without one everyone with a role, whether a step may act."""
    await store.save_step(tx, one.incident.id, step.key, replace(state, asked_at=now))
    text = (await queries.names_of(tx, [step])).text(step)
    title = f"{one.incident.ref}: {text}"
    acts = "" if step.how is How.ASK else " Without an answer, Firebell pages the next tier in 5 minutes."
    if step.code == "matrix" and step.how is not How.ASK:
        acts = f" Without an answer, this happens in 5 minutes: {text}."
    note = f"Answer “Escalate now” or “Not yet” in the incident.{acts}"
    deciders, urgency = await _deciders(tx, one.incident), urgency_of(one.incident)
    key = f"ask:{step.key}:{now.isoformat()}"
    await _notify(tx, one.incident, deciders, key, title, note, now, urgency=urgency)
    await tx.live(f"inc-{one.incident.id}")


def urgency_of(incident: Incident) -> str:
    """Return the urgency of a question or reminder: SEV0 and SEV1 break quiet hours."""
    return "high" if incident.severity <= 1 else "low"


async def _deciders(tx: Tx, incident: Incident) -> list[int]:
    """Return the commander, else everyone with a role, else who declared the incident, else fallback responders.

    Viewers aren't asked, because they can't answer.
    If no fallback responder may read a private incident, the managers are asked.
    """
    assignments = (await incidents.roles(tx, [incident.id]))[incident.id]
    commanders = [a.person_id for a in assignments if a.role is IncidentRole.COMMANDER]
    declared_by = [incident.declared_by] if incident.declared_by else []
    for ids in (commanders, [a.person_id for a in assignments], declared_by):
        known = await people.people_by_id(tx, ids)
        can_answer = {i for i, person in known.items() if person.active and incidents.can_hold_roles(person)}
        if can_answer:
            return [i for i in dict.fromkeys(ids) if i in can_answer]
    return await incidents.readers_or_managers(tx, incident, await people.fallback_responders(tx))


async def _notify(
    tx: Tx,
    incident: Incident,
    person_ids: Sequence[int],
    key: str,
    title: str,
    note: str,
    now: datetime,
    urgency: str = "high",
) -> None:
    notices = [
        Notice(
            key=f"response:{incident.id}:{key}:{person_id}",
            person_id=person_id,
            kind="response",
            title=title,
            note=note,
            link=f"/incidents/{incident.ref}",
            urgency=urgency,
            # what is queued about a private incident doesn't name it
            incident_id=0 if incident.is_private else incident.id,
        )
        for person_id in person_ids
    ]
    await notify.send_notices(tx, notices, now)


@internal("Called when a step is due or answered.")
async def act(
    tx: Tx, actor: Actor, one: RunningResponse, step: ResponseStep, now: datetime, reason: str = ""
) -> None:
    """Do a step now and record it; a step acts once."""
    incident, state = one.incident, one.state(step)
    done = replace(state, acted_at=now, actor=actor.label, reason=reason)
    await store.save_step(tx, incident.id, step.key, done)
    match step.how:
        case How.PAGE if step.who == NEXT_TIER:
            await _page_next_tier(tx, actor, one, step, now)
        case How.PAGE:
            await _page(tx, actor, one, step, now)
        case How.BRIEF:
            await _brief(tx, one, step, now)
        case How.POST:
            await _post(tx, actor, one, step, now)
        case How.TASK | How.QUEUE:
            await _queue(tx, one, step, now)
        case How.REMIND:
            await _remind(tx, one, step, now)
        case How.ASK:
            await _entry(tx, actor, incident, f"No answer: {step.text}.", step, now)
    await tx.live(f"inc-{incident.id}")


async def _entry(
    tx: Tx, actor: Actor, incident: Incident, text: str, step: ResponseStep, now: datetime
) -> None:
    data = {"step": step.key, "code": step.code}
    await incidents.record_entry(tx, actor, incident.id, ENTRY_KIND, _sentence(actor, text), data, now)


def _sentence(actor: Actor, text: str) -> str:
    """Return what an entry says: after the name of a person, or as a sentence of Firebell."""
    return text[0].upper() + text[1:] if actor is SYSTEM else text


def _reason(step: ResponseStep) -> str:
    """Return why a step pages."""
    return "Escalation matrix" if step.code == "matrix" else step.text


def _public_title(incident: Incident) -> str:
    """Return the title that people may see who are not involved yet."""
    return "a private incident" if incident.is_private else incident.title


def manual_target(target: str) -> ManualTarget:
    """Return a stored target such as schedule:3 as the target of a page."""
    kind, _, target_id = target.partition(":")
    return ManualTarget(ManualTargetKind(kind), int(target_id))


@dataclass(frozen=True, slots=True)
class _Reached:
    """A target, whom it reaches now, and who of them was not paged by this incident yet."""

    target: ManualTarget
    reached: list[int]
    new: list[int]


async def _reached(
    tx: Tx, incident: Incident, targets: Sequence[ManualTarget], now: datetime
) -> list[_Reached]:
    paged = await paged_people(tx, incident.id, now)
    results = []
    for target, reached in zip(targets, await paging.reachable(tx, targets, now), strict=True):
        results.append(_Reached(target, reached, [i for i in reached if i not in paged]))
        paged |= set(reached)
    return results


async def paged_people(tx: Tx, incident_id: int, now: datetime) -> set[int]:
    """Return everyone whom this incident has paged since it was last reopened: by its own page and its response."""
    response_pages = {page.page_id: page for page in await store.pages(tx, incident_id)}
    responses = await store.responses(tx, [incident_id])
    reopened_at = responses[incident_id].reopened_at if incident_id in responses else None
    linked = await paging.pages_by_id(tx, await incidents.page_ids(tx, incident_id))
    counted = [
        page.id
        for page in linked.values()
        if (page.id in response_pages or (page.subject_kind, page.subject_id) == ("incident", incident_id))
        and (reopened_at is None or page.triggered_at >= reopened_at)
    ]
    paged = await paging.people_paged(tx, counted, now)
    return paged | {
        i for page_id in counted if page_id in response_pages for i in response_pages[page_id].person_ids
    }


async def _page(tx: Tx, actor: Actor, one: RunningResponse, step: ResponseStep, now: datetime) -> None:
    """Page those whom a step names and whom this incident has not paged; the commander's targets always once."""
    targets = [manual_target(target) for target in await _targets(tx, one, step.who)]
    if not targets:
        return
    earlier = [] if one.response.reopened_at else await store.pages(tx, one.incident.id)
    already = {page.target for page in earlier}
    is_anyone_reached = False
    for each in await _reached(tx, one.incident, targets, now):
        is_anyone_reached |= bool(each.reached)
        key = f"{each.target.kind}:{each.target.id}"
        is_commander = step.who == ResponseGroup.COMMANDER and key not in already
        await _page_new(tx, actor, one, step, each, now, is_whole=is_commander)
    if not is_anyone_reached:
        text = f"No one of {plan.who_name(step.who)} can be reached, so no one was paged."
        await _entry(tx, SYSTEM, one.incident, text, step, now)
        title = f"{one.incident.ref}: {step.text} failed"
        fallback = await people.fallback_responders(tx)
        recipients = await incidents.readers_or_managers(tx, one.incident, fallback)
        await _notify(tx, one.incident, recipients, f"unreached:{step.key}", title, text, now)


async def _page_new(
    tx: Tx,
    actor: Actor,
    one: RunningResponse,
    step: ResponseStep,
    each: _Reached,
    now: datetime,
    *,
    is_whole: bool = False,
) -> None:
    """Page a target if all whom it reaches are new, or with `is_whole`; else page each new person."""
    if each.reached and (is_whole or each.new == each.reached):
        await _open(tx, actor, one, step, each.target, each.reached, now)
        return
    for person_id in each.new:
        await _open(tx, actor, one, step, ManualTarget(ManualTargetKind.PERSON, person_id), [person_id], now)


async def _targets(tx: Tx, one: RunningResponse, who: str) -> Sequence[str]:
    if who != SERVICE_TEAM:
        return plan.targets(one.settings, who)
    service = await first_service(tx, one.incident.id)
    return [f"team:{service.team_id}"] if service else []


async def first_service(tx: Tx, incident_id: int) -> Service | None:
    """Return the service whose policy an incident pages, None without services."""
    service_ids = (await incidents.services(tx, [incident_id]))[incident_id]
    services = await catalog.services_by_id(tx, service_ids)
    return next((services[i] for i in service_ids if i in services), None)


async def _open(
    tx: Tx,
    actor: Actor,
    one: RunningResponse,
    step: ResponseStep,
    target: ManualTarget,
    person_ids: Sequence[int],
    now: datetime,
) -> None:
    """Open a page of the response, and link it."""
    incident = one.incident
    role = (
        "commander" if step.who == ResponseGroup.COMMANDER else plan.function_name(one.settings, step).lower()
    )
    purpose = f" ({role})" if role else ""
    text = cut(f"{incident.ref} SEV{incident.severity}{purpose}: {_public_title(incident)}", TITLE_MAX_BYTES)
    page = await paging.start_response_page(tx, actor, target, text, now, incident.id)
    key = f"{target.kind}:{target.id}"
    await store.add_page(tx, incident.id, ResponsePage(page.id, step.who, key, tuple(person_ids)))
    names = await people.people_by_id(tx, person_ids)
    listed = ", ".join(names[i].name for i in person_ids if i in names)
    why = "" if step.code == "declared" else f" Reason: {_reason(step)}."
    entry = f"paged {listed} for {incident.ref} ({page.ref}).{why}"
    await incidents.attach_page(tx, incident, page.id, now, is_new=True)
    sentence = _sentence(actor, entry)
    await incidents.record_entry(tx, actor, incident.id, "paged", sentence, {"page": page.id}, now)


async def _page_next_tier(
    tx: Tx, actor: Actor, one: RunningResponse, step: ResponseStep, now: datetime
) -> None:
    """Page the first tier that has anyone whom this incident has not paged; tell the deciders if there is none."""
    for tier, targets in await tiers(tx, one.settings, one.incident, now):
        fresh = [each for each in await _reached(tx, one.incident, targets, now) if each.new]
        for each in fresh:
            await _page_new(tx, actor, one, step, each, now)
        if fresh:
            await _entry(tx, actor, one.incident, f"escalated to {tier}: {_reason(step)}.", step, now)
            return
    text = f"{_reason(step)}. Everyone of all tiers was already paged."
    await _entry(tx, SYSTEM, one.incident, text, step, now)
    deciders = await _deciders(tx, one.incident)
    await _notify(
        tx, one.incident, deciders, f"act:{step.key}", f"{one.incident.ref}: {step.text}", text, now
    )


async def tiers(
    tx: Tx, in_force: ResponseSettings, incident: Incident, now: datetime
) -> list[tuple[str, list[ManualTarget]]]:
    """Return the tiers of an escalation in order: levels of the service's policy, managers, executives.

    The levels are those whose conditions a page of the incident meets now.
    """
    service = await first_service(tx, incident.id)
    chain: list[tuple[str, list[ManualTarget]]] = []
    if service and service.policy_id:
        levels = await paging.level_targets(tx, service.policy_id, incident.severity, now)
        chain = [(f"level {number}", targets) for number, targets in levels]
    chain += [
        (plan.who_name(group), [manual_target(t) for t in plan.targets(in_force, group)])
        for group in (ResponseGroup.MANAGERS, ResponseGroup.EXECUTIVES)
    ]
    return [(name, targets) for name, targets in chain if targets]


async def _brief(tx: Tx, one: RunningResponse, step: ResponseStep, now: datetime) -> None:
    """Send a message that needs no acknowledgment to those whom a step names."""
    targets = [manual_target(target) for target in await _targets(tx, one, step.who)]
    if not targets:
        return
    reached = {i for ids in await paging.reachable(tx, targets, now) for i in ids}
    incident = one.incident
    title = f"{incident.ref} SEV{incident.severity}: {_public_title(incident)}"
    note = incident.summary or "See the incident for what is known."
    if incident.is_private:
        note = "Only those involved and managers can see it."
    await _notify(tx, incident, sorted(reached), f"brief:{step.key}", title, note, now, urgency="low")
    names = await people.people_by_id(tx, sorted(reached))
    listed = ", ".join(sorted(person.name for person in names.values()))
    if listed:
        await _entry(tx, SYSTEM, incident, f"Briefed {listed}.", step, now)


async def _post(tx: Tx, actor: Actor, one: RunningResponse, step: ResponseStep, now: datetime) -> None:
    """Ask for a message in a channel of a chat, which the chat sends; never about a private incident."""
    names = await queries.names_of(tx, [step])
    label = names.label(step.who)
    if one.incident.is_private:
        text = f"Nothing was posted in {label}: the incident is private."
        await _entry(tx, SYSTEM, one.incident, text, step, now)
        return
    if step.who not in names.known:
        text = f"{label} is not a channel of a connected chat, so nothing was posted there."
        await _entry(tx, SYSTEM, one.incident, text, step, now)
        deciders = await _deciders(tx, one.incident)
        title = f"{one.incident.ref}: a post of the escalation matrix failed"
        await _notify(tx, one.incident, deciders, f"unposted:{step.key}", title, text, now)
        return
    account_id, _, channel = step.who.removeprefix(f"{CHANNEL}:").partition("/")
    row = plan.function_name(one.settings, step)
    await store.add_post(tx, one.incident.id, int(account_id), channel, f"Escalation matrix: {row}", now)
    await _entry(tx, actor, one.incident, f"posted in {label}: {row}.", step, now)


async def _queue(tx: Tx, one: RunningResponse, step: ResponseStep, now: datetime) -> None:
    """Record that an incident waits in the queue, or add its task, or remind the team of it when it is due."""
    if step.how is How.QUEUE:
        await _entry(tx, SYSTEM, one.incident, "Added to the SEV3 queue.", step, now)
        return
    if step.key == plan.ADD_TASK:
        due_at = business_hours.next_business_day_end(one.settings.hours, one.incident.declared_at)
        text = f"Respond to SEV{one.incident.severity} {one.incident.ref}"
        await tasks.add_response_task(tx, SYSTEM, one.incident.id, text, due_at, now)
        return
    assignments = (await incidents.roles(tx, [one.incident.id]))[one.incident.id]
    ids = [a.person_id for a in assignments]
    if not ids:
        targets = [manual_target(target) for target in await _targets(tx, one, SERVICE_TEAM)]
        ids = [i for reached in await paging.reachable(tx, targets, now) for i in reached] if targets else []
    ids = ids or await _deciders(tx, one.incident)
    title = f"{one.incident.ref} is due today: {_public_title(one.incident)}"
    await _notify(
        tx,
        one.incident,
        list(dict.fromkeys(ids)),
        f"task:{step.key}",
        title,
        "Work on it, or close it.",
        now,
        urgency="low",
    )
    await _entry(tx, SYSTEM, one.incident, "Due today: reminded the team.", step, now)


async def _remind(tx: Tx, one: RunningResponse, step: ResponseStep, now: datetime) -> None:
    """Remind the comms lead of a customer update, else who decides of an update."""
    assignments = (await incidents.roles(tx, [one.incident.id]))[one.incident.id]
    comms = [a.person_id for a in assignments if a.role is IncidentRole.COMMS]
    ids = (comms if step.who == Audience.CUSTOMERS else []) or await _deciders(tx, one.incident)
    title = f"{one.incident.ref}: {step.text}"
    note = "Post an update, or that nothing changed."
    await _notify(tx, one.incident, ids, step.key, title, note, now, urgency=urgency_of(one.incident))
