"""Twelve months of Kestrel, lived through the product's own code with a fake clock."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from firebell.alerts import actions as alerts
from firebell.alerts.model import Received, Reject
from firebell.alerts.sources import generic
from firebell.demo.organisation import Kestrel
from firebell.incidents import actions as incidents
from firebell.incidents.model import Phase, Role
from firebell.kit.clock import Clock, FakeClock
from firebell.kit.context import Context
from firebell.kit.events import Actor
from firebell.paging import actions as paging
from firebell.paging.model import DEMANDING
from firebell.postmortems import actions as postmortems
from firebell.worker import Worker

ALERTS = {
    "checkout-api": ("5xx ratio above 5 %", "p99 latency above 2 s", "Card declines above 20 %"),
    "payments-gateway": ("Timeouts to the acquirer", "Refund queue above 1,000"),
    "ledger-db": ("Replication lag above 30 s", "Disk 90 % full", "Connections above 400"),
    "edge": ("TLS certificate expires in 6 days", "Error rate in eu-north"),
    "kubernetes": ("Node not ready", "Pods restart in a loop"),
    "notifications": ("Queue depth above 40,000", "Push provider answers 503"),
    "search": ("p99 latency above 2 s in eu-north", "Index lag above 10 min"),
    "catalogue": ("Feed import failed", "Cache hit ratio below 60 %"),
}
INCIDENTS = (
    (
        "Card payments fail for a part of customers",
        "checkout-api",
        1,
        "Rolled build back",
        "A build opened too many connections",
    ),
    (
        "Search index corrupted after a shard move",
        "search",
        2,
        "Restored the index from the snapshot",
        "The move ran during compaction",
    ),
    (
        "Delayed delivery notifications in Iberia",
        "notifications",
        3,
        "Drained the queue by hand",
        "One consumer was stuck",
    ),
    (
        "All of checkout unreachable",
        "edge",
        0,
        "Moved traffic to the second region",
        "A route was withdrawn twice",
    ),
    (
        "Refunds stuck for two hours",
        "payments-gateway",
        2,
        "Restarted the settlement job",
        "A lock was never released",
    ),
    (
        "Ledger replica behind by an hour",
        "ledger-db",
        1,
        "Promoted the second replica",
        "A long query held back replay",
    ),
    (
        "Product feed missing 8 % of articles",
        "catalogue",
        2,
        "Imported the feed again",
        "A field grew past its limit",
    ),
)


@dataclass(slots=True)
class Past:
    """Plays the organisation's life. Its worker moves with its clock; without one, another process works."""

    ctx: Context
    clock: Clock
    worker: Worker | None
    kestrel: Kestrel
    dice: random.Random

    async def send(self, service: str, title: str, *, severity: str = "critical", over: bool = False) -> None:
        """Let an alert of a service arrive."""
        integration = self.kestrel.integrations[service]
        event = {
            "title": f"{service}: {title}",
            "key": f"{service}/{title}",
            "severity": severity,
            "status": "resolved" if over else "firing",
            "labels": {"env": "production"},
            "runbook_url": f"https://runbooks.kestrel.example/{service}",
        }
        body, now = msgspec.json.encode(event), self.clock.now()
        normal = generic.normalise(body, now)
        assert not isinstance(normal, Reject)
        received = Received(integration.id, integration.service_id, "generic", body, normal)
        async with self.ctx.db.tx() as tx:
            await alerts.receive(tx, [received], now)
        await self.settle()

    async def settle(self) -> None:
        """Let what is due happen."""
        if self.worker:
            await self.worker.settle(self.clock.now())

    async def wait(self, minutes: float) -> None:
        """Let time pass and what is due happen."""
        assert isinstance(self.clock, FakeClock)
        self.clock.advance(timedelta(minutes=minutes))
        await self.settle()

    async def answer(self) -> Actor | None:
        """Let whoever was paged first take every waiting page; return who did."""
        async with self.ctx.db.tx() as tx:
            waiting = await paging.pages(tx, states=DEMANDING)
            taker = None
            for page in waiting:
                sent = await paging.deliveries(tx, page.id)
                if sent:
                    name = next(n for n, i in self.kestrel.people.items() if i == sent[-1].person_id)
                    taker = Actor("person", name, sent[-1].person_id)
                    await paging.ack(tx, taker, page.id, self.clock.now())
        return taker

    async def page(self) -> None:
        """Live through one page: it fires, somebody answers, it ends."""
        service = self.dice.choice(list(ALERTS))
        title = self.dice.choice(ALERTS[service])
        severity = self.dice.choices(["critical", "warning"], [3, 2])[0]
        await self.send(service, title, severity=severity)
        if self.dice.random() < 0.2:
            await self.wait(self.dice.uniform(1, 4))
        else:
            await self.wait(min(14.0, self.dice.lognormvariate(0.8, 0.8)))
            await self.answer()
            await self.wait(self.dice.uniform(3, 40))
        await self.send(service, title, over=True)

    async def incident(self, title: str, service: str, severity: int, fix: str, cause: str) -> None:
        """Live through one incident up to its published post-mortem."""
        alarm = ALERTS[service][0]
        await self.send(service, alarm)
        await self.wait(self.dice.uniform(0.5, 6))
        leader = await self.answer() or self.kestrel.actor("Mara")
        expert = self.kestrel.actor("Tomás" if leader.label != "Tomás Rivera" else "Priya")
        now = self.clock.now()
        async with self.ctx.db.tx() as tx:
            made = await incidents.declare(
                tx,
                leader,
                title=title,
                severity=severity,
                service_ids=[self.kestrel.services[service]],
                summary=f"{title}. {cause}. {fix}, and it recovered.",
                now=now,
            )
            assert leader.person_id
            assert expert.person_id
            await incidents.take_role(tx, leader, made.id, Role.COMMANDER, leader.person_id, now)
            await incidents.take_role(tx, expert, made.id, Role.SME, expert.person_id, now)
        await self.wait(self.dice.uniform(1, 3))
        await self.answer()
        async with self.ctx.db.tx() as tx:
            await incidents.set_phase(tx, leader, made.id, Phase.INVESTIGATING, self.clock.now())
        await self.wait(self.dice.uniform(5, 25))
        async with self.ctx.db.tx() as tx:
            now = self.clock.now()
            await incidents.add_entry(tx, expert, made.id, "finding", f"{cause}.", now)
            await incidents.add_entry(tx, leader, made.id, "update", "Cause known, fixing it now.", now)
            await incidents.add_entry(tx, expert, made.id, "mitigation", f"{fix}.", now)
            await incidents.set_phase(tx, leader, made.id, Phase.MITIGATING, now)
        await self.wait(self.dice.uniform(4, 30))
        await self.send(service, alarm, over=True)
        async with self.ctx.db.tx() as tx:
            await incidents.set_phase(tx, leader, made.id, Phase.MONITORING, self.clock.now())
        await self.wait(31)
        await self._end(made.id, leader)

    async def _end(self, incident_id: int, leader: Actor) -> None:
        now = self.clock.now()
        async with self.ctx.db.tx() as tx:
            for page_id in await incidents.page_ids(tx, incident_id):
                if (await paging.page(tx, page_id)).state != "resolved":
                    await paging.resolve(tx, leader, page_id, now)
            await incidents.set_phase(tx, leader, incident_id, Phase.CLOSED, now)
        await self.settle()
        async with self.ctx.db.tx() as tx:
            owed = any(d.incident_id == incident_id for d in await postmortems.postmortems(tx))
        if owed and self.dice.random() < 0.9:
            await self.wait(60 * self.dice.uniform(8, 46))
            async with self.ctx.db.tx() as tx:
                await postmortems.publish(tx, leader, incident_id, self.clock.now())


async def live_through(past: Past, until: datetime, progress: Callable[[int, int], None]) -> None:
    """Play from the clock's present to `until`, telling `progress` (days lived, days in all)."""
    assert isinstance(past.clock, FakeClock)
    start = past.clock.now()
    days = (until - start).days
    for day in range(days - 1):
        morning = start + timedelta(days=day)
        if past.clock.now() >= morning + timedelta(hours=23):
            continue
        past.clock.set(max(past.clock.now(), morning + timedelta(hours=past.dice.uniform(0, 20))))
        if past.dice.random() < 0.55:
            await past.page()
        if past.dice.random() < 0.08:
            await past.incident(*past.dice.choice(INCIDENTS))
        progress(day + 1, days)
    progress(days, days)
