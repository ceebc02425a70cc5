"""Run drills under way: the clock that delivers injects, the end, and the pause for a real incident."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from firebell.drills import (
    debrief,
    fact_queries,
    inject_delivery,
    major_incident_store,
    notices,
    record_store,
    store,
)
from firebell.drills.clock import clock_of, pauses_until, started_clock
from firebell.drills.model import UNDER_WAY, Drill, DrillState, Record
from firebell.drills.reachable_people import accepted
from firebell.incidents import actions as incidents
from firebell.kit import private_reader
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM, Actor
from firebell.kit.jobs import timers
from firebell.paging import actions as paging
from firebell.people.action_permissions import internal

CLOCK_TIMER = "drills.clock"
REMINDER_TIMER = "drills.reminder"
WATCH_EVERY = timedelta(seconds=10)
"""How often a running drill looks whether an inject that waits for the players is due."""
LONGEST = timedelta(hours=24)
"""A drill that no one finished ends by itself so long after its start, pauses included."""
REMIND_AFTER = timedelta(days=30)


async def reschedule(tx: Tx, drill: Drill, now: datetime) -> None:
    """Set the timer of a drill to its next inject, or to when it ends by itself."""
    clock = clock_of(drill)
    if clock is None or drill.state not in UNDER_WAY:
        await timers.cancel(tx, CLOCK_TIMER, str(drill.id))
        return
    at = clock.started_at + LONGEST
    if drill.state is DrillState.RUNNING:
        record = await record_store.record(tx, drill.id)
        for due_s, _ in await fact_queries.waiting_injects(tx, drill, record):
            instant = now + WATCH_EVERY if due_s is None else clock.instant(due_s)
            at = min(at, max(instant or at, now))
    await timers.schedule(tx, CLOCK_TIMER, str(drill.id), at)


async def set_clock(tx: Tx, drill: Drill, now: datetime) -> None:
    """Let the deadlines of the drill's incident follow the clock of the drill."""
    clock = clock_of(drill)
    if clock is not None and drill.incident_id is not None:
        await incidents.set_drill_clock(tx, drill.incident_id, clock, now)


async def tick(tx: Tx, ids: Sequence[int], now: datetime) -> set[int]:
    """Deliver the injects that are due, and end what ran too long; return the drills that are locked."""
    unlocked = await store.lock_free(tx, ids)
    for drill in unlocked:
        clock = clock_of(drill)
        if clock is None:
            continue
        if drill.state is DrillState.RUNNING:
            await _deliver_due(tx, drill, now)
        if drill.state in UNDER_WAY and now >= clock.started_at + LONGEST:
            await end(tx, SYSTEM, drill, now)
        else:
            await reschedule(tx, drill, now)
    locked = set(ids) - {drill.id for drill in unlocked}
    return locked & await store.existing_ids(tx, list(locked)) if locked else set()


async def _deliver_due(tx: Tx, drill: Drill, now: datetime) -> None:
    elapsed_s = started_clock(drill).elapsed_s(now)
    record = await record_store.record(tx, drill.id)
    for due_s, inject in await fact_queries.waiting_injects(tx, drill, record):
        if due_s is not None and due_s <= elapsed_s:
            await inject_delivery.deliver(tx, drill, record, inject, now)
            record = await record_store.record(tx, drill.id)
            await publish(tx, drill)


async def publish(tx: Tx, drill: Drill) -> None:
    """Refresh the screens that show the drill."""
    await tx.live("drills")
    await tx.live(f"drill-{drill.id}")


@internal("Called when the facilitator finishes a drill or its time is up.")
async def end(tx: Tx, actor: Actor, drill: Drill, now: datetime) -> Drill:
    """Finish a locked drill: resolve its pages, score it, note who took part, and draft its document."""
    drill = await store.change(
        tx,
        drill.id,
        state=DrillState.FINISHED,
        paused_at=None,
        pauses=pauses_until(drill, now),
        finished_at=now,
        pause_reason="",
    )
    await set_clock(tx, drill, now)
    record = await record_store.record(tx, drill.id)
    await _resolve_pages(tx, drill, record, now)
    entries = await fact_queries.timeline_of(tx, drill)
    with private_reader.as_reader(None):  # also an incident that the players keep private
        incident = await incidents.incident(tx, drill.incident_id) if drill.incident_id else None
        scored = await fact_queries.scored(tx, drill, record, incident, entries, now)
    results: list[dict[str, Any]] = [asdict(result) for result in scored.score.results]
    drill = await store.change(
        tx,
        drill.id,
        earned=scored.score.earned,
        possible=scored.score.possible,
        results=results,
        findings=[
            {"code": f.code, "level": f.level, "message": f.message, "advice": f.advice}
            for f in scored.findings
        ],
    )
    took_part = await fact_queries.people_who_took_part(tx, record, entries)
    await record_store.set_attended(tx, drill.id, took_part & accepted(record.participants))
    await timers.cancel(tx, CLOCK_TIMER, str(drill.id))
    await tx.audit(actor, "drill.finished", drill.ref, now, score=drill.score)
    await debrief.draft_document(tx, actor, drill, record, now)
    await publish(tx, drill)
    return drill


async def _resolve_pages(tx: Tx, drill: Drill, record: Record, now: datetime) -> None:
    """Resolve the pages of the scenario, of the drill's incident and of its players; a real page stays open."""
    page_ids = {each.page_id for each in record.delivered if each.page_id}
    if drill.incident_id is not None:
        page_ids.update(await incidents.page_ids(tx, drill.incident_id))
    pages = (await paging.pages_by_id(tx, sorted(page_ids))).values()
    # pages of alerts aren't part of a drill, and a linked page of a test alert is marked as a drill too
    own = [page.id for page in pages if page.plan.is_drill and page.subject_kind != "group"]
    await paging.resolve_each(tx, SYSTEM, own, now)


@internal("A real SEV0 or SEV1 pauses every drill.")
async def pause_for_real_incident(tx: Tx, payload: dict[str, Any], now: datetime) -> None:
    """Pause all running drills if the incident of the event is a real SEV0 or SEV1 that is open. Idempotent."""
    if not await major_incident_store.is_open(tx, payload["incident_id"]):
        return
    for drill in await store.lock_running(tx):
        await pause(tx, SYSTEM, drill, "A real SEV0 or SEV1 is open.", now)
        participants = await record_store.participants_of(tx, drill.id)
        recipients = {*accepted(participants), drill.facilitator_id}
        text = f"“{drill.title}” is paused, because of a real incident"
        note = "Stop the drill. Help with the real incident if you are asked."
        mark = f"paused:{now.isoformat()}"
        await notices.send(tx, drill, recipients, mark, text, note, now, urgency="high")


@internal("Called when the facilitator or a real incident pauses a drill.")
async def pause(tx: Tx, actor: Actor, drill: Drill, reason: str, now: datetime) -> Drill:
    """Pause a locked, running drill: its clock stops."""
    drill = await store.change(tx, drill.id, state=DrillState.PAUSED, paused_at=now, pause_reason=reason)
    await set_clock(tx, drill, now)
    await tx.audit(actor, "drill.paused", drill.ref, now, reason=reason)
    await reschedule(tx, drill, now)
    await publish(tx, drill)
    return drill


async def remind(tx: Tx, now: datetime) -> None:
    """Remind the managers once a month if no drill was held for 30 days and none is planned."""
    if await store.lacks_practice(tx, now - REMIND_AFTER):
        await notices.remind_managers(tx, f"{now:%Y-%m}", now)
