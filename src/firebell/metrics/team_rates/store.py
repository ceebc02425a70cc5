"""The SQL of the rates of teams, and of the time that they apply to."""

from collections.abc import Sequence

from firebell.kit.db.database import Tx
from firebell.metrics.cost_rate import CostRate
from firebell.metrics.figures.scope_store import Conditions
from firebell.metrics.team_rates.model import TeamRate, TimeShare


async def rates(tx: Tx) -> list[TeamRate]:
    """Return the rates of all teams that have one, by name: in the order that decides."""
    rows = await tx.fetch(
        """
        select team.id, team.slug, team.name, team_cost_rate.per_hour, team_cost_rate.currency
        from team_cost_rate
        join team on team.id = team_cost_rate.team_id
        """
    )
    rates = [
        TeamRate(row["id"], row["slug"], row["name"], CostRate(row["per_hour"], row["currency"]))
        for row in rows
    ]
    return sorted(rates, key=lambda rate: rate.precedence)


async def save(tx: Tx, team_id: int, rate: CostRate) -> None:
    """Store or replace the rate of a team."""
    await tx.execute(
        """
        insert into team_cost_rate (team_id, per_hour, currency)
        values ($1, $2, $3)
        on conflict (team_id) do update
        set per_hour = excluded.per_hour,
            currency = excluded.currency
        """,
        team_id,
        rate.per_hour,
        rate.currency,
    )


async def delete(tx: Tx, team_id: int) -> bool:
    """Delete the rate of a team; return False if it has none."""
    return bool(await tx.changed("delete from team_cost_rate where team_id = $1", team_id))


async def shares(tx: Tx, conditions: Conditions) -> Sequence[TimeShare]:
    """Return the time of people on incidents that meet conditions, added up by the teams that they are in now."""
    rows = await tx.fetch(
        f"""
        select sum(present.minutes)::bigint * 60 as seconds, member.teams, owner.owners
        from incident_fact
        join incident_fact_person present on present.incident_id = incident_fact.id
        cross join lateral (
            select array(
                select team_member.team_id
                from team_member
                where team_member.person_id = present.person_id
                order by team_member.team_id
            ) as teams
        ) member
        cross join lateral (
            select array(
                select distinct service.team_id
                from incident_fact_service affected
                join service on service.id = affected.service_id
                where affected.incident_id = incident_fact.id
                    and service.team_id = any(member.teams)
                order by service.team_id
            ) as owners
        ) owner
        where {conditions.sql}
        group by member.teams, owner.owners
        """,
        *conditions.values,
    )
    return [TimeShare(**dict(row)) for row in rows]
