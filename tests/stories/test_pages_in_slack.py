"""Pages are announced in the channels of teams, and user groups hold who is on call."""

import json
from datetime import timedelta

from firebell.chat.model import OncallGroup
from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident, IncidentType
from firebell.kit.clock import FakeClock
from firebell.oncall.schedules import queries as oncall
from firebell.paging import actions as paging
from tests.chat_world import announce, chat_world, configure, declare, run_for
from tests.world import World


def _shown(message: dict[str, object]) -> str:
    return str(message["blocks"])


async def test_pages_are_announced_and_follow_their_state(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as (w, space, account):
        channel = space.add_channel("payments")
        await announce(w, account, channel.id, pages=True, incidents=False)
        await w.alert()
        await run_for(w, 5)
        (message,) = channel.messages
        assert "fb_page_ack" in _shown(message)
        await w.ack(w.mara)
        await run_for(w, 5)
        assert "Acknowledged by Mara Lindqvist" in _shown(channel.messages[0])
        assert "fb_page_ack" not in _shown(channel.messages[0])
        await w.resolve(w.mara)
        await run_for(w, 5)

        assert len(channel.messages) == 1
        assert "Resolved" in _shown(channel.messages[0])

        # one that begins to flap says so on its card, and no further change is a message or an edit
        async def change(number: int) -> None:
            w.clock.advance(timedelta(minutes=1))
            status = "resolved" if number % 2 else "firing"
            await w.alert("disk full", status=status, at=str(w.now))
            await run_for(w, 5)

        for number in range(5):
            await change(number)
        cards = len(channel.messages)
        assert "Flapping" not in _shown(channel.messages[-1])
        await change(5)
        assert "Flapping: disk full" in _shown(channel.messages[-1])
        assert "disk full (flapping)" in _shown(channel.messages[-1])
        await w.ack(w.mara)
        await run_for(w, 5)
        assert "Acknowledged by Mara Lindqvist" in _shown(channel.messages[-1])
        edits = space.count("chat.update")
        for number in range(6, 10):
            await change(number)
        assert (len(channel.messages), space.count("chat.update")) == (cards, edits)


async def test_a_storm_of_pages_is_one_message(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as (w, space, account):
        channel = space.add_channel("payments")
        await announce(w, account, channel.id, pages=True, incidents=False)
        for number in range(60):
            await w.alert(f"Disk {number} is full", severity="warning")
        await run_for(w, 60)

        storms = [m for m in channel.messages if "pages, " in m["text"]]
        if len(await w.pages()) >= 60:
            assert len(channel.messages) <= 21 + len(storms)
            assert len(storms) == 1


async def set_visibility(w: World, incident: Incident, *, private: bool) -> None:
    """Hide an incident, or show it again."""
    async with w.ctx.db.tx() as tx:
        await incidents.set_type(
            tx,
            await w.actor(w.mara),
            incident.id,
            IncidentType.OPERATIONAL,
            w.now,
            private=private,
            reason="It is over.",
        )


async def test_the_message_of_a_page_that_is_over_does_not_come_back_with_its_incident(
    dsn: str, clock: FakeClock
) -> None:
    """An incident with many pages would fill the channel with messages that no one has to act on."""
    async with chat_world(dsn, clock) as (w, space, account):
        channel = space.add_channel("payments")
        await announce(w, account, channel.id, pages=True, incidents=False)
        await w.alert("The vault key is public")
        incident = await declare(w, "Keys were leaked", severity=2, page_id=(await w.page()).id)
        await run_for(w, 60)
        await set_visibility(w, incident, private=True)
        await run_for(w, 60)
        assert channel.messages == []
        async with w.ctx.db.tx() as tx:
            await paging.resolve(tx, await w.actor(w.mara), (await w.page()).id, w.now)
        await run_for(w, 60)
        await set_visibility(w, incident, private=False)
        await run_for(w, 60)
        assert channel.messages == []


async def test_the_message_of_a_page_goes_when_its_incident_becomes_private(
    dsn: str, clock: FakeClock
) -> None:
    async with chat_world(dsn, clock) as (w, space, account):
        channel = space.add_channel("payments")
        await announce(w, account, channel.id, pages=True, incidents=False)
        await w.alert("The vault key is public")
        incident = await declare(w, "Keys were leaked", severity=2, page_id=(await w.page()).id)
        await run_for(w, 60)
        (message,) = channel.messages
        assert incident.ref in _shown(message)
        for is_private in (True, False):
            await set_visibility(w, incident, private=is_private)
            await run_for(w, 60)
            assert len(channel.messages) == (0 if is_private else 1)


async def test_the_message_about_a_storm_goes_when_all_its_pages_are_of_a_private_incident(
    dsn: str, clock: FakeClock
) -> None:
    async with chat_world(dsn, clock) as (w, space, account):
        channel = space.add_channel("payments")
        await announce(w, account, channel.id, pages=True, incidents=False)
        names = [f"vault-{number}" for number in range(30)]
        labels = [{"alertname": name, "service": name, "severity": "warning"} for name in names]
        alerts = [{"labels": each, "status": "firing", "fingerprint": each["alertname"]} for each in labels]
        body = {"version": "4", "status": "firing", "alerts": alerts}
        await w.receive("alertmanager", json.dumps(body).encode())
        await run_for(w, 60)
        pages = await w.pages()
        assert len(pages) == len(names)
        assert any("30 pages" in m["text"] or "pages, " in m["text"] for m in channel.messages)
        incident = await declare(w, "Keys were leaked", severity=2, private=True)
        for page in pages:
            async with w.ctx.db.tx() as tx:
                await incidents.link_page(tx, await w.actor(w.mara), incident.id, page.id, w.now)
        await run_for(w, 120)
        assert channel.messages == []


async def test_the_group_of_who_is_on_call_follows_the_schedule(dsn: str, clock: FakeClock) -> None:

    async with chat_world(dsn, clock) as (w, space, account):
        async with w.ctx.db.tx() as tx:
            (schedule, *_) = await oncall.schedules(tx)
        await configure(w, account, groups=(OncallGroup("S1", "payments-oncall", (schedule.id,)),))
        await run_for(w, 60)
        first = list(space.groups["S1"])
        assert len(first) == 1
        await run_for(w, 8 * 86400, 6 * 3600)

        assert space.groups["S1"] != first or len(schedule.people) < 2
