"""The list of unfinished tasks of all incidents, and the ticket queue."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Response

from firebell.incident_tasks import queries
from firebell.incident_tasks.queries import Scope
from firebell.incident_tasks.ticket_queue import STATE_NAMES, TicketState
from firebell.kit.db.database import Tx
from firebell.kit.references import parse_ref
from firebell.kit.text import to_id
from firebell.kit.web import html, routing
from firebell.people import actions as people
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.queries import choosable
from firebell.people.unit_of_work import CurrentVisit

router = routing.html_router()

LISTED = 50
"""Number of tasks or tickets on one screen."""
QUEUE = "queue"
TABS = {Scope.MINE: "Mine", Scope.TEAM: "My teams", Scope.ALL: "All", QUEUE: "Ticket queue"}


@dataclass(frozen=True, slots=True)
class Address:
    """The tab and the filters of the list, as parts of addresses."""

    show: str
    filters: Mapping[str, str]

    def url(self, **changes: Any) -> str:
        """Return the address with changed parameters; blank ones are left out."""
        return html.address("/tasks", **{"show": self.show, **self.filters, **changes})


async def _owners(tx: Tx, person_id: int) -> list[tuple[str, str]]:
    """Return the email addresses and names that the form for an owner suggests."""
    choice = await choosable(tx, [person_id])
    people_by_id = await people.people_by_id(tx, [i for i, _ in choice.options])
    return [(people_by_id[i].email, label) for i, label in choice.options]


@router.get("/tasks", dependencies=route_access.needs(Verb.INCIDENT_READ))
async def tasks(
    visit: CurrentVisit,
    show: str = Scope.MINE,
    overdue: str = "",
    incident: str = "",
    state: str = "",
    after: str = "",
) -> Response:
    show = show if show in TABS else Scope.MINE
    tx, me = visit.tx, visit.person.id
    counts = {scope: await queries.count(tx, queries.filter_of(scope, me)) for scope in Scope}
    context: dict[str, Any] = {
        "nav": "tasks",
        "live": "incidents",
        "tab": show,
        "tabs": TABS,
        "totals": {**counts, QUEUE: await queries.waiting_tickets(tx)},
    }
    if show == QUEUE:
        chosen = TicketState(state) if state in list(TicketState) else None
        address = Address(show, {"state": chosen or ""})
        tickets, more = await queries.tickets(tx, chosen, LISTED, to_id(after))
        context |= {"tickets": tickets, "states": STATE_NAMES, "state": chosen}
    else:
        incident_id = parse_ref("INC", incident) if incident else None
        address = Address(show, {"overdue": overdue and "1", "incident": incident})
        wanted = queries.filter_of(
            Scope(show), me, overdue_at=visit.now if overdue else None, incident_id=incident_id
        )
        listed = await queries.due_next(tx, wanted, LISTED + 1, to_id(after))
        more = listed[LISTED - 1].task.id if len(listed) > LISTED else None
        context |= {
            "listed": listed[:LISTED],
            "overdue": bool(overdue),
            "incident": incident,
            "owners": await _owners(tx, me),
        }
    context |= {"address": address, "older": address.url(after=more) if more else ""}
    return await html.render(visit.request, "incident_tasks/tasks.html", context)
