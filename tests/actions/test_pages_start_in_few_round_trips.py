"""A group and its page are stored in few round trips: until the commit, other alerts of the service wait."""

from collections.abc import Iterator
from contextlib import contextmanager

from firebell.alerts import actions as alerts
from firebell.alerts.batches.optimistic_batch import KnownState
from firebell.alerts.model import Event, EventKind, InboundRequest
from firebell.catalog import actions as catalog
from firebell.kit.clock import FakeClock
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM
from firebell.paging import actions as paging
from firebell.paging.model import TIMER
from firebell.webhooks import endpoint_store
from firebell.webhooks.model import EndpointSettings
from tests.world import World, world


@contextmanager
def statements(tx: Tx) -> Iterator[list[str]]:
    """Yield the list to which each statement of a transaction is added."""
    logged: list[str] = []
    with tx.conn.query_logger(lambda record: logged.append(record.query)):
        yield logged


def message(w: World, key: str) -> InboundRequest:
    """Return a message with one firing alert in a group of its own."""
    event = Event(EventKind.FIRING, key, f"Disk {key} full", severity="critical", labels={"service": key})
    return InboundRequest(w.integration, w.service, "generic", key.encode(), (event,))


async def test_a_new_group_and_its_page_take_three_statements(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        known = KnownState()
        async with w.ctx.db.tx() as tx:
            known.learn(await alerts.receive(tx, [message(w, "first")], w.now))
        requests = [message(w, key) for key in ("second", "third")]
        assumed = known.assume(requests, [alerts.event_ids(request) for request in requests], w.now)
        assert assumed is not None
        async with w.ctx.db.tx() as tx:
            with statements(tx) as logged:
                assert await alerts.store_assumed(tx, assumed, w.now)
        assert len(logged) == 3, logged
        async with w.ctx.db.tx() as tx:
            assert await tx.fetch("select from webhook_change") == []
            pages = await paging.pages(tx)
            logs = [await paging.log(tx, page.id) for page in pages]
            timers = await tx.fetch(
                "select key, epoch, due_at from due where kind = $1 order by key::bigint desc", TIMER
            )
        assert [page.title for page in pages] == [f"Disk {key} full" for key in ("third", "second", "first")]
        assert [[(e.kind, e.actor, e.at) for e in log] for log in logs] == [
            [("triggered", SYSTEM.label, w.now)] for _ in pages
        ]
        assert [log[0].text for log in logs] == [f"Triggered by “{page.title}”." for page in pages]
        assert [tuple(timer) for timer in timers] == [(str(p.id), p.epoch, p.due_at) for p in pages]
        assert {page.due_at for page in pages} == {w.now}


async def test_one_more_statement_records_pages_while_there_is_a_webhook(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        async with w.ctx.db.tx() as tx:
            endpoint = EndpointSettings("Data warehouse", "https://example.com/hook")
            assert await endpoint_store.insert(tx, endpoint, SYSTEM.label, w.now)
        known = KnownState()
        async with w.ctx.db.tx() as tx:
            known.learn(await alerts.receive(tx, [message(w, "first")], w.now))
        requests = [message(w, "second")]
        assumed = known.assume(requests, [alerts.event_ids(request) for request in requests], w.now)
        assert assumed is not None
        async with w.ctx.db.tx() as tx:
            with statements(tx) as logged:
                assert await alerts.store_assumed(tx, assumed, w.now)
        assert len(logged) == 4, logged
        async with w.ctx.db.tx() as tx:
            pages = await paging.pages(tx)
            recorded = await tx.fetch(
                "select payload -> 'changes' -> 0 as change from webhook_change order by id"
            )
        assert [row["change"][:2] for row in recorded] == [[p.id, "triggered"] for p in reversed(pages)]


async def test_a_page_has_the_plan_and_the_team_of_its_service(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        async with w.ctx.db.tx() as tx:
            (service,) = await catalog.services(tx)
            await alerts.receive(tx, [message(w, "owned")], w.now)
            (policy,) = (await paging.policies_by_id(tx, [service.policy_id or 0])).values()
            (page,) = await paging.pages(tx)
            assert (page.team_id, page.policy_id, page.plan) == (service.team_id, policy.id, policy.plan)
            await tx.execute("update service set policy_id = null where id = $1", service.id)
            await alerts.receive(tx, [message(w, "without a policy")], w.now)
            page, _ = await paging.pages(tx)
        assert (page.team_id, page.policy_id, page.plan) == (service.team_id, None, paging.NO_POLICY)
