"""What chats show of pages and of who is on call, and what the names in a command stand for."""

from dataclasses import dataclass
from datetime import datetime

from firebell.catalog import actions as catalog
from firebell.kit.db.database import Tx
from firebell.kit.errors import NotFound
from firebell.oncall.schedules import queries as oncall
from firebell.paging import actions as paging
from firebell.paging import queries
from firebell.paging.model import OPEN, Page, PageFilter
from firebell.people import actions as people

LISTED = 20


async def open_pages(tx: Tx, person_id: int | None, team_ids: list[int] | None, now: datetime) -> list[Page]:
    """Return up to 20 open pages, unanswered ones first: of a person, of teams, or all."""
    wanted = PageFilter(person_id=person_id, team_ids=None if team_ids is None else tuple(team_ids))
    listing = await queries.list_pages(
        tx, states=[str(state) for state in OPEN], wanted=wanted, limit=LISTED, now=now
    )
    return listing.pages


async def owner_names(tx: Tx, page_ids: list[int]) -> dict[int, list[str]]:
    """Return the names of the owners of each page, earliest first."""
    owners = await paging.owners(tx, page_ids)
    names = await people.people_by_id(tx, [i for ids in owners.values() for i in ids])
    return {page_id: [names[i].name for i in ids] for page_id, ids in owners.items()}


@dataclass(frozen=True, slots=True)
class NamedTarget:
    """What a slug stands for: a team, schedule or policy; `name` is how people call it.

    `named` is the kind of thing that has the slug: a service stands for its policy.
    """

    kind: str
    id: int
    name: str
    named: str


async def resolve(tx: Tx, name: str) -> list[NamedTarget]:
    """Return everything that a slug stands for exactly: a team, a schedule, a service's policy, or a policy.

    A kind in front, such as `team:payments`, leaves only that one.
    """
    kind, has_kind, slug = name.rpartition(":")
    targets = await _named(tx, slug)
    return [target for target in targets if target.named == kind] if has_kind else targets


async def _named(tx: Tx, slug: str) -> list[NamedTarget]:
    targets = []
    if team := next((t for t in await people.teams(tx) if t.slug == slug), None):
        targets.append(NamedTarget("team", team.id, f"team {team.name}", "team"))
    schedule_ids = [i for i, each in (await oncall.slugs_by_id(tx)).items() if each == slug]
    names = await oncall.names_by_id(tx, schedule_ids)
    targets += [
        NamedTarget("schedule", i, f"schedule {names[i]}", "schedule") for i in schedule_ids if i in names
    ]
    try:
        service = await catalog.by_slug(tx, slug)
    except NotFound:
        pass
    else:
        owner = NamedTarget("team", service.team_id, f"service {service.name}", "service")
        if service.policy_id:
            owner = NamedTarget("policy", service.policy_id, f"service {service.name}", "service")
        targets.append(owner)
    policy = next((p for p in await paging.policies(tx) if p.slug == slug), None)
    if policy:
        targets.append(NamedTarget("policy", policy.id, f"policy {policy.name}", "policy"))
    return targets


async def slugs(tx: Tx) -> list[str]:
    """Return every slug that can be paged, for suggestions."""
    return [
        *(team.slug for team in await people.teams(tx)),
        *(await oncall.slugs_by_id(tx)).values(),
        *(service.slug for service in await catalog.services(tx)),
        *(policy.slug for policy in await paging.policies(tx)),
    ]


@dataclass(frozen=True, slots=True)
class OnCallLine:
    """Who is on call for a schedule, and until when."""

    schedule: str
    names: list[str]
    until: datetime | None


async def on_call(tx: Tx, slug: str, now: datetime) -> list[OnCallLine] | None:
    """Return who is on call, for a schedule, for the schedules of a team, or for all; None for an unknown slug."""
    schedules = await oncall.schedules(tx, since=now)
    if slug:
        team = next((t for t in await people.teams(tx) if t.slug == slug), None)
        schedules = [s for s in schedules if s.slug == slug or (team and s.team_id == team.id)]
        if not schedules and team is None:
            return None
    on_duty = await oncall.current(tx, [s.id for s in schedules[:LISTED]], now)
    names = await people.people_by_id(tx, [i for each in on_duty for i in each.users])
    return [
        OnCallLine(each.schedule.name, [names[i].name for i in each.users if i in names], each.until)
        for each in on_duty
    ]


@dataclass(frozen=True, slots=True)
class ServiceOption:
    """A service that a form offers."""

    id: int
    name: str


async def offered_targets(tx: Tx, search: str, limit: int = 100) -> list[tuple[str, str]]:
    """Return what can be paged, as (name for `resolve`, label), whose name or slug contains `search`."""
    wanted = search.strip().casefold()
    schedules = await oncall.slugs_by_id(tx)
    names = await oncall.names_by_id(tx, list(schedules))
    named = [
        *(("team", team.slug, team.name) for team in await people.teams(tx)),
        *(("schedule", slug, names[i]) for i, slug in schedules.items() if i in names),
        *(("service", service.slug, service.name) for service in await catalog.services(tx)),
        *(("policy", policy.slug, policy.name) for policy in await paging.policies(tx)),
    ]
    matches = [
        (f"{kind}:{slug}", f"{name} ({kind})")
        for kind, slug, name in named
        if wanted in name.casefold() or wanted in slug
    ]
    return matches[:limit]


async def offered_services(tx: Tx, search: str, limit: int = 100) -> list[ServiceOption]:
    """Return services whose name contains `search`, by name."""
    wanted = search.strip().casefold()
    services = [s for s in await catalog.services(tx) if wanted in s.name.casefold() or wanted in s.slug]
    return [ServiceOption(s.id, s.name) for s in services[:limit]]
