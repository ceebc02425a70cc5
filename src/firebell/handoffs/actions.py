"""Handoff documents: drafting, saving, acknowledging."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta

from firebell.action_items import actions as action_items
from firebell.catalog import actions as catalog
from firebell.handbook import actions as handbook
from firebell.handoffs import milestones, store
from firebell.handoffs.draft import Ahead, Facts, Night, draft
from firebell.handoffs.model import Handoff, ShiftChange
from firebell.incidents import actions as incidents
from firebell.incidents.model import OPEN, Incident, IncidentFilter, Phase
from firebell.kit import private_reader
from firebell.kit.db import org_settings
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Forbidden, Invalid, NotFound
from firebell.kit.text import clean_text
from firebell.oncall.model import Cover, CoverState, Schedule, User
from firebell.oncall.rota.fairness import night_of
from firebell.oncall.rota.shifts import at as on_duty_at
from firebell.oncall.rota.shifts import between
from firebell.oncall.swaps import queries as swap_queries
from firebell.paging import actions as paging
from firebell.paging.model import OPEN as OPEN_PAGES
from firebell.paging.model import Arrival
from firebell.people import actions as people
from firebell.people.action_permissions import permits
from firebell.people.model import Person
from firebell.people.permissions import Verb
from firebell.postmortems import actions as postmortems

MAX_BODY_CHARS = 200_000
AHEAD_WINDOW = timedelta(days=14)
"""How far ahead a document lists overrides, gaps and cover requests."""
MAX_ACTION_ITEMS = 20
SCHEDULE_LOOKBACK = timedelta(days=36)
"""How far back a schedule is loaded, to know the shift that ends."""
MAX_INCIDENTS = 500
"""Maximum number of open incidents, and of incidents in the shift, that are searched for the team's."""
NOTICE_SETTING = "shift_notice_hours"

acknowledged = store.acknowledged
handoffs = store.handoffs


async def notice_lead(tx: Tx) -> timedelta:
    """Return how long before a shift its person is reminded."""
    hours = await org_settings.get(tx, NOTICE_SETTING)
    return milestones.DEFAULT_NOTICE_LEAD if hours is None else timedelta(hours=hours)


async def of_day(tx: Tx, schedule: Schedule, day: date) -> Handoff:
    """Return the document of a day, or raise `NotFound`."""
    handoff = await store.handoff(tx, schedule.id, day)
    if handoff is None:
        raise NotFound(
            f"{schedule.name} has no handoff on {day}.",
            hint="Handoffs are drafted 4 hours before a shift change; see /oncall/handoffs for all of them.",
        )
    return handoff


def next_change(schedule: Schedule, now: datetime) -> ShiftChange | None:
    """Return the next shift change for which a document will be drafted."""
    return next(iter(milestones.changes(schedule, now, now + milestones.SHIFT_LOOKBACK)), None)


async def draft_change(tx: Tx, schedule: Schedule, change: ShiftChange, now: datetime) -> None:
    """Draft the document of a shift change, or draft it again if no person has edited it."""
    await store.lock_bodies(tx)  # what becomes private meanwhile is left out of the finished draft
    template = await handbook.template(tx, "handoff")
    # everyone can read a handoff, even people who may not know about a private incident
    with private_reader.as_reader(private_reader.NO_ONE):
        facts = await _facts(tx, schedule, change, now)
    body = draft(template.body, facts)
    if not await store.insert(tx, schedule.id, change, body, now):
        handoff = await of_day(tx, schedule, change.day)
        await store.redraft(tx, handoff.id, body, now)
    await tx.live("oncall")


async def _facts(tx: Tx, schedule: Schedule, change: ShiftChange, now: datetime) -> Facts:
    team, start = schedule.team_id, change.shift_start
    team_services = {s.id for s in await catalog.services(tx, with_deleted=True) if s.team_id == team}
    documents = await postmortems.unpublished(tx, team_services)
    recent = await _incidents(tx, start, change.at, [d.incident_id for d in documents])
    services = await incidents.services(tx, [i.id for i in recent])
    team_incidents = [i for i in recent if team_services & set(services[i.id])]
    titles = {i.id: i.title for i in team_incidents}
    outgoing, incoming = milestones.people_of(schedule, change.at)

    arrivals = await paging.arrivals(tx, start, change.at, schedule.people)
    covers = await swap_queries.covers(tx, schedule_ids=[schedule.id], state=CoverState.OPEN, since=change.at)
    named = {*schedule.people, *(c.requester for c in covers)}
    people_by_id = await people.people_by_id(tx, list(named))

    def names(users: Sequence[User]) -> list[str]:
        return [people_by_id[u].name for u in users if u in people_by_id]

    return Facts(
        schedule=schedule.name,
        tz=schedule.tz,
        day=change.day,
        at=change.at,
        shift_start=start,
        outgoing=names(outgoing),
        incoming=names(incoming),
        open_pages=await paging.pages(tx, states=OPEN_PAGES, team_ids=[team]),
        open_incidents=[i for i in team_incidents if i.phase in OPEN],
        pages=await paging.triggered(tx, team, start, change.at),
        incidents=[i for i in team_incidents if start <= i.declared_at < change.at],
        nights=_nights(schedule, arrivals, people_by_id),
        ahead=_ahead(schedule, covers, change.at, names),
        postmortems=[(d.ref, titles[d.incident_id], d.due_at) for d in documents if d.incident_id in titles],
        action_items=await _action_items(tx, team, change),
        now=now,
    )


