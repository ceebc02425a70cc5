"""A private incident is open to the people it paged, not to those who acknowledged a page or got one linked later."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from firebell.action_items import actions as action_items
from firebell.handoffs import actions as handoffs
from firebell.handoffs import store as handoff_store
from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident, IncidentType
from firebell.kit import private_reader
from firebell.kit.clock import FakeClock
from firebell.kit.errors import NotFound
from firebell.oncall.schedules import queries
from firebell.paging import actions as paging
from firebell.people import actions as people
from tests.stories.test_a_person_pages_someone_by_hand import shown, start
from tests.stories.test_an_incident_gets_its_response import organized, person
from tests.world import World, world


@pytest.fixture
async def w(dsn: str, clock: FakeClock) -> AsyncIterator[World]:
    async with world(dsn, clock) as opened:
        yield opened


async def declare(w: World, *, private: bool, severity: int = 3, title: str = "Odd logins") -> Incident:
    """Declare an incident as Mara."""
    mara = await w.actor(w.mara)
    kind = IncidentType.SECURITY if private else IncidentType.OPERATIONAL
    async with w.ctx.db.tx() as tx:
        return await incidents.declare(
            *(tx, mara), title=title, severity=severity, incident_type=kind, now=w.now
        )


async def reads(w: World, person_id: int, incident: Incident) -> bool:
    """Return True if a person may read an incident."""
    with private_reader.as_reader(person_id):
        async with w.ctx.db.tx() as tx:
            try:
                await incidents.incident(tx, incident.id)
            except NotFound:
                return False
    return True


async def test_acknowledging_a_page_grants_no_access(w: World) -> None:
    other, secret = await person(w, "Kim Ito"), await declare(w, private=True)
    page_id = await start(w, incident_id=secret.id)
    await w.settle()
    for each in (w.jun, other):  # the second one joins
        await w.ack(each, page_id)
    assert await reads(w, w.jun, secret)
    assert not await reads(w, other, secret)


async def test_acknowledging_its_own_page_grants_no_access(w: World) -> None:
    other = await person(w, "Kim Ito")
    secret = await declare(w, private=True, severity=1)
    await w.settle()
    page = next(page for page in await w.pages() if page.subject_kind == "incident")
    await w.ack(other, page.id)
    assert not await reads(w, other, secret)


async def test_a_linked_or_merged_page_grants_no_access(w: World) -> None:
    open_one, secret = await declare(w, private=False), await declare(w, private=True, title="Tokens copied")
    linked, merged = await start(w), await start(w, incident_id=open_one.id)
    await w.settle()
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        await incidents.link_page(tx, mara, secret.id, linked, w.now)
        await incidents.merge(tx, mara, open_one.id, secret.id, w.now)
        assert merged in await incidents.page_ids(tx, secret.id)
    assert not await reads(w, w.jun, secret)
    assert await reads(w, w.jun, open_one)


async def show(w: World, incident: Incident, *, private: bool) -> None:
    """Show an incident to everyone, or only to those involved, as Mara."""
    mara, kind = await w.actor(w.mara), IncidentType.OPERATIONAL
    async with w.ctx.db.tx() as tx:
        await incidents.set_type(tx, mara, incident.id, kind, w.now, private=private, reason="Not sensitive")


async def merge(w: World, old: Incident, into: Incident) -> None:
    """Merge incidents as Mara."""
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        await incidents.merge(tx, mara, old.id, into.id, w.now)


async def test_pages_of_an_open_incident_show_why_again_once_what_it_was_merged_into_is_open(
    w: World,
) -> None:
    first, second = [await declare(w, private=False, title=title) for title in ("Odd logins", "Odd mails")]
    secret = await declare(w, private=True, title="Tokens copied")
    page_ids = [await start(w, incident_id=one.id) for one in (first, second, secret)]
    await merge(w, first, second)
    await merge(w, second, secret)
    outsider = await person(w, "Kim Ito")
    assert [await reads(w, outsider, one) for one in (first, second, secret)] == [False] * 3
    assert not any(["db-3" in await shown(w, page_id) for page_id in page_ids])
    await show(w, secret, private=False)
    assert [await reads(w, outsider, one) for one in (first, second, secret)] == [True] * 3
    assert all(["db-3" in await shown(w, page_id) for page_id in page_ids])


async def test_a_merged_incident_that_was_private_before_stays_so_with_its_pages(w: World) -> None:
    old, secret = await declare(w, private=True), await declare(w, private=True, title="Tokens copied")
    old_page, page_id = await start(w, incident_id=old.id), await start(w, incident_id=secret.id)
    await merge(w, old, secret)
    await show(w, secret, private=False)
    outsider = await person(w, "Kim Ito")
    assert (await reads(w, outsider, secret), await reads(w, outsider, old)) == (True, False)
    assert "db-3" in await shown(w, page_id)
    assert "db-3" not in await shown(w, old_page)


async def test_what_was_merged_into_an_incident_becomes_private_and_open_with_it(w: World) -> None:
    old, into = await declare(w, private=False), await declare(w, private=False, title="Odd mails")
    page_id, outsider = await start(w, incident_id=old.id), await person(w, "Kim Ito")
    await merge(w, old, into)
    for private in (True, False, True):
        await show(w, into, private=private)
        assert await reads(w, outsider, old) is not private
        assert ("db-3" in await shown(w, page_id)) is not private


async def test_the_reason_of_a_page_that_is_linked_leaves_the_handoffs(w: World) -> None:
    secret = await declare(w, private=True)
    page_id = await start(w)
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        schedule = await queries.by_slug(tx, "payments-primary")
        change = handoffs.next_change(schedule, w.now)
        assert change
        await handoffs.draft_change(tx, schedule, change, w.now)
        body = f"- PG-{page_id}, Mara: Replication is stuck on db-3.\n- PG-{page_id}0 stays\n"
        await handoffs.save(tx, mara, schedule, change.day, body, 1, w.now)
        await incidents.link_page(tx, mara, secret.id, page_id, w.now)
        kept = (await handoffs.of_day(tx, schedule, change.day)).body
    assert kept == f"- PG-{page_id}0 stays\n"


async def test_action_items_of_private_incidents_take_no_space_in_a_handoff(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When many of them were due, the team's other items were missing."""
    monkeypatch.setattr(handoffs, "MAX_ACTION_ITEMS", 1)
    secret = await declare(w, private=True)
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        schedule = await queries.by_slug(tx, "payments-primary")
        change = handoffs.next_change(schedule, w.now)
        assert change
        for title, incident_id, days in (("Revoke the tokens", secret.id, 1), ("Renew the disk", None, 2)):
            await action_items.add_item(
                *(tx, mara, title, w.now),
                incident_id=incident_id,
                team_id=schedule.team_id,
                due=change.day + timedelta(days=days),
            )
        await handoffs.draft_change(tx, schedule, change, w.now)
        body = (await handoffs.of_day(tx, schedule, change.day)).body
    assert "Renew the disk" in body
    assert "Revoke" not in body


