"""What is done with schedules, and the answer to "who is on call" for everybody else."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.kit.clock import YEARS
from firebell.kit.db import Tx
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.events import Actor
from firebell.kit.text import clean_name, clean_text, slugify
from firebell.oncall import shifts, store
from firebell.oncall.model import EditKind, Layer, Schedule
from firebell.people import actions as people

log = logging.getLogger(__name__)

HORIZON = timedelta(days=35)
"""How far ahead the end of a present shift is looked for."""
LONGEST_TURN = 1000


@dataclass(frozen=True, slots=True)
class OnDuty:
    """Who answers a schedule now, until when (None: no change within the horizon), and who follows."""

    schedule: Schedule
    users: tuple[int, ...]
    until: datetime | None
    next_users: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Shift:
    """A stretch during which a person answers a schedule."""

    start: datetime
    end: datetime
    schedule: Schedule


async def schedules(tx: Tx) -> list[Schedule]:
    """Return every schedule with layers, edits and who is inactive, by name."""
    gone = await store.inactive(tx)
    return [store.without(s, gone) for s in await store.schedules(tx)]


async def schedules_by_id(tx: Tx, ids: Sequence[int]) -> dict[int, Schedule]:
    """Return the schedules that exist among `ids`."""
    gone = await store.inactive(tx)
    return {int(s.id): store.without(s, gone) for s in await store.schedules(tx, ids)}


async def by_slug(tx: Tx, slug: str) -> Schedule:
    """Return one schedule; raise `NotFound` naming those that exist."""
    found = {s.slug: s for s in await schedules(tx)}
    if slug not in found:
        raise NotFound(f"There is no schedule {slug}.", hint=f"There are: {', '.join(found) or 'none yet'}.")
    return found[slug]


def users_at(schedule: Schedule, now: datetime) -> tuple[int, ...]:
    """Return who is on duty at `now`; nobody for a gap or a schedule that cannot be read."""
    try:
        return tuple(int(u) for u in shifts.at(schedule, now))
    except (ArithmeticError, ValueError, LookupError):
        # a level without people is skipped at once; a timer that fails would wake nobody at all
        log.exception("a schedule cannot be read", extra={"schedule": schedule.slug})
        return ()


async def current(tx: Tx, now: datetime) -> list[OnDuty]:
    """Return who answers each schedule now and until when."""
    found = []
    for schedule in await schedules(tx):
        runs = shifts.duty(schedule, now, now + HORIZON)
        later = runs[1] if len(runs) > 1 else None
        found.append(
            OnDuty(
                schedule,
                tuple(int(u) for u in runs[0].users),
                later.start if later else None,
                tuple(int(u) for u in later.users) if later else (),
            )
        )
    return found


async def shifts_of(
    tx: Tx, person_id: int, now: datetime, horizon: timedelta = timedelta(days=60)
) -> list[Shift]:
    """Return when a person is on duty from `now` on, the first shift first."""
    found = [
        Shift(run.start, run.end, schedule)
        for schedule in await schedules(tx)
        for run in shifts.duty(schedule, now, now + horizon)
        if person_id in run.users
    ]
    return sorted(found, key=lambda shift: shift.start)


def _check_layer(layer: Layer, known: set[int]) -> None:
    people.check_zone(layer.tz)
    if not 1 <= layer.every <= LONGEST_TURN:
        raise Invalid(f"A turn of {layer.every} is not possible.", fields={"every": f"1 to {LONGEST_TURN}."})
    if layer.anchor.year not in YEARS:
        raise Invalid(
            f"The first handoff is in {layer.anchor.year}.",
            fields={"anchor": f"A year from {YEARS[0]} to {YEARS[-1]}."},
        )
    if layer.start and layer.end and layer.end <= layer.start:
        raise Invalid("The layer ends before it begins.", fields={"end": "Choose a later end."})
    for user in (u for slot in layer.slots for u in slot):
        if user not in known:
            raise Invalid(f"Person {user} does not exist or is not active.", fields={"people": "Unknown."})
    for window in layer.windows:
        if not 0 <= window.start < 1440 or not 1 <= window.minutes <= 10080 or not window.days:
            raise Invalid("A window is wrong.", fields={"windows": "Start 0-1439, minutes 1-10080, days."})


async def create_schedule(
    tx: Tx,
    actor: Actor,
    *,
    name: str,
    team_id: int,
    tz: str,
    layers: Sequence[Layer],
    now: datetime,
) -> Schedule:
    """Add a schedule with its layers from low to high."""
    clean = clean_name(name, "name")
    people.check_zone(tz)
    await people.team(tx, team_id)
    known = {p.id for p in await people.people(tx) if p.active}
    for layer in layers:
        _check_layer(layer, known)
    made = await store.insert_schedule(tx, clean, slugify(clean), team_id, tz, now)
    if made is None:
        raise Conflict(f"There is already a schedule {clean}.", fields={"name": "This name is taken."})
    for position, layer in enumerate(layers):
        await store.insert_layer(tx, made, position, layer)
    await tx.audit(actor, "schedule.created", f"schedule:{made}", now, name=clean)
    await tx.live("oncall")
    return (await schedules_by_id(tx, [made]))[made]


async def add_override(
    tx: Tx,
    actor: Actor,
    *,
    schedule_id: int,
    users: Sequence[int],
    start: datetime,
    end: datetime,
    reason: str,
    now: datetime,
) -> int:
    """Put `users` on duty on `[start, end)` whatever the layers say, and return the edit's id."""
    if end <= start:
        raise Invalid("The override ends before it begins.", fields={"end": "Choose a later end."})
    if end <= now:
        raise Invalid("The override is over already.", fields={"end": "Choose an end in the future."})
    if end - start > timedelta(days=366):
        raise Invalid("The override is longer than a year.", fields={"end": "At most 366 days."})
    known = {p.id for p in await people.people(tx) if p.active}
    if not users or not set(users) <= known:
        raise Invalid("Nobody, or somebody unknown, would be on duty.", fields={"person": "Choose a person."})
    if schedule_id not in await schedules_by_id(tx, [schedule_id]):
        raise NotFound(f"There is no schedule {schedule_id}.")
    made = await store.insert_edit(
        tx,
        schedule_id,
        start,
        end,
        EditKind.SET,
        users,
        "override",
        clean_text(reason, 500),
        actor.person_id,
        now,
    )
    await tx.audit(
        actor, "schedule.override", f"schedule:{schedule_id}", now, users=list(users), start=start, end=end
    )
    await tx.live("oncall")
    return made


async def remove_edit(tx: Tx, actor: Actor, edit_id: int, now: datetime) -> None:
    """Take an override away; what it covered goes back to the layers."""
    schedule_id = await store.remove_edit(tx, edit_id, now)
    if schedule_id is None:
        raise NotFound("There is no such override, or it is removed already.")
    await tx.audit(actor, "schedule.override_removed", f"schedule:{schedule_id}", now, edit=edit_id)
    await tx.live("oncall")
