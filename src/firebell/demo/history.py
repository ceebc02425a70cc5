"""A year of history for the demo, created by the product's own code with a fake clock."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from firebell.alerts import actions as alerts
from firebell.alerts.model import InboundRequest, NewChangeEvent, Rejected
from firebell.alerts.sources import generic
from firebell.audiences.model import Moment
from firebell.audiences.settings.defaults import EXECUTIVES
from firebell.demo import audiences, published_postmortem, status_page
from firebell.demo.incidents import ALERTS, IMPACTS, STORIES, Story, write_up
from firebell.demo.organization import Kestrel
from firebell.incidents import actions as incidents
from firebell.incidents.model import IncidentRole, Phase
from firebell.kit.clock import Clock, FakeClock
from firebell.kit.context import Context
from firebell.kit.db.events import Actor
from firebell.paging import actions as paging
from firebell.paging.model import UNANSWERED
from firebell.postmortems import actions as postmortems
from firebell.status_pages.model import Stage
from firebell.worker import Worker


@dataclass(slots=True)
class Past:
    """Simulates the organization. The worker runs on the fake clock; None if another process is the worker."""

    ctx: Context
    clock: Clock
    worker: Worker | None
    kestrel: Kestrel
    rng: random.Random

    async def send(
        self, service: str, title: str, *, severity: str = "critical", resolved: bool = False, on: str = ""
    ) -> None:
        """Send an alert about a service, or about the part `on` of it."""
        integration = self.kestrel.integrations[service]
        event = {
            "title": f"{service}: {title}" + (f" on {on}" if on else ""),
            "body": IMPACTS[service],
            "key": f"{service}/{title}/{on}",
            "severity": severity,
            "status": "resolved" if resolved else "firing",
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
        """Send a change event of a service, as its build server would."""
        integration, now = self.kestrel.integrations[service], self.clock.now()
        address = f"https://builds.kestrel.example/{service}"
        change = NewChangeEvent(summary, "build server", {"Build": address}, {"environment": "production"})
        body = msgspec.json.encode({"summary": summary, "at": now})
        received = InboundRequest(integration.id, integration.service_id, "pagerduty-change", body, ())
        async with self.ctx.db.tx() as tx:
            await alerts.record_change(tx, received, change, now)

    async def settle(self) -> None:
        """Run everything that is due, if this process has a worker."""
        if self.worker:
            await self.worker.settle(self.clock.now())

    async def wait(self, minutes: float) -> None:
        """Advance the clock and run everything that is due."""
        assert isinstance(self.clock, FakeClock)
        self.clock.advance(timedelta(minutes=minutes))
        await self.settle()

    async def acknowledge(self) -> Actor | None:
        """Acknowledge every waiting page as the first person notified about it; return the last one."""
        async with self.ctx.db.tx() as tx:
            waiting = await paging.pages(tx, states=UNANSWERED)
            responder = None
            for page in waiting:
                sent = await paging.deliveries(tx, page.id)
                if sent:
                    name = next(n for n, i in self.kestrel.people.items() if i == sent[-1].person_id)
                    responder = Actor("person", name, sent[-1].person_id)
                    await paging.ack(tx, responder, page.id, self.clock.now())
        return responder

    async def page(self) -> None:
        """Simulate one page, from its alert to its end."""
        service = self.rng.choice(list(ALERTS))
        title = self.rng.choice(ALERTS[service])
        severity = self.rng.choices(["critical", "warning"], [3, 2])[0]
        await self.send(service, title, severity=severity)
        if self.rng.random() < 0.2:
            await self.wait(self.rng.uniform(1, 4))
        else:
            await self.wait(min(14.0, self.rng.lognormvariate(0.8, 0.8)))
            await self.acknowledge()
            await self.wait(self.rng.uniform(3, 40))
        await self.send(service, title, resolved=True)

    async def incident(self, story: Story, *, leader: Actor | None = None, published: bool = True) -> None:
        """Simulate one incident, up to its post-mortem."""
        service, alert = story.service, ALERTS[story.service][0]
        await self.send(service, alert)
        await self.wait(self.rng.uniform(0.5, 6))
        leader = leader or await self.acknowledge() or self.kestrel.actor("Mara")
        await self.acknowledge()
        expert = self.kestrel.actor("Tomás" if leader.label != "Tomás Rivera" else "Priya")
        now = self.clock.now()
        async with self.ctx.db.tx() as tx:
            declared = await incidents.declare(
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
            await incidents.take_role(tx, leader, declared.id, IncidentRole.COMMANDER, leader.person_id, now)
            await incidents.take_role(tx, expert, declared.id, IncidentRole.SME, expert.person_id, now)
        await self.wait(self.rng.uniform(1, 3))
        await self.acknowledge()
        async with self.ctx.db.tx() as tx:
            await incidents.set_phase(tx, leader, declared.id, Phase.INVESTIGATING, self.clock.now())
        await self._publish(
            declared.id, story, Stage.INVESTIGATING, f"{story.impact} We are looking for the cause."
        )
        text = f"We are sorry. {story.impact} We are looking for the cause."
        await audiences.send(self, declared.id, story.severity, Moment.FIRST, story.title, text)
        await self.wait(self.rng.uniform(5, 14))
        async with self.ctx.db.tx() as tx:
            text = f"{story.impact} Looking for the cause."
            await incidents.add_entry(tx, leader, declared.id, "update", text, self.clock.now())
        await self.wait(self.rng.uniform(2, 12))
        async with self.ctx.db.tx() as tx:
            now = self.clock.now()
            await incidents.add_entry(tx, expert, declared.id, "finding", f"{story.cause}.", now)
            await incidents.add_entry(tx, leader, declared.id, "update", "Cause known, fixing it now.", now)
            await incidents.add_entry(tx, expert, declared.id, "mitigation", f"{story.fix}.", now)
            await incidents.set_phase(tx, leader, declared.id, Phase.MITIGATING, now)
        text = "We know the cause and are fixing it."
        await self._publish(declared.id, story, Stage.IDENTIFIED, text)
        await audiences.send(
            self, declared.id, story.severity, Moment.UPDATE, story.title, text, (EXECUTIVES,)
        )
        await self.wait(self.rng.uniform(4, 25))
        await self.send(service, alert, resolved=True)
        async with self.ctx.db.tx() as tx:
            await incidents.set_phase(tx, leader, declared.id, Phase.MONITORING, self.clock.now())
        await self._publish(
            declared.id, story, Stage.MONITORING, "Everything works again. We are watching it."
        )
        await self.wait(31)
        text = f"This is over. We are sorry. {story.impact}"
        await self._publish(declared.id, story, Stage.RESOLVED, text)
        await self.close_incident(declared.id, leader, story, published)

    async def _publish(self, incident_id: int, story: Story, stage: Stage, text: str) -> None:
        await status_page.tell(self, incident_id, story.severity, stage, story.title, text)

    async def close_incident(self, incident_id: int, leader: Actor, story: Story, published: bool) -> None:
        """Close an incident that is stable, and publish its post-mortem hours later."""
        now = self.clock.now()
        async with self.ctx.db.tx() as tx:
            for page_id in await incidents.page_ids(tx, incident_id):
                if (await paging.page(tx, page_id)).state != "resolved":
                    await paging.resolve(tx, leader, page_id, now)
            await incidents.sign_baseline(tx, leader, incident_id, "All graphs look normal", now)
            await incidents.set_phase(tx, leader, incident_id, Phase.CLOSED, now)
        text = f"It works again. {story.impact} We are sorry, and study what made this possible."
        await audiences.send(self, incident_id, story.severity, Moment.END, story.title, text)
        await self.settle()
        async with self.ctx.db.tx() as tx:
            draft = await postmortems.find(tx, incident_id)
        if draft and published:
            await self.wait(60 * self.rng.uniform(8, 46))
            now = self.clock.now()
            async with self.ctx.db.tx() as tx:
                body = write_up(draft.body, story, f"{now + timedelta(days=14):%d %B}")
                await postmortems.save(tx, leader, incident_id, body, draft.version, now)
                await published_postmortem.publish(self, tx, leader, incident_id, now)
            text = f"{story.impact} {story.cause}. {story.fix}. {story.whys[-1]}"
            changes = "\n".join(f"- {what}" for what, _ in story.actions)
            await status_page.publish_postmortem(
                self, incident_id, f"{text}\n\nWhat we are changing:\n\n{changes}"
            )


async def live_through(past: Past, until: datetime, progress: Callable[[int, int], None]) -> None:
    """Simulate until two days before `until`, calling `progress` with the days done and all days."""
    assert isinstance(past.clock, FakeClock)
    start = past.clock.now()
    days = (until - start).days
    for day in range(days - 2):
        morning = start + timedelta(days=day)
        if past.clock.now() >= morning + timedelta(hours=23):
            continue
        past.clock.set(max(past.clock.now(), morning + timedelta(hours=past.rng.uniform(0, 20))))
        if past.rng.random() < 0.55:
            await past.page()
        if past.rng.random() < 0.08:
            await past.incident(past.rng.choice(STORIES))
        progress(day + 1, days)
    progress(days, days)
