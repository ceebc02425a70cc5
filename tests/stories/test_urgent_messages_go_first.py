"""Story: in a storm the most severe page goes first, and a provider that hangs delays no other message."""

import asyncio
from datetime import timedelta

from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import Actor
from firebell.notify.deliveries import store as delivery_store
from firebell.notify.deliveries.send_slots import CAPACITY
from firebell.notify.model import Delivery
from firebell.notify.sender import Sender
from firebell.paging import actions as paging
from firebell.people import actions as people
from tests.world import World, world


async def plan(w: World) -> None:
    """Run the timers, so that every message waits in the ledger."""
    while await w.worker.run_due(w.now):
        pass


async def test_a_sev1_declared_in_a_storm_is_the_next_message(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        for number in range(40):
            await w.alert(f"alert {number}", service=f"s{number}", severity="warning" if number % 2 else None)
        await plan(w)
        async with w.ctx.db.tx() as tx:
            mara = await w.actor(w.mara)
            made = await incidents.declare(
                tx, mara, title="All down", severity=1, service_ids=[w.service], now=w.now
            )
        await plan(w)
        # messages go side by side, and two of them may arrive in either order: what begins first is what counts
        async with w.ctx.db.tx() as tx:
            begun: list[Delivery] = []
            while one := await delivery_store.claim(tx, w.now, 1):
                begun += one
            first = await paging.page(tx, begun[0].subject_id)
            urgencies = [(await paging.page(tx, d.subject_id)).urgency for d in begun]
        assert first.title == f"{made.ref}: All down"
        assert len(urgencies) > 40
        assert urgencies == sorted(urgencies)


async def test_a_mail_server_that_hangs_delays_no_webhook(dsn: str, clock: FakeClock) -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, world(dsn, clock, smtp_url=f"smtp://127.0.0.1:{port}") as w:
        async with w.ctx.db.tx() as tx:
            (mail,) = [m for m in await people.methods_of(tx, [w.mara]) if m.kind == "email"]
            test = Actor("system", "Test")
            for urgency in ("high", "low"):
                await people.set_rules(
                    tx, test, person_id=w.mara, urgency=urgency, rules=[(0, mail.id)], now=w.now
                )
        await w.lift_night_limit()
        for number in range(CAPACITY + 10):
            await w.alert(f"alert {number}", service=f"s{number}")
        await plan(w)
        sender = Sender(w.ctx)
        while await sender.run_once(w.now):
            pass
        assert w.sink.got == []
        clock.advance(timedelta(minutes=5))
        await plan(w)
        while not w.sink.got:
            await sender.run_once(w.now)
            await asyncio.sleep(0.01)
        assert w.sink.people()[0] == "Jun Okafor"
        await sender.drain(0)
