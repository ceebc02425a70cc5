"""Actions on drills: plan, invite, take part, run the clock, observe, and finish.

The facilitator runs the drill; managers may too. Everything about the clock locks the drill.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from firebell.catalog import actions as catalog
from firebell.drills import (
    fact_queries,
    inject_delivery,
    library,
    major_incident_store,
    notices,
    record_store,
    running,
    store,
    text_limits,
)
from firebell.drills.clock import pauses_until, started_clock
from firebell.drills.library import LibraryScenario
from firebell.drills.model import (
    ANSWERABLE,
    UNDER_WAY,
    Drill,
    DrillKind,
    DrillState,
    ExpectedEvent,
    Inject,
    Record,
    TrayTarget,
)
from firebell.drills.reachable_people import accepted
from firebell.drills.scenario_file import read_scenario
from firebell.drills.shipped_scenarios import scenario_of
from firebell.incidents import actions as incidents
from firebell.incidents.severity import Severity
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Forbidden, Invalid, NotFound
from firebell.kit.text import clean_text, required_text
from firebell.people import actions as people
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb

PLANNED_WITHIN = timedelta(days=366)
PLANNED_SINCE = timedelta(days=1)
TABLETOP_SEVERITY = Severity.SEV2

drills = store.drills
next_planned_for = store.next_planned_for
of_incident = store.of_incident


async def drill(tx: Tx, drill_id: int) -> Drill:
    """Return a drill; raise `NotFound`."""
    if (one := await store.drill(tx, drill_id)) is None:
        raise NotFound(f"There is no DRILL-{drill_id}.", command="firebell drill list")
    return one


async def _locked(tx: Tx, drill_id: int, *states: DrillState) -> Drill:
    """Lock and return a drill; raise `Conflict` unless it is in one of the states."""
    one = await store.lock(tx, drill_id)
    if one is None:
        raise NotFound(f"There is no DRILL-{drill_id}.", command="firebell drill list")
    if one.state not in states:
        raise Conflict(f"{one.ref} is {one.state}.")
    return one


async def chosen_scenario(tx: Tx, slug: str, text: str) -> LibraryScenario:
    """Return a scenario of the library by its slug, or that of a file's text; raise `Invalid` naming lines."""
    if not text.strip():
        scenarios = (await library.library(tx)).scenarios
        if slug not in scenarios:
            names = ", ".join(list(scenarios)[:20])
            raise Invalid("There is no such scenario.", fields={"scenario": f"Use {names}, or paste a file."})
        return scenarios[slug]
    file = read_scenario(text)
    if file.problems:
        lines = [f"Line {each.line}: {each.message} {each.advice}" for each in file.problems[:10]]
        raise Invalid("The scenario file has problems.", fields={"file": " ".join(lines)})
    assert file.scenario is not None  # it has no problems
    return LibraryScenario(file.scenario, text)


@permits(Verb.DRILL_RUN)
async def plan_drill(
    tx: Tx,
    actor: Actor,
    now: datetime,
    *,
    planned_for: datetime,
    scenario: str = "",
    file: str = "",
    title: str = "",
    facilitator_id: int | None = None,
    team_id: int | None = None,
    service_id: int | None = None,
    invited: Collection[int] = (),
) -> Drill:
    """Plan a drill with a scenario of the library or a file, and invite people; they are asked at once.

    Without a service, the one of the scenario is used if there is one of this name.
    """
    chosen = await chosen_scenario(tx, scenario, file)
    read = chosen.scenario
    if not now - PLANNED_SINCE < planned_for < now + PLANNED_WITHIN:
        raise Invalid("The time is too far away.", fields={"planned_for": "Enter a time within a year."})
    facilitator_id = facilitator_id or actor.person_id
    if facilitator_id is None:
        raise Invalid("The facilitator is missing.", fields={"facilitator": "Choose someone."})
    await _active(tx, [facilitator_id], "facilitator")
    if team_id is not None:
        await people.team(tx, team_id)
    if service_id is not None and service_id not in await catalog.services_by_id(tx, [service_id]):
        raise NotFound(f"There is no service {service_id}.")
    if service_id is None and read.services:
        named = await catalog.service_by_name_or_slug(tx, read.services[0])
        service_id = named.id if named else None
    if service_id is not None:
        await catalog.hold_services(tx, [service_id])
    planned = await store.insert(
        tx,
        slug=read.slug,
        title=clean_text(title, 120, "title") or read.title,
        kind=read.kind,
        scenario_text=chosen.text,
        minutes=read.minutes,
        speed=read.speed,
        team_id=team_id,
        service_id=service_id,
        facilitator_id=facilitator_id,
        planned_for=planned_for,
        now=now,
    )
    await tx.audit(
        actor, "drill.planned", planned.ref, now, scenario=read.slug, planned_for=planned_for.isoformat()
    )
    await _invite(tx, planned, invited, now)
    await running.publish(tx, planned)
    return planned


