"""What is done with schedules, and the answer to "who is on call" for everybody else."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from firebell.kit.clock import YEARS
from firebell.kit.db import Reads, Tx
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.events import Actor
from firebell.kit.text import clean_name, clean_text, slugify
from firebell.oncall import change_undo
from firebell.oncall.calendars import store as calendars_store
from firebell.oncall.interval_limits import check_interval
from firebell.oncall.model import (
    LAYERS,
    LONGEST_TURN,
    Layer,
    Override,
    OverrideKind,
    Schedule,
    ScheduleDeleted,
    SwapState,
)
from firebell.oncall.rota import layer_versions, shifts
from firebell.oncall.schedules import changes, store
from firebell.oncall.swaps import store as swaps_store
from firebell.people import actions as people

log = logging.getLogger(__name__)

HORIZON = timedelta(days=35)
"""How far ahead the end of a present shift is looked for."""
ON_ITS_WAY = timedelta(minutes=1)
"""An override that began earlier than so long ago begins now: what has been stays."""

cover = swaps_store.cover
covers = swaps_store.covers
ids_near = store.ids_near
names_by_id = store.names_by_id
slugs_by_id = store.slugs_by_id
swap = swaps_store.swap
swaps = swaps_store.swaps
vacations = swaps_store.vacations


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


async def schedules(
    tx: Reads, *, since: datetime | None = None, until: datetime | None = None, archived: bool = False
) -> list[Schedule]:
    """Return every schedule with layers, edits and who is inactive, by name.

    With `since` and `until` they answer truly on that stretch alone: the rest of their history stays away.
    With `archived` those that were deleted after `since` are among them.
    """
    return await store.schedules(tx, since=since, until=until, archived=archived)


async def schedules_by_id(
    tx: Reads, ids: Sequence[int], *, since: datetime | None = None, until: datetime | None = None
) -> dict[int, Schedule]:
    """Return the schedules that exist among `ids`, true on `since` to `until` as `schedules` has them."""
    return {int(s.id): s for s in await store.schedules(tx, ids, since=since, until=until)} if ids else {}


async def by_slug(
    tx: Reads, slug: str, *, since: datetime | None = None, until: datetime | None = None
) -> Schedule:
    """Return one schedule; raise `NotFound` naming those that exist."""
    found = await store.schedules(tx, slug=slug, since=since, until=until)
    if not found:
        names = ", ".join(list((await store.slugs_by_id(tx)).values())[:20])
        raise NotFound(f"There is no schedule {slug}.", hint=f"Existing schedules: {names or 'none'}.")
    return found[0]


def users_at(schedule: Schedule, now: datetime) -> tuple[int, ...]:
    """Return who is on duty at `now`; nobody for a gap or a schedule that cannot be read."""
    try:
        return tuple(int(u) for u in shifts.at(schedule, now))
    except (ArithmeticError, ValueError, LookupError):
        # a level without people is skipped at once; a timer that fails would wake nobody at all
        log.exception("a schedule cannot be read", extra={"schedule": schedule.slug})
        return ()


async def current(tx: Tx, ids: Sequence[int], now: datetime) -> list[OnDuty]:
    """Return who answers each of `ids` now and until when, in this order."""
    known = {int(s.id): s for s in await store.schedules(tx, ids, since=now, until=now + HORIZON)}
    found = []
    for schedule in (known[i] for i in ids if i in known):
        runs = shifts.between(schedule, now, now + HORIZON)
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
    ids = await store.ids_naming(tx, person_id, now)
    found = [
        Shift(run.start, run.end, schedule)
        for schedule in await store.schedules(tx, ids, since=now, until=now + horizon)
        for run in shifts.between(schedule, now, now + horizon)
        if person_id in run.users
    ]
    return sorted(found, key=lambda shift: shift.start)


def _check_layer(layer: Layer, known: set[int]) -> None:
    people.check_zone(layer.tz)
    if not 1 <= layer.every <= LONGEST_TURN:
        raise Invalid(
            f"A shift length of {layer.every} is out of range.",
            fields={"every": f"Enter 1 to {LONGEST_TURN}."},
        )
    if layer.anchor.year not in YEARS:
        raise Invalid(
            f"The first handoff is in the year {layer.anchor.year}.",
            fields={"anchor": f"Choose a year from {YEARS[0]} to {YEARS[-1]}."},
        )
    if layer.start and layer.end and layer.end <= layer.start:
        raise Invalid("The layer ends before it starts.", fields={"end": "Choose a later end."})
    for user in (u for slot in layer.slots for u in slot):
        if user not in known:
            raise Invalid(
                f"Person {user} does not exist or is not active.",
                fields={"people": "Choose an active person."},
            )
    for window in layer.windows:
        if not 0 <= window.start < 1440 or not 1 <= window.minutes <= 10080 or not window.days:
            raise Invalid(
                "The active hours are not valid.",
                fields={"windows": "Use start 0–1439, minutes 1–10080, and days."},
            )


async def _check_layers(tx: Tx, layers: Sequence[Layer], before: Sequence[Layer] = ()) -> None:
    """Refuse layers that cannot be; people who are in the rotation already may have left since."""
    if len(layers) > LAYERS:
        raise Invalid(
            f"A schedule can’t have {len(layers)} layers.", fields={"layers": f"Use at most {LAYERS} layers."}
        )
    known = {p.id for p in await people.people(tx) if p.active}
    known |= {int(u) for layer in before for slot in layer.slots for u in slot}
    for layer in layers:
        _check_layer(layer, known)


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
    await _check_layers(tx, layers)
    await _check_free(tx, clean)
    made = await store.insert_schedule(tx, clean, slug := slugify(clean), team_id, tz, now)
    if made is None:
        raise Conflict(
            f"There is already a schedule at /oncall/{slug}.",
            hint="A schedule that was renamed keeps its address.",
            fields={"name": "The address for this name is taken."},
        )
    for position, layer in enumerate(layers):
        await store.insert_layer(tx, made, position, layer)
    await tx.audit(actor, "schedule.created", f"schedule:{made}", now, name=clean)
    saved = await changes.finish_change(tx, actor, Schedule(made, clean, tz, ()), now)
    await changes.note_clocks(tx, saved, now)
    return saved


async def _check_free(tx: Tx, name: str, schedule_id: int | None = None) -> None:
    """Raise `Conflict` when a schedule other than `schedule_id` has a name that reads alike."""
    for other, taken in (await store.names_by_id(tx)).items():
        if other != schedule_id and slugify(taken) == slugify(name):
            raise Conflict(f"There is already a schedule {taken}.", fields={"name": "This name is taken."})


async def rename_schedule(
    tx: Tx,
    actor: Actor,
    schedule_id: int,
    *,
    name: str | None = None,
    team_id: int | None = None,
    tz: str | None = None,
    now: datetime,
) -> Schedule:
    """Change the name, the team or the zone in which the schedule is drawn; its layers keep theirs.

    The address stays, so that links in bookmarks, old messages and scripts still lead to it.
    """
    old = await changes.lock(tx, schedule_id)
    clean = old.name if name is None else clean_name(name, "name")
    zone = old.tz if tz is None else people.check_zone(tz)
    team = old.team_id if team_id is None else (await people.team(tx, team_id)).id
    if clean != old.name:
        await _check_free(tx, clean, schedule_id)
    await store.rename(tx, schedule_id, clean, team, zone, now)
    await tx.audit(
        actor, "schedule.renamed", f"schedule:{schedule_id}", now, name=clean, team_id=team, tz=zone
    )
    return await changes.finish_change(tx, actor, old, now)


async def delete_schedule(tx: Tx, actor: Actor, schedule_id: int, now: datetime) -> None:
    """Delete a schedule; refused while a policy or an open page needs it.

    It is not shown any more and has no shift from now on; its past stays, for reports and pay.
    """
    old = await changes.lock(tx, schedule_id)
    await tx.emit(ScheduleDeleted(schedule_id, old.name), now)
    await changes.withdraw_stale(tx, actor, replace(old, layers=(), edits=()), now, f"{old.name} was deleted")
    await calendars_store.close(tx, schedule_id, now)
    await store.archive(tx, schedule_id, now)
    await tx.audit(actor, "schedule.deleted", f"schedule:{schedule_id}", now, name=old.name, slug=old.slug)
    await tx.live("oncall")


async def edited(tx: Tx, old: Schedule, layers: Sequence[Layer], at: datetime) -> Schedule:
    """Return what `replace_layers` would make of a schedule, for a preview; raise `Invalid` as it does."""
    await _check_layers(tx, layers, old.layers)
    return layer_versions.replaced(old, layers, at)


async def replace_layers(
    tx: Tx,
    actor: Actor,
    schedule_id: int,
    layers: Sequence[Layer],
    *,
    version: int | None = None,
    at: datetime | None = None,
    now: datetime,
) -> Schedule:
    """Let `layers` hold from `at` on (default now); what was before stays as it was (spec 1.2).

    With `version` it is refused when somebody else changed the schedule since.
    """
    when = at or now
    if when < now:
        raise Invalid("The change starts in the past.", fields={"at": "Choose now or later."})
    old = await changes.lock(tx, schedule_id)
    if version is not None and version != old.version:
        raise Conflict(
            f"{old.name} changed since you opened it.", hint="Reload the page, then make your change again."
        )
    new = await edited(tx, old, layers, when)
    if new.layers == old.layers:
        return old
    rows = {layer.id for layer in old.layers}
    kept = [int(layer.id) for layer in new.layers if layer.id in rows]
    await store.replace_layers(tx, schedule_id, new.layers, kept, now)
    await tx.audit(
        actor, "schedule.layers", f"schedule:{schedule_id}", now, at=when, layers=[x.name for x in layers]
    )
    saved = await changes.finish_change(tx, actor, old, now)
    await changes.note_clocks(tx, saved, now)
    return saved


def layers_at(old: Schedule, at: datetime) -> list[Layer]:
    """Return the layers that are not over at `at`, from low to high."""
    return list(layer_versions.current(old, at))


def with_turn(
    old: Schedule, at: datetime, *, layer_id: int, person_id: int, place: int | None = None
) -> list[Layer]:
    """Return the layers at `at` with a turn of somebody on one of them; raise `NotFound`."""
    layers = layers_at(old, at)
    if layer_id not in [layer.id for layer in layers]:
        raise NotFound(f"{old.name} has no layer {layer_id} at that time.")
    return [layer_versions.joined(x, person_id, place) if x.id == layer_id else x for x in layers]


def without_turns(old: Schedule, at: datetime, person_id: int) -> list[Layer]:
    """Return the layers at `at` without anything of somebody."""
    return [layer_versions.left(layer, person_id) for layer in layers_at(old, at)]


async def join(
    tx: Tx,
    actor: Actor,
    schedule_id: int,
    *,
    layer_id: int,
    person_id: int,
    place: int | None = None,
    at: datetime | None = None,
    now: datetime,
) -> Schedule:
    """Let somebody take turns on a layer from `at` on; whoever is current stays current."""
    old = await changes.lock(tx, schedule_id)
    new = with_turn(old, at or now, layer_id=layer_id, person_id=person_id, place=place)
    return await replace_layers(tx, actor, schedule_id, new, at=at, now=now)


async def leave(
    tx: Tx, actor: Actor, schedule_id: int, *, person_id: int, at: datetime | None = None, now: datetime
) -> Schedule:
    """Take somebody out of every layer from `at` on; the next in the order follows."""
    old = await changes.lock(tx, schedule_id)
    new = without_turns(old, at or now, person_id)
    return await replace_layers(tx, actor, schedule_id, new, at=at, now=now)


async def _checked_edit(
    tx: Tx,
    kind: OverrideKind,
    users: Sequence[int],
    mapping: Mapping[int, int],
    start: datetime,
    end: datetime,
    now: datetime,
) -> Override:
    check_interval("override", start, end, now)
    named = [*users, *mapping.values()]
    known = {p.id for p in await people.people(tx) if p.active}
    if (kind in (OverrideKind.ADD, OverrideKind.REMOVE) and not users) or (
        kind is OverrideKind.MAP and not mapping
    ):
        raise Invalid("The override names no one.", fields={"person": "Choose a person."})
    if kind is not OverrideKind.REMOVE and not set(named) <= known:
        raise Invalid(
            "The override names someone who is not active.", fields={"person": "Choose an active person."}
        )
    begins = start if start > now - ON_ITS_WAY else now
    return Override(0, 0, begins, end, kind, tuple(dict.fromkeys(users)), dict(mapping.items()))


async def overridden(
    tx: Tx,
    old: Schedule,
    *,
    kind: OverrideKind,
    users: Sequence[int] = (),
    mapping: Mapping[int, int] | None = None,
    start: datetime,
    end: datetime,
    now: datetime,
) -> Schedule:
    """Return what `add_edit` would make of a schedule, for a preview; raise `Invalid` as it does."""
    edit = await _checked_edit(tx, kind, users, mapping or {}, start, end, now)
    last = max((e.seq for e in old.edits), default=0)
    return replace(old, edits=(*old.edits, replace(edit, seq=last + 1)))


async def add_edit(
    tx: Tx,
    actor: Actor,
    *,
    schedule_id: int,
    kind: OverrideKind,
    users: Sequence[int] = (),
    mapping: Mapping[int, int] | None = None,
    start: datetime,
    end: datetime,
    reason: str = "",
    now: datetime,
) -> int:
    """Change duty on `[start, end)` (spec 1.2), from now on at the earliest, and return the edit's id.

    `set` to nobody is a wanted gap.
    """
    override = await _checked_edit(tx, kind, users, mapping or {}, start, end, now)
    old = await changes.lock(tx, schedule_id)
    edit = replace(override, reason=clean_text(reason, 500), created_by=actor.person_id)
    made = await store.insert_edit(tx, schedule_id, edit, now)
    await tx.audit(
        actor,
        "schedule.override",
        f"schedule:{schedule_id}",
        now,
        edit=made,
        kind=kind,
        users=[*edit.users, *edit.mapping.values()],
        start=edit.start,
        end=end,
    )
    await changes.finish_change(tx, actor, old, now)
    return made


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
    check_interval("override", start, end, now)
    if not users:
        raise Invalid("The override names no one.", fields={"person": "Choose a person."})
    return await add_edit(
        tx,
        actor,
        schedule_id=schedule_id,
        kind=OverrideKind.SET,
        users=users,
        start=start,
        end=end,
        reason=reason,
        now=now,
    )


async def remove_edit(
    tx: Tx, actor: Actor, edit_id: int, now: datetime, *, schedule_id: int | None = None
) -> None:
    """Take an edit away by its id, of the one schedule where it is given; what it covered goes to the layers.

    One that has begun ends now: who was on call until then stays written, for reports and pay.
    A request for cover that it answered is open again, a swap that it belonged to is undone as a whole.
    """
    owner = await store.edit_of(tx, edit_id)
    old = await changes.lock(tx, owner) if owner is not None and schedule_id in (None, owner) else None
    if old is None or edit_id not in [edit.id for edit in old.edits if edit.end > now]:
        raise NotFound("This override does not exist, or it has already ended or been removed.")
    gone = [edit_id]
    if swap := await swaps_store.swap_of_edit(tx, edit_id):
        gone = list(swap.edit_ids)
        undone = replace(swap, state=SwapState.WITHDRAWN, edit_ids=(), decided_at=now)
        await swaps_store.save_swap(tx, undone)
    if cover := await swaps_store.cover_of_edit(tx, edit_id):
        await changes.reopen(tx, cover, now)
    await store.remove_edits(tx, int(old.id), gone, now)
    kept = change_undo.kept(old, gone, final=bool(swap or cover))
    await tx.audit(actor, "schedule.override_removed", f"schedule:{old.id}", now, edits=gone, **kept)
    await changes.finish_change(tx, actor, old, now)
