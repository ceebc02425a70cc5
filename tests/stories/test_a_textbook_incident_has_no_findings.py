"""An incident that the demo's simulator runs by the book has no finding, at any time after its deadlines (L3)."""

import random

from firebell import event_subscriptions
from firebell.audiences.incident_part import load_findings
from firebell.demo import audiences, history, organization, textbook
from firebell.demo.incidents import STORIES
from firebell.incidents import actions as incidents
from firebell.incidents.queries import checked
from firebell.kit.clock import FakeClock
from firebell.kit.http_out import parse_networks
from firebell.process import connected
from firebell.settings import Settings
from firebell.worker import Worker, timer_handlers
from tests.world import sink


async def test_a_textbook_incident_has_no_finding(dsn: str, clock: FakeClock) -> None:
    settings = Settings(allowed_networks=parse_networks("127.0.0.0/8"))
    async with connected(settings, dsn, clock) as ctx, sink() as phone:
        async with ctx.db.tx() as tx:
            kestrel = await organization.build(tx, clock.now(), phone.url)
        worker = Worker(ctx, timer_handlers(), event_subscriptions.outbox_handlers())
        past = history.Past(ctx, clock, worker, kestrel, random.Random(7))  # noqa: S311 - a play
        story = STORIES[0]
        await audiences.set_up(past)
        incident_id = await textbook.run(past, story)

        async def results() -> tuple[list[str], set[str]]:
            async with ctx.db.tx() as tx:
                incident = await incidents.incident(tx, incident_id)
                one = (await checked(tx, [incident], (load_findings,), clock.now()))[incident_id]
                return [f"{f.code} {f.message}" for f in one.open], {p.code for p in one.passed}

        assert (await results())[0] == []
        await past.close_incident(incident_id, kestrel.actor("Priya"), story, published=False)
        open_findings, passed = await results()
        assert open_findings == []
        assert {"I-LATE", "I-ROLE", "I-HANDSON", "I-HANDOVER", "I-UPDATE", "I-NOPROGRESS"} <= passed
        assert {"I-EARLYCLOSE", "I-NOTIMELINE", "I-NORUNBOOK"} <= passed