async def _active(tx: Tx, person_ids: Collection[int], field: str) -> None:
    """Raise unless all these people exist and are active."""
    by_id = await people.people_by_id(tx, list(person_ids))
    for person_id in person_ids:
        if person_id not in by_id:
            raise NotFound(f"There is no person {person_id}.")
        if not by_id[person_id].active:
            raise Conflict(f"{by_id[person_id].name} is deactivated.", fields={field: "Choose someone else."})


async def _invite(tx: Tx, planned: Drill, person_ids: Collection[int], now: datetime) -> int:
    ids = set(person_ids)
    if len(ids) > text_limits.PARTICIPANTS_MAX:
        raise Invalid(
            "Too many people are invited.", fields={"people": f"Choose up to {text_limits.PARTICIPANTS_MAX}."}
        )
    await _active(tx, ids, "people")
    added = await record_store.invite(tx, planned.id, ids)
    await notices.invite(tx, planned, added, now)
    return len(added)


@permits(Verb.DRILL_RUN, own="drill.facilitator_id", others=Verb.DRILL_LEAD)
async def invite(tx: Tx, actor: Actor, drill: Drill, person_ids: Collection[int], now: datetime) -> int:
    """Invite people to a drill that is not over, and return how many were not invited before."""
    current = await _locked(tx, drill.id, DrillState.PLANNED, *UNDER_WAY)
    added = await _invite(tx, current, person_ids, now)
    await tx.audit(actor, "drill.invited", current.ref, now, people=len(set(person_ids)))
    await running.publish(tx, current)
    return added


@permits(Verb.DRILL_JOIN)
async def answer_invitation(
    tx: Tx, actor: Actor, drill: Drill, now: datetime, *, accepts: bool, night_ok: bool = False
) -> None:
    """Accept or decline for oneself; `night_ok` also allows pages between 22:00 and 7:00. It can be changed.

    Who was not invited can accept too. A facilitator plays the others, and can't be a player.
    """
    current = await _locked(tx, drill.id, DrillState.PLANNED, *UNDER_WAY)
    if actor.person_id is None:
        raise Forbidden("Only a person can take part in a drill.")
    if accepts and actor.person_id == current.facilitator_id:
        raise Conflict("You are the facilitator of this drill.", hint="Ask someone else to facilitate it.")
    night_ok = night_ok and accepts
    state = "accepted" if accepts else "declined"
    await record_store.answer_invitation(tx, current.id, actor.person_id, state, night_ok)
    audited = "drill.accepted" if accepts else "drill.declined"
    await tx.audit(actor, audited, current.ref, now, night=night_ok)
    await running.publish(tx, current)


@permits(Verb.DRILL_RUN, own="drill.facilitator_id", others=Verb.DRILL_LEAD)
async def cancel_drill(tx: Tx, actor: Actor, drill: Drill, now: datetime) -> Drill:
    """Cancel a planned drill."""
    current = await _locked(tx, drill.id, DrillState.PLANNED)
    canceled = await store.change(tx, current.id, state=DrillState.CANCELED)
    participants = await record_store.participants_of(tx, current.id)
    await tx.audit(actor, "drill.canceled", current.ref, now)
    note = "It sends you nothing more."
    text = f"“{current.title}” is canceled"
    await notices.send(tx, canceled, accepted(participants), "canceled", text, note, now)
    await running.publish(tx, canceled)
    return canceled


@permits(Verb.DRILL_RUN, own="drill.facilitator_id", others=Verb.DRILL_LEAD)
async def start_drill(tx: Tx, actor: Actor, drill: Drill, now: datetime) -> Drill:
    """Start the clock. A tabletop gets its incident now; in a game day, the players declare it.

    Raise `Conflict` while a real SEV0 or SEV1 is open.
    """
    current = await _locked(tx, drill.id, DrillState.PLANNED)
    await _refuse_real_incident(tx)
    current = await store.change(tx, current.id, state=DrillState.RUNNING, started_at=now)
    await tx.audit(actor, "drill.started", current.ref, now)
    if current.kind is DrillKind.TABLETOP:
        incident = await incidents.declare(
            tx, actor, title=current.title, severity=TABLETOP_SEVERITY, drill=True, now=now
        )
        current = await store.change(tx, current.id, incident_id=incident.id)
        await running.set_clock(tx, current, now)
    participants = await record_store.participants_of(tx, current.id)
    await notices.send(
        tx,
        current,
        accepted(participants),
        "started",
        f"“{current.title}” begins",
        "Respond as if it were real. Nothing leaves Firebell.",
        now,
    )
    await running.tick(tx, [current.id], now)
    await running.publish(tx, current)
    return await _reread(tx, current)


