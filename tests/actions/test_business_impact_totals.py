"""What incidents cost the business by service: each currency for itself, and only what belongs to a filter."""

from dataclasses import replace
from decimal import Decimal

from firebell.kit.db.database import Db
from firebell.metrics.business_impact import store
from firebell.metrics.dimensions import Dimension
from firebell.metrics.money import Money
from tests.actions.test_metrics import API, CHECKOUT, NOW, SEARCH, _october


async def test_amounts_of_one_currency_do_not_push_out_those_of_another(db: Db) -> None:
    async with db.tx() as tx:
        scope = await _october(tx)
        for incident_id, money in (
            (1, Money(Decimal(900_000), "EUR")),
            (3, Money(Decimal(100), "EUR")),
            (5, Money(Decimal(1_000_000), "JPY")),
        ):
            await store.save(tx, incident_id, money, "Finance", None, "Mara", NOW)
        groups = await store.split(tx, scope, Dimension.SERVICE)
        assert [(group.key, str(group.money)) for group in groups] == [
            ("checkout", "900,000.00 EUR"),
            ("search", "100.00 EUR"),
            ("api", "1,000,000 JPY"),
        ]


async def test_a_filter_leaves_out_the_services_of_other_teams(db: Db) -> None:
    async with db.tx() as tx:
        scope = await _october(tx)
        other = await tx.value(
            "insert into team (name, slug, created_at) values ('Data', 'data', $1) returning id", NOW
        )
        await tx.execute("update service set team_id = $1 where id = $2", other, SEARCH)
        await tx.execute("insert into incident_fact_service (incident_id, service_id) values (1, $1)", SEARCH)
        await store.save(tx, 1, Money(Decimal(500), "EUR"), "Finance", None, "Mara", NOW)
        keys = {
            name: [group.key for group in await store.split(tx, replace(scope, **only), Dimension.SERVICE)]
            for name, only in {
                "all": {},
                "team": {"team_id": other},
                "service": {"service_id": CHECKOUT},
                "none": {"service_id": API},
            }.items()
        }
        assert keys == {
            "all": ["checkout", "search"],
            "team": ["search"],
            "service": ["checkout"],
            "none": [],
        }
