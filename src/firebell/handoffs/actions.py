"""What is done with handoff documents."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta

from firebell.catalog import actions as catalog
from firebell.handbook import actions as handbook
from firebell.handoffs import milestones, store
from firebell.handoffs.draft import Ahead, Facts, Night, draft
from firebell.handoffs.model import Acknowledged, Change, Handoff
from firebell.incidents import actions as incidents
from firebell.incidents.model import OPEN, Phase
from firebell.kit import org_settings
from firebell.kit.db import Tx
from firebell.kit.errors import Conflict, Forbidden, Invalid, NotFound
from firebell.kit.events import Actor
from firebell.kit.text import clean_text
from firebell.oncall import actions as oncall
from firebell.oncall.model import CoverState, Schedule, User
from firebell.oncall.rota.fairness import night_of
from firebell.oncall.rota.shifts import at as on_duty_at
from firebell.oncall.rota.shifts import between
from firebell.paging import actions as paging
from firebell.paging.model import OPEN as OPEN_PAGES
from firebell.people import actions as people
from firebell.people.model import Person
from firebell.postmortems import actions as postmortems

BODY = 200_000
AHEAD = timedelta(days=14)
SINCE = timedelta(days=36)
"""How far back a schedule must answer to tell of the shift that ends."""

NOTICE = "shift_notice_hours"

acknowledged = store.acknowledged
handoffs = store.handoffs


async def notice(tx: Tx) -> timedelta:
    """Return how long before a shift its person is told."""
    hours = await org_settings.get(tx, NOTICE)
    return milestones.BEFORE if hours is None else timedelta(hours=hours)


async def of_day(tx: Tx, schedule: Schedule, day: date) -> Handoff:
    """Return the document of a day; raise `NotFound` that says when documents come to be."""
    handoff = await store.handoff(tx, int(schedule.id), day)
    if handoff is None:
        raise NotFound(
            f"{schedule.name} has no handoff on {day}.",
            hint="It is drafted four hours before the shift changes; /oncall/handoffs lists those there are.",
        )
    return handoff


def next_change(schedule: Schedule, now: datetime) -> Change | None:
    """Return the coming change of shift for which a document will be."""
    return next(iter(milestones.changes(schedule, now, now + milestones.SHIFT)), None)


async def draft_change(tx: Tx, schedule: Schedule, change: Change, now: datetime) -> None:
    """Make the document of a change of shift; one in which nobody wrote is made again."""
    template = await handbook.template(tx, "handoff")
    body = draft(template.body, await _facts(tx, schedule, change, now))
    if not await store.insert(tx, int(schedule.id), change, body, now):
        handoff = await of_day(tx, schedule, change.day)
        await store.redraft(tx, handoff.id, body, now)
    await tx.live("oncall")


async def _facts(tx: Tx, schedule: Schedule, change: Change, now: datetime) -> Facts:
    everyone = {p.id: p for p in await people.people(tx)}
    team, start = schedule.team_id, change.shift_start
    ours = {s.id for s in await catalog.services(tx) if s.team_id == team}
    phases = (*OPEN, Phase.CLOSED, Phase.REVIEWED)
    found = await incidents.incidents(tx, phases, False, 500)
    touched = await incidents.services(tx, [i.id for i in found])
    found = [i for i in found if ours & set(touched[i.id])]
    titles = {i.id: i.title for i in found}
    leaving, entering = milestones.people_of(schedule, change.at)

    def names(users: Sequence[User]) -> list[str]:
        return [everyone[int(u)].name for u in users if int(u) in everyone]

    return Facts(
        schedule=schedule.name,
        tz=schedule.tz,
        day=change.day,
        at=change.at,
        shift_start=start,
        leaving=names(leaving),
        entering=names(entering),
        open_pages=await paging.pages(tx, states=OPEN_PAGES, team_ids=[team]),
        open_incidents=[i for i in found if i.phase in OPEN],
        pages=await paging.triggered(tx, team, start, change.at),
        incidents=[i for i in found if start <= i.declared_at < change.at],
        nights=await _nights(tx, schedule, start, change.at, everyone),
        ahead=await _ahead(tx, schedule, change.at, names),
        postmortems=[
            (d.ref, titles[d.incident_id], d.due_at)
            for d in await postmortems.postmortems(tx)
            if d.state != "published" and d.incident_id in titles
        ],
        now=now,
    )


async def _nights(
    tx: Tx, schedule: Schedule, a: datetime, b: datetime, everyone: dict[int, Person]
) -> list[Night]:
    """Return how many distinct urgent pages reached whoever was on duty, by night in their own zone."""
    rang: dict[tuple[int, date], set[int]] = {}
    for arrival in await paging.arrivals(tx, a, b):
        person = everyone[arrival.person_id]
        night = night_of(arrival.at, person.tz)
        if night and person.id in on_duty_at(schedule, arrival.at):
            rang.setdefault((person.id, night), set()).add(arrival.page_id)
    return [
        Night(everyone[who].name, night, len(found))
        for (who, night), found in sorted(rang.items(), key=lambda item: (item[0][1], item[0][0]))
    ]


async def _ahead(
    tx: Tx, schedule: Schedule, at: datetime, names: Callable[[Sequence[User]], list[str]]
) -> list[Ahead]:
    """Return what the rotation alone does not explain: edited stretches, and cover that is asked for."""
    edits = {e.id for e in schedule.edits}
    found = [
        Ahead(run.start, run.end, ", ".join(names(run.users)) or "Nobody: a gap")
        for run in between(schedule, at, at + AHEAD)
        if not run.users or edits & set(run.cause)
    ]
    for cover in await oncall.covers(tx, schedule_ids=[int(schedule.id)], state=CoverState.OPEN, since=at):
        who = ", ".join(names([cover.requester]))
        found.append(Ahead(cover.start, cover.end, f"{who} asks for cover, nobody has taken it yet"))
    return sorted(found, key=lambda a: (a.start, a.end, a.text))


async def save(
    tx: Tx, actor: Actor, schedule: Schedule, day: date, body: str, version: int, now: datetime
) -> None:
    """Save the text; raise `Conflict` when somebody else saved since it was read."""
    if len(body) > BODY:
        raise Invalid("The document is too long.", fields={"body": f"At most {BODY:,} characters."})
    old = await of_day(tx, schedule, day)
    if not await store.save(tx, old.id, clean_text(body, BODY) + "\n", version, now):
        raise Conflict(
            "Someone else saved this document while you edited it.",
            hint="Nothing is lost: their version is shown above yours. Combine the two and save again.",
        )
    await tx.audit(actor, "handoff.saved", f"schedule:{schedule.id}", now, day=str(day))
    await tx.live("oncall")


async def acknowledge(
    tx: Tx, actor: Actor, schedule: Schedule, day: date, person: Person, now: datetime
) -> Handoff:
    """Record that who leaves or who enters agrees; a second time changes nothing."""
    handoff = await of_day(tx, schedule, day)
    leaving, entering = milestones.people_of(schedule, handoff.at)
    if person.id not in (*leaving, *entering):
        raise Forbidden(
            "This handoff is between other people.", hint="Who leaves and who enters acknowledge it."
        )
    if await store.acknowledge(tx, handoff.id, person.id, now):
        await tx.audit(actor, "handoff.acknowledged", f"schedule:{schedule.id}", now, day=str(day))
        await tx.live("oncall")
    return handoff


def coming(schedules: Sequence[Schedule], now: datetime) -> list[tuple[Schedule, Change]]:
    """Return the next change of shift of each schedule that has one, the nearest first."""
    found = [(s, c) for s in schedules if (c := next_change(s, now))]
    return sorted(found, key=lambda pair: (pair[1].at, pair[0].name))


async def newest_by_schedule(
    tx: Tx, schedule_ids: Sequence[int]
) -> dict[int, tuple[Handoff, list[Acknowledged]]]:
    """Return the newest document of each schedule and who acknowledged it, for pages that lead there."""
    found = await store.newest(tx, schedule_ids)
    done = await store.acknowledged(tx, [h.id for h in found])
    return {h.schedule_id: (h, done[h.id]) for h in found}
