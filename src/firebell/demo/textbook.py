"""One incident of the demo that was run by the book: none of the process checks finds anything."""

from firebell.audiences.model import Moment
from firebell.audiences.settings.defaults import EXECUTIVES
from firebell.demo import audiences
from firebell.demo.history import Past
from firebell.demo.incidents import ALERTS, Story
from firebell.incidents import actions as incidents
from firebell.incidents.model import IncidentRole, Phase
from firebell.incidents.roles import handover_actions
from firebell.incidents.roles.handover_actions import OfferAnswer
from firebell.paging import actions as paging


async def run(past: Past, story: Story) -> int:
    """Simulate a SEV1 from its alert until it is stable, and return its id.

    It is declared in time, command is handed over, updates and entries are on time, and experts act.
    """
    mara, tomas, priya = (past.kestrel.actor(name) for name in ("Mara", "Tomás", "Priya"))
    assert mara.person_id
    assert tomas.person_id
    assert priya.person_id
    service, alert = story.service, ALERTS[story.service][0]
    await past.send(service, alert)
    await past.wait(2)
    await past.acknowledge()
    async with past.ctx.db.tx() as tx:
        now = past.clock.now()
        incident = await incidents.declare(
            tx,
            mara,
            title=story.title,
            severity=1,
            service_ids=[past.kestrel.services[service]],
            page_id=(await paging.pages(tx, limit=1))[0].id,
            commander_id=mara.person_id,
            summary=f"{story.cause}. {story.fix}, and it recovered.",
            now=now,
        )
        await incidents.set_phase(tx, mara, incident.id, Phase.INVESTIGATING, now)
    await past.wait(3)
    await past.acknowledge()
    async with past.ctx.db.tx() as tx:
        await incidents.take_role(tx, tomas, incident.id, IncidentRole.SME, tomas.person_id, past.clock.now())
    text = f"We are sorry. {story.impact} We are looking for the cause."
    await audiences.send(past, incident.id, 1, Moment.FIRST, story.title, text)
    for minutes, actor, kind, text in (
        (8, mara, "update", f"{story.impact} Looking for the cause."),
        (8, tomas, "finding", f"{story.cause}."),
        (9, mara, "decision", f"{story.fix}: nothing else is as fast."),
        (8, mara, "update", "Cause known, fixing it now."),
        (1, tomas, "mitigation", f"{story.fix}."),
    ):
        await past.wait(minutes)
        async with past.ctx.db.tx() as tx:
            await incidents.add_entry(tx, actor, incident.id, kind, text, past.clock.now())
    async with past.ctx.db.tx() as tx:
        await incidents.set_phase(tx, mara, incident.id, Phase.MITIGATING, past.clock.now())
        offer = await handover_actions.offer_role(
            tx,
            mara,
            incident.id,
            IncidentRole.COMMANDER,
            priya.person_id,
            "The fix is in, errors fall. Next: watch them for 10 minutes.",
            past.clock.now(),
        )
    await past.wait(2)
    async with past.ctx.db.tx() as tx:
        now = past.clock.now()
        await handover_actions.answer_offer(tx, priya, incident.id, offer.id, OfferAnswer.ACCEPTED, now)
    text = "We know the cause and are fixing it."
    await audiences.send(past, incident.id, 1, Moment.UPDATE, story.title, text, (EXECUTIVES,))
    await past.wait(10)
    await past.acknowledge()
    await past.send(service, alert, resolved=True)
    async with past.ctx.db.tx() as tx:
        now = past.clock.now()
        await incidents.add_entry(tx, priya, incident.id, "update", "Errors are gone. Watching it.", now)
        await incidents.set_phase(tx, priya, incident.id, Phase.MONITORING, now)
    for minutes in (14, 14):
        await past.wait(minutes)
        async with past.ctx.db.tx() as tx:
            await incidents.add_entry(tx, priya, incident.id, "note", "Still quiet.", past.clock.now())
    await past.wait(3)
    return incident.id
