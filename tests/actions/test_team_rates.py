"""The rates of teams on PostgreSQL: the team that a person's time counts for, who sets a rate, and what is recorded."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from firebell.kit.clock import FakeClock
from firebell.kit.db import org_settings
from firebell.kit.db.database import Db, Tx
from firebell.kit.errors import Forbidden, Invalid, NotFound
from firebell.metrics import cost_rate
from firebell.metrics.business_impact import actions as business_impact
from firebell.metrics.business_impact import queries as impact_queries
from firebell.metrics.cost_rate import CostRate
from firebell.metrics.facts import projection
from firebell.metrics.facts import store as fact_store
from firebell.metrics.team_rates import actions, store
from firebell.metrics.team_rates.model import TimeShare
from firebell.paging import actionable_votes
from firebell.people import actions as people
from firebell.people.audit_log import store as audit_store
from tests.actions.test_metrics import CHECKOUT, NOW, SEARCH, _october
from tests.api.metric_amounts import upgrade_to_team_rates
from tests.world import World, world


async def _teams(tx: Tx) -> dict[str, int]:
    """Put four people into teams: Ada in Shop, Bo in Data and Shop, Cem in Data, and Dee in none.

    Shop owns all services but search, which Data owns.
    """
    ids = {}
    for name in ("Ada", "Bo", "Cem", "Dee"):
        ids[name] = await tx.value(
            """
            insert into person (name, email, role, tz, created_at)
            values ($1, lower($1) || '@example.org', 'responder', 'UTC', $2)
            returning id
            """,
            name,
            NOW,
        )
    ids["Shop"] = await tx.value("select id from team where slug = 'shop'")
    ids["Data"] = await tx.value(
        "insert into team (name, slug, created_at) values ('Data', 'data', $1) returning id", NOW
    )
    await tx.execute("update service set team_id = $1 where id = $2", ids["Data"], SEARCH)
    for team, person in (("Shop", "Ada"), ("Shop", "Bo"), ("Data", "Bo"), ("Data", "Cem")):
        await tx.execute(
            "insert into team_member (team_id, person_id, role) values ($1, $2, 'member')",
            ids[team],
            ids[person],
        )
    return ids


async def _set_rate(tx: Tx, team_id: int | None, per_hour: str, currency: str) -> None:
    if team_id is None:
        await org_settings.put(tx, cost_rate.SETTING, {"per_hour": per_hour, "currency": currency})
    else:
        await store.save(tx, team_id, CostRate(Decimal(per_hour), currency))


async def test_time_costs_the_rate_of_the_team_whose_service_broke(db: Db) -> None:
    async with db.tx() as tx:
        scope = await _october(tx)
        ids = await _teams(tx)
        # INC-1 is of checkout (Shop), INC-3 of search (Data); each has 90 minutes of people
        minutes = [
            *((1, ids["Ada"], 30), (1, ids["Bo"], 20), (1, ids["Cem"], 25), (1, ids["Dee"], 15)),
            *((3, ids["Bo"], 60), (3, ids["Dee"], 30)),
        ]
        assert set(await fact_store.save_people(tx, [1, 3], minutes)) == {1, 3}
        assert await fact_store.save_people(tx, [1, 3], minutes) == []
        await _set_rate(tx, None, "60", "EUR")
        only = replace(scope, service_id=CHECKOUT)
        whole = await impact_queries.period_cost(tx, scope, 90 * 60 * 2)
        assert [str(one) for one in whole.totals] == ["180.00 EUR"]

        await _set_rate(tx, ids["Data"], "120", "USD")
        one = await business_impact.cost_of(tx, 1)
        # Bo works for Shop here, whose rate is that of the organization; Cem for Data: 25 minutes of 120
        assert [str(each) for each in one.totals] == ["65.00 EUR", "50.00 USD"]
        # there for Data: 60 minutes
        assert [str(each) for each in (await business_impact.cost_of(tx, 3)).totals] == [
            *("30.00 EUR", "120.00 USD")
        ]
        # INC-1 and INC-2 of checkout; of the second, no one's time is known, so it counts for no team
        checkout = await impact_queries.period_cost(tx, only, 90 * 60 * 2)
        assert [str(each) for each in checkout.time.amounts] == ["155.00 EUR", "50.00 USD"]

        await _set_rate(tx, ids["Shop"], "30", "EUR")
        one = await business_impact.cost_of(tx, 1)
        # Ada and Bo: 50 minutes of 30; Dee: 15 of 60
        assert [str(each) for each in one.totals] == ["40.00 EUR", "50.00 USD"]

        # a service that both teams own: the first of the person's teams by name, which is Data
        await tx.execute("insert into incident_fact_service (incident_id, service_id) values (1, $1)", SEARCH)
        assert [str(each) for each in (await business_impact.cost_of(tx, 1)).totals] == [
            *("30.00 EUR", "90.00 USD")
        ]


async def test_time_without_any_rate_is_hours_only(db: Db) -> None:
    async with db.tx() as tx:
        await _october(tx)
        ids = await _teams(tx)
        await fact_store.save_people(tx, [1], [(1, ids["Ada"], 30), (1, ids["Dee"], 60)])
        await _set_rate(tx, ids["Shop"], "40", "CHF")
        one = await business_impact.cost_of(tx, 1)
        assert ([str(each) for each in one.totals], one.time.unpriced_s) == (["20.00 CHF"], 3600)


async def test_a_person_who_was_not_there_after_all_costs_nothing(db: Db) -> None:
    async with db.tx() as tx:
        await _october(tx)
        ids = await _teams(tx)
        await fact_store.save_people(
            tx, [1, 3], [(1, ids["Ada"], 30), (1, ids["Cem"], 60), (3, ids["Cem"], 5)]
        )
        assert set(await fact_store.save_people(tx, [1], [(1, ids["Ada"], 31)])) == {1}
        rows = await tx.fetch(
            "select incident_id, person_id, minutes from incident_fact_person order by 1, 2"
        )
        assert [tuple(row) for row in rows] == [(1, ids["Ada"], 31), (3, ids["Cem"], 5)]


async def test_the_time_of_people_in_other_incidents_costs_nothing_here(db: Db) -> None:
    async with db.tx() as tx:
        scope = await _october(tx)
        ids = await _teams(tx)
        # INC-12 is a drill, INC-10 was closed in November, INC-3 is hidden from the reader
        minutes = [(number, ids["Ada"], 90) for number in (1, 3, 10, 12)]
        await fact_store.save_people(tx, [1, 3, 10, 12], minutes)
        await _set_rate(tx, ids["Shop"], "60", "EUR")
        hidden = replace(scope, hidden=[3])
        period = await impact_queries.period_cost(tx, hidden, 90 * 60)
        assert [str(each) for each in period.time.amounts] == ["90.00 EUR"]


async def test_a_vote_just_before_an_upgrade_counts_however_long_it_takes(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await w.alert()
        await w.settle()
        await w.ack(w.jun)
        await w.after(minutes=25)
        page, mara = await w.page(), await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            assert await tx.value("select vote from page_fact where id = $1", page.id) is None
            await actionable_votes.vote(tx, mara, page.id, False, w.now)
            await upgrade_to_team_rates(tx)
            for minutes in range(60, 70):
                await projection.catch_up(tx, w.now + timedelta(minutes=minutes))
            assert await tx.value("select vote from page_fact where id = $1", page.id) == "not_actionable"


async def test_rates_are_listed_in_the_order_that_decides(db: Db) -> None:
    async with db.tx() as tx:
        await _october(tx)
        for name, per_hour in (("Search", "50"), ("platform", "100")):
            team_id = await tx.value(
                "insert into team (name, slug, created_at) values ($1, lower($1), $2) returning id", name, NOW
            )
            await _set_rate(tx, team_id, per_hour, "EUR")
        rates = await actions.rates(tx)
        assert [team.name for team in rates.teams] == ["platform", "Search"]
        both = TimeShare(60, [team.team_id for team in rates.teams])
        assert rates.of(both) == rates.teams[0].rate


async def _entries(w: World) -> list[dict[str, object]]:
    async with w.ctx.db.tx() as tx:
        entries = await audit_store.audit_entries(tx, None, 500)
        return [row["detail"] for row in entries[::-1] if row["action"] == "metrics.team_cost_rate"]


async def test_managers_set_the_rate_of_a_team_and_each_change_is_recorded(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        mara, jun = await w.actor(w.mara), await w.actor(w.jun)
        async with w.ctx.db.tx() as tx:
            team = (await people.teams(tx))[0]
        for actor, given, refusal in (
            (jun, (team.slug, "120", "EUR"), Forbidden),
            (mara, ("nothing", "120", "EUR"), NotFound),
            (mara, (team.slug, "", "EUR"), Invalid),
            (mara, (team.slug, "0", "EUR"), Invalid),
            (mara, (team.slug, "120", "EURO"), Invalid),
            (mara, (team.slug, "1000000.01", "EUR"), Invalid),
        ):
            with pytest.raises(refusal):
                async with w.ctx.db.tx() as tx:
                    await actions.save(tx, actor, *given, w.now)
        with pytest.raises(Forbidden):
            async with w.ctx.db.tx() as tx:
                await actions.remove(tx, jun, team.slug, w.now)
        assert await _entries(w) == []
        async with w.ctx.db.tx() as tx:
            for per_hour in ("120.50", "120.50", "99"):
                await actions.save(tx, mara, team.slug, per_hour, "usd", w.now)
            (rate,) = (await actions.rates(tx)).teams
            assert (rate.slug, f"{rate.rate.per_hour:f}", rate.rate.currency) == (team.slug, "99", "USD")
            for _ in range(2):
                await actions.remove(tx, mara, team.slug, w.now)
            assert (await actions.rates(tx)).teams == []
        assert await _entries(w) == [
            {"per_hour": "120.50", "currency": "USD", "before": ""},
            {"per_hour": "99", "currency": "USD", "before": "120.50 USD"},
            {"per_hour": "", "currency": "", "before": "99 USD"},
        ]
