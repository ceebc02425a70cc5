"""The home page, and the data of the shell around every page."""

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request, Response

from firebell.action_items import queries as action_items
from firebell.action_items.model import ActionItem
from firebell.alerts import actions as alerts
from firebell.catalog import actions as catalog
from firebell.catalog.model import Service
from firebell.dashboard import sparkline
from firebell.incident_tasks import queries as incident_tasks
from firebell.incident_tasks.queries import Scope
from firebell.incidents import actions as incidents
from firebell.incidents.model import OPEN, Incident, IncidentFilter, Sort
from firebell.incidents.queries import PHASE_LABELS, summaries
from firebell.kit.db.database import Tx
from firebell.kit.localtime import to_instant, to_local
from firebell.kit.web import html, routing, transaction
from firebell.oncall.schedules import queries as oncall
from firebell.paging import actions as paging
from firebell.paging import queries
from firebell.paging.model import OPEN as OPEN_PAGES
from firebell.paging.model import UNANSWERED, Page, PageState
from firebell.people import actions as people
from firebell.people import authentication, route_access
from firebell.people.model import Person
from firebell.postmortems import actions as postmortems
from firebell.search import commands
from firebell.self_watch import warnings as health_warnings

router = routing.html_router()

OPEN_INCIDENTS = IncidentFilter(phases=OPEN, drill=False)
INCIDENTS_SHOWN, INCIDENTS_IN_SHELL = 10, 20
"""Maximum number of open incidents on the home page and in the frame of each page, most severe first."""
OPEN_COUNTED = 500
"""Maximum number of open incidents, and of open pages, that are counted and make a service unhealthy."""
TASKS_SHOWN = 10
"""Maximum number of the reader's own tasks of incidents."""
ITEMS_SHOWN = 10
"""Maximum number of the reader's own action items."""
POSTMORTEMS_SHOWN = 10
"""Maximum number of post-mortems: the reader's own, then those without an author."""
REST_SHOWN = timedelta(hours=5)
"""How long after the end of a night with too many pages the proposal to rest is shown."""
MAX_SCHEDULES = 12
"""Maximum number of schedules on the page: the reader's own first, then those of their teams."""
CHART_QUARTERS = 96
"""Quarters of an hour in the chart: 24 hours."""
_NUMBER_WORDS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")


async def shell(request: Request) -> html.Shell:
    """Return the counts of the frame and the commands of the palette."""
    async with transaction.joined(request) as tx:
        counts = await paging.counts(tx)
        live = await incidents.matching(tx, OPEN_INCIDENTS, Sort.SEVEREST, limit=INCIDENTS_IN_SHELL)
        incident_summaries = await summaries(tx, sorted(live, key=lambda i: (i.severity, i.id)))
    waiting = sum(counts.get(state, 0) for state in UNANSWERED)
    return html.Shell(
        waiting,
        counts.get(PageState.EXHAUSTED, 0),
        incident_summaries,
        commands.allowed(request.state.may),
        health_warnings.warnings(html.ctx(request)),
    )


def headline(live: int, waiting: int) -> str:
    """Return the home page's heading: open incidents and unacknowledged pages, as a sentence."""

    def count(n: int, word: str) -> str:
        return f"{_NUMBER_WORDS[n] if n < len(_NUMBER_WORDS) else n} {word}{'' if n == 1 else 's'}"

    match live, waiting:
        case 0, 0:
            return "All clear"
        case 0, _:
            return f"{count(waiting, 'page')} unacknowledged"
        case _, 0:
            return f"{count(live, 'incident')} open"
        case _:
            return f"{count(live, 'incident')}, {count(waiting, 'page').lower()} unacknowledged"


async def _todos(tx: Tx, me: Person, now: datetime) -> list[dict[str, Any]]:
    tasks = [
        {
            "title": f"{task.text} ({incident.ref})",
            "href": f"/incidents/{incident.ref}#task-{task.id}",
            "due_at": task.due_at,
            "state": "late" if task.is_overdue(now) else "warn" if task.due_at else "idle",
        }
        for task, incident in await incident_tasks.of_owner(tx, me.id, TASKS_SHOWN)
    ]
    items = await action_items.of_owner(tx, me.id, to_local(now, me.tz).date(), ITEMS_SHOWN)
    return (
        await _rest(tx, me, now)
        + tasks
        + [_action_item_todo(item, me, now) for item in items]
        + await _team_counts(tx, me, now)
        + [
            {
                "title": f"Post-mortem for {d.ref}",
                "href": f"/post-mortems/{d.ref}",
                "due_at": d.due_at,
                "state": "late"
                if d.due_at < now
                else "warn"
                if d.due_at - now < timedelta(hours=12)
                else "idle",
            }
            for d in await postmortems.unpublished_of_author(tx, me.id, POSTMORTEMS_SHOWN)
        ]
    )


async def _rest(tx: Tx, me: Person, now: datetime) -> list[dict[str, Any]]:
    """Return the proposal to rest, on the morning after a night in which the reader had too many pages."""
    yesterday = to_local(now, me.tz).date() - timedelta(days=1)
    return [
        {
            "title": f"Rest: you had {night.pages} pages last night",
            "note": "Ask for cover this morning",
            "href": "/oncall/me#covers",
            "state": "warn",
            "due_at": None,
        }
        for night in await paging.nights_of(tx, me.id, yesterday)
        if night.ends_at <= now < night.ends_at + REST_SHOWN
    ]


