"""The unit of work of a request: authorized first, then one transaction, one actor and one instant.

The transaction commits before the response starts and rolls back on any error, so a success is always stored.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request
from fastapi.params import Depends as Needed
from starlette.datastructures import FormData

from firebell.kit.context import Context
from firebell.kit.db.database import Reads, Tx
from firebell.kit.db.events import Actor
from firebell.kit.localtime import to_instant
from firebell.kit.text import to_wall
from firebell.kit.web import html, transaction
from firebell.people import authentication, route_access, submitted_form_store
from firebell.people.authentication import Caller
from firebell.people.model import Person
from firebell.people.permissions import Rights, Verb
from firebell.people.route_access import may


@dataclass(frozen=True, slots=True)
class Reading:
    """A read-only API request: a connection without a transaction, the caller, and the request's instant."""

    ctx: Context
    tx: Reads
    caller: Caller
    now: datetime

    @property
    def actor(self) -> Actor:
        """The actor for entries in the audit log and in timelines."""
        return self.caller.actor

    @property
    def person_id(self) -> int:
        """The id of the person who calls, or who owns the key."""
        return self.caller.person_id

    @property
    def rights(self) -> Rights:
        """The rights in force for this request."""
        return self.caller.rights

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes in force for this request."""
        return self.caller.scopes


@dataclass(frozen=True, slots=True)
class Work(Reading):
    """An API request in its transaction: the actor and the request's instant."""

    tx: Tx


def work(verb: Verb) -> Needed:
    """Return the dependency of an API route: its `Work`, for a caller who may do the verb."""

    async def authorized_work(request: Request, caller: Annotated[Caller, may(verb)]) -> AsyncIterator[Work]:
        async with transaction.opened(request) as (tx, now):
            yield Work(html.ctx(request), tx, caller, now)

    needed: Needed = Depends(authorized_work, scope="function")
    return needed


def reading(verb: Verb) -> Needed:
    """Return the dependency of a frequent, read-only API route: its `Reading`."""

    async def authorized_reading(
        request: Request, caller: Annotated[Caller, may(verb)]
    ) -> AsyncIterator[Reading]:
        ctx = html.ctx(request)
        async with ctx.db.reads() as tx:
            yield Reading(ctx, tx, caller, ctx.clock.now())

    needed: Needed = Depends(authorized_reading, scope="function")
    return needed


@dataclass(frozen=True, slots=True)
class Visit:
    """A request for an HTML page in its transaction: the signed-in person, their form, and the request's instant."""

    request: Request
    tx: Tx
    person: Person
    form: FormData
    """The posted form with its CSRF value checked; empty unless the method is POST."""
    now: datetime

    @property
    def ctx(self) -> Context:
        """The context of the running process."""
        return html.ctx(self.request)

    @property
    def values(self) -> dict[str, str]:
        """The form's fields by name, without files; of a repeated field, the last value."""
        return {name: value for name, value in self.form.items() if isinstance(value, str)}

    def text(self, name: str) -> str:
        """Return the value of a field, empty if it is missing or a file."""
        value = self.form.get(name)
        return value if isinstance(value, str) else ""

    def instant(self, name: str) -> datetime | None:
        """Return the instant in a field, in the time zone of the person; None if it is blank, or raise `Invalid`."""
        wall = self.text(name)
        return to_instant(to_wall(wall, name), self.person.tz) if wall else None

    @property
    def actor(self) -> Actor:
        """The actor for entries in the audit log and in timelines."""
        return authentication.actor_of(self.person)

    @property
    def rights(self) -> Rights:
        """The rights of the person's role."""
        return authentication.rights_of(self.person)


@asynccontextmanager
async def visiting(request: Request, person: Person, form: FormData) -> AsyncIterator[Visit]:
    """Open the transaction of a request and yield its `Visit`, for a handler that does slow work first.

    Raise `AlreadySubmitted` if the form is accepted once, and was accepted before.
    """
    # a preview, which its query tells, is not the form itself
    address = f"{request.url.path}?{request.url.query}"
    async with (
        transaction.opened(request) as (tx, now),
        submitted_form_store.accepted_once(tx, person.id, address, form, now),
    ):
        yield Visit(request, tx, person, form, now)


def visit_with(*, files: int = 0, fields: int = 500) -> Needed:
    """Return the dependency of an HTML route: its `Visit`, with a form of at most these numbers of files and fields.

    The form is read before the transaction is opened: a slow upload holds no connection.
    """

    async def signed_in_visit(request: Request) -> AsyncIterator[Visit]:
        # called instead of declared: FastAPI would analyze these two again for each of hundreds of routes
        person = await authentication.signed_in(request)
        form = await route_access.form(request, files, fields) if request.method == "POST" else FormData()
        try:
            async with visiting(request, person, form) as visit:
                yield visit
        finally:
            # uploaded files are temporary ones
            await form.close()

    needed: Needed = Depends(signed_in_visit, scope="function")
    return needed


CurrentVisit = Annotated[Visit, visit_with()]
"""The parameter of an HTML handler."""
