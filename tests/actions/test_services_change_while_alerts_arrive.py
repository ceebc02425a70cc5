"""Changes of services keep alerts waiting for a moment only, and wait for each other in one order."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from firebell.alerts import actions as alerts
from firebell.catalog import actions as catalog
from firebell.catalog import service_import, store
from firebell.catalog.model import Service
from firebell.kit.clock import FakeClock
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM
from firebell.kit.errors import Conflict
from firebell.paging import actions as paging
from firebell.status_pages import actions as status_pages
from firebell.status_pages.model import PageVisibility
from tests.actions.test_pages_start_in_few_round_trips import statements
from tests.lock_waits import until_blocked
from tests.world import World, world

SERVICES = 60


async def _services(w: World, number: int) -> list[str]:
    lines = [f"  s-{n}: {{team: payments, name: Service {n}}}" for n in range(number)]
    async with w.ctx.db.tx() as tx:
        text = "\n".join(["services:", *lines])
        return list((await service_import.import_services(tx, SYSTEM, text, w.now, create=True)).created)


async def test_alerts_wait_for_an_import_as_long_for_many_services_as_for_one(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        slugs = await _services(w, SERVICES)
        counted = []
        for tier, changed in ((1, slugs[:1]), (2, slugs)):
            text = "\n".join(
                ["services:", *(f"  {slug}: {{tier: {tier}, name: T{slug}}}" for slug in changed)]
            )
            async with w.ctx.db.tx() as tx:
                with statements(tx) as logged:
                    done = await service_import.import_services(tx, SYSTEM, text, w.now)
            assert len({change.service for change in done.changes}) == len(changed)
            locked_at = next(n for n, query in enumerate(logged) if "for no key update" in query)
            counted.append((len(set(logged)), len(set(logged[locked_at:]))))
        one, many = counted
        assert one == many
        assert many[1] <= 4
        async with w.ctx.db.tx() as tx:
            stored = await store.services_by_slug(tx, slugs)
            entries = await tx.value("select count(*) from audit where action = 'service.changed'")
        assert {(each.tier, each.name) for each in stored.values()} == {(2, f"T{slug}") for slug in slugs}
        assert stored["s-1"].earlier_names == ("service 1",)
        assert entries == 1 + SERVICES


async def test_alerts_wait_for_a_restored_policy_as_long_for_many_services_as_for_one(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        slugs = await _services(w, 20)
        async with w.ctx.db.tx() as tx:
            services = await store.services_by_slug(tx, slugs)
            policy = await paging.policy_by_slug(tx, "payments")
            with statements(tx) as logged:
                await catalog.fill_in_policy(
                    tx,
                    SYSTEM,
                    service_ids=[each.id for each in services.values()],
                    policy_id=policy.id,
                    now=w.now,
                )
            assert len(set(logged)) <= 3
            assert {each.policy_id for each in (await store.services_by_slug(tx, slugs)).values()} == {
                policy.id
            }


async def _at_once(w: World, *changes: Callable[[Tx], Awaitable[Any]]) -> list[BaseException | None]:
    """Run changes in transactions of their own that have all begun, and return how each ended."""

    all_began = asyncio.Barrier(len(changes))

    async def run(change: Callable[[Tx], Awaitable[Any]]) -> None:
        async with w.ctx.db.tx() as tx:
            await tx.value("select 1")
            await all_began.wait()
            await change(tx)

    return list(await asyncio.gather(*(run(change) for change in changes), return_exceptions=True))


async def test_renames_and_imports_of_the_same_services_never_wait_for_each_other(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        slugs = await _services(w, 6)
        async with w.ctx.db.tx() as tx:
            services = await store.services_by_slug(tx, slugs)

        def rename(slug: str, name: str) -> Callable[[Tx], Awaitable[Any]]:
            async def change(tx: Tx) -> None:
                await catalog.update_service(tx, SYSTEM, services[slug], name=name, now=w.now)

            return change

        def edit(slug: str, name: str) -> Callable[[Tx], Awaitable[Any]]:
            """As the form does, which compares what is stored before it changes it."""

            async def change(tx: Tx) -> None:
                await catalog.lock_for_edit(tx, services[slug].id, name)
                await asyncio.sleep(0.05)
                await catalog.update_service(tx, SYSTEM, services[slug], name=name, now=w.now)

            return change

        def load(round_: int) -> Callable[[Tx], Awaitable[Any]]:
            lines = [f"  {slugs[0]}: {{tier: {1 + round_ % 2}}}"]
            lines += [f"  {slug}: {{name: File {round_} {slug}}}" for slug in slugs[1:]]

            async def change(tx: Tx) -> None:
                await service_import.import_services(tx, SYSTEM, "\n".join(["services:", *lines]), w.now)

            return change

        for round_ in range(4):
            ended = await _at_once(
                w,
                edit(slugs[0], f"Edit {round_}"),
                rename(slugs[0], f"Rename {round_}"),
                rename(slugs[3], f"Renamed {round_}"),
                load(round_),
            )
            assert ended == [None] * 4


async def _in_a_transaction(w: World, change: Callable[[Tx], Awaitable[Any]]) -> None:
    async with w.ctx.db.tx() as tx:
        await change(tx)


async def _one_service(w: World) -> Service:
    [slug] = await _services(w, 1)
    async with w.ctx.db.tx() as tx:
        return (await store.services_by_slug(tx, [slug]))[slug]


async def test_a_service_does_not_get_a_key_while_it_is_deleted(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        service = await _one_service(w)

        async def add_key(tx: Tx) -> None:
            await alerts.create_integration(tx, SYSTEM, service_id=service.id, name="Late", now=w.now)

        async with w.ctx.db.tx() as tx:
            await catalog.delete_service(tx, SYSTEM, service, w.now)
            adding = asyncio.create_task(_in_a_transaction(w, add_key))
            await until_blocked(w.ctx.db, adding)
        with pytest.raises(Conflict):
            await adding


@pytest.mark.parametrize("deletes_first", [True, False])
async def test_a_service_created_with_the_address_of_one_being_deleted_is_refused_and_nothing_fails(
    dsn: str, clock: FakeClock, deletes_first: bool
) -> None:
    async with world(dsn, clock) as w:
        service = await _one_service(w)

        async def delete(tx: Tx) -> None:
            await catalog.delete_service(tx, SYSTEM, service, w.now)

        async def create(tx: Tx) -> None:
            name = f"{service.slug} deleted {service.id}"
            await catalog.create_service(tx, SYSTEM, name=name, team_id=service.team_id, now=w.now)

        first, second = (delete, create) if deletes_first else (create, delete)
        async with w.ctx.db.tx() as tx:
            await first(tx)
            waiting = asyncio.create_task(_in_a_transaction(w, second))
            await until_blocked(w.ctx.db, waiting)
        with pytest.raises(Conflict):
            await waiting


async def test_a_component_does_not_get_a_service_while_it_is_deleted(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        service = await _one_service(w)
        async with w.ctx.db.tx() as tx:
            page = await status_pages.create_status_page(
                *(tx, SYSTEM),
                slug="kestrel",
                name="Kestrel",
                tz="UTC",
                visibility=PageVisibility.PUBLIC,
                component_of=[w.service],
                now=w.now,
            )
            [component] = (await status_pages.components_by_page(tx))[page.id]

        async def add(tx: Tx) -> None:
            await status_pages.add_component(
                tx, SYSTEM, page.id, name="Late", service_ids=[service.id], now=w.now
            )

        async def change(tx: Tx) -> None:
            values = {"service_ids": [w.service, service.id]}
            await status_pages.update_component(tx, SYSTEM, page.id, component.id, values, w.now)

        async with w.ctx.db.tx() as tx:
            await catalog.delete_service(tx, SYSTEM, service, w.now)
            late = [asyncio.create_task(_in_a_transaction(w, each)) for each in (add, change)]
            await until_blocked(w.ctx.db, *late)
        for each in late:
            with pytest.raises(Conflict):
                await each
