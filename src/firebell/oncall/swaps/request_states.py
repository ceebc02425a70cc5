"""The states that cover requests and swaps share: open, then answered, withdrawn or expired."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, TypeVar

from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM, Actor
from firebell.kit.errors import Conflict, NotFound
from firebell.kit.jobs import timers
from firebell.oncall.model import Cover, Schedule, Swap
from firebell.oncall.schedules import changes, store
from firebell.people.action_permissions import require_party

_OPEN, _EXPIRED, _WITHDRAWN = "open", "expired", "withdrawn"
R = TypeVar("R", Cover, Swap)


@dataclass(frozen=True, slots=True)
class Lifecycle(Generic[R]):
    """Loads, locks, closes and expires one kind of request; `noun` names it in errors."""

    noun: str
    timer: str
    load: Callable[[Tx, int], Awaitable[R | None]]
    save: Callable[[Tx, R], Awaitable[None]]
    audit: Callable[[Tx, Actor, str, R, datetime], Awaitable[None]]
    parties: Callable[[R], Iterable[int | None]]
    """The ids of the people whom a request is between."""

    async def lock_open(self, tx: Tx, request_id: int, now: datetime) -> tuple[Schedule, R]:
        """Return an open request and its schedule, locked; raise `NotFound`, or `Conflict` if it is closed."""
        unlocked = await self.load(tx, request_id)
        if unlocked is None:
            raise NotFound(f"There is no {self.noun} {request_id}.", hint=f"Choose an open {self.noun}.")
        schedule = await changes.lock(tx, unlocked.schedule_id)
        request = await self.load(tx, request_id)
        assert request
        if request.state != _OPEN or request.expires_at <= now:
            state = request.state if request.state != _OPEN else _EXPIRED
            noun = self.noun[0].upper() + self.noun[1:]
            raise Conflict(f"{noun} {request_id} is {state}.", hint=f"Choose an open {self.noun}.")
        return schedule, request

    async def check_party(self, tx: Tx, actor: Actor, request_id: int) -> None:
        """Raise `Forbidden` unless the actor is a party to the request, or a manager; nothing if there is none."""
        if request := await self.load(tx, request_id):
            await require_party(tx, actor, self.parties(request))

    async def withdraw(self, tx: Tx, actor: Actor, request_id: int, now: datetime) -> R:
        """Withdraw an open request of the actor, or for a manager of anyone."""
        await self.check_party(tx, actor, request_id)
        _, request = await self.lock_open(tx, request_id, now)
        return await self.close(tx, actor, request, _WITHDRAWN, now)

    async def close(self, tx: Tx, actor: Actor, request: R, state: str, now: datetime) -> R:
        """Save a request as answered or withdrawn, end its timer, and record who did it."""
        await timers.cancel(tx, self.timer, str(request.id))
        return await self._close(tx, actor, request, state, now)

    async def expire(self, tx: Tx, request_ids: Sequence[int], now: datetime) -> set[int]:
        """Expire open requests whose time has come; return the ids of those whose schedule is locked elsewhere."""
        unlocked = [request for i in request_ids if (request := await self.load(tx, i))]
        free = await store.lock_free(tx, [request.schedule_id for request in unlocked])
        for stale in unlocked:
            request = await self.load(tx, stale.id) if stale.schedule_id in free else None
            if request and request.state == _OPEN and request.expires_at <= now:
                await self._close(tx, SYSTEM, request, _EXPIRED, now)
        return {request.id for request in unlocked if request.schedule_id not in free}

    async def _close(self, tx: Tx, actor: Actor, request: R, state: str, now: datetime) -> R:
        closed = replace(request, state=state, decided_at=now)
        await self.save(tx, closed)
        await self.audit(tx, actor, state, closed, now)
        return closed
