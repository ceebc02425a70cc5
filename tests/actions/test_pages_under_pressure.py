"""Pages while several people and processes act at once: no order of events loses a page."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from firebell.alerts import actions as alerts
from firebell.catalog import actions as catalog
from firebell.kit.clock import FakeClock
from firebell.kit.errors import Conflict, FirebellError, Forbidden, Invalid, NotFound
from firebell.oncall.model import Layer, OverrideKind, Unit
from firebell.oncall.schedules import actions as oncall
from firebell.oncall.schedules import queries
from firebell.oncall.swaps import override_removal
from firebell.paging import actions as paging
from firebell.paging.model import Level, PageState, Target, TargetKind
from firebell.people import actions as people
from tests.world import World, world


async def invariants(w: World) -> None:
    """Assert I1, I2 and I6 on the stored rows."""
    async with w.ctx.db.tx() as tx:
        wrong = await tx.fetch(
            "select p.id, p.state, p.due_at, d.due_at as timer from page p"
            " left join due d on d.kind = 'paging.page' and d.key = p.id::text"
            " where (p.due_at is null) <> (d.id is null) or d.epoch <> p.epoch"
            " or (p.state in ('triggered', 'exhausted', 'snoozed') and p.due_at is null)"
            " or (p.state = 'resolved' and p.due_at is not null)"
        )
        assert wrong == []
        queued = await tx.value(
            "select count(*) from delivery d join page p on p.id = d.page_id"
            " where d.state = 'queued' and (d.epoch <> p.epoch or p.state in ('resolved', 'acked', 'snoozed'))"
        )
        assert queued == 0


async def refused(w: World, verb: Any, *args: Any, **more: Any) -> FirebellError | None:
    """Run an action in its own transaction and return the error that it raised."""
    try:
        async with w.ctx.db.tx() as tx:
            await verb(tx, *args, **more)
    except FirebellError as error:
        return error
    return None


async def test_two_people_take_one_page_at_once(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await w.alert()
        await w.settle()
        page = await w.page()
        await asyncio.gather(*[w.ack(p, page.id) for p in (w.mara, w.jun) * 4])
        async with w.ctx.db.tx() as tx:
            assert sorted((await paging.owners(tx, [page.id]))[page.id]) == [w.mara, w.jun]
        story = await w.story()
        assert sum(line.endswith("acknowledged.") for line in story) == 1
        assert sum(line.endswith("joined.") for line in story) == 1
        await invariants(w)


async def test_an_acknowledgement_a_resolution_and_the_timer_at_once(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        for number in range(8):
            await w.alert(f"a{number}", service=f"s{number}")
        await w.settle()
        clock.advance(timedelta(minutes=5))
        pages = await w.pages()
        mara = await w.actor(w.mara)
        await asyncio.gather(
            w.settle(),
            *[w.ack(w.jun, p.id) for p in pages],
            *[w.alert(f"a{n}", service=f"s{n}", status="resolved") for n in range(4)],
            *[refused(w, paging.resolve, mara, p.id, w.now) for p in pages[4:]],
        )
        await w.settle()
        assert {p.state for p in await w.pages()} == {PageState.RESOLVED}
        await invariants(w)


async def test_a_human_resolves_while_the_alert_fires_again(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        for number in range(6):
            await w.alert("disk", count=number)
            page, mara = await w.page(), await w.actor(w.mara)
            await asyncio.gather(
                refused(w, paging.resolve, mara, page.id, w.now), w.alert("disk", count=number, again=True)
            )
            async with w.ctx.db.tx() as tx:
                firing = await tx.value("select count(*) from alert where status = 'firing'")
                open_ = await tx.value("select count(*) from page where state <> 'resolved'")
                groups = await tx.value("select count(*) from alert_group where closed_at is null")
            assert firing == open_ == groups
            await w.alert("disk", status="resolved")
        await invariants(w)


async def test_a_policy_deleted_while_alerts_arrive_loses_none(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            (policy,) = await paging.policies(tx)
        done = await asyncio.gather(
            *[w.alert(f"a{n}", service=f"s{n}") for n in range(5)],
            refused(w, paging.delete_policy, mara, policy, w.now),
            *[w.alert(f"b{n}", service=f"t{n}") for n in range(5)],
        )
        pages = await w.pages()
        assert len(pages) == 10
        followed = {p.policy_id for p in pages}
        assert done[5] is None or isinstance(done[5], Conflict)
        assert followed == ({None} if done[5] is None else {policy.id})
        await w.settle()
        await invariants(w)
        assert w.sink.got


async def test_an_alert_that_arrives_inside_the_deletion_of_its_policy_is_stored_at_once(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            (policy,) = await paging.policies(tx)
            await paging.delete_policy(tx, mara, policy, w.now)
            arriving = asyncio.create_task(w.alert())
            await asyncio.sleep(0.1)
        await arriving
        await w.settle()
        assert (await w.page()).state is PageState.EXHAUSTED


async def test_a_policy_with_open_pages_stays_and_later_its_services_go_to_the_catch_all_list(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        await w.alert()
        async with w.ctx.db.tx() as tx:
            (policy,) = await paging.policies(tx)
        refusal = await refused(w, paging.delete_policy, mara, policy, w.now)
        assert refusal
        assert "PG-1" in refusal.hint
        await w.resolve(w.mara)
        assert await refused(w, paging.delete_policy, mara, policy, w.now) is None
        await w.alert("another")
        await w.settle()
        assert (await w.page()).state is PageState.EXHAUSTED
        assert {m["event"] for m in w.sink.got} == {"alarm"}


def paged(w: World) -> list[str]:
    """Return who got pages, without notices about people who left."""
    return [message["person"] for message in w.sink.got if message["event"] != "change"]


async def test_a_page_whose_owner_leaves_is_escalated_again(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await w.alert()
        await w.settle()
        await w.ack(w.jun)
        mara = await w.actor(w.mara)
        assert await refused(w, people.update_person, mara, w.jun, active=False, now=w.now) is None
        page = await w.page()
        assert page.state is PageState.TRIGGERED
        await w.settle()
        assert paged(w) == ["Mara Lindqvist", "Mara Lindqvist"]
        assert "The acknowledging responder was deactivated." in await w.story()
        late = await refused(w, paging.ack, await w.actor(w.jun), page.id, w.now)
        assert isinstance(late, Forbidden)
        await invariants(w)


async def test_one_of_two_owners_leaves_and_no_one_is_woken(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await w.alert()
        await w.settle()
        await w.ack(w.jun)
        await w.ack(w.mara)
        await refused(w, people.update_person, await w.actor(w.mara), w.jun, active=False, now=w.now)
        assert (await w.page()).state is PageState.ACKED


async def test_when_everyone_of_a_level_leaves_the_next_level_is_paged(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        await refused(w, people.update_person, mara, w.jun, role="admin", now=w.now)
        await w.alert()
        await w.settle()
        assert w.sink.people() == ["Mara Lindqvist"]
        await refused(w, people.update_person, mara, w.mara, active=False, now=w.now)
        await w.settle()
        assert paged(w)[1:] == ["Jun Okafor"]


async def test_a_second_acknowledgement_of_the_owner_restarts_the_timeout(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        async with w.ctx.db.tx() as tx:
            (policy,) = await paging.policies(tx)
            await paging.update_policy(
                tx,
                await w.actor(w.mara),
                policy,
                replace(policy.plan, repeat=0, ack_timeout_s=1800),
                now=w.now,
            )
        await w.alert()
        await w.settle()
        await w.ack(w.mara)
        clock.advance(timedelta(minutes=20))
        await w.ack(w.mara)
        assert (await w.page()).due_at == w.now + timedelta(minutes=30)
        clock.advance(timedelta(minutes=30))
        await w.settle()
        assert (await w.page()).state is PageState.TRIGGERED
        await invariants(w)


async def test_snoozing_an_exhausted_page_and_waking_it(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        async with w.ctx.db.tx() as tx:
            await tx.execute("update service set policy_id = null")
        await w.alert()
        await w.settle()
        page, mara = await w.page(), await w.actor(w.mara)
        until = w.now + timedelta(hours=1)
        assert await refused(w, paging.snooze, mara, page.id, until, w.now) is None
        await invariants(w)
        sent = len(w.sink.got)
        clock.advance(timedelta(minutes=59))
        await w.settle()
        assert len(w.sink.got) == sent
        clock.advance(timedelta(minutes=1))
        await w.settle()
        assert (await w.page()).state is PageState.EXHAUSTED
        assert len(w.sink.got) == 2 * sent


async def test_a_schedule_that_cannot_be_read_silences_no_one(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        async with w.ctx.db.tx() as tx:
            await tx.execute("update layer set every = 2000000000")
        await w.alert()
        await w.settle()
        assert sorted(w.sink.people()) == ["Jun Okafor", "Mara Lindqvist"]
        assert (await w.page()).level == 2


async def test_an_override_decides_who_is_paged_until_it_ends(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            (primary, _) = await queries.schedules(tx)
            made = await oncall.create_override(
                tx,
                mara,
                kind=OverrideKind.SET,
                schedule_id=int(primary.id),
                users=[w.jun],
                start=w.now,
                end=w.now + timedelta(hours=2),
                reason="dentist\x00",
                now=w.now,
            )
        await w.alert("a")
        await w.settle()
        assert [m["person"] for m in w.sink.got if m["page"]] == ["Jun Okafor"]
        assert await refused(w, override_removal.remove_override, mara, made, w.now) is None
        assert isinstance(await refused(w, override_removal.remove_override, mara, made, w.now), NotFound)
        await w.alert("b", service="other")
        await w.settle()
        assert [m["person"] for m in w.sink.got if m["page"]] == ["Jun Okafor", "Mara Lindqvist"]


async def test_an_override_that_makes_no_sense_is_refused(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        actor, now, hour = await w.actor(w.mara), w.now, timedelta(hours=1)
        async with w.ctx.db.tx() as tx:
            (primary, _) = await queries.schedules(tx)
        whole: dict[str, Any] = {
            "kind": OverrideKind.SET,
            "schedule_id": int(primary.id),
            "users": [w.jun],
            "start": now,
            "end": now + hour,
        }
        changes: list[tuple[dict[str, Any], type[FirebellError]]] = [
            ({"end": now}, Invalid),
            ({"start": now - 2 * hour, "end": now - hour}, Invalid),
            ({"end": now + timedelta(days=400)}, Invalid),
            ({"users": [], "kind": OverrideKind.ADD}, Invalid),
            ({"users": [999]}, Invalid),
            ({"users": [2**64]}, Invalid),
            ({"schedule_id": 999}, NotFound),
        ]
        for change, expected in changes:
            error = await refused(w, oncall.create_override, actor, **{**whole, **change}, reason="", now=now)
            assert type(error) is expected, change


@pytest.mark.parametrize("what", ["policy", "schedule"])
async def test_policies_and_schedules_that_reach_no_one_by_mistake_are_refused(
    dsn: str, clock: FakeClock, what: str
) -> None:
    async with world(dsn, clock) as w:
        actor = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            (team,) = await people.teams(tx)
        if what == "schedule":
            stranger = Layer(0, ((999,),), datetime(2026, 1, 5), Unit.WEEK, 1, "UTC")  # noqa: DTZ001
            error = await refused(
                w,
                oncall.create_schedule,
                actor,
                name="S",
                team_id=team.id,
                tz="UTC",
                layers=[stranger],
                now=w.now,
            )
            assert isinstance(error, Invalid)
            return
        person = Target(TargetKind.PERSON, w.mara)
        bad: list[dict[str, Any]] = [
            {"levels": []},
            {"levels": [Level(())]},
            {"levels": [Level((Target(TargetKind.SCHEDULE, 999),))]},
            {"levels": [Level((person,), 59)]},
            {"levels": [Level((person,))] * 21},
            {"levels": [Level((person,))], "repeat": 10},
            {"levels": [Level((person,))], "ack_timeout_s": 59},
        ]
        for more in bad:
            made = await refused(w, paging.create_policy, actor, name="P", team_id=team.id, now=w.now, **more)
            assert isinstance(made, Invalid), more


async def test_services_and_keys_say_who_changed_them(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        jun = await w.actor(w.jun)
        async with w.ctx.db.tx() as tx:
            (team,) = await people.teams(tx)
            before = await tx.value("select max(id) from audit")
            made = await catalog.create_service(tx, jun, name="Search", team_id=team.id, now=w.now)
            await catalog.set_escalation_policy(tx, jun, service_id=made.id, policy_id=None, now=w.now)
            key = await alerts.create_integration(tx, jun, service_id=made.id, name="Key", now=w.now)
            await alerts.revoke_integration(tx, jun, service_id=made.id, integration_id=key.id, now=w.now)
            rows = await tx.fetch("select actor_label, action from audit where id > $1 order by id", before)
        assert {r["actor_label"] for r in rows} == {"Jun Okafor"}
        actions = [r["action"] for r in rows]
        assert [actions[0], *actions[2:]] == ["service.created", "integration.created", "integration.revoked"]
        assert isinstance(
            await refused(
                w, alerts.revoke_integration, jun, service_id=made.id, integration_id=key.id, now=w.now
            ),
            NotFound,
        )


async def test_the_clean_up_is_set_from_the_first_start_and_takes_a_portion_at_a_time(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(dsn, clock) as w:
        monkeypatch.setattr("firebell.kit.jobs.pruning.BATCH_ROWS", 2)
        async with w.ctx.db.tx() as tx:
            timers = "from due where kind = 'kit.retention' and key in ('event', 'seen_event')"
            assert await tx.value(f"select count(*) {timers}") == 2
            await tx.execute("update due set due_at = $1 where kind = 'kit.retention'", w.now)
        for number in range(5):
            await w.alert(f"a{number}")
        clock.advance(timedelta(days=31))
        for left in (3, 1, 0):
            await w.settle()
            clock.advance(timedelta(seconds=1))
            async with w.ctx.db.tx() as tx:
                assert await tx.value("select count(*) from event") == left
                assert await tx.value("select count(*) from seen_event") == left
        async with w.ctx.db.tx() as tx:
            again = await tx.value(f"select min(due_at) {timers}")
        assert again > w.now + timedelta(hours=23)
