"""An incident that the demo's simulator runs by the book has no finding, at any time after its deadlines (L3)."""

from firebell.audiences.incident_part import load_findings
from firebell.demo import audiences, textbook
from firebell.demo.incidents import STORIES
from firebell.incidents import actions as incidents
from firebell.incidents.queries import checked
from firebell.kit.clock import FakeClock
from tests.demo_world import demo_past


async def test_a_textbook_incident_has_no_finding(dsn: str, clock: FakeClock) -> None:
    async with demo_past(dsn, clock) as past:
        story = STORIES[0]
        await audiences.set_up(past)
        incident_id = await textbook.run(past, story)

        async def results() -> tuple[list[str], set[str]]:
            async with past.ctx.db.tx() as tx:
                incident = await incidents.incident(tx, incident_id)
                one = (await checked(tx, [incident], (load_findings,), clock.now()))[incident_id]
                return [f"{f.code} {f.message}" for f in one.open], {p.code for p in one.passed}

        assert (await results())[0] == []
        await past.close_incident(incident_id, past.kestrel.actor("Priya"), story, published=False)
        open_findings, passed = await results()
        assert open_findings == []
        assert {"I-LATE", "I-ROLE", "I-HANDSON", "I-HANDOVER", "I-UPDATE", "I-NOPROGRESS"} <= passed
        assert {"I-EARLYCLOSE", "I-NOTIMELINE", "I-NORUNBOOK"} <= passed
