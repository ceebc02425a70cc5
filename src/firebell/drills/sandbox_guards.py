"""What keeps a drill in its sandbox: reactions to what players do in its incident (spec 11.15)."""

from datetime import datetime

from firebell.drills import fact_queries, reachable_people, record_store, running, store
from firebell.drills.model import UNDER_WAY, Drill, DrillKind
from firebell.drills.shipped_scenarios import scenario_of
from firebell.incidents import actions as incidents
from firebell.incidents.model import DrillPaged, IncidentDeclared, RoleChanged
from firebell.kit.db.database import Tx
from firebell.kit.errors import Conflict
from firebell.paging import actions as paging
from firebell.paging.model import ManualPageStarted
from firebell.people import actions as people
from firebell.people.model import PersonLeft
from firebell.runbooks.model import RUN_STARTED, RunbookStepped
from firebell.runbooks.runs import actions as runs
from firebell.runbooks.runs.model import RunKind


async def _allowed(tx: Tx, drill: Drill, now: datetime) -> set[int]:
    """Return whom a page of the drill may reach now; no one once it is over."""
    if drill.finished_at is not None:
        return set()
    return await fact_queries.reachable_now(tx, await record_store.participants_of(tx, drill.id), now)


async def attach_incident(tx: Tx, event: IncidentDeclared, now: datetime) -> None:
    """Attach the drill incident that a player or facilitator declares to their game day, if it has none yet.

    A tabletop declares its own.
    """
    if not event.drill:
        return
    waiting = [drill for drill in await store.under_way(tx) if drill.incident_id is None]
    if any(drill.kind is DrillKind.TABLETOP for drill in waiting):
        return  # one starts in this transaction, and the incident is its own
    incident = await incidents.incident(tx, event.incident_id)
    participants = await record_store.participants(tx, [drill.id for drill in waiting])
    for drill in waiting:
        if incident.declared_by not in {
            drill.facilitator_id,
            *reachable_people.accepted(participants[drill.id]),
        }:
            continue
        locked = await store.lock(tx, drill.id)
        if locked is not None and locked.incident_id is None and locked.state in UNDER_WAY:
            locked = await store.change(tx, drill.id, incident_id=incident.id)
            await running.set_clock(tx, locked, now)
            await running.publish(tx, drill)
            return


async def confine_page(tx: Tx, event: ManualPageStarted, now: datetime) -> None:
    """Let a page that someone starts in the incident of a drill reach only its volunteers.

    Raise `Conflict` if it would reach none of them.
    """
    drill = await store.of_incident(tx, event.incident_id)
    if drill is None:
        return
    if not await paging.confine_to_drill(tx, event.page_id, await _allowed(tx, drill, now), now):
        raise Conflict(
            f"{event.target_name} can’t be paged in {drill.ref}.",
            hint="Only people who accepted the drill can be paged, at night only with their consent.",
            fields={"target": "Choose someone who takes part in the drill."},
        )


async def confine_incident_page(tx: Tx, event: DrillPaged, now: datetime) -> None:
    """Let the page of a drill's incident reach only its volunteers; without any, it reaches no one."""
    if drill := await store.of_incident(tx, event.incident_id):
        await paging.confine_to_drill(tx, event.page_id, await _allowed(tx, drill, now), now)


async def refuse_outsiders(tx: Tx, event: RoleChanged, now: datetime) -> None:
    """Raise `Conflict` if someone gets a role in a drill that they did not accept."""
    if event.change != "assigned" or not (drill := await store.of_incident(tx, event.incident_id)):
        return
    participants = await record_store.participants_of(tx, drill.id)
    if event.person_id not in {drill.facilitator_id, *reachable_people.accepted(participants)}:
        person = await people.person(tx, event.person_id)
        raise Conflict(
            f"{person.name} did not accept {drill.ref}.",
            fields={"person": "Choose someone who takes part in the drill."},
        )


async def refuse_commands(tx: Tx, event: RunbookStepped, now: datetime) -> None:
    """Raise `Conflict` if a terminal begins to run commands in a drill whose scenario allows none."""
    if event.kind != RUN_STARTED or event.is_dry or event.incident_id is None:
        return
    drill = await store.of_incident(tx, event.incident_id)
    if drill is None or scenario_of(drill).allow_commands:
        return
    run = await runs.find(tx, event.run_id)
    if run is not None and run.kind is RunKind.CLI:
        raise Conflict(
            f"{drill.ref} allows no commands.", hint="Run it with --dry-run, or set allow_commands: true."
        )


async def decline_for_leaver(tx: Tx, event: PersonLeft, now: datetime) -> None:
    """Take a person who left out of all drills that are not over."""
    await record_store.leave(tx, event.person_id)
