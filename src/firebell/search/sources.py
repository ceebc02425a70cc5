"""The sources of search: one for each kind of hit, with the verb that it needs.

The SQL is in the store of the slice that owns the table; the text of a hit is here.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from urllib.parse import quote

from firebell.action_items import actions as action_items
from firebell.action_items import search_store as action_items_store
from firebell.action_items.model import STATE_NAMES, ActionItem
from firebell.catalog import actions as catalog
from firebell.catalog import search_store as catalog_store
from firebell.catalog.model import Service
from firebell.handbook import chapter_html, palette_search, shipped_content
from firebell.incidents import actions as incidents
from firebell.incidents import search_store as incidents_store
from firebell.incidents.model import OPEN as OPEN_PHASES
from firebell.incidents.model import Incident
from firebell.kit.db.database import Tx
from firebell.kit.handbook_files import skill, skill_files
from firebell.kit.search_terms import Terms
from firebell.kit.text import plural
from firebell.oncall import search_store as oncall_store
from firebell.oncall.schedules import queries as oncall
from firebell.oncall.schedules.queries import OnDuty, ids_naming
from firebell.paging import actions as paging
from firebell.paging import search_store as paging_store
from firebell.paging.model import OPEN as OPEN_STATES
from firebell.paging.model import Page
from firebell.paging.queries import STATE_GLYPHS, STATE_LABELS
from firebell.people import actions as people
from firebell.people import search_store as people_store
from firebell.people.permissions import Verb
from firebell.postmortems import search_store as postmortems_store
from firebell.runbooks import search_store as runbooks_store
from firebell.runbooks.runbook_html import FOLDER
from firebell.search import commands
from firebell.search.model import Hit, Kind


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A query of someone with the rights `may`; `limit` is the most hits of each kind."""

    tx: Tx
    terms: Terms
    limit: int
    now: datetime
    may: Callable[[Verb], bool]


@dataclass(frozen=True, slots=True)
class SearchSource:
    """The search for one kind of hit; `verb` is None if each hit has its own verb."""

    kind: Kind
    verb: Verb | None
    search: Callable[[SearchQuery], Awaitable[Sequence[Hit]]]


async def _duty(query: SearchQuery, schedule_ids: Sequence[int]) -> list[OnDuty]:
    """Return who is on call for these schedules; empty for someone who may not see schedules."""
    if not query.may(Verb.SCHEDULE_READ):
        return []
    return await oncall.current(query.tx, list(dict.fromkeys(schedule_ids)), query.now)


async def _persons(query: SearchQuery) -> list[Hit]:
    ids = await people_store.person_ids(query.tx, query.terms.tsquery, query.limit)
    known, teams = await people.people_by_id(query.tx, ids), await people_store.team_names(query.tx, ids)
    schedules_naming = {i: await ids_naming(query.tx, i, query.now) for i in ids}
    duty = await _duty(
        query, [schedule for schedules in schedules_naming.values() for schedule in schedules[:10]]
    )
    hits = []
    for person in (known[i] for i in ids):
        on_call = [d.schedule for d in duty if person.id in d.users]
        schedules = on_call or [d.schedule for d in duty if d.schedule.id in schedules_naming[person.id]]
        facts = [person.role.capitalize(), ", ".join(teams[person.id])]
        if on_call:
            facts.append(f"on call now for {', '.join(s.name for s in on_call)}")
        path = f"/oncall/{schedules[0].slug}" if schedules else "/oncall"
        if query.may(Verb.PERSON_WRITE):
            path = f"/settings/people?q={quote(person.email, safe='')}"
        hits.append(Hit(Kind.PERSON, person.name, " · ".join(f for f in facts if f), path))
    return hits


async def _teams(query: SearchQuery) -> list[Hit]:
    ids = await people_store.team_ids(query.tx, query.terms.tsquery, query.limit)
    known = {team.id: team for team in await people.teams(query.tx)} if ids else {}
    members = await people.members(query.tx, ids)
    return [
        Hit(
            Kind.TEAM,
            known[i].name,
            f"Team · {len(members[i])} {'person' if len(members[i]) == 1 else 'people'}",
            f"/settings/teams/{quote(known[i].slug)}"
            if query.may(Verb.TEAM_WRITE)
            else f"/oncall?q={quote(known[i].name, safe='')}",
        )
        for i in ids
    ]


async def _team_names(query: SearchQuery) -> dict[int, str]:
    return {team.id: team.name for team in await people.teams(query.tx)}


