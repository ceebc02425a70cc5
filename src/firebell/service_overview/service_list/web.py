"""The list of services and the form that creates one."""

from collections.abc import Mapping, Sequence
from functools import partial

from fastapi import Response

from firebell.catalog import actions as catalog
from firebell.catalog.model import TIERS
from firebell.kit.errors import Conflict, FirebellError, Invalid, NotFound
from firebell.kit.text import to_choice, to_number
from firebell.kit.web import flash, html, routing
from firebell.kit.web.filters import to_one_of
from firebell.paging import actions as paging
from firebell.people import actions as people
from firebell.people import route_access
from firebell.people.model import Team
from firebell.people.permissions import Verb, allows
from firebell.people.unit_of_work import CurrentVisit, Visit
from firebell.service_overview import runbook_choice_web
from firebell.service_overview.edit_web import FIELDS, TIER_CHOICES, read_fields, with_form_names
from firebell.service_overview.runbook_choice_web import FormFields
from firebell.service_overview.service_list import queries as list_queries
from firebell.service_overview.service_list.queries import HealthFilter, ServiceSearch

router = routing.html_router()

_NEW_FIELDS: FormFields = {**FIELDS, "policy": ("policy_id", partial(to_choice, field="policy"))}
"""The fields of the form that creates a service."""
_MORE_FIELDS = ("runbook_url", "labels", "links")
"""Those of them that the form folds away until one is filled in."""
TABS = {
    HealthFilter.ALL: "All",
    HealthFilter.UNHEALTHY: "Unhealthy",
    HealthFilter.NOT_READY: "Not ready",
    HealthFilter.DELETED: "Deleted",
}
_EMPTY = {
    HealthFilter.UNHEALTHY: ("No unhealthy services", "Every service is healthy."),
    HealthFilter.NOT_READY: ("All services are ready", "Each has an escalation policy and an integration."),
    HealthFilter.DELETED: ("No deleted services", "A deleted service is listed here, and can be restored."),
}
"""What a tab without services says."""


def search_of(teams: Sequence[Team], q: str, team: str, tier: str, health: str) -> ServiceSearch:
    """Return the search of an address; raise Invalid for a filter that does not exist."""
    chosen = next((each for each in teams if each.slug == team), None)
    if team and chosen is None:
        raise Invalid("There is no such team.", fields={"team": "Choose a team from the list."})
    return ServiceSearch(
        q.strip(),
        chosen.id if chosen else None,
        to_number(tier, "tier", least=1, most=max(TIERS)) if tier else None,
        HealthFilter(to_one_of(health, "health", tuple(HealthFilter))),
    )


async def _policy_choices(visit: Visit) -> list[tuple[int | str, str]]:
    """Return the options of the policy of a new service, for those who may create one."""
    if not allows(visit.rights, Verb.SERVICE_WRITE):
        return []
    return [("", "None"), *((policy.id, policy.name) for policy in await paging.policies(visit.tx))]


async def _services(
    visit: Visit,
    values: Mapping[str, str],
    error: FirebellError | None = None,
    *,
    q: str = "",
    team: str = "",
    tier: str = "",
    health: str = "all",
    after: str = "",
    group: str = "",
) -> Response:
    teams = await people.teams(visit.tx)
    search = search_of(teams, q, team, tier, health)
    shown = search.health
    listed = await list_queries.service_list(
        *(visit.tx, search, visit.now),
        after_id=to_choice(after, "after"),
        after_healthy=group == "healthy",
    )
    address = partial(html.address, "/services", q=q)
    chosen = {"team": team, "tier": tier, "health": "" if shown is HealthFilter.ALL else shown}
    # deleted services have no dependencies
    on_the_map = "" if shown is HealthFilter.DELETED else chosen["health"]
    counts = listed.counts
    numbers = (counts.total, counts.unhealthy, counts.not_ready, counts.deleted)
    older = ""
    if not listed.is_last:
        last_group = "healthy" if listed.healthy else "unhealthy"
        older = address(**chosen, after=listed.rows[-1].service.id, group=last_group)
    context = {
        "nav": "services",
        "live": "pages,incidents,oncall",
        "listed": listed,
        "q": q,
        "filters": bool(q or team or tier),
        "unfiltered": html.address("/services", health=chosen["health"]),
        "empty": _EMPTY.get(shown),
        "tabs": [
            (
                label,
                number,
                address(team=team, tier=tier, health="" if tab is HealthFilter.ALL else tab),
                tab is shown,
            )
            for (tab, label), number in zip(TABS.items(), numbers, strict=True)
            if number or tab is shown or tab is not HealthFilter.DELETED
        ],
        "health": chosen["health"],
        "team": next((each for each in teams if each.id == search.team_id), None),
        "tier": search.tier,
        "tiers": TIERS,
        "tier_choices": TIER_CHOICES,
        "policies": await _policy_choices(visit),
        "runbooks": await runbook_choice_web.titles(visit),
        "team_slugs": [(each.name, each.slug) for each in teams],
        "not_ready": address(team=team, tier=tier, health=HealthFilter.NOT_READY),
        "map": html.address("/service-map", q=q, team=team, tier=tier, health=on_the_map),
        "export_csv": html.address("/services.csv", q=q, **chosen),
        "export_json": html.address("/services.json", q=q, **chosen),
        "first": address(**chosen) if after else "",
        "older": older,
        "tallest": max((n for row in listed.rows for n in row.hours), default=0),
        "teams": {each.id: each.name for each in teams},
        "values": values,
        "has_more": any(values.get(name) for name in _MORE_FIELDS),
        "error": error,
    }
    return await html.render(visit.request, "service_overview/services.html", context)


@router.get("/services", dependencies=route_access.needs(Verb.SERVICE_READ))
async def services(
    visit: CurrentVisit,
    q: str = "",
    team: str = "",
    tier: str = "",
    health: str = "all",
    after: str = "",
    group: str = "",
) -> Response:
    return await _services(
        visit, {}, q=q.strip(), team=team, tier=tier, health=health, after=after, group=group
    )


@router.post("/services", dependencies=route_access.needs(Verb.SERVICE_WRITE))
async def create(visit: CurrentVisit) -> Response:
    values = visit.values
    try:
        async with visit.tx.savepoint():
            form = {**_NEW_FIELDS, **await runbook_choice_web.field(visit)}
            fields = read_fields(form, {name: values.get(name, "") for name in form})
            service = await catalog.create_service(visit.tx, visit.actor, **fields, now=visit.now)
    except (Invalid, Conflict, NotFound) as error:
        return await _services(visit, values, with_form_names(error, values))
    return flash.redirect(visit.request, f"/services/{service.slug}", f"{service.name} created.")
