"""The lane that watches Firebell: it raises alarms about its own problems, and sends the outbound heartbeats.

It also stores what its process knows to be wrong with itself, and reads what other processes know.

A process that hangs, or has no database, sends nothing: that is what the receivers of the heartbeats notice.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

import httpx

from firebell.alerts import actions as alerts
from firebell.heartbeats.model import INSTALLATION_AGENT
from firebell.kit import http_out
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.kit.db.migrate import fence
from firebell.kit.errors import Invalid, Unavailable
from firebell.kit.process_health import ProcessFinding
from firebell.kit.text import to_storable
from firebell.kit.threads import Pool
from firebell.self_watch import actions, process_finding_store, queries, rules, store, warnings
from firebell.self_watch import fallback_test_actions as fallback_test
from firebell.self_watch.model import LIVE_TOPIC, OutboundHeartbeat, PingMethod, PingOutcome

log = logging.getLogger(__name__)

LOOK_INTERVAL = timedelta(seconds=15)
"""How often one process checks the work of all, and each checks its own."""
PING_LIMIT_S = 10.0
DISK_LIMIT_S = 5.0
"""How long a disk is waited for."""
HOST_CHARS = 100

Checks = Callable[[], Awaitable[Mapping[str, str]]]
"""Returns the problem of each health check of this process and its database, empty where it passes."""


async def unchecked() -> Mapping[str, str]:
    """Return a problem: a process that checks nothing must not claim to be healthy."""
    return {"process": "This process does not check its health."}


class Watcher:
    """Looks every 15 seconds, in any number of processes; each outbound heartbeat is sent by one of them."""

    def __init__(self, ctx: Context, checks: Checks = unchecked) -> None:
        self._ctx = ctx
        self._checks = checks
        self._pool = Pool("disk space", 1, 2)
        self._next: datetime | None = None
        self._host = to_storable(socket.gethostname(), HOST_CHARS)
        self._has_reported = False
        """True while the database may have findings of this process."""
        self.is_unused = False
        self.upcoming: datetime | None = None
        """Always None: the poll of the lane is often enough, and asks the database only when it is time."""

    async def run_once(self, now: datetime) -> int:
        """Look and send what is due; return 0, because nothing is left to do at once."""
        if self._next is None:
            self._next = now + rules.FIRST_PAUSE
        # a clock that was set back must not stop the lane
        if now < self._next <= now + max(rules.FIRST_PAUSE, LOOK_INTERVAL):
            return 0
        self._next = now + LOOK_INTERVAL
        await self._look(now)
        await self._release_unreadable_holds(now)
        await self._send(now)
        return 0

    async def _look(self, now: datetime) -> None:
        """Begin and end alarms, store what this process knows about itself, and read what others know."""
        health = self._ctx.health
        own = warnings.of_process(self._ctx)
        counters = self._ctx.counters
        problems = rules.process_problems(
            counters.channel_failures.failing(now), counters.provider_circuits.refused()
        )
        works = rules.acceptances(
            counters.channel_failures.arrived_at, counters.provider_circuits.accepted_at
        )
        # most of the time there is nothing to store; others must know it even while no alarm can be stored
        if own or self._has_reported:
            # the commit may arrive although its answer does not
            self._has_reported = True
            async with self._ctx.work_db.tx() as tx:
                await fence(tx)
                await self._report(tx, own, now)
            self._has_reported = bool(own)
        async with self._ctx.work_db.tx() as tx:
            await fence(tx)
            # processes note the same problems, in any order
            await store.lock_alarms(tx)
            if await store.take_turn(tx, now, LOOK_INTERVAL):
                work = await store.shared_work(tx, now)
                problems += rules.shared_problems(work, now)
                problems += rules.outbound_problems(await store.heartbeats(tx), now)
                await fallback_test.send_due(tx, now)
                await process_finding_store.delete_expired(tx, now)
            elsewhere = await queries.process_findings(tx, now, without=health.process_id)
            begun = await actions.notice_problems(tx, problems, self._ctx.channel_settings, now)
            await actions.end_alarms(tx, works, now)
            open_alarms = await store.open_alarms(tx)
        for alarm in begun:
            log.warning(
                "self_alarm", extra={"kind": alarm.kind, "subject": alarm.subject, "detail": alarm.detail}
            )
        health.noticed = warnings.of_alarms(open_alarms)
        health.record_elsewhere(elsewhere)
        health.disk = await self._disk_findings()

    async def close(self) -> None:
        """Delete the findings of this process, which is shutting down."""
        if self._has_reported:
            async with self._ctx.work_db.tx() as tx:
                await self._report(tx, [], self._ctx.clock.now())

    async def _report(self, tx: Tx, findings: Sequence[ProcessFinding], now: datetime) -> None:
        """Let other processes know what is wrong with this one."""
        await process_finding_store.replace(tx, self._ctx.health.process_id, self._host, findings, now)
        await tx.live(LIVE_TOPIC)

    async def _disk_findings(self) -> Sequence[ProcessFinding]:
        """Return what is wrong with the disk; nothing if it does not answer, as a network disk may not."""
        try:
            async with asyncio.timeout(DISK_LIMIT_S):
                return await self._pool.run(partial(warnings.of_disk, self._ctx.data))
        except (TimeoutError, Unavailable):
            log.warning("the disk does not answer")
            return ()

    async def _release_unreadable_holds(self, now: datetime) -> None:
        """Page for alerts that a later release held, before it was replaced by this one; no event may come for them."""
        async with self._ctx.work_db.tx() as tx:
            await fence(tx)
            await alerts.release_unreadable_holds(tx, now)

    async def _send(self, now: datetime) -> None:
        """Send the outbound heartbeats that are due, or withhold them if Firebell is unhealthy.

        One healthy process is enough: an unhealthy one leaves them to the others as long as these send them.
        """
        next_at = now + rules.PING_INTERVAL
        async with self._ctx.work_db.reads() as reads:
            if not await store.is_due(reads, now, ahead=next_at):
                return
        checks = await self._checks()
        is_ill = any(checks.values())
        due_until, ahead = (now - rules.ILL_WAITS, None) if is_ill else (now, next_at)
        async with self._ctx.work_db.tx() as tx:
            await fence(tx)
            due = await store.claim_due(tx, due_until, ahead, next_at)
            if not due:
                return
            addresses = {}
            for heartbeat, sealed in due:
                try:
                    addresses[heartbeat.id] = await store.open_url(tx, heartbeat, sealed)
                except Invalid as error:
                    log.warning(
                        "an outbound heartbeat has no readable address", extra={"heartbeat": heartbeat.name}
                    )
                    await store.record_pings(tx, [PingOutcome(heartbeat.id, error.message)], now)
            work = await store.shared_work(tx, now)
        if reason := rules.reasons_to_withhold(checks, work):
            async with self._ctx.work_db.tx() as tx:
                await store.record_withheld(tx, list(addresses), reason, now)
                await tx.live(LIVE_TOPIC)
            return
        outcomes = await asyncio.gather(
            *(
                self._ping(heartbeat, addresses[heartbeat.id])
                for heartbeat, _ in due
                if heartbeat.id in addresses
            )
        )
        async with self._ctx.work_db.tx() as tx:
            await store.record_pings(tx, outcomes, self._ctx.clock.now())
            await tx.live(LIVE_TOPIC)

    async def _ping(self, heartbeat: OutboundHeartbeat, url: str) -> PingOutcome:
        """Request an address once; it is tried again a minute later."""
        says = {"json": {"from": self._ctx.public_url}} if heartbeat.method is PingMethod.POST else {}
        try:
            response = await http_out.send(
                self._ctx.http,
                heartbeat.method,
                url,
                limit_s=PING_LIMIT_S,
                max_bytes=1024,
                headers={"user-agent": INSTALLATION_AGENT},
                **says,
            )
        except httpx.InvalidURL:
            return PingOutcome(heartbeat.id, "The address is not a valid URL.")
        except httpx.HTTPError as error:
            return PingOutcome(heartbeat.id, _without_address(http_out.reason_of(error), url))
        return PingOutcome(heartbeat.id, "" if response.ok else f"It answered {response.status}.")


def _without_address(reason: str, url: str) -> str:
    """Return why a request failed without its address, which is a secret."""
    return to_storable(reason.replace(url, "the address"), rules.ERROR_CHARS)
