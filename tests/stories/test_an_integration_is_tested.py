"""Story: Jun tries whether alerts of an integration reach the people on call, and hides no real alert by that."""

from datetime import timedelta

import msgspec
import pytest

from firebell.alerts import actions as alerts
from firebell.alerts.inhibition import actions as inhibition
from firebell.alerts.inhibition.model import NewInhibitionRule
from firebell.alerts.model import TEST_KEY_PREFIX
from firebell.alerts.routing_rules.rules import Owner, RoutingRule
from firebell.alerts.silences import actions as silences
from firebell.alerts.silences.model import NewSilence
from firebell.catalog import actions as catalog
from firebell.integration_setup import actions, queries
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import SYSTEM
from firebell.kit.errors import Invalid, NotFound
from firebell.metrics.facts import source_store
from firebell.paging import actions as paging
from firebell.paging.model import PageState
from firebell.routing.model import RoutingTest
from tests.api.api_clients import TEST
from tests.world import World, world


async def _send(w: World, severity: str = "critical", *, is_new: bool = True) -> int:
    async with w.ctx.db.tx() as tx:
        sent, was_sent = await actions.send_test_alert(
            *(tx, await w.actor(w.jun)),
            service_id=w.service,
            integration_id=w.integration,
            severity=severity,
            now=w.now,
        )
    await w.settle()
    assert was_sent is is_new
    return sent.id


async def _end(w: World) -> int:
    async with w.ctx.db.tx() as tx:
        ids = {"service_id": w.service, "integration_id": w.integration}
        ended = await actions.end_test_alert(tx, await w.actor(w.jun), **ids, now=w.now)
    assert ended.status == "resolved"
    return ended.id


async def test_a_test_alert_pages_as_a_drill_and_leaves_real_alerts_alone(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        async with w.ctx.db.tx() as tx:
            everything = NewInhibitionRule("All", '{severity="critical"}', '{severity=~".+"}', (), 0)
            await inhibition.create_rule(tx, TEST, entered=everything, now=w.now)
        with pytest.raises(Invalid):
            await _send(w, "urgent")
        alert_id = await _send(w)
        assert await _send(w, is_new=False) == alert_id
        assert w.sink.people() == ["Mara Lindqvist"]
        test_page = await w.page()
        assert test_page.plan.is_drill
        assert "TEST" in test_page.title

        # a real alert of the same service, which the test must neither inhibit nor take into its group
        await w.alert("Disk full", severity="warning", labels={"alertname": actions.RULE})
        await w.settle()
        pages = await w.pages()
        assert [(page.plan.is_drill, page.title) for page in pages[1:]] == [(False, "Disk full")]
        async with w.ctx.db.tx() as tx:
            sources = await source_store.pages(tx, [page.id for page in pages])
            assert {source.id: source.drills for source in sources} == {test_page.id: [True], pages[1].id: []}
            # the chart counts the real alert only, and the integration was not heard from by its test
            assert (await alerts.alert_rate(tx, w.now, 4))[-1] == 1

        await w.after(minutes=20)
        async with w.ctx.db.tx() as tx:
            ended = await alerts.alert(tx, alert_id)
            assert (ended.status, ended.starts_at + actions.TEST_LASTS <= w.now) == (
                "resolved",
                True,
            )
        states = {page.title: page.state for page in await w.pages()}
        assert states[test_page.title] is PageState.RESOLVED
        assert states["Disk full"] is not PageState.RESOLVED
        # no final alarm: the levels of the policy were paged, and no fallback responder
        async with w.ctx.db.tx() as tx:
            log = await paging.log(tx, test_page.id)
        assert [entry for entry in log if entry.kind == "exhausted"] == []

        # a new test is a new alert, which a button ends
        again = await _send(w, "info")
        assert again != alert_id
        assert await _end(w) == again
        w.clock.advance(timedelta(seconds=1))
        with pytest.raises(NotFound):
            await _end(w)


async def _save_rules(w: World, *rules: RoutingRule) -> None:
    async with w.ctx.db.tx() as tx:
        newest = await alerts.routing_in_force(tx)
        based_on = newest.id if newest else 0
        await alerts.save_routing(tx, SYSTEM, rules, based_on=based_on, now=w.now)
    w.clock.advance(timedelta(seconds=6))


async def _silence(w: World, lasts: timedelta) -> None:
    async with w.ctx.db.tx() as tx:
        entered = NewSilence('severity=~".+"', "Reindexing", w.now + lasts)
        await silences.create_silence(tx, await w.actor(w.jun), entered=entered, now=w.now)
    w.clock.advance(timedelta(seconds=6))


async def _preview(w: World) -> RoutingTest:
    async with w.ctx.db.tx() as tx:
        integration = await alerts.integration_of_service(tx, w.service, w.integration)
        return await queries.preview_of_test(
            tx, integration, (await catalog.services_by_id(tx, [w.service]))[w.service], "critical", w.now
        )


async def test_a_test_alert_takes_the_way_of_a_real_one(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        async with w.ctx.db.tx() as tx:
            ledger = (await catalog.create_service(tx, SYSTEM, name="Ledger", team_id=1, now=w.now)).id

        # a threshold would never be reached by one alert, and a service without a policy has only a final alarm
        to_ledger = RoutingRule("Ledger", 'alertname=~".+"', owner=Owner.SERVICE, service_id=ledger)
        await _save_rules(w, msgspec.structs.replace(to_ledger, threshold=5, window_s=600))
        shown = await _preview(w)
        assert (shown.service, shown.hold, shown.people) == ("Ledger", "", ())
        await _send(w)
        page = await w.page()
        assert (page.service_id, page.plan.is_drill, w.sink.people()) == (ledger, True, [])
        await _end(w)

        # it waits as the rule says, and its page is a drill then too
        await _save_rules(w, RoutingRule("Wait", 'alertname=~".+"', wait_s=120))
        shown = await _preview(w)
        assert (shown.hold, shown.people) == ("after 2 min", ("Mara Lindqvist",))
        await _send(w)
        assert len(await w.pages()) == 1
        await w.after(minutes=3)
        held = await w.page()
        assert (held.service_id, held.plan.is_drill, len(await w.pages())) == (w.service, True, 2)
        await _end(w)
        await _save_rules(w)

        # silenced, and handed from one silence to the next, and never in the group of a real alert
        await _silence(w, timedelta(minutes=4))
        await _send(w)
        await w.alert("Disk full", severity="warning", key=f"{TEST_KEY_PREFIX}1")
        await _silence(w, timedelta(minutes=8))
        await w.after(minutes=6)
        assert len(await w.pages()) == 2
        await w.after(minutes=3)
        pages = (await w.pages())[2:]
        assert sorted((page.plan.is_drill, page.title[:4]) for page in pages) == [
            (False, "Disk"),
            (True, "TEST"),
        ]

        # what a sender writes is never a test, so the running one ends, and not the real alert
        async with w.ctx.db.tx() as tx:
            running = await alerts.running_test(tx, w.integration)
        assert running is not None
        assert await _end(w) == running.id
        assert [page.state is PageState.RESOLVED for page in await w.pages()] == [
            True,
            True,
            *(page.plan.is_drill for page in pages),
        ]