async def _services(query: SearchQuery) -> list[Hit]:
    ids = await catalog_store.service_ids(query.tx, query.terms.tsquery, query.limit)
    if not ids:
        return []
    known, teams = await catalog.services_by_id(query.tx, ids), await _team_names(query)
    open_pages = await paging_store.open_pages(query.tx, ids) if query.may(Verb.PAGE_READ) else {}
    hits = []
    for service in (known[i] for i in ids):
        pages = open_pages.get(service.id, 0)
        facts = [f"Service · {teams[service.team_id]}", *([plural(pages, "open page")] if pages else [])]
        state = "degraded" if pages else "ok"
        hits.append(
            Hit(
                Kind.SERVICE, service.name, " · ".join(facts), f"/services/{quote(service.slug)}", state=state
            )
        )
    return hits


async def _schedules(query: SearchQuery) -> list[Hit]:
    ids = await oncall_store.schedule_ids(query.tx, query.terms.tsquery, query.limit)
    if not ids:
        return []
    duty, teams = await _duty(query, ids), await _team_names(query)
    known = await people.people_by_id(query.tx, [user for d in duty for user in d.users])
    hits = []
    for d in duty:
        names = ", ".join(known[user].name for user in d.users if user in known)
        subtitle = f"Schedule · {teams[d.schedule.team_id]} · {names or 'No one'} on call now"
        hits.append(Hit(Kind.SCHEDULE, d.schedule.name, subtitle, f"/oncall/{quote(d.schedule.slug)}"))
    return hits


async def _policies(query: SearchQuery) -> list[Hit]:
    ids = await paging_store.policy_ids(query.tx, query.terms.tsquery, query.limit)
    if not ids:
        return []
    known, teams = await paging.policies_by_id(query.tx, ids), await _team_names(query)
    return [
        Hit(
            Kind.POLICY,
            policy.name,
            f"Escalation policy · {teams[policy.team_id]} · {plural(len(policy.levels), 'level')}",
            f"/escalation/{quote(policy.slug)}",
        )
        for policy in (known[i] for i in ids)
    ]


def _page(page: Page, services: dict[int, Service]) -> Hit:
    service = services.get(page.service_id or 0)
    facts = [STATE_LABELS[page.state], *([service.name] if service else [])]
    return Hit(
        Kind.PAGE,
        page.title,
        " · ".join(facts),
        f"/pages/{page.ref}",
        ref=page.ref,
        state=STATE_GLYPHS[page.state],
        is_open=page.state in OPEN_STATES,
    )


async def _pages(query: SearchQuery) -> list[Hit]:
    ids = await paging_store.page_ids(query.tx, query.terms.tsquery, query.limit)
    return await _page_hits(query, ids)


async def _page_hits(query: SearchQuery, ids: Sequence[int]) -> list[Hit]:
    if not ids:
        return []
    known = await paging.pages_by_id(query.tx, ids)
    service_ids = [page.service_id for page in known.values() if page.service_id]
    services = await catalog.services_by_id(query.tx, service_ids)
    return [_page(known[i], services) for i in ids if i in known]


def _incident(incident: Incident) -> Hit:
    return Hit(
        Kind.INCIDENT,
        incident.title,
        f"SEV{incident.severity} · {incident.phase.capitalize()}{' · Drill' if incident.drill else ''}",
        f"/incidents/{incident.ref}",
        ref=incident.ref,
        is_open=incident.phase in OPEN_PHASES,
    )


async def _incidents(query: SearchQuery) -> list[Hit]:
    ids = await incidents_store.incident_ids(query.tx, query.terms.tsquery, query.limit)
    return [_incident(await incidents.incident(query.tx, i)) for i in ids]


async def _postmortems(query: SearchQuery) -> list[Hit]:
    hidden = await incidents.hidden_ids(query.tx)
    states = await postmortems_store.states(query.tx, query.terms.tsquery, query.limit, hidden)
    hits = []
    for incident_id, state in states.items():
        incident = await incidents.incident(query.tx, incident_id)
        path = f"/post-mortems/{incident.ref}"
        subtitle = f"Post-mortem · {state.capitalize()}"
        hits.append(Hit(Kind.POSTMORTEM, incident.title, subtitle, path, ref=incident.ref))
    return hits


