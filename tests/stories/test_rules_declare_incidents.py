"""Rules declare an incident once per cause, from the pages that match, and say beforehand what they would do."""

from dataclasses import replace
from datetime import timedelta

from firebell.alerts import actions as alerts
from firebell.alerts.model import InboundRequest, Rejected
from firebell.alerts.sources import generic
from firebell.catalog import actions as catalog
from firebell.incidents import actions as incidents
from firebell.incidents import queries
from firebell.incidents.declaration_rules import actions as rule_actions
from firebell.incidents.declaration_rules.matching import DeclarationRule
from firebell.incidents.model import OPEN, Incident, Phase
from firebell.kit.clock import FakeClock
from firebell.kit.errors import Invalid
from tests.actions.test_incidents import run
from tests.world import World, world


def rule(w: World, **more: object) -> DeclarationRule:
    base = DeclarationRule(0, "Checkout outage", w.service, 'team="pay"', 2, 10, 1, True, w.now)
    return replace(base, **more)  # type: ignore[arg-type]


async def fire(w: World, title: str, team: str = "pay") -> None:
    """Fire an alert that opens a page of its own, because the one before is resolved."""
    await w.alert(title, labels={"team": team})
    await w.alert(title, status="resolved", labels={"team": team})
    await w.settle()


async def open_incidents(w: World) -> list[Incident]:
    async with w.ctx.db.tx() as tx:
        return await incidents.incidents(tx, tuple(OPEN), False, 10)


