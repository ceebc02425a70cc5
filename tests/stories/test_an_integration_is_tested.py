"""Story: Jun tries whether alerts of an integration reach the people on call, and hides no real alert by that."""

from datetime import timedelta

import pytest

from firebell.alerts import actions as alerts
from firebell.alerts.inhibition import actions as inhibition
from firebell.alerts.inhibition.model import NewInhibitionRule
from firebell.integration_setup import actions
from firebell.kit.clock import FakeClock
from firebell.kit.errors import Invalid, NotFound
from firebell.metrics import source_store
from firebell.paging import actions as paging
from firebell.paging.model import PageState
from tests.api.api_clients import TEST
from tests.world import World, world


async def _send(w: World, severity: str = "critical") -> int:
    async with w.ctx.db.tx() as tx:
        sent = await actions.send_test_alert(
            *(tx, await w.actor(w.jun)),
            service_id=w.service,
            integration_id=w.integration,
            severity=severity,
            now=w.now,
        )
    await w.settle()
    return sent.id


async def test_a_test_alert_pages_as_a_drill_and_leaves_real_alerts_alone(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        async with w.ctx.db.tx() as tx:
            everything = NewInhibitionRule("All", '{severity="critical"}', '{severity=~".+"}', (), 0)
            await inhibition.create_rule(tx, TEST, entered=everything, now=w.now)
        with pytest.raises(Invalid):
            await _send(w, "urgent")
        alert_id = await _send(w)
        assert await _send(w) == alert_id
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
            assert [source.drills for source in sources] == [[True], []]
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
        async with w.ctx.db.tx() as tx:
            ids = {"service_id": w.service, "integration_id": w.integration}
            jun = await w.actor(w.jun)
            assert (await actions.end_test_alert(tx, jun, **ids, now=w.now)).id == again
            with pytest.raises(NotFound):
                await actions.end_test_alert(tx, jun, **ids, now=w.now + timedelta(seconds=1))