def _action_item_todo(item: ActionItem, me: Person, now: datetime) -> dict[str, Any]:
    """Return an action item of the reader: accept it, or finish it by its due day."""
    today = to_local(now, me.tz).date()
    is_late = item.overdue_days(today) > 0
    return {
        "title": f"{item.title} ({item.ref})" if item.is_accepted else f"Accept {item.ref}: {item.title}",
        "href": f"/actions/{item.ref}",
        "due_at": to_instant(datetime.combine(item.due + timedelta(days=1), time()), me.tz),
        "state": "late" if is_late else "idle" if item.is_accepted else "warn",
    }


async def _team_counts(tx: Tx, me: Person, now: datetime) -> list[dict[str, Any]]:
    """Return how many tasks of the reader's teams are overdue, and how many tickets no one has taken."""
    overdue = await incident_tasks.count(tx, incident_tasks.filter_of(Scope.TEAM, me.id, overdue_at=now))
    waiting = await incident_tasks.waiting_tickets(tx)
    counted = (
        (overdue, "overdue task", "In your teams", "/tasks?show=team&overdue=1", "late"),
        (waiting, "ticket", "Waiting in the queue", "/tasks?show=queue&state=waiting", "idle"),
    )
    return [
        {
            "title": f"{n} {noun}{'' if n == 1 else 's'}",
            "note": note,
            "href": href,
            "state": state,
            "due_at": None,
        }
        for n, noun, note, href, state in counted
        if n
    ]


def _unhealthy(
    services: Sequence[Service],
    live: Sequence[Incident],
    affected: Mapping[int, Sequence[int]],
    waiting: Sequence[Page],
) -> list[dict[str, str]]:
    """Return the services with an open incident or page, outages first; `affected` lists them by incident."""
    why: dict[int, tuple[str, str]] = {}
    for incident in live:
        for service_id in affected[incident.id]:
            why.setdefault(service_id, ("outage" if incident.severity <= 1 else "degraded", incident.ref))
    for page in waiting:
        if page.service_id is not None:
            why.setdefault(page.service_id, ("degraded", page.ref))
    unhealthy = [
        {"slug": s.slug, "name": s.name, "state": why[s.id][0], "why": why[s.id][1]}
        for s in services
        if s.id in why
    ]
    return sorted(unhealthy, key=lambda s: (s["state"] != "outage", s["name"]))


@router.get("/", dependencies=route_access.public("Redirects to setup or to the sign-in form."))
async def home(request: Request) -> Response:
    ctx = html.ctx(request)
    now = transaction.now(request)
    async with ctx.db.tx() as tx:
        is_new = not await people.has_people(tx)
    if is_new:
        return html.redirect("/setup")
    me = await authentication.signed_in(request)
    async with ctx.db.tx() as tx:
        live = await incidents.matching(tx, OPEN_INCIDENTS, Sort.SEVEREST, limit=OPEN_COUNTED)
        shown = sorted(live[:INCIDENTS_SHOWN], key=lambda i: (i.severity, i.id))
        fires = await summaries(tx, shown)
        affected = await incidents.services(tx, [incident.id for incident in live])
        waiting = await paging.pages(tx, states=UNANSWERED, limit=10)
        counts = await paging.counts(tx)
        waiting_views = await queries.page_details(tx, waiting, now)
        rate = await alerts.alert_rate(tx, now, CHART_QUARTERS)
        schedule_ids = await oncall.ids_near(tx, me.id, now)
        on_call = await oncall.current(tx, schedule_ids[:MAX_SCHEDULES], now)
        names = await people.people_by_id(tx, [u for o in on_call for u in o.users])
        todos = await _todos(tx, me, now)
        services = await catalog.services(tx)
        broken = await alerts.broken_sources(tx, now)
        broken_services = await catalog.services_by_id(tx, [source.service_id for source in broken])
        mutes = await alerts.muted_counts(tx, now)
        open_pages = await paging.pages(tx, states=OPEN_PAGES, limit=OPEN_COUNTED)
        unhealthy = _unhealthy(services, live, affected, open_pages)
    local = now.astimezone(ZoneInfo(me.tz))
    own_schedules = [o.schedule.name for o in on_call if me.id in o.users]
    context = {
        "nav": "home",
        "live": f"pages,incidents,oncall,{alerts.MUTES_TOPIC}",
        "title": headline(len(live), sum(counts.get(s, 0) for s in UNANSWERED)),
        "lede": f"{local:%A %H:%M}, {me.tz}."
        + (f" You’re on call for {', '.join(own_schedules)}." if own_schedules else ""),
        "signal": sparkline.path(rate),
        "quiet": not any(rate),
        "hours": [now - timedelta(hours=h) for h in (24, 18, 12, 6)],
        "fires": fires,
        "stages": PHASE_LABELS,
        "waiting": waiting_views,
        "todos": todos,
        "on_call": on_call,
        "on_call_elsewhere": max(0, len(schedule_ids) - MAX_SCHEDULES),
        "names": names,
        "unhealthy": unhealthy[:8],
        "broken": [(source, broken_services[source.service_id]) for source in broken],
        "mutes": mutes,
        "healthy": len(services) - len(unhealthy),
        "zone": ZoneInfo,
    }
    return await html.render(request, "dashboard/home.html", context, kept_offline=True)
