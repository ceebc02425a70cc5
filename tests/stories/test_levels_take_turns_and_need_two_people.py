"""Story: a level pages its people in turn, a page needs two of them, and a level is only for some pages."""

import asyncio
from datetime import datetime
from typing import Any

import pytest

from firebell.channels import registry
from firebell.channels.callbacks import PageAction, TextReply
from firebell.chat.mirror import fact_queries
from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.jobs.timers import Timer
from firebell.paging import actions as paging
from firebell.paging import bulk_actions, offline_checks, timers
from firebell.paging import queries as page_queries
from firebell.paging.level_conditions import PageKind
from firebell.paging.model import TIMER, ManualTarget, ManualTargetKind, PageState
from firebell.people import actions as people
from firebell.replies import text_replies
from firebell.replies.page_replies import Answerer, respond
from firebell.response import running_steps
from firebell.response.defaults import SHIPPED
from firebell.routing import alert_bulk_actions as alert_actions
from tests.api.api_clients import Api, browser, key_of, sign_in
from tests.lock_waits import until_blocked
from tests.world import World, world

MARA, JUN = "Mara Lindqvist", "Jun Okafor"


async def reached_by(w: World, title: str) -> list[str]:
    """Return whom a new page about something notifies at once; it is resolved afterwards."""
    before = len(w.sink.got)
    await w.alert(title, service=title)
    await w.settle()
    names = w.sink.people()[before:]
    await w.resolve(w.mara)
    return names


def in_turn(w: World, **more: Any) -> dict[str, Any]:
    targets = [{"kind": "person", "id": i} for i in (w.mara, w.jun)]
    return {"targets": targets, "strategy": "round_robin", **more}


