"""Create and change schedules and overrides."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from firebell.kit.clock import YEARS
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.text import clean_name, clean_text, slugify
from firebell.oncall.interval_limits import check_interval
from firebell.oncall.model import (
    MAX_LAYERS,
    MAX_SHIFT_LENGTH,
    REASON_MAX_CHARS,
    Layer,
    Override,
    OverrideKind,
    Schedule,
    ScheduleDeleted,
    ScheduleSaved,
)
from firebell.oncall.rota import layer_versions
from firebell.oncall.schedules import changes, override_store, parts_store, queries, store
from firebell.people import actions as people
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb

OVERRIDE_START_GRACE = timedelta(minutes=1)
"""An override that starts further in the past starts now, so that past shifts don't change."""


def _check_layer(layer: Layer, allowed: set[int]) -> None:
    people.check_zone(layer.tz)
    if not 1 <= layer.every <= MAX_SHIFT_LENGTH:
        raise Invalid(
            f"A shift length of {layer.every} is out of range.",
            fields={"every": f"Enter 1 to {MAX_SHIFT_LENGTH}."},
        )
    if layer.anchor.year not in YEARS:
        raise Invalid(
            f"The first handoff is in the year {layer.anchor.year}.",
            fields={"anchor": f"Choose a year from {YEARS[0]} to {YEARS[-1]}."},
        )
    if layer.start and layer.end and layer.end <= layer.start:
        raise Invalid("The layer ends before it starts.", fields={"end": "Choose a later end."})
    for user in (u for slot in layer.slots for u in slot):
        if user not in allowed:
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
    """Raise Invalid for layers that are not valid; people in `before` may have left since."""
    if len(layers) > MAX_LAYERS:
        raise Invalid(
            f"A schedule can’t have {len(layers)} layers.",
            fields={"layers": f"Use at most {MAX_LAYERS} layers."},
        )
    allowed = {user for layer in before for slot in layer.slots for user in slot}
    named = {user for layer in layers for slot in layer.slots for user in slot}
    allowed |= await queries.active_people(tx, named - allowed)
    for layer in layers:
        _check_layer(layer, allowed)


@permits(Verb.SCHEDULE_WRITE)
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
    """Create a schedule with its layers from low to high; raise Conflict if its name or slug is taken."""
    clean = clean_name(name, "name")
    people.check_zone(tz)
    await people.team(tx, team_id)
    await _check_layers(tx, layers)
    await _check_free(tx, clean)
    schedule_id = await store.insert_schedule(tx, clean, slug := slugify(clean), team_id, tz, now)
    if schedule_id is None:
        raise Conflict(
            f"There is already a schedule at /oncall/{slug}.",
            hint="A schedule that was renamed keeps its address.",
            fields={"name": "The address for this name is taken."},
        )
    for position, layer in enumerate(layers):
        await parts_store.insert_layer(tx, schedule_id, position, layer)
    await tx.audit(actor, "schedule.created", f"schedule:{schedule_id}", now, name=clean)
    saved = await changes.finish_change(
        tx, actor, Schedule(id=schedule_id, name=clean, tz=tz, layers=()), now
    )
    await changes.record_clocks(tx, saved, now)
    return saved


async def _check_free(tx: Tx, name: str, schedule_id: int | None = None) -> None:
    """Raise Conflict if a schedule other than `schedule_id` has a name with the same slug."""
    for other_id, taken in (await store.names_by_id(tx)).items():
        if other_id != schedule_id and slugify(taken) == slugify(name):
            raise Conflict(f"There is already a schedule {taken}.", fields={"name": "This name is taken."})


@permits(Verb.SCHEDULE_WRITE)
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
    """Change the name, team or display time zone of a schedule; its layers keep their time zones.

    The slug stays, so that links in bookmarks, messages and scripts still work.
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


@permits(Verb.SCHEDULE_WRITE)
async def delete_schedule(tx: Tx, actor: Actor, schedule_id: int, now: datetime) -> None:
    """Delete a schedule; raise Conflict while a policy or an open page needs it.

    Its past shifts stay, for reports and pay.
    """
    old = await changes.lock(tx, schedule_id, deleting=True)
    await tx.emit(ScheduleDeleted(schedule_id, old.name), now)
    without_shifts = replace(old, layers=(), overrides=())
    await tx.emit(ScheduleSaved(without_shifts, actor, f"{old.name} was deleted"), now)
    await store.archive(tx, schedule_id, now)
    await tx.audit(actor, "schedule.deleted", f"schedule:{schedule_id}", now, name=old.name, slug=old.slug)
    await tx.live("oncall")


async def hold(tx: Tx, schedule_ids: Sequence[int]) -> set[int]:
    """Keep schedules from being deleted until the transaction ends; return those that exist.

    Waits only for a deletion, not for other changes.
    """
    return set(await store.lock(tx, schedule_ids, strength="for key share")) if schedule_ids else set()


async def edited(tx: Tx, old: Schedule, layers: Sequence[Layer], at: datetime) -> Schedule:
    """Return a schedule as `replace_layers` would save it, for a preview; raise Invalid as it does."""
    await _check_layers(tx, layers, old.layers)
    return layer_versions.replaced(old, layers, at)


@permits(Verb.SCHEDULE_WRITE)
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
    """Replace the layers from `at` on (default now); the past doesn't change (spec 1.2).

    Raise Conflict if `version` is given and not the current one.
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
    kept = [layer.id for layer in new.layers if layer.id in rows]
    await store.replace_layers(tx, schedule_id, new.layers, kept, now)
    await tx.audit(
        actor, "schedule.layers", f"schedule:{schedule_id}", now, at=when, layers=[x.name for x in layers]
    )
    saved = await changes.finish_change(tx, actor, old, now)
    await changes.record_clocks(tx, saved, now)
    return saved


