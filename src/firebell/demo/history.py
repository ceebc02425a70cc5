"""Twelve months of Kestrel, lived through the product's own code with a fake clock."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from firebell.alerts import actions as alerts
from firebell.alerts.model import InboundRequest, NewChange, Rejected
from firebell.alerts.sources import generic
from firebell.demo.organization import Kestrel
from firebell.demo.stories import ALERTS, STORIES, WHY_IT_MATTERS, Story, write_up
from firebell.incidents import actions as incidents
from firebell.incidents.model import Phase, Role
from firebell.kit.clock import Clock, FakeClock
from firebell.kit.context import Context
from firebell.kit.events import Actor
from firebell.paging import actions as paging
from firebell.paging.model import UNANSWERED
from firebell.postmortems import actions as postmortems
from firebell.worker import Worker


@dataclass(slots=True)
class Past:
    """Plays the organization's life. Its worker moves with its clock; without one, another process works."""

    ctx: Context
    clock: Clock
    worker: Worker | None
    kestrel: Kestrel
    dice: random.Random

    async def send(
        self, service: str, title: str, *, severity: str = "critical", over: bool = False, on: str = ""
    ) -> None:
        """Let an alert of a service arrive, about the service or about one of its parts."""
        integration = self.kestrel.integrations[service]
        event = {
            "title": f"{service}: {title}" + (f" on {on}" if on else ""),
            "body": WHY_IT_MATTERS[service],
            "key": f"{service}/{title}/{on}",
            "severity": severity,
            "status": "resolved" if over else "firing",
            "labels": {"env": "production"},
            "runbook_url": f"https://runbooks.kestrel.example/{service}",
        }
        body, now = msgspec.json.encode(event), self.clock.now()
        normal = generic.normalize(body, now)
        assert not isinstance(normal, Rejected)
        received = InboundRequest(integration.id, integration.service_id, "generic", body, normal)
        async with self.ctx.db.tx() as tx:
            await alerts.receive(tx, [received], now)
        await self.settle()

    async def deploy(self, service: str, summary: str) -> None:
        """Let a change of a service be announced, as its build server would."""
        integration, now = self.kestrel.integrations[service], self.clock.now()
        address = f"https://builds.kestrel.example/{service}"
        change = NewChange(summary, "build server", {"Build": address}, {"environment": "production"})
        body = msgspec.json.encode({"summary": summary, "at": now})
        received = InboundRequest(integration.id, integration.service_id, "pagerduty-change", body, ())
        async with self.ctx.db.tx() as tx:
            await alerts.record_change(tx, received, change, now)

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
            waiting = await paging.pages(tx, states=UNANSWERED)
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

    async def incident(self, story: Story, *, leader: Actor | None = None, published: bool = True) -> None:
        """Live through one incident up to its post-mortem."""
        service, alarm = story.service, ALERTS[story.service][0]
        await self.send(service, alarm)
        await self.wait(self.dice.uniform(0.5, 6))
        leader = leader or await self.answer() or self.kestrel.actor("Mara")
        await self.answer()
        expert = self.kestrel.actor("Tomás" if leader.label != "Tomás Rivera" else "Priya")
        now = self.clock.now()
        async with self.ctx.db.tx() as tx:
            made = await incidents.declare(
                tx,
                leader,
                title=story.title,
                severity=story.severity,
                service_ids=[self.kestrel.services[service]],
                page_id=max(p.id for p in await paging.pages(tx, limit=20)),
                summary=f"{story.cause}. {story.fix}, and it recovered.",
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
        await self.wait(self.dice.uniform(5, 14))
        async with self.ctx.db.tx() as tx:
            text = f"{story.impact} Looking for the cause."
            await incidents.add_entry(tx, leader, made.id, "update", text, self.clock.now())
        await self.wait(self.dice.uniform(2, 12))
        async with self.ctx.db.tx() as tx:
            now = self.clock.now()
            await incidents.add_entry(tx, expert, made.id, "finding", f"{story.cause}.", now)
            await incidents.add_entry(tx, leader, made.id, "update", "Cause known, fixing it now.", now)
            await incidents.add_entry(tx, expert, made.id, "mitigation", f"{story.fix}.", now)
            await incidents.set_phase(tx, leader, made.id, Phase.MITIGATING, now)
        await self.wait(self.dice.uniform(4, 25))
        await self.send(service, alarm, over=True)
        async with self.ctx.db.tx() as tx:
            await incidents.set_phase(tx, leader, made.id, Phase.MONITORING, self.clock.now())
        await self.wait(31)
        await self._end(made.id, leader, story, published)

    async def _end(self, incident_id: int, leader: Actor, story: Story, published: bool) -> None:
        now = self.clock.now()
        async with self.ctx.db.tx() as tx:
            for page_id in await incidents.page_ids(tx, incident_id):
                if (await paging.page(tx, page_id)).state != "resolved":
                    await paging.resolve(tx, leader, page_id, now)
            await incidents.set_phase(tx, leader, incident_id, Phase.CLOSED, now)
        await self.settle()
        async with self.ctx.db.tx() as tx:
            draft = await postmortems.find(tx, incident_id)
        if draft and published:
            await self.wait(60 * self.dice.uniform(8, 46))
            now = self.clock.now()
            async with self.ctx.db.tx() as tx:
                body = write_up(draft.body, story, f"{now + timedelta(days=14):%d %B}")
                await postmortems.save(tx, leader, incident_id, body, draft.version, now)
                await postmortems.publish(tx, leader, incident_id, now)


async def live_through(past: Past, until: datetime, progress: Callable[[int, int], None]) -> None:
    """Play from the clock's present to two days before `until`, telling `progress` (days lived, in all)."""
    assert isinstance(past.clock, FakeClock)
    start = past.clock.now()
    days = (until - start).days
    for day in range(days - 2):
        morning = start + timedelta(days=day)
        if past.clock.now() >= morning + timedelta(hours=23):
            continue
        past.clock.set(max(past.clock.now(), morning + timedelta(hours=past.dice.uniform(0, 20))))
        if past.dice.random() < 0.55:
            await past.page()
        if past.dice.random() < 0.08:
            await past.incident(past.dice.choice(STORIES))
        progress(day + 1, days)
    progress(days, days)