def _action_item(item: ActionItem) -> Hit:
    facts = f"Action item · {STATE_NAMES[item.state]} · due {item.due.isoformat()}"
    path, is_open = f"/actions/{item.ref}", item.is_unfinished
    return Hit(Kind.ACTION_ITEM, item.title, facts, path, ref=item.ref, is_open=is_open)


async def _action_items(query: SearchQuery) -> list[Hit]:
    items = await action_items_store.items(query.tx, query.terms.tsquery, query.limit)
    return [_action_item(item) for item in items]


_TITLE = re.compile(r"^#\s+(.+?)\s*#*$", re.MULTILINE)


def _title(body: str, slug: str) -> str:
    heading = _TITLE.search(body)
    return heading[1] if heading else slug


@cache
def _shipped_runbooks() -> dict[str, str]:
    """Return the text of each shipped runbook by its slug."""
    paths = [path for path in skill_files(FOLDER) if path.endswith(".md")]
    return {path.rpartition("/")[2].removesuffix(".md"): skill(path) for path in paths}


async def _runbooks(query: SearchQuery) -> list[Hit]:
    own = await runbooks_store.bodies(query.tx, query.terms.tsquery, query.limit)
    replaced = await runbooks_store.replaced_slugs(query.tx)
    shipped = {
        slug: body
        for slug, body in _shipped_runbooks().items()
        if slug not in replaced and query.terms.match(body)
    }
    titles = {slug: _title(body, slug) for slug, body in {**own, **shipped}.items()}
    ranked = sorted(titles, key=lambda slug: (query.terms.rank(titles[slug]), titles[slug]))
    return [
        Hit(Kind.RUNBOOK, titles[slug], "Runbook", f"/runbooks/{quote(slug)}")
        for slug in ranked[: query.limit]
    ]


async def _chapters(query: SearchQuery) -> list[Hit]:
    chapters = [c for c in shipped_content.chapters() if not c.path.startswith(f"{FOLDER}/")]
    matches = palette_search.search(chapters, query.terms, query.limit)
    return [
        Hit(
            Kind.CHAPTER,
            chapter.title,
            f"Handbook · {heading}" if heading else "Handbook",
            chapter_html.address(chapter) + (f"#{quote(anchor)}" if anchor else ""),
        )
        for chapter, heading, anchor in matches
    ]


async def _commands(query: SearchQuery) -> list[Hit]:
    return [
        Hit(Kind.COMMAND, command.label, "", command.path, icon=command.icon)
        for command in commands.search(query.terms, query.may)[: query.limit]
    ]


SOURCES = (
    SearchSource(Kind.SERVICE, Verb.SERVICE_READ, _services),
    SearchSource(Kind.PERSON, Verb.PERSON_READ, _persons),
    SearchSource(Kind.TEAM, Verb.PERSON_READ, _teams),
    SearchSource(Kind.INCIDENT, Verb.INCIDENT_READ, _incidents),
    SearchSource(Kind.PAGE, Verb.PAGE_READ, _pages),
    SearchSource(Kind.SCHEDULE, Verb.SCHEDULE_READ, _schedules),
    SearchSource(Kind.POLICY, Verb.POLICY_READ, _policies),
    SearchSource(Kind.RUNBOOK, Verb.RUNBOOK_READ, _runbooks),
    SearchSource(Kind.CHAPTER, Verb.HANDBOOK_READ, _chapters),
    SearchSource(Kind.POSTMORTEM, Verb.POSTMORTEM_READ, _postmortems),
    SearchSource(Kind.ACTION_ITEM, Verb.ACTION_ITEM_READ, _action_items),
    SearchSource(Kind.COMMAND, None, _commands),
)


async def reference_hits(query: SearchQuery) -> list[Hit]:
    """Return the incident, the page or the action item that a reference names, if it exists and may be seen."""
    reference = query.terms.reference
    if reference is None:
        return []
    prefix, number = reference
    hits: list[Hit] = []
    if prefix in ("", "INC") and query.may(Verb.INCIDENT_READ):
        incident_id = await incidents_store.existing_id(query.tx, number)
        hits += [_incident(await incidents.incident(query.tx, incident_id))] if incident_id else []
    if prefix in ("", "PG") and query.may(Verb.PAGE_READ):
        hits += await _page_hits(query, [number])
    if prefix == "ACT" and query.may(Verb.ACTION_ITEM_READ):
        hits += [_action_item(item) for item in (await action_items.items_by_id(query.tx, [number])).values()]
    return hits