def layers_at(old: Schedule, at: datetime) -> list[Layer]:
    """Return the layers that are not over at `at`, from low to high."""
    return list(layer_versions.current(old, at))


def with_turn(
    old: Schedule, at: datetime, *, layer_id: int, person_id: int, place: int | None = None
) -> list[Layer]:
    """Return the layers at `at` with a person added to one of them; raise NotFound if it is not there."""
    layers = layers_at(old, at)
    if layer_id not in [layer.id for layer in layers]:
        raise NotFound(f"{old.name} has no layer {layer_id} at that time.")
    return [layer_versions.joined(x, person_id, place) if x.id == layer_id else x for x in layers]


def without_turns(old: Schedule, at: datetime, person_id: int) -> list[Layer]:
    """Return the layers at `at` without a person."""
    return [layer_versions.left(layer, person_id) for layer in layers_at(old, at)]


@permits(Verb.SCHEDULE_WRITE)
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
    """Add a person to a layer from `at` on; the person on call stays on call."""
    old = await changes.lock(tx, schedule_id)
    new = with_turn(old, at or now, layer_id=layer_id, person_id=person_id, place=place)
    return await replace_layers(tx, actor, schedule_id, new, at=at, now=now)


@permits(Verb.SCHEDULE_WRITE)
async def leave(
    tx: Tx, actor: Actor, schedule_id: int, *, person_id: int, at: datetime | None = None, now: datetime
) -> Schedule:
    """Remove a person from every layer from `at` on; the next in the order follows."""
    old = await changes.lock(tx, schedule_id)
    new = without_turns(old, at or now, person_id)
    return await replace_layers(tx, actor, schedule_id, new, at=at, now=now)


async def _checked_override(
    tx: Tx,
    kind: OverrideKind,
    users: Sequence[int],
    mapping: Mapping[int, int],
    start: datetime,
    end: datetime,
    now: datetime,
) -> Override:
    check_interval("override", start, end, now)
    named = {*users, *mapping.values()}
    active = await queries.active_people(tx, named)
    if (kind in (OverrideKind.ADD, OverrideKind.REMOVE) and not users) or (
        kind is OverrideKind.MAP and not mapping
    ):
        raise Invalid("The override names no one.", fields={"person": "Choose a person."})
    if kind is not OverrideKind.REMOVE and not named <= active:
        raise Invalid(
            "The override names someone who is not active.", fields={"person": "Choose an active person."}
        )
    begins = start if start > now - OVERRIDE_START_GRACE else now
    return Override(
        id=0,
        seq=0,
        start=begins,
        end=end,
        kind=kind,
        users=tuple(dict.fromkeys(users)),
        mapping=dict(mapping.items()),
    )


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
    """Return a schedule as `create_override` would save it, for a preview; raise Invalid as it does."""
    override = await _checked_override(tx, kind, users, mapping or {}, start, end, now)
    last_seq = max((e.seq for e in old.overrides), default=0)
    return replace(old, overrides=(*old.overrides, replace(override, seq=last_seq + 1)))


@permits(Verb.OVERRIDE_WRITE)
async def create_override(
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
    """Create an override on `[start, end)` (spec 1.2), from now on at the earliest, and return its id.

    `set` without users is an intentional gap.
    """
    checked = await _checked_override(tx, kind, users, mapping or {}, start, end, now)
    old = await changes.lock(tx, schedule_id)
    override = replace(
        checked, reason=clean_text(reason, REASON_MAX_CHARS, "reason"), created_by=actor.person_id
    )
    override_id = await override_store.insert(tx, schedule_id, override, now)
    await tx.audit(
        actor,
        "schedule.override",
        f"schedule:{schedule_id}",
        now,
        edit=override_id,
        kind=kind,
        users=[*override.users, *override.mapping.values()],
        start=override.start,
        end=end,
    )
    await changes.finish_change(tx, actor, old, now)
    return override_id
