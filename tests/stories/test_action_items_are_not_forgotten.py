"""Story: an action item reminds its owner, then their lead and manager, and outlives its owner."""

from datetime import date, timedelta
from typing import Any

from firebell.action_items import actions, completion_rate, store
from firebell.action_items.model import EscalatedTo, ItemState
from firebell.incidents import actions as incidents
from firebell.incidents.model import IncidentType
from firebell.kit.clock import FakeClock
from firebell.kit.errors import Conflict, FirebellError
from firebell.people import actions as people
from firebell.people.model import Role
from tests.world import World, world


async def run(w: World, verb: Any, person: int, *args: Any, **more: Any) -> Any:
    """Run an action as a person in a transaction of its own; return its result, or the error that it raised."""
    actor = await w.actor(person)
    try:
        async with w.ctx.db.tx() as tx:
            return await verb(tx, actor, *args, w.now, **more)
    except FirebellError as error:
        return error


async def later(w: World, days: int) -> None:
    """Let days pass at once, and run what is due after each."""
    for _ in range(days):
        w.clock.advance(timedelta(days=1))
        await w.settle()


async def item(w: World, item_id: int) -> Any:
    async with w.ctx.db.tx() as tx:
        return await actions.item(tx, item_id)


async def notices(w: World, item_id: int) -> list[tuple[int, str]]:
    """Return the recipient and the mark of each notice about an item, in their order."""
    async with w.ctx.db.tx() as tx:
        rows = await tx.fetch("select key, person_id from notice where kind = 'action' order by id")
    keys = [(row["person_id"], row["key"].split(":")) for row in rows]
    return [(person, key[2]) for person, key in keys if key[1] == str(item_id)]


async def test_an_item_reminds_and_escalates_until_it_is_done(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        async with w.ctx.db.tx() as tx:
            lead = await people.create_person(
                tx,
                await w.actor(w.mara),
                name="Lena",
                email="lena@example.org",
                role="manager",
                tz="UTC",
                now=w.now,
            )
            team = next(t for t in await people.teams(tx))
            members = [(w.mara, "member"), (w.jun, "member"), (lead.id, "manager")]
            await people.set_team_members(tx, await w.actor(w.mara), team.id, members, w.now)
        due = date(2026, 12, 4)
        one = await run(
            w,
            actions.add_item,
            w.mara,
            "Check pools before a deploy",
            owner_id=w.jun,
            team_id=team.id,
            due=due,
        )
        assert await notices(w, one.id) == [(w.jun, "proposed")]
        await later(w, 4)
        # proposed on Tuesday: on Friday, after three working days, the lead hears that no one accepts it
        sent_first = [(w.jun, "proposed"), (w.jun, "owner"), (lead.id, "unanswered")]
        assert await notices(w, one.id) == sent_first
        assert (await item(w, one.id)).escalated_to is EscalatedTo.LEAD
        await run(w, actions.accept_item, w.jun, one.id)
        await later(w, 7)
        assert (await notices(w, one.id))[3:] == [(w.jun, "owner"), (w.jun, "owner")]
        await later(w, 4)
        assert (await notices(w, one.id))[5:] == [(lead.id, "lead")]
        await later(w, 12)
        after = (await notices(w, one.id))[6:]
        assert sorted(after) == sorted([(w.jun, "owner"), (w.jun, "owner"), (lead.id, "manager")])
        assert (await item(w, one.id)).escalated_to is EscalatedTo.MANAGER
        done = await run(w, actions.set_item_state, w.jun, one.id, ItemState.DONE)
        assert done.lacks_evidence
        sent = len(await notices(w, one.id))
        await later(w, 8)
        assert len(await notices(w, one.id)) == sent

        # the third time that a day is put off reaches the manager at once
        two = await run(
            w, actions.add_item, w.jun, "Alert on pool saturation", owner_id=w.jun, team_id=team.id
        )
        for weeks in (1, 2, 3):
            await run(w, actions.set_due, w.jun, two.id, two.due + timedelta(weeks=weeks), reason="On call")
        assert (lead.id, "moved") in await notices(w, two.id)

        # its owner leaves: the lead is proposed, and neither answer nor history is lost
        async with w.ctx.db.tx() as tx:
            await people.update_person(tx, await w.actor(w.mara), w.jun, active=False, now=w.now)
        orphan = await item(w, two.id)
        assert (orphan.owner_id, orphan.is_accepted, orphan.moved) == (lead.id, False, 3)
        refused = await run(w, actions.assign_item, w.mara, two.id, w.jun)
        assert isinstance(refused, Conflict)
        assert list(refused.fields) == ["owner_id"]
        async with w.ctx.db.tx() as tx:
            start, end = due, due + timedelta(days=1)
            result = completion_rate.completion(
                await store.due_between(tx, start, end), start, end, w.now.date()
            )
        assert (result.done, result.due) == (0, 1)


async def test_no_one_is_notified_of_an_item_that_they_may_not_read(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            secret = await incidents.declare(
                tx,
                mara,
                title="Keys leaked",
                severity=1,
                service_ids=[w.service],
                incident_type=IncidentType.SECURITY,
                now=w.now,
            )
            other = await incidents.declare(
                tx, mara, title="Search is slow", severity=2, service_ids=[w.service], now=w.now
            )
            team = next(t for t in await people.teams(tx))
            lead = await people.create_person(
                tx, mara, name="Lena", email="lena@example.org", role=Role.RESPONDER, tz="UTC", now=w.now
            )
            await people.set_team_members(
                tx, mara, team.id, [(w.mara, "member"), (lead.id, "manager")], w.now
            )
        one = await run(
            w, actions.add_item, w.mara, "Rotate every key", incident_id=secret.id, owner_id=w.mara
        )
        w.clock.advance(timedelta(days=80))
        await later(w, 1)
        recipients = {person for person, _ in await notices(w, one.id)}
        assert w.mara in recipients
        assert lead.id not in recipients

        # merged incidents take their items along
        two = await run(w, actions.add_item, w.mara, "Warn about slow search", incident_id=other.id)
        async with w.ctx.db.tx() as tx:
            third = await incidents.declare(
                tx, mara, title="Search fails", severity=1, service_ids=[w.service], now=w.now
            )
            await incidents.merge(tx, mara, other.id, third.id, w.now)
        assert (await item(w, two.id)).incident_id == third.id