async def _incidents(tx: Tx, start: datetime, end: datetime, documented: Sequence[int]) -> list[Incident]:
    """Return incidents that are open, were declared in the shift, or have a post-mortem due.

    Private ones are left out, because everyone can read a handoff.
    """
    phases = (*OPEN, Phase.CLOSED, Phase.REVIEWED)
    in_shift = IncidentFilter(phases=phases, drill=False, since=start, until=end)
    listed = [
        *await incidents.incidents(tx, OPEN, False, MAX_INCIDENTS),
        *await incidents.matching(tx, in_shift, limit=MAX_INCIDENTS),
        *(await incidents.incidents_by_id(tx, documented)).values(),
    ]
    wanted = [i for i in listed if i.phase in phases and not i.drill and not i.is_private]
    return list({i.id: i for i in wanted}.values())


async def _action_items(tx: Tx, team_id: int, change: ShiftChange) -> list[tuple[str, str, str, date]]:
    """Return the team's action items that are overdue or due within `AHEAD_WINDOW`."""
    items = await action_items.due_of_team(tx, team_id, change.day + AHEAD_WINDOW, MAX_ACTION_ITEMS)
    named = await action_items.names(tx, items)
    return [(item.ref, item.title, named.owner(item) or "no owner", item.due) for item in items]


def _nights(
    schedule: Schedule, arrivals: Sequence[Arrival], people_by_id: Mapping[int, Person]
) -> list[Night]:
    """Return how many distinct urgent pages reached each person on call, by night in their time zone."""
    pages_by_night: dict[tuple[int, date], set[int]] = {}
    for arrival in arrivals:
        person = people_by_id[arrival.person_id]
        night = night_of(arrival.at, person.tz)
        if night and person.id in on_duty_at(schedule, arrival.at):
            pages_by_night.setdefault((person.id, night), set()).add(arrival.page_id)
    return [
        Night(people_by_id[person_id].name, night, len(pages))
        for (person_id, night), pages in sorted(
            pages_by_night.items(), key=lambda item: (item[0][1], item[0][0])
        )
    ]


def _ahead(
    schedule: Schedule,
    covers: Sequence[Cover],
    at: datetime,
    names: Callable[[Sequence[User]], list[str]],
) -> list[Ahead]:
    """Return the overrides, gaps and open cover requests of the coming shifts."""
    causes = {override.cause for override in schedule.overrides}
    entries = [
        Ahead(shift.start, shift.end, ", ".join(names(shift.users)) or "No one: coverage gap")
        for shift in between(schedule, at, at + AHEAD_WINDOW)
        if not shift.users or causes & set(shift.cause)
    ]
    for cover in covers:
        requester = ", ".join(names([cover.requester]))
        entries.append(Ahead(cover.start, cover.end, f"{requester} requested cover; no one has accepted yet"))
    return sorted(entries, key=lambda a: (a.start, a.end, a.text))


@permits(Verb.HANDOFF_WRITE)
async def save(
    tx: Tx, actor: Actor, schedule: Schedule, day: date, body: str, version: int, now: datetime
) -> None:
    """Save the text, or raise `Conflict` if someone else saved since `version`."""
    if len(body) > MAX_BODY_CHARS:
        raise Invalid(
            "The handoff is too long.", fields={"body": f"Use at most {MAX_BODY_CHARS:,} characters."}
        )
    handoff = await of_day(tx, schedule, day)
    if not await store.save(tx, handoff.id, clean_text(body, MAX_BODY_CHARS, "body") + "\n", version, now):
        raise Conflict(
            "Someone else saved this document while you edited it.",
            hint="Nothing is lost: their version is shown above yours. Combine the two and save again.",
        )
    await tx.audit(actor, "handoff.saved", f"schedule:{schedule.id}", now, day=str(day))
    await tx.live("oncall")


@permits(Verb.HANDOFF_WRITE)
async def acknowledge(
    tx: Tx, actor: Actor, schedule: Schedule, day: date, person: Person, now: datetime
) -> Handoff:
    """Record an acknowledgment of an outgoing or incoming person. Idempotent."""
    handoff = await of_day(tx, schedule, day)
    outgoing, incoming = milestones.people_of(schedule, handoff.at)
    if person.id not in (*outgoing, *incoming):
        raise Forbidden(
            "This handoff is between other people.",
            hint="Only the outgoing and incoming responders can acknowledge it.",
        )
    if await store.acknowledge(tx, handoff.id, person.id, now):
        await tx.audit(actor, "handoff.acknowledged", f"schedule:{schedule.id}", now, day=str(day))
        await tx.live("oncall")
    return handoff


def coming(schedules: Sequence[Schedule], now: datetime) -> list[tuple[Schedule, ShiftChange]]:
    """Return the next shift change of each schedule that has one, nearest first."""
    changes = [(s, c) for s in schedules if (c := next_change(s, now))]
    return sorted(changes, key=lambda pair: (pair[1].at, pair[0].name))