async def test_paging_for_it_does_not_wait_while_handoffs_are_drafted(w: World) -> None:
    secret = await declare(w, private=True)
    async with w.ctx.db.tx() as drafting:
        await handoff_store.lock_bodies(drafting)
        async with asyncio.timeout(10):
            page_id = await start(w, incident_id=secret.id)
    async with w.ctx.db.tx() as tx:
        page = await paging.page(tx, page_id)
    assert "db-3" not in page.title


async def test_declaring_a_private_incident_from_a_page_hides_why_it_was_started(w: World) -> None:
    page_id = await start(w)
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        await incidents.declare(
            *(tx, mara),
            title="Tokens copied",
            severity=3,
            incident_type=IncidentType.SECURITY,
            page_id=page_id,
            now=w.now,
        )
        assert "db-3" not in (await paging.page(tx, page_id)).title


async def test_the_pages_of_its_response_name_it_to_no_one_else(w: World) -> None:
    org = await organized(w)
    secret = await org.declare(incident_type=IncidentType.SECURITY)
    async with w.ctx.db.tx() as tx:
        pages = await paging.pages_by_id(tx, await incidents.page_ids(tx, secret.id))
        texts = [entry.text for page_id in pages for entry in await paging.log(tx, page_id)]
    manual_pages = [page for page in pages.values() if page.subject_kind == "manual"]
    assert manual_pages
    assert [text for text in [*(page.title for page in manual_pages), *texts] if secret.ref in text] == []


async def test_bug_the_fallback_responders_were_reminded_of_a_private_incident(w: World) -> None:
    mara = await w.actor(w.mara)
    open_one = await declare(w, private=False, severity=1)
    secret = await declare(w, private=True, severity=1, title="Tokens copied")
    kim = await person(w, "Kim Ito")
    async with w.ctx.db.tx() as tx:
        await people.set_fallback_responders(tx, mara, [kim], w.now)
        assert await incidents.reminder_recipients(tx, open_one) == [kim]
        # an admin, because there are no managers
        assert await incidents.reminder_recipients(tx, secret) == [w.mara]
