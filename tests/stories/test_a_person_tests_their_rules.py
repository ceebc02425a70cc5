"""Story: Jun presses Page me now, gets a real page alone, and it ends without waking anyone else."""

import pytest

from firebell.kit.clock import FakeClock
from firebell.kit.errors import Forbidden
from firebell.metrics.facts import source_store
from firebell.paging import actions as paging
from firebell.paging import store
from firebell.paging.manual_pages import page_tests
from firebell.paging.model import PageState
from tests.api.api_clients import TEST
from tests.world import world


async def test_a_test_page_runs_through_paging_and_reaches_no_one_else(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        jun = await w.actor(w.jun)
        async with w.ctx.db.tx() as tx:
            page = await page_tests.start_test_page(tx, jun, w.now)
        await w.settle()
        assert w.sink.people() == ["Jun Okafor"]
        async with w.ctx.db.tx() as tx:
            # pressed again, it is the same page
            assert (await page_tests.start_test_page(tx, jun, w.now)).id == page.id
            assert [d.state for d in await paging.deliveries(tx, page.id)] == ["accepted"]
            (source,) = await source_store.pages(tx, [page.id])
            assert source.drills == [True]
            with pytest.raises(Forbidden):
                await page_tests.start_test_page(tx, TEST, w.now)
        await w.after(minutes=40)
        assert set(w.sink.people()) == {"Jun Okafor"}
        async with w.ctx.db.tx() as tx:
            ended = await store.page(tx, page.id)
            assert ended is not None
            assert (ended.state, ended.due_at) == (PageState.RESOLVED, None)
            assert (await page_tests.start_test_page(tx, jun, w.now)).id != page.id
