"""Story: from the moment a person leaves, no message, link, key, feed or session works for them."""

from datetime import timedelta
from typing import Any

import pytest

from firebell.kit.clock import FakeClock
from firebell.kit.db.events import Actor
from firebell.kit.jobs.timers import Timer
from firebell.kit.signing import token_hash
from firebell.notify.deliveries import store as delivery_store
from firebell.oncall.calendars import actions as calendars
from firebell.oncall.calendars.model import FeedKind
from firebell.paging import actions as paging
from firebell.paging import timers
from firebell.paging.model import TIMER, Level, PageState, Plan, Strategy, Target, TargetKind
from firebell.people import actions as people
from firebell.people.api_keys import store as key_store
from firebell.people.audit_log import store as audit_store
from tests.api.api_clients import Api, browser, key_of
from tests.world import World, world

ADMIN = Actor("system", "Test")
PASSWORD = "a quiet night please"


async def set_active(w: World, person: int, active: bool) -> None:
    """Deactivate or reactivate a person."""
    async with w.ctx.db.tx() as tx:
        await people.update_person(tx, ADMIN, person, active=active, now=w.now)


async def set_levels(w: World, *levels: Level) -> None:
    """Let the policy have these levels, without a repetition."""
    async with w.ctx.db.tx() as tx:
        [policy] = await paging.policies(tx)
        plan = Plan(policy.name, levels, repeat=0, ack_timeout_s=None)
        await paging.update_policy(tx, ADMIN, policy, plan, now=w.now)


def both(w: World) -> tuple[Target, ...]:
    """Return Mara and Jun as the targets of a level."""
    return Target(TargetKind.PERSON, w.mara), Target(TargetKind.PERSON, w.jun)


async def add_rule_after(w: World, person: int, seconds: int) -> None:
    """Add a second rule, this many seconds after the first."""
    async with w.ctx.db.tx() as tx:
        method = (await people.rules_of(tx, [person], "high"))[person][0].method
        rules = [(0, method.id), (seconds, method.id)]
        await people.set_rules(tx, ADMIN, person_id=person, urgency="high", rules=rules, now=w.now)


async def states(w: World, person: int) -> list[str]:
    async with w.ctx.db.tx() as tx:
        rows = await tx.fetch("select state from delivery where person_id = $1 order by id", person)
    return [row["state"] for row in rows]


async def promote(w: World, person: int) -> None:
    async with w.ctx.db.tx() as tx:
        await people.update_person(tx, ADMIN, person, role="admin", now=w.now)


async def pages_to(w: World, person: str) -> list[dict[str, Any]]:
    return [message for message in w.sink.got if message["person"] == person and message["event"] != "change"]