async def test_enough_matching_pages_declare_once_and_later_ones_are_linked(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        made = await run(w, rule_actions.create_rule, mara, rule(w), w.now)
        assert isinstance(made, DeclarationRule), made
        await fire(w, "one")
        await fire(w, "other team", team="search")
        await w.after(minutes=1)
        assert await open_incidents(w) == []
        await fire(w, "two")
        await w.after(minutes=1)
        (declared,) = await open_incidents(w)
        assert (declared.severity, declared.phase) == (1, Phase.DECLARED)
        for title in ("three", "four", "five"):
            await fire(w, title)
            await w.after(minutes=1)
        assert [i.id for i in await open_incidents(w)] == [declared.id]
        async with w.ctx.db.tx() as tx:
            titles = {p.title for p in await w.pages() if p.id in await incidents.page_ids(tx, declared.id)}
        assert {"one", "two", "three", "four", "five"} <= titles
        assert "other team" not in titles


async def test_alerts_with_one_title_in_two_services_declare_an_incident_for_each(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            ledger = await catalog.create_service(tx, mara, name="Ledger", team_id=1, now=w.now)
            key = await alerts.create_integration(
                tx, mara, service_id=ledger.id, name="Prometheus", now=w.now
            )
        await run(w, rule_actions.create_rule, mara, rule(w, service_id=None, pages=1), w.now)
        body = b'{"title": "Errors above 5%", "key": "errors", "labels": {"team": "pay"}}'
        events = generic.normalize(body, w.now)
        assert not isinstance(events, Rejected)
        for integration, service in ((w.integration, w.service), (key.id, ledger.id)):
            await w.ingest.submit(InboundRequest(integration, service, "generic", body, events))
        await w.settle()
        await w.after(minutes=1)
        declared = await open_incidents(w)
        assert [each.title for each in declared] == ["Errors above 5%"] * 2
        async with w.ctx.db.tx() as tx:
            affected = [view.service_ids for view in await queries.summaries(tx, declared)]
        assert sorted(affected) == [[w.service], [ledger.id]]


async def test_a_service_whose_incident_cannot_be_named_stops_no_other(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            ledger = await catalog.create_service(tx, mara, name="Ledger", team_id=1, now=w.now)
            key = await alerts.create_integration(
                tx, mara, service_id=ledger.id, name="Prometheus", now=w.now
            )
        await run(w, rule_actions.create_rule, mara, rule(w, service_id=None, pages=1), w.now)
        await fire(w, "\u200b")
        body = b'{"title": "Errors above 5%", "key": "errors", "labels": {"team": "pay"}}'
        events = generic.normalize(body, w.now)
        assert not isinstance(events, Rejected)
        await w.ingest.submit(InboundRequest(key.id, ledger.id, "generic", body, events))
        await w.settle()
        await w.after(minutes=1)
        assert [each.title for each in await open_incidents(w)] == ["Errors above 5%"]


async def test_pages_that_arrive_after_a_merge_declare_no_other_incident(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        await run(w, rule_actions.create_rule, mara, rule(w), w.now)
        for title in ("one", "two"):
            await fire(w, title)
        await w.after(minutes=1)
        (declared,) = await open_incidents(w)
        first = await run(w, incidents.declare, mara, title="All down", severity=1, now=w.now)
        second = await run(w, incidents.declare, mara, title="Everything down", severity=1, now=w.now)
        await run(w, incidents.merge, mara, declared.id, first.id, w.now)
        await run(w, incidents.merge, mara, first.id, second.id, w.now)
        for title in ("three", "four", "five"):
            await fire(w, title)
        await w.after(minutes=1)
        assert [each.id for each in await open_incidents(w)] == [second.id]
        async with w.ctx.db.tx() as tx:
            linked = set(await incidents.page_ids(tx, second.id))
        assert {page.title for page in await w.pages() if page.id in linked} >= {"one", "three", "five"}


async def test_a_rule_that_cannot_be_read_stops_no_other(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        broken = await run(w, rule_actions.create_rule, mara, rule(w, name="A"), w.now)
        await run(w, rule_actions.create_rule, mara, rule(w, name="B", pages=1), w.now)
        async with w.ctx.db.tx() as tx:
            await tx.execute("update declaration_rule set matchers = '{a=~\"(\"}' where id = $1", broken.id)
        await fire(w, "one")
        await w.after(minutes=1)
        assert [each.title for each in await open_incidents(w)] == ["one"]


async def test_pages_that_are_too_far_apart_declare_nothing(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await run(w, rule_actions.create_rule, await w.actor(w.mara), rule(w), w.now)
        await fire(w, "one")
        await w.after(minutes=11)
        await fire(w, "two")
        await w.after(minutes=1)
        assert await open_incidents(w) == []


async def test_a_page_that_someone_declared_from_does_not_count(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        await fire(w, "one")
        await run(w, incidents.declare, mara, title="By hand", severity=2, page_id=1, now=w.now)
        await run(w, rule_actions.create_rule, mara, rule(w), w.now)
        await fire(w, "two")
        await w.after(minutes=1)
        assert [i.title for i in await open_incidents(w)] == ["By hand"]


async def test_a_rule_that_is_off_or_removed_declares_nothing(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        await run(w, rule_actions.create_rule, mara, rule(w, is_on=False), w.now)
        made = await run(w, rule_actions.create_rule, mara, rule(w), w.now)
        await run(w, rule_actions.remove_rule, mara, made.id, w.now)
        await fire(w, "one")
        await fire(w, "two")
        await w.after(minutes=1)
        assert await open_incidents(w) == []


async def test_a_dry_run_says_what_would_have_been_declared(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        for title in ("one", "two", "three"):
            await fire(w, title)
            clock.advance(timedelta(minutes=2))
        clock.advance(timedelta(days=1))
        await fire(w, "four")
        async with w.ctx.db.tx() as tx:
            (declared,) = await rule_actions.dry_run(tx, rule(w), w.now)
        assert declared.page_ids == (1, 2, 3)
        assert declared.service_id == w.service


async def test_wrong_matchers_are_refused_with_their_position(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        refused = await run(w, rule_actions.create_rule, mara, rule(w, matchers="team=~(a"), w.now)
        assert isinstance(refused, Invalid)
        assert refused.fields["matchers"].startswith("Character 7:")
        refused = await run(w, rule_actions.create_rule, mara, rule(w, pages=0, window_minutes=0), w.now)
        assert set(refused.fields) == {"pages", "window_minutes"}
