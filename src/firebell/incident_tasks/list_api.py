"""The API of the ticket queue."""

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import Field

from firebell.incident_tasks import queries
from firebell.incident_tasks.ticket_queue import TicketState
from firebell.kit.web import api
from firebell.kit.web.api import ApiOutput, PageParams
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router("tasks")

Reader = Annotated[Work, work(Verb.INCIDENT_READ)]


class TicketShown(ApiOutput):
    """An open SEV3 incident in the ticket queue."""

    incident: Annotated[str, Field(examples=["INC-3"])]
    title: str
    state: Annotated[TicketState, Field(description="`waiting` until someone has a role in it")]
    services: list[str]
    people: Annotated[list[str], Field(description="the names of those who have a role in it")]
    declared_at: datetime


@router.get("/ticket-queue", summary="List the ticket queue: open SEV3 incidents, oldest first")
async def list_tickets(
    w: Reader,
    pagination: PageParams,
    state: Annotated[TicketState | None, Query(description="only those in this state")] = None,
) -> list[TicketShown]:
    tickets, more = await queries.tickets(w.tx, state, pagination.limit, pagination.before)
    pagination.link_after(more)
    return [
        TicketShown(
            incident=ticket.summary.ref,
            title=ticket.summary.title,
            state=ticket.state,
            services=[service.slug for service in ticket.summary.services],
            people=[name for name, _ in ticket.summary.people],
            declared_at=ticket.summary.declared_at,
        )
        for ticket in tickets
    ]