async def test_a_rule_of_30_seconds_sends_nothing_to_who_left_meanwhile(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await promote(w, w.jun)
        await add_rule_after(w, w.mara, 30)
        await w.alert()
        await w.settle()
        before = len(await pages_to(w, "Mara Lindqvist"))
        clock.advance(timedelta(seconds=10))
        await set_active(w, w.mara, False)
        assert await states(w, w.mara) == ["accepted", "void"]
        await w.after(minutes=2)
        assert len(await pages_to(w, "Mara Lindqvist")) == before == 1


async def test_a_message_queued_while_its_receiver_leaves_is_voided_when_it_is_claimed(
    dsn: str, clock: FakeClock
) -> None:
    """The message was planned from what was true before the person left, and committed after."""
    async with world(dsn, clock) as w:
        await promote(w, w.jun)
        await add_rule_after(w, w.mara, 30)
        await w.alert()
        await w.settle()
        await set_active(w, w.mara, False)
        async with w.ctx.db.tx() as tx:
            await tx.execute("update delivery set state = 'queued' where state = 'void'")
        clock.advance(timedelta(seconds=30))
        async with w.ctx.db.tx() as tx:
            claimed = await delivery_store.claim(tx, w.now, 100)
        assert w.mara not in [delivery.person_id for delivery in claimed]
        assert await states(w, w.mara) == ["accepted", "void"]


async def test_a_level_that_reaches_no_one_is_left_at_once(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await promote(w, w.jun)
        await w.alert()
        await w.worker.run_due(w.now)
        assert await states(w, w.mara) == ["queued"]
        await set_active(w, w.mara, False)
        await w.settle()
        assert await pages_to(w, "Mara Lindqvist") == []
        assert len(await pages_to(w, "Jun Okafor")) == 1


@pytest.mark.parametrize("is_sent", [False, True])
async def test_a_page_waits_for_no_one_who_left_after_its_message_was_sent(
    dsn: str, clock: FakeClock, is_sent: bool
) -> None:
    """The message of the only person of a level has arrived, or its provider has not answered yet."""
    async with world(dsn, clock) as w:
        await promote(w, w.jun)
        await w.alert()
        await w.worker.run_due(w.now)
        async with w.ctx.db.tx() as tx:
            [claimed] = await delivery_store.claim(tx, w.now, 100)
        if is_sent:
            async with w.ctx.db.tx() as tx:
                await delivery_store.accepted(tx, [(claimed, "1")], w.now)
        await set_active(w, w.mara, False)
        await w.settle()
        assert len(await pages_to(w, "Jun Okafor")) == 1
        async with w.ctx.db.tx() as tx:
            await delivery_store.retry(tx, [claimed], w.now, "busy")
        await w.after(minutes=1)
        assert await pages_to(w, "Mara Lindqvist") == []


async def test_a_level_that_is_entered_while_its_person_leaves_is_over_at_once(
    dsn: str, clock: FakeClock
) -> None:
    """The message is stored after the deactivation has looked for pages that wait for the person."""
    async with world(dsn, clock) as w:
        await promote(w, w.jun)
        await w.alert()
        page = await w.page()
        assert page.due_at is not None
        async with w.ctx.db.tx() as tx:
            await timers.run(tx, [Timer(0, TIMER, str(page.id), page.epoch, page.due_at, 0)], w.now)
            await set_active(w, w.mara, False)
        assert await states(w, w.mara) == ["queued"]
        await w.settle()
        assert await states(w, w.mara) == ["void"]
        assert len(await pages_to(w, "Jun Okafor")) == 1
        assert "Everyone whom this level reached has left or has acknowledged." in await w.story()


async def test_the_others_of_a_round_robin_get_the_page_of_someone_who_left(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        await promote(w, w.jun)
        await set_levels(w, Level(both(w), strategy=Strategy.ROUND_ROBIN))
        await w.alert()
        await w.settle()
        await set_active(w, w.mara, False)
        await w.settle()
        assert [message["event"] for message in await pages_to(w, "Jun Okafor")] == ["page"]
        assert (await w.page()).state is PageState.TRIGGERED


@pytest.mark.parametrize("leaves_first", [False, True])
async def test_a_page_waits_for_no_second_acknowledgment_of_someone_who_left(
    dsn: str, clock: FakeClock, leaves_first: bool
) -> None:
    async with world(dsn, clock) as w:
        await promote(w, w.jun)
        await set_levels(w, Level(both(w), min_acks=2))
        await w.alert()
        await w.settle()
        if leaves_first:
            await set_active(w, w.mara, False)
        await w.ack(w.jun)
        if not leaves_first:
            await set_active(w, w.mara, False)
        await w.settle()
        assert (await w.page()).state is PageState.EXHAUSTED
        assert "Everyone whom this level reached has left or has acknowledged." in await w.story()
        assert [message["event"] for message in await pages_to(w, "Jun Okafor")] == ["page", "alarm"]


async def test_a_level_of_one_who_acknowledged_waits_for_others_to_join(dsn: str, clock: FakeClock) -> None:
    """No one left: the time of the level is that in which a second person can acknowledge."""
    async with world(dsn, clock) as w:
        await set_levels(w, Level(both(w)[1:], min_acks=2))
        await w.alert()
        await w.settle()
        await w.ack(w.jun)
        await w.settle()
        assert (await w.page()).state is PageState.TRIGGERED
        await w.after(minutes=6)
        assert (await w.page()).state is PageState.EXHAUSTED


async def test_a_level_waits_for_those_who_stay(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await promote(w, w.jun)
        await set_levels(w, Level(both(w)), Level(both(w)[1:]))
        await w.alert()
        await w.settle()
        await set_active(w, w.mara, False)
        await w.after(minutes=2)
        assert ((await w.page()).level, len(await pages_to(w, "Jun Okafor"))) == (0, 1)


@pytest.mark.parametrize("returned", [False, True])
async def test_the_link_of_someone_who_left_stays_void_even_when_they_return(
    dsn: str, clock: FakeClock, returned: bool
) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await promote(w, w.jun)
        await w.alert("Checkout is down")
        await w.settle()
        path = w.sink.got[-1]["ack_url"].removeprefix("http://127.0.0.1:8080")
        assert (await http.get(path)).status_code == 200
        clock.advance(timedelta(seconds=10))
        await set_active(w, w.mara, False)
        if returned:
            clock.advance(timedelta(seconds=10))
            await set_active(w, w.mara, True)
        for answer in (await http.get(path), await http.post(path)):
            assert answer.status_code == 410
            assert "Checkout is down" not in answer.text
        assert (await w.page()).first_ack_at is None


async def test_keys_feeds_sessions_and_sign_in_links_end_for_good(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        key = await key_of(w.ctx.db, clock, w.jun)
        await w.set_password(w.jun, PASSWORD)
        async with w.ctx.db.tx() as tx:
            _, feed = await calendars.create_feed(
                tx, ADMIN, kind=FeedKind.PERSON, subject_id=w.jun, made_by=w.jun, now=w.now
            )
            link = await people.welcome_link(tx, ADMIN, w.ctx.signer, w.jun, w.now)
        signed_in = await http.post("/login", data={"email": "jun@example.org", "password": PASSWORD})
        assert signed_in.status_code == 303
        assert (await http.get("/api/v1/me")).status_code == 200
        clock.advance(timedelta(minutes=1))
        await set_active(w, w.jun, False)
        clock.advance(timedelta(minutes=1))
        await set_active(w, w.jun, True)
        await Api(http, key)("GET", "/me", status=401)
        assert (await http.get("/api/v1/me")).status_code == 401
        assert (await http.get(f"/calendar/{feed}.ics")).status_code == 410
        assert (await http.get(link)).status_code == 422
        assert (await http.post(link, data={"password": "another quiet night"})).status_code == 422
        async with w.ctx.db.tx() as tx:
            assert await key_store.key(tx, token_hash(key)) is None
            actions = [row["action"] for row in await audit_store.audit_entries(tx, None, 100)]
            detail = await tx.value(
                "select detail from audit where action = 'person.left' and subject = $1", f"person:{w.jun}"
            )
        assert detail == {"sessions": 1, "keys": 1}
        assert "calendar.feeds_revoked" in actions


async def test_a_new_link_works_for_who_returned(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await set_active(w, w.jun, False)
        clock.advance(timedelta(minutes=1))
        await set_active(w, w.jun, True)
        async with w.ctx.db.tx() as tx:
            link = await people.welcome_link(tx, ADMIN, w.ctx.signer, w.jun, w.now)
        answer = await http.post(link, data={"password": "another quiet night"})
        assert answer.status_code == 303
        assert (await http.get("/api/v1/me")).json()["id"] == w.jun
