"""Read schedules, and answer who is on call."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.kit.db.database import Reads, Tx
from firebell.kit.errors import Invalid, NotFound
from firebell.kit.text import MAX_ID
from firebell.oncall.model import Schedule, Shadow
from firebell.oncall.rota import shifts
from firebell.oncall.schedules import store
from firebell.oncall.schedules.store import ids_naming, ids_near, names_by_id, slugs_by_id
from firebell.people import actions as people

__all__ = [
    "OnDuty",
    "PersonShift",
    "active_people",
    "by_slug",
    "current",
    "ids_naming",
    "ids_near",
    "names_by_id",
    "person_id",
    "schedules",
    "schedules_by_id",
    "shifts_of",
    "slugs_by_id",
    "users_at",
]

log = logging.getLogger(__name__)

CURRENT_SHIFT_LOOKAHEAD = timedelta(days=35)
"""How far ahead the end of a current shift is searched."""


@dataclass(frozen=True, slots=True)
class OnDuty:
    """Who is on call for a schedule, until when (None: no change within 35 days), and who follows."""

    schedule: Schedule
    users: tuple[int, ...]
    until: datetime | None
    next_users: tuple[int, ...]


SHIFTS_WINDOW = timedelta(days=60)
"""How far ahead people see their shifts."""


@dataclass(frozen=True, slots=True)
class PersonShift:
    """An interval during which a person is on call for a schedule."""

    start: datetime
    end: datetime
    schedule: Schedule
    is_cut: bool = False
    """Whether it goes on beyond what was looked at, so that `end` is not its end."""


async def schedules(
    tx: Reads, *, since: datetime | None = None, until: datetime | None = None, archived: bool = False
) -> list[Schedule]:
    """Return all schedules by name.

    With `since` and `until` they are complete within that interval only. `archived` includes schedules deleted
    after `since`.
    """
    return await store.schedules(tx, since=since, until=until, archived=archived)


async def schedules_by_id(
    tx: Reads, ids: Sequence[int], *, since: datetime | None = None, until: datetime | None = None
) -> dict[int, Schedule]:
    """Return the existing schedules among `ids`, complete within `since` to `until`."""
    return {s.id: s for s in await store.schedules(tx, ids, since=since, until=until)} if ids else {}


async def by_slug(
    tx: Reads, slug: str, *, since: datetime | None = None, until: datetime | None = None
) -> Schedule:
    """Return one schedule; raise NotFound, with the existing slugs, if there is none."""
    schedules = await store.schedules(tx, slug=slug, since=since, until=until)
    if not schedules:
        names = ", ".join(list((await store.slugs_by_id(tx)).values())[:20])
        raise NotFound(f"There is no schedule {slug}.", hint=f"Existing schedules: {names or 'none'}.")
    return schedules[0]


def users_at(schedule: Schedule, now: datetime) -> tuple[int, ...]:
    """Return who is on call at `now`; empty for a gap, and for a schedule that fails to evaluate."""
    try:
        return shifts.at(schedule, now)
    except (ArithmeticError, ValueError, LookupError):
        # an empty level is skipped at once, while a failing timer would page nobody at all
        log.exception("a schedule cannot be evaluated", extra={"schedule": schedule.slug})
        return ()


def shadows_at(schedule: Schedule, now: datetime) -> list[Shadow]:
    """Return the shadows of the people on call at `now`."""
    return [s for s in schedule.shadows if s.start <= now and (s.end is None or now < s.end)]


async def current(tx: Tx, ids: Sequence[int], now: datetime) -> list[OnDuty]:
    """Return who is on call for each of `ids` now, in this order; ids that do not exist are left out."""
    until = now + CURRENT_SHIFT_LOOKAHEAD
    by_id = {s.id: s for s in await store.schedules(tx, ids, since=now, until=until)}
    on_duty = []
    for schedule in (by_id[i] for i in ids if i in by_id):
        first, *later = shifts.between(schedule, now, until)[:2]
        on_duty.append(
            OnDuty(
                schedule,
                users=first.users,
                until=later[0].start if later else None,
                next_users=later[0].users if later else (),
            )
        )
    return on_duty


async def shifts_of(
    tx: Tx, person_id: int, now: datetime, horizon: timedelta = SHIFTS_WINDOW
) -> list[PersonShift]:
    """Return the shifts of a person between `now` and `horizon` later, cut there, earliest first."""
    ids = await store.ids_naming(tx, person_id, now)
    own_shifts = [
        PersonShift(shift.start, shift.end, schedule, shift.end >= now + horizon)
        for schedule in await store.schedules(tx, ids, since=now, until=now + horizon)
        for shift in shifts.between(schedule, now, now + horizon)
        if person_id in shift.users
    ]
    return sorted(own_shifts, key=lambda shift: shift.start)


async def active_people(tx: Reads, person_ids: Collection[int]) -> set[int]:
    """Return the people among `person_ids` who exist and are active."""
    ids = [person_id for person_id in person_ids if 0 < person_id <= MAX_ID]
    return {person.id for person in (await people.people_by_id(tx, ids)).values() if person.active}


async def person_id(tx: Reads, ref: str) -> int:
    """Return the id of the person with this id or email address; raise Invalid if there is none."""
    wanted = ref.strip().lower()
    if wanted.isascii() and wanted.isdecimal() and len(wanted) <= len(str(MAX_ID)):
        number = int(wanted)
        if str(number) == wanted and number <= MAX_ID and await people.people_by_id(tx, [number]):
            return number
    elif person := await people.person_by_email(tx, wanted):
        return person.id
    raise Invalid(
        f"No person has the ID or email address {ref.strip()[:80]!r}.",
        fields={"person": "Enter an ID or email address."},
    )
