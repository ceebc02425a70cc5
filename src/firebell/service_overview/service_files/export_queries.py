"""The services that an export has, with their fields."""

from typing import Any

from firebell.catalog.model import Service
from firebell.kit.db.database import Tx
from firebell.paging import actions as paging
from firebell.people import actions as people
from firebell.service_overview.service_list import queries as list_queries
from firebell.service_overview.service_list.queries import ServiceSearch
from firebell.service_overview.state_queries import CurrentState


async def exported(tx: Tx, search: ServiceSearch, *, with_incidents: bool) -> list[dict[str, Any]]:
    """Return the fields of the services that match, by name, at most `list_queries.MAX_MATCHING`.

    Each has the fields of `service_csv.COLUMNS`; its team and policy are slugs.
    """
    listed = await list_queries.matching(tx, search, with_incidents=with_incidents)
    policy_ids = list({service.policy_id for service, _ in listed if service.policy_id})
    policies = {each.id: each.slug for each in (await paging.policies_by_id(tx, policy_ids)).values()}
    teams = {each.id: each.slug for each in await people.teams(tx)}
    listed.sort(key=lambda row: (row[0].name, row[0].id))
    return [
        _fields(service, state, teams.get(service.team_id, ""), policies.get(service.policy_id or 0))
        for service, state in listed
    ]


def _fields(service: Service, state: CurrentState, team: str, policy: str | None) -> dict[str, Any]:
    return {
        "slug": service.slug,
        "name": service.name,
        "team": team,
        "tier": service.tier,
        "policy": policy,
        "state": state.health.state,
        "because_of": state.health.ref,
        "open_pages": state.open_pages,
        "description": service.description,
        "runbook_url": service.runbook_url,
        "labels": dict(service.labels),
        "links": [{"title": link.title, "url": link.url} for link in service.links],
    }
