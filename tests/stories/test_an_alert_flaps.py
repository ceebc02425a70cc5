"""An alert that flaps pages once, says so, and its page resolves when it is calm (spec 3.3)."""

from datetime import timedelta

from firebell.alerts import actions as alerts
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import SYSTEM
from firebell.routing import queries as routing
from tests.alert_search import search
from tests.world import World, world


async def _flap(w: World, changes: int, **more: object) -> None:
    for number in range(changes):
        w.clock.advance(timedelta(minutes=1))
        status = "resolved" if number % 2 else "firing"
        await w.alert("disk full", status=status, at=str(number) + str(w.now), **more)


async def _set_changes(w: World, flapping_changes: int) -> None:
    async with w.ctx.db.tx() as tx:
        await alerts.update_integration(
            tx,
            SYSTEM,
            service_id=w.service,
            integration_id=w.integration,
            flapping_changes=flapping_changes,
            drop_labels=(),
            now=w.now,
        )


async def _states(w: World) -> list[tuple[str, str]]:
    return [(page.title, page.state) for page in await w.pages()]


async def test_a_flapping_alert_has_one_page_until_it_is_calm(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await _flap(w, 6)
        paged = [("disk full", "resolved"), ("disk full", "resolved"), ("Flapping: disk full", "triggered")]
        assert await _states(w) == paged
        await w.settle()
        await w.ack(w.mara)
        sent = len(w.sink.got)
        assert sent
        await _flap(w, 10)
        async with w.ctx.db.tx() as tx:
            [alert, *_] = await search(tx, "disk", limit=1)
            [group] = (await alerts.groups_by_id(tx, [alert.group_id or 0])).values()
            explained = await routing.explain(tx, alert.id)
        assert alert.flap is not None
        assert (alert.status, alert.flap.count, alert.flap.is_resolved, group.firing) == (
            "firing",
            10,
            True,
            1,
        )
        calm_at = alert.flap.ends_at
        assert [s.at for s in explained.stages if s.name == "flapping"] == [alert.flap.since]
        # the timer that was set when it began looks again, and the page resolves when it is calm
        await w.until(calm_at - timedelta(seconds=1), timedelta(minutes=30))
        assert (await _states(w))[2:] == [("Flapping: disk full", "acked")]
        await w.until(calm_at, timedelta(minutes=1))
        assert (await _states(w))[2][1] == "resolved"
        assert len(w.sink.got) == sent
        async with w.ctx.db.tx() as tx:
            [alert] = await search(tx, "disk", limit=1)
        assert (alert.status, alert.ends_at, alert.is_flapping) == (
            "resolved",
            calm_at - timedelta(minutes=88),
            False,
        )

        # a person resolves the page of a flapping alert: what fires next pages again, and says that it flaps
        await _flap(w, 6)
        await w.settle()
        await w.resolve(w.mara)
        assert {state for _, state in await _states(w)} == {"resolved"}
        async with w.ctx.db.tx() as tx:
            [alert] = await search(tx, "disk", limit=1)
        assert (alert.status, alert.is_flapping) == ("resolved", False)
        await _flap(w, 1)
        assert (await _states(w))[-1] == ("Flapping: disk full", "triggered")

        # the third change is enough for an integration that says so
        await _set_changes(w, 3)
        for status in ("firing", "resolved", "firing"):
            w.clock.advance(timedelta(minutes=1))
            await w.alert("queue long", status=status, at=str(w.now), labels={"service": "queue"})
        assert (await _states(w))[-1] == ("Flapping: queue long", "triggered")

        # an integration whose alerts never flap pages each time
        await _set_changes(w, 0)
        before = len(await w.pages())
        for title in ("steady", "steady again"):
            for status in ("firing", "resolved") * 4:
                w.clock.advance(timedelta(minutes=1))
                await w.alert(title, status=status, at=str(w.now), labels={"service": title})
        assert len(await w.pages()) == before + 8
