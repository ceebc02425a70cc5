"""An organization with one tracker, and the lane that syncs it."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from firebell.action_items.trackers.sync_worker import TrackerSync
from firebell.kit.clock import FakeClock
from tests.api.api_clients import Api, organization
from tests.standins.trackers import TOKEN, TrackerStandin, serving
from tests.world import World


@dataclass(slots=True)
class Desk:
    """An organization whose items are synced with a stand-in."""

    w: World
    api: Api
    standin: TrackerStandin
    sync: TrackerSync
    tracker: int = 1

    async def later(self, seconds: float = 5) -> None:
        """Run reactions and the lane while time passes, whenever one has work."""
        end = self.w.now + timedelta(seconds=seconds)
        while self.w.now < end:
            while await self.w.worker.run_outbox(self.w.now) or await self.sync.run_once(self.w.now):
                pass
            next_at = self.sync.upcoming or end
            self.w.clock.advance(max(min(next_at, end) - self.w.now, timedelta(milliseconds=100)))

    async def add(self, title: str = "Add a timeout to the card client", **more: Any) -> str:
        """Add an item and return its reference."""
        new = {"title": title, "due": "2026-12-14", **more}
        ref: str = (await self.api("POST", "/action-items", new, status=201))["ref"]
        return ref

    async def link(self, ref: str, issue: str = "", status: int = 201) -> Any:
        """Link an item to a new or an existing issue."""
        body = {"tracker_id": self.tracker, "issue": issue}
        return await self.api("POST", f"/action-items/{ref}/links", body, status=status)

    async def linked(self, title: str = "Add a timeout to the card client", **more: Any) -> str:
        """Add an item whose issue exists, and return its reference."""
        ref = await self.add(title, **more)
        await self.link(ref)
        await self.later()
        assert (await self.link_of(ref))["state"] == "linked"
        return ref

    async def item(self, ref: str) -> Any:
        """Return an item."""
        return await self.api("GET", f"/action-items/{ref}")

    async def events(self, ref: str) -> list[tuple[str, str, str, str]]:
        """Return the history of an item: field, old and new value, and through what it came."""
        events = await self.api("GET", f"/action-items/{ref}/events")
        return [(e["field"], e["old"], e["new"], e["via"]) for e in events]

    async def link_of(self, ref: str) -> Any:
        """Return the first link of an item."""
        return (await self.api("GET", f"/action-items/{ref}/links"))[0]

    async def health(self) -> Any:
        """Return the tracker as the API shows it."""
        return await self.api("GET", f"/trackers/{self.tracker}")

    async def set_state(self, ref: str, state: str, **more: Any) -> None:
        """Change the state of an item."""
        await self.api("POST", f"/action-items/{ref}/state", {"state": state, **more})


@asynccontextmanager
async def desk(
    dsn: str, clock: FakeClock, standin: TrackerStandin, kind: str, target: str, **more: Any
) -> AsyncIterator[Desk]:
    """Start an organization with one tracker that is connected to a stand-in."""
    async with organization(dsn, clock) as (w, api), serving(standin):
        new = {"kind": kind, "target": target, "token": TOKEN, "url": standin.url, **more}
        added = await api("POST", "/trackers", new, status=201)
        yield Desk(w, api, standin, TrackerSync(w.ctx), added["id"])


class CancelledAt:
    """Runs a coroutine and cancels its task at the nth time that it waits; `waited` counts them."""

    def __init__(self, work: Coroutine[Any, Any, Any], number: int) -> None:
        self._work = work
        self._number = number
        self.waited = 0

    def __await__(self) -> Generator[Any, Any, Any]:
        iterator = self._work.__await__()
        send: Any = None
        error: BaseException | None = None
        while True:
            try:
                waiting = iterator.throw(error) if error else iterator.send(send)
            except StopIteration as end:
                return end.value
            error = None
            self.waited += 1
            if self.waited == self._number:
                task = asyncio.current_task()
                assert task
                task.cancel()
            try:
                send = yield waiting
            except BaseException as raised:
                error = raised


async def killed_at(work: Coroutine[Any, Any, Any], number: int) -> bool:
    """Run a coroutine in a task that dies at its nth wait; return True if it died before its end."""
    cancelled = CancelledAt(work, number)

    async def run() -> None:
        await cancelled

    task = asyncio.create_task(run())
    await asyncio.wait([task])
    return task.cancelled()
