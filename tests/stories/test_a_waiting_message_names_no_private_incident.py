"""Story: a message that waits while its incident becomes private reaches only people who may read the incident."""

from collections.abc import AsyncIterator

import pytest

from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident, IncidentType
from firebell.kit.clock import FakeClock
from firebell.notify import actions as notify
from firebell.notify.model import Notice
from firebell.people import actions as people
from firebell.people.model import Role
from firebell.regulatory import reminding
from tests.chat_world import declare
from tests.world import World, world


@pytest.fixture
async def w(dsn: str, clock: FakeClock) -> AsyncIterator[World]:
    async with world(dsn, clock) as opened:
        yield opened


async def queue(w: World, incident: Incident, *, names_it: bool, becomes_private: bool) -> None:
    """Queue a notice and a reminder for Jun and Mara; then the incident becomes private, and all is sent."""
    mara = await w.actor(w.mara)
    notices = [
        Notice(
            f"test:{i}", i, "audience", f"{incident.ref} is late", "", incident_id=incident.id * int(names_it)
        )
        for i in (w.jun, w.mara)
    ]
    async with w.ctx.db.tx() as tx:
        await notify.send_notices(tx, notices, w.now)
        await notify.send_about(
            tx, reminding.SUBJECT_KIND, {incident.id: [w.jun, w.mara]}, w.now, urgency="low"
        )
        if becomes_private:
            await incidents.set_type(tx, mara, incident.id, IncidentType.SECURITY, w.now, private=True)
    w.sink.got.clear()
    await w.settle()


def received(w: World, event: str) -> list[str]:
    """Return who received messages of a kind."""
    return sorted(m["person"] for m in w.sink.got if m["event"].startswith(event))


@pytest.mark.parametrize(
    ("names_it", "becomes_private", "notified", "reminded"),
    [
        (True, True, ["Mara Lindqvist"], ["Mara Lindqvist"]),
        (False, True, ["Jun Okafor", "Mara Lindqvist"], ["Mara Lindqvist"]),
        (True, False, ["Jun Okafor", "Mara Lindqvist"], ["Jun Okafor", "Mara Lindqvist"]),
    ],
)
async def test_only_readers_get_what_names_an_incident_that_became_private(
    w: World, names_it: bool, becomes_private: bool, notified: list[str], reminded: list[str]
) -> None:
    incident = await declare(w, "Data copied", severity=3)
    await w.settle()
    await queue(w, incident, names_it=names_it, becomes_private=becomes_private)
    assert received(w, "audience") == notified
    assert received(w, "regulatory") == reminded


async def test_managers_get_it_although_they_are_not_involved(w: World) -> None:
    incident = await declare(w, "Data copied", severity=3)
    async with w.ctx.db.tx() as tx:
        await people.update_person(tx, await w.actor(w.mara), w.jun, role=Role.MANAGER, now=w.now)
    await w.settle()
    await queue(w, incident, names_it=True, becomes_private=True)
    assert received(w, "audience") == ["Jun Okafor", "Mara Lindqvist"]