async def test_a_level_takes_turns_and_a_page_needs_two_people(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await w.lift_night_limit()
        api = Api(http, await key_of(w.ctx.db, clock, w.mara))
        team = {"targets": [{"kind": "team", "id": 1}]}
        saved = await api("PUT", "/policies/payments", {"levels": [in_turn(w), team], "repeat": 0})
        assert (saved["levels"][0]["strategy"], saved["levels"][1]["conditions"]) == ("round_robin", None)

        # the next person for each page; someone who is gone loses their turn, and has the next one when they are back
        assert [await reached_by(w, f"disk {n}") for n in range(4)] == [[MARA], [JUN], [MARA], [JUN]]
        async with w.ctx.db.tx() as tx:
            await tx.execute("update person set active = false where id = $1", w.mara)
        assert await reached_by(w, "disk 4") == [JUN]
        async with w.ctx.db.tx() as tx:
            await tx.execute("update person set active = true where id = $1", w.mara)
        assert await reached_by(w, "disk 5") == [MARA]

        # what fails takes no turn, and two processes at once take different ones
        for n in (6, 7):
            await w.alert(f"disk {n}", service=f"disk {n}")
        pages = [p for p in await w.pages() if p.state is PageState.TRIGGERED]
        async with w.ctx.db.tx() as tx:
            # whose turn it will be is not certain: an incident may page them as well
            assert await paging.people_paged(tx, [p.id for p in pages], w.now) == set()

        async def enter(page_id: int, *, fails: bool = False) -> None:
            async with w.ctx.db.tx() as tx:
                await timers.run(tx, [await _timer(tx, page_id)], w.now)
                if fails:
                    raise LookupError

        with pytest.raises(LookupError):
            await enter(pages[0].id, fails=True)
        async with w.ctx.db.tx() as tx:
            await timers.run(tx, [await _timer(tx, pages[0].id)], w.now)
            other = asyncio.create_task(enter(pages[1].id))
            await until_blocked(w.ctx.db, other)
        await other
        turns = [next(iter(p.turns)).person_ids for p in (await w.pages())[-2:]]
        assert sorted(turns) == sorted([(w.jun,), (w.mara,)])
        for page in pages:
            await _resolve(w, page.id)

        # no message to the person in turn can be delivered: everyone else at the level is next, not the final alarm
        w.sink.status = 404
        await w.alert("gone", service="gone")
        await w.settle()
        w.sink.status = 200
        page = await w.page()
        async with w.ctx.db.tx() as tx:
            entries = await paging.log(tx, page.id)
        levels = [(e.data["level"], e.data["people"]) for e in entries if e.kind == "level"]
        assert [level for level, _ in levels] == [0, 0, 1]
        assert sorted(ids for _, ids in levels[:2]) == [[w.mara], [w.jun]]
        await _resolve(w, page.id)

        # two people must acknowledge: escalation continues after the first, without messages to them
        two = {"levels": [{**team, "min_acks": 2}, team], "repeat": 0}
        await api("PUT", "/policies/payments", two)
        await w.alert("disk 8", service="disk 8")
        await w.settle()
        page = await w.page()
        [alert, *_] = await api("GET", "/alerts", q="disk 8")
        [outcome] = await api("POST", "/alerts/bulk", {"action": "ack", "ids": [alert["id"]]})
        assert (outcome["is_done"], outcome["reason"]) == (True, "more acknowledgments needed")
        acked = await api("GET", f"/pages/{page.ref}")
        assert (acked["state"], acked["acks_missing"], acked["acks"], acked["acks_needed"]) == (
            "triggered",
            1,
            1,
            2,
        )
        again = await api("POST", f"/pages/{page.ref}/ack")
        assert (again["already"], again["acks_missing"]) == ("already acknowledged by you", 1)
        outcomes = await bulk_actions.act(
            w.ctx, await w.actor(w.mara), bulk_actions.BulkAction.ACK, [page.id]
        )
        assert [o.result for o in outcomes] == [bulk_actions.Result.UNCHANGED]
        csrf = await sign_in(w, http, w.mara)
        assert "1 of 2" in (await http.get("/pages")).text
        assert "1 of 2" in (await http.get(f"/pages/{page.ref}")).text
        before = len(w.sink.got)
        await w.after(minutes=6)
        assert w.sink.people()[before:] == [JUN]
        entered = await w.page()
        assert (entered.state, entered.level, entered.acks) == (PageState.TRIGGERED, 1, (w.mara,))
        assert w.sink.got[-1]["acks"] == 1
        async with w.ctx.db.tx() as tx:
            jun = Answerer(await people.person(tx, w.jun), "sms", "+4670", "en")
            answer = await respond(tx, jun, PageAction.ACK, page.id, w.now)
            assert answer.is_done
            assert (await paging.owners(tx, [page.id]))[page.id] == [w.mara, w.jun]
            kinds = [entry.kind for entry in await paging.log(tx, page.id)]
            assert [kind for kind in kinds if kind.startswith("acked")] == ["acked_in_part", "acked"]
            assert await tx.value("select count(*) from audit where action = 'page.acked_in_part'") == 1
        assert (await w.page()).state is PageState.ACKED
        await _resolve(w, page.id)

        # the list of alerts does not say that all is well while an acknowledgment is missing
        await w.alert("disk 9", service="disk 9")
        await w.settle()
        [alert, *_] = await api("GET", "/alerts")
        async with w.ctx.db.tx() as tx:
            [outcome] = await alert_actions.act_on_alerts(
                tx, await w.actor(w.jun), alert_actions.AlertAction.ACK, [alert["id"]], w.now
            )
        assert (outcome.is_done, outcome.reason) == (True, alert_actions.WAITS)
        assert (await w.page()).acks == (w.jun,)

        # a page that Jun has acknowledged does not make his next answer ambiguous
        await w.alert("disk 10", service="disk 10")
        assert (await api("GET", f"/pages/{(await w.page()).ref}"))["acks_needed"] == 2, (
            "before its first level"
        )
        await w.settle()
        async with w.ctx.db.tx() as tx:
            phone = "update contact_method set verified_at = now(), address = 'jun' where person_id = $1"
            await tx.execute(phone, w.jun)
            reply = TextReply("text-1", "jun", "a")
            assert (await text_replies.apply(tx, w.ctx, registry.channel("webhook"), reply, w.now)).is_done
        assert [page.acks for page in (await w.pages())[-2:]] == [(w.jun,), (w.jun,)]

        by_jun = [page.id for page in (await w.pages())[-2:]]

        # someone who withdrew has no part in it, and someone who acknowledged and left no longer counts
        await w.alert("disk 11", service="disk 11")
        await w.settle()
        half = await w.page()
        await api("POST", f"/pages/{half.ref}/ack")
        assert "/unack" in (await http.get(f"/pages/{half.ref}")).text
        await api("POST", f"/pages/{half.ref}/unack")
        assert ((await w.page()).state, (await w.page()).acks) == (PageState.TRIGGERED, ())
        await w.ack(w.jun)
        assert (await w.page()).acks == (w.jun,)

        # nor does someone who withdrew hold a page that another person acknowledged, who leaves at this moment
        await api("PUT", "/policies/payments", {"levels": [team], "repeat": 0})
        await w.alert("disk 12", service="disk 12")
        await w.settle()
        whole = await w.page()
        await api("POST", f"/pages/{whole.ref}/ack")
        shown = offline_checks.position(await w.page())
        await api("POST", f"/pages/{whole.ref}/unack")
        await w.settle()

        # a screen from before does not end the acknowledgment of another person, one that shows it does
        await w.ack(w.jun)
        for position, status, state in (
            (shown, 409, PageState.ACKED),
            (offline_checks.position(await w.page()), 303, PageState.TRIGGERED),
        ):
            form = {"csrf": csrf, "position": position}
            response = await http.post(f"/pages/{whole.ref}/unack", data=form)
            assert (response.status_code, (await w.page()).state) == (status, state)
        await w.settle()

        async def deactivate() -> None:
            async with w.ctx.db.tx() as tx:
                await people.update_person(tx, await w.actor(w.mara), w.jun, active=False, now=w.now)

        jun_actor = await w.actor(w.jun)
        async with w.ctx.db.tx() as tx:
            await paging.ack(tx, jun_actor, whole.id, w.now)
            assert (await paging.owners(tx, [whole.id]))[whole.id] == [w.jun]
            assert [p.id for p in await paging.pages_released_by(tx, w.jun, w.now)] == [whole.id]
            leaving = asyncio.create_task(deactivate())
            await until_blocked(w.ctx.db, leaving)
        await leaving
        async with w.ctx.db.tx() as tx:
            pages_now = await paging.pages_by_id(tx, [half.id, whole.id])
            assert [(p.state, p.acks) for p in pages_now.values()] == [(PageState.TRIGGERED, ())] * 2
            kinds = [entry.kind for entry in await paging.log(tx, half.id)]
            assert kinds.count("ack_withdrawn") == 2
            assert [p.acks for p in (await paging.pages_by_id(tx, by_jun)).values()] == [(), ()]


async def test_a_level_is_only_for_some_pages_but_never_silences_one(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        api = Api(http, await key_of(w.ctx.db, clock, w.mara))
        office = {"hours": {"days": [0, 1, 2, 3, 4], "start": "09:00", "end": "17:00"}}
        first = {"targets": [{"kind": "person", "id": w.mara}], "conditions": office}
        second = {"targets": [{"kind": "person", "id": w.jun}]}
        plan = {"levels": [first, second], "repeat": 0, "tz": "Europe/Stockholm"}
        refused = await api("PUT", "/policies/payments", {**plan, "levels": [first]}, status=422)
        assert [e["field"] for e in refused["errors"]] == ["levels"]
        await api("PUT", "/policies/payments", plan)

        def levels(steps: list[dict[str, Any]]) -> list[tuple[object, ...]]:
            return [(s["level"], s["excluded"], s["names"]) for s in steps if s["level"]]

        by_day = datetime.fromisoformat("2026-11-24T10:00:00+01:00").isoformat()
        for at, excluded in ((by_day, False), (w.now.isoformat(), True)):
            steps = await api("GET", "/policies/payments/dry-run", at=at)
            assert levels(steps) == [(1, excluded, "" if excluded else MARA), (2, False, JUN)]

        # it is night: the second level at once
        await w.alert()
        await w.settle()
        assert w.sink.people() == [JUN]
        assert (await w.page()).level == 1
        assert any("only Mon–Fri 09:00–17:00" in text for text in await w.story())
        await w.resolve(w.mara)

        # the list of services names her too, and an incident escalates to her
        async with w.ctx.db.tx() as tx:
            policies = await paging.policies_by_id(tx, [1])
            assert await page_queries.first_reached(tx, list(policies.values()), w.now) == {1: [(w.jun, JUN)]}
            incident = await incidents.declare(
                tx, await w.actor(w.mara), title="Down", severity=2, service_ids=[w.service], now=w.now
            )
            tiers = await running_steps.tiers(tx, SHIPPED, incident, w.now)
            # she is the one whom the chat invites to its room
            assert await fact_queries._on_call(tx, [1], PageKind.of_severity(2), w.now) == [w.jun]
        assert tiers == [("level 2", [ManualTarget(ManualTargetKind.PERSON, w.jun)])]

        # at night, an incident pages the first two levels that are for it together
        team = {"targets": [{"kind": "team", "id": 1}]}
        await api("PUT", "/policies/payments", {**plan, "levels": [first, second, team]})
        async with w.ctx.db.tx() as tx:
            page_id = await paging.start_incident_page(
                tx,
                await w.actor(w.mara),
                incident_id=7,
                title="Down",
                severity=1,
                service_id=None,
                team_id=1,
                policy_id=1,
                now=w.now,
            )
            assert page_id
            joined = await paging.join_first_levels(tx, page_id, w.now)
        assert joined
        assert [len(level.targets) for level in joined.plan.levels] == [1, 2]
        await _resolve(w, page_id)
        await api("PUT", "/policies/payments", plan)

        # it is night, and no one else can be reached: the condition does not count
        async with w.ctx.db.tx() as tx:
            await tx.execute("update person set active = false where id = $1", w.jun)
        await w.alert("again", service="again")
        await w.settle()
        assert w.sink.people()[1:] == [MARA]
        assert (await w.page()).level == 0


async def _timer(tx: Tx, page_id: int) -> Timer:
    page = await paging.page(tx, page_id)
    assert page.due_at is not None
    return Timer(0, TIMER, str(page_id), page.epoch, page.due_at, 0)


async def _resolve(w: World, page_id: int) -> None:
    async with w.ctx.db.tx() as tx:
        await paging.resolve(tx, Actor("system", "Test"), page_id, w.now)
