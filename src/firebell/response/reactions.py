"""How a response follows its incident: reactions to what is declared, written, decided and ended."""

from datetime import datetime

from firebell.incident_tasks import actions as tasks
from firebell.incident_tasks.model import TaskState
from firebell.incidents import actions as incidents
from firebell.incidents.model import (
    ACTIVE,
    OPEN,
    EntryAdded,
    IncidentDeclared,
    IncidentMerged,
    IncidentRole,
    PhaseChanged,
    RoleChanged,
    SeverityChanged,
    SeverityConfirmed,
)
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM
from firebell.kit.jobs import timers
from firebell.paging import actions as paging
from firebell.paging.model import PageState
from firebell.response import plan, queries, store
from firebell.response.running_steps import RESPONSE_TIMER


async def begin_response(tx: Tx, event: IncidentDeclared, now: datetime) -> None:
    """Start the response of a declared incident in the version that is in force; a drill has none."""
    if event.drill:
        return
    in_force, _ = await queries.settings(tx)
    await store.begin(tx, event.incident_id, in_force.version, provisional=event.provisional)
    await timers.schedule(tx, RESPONSE_TIMER, str(event.incident_id), now)


async def join_levels_off_hours(tx: Tx, event: EntryAdded, now: datetime) -> None:
    """Off-hours, page the first two levels of the incident's own page together, in the transaction that starts it.

    Any other entry checks the steps of its incident again.
    """
    one = await store.responses(tx, [event.incident_id])
    if not one:
        return
    await timers.schedule(tx, RESPONSE_TIMER, str(event.incident_id), now)
    if event.kind != "paged":
        return
    incident = await incidents.incident(tx, event.incident_id)
    in_force = (await queries.settings_of(tx, [one[incident.id].version]))[one[incident.id].version]
    if not plan.off_hours(in_force, incident.severity, now):
        return
    newest = await paging.page(tx, (await incidents.page_ids(tx, incident.id))[-1])
    if (newest.subject_kind, newest.subject_id) == ("incident", incident.id):
        await paging.join_first_levels(tx, newest.id, now)


async def merge_requests(tx: Tx, event: IncidentMerged, now: datetime) -> None:
    """Let the requests for expertise that no one answered go on in the incident that goes on."""
    await store.move_open_requests(tx, event.incident_id, event.into_id)


async def follow_severity(tx: Tx, event: SeverityChanged, now: datetime) -> None:
    """A change of the severity confirms it, and ends what was promised to customers."""
    await store.confirm(tx, event.incident_id, now)
    if one := (await store.responses(tx, [event.incident_id])).get(event.incident_id):
        await store.set_customers(tx, event.incident_id, one.customers_at, None)


async def follow_confirmation(tx: Tx, event: SeverityConfirmed, now: datetime) -> None:
    """Page executives now: the severity is confirmed."""
    await store.confirm(tx, event.incident_id, now)


async def follow_role(tx: Tx, event: RoleChanged, now: datetime) -> None:
    """An expert who joins answers the open requests for expertise; who takes a role has the task of a SEV2."""
    if event.change == "assigned":
        await tasks.assign_response_task(tx, event.incident_id, event.person_id)
    if (event.role, event.change) == (IncidentRole.SME, "assigned"):
        await store.answer_requests(tx, event.incident_id, now)


async def follow_phase(tx: Tx, event: PhaseChanged, now: datetime) -> None:
    """Resolve the pages of a response when the impact ended; after a regression, everyone can be paged again.

    The task of a SEV2 ends with its incident.
    """
    if event.after in ACTIVE:
        if event.before not in ACTIVE:
            await store.reopen(tx, event.incident_id, now)
            await tasks.set_response_task_state(tx, event.incident_id, TaskState.OPEN, now)
        return
    if event.after not in OPEN:
        await tasks.set_response_task_state(tx, event.incident_id, TaskState.DONE, now)
    page_ids = [page.page_id for page in await store.pages(tx, event.incident_id)]
    pages = await paging.pages_by_id(tx, page_ids)
    for page_id in sorted(pages):
        if pages[page_id].state is not PageState.RESOLVED:
            await paging.resolve(tx, SYSTEM, page_id, now)