async def _reread(tx: Tx, old: Drill) -> Drill:
    current = await store.drill(tx, old.id)
    assert current is not None  # drills are not deleted
    return current


async def _refuse_real_incident(tx: Tx) -> None:
    if await major_incident_store.any_open(tx):
        raise Conflict("A real SEV0 or SEV1 is open.", hint="Resolve it first.")


@permits(Verb.DRILL_RUN, own="drill.facilitator_id", others=Verb.DRILL_LEAD)
async def pause_drill(tx: Tx, actor: Actor, drill: Drill, now: datetime, reason: str = "") -> Drill:
    """Stop the clock."""
    current = await _locked(tx, drill.id, DrillState.RUNNING)
    return await running.pause(tx, actor, current, clean_text(reason, text_limits.REASON_MAX_CHARS), now)


@permits(Verb.DRILL_RUN, own="drill.facilitator_id", others=Verb.DRILL_LEAD)
async def resume_drill(tx: Tx, actor: Actor, drill: Drill, now: datetime) -> Drill:
    """Resume the clock; raise `Conflict` while a real SEV0 or SEV1 is open."""
    current = await _locked(tx, drill.id, DrillState.PAUSED)
    await _refuse_real_incident(tx)
    pauses = pauses_until(current, now)
    current = await store.change(
        tx, current.id, state=DrillState.RUNNING, paused_at=None, pauses=pauses, pause_reason=""
    )
    await running.set_clock(tx, current, now)
    await tx.audit(actor, "drill.resumed", current.ref, now)
    await running.tick(tx, [current.id], now)
    await running.publish(tx, current)
    return await _reread(tx, current)


async def _pick(tx: Tx, current: Drill, record: Record, inject_id: str) -> Inject:
    """Return an inject that is not settled, the next one without an id; raise `NotFound` or `Conflict`."""
    waiting = [inject for _, inject in await fact_queries.waiting_injects(tx, current, record)]
    if not inject_id:
        if not waiting:
            raise Conflict(f"{current.ref} has no more injects.", hint="Finish the drill.")
        return waiting[0]
    inject = scenario_of(current).inject(inject_id)
    if inject is None:
        raise NotFound(f"{current.ref} has no inject {inject_id[:40]}.")
    if inject not in waiting:
        raise Conflict(f"{inject_id} was delivered or skipped already.")
    return inject


@permits(Verb.DRILL_RUN, own="drill.facilitator_id", others=Verb.DRILL_LEAD)
async def deliver_now(tx: Tx, actor: Actor, drill: Drill, now: datetime, inject_id: str = "") -> Drill:
    """Deliver an inject now, without an id the next one. The clock does not jump."""
    current = await _locked(tx, drill.id, DrillState.RUNNING)
    record = await record_store.record(tx, current.id)
    inject = await _pick(tx, current, record, inject_id)
    await inject_delivery.deliver(tx, current, record, inject, now)
    await tx.audit(actor, "drill.delivered", current.ref, now, inject=inject.id)
    await running.reschedule(tx, current, now)
    await running.publish(tx, current)
    return current


@permits(Verb.DRILL_RUN, own="drill.facilitator_id", others=Verb.DRILL_LEAD)
async def skip_inject(tx: Tx, actor: Actor, drill: Drill, now: datetime, inject_id: str = "") -> Drill:
    """Skip an inject, without an id the next one."""
    current = await _locked(tx, drill.id, *UNDER_WAY)
    inject = await _pick(tx, current, await record_store.record(tx, current.id), inject_id)
    elapsed_s = started_clock(current).elapsed_s(now)
    await record_store.settle_inject(tx, current.id, inject.id, skipped=True, at=now, elapsed_s=elapsed_s)
    await tx.audit(actor, "drill.skipped", current.ref, now, inject=inject.id)
    await running.reschedule(tx, current, now)
    await running.publish(tx, current)
    return current


