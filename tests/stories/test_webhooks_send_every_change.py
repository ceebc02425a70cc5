"""Story: other systems get every change of state, signed, and never a private incident."""

import asyncio
from datetime import UTC, datetime, timedelta

from firebell.action_items import actions as action_items
from firebell.action_items.model import ItemState
from firebell.alerts.silences import actions as silences
from firebell.alerts.silences.model import NewSilence
from firebell.incidents import actions as incidents
from firebell.incidents.model import IncidentRole, IncidentType, Phase
from firebell.kit.clock import FakeClock
from firebell.people import actions as people
from firebell.webhooks import change_store
from firebell.webhooks.events import payloads
from tests.webhook_world import add_endpoint, is_signed, sent, types_of
from tests.world import World, world


async def _another_team(w: World) -> int:
    async with w.ctx.db.tx() as tx:
        return (await people.create_team(tx, await w.actor(w.mara), name="Search", now=w.now)).id


async def test_each_change_arrives_once_at_the_endpoints_that_it_is_for(dsn: str) -> None:
    # the library of receivers compares the timestamps with the real time
    async with world(dsn, FakeClock(datetime.now(UTC))) as w:
        _, everything = await add_endpoint(w, "everything")
        _, private = await add_endpoint(w, "private", is_private=True)
        _, narrow = await add_endpoint(w, "narrow", types=("page.resolved",))
        _, elsewhere = await add_endpoint(w, "elsewhere", team_ids=(await _another_team(w),))
        await w.alert("5xx above 5%")
        await w.settle()
        await w.ack(w.mara)
        await w.resolve(w.mara)
        await w.settle()
        assert types_of(sent(w, everything)) == [
            *("alert_group.opened", "page.triggered"),
            *("alert_group.acknowledged", "page.acknowledged"),
            *("alert_group.resolved", "page.resolved"),
        ]
        assert types_of(sent(w, narrow)) == ["page.resolved"]
        assert sent(w, elsewhere) == []
        resolved = sent(w, everything)[-1]
        assert resolved["data"]["page"]["acknowledged_by"] == [{"id": w.mara, "name": "Mara Lindqvist"}]
        assert (resolved["data"]["by"], resolved["data"]["page"]["service"]["slug"]) == (
            "Mara Lindqvist",
            "checkout",
        )
        at = next(i for i, body in enumerate(w.sink.got) if body["type"] == "alert_group.opened")
        headers, body = w.sink.headers[at], w.sink.raw[at]
        assert sum(is_signed(secret, body, headers) for secret in (everything, private, narrow)) == 1
        assert not is_signed(everything, body + b" ", headers)
        assert not is_signed(private, body + b" ", headers)
        sequences = [each["sequence"] for each in sent(w, everything) if each["type"].startswith("page.")]
        assert sequences == sorted(set(sequences))
        payloads.PageEvent.model_validate(resolved["data"])

        await w.alert("No one answers")
        await w.after(minutes=6)
        assert "page.escalated" in types_of(sent(w, everything))
        w.sink.raw.clear()
        w.sink.headers.clear()

        mara, jun = await w.actor(w.mara), await w.actor(w.jun)
        async with w.ctx.db.tx() as tx:
            one = await incidents.declare(
                tx, mara, title="Payments fail", severity=2, service_ids=[w.service], now=w.now
            )
            await incidents.take_role(tx, jun, one.id, IncidentRole.COMMANDER, w.jun, w.now)
            await incidents.set_phase(tx, jun, one.id, Phase.INVESTIGATING, w.now)
            await incidents.add_entry(tx, jun, one.id, "update", "A fix is on its way.", w.now)
            await incidents.declare(tx, mara, title="A drill", severity=2, drill=True, now=w.now)
            await incidents.declare(
                *(tx, mara),
                title="Customer data copied",
                severity=1,
                incident_type=IncidentType.SECURITY,
                now=w.now,
            )
            quiet = NewSilence('severity="info"', "Known.", w.now + timedelta(minutes=2))
            await silences.create_silence(tx, mara, entered=quiet, now=w.now)
            item = await action_items.add_item(
                tx, mara, "Watch the queue of payments", w.now, incident_id=one.id, owner_id=w.mara
            )
            await action_items.set_item_state(tx, mara, item.id, ItemState.DONE, w.now)
        await w.settle()
        await w.after(minutes=3)
        incident_types = [
            *("incident.declared", "incident.role_changed", "incident.phase_changed"),
            "incident.update_posted",
        ]
        got = sent(w, everything)
        assert types_of([each for each in got if "incident" in each["data"]]) == incident_types
        assert "Customer data" not in str(got)
        assert {"silence.created", "silence.expired", "action_item.created", "action_item.done"} <= set(
            types_of(got)
        )
        assert "DRILL" not in str(got)
        update = next(each for each in got if each["type"] == "incident.update_posted")
        assert (update["data"]["text"], update["data"]["by"]) == ("A fix is on its way.", "Jun Okafor")
        assert [role["person"]["id"] for role in update["data"]["incident"]["roles"]] == [w.jun]
        assert "Customer data copied" in str(sent(w, private))
        assert "page.triggered" in types_of(sent(w, private))
        assert not any(each["data"].get("page", {}).get("incident") for each in got)
        async with w.ctx.db.tx() as tx:
            assert await tx.value("select count(*) from webhook_change") == 0


async def test_after_a_restoration_the_sequence_of_a_subject_continues_above_what_was_lost(
    dsn: str, clock: FakeClock
) -> None:
    """A receiver ignores what is lower than what it has."""
    async with world(dsn, clock) as w:
        _, secret = await add_endpoint(w, "everything")
        await w.alert("5xx above 5%")
        await w.settle()
        lost = max(each["sequence"] for each in sent(w, secret))
        assert lost < 2**53
        # the sequence as the backup has it
        async with w.ctx.db.tx() as tx:
            await tx.execute("select setval(pg_get_serial_sequence('webhook_change', 'id'), 7)")
        w.clock.advance(timedelta(minutes=1))
        w.sink.raw.clear()
        w.sink.headers.clear()
        w.sink.got.clear()
        await w.ack(w.mara)
        await w.resolve(w.mara)
        await w.settle()
        later = [each["sequence"] for each in sent(w, secret)]
        assert min(later) > lost


async def test_changes_stored_at_once_while_the_sequence_moves_have_ids_of_their_own(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        await add_endpoint(w, "everything")
        for _ in range(5):
            async with w.ctx.db.tx() as tx:
                await tx.execute("delete from webhook_change")
                await tx.execute("select setval(pg_get_serial_sequence('webhook_change', 'id'), 7)")
            stored = await asyncio.gather(*(_stored(w) for _ in range(8)))
            assert stored == [True] * 8


async def _stored(w: World) -> bool:
    async with w.ctx.db.tx() as tx:
        return await change_store.insert(tx, "Nothing", {}, w.now)