@permits(Verb.DRILL_JOIN)
async def answer_inject(tx: Tx, actor: Actor, drill: Drill, inject_id: str, text: str, now: datetime) -> None:
    """Answer a delivered message or question, as a player, or as the facilitator who heard the answer.

    The first answer counts.
    """
    current = await _locked(tx, drill.id, *UNDER_WAY)
    await _require_part(tx, actor, current)
    inject = scenario_of(current).inject(inject_id)
    if inject is None or inject.kind not in ANSWERABLE:
        raise NotFound(f"{current.ref} has no question {inject_id[:40]}.")
    if actor.person_id == current.facilitator_id:
        answer = clean_text(text, text_limits.ANSWER_MAX_CHARS, "answer")
        person_id = None
    else:
        answer = required_text(
            text, text_limits.ANSWER_MAX_CHARS, name="answer", hint="Enter what you answer."
        )
        person_id = actor.person_id
    elapsed_s = started_clock(current).elapsed_s(now)
    if not await record_store.answer_inject(tx, current.id, inject_id, answer, elapsed_s, person_id):
        raise Conflict(f"{inject_id} is answered, or not delivered yet.")
    await tx.audit(actor, "drill.answered", current.ref, now, inject=inject_id)
    await running.publish(tx, current)


async def _require_part(tx: Tx, actor: Actor, current: Drill) -> None:
    """Raise `Forbidden` unless the actor facilitates the drill or accepted it."""
    participants = await record_store.participants_of(tx, current.id)
    if actor.person_id not in {current.facilitator_id, *accepted(participants)}:
        raise Forbidden("You don’t take part in this drill.", hint="Accept the invitation first.")


@permits(Verb.DRILL_RUN, own="drill.facilitator_id", others=Verb.DRILL_LEAD)
async def add_observation(tx: Tx, actor: Actor, drill: Drill, text: str, now: datetime) -> None:
    """Note what one sees; only facilitators read it before the debrief. Refused once the drill is over."""
    current = await _locked(tx, drill.id, *UNDER_WAY)
    observation = required_text(
        text, text_limits.OBSERVATION_MAX_CHARS, name="observation", hint="Enter what you see."
    )
    if (await record_store.sizes(tx, current.id))[0] >= text_limits.OBSERVATIONS_MAX:
        raise Conflict(f"{current.ref} has {text_limits.OBSERVATIONS_MAX} observations, which is the limit.")
    elapsed_s = started_clock(current).elapsed_s(now)
    await record_store.add_observation(tx, current.id, elapsed_s, actor.label, observation)
    await tx.audit(actor, "drill.observed", current.ref, now)
    await running.publish(tx, current)


@permits(Verb.DRILL_JOIN)
async def post_to_tray(
    tx: Tx, actor: Actor, drill: Drill, target: TrayTarget, text: str, now: datetime
) -> None:
    """Put a text that would leave Firebell into the tray, where it stays."""
    current = await _locked(tx, drill.id, *UNDER_WAY)
    await _require_part(tx, actor, current)
    post = required_text(text, text_limits.TRAY_MAX_CHARS, name="text", hint="Enter what you would send.")
    if (await record_store.sizes(tx, current.id))[1] >= text_limits.TRAY_POSTS_MAX:
        raise Conflict(f"The tray has {text_limits.TRAY_POSTS_MAX} texts, which is the limit.")
    elapsed_s = started_clock(current).elapsed_s(now)
    await record_store.add_tray_post(tx, current.id, elapsed_s, target, post, actor.label, actor.person_id)
    await tx.audit(actor, "drill.tray_post", current.ref, now, target=target)
    await running.publish(tx, current)


@permits(Verb.DRILL_RUN, own="drill.facilitator_id", others=Verb.DRILL_LEAD)
async def decide_expectation(
    tx: Tx, actor: Actor, drill: Drill, expectation_id: str, met: bool, now: datetime
) -> None:
    """Decide an expectation that only a person can observe."""
    current = await _locked(tx, drill.id, *UNDER_WAY)
    observed = [e.id for e in scenario_of(current).expectations if e.event is ExpectedEvent.OBSERVED]
    if expectation_id not in observed:
        raise NotFound(f"{current.ref} has no expectation {expectation_id[:40]} to decide.")
    await record_store.set_verdict(tx, current.id, expectation_id, met)
    await tx.audit(actor, "drill.decided", current.ref, now, expectation=expectation_id, met=met)
    await running.publish(tx, current)


@permits(Verb.DRILL_RUN, own="drill.facilitator_id", others=Verb.DRILL_LEAD)
async def finish_drill(tx: Tx, actor: Actor, drill: Drill, now: datetime) -> Drill:
    """Finish a drill: its pages are resolved, it is scored, and its document is drafted."""
    current = await _locked(tx, drill.id, *UNDER_WAY)
    return await running.end(tx, actor, current, now)
