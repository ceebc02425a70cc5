"""The forms on a schedule's page: overrides, rotation members, shadows."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

from fastapi import Response

from firebell.kit import undo
from firebell.kit.db.database import Tx
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.localtime import to_instant
from firebell.kit.text import to_choice, to_id, to_number, to_wall
from firebell.kit.web import flash, html, routing
from firebell.oncall.checks import queries as check_queries
from firebell.oncall.checks.rules import CHECKS_HORIZON
from firebell.oncall.model import OverrideKind, Schedule
from firebell.oncall.schedules import actions, editor_form, queries, shadows
from firebell.oncall.schedules.web import Filled, one
from firebell.people import authentication, route_access
from firebell.people.model import Person
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()

_FORM_LABELS = {"override": "Override", "rotation": "Rotation", "shadow": "Shadowing"}

NOBODY = "nobody"
"""The value of the person field for an intentional gap."""

Fields = Mapping[str, str]
ChangeSchedule = Callable[[Tx, Schedule, Fields, str, datetime], Awaitable[Schedule | None]]
"""Returns the schedule as a form would save it, with times in a zone; None while the form is incomplete."""
SaveChange = Callable[[Tx, Person, Schedule, Fields, str, datetime], Awaitable[Any]]


def _submitted(visit: Visit) -> tuple[dict[str, str], str]:
    """Return the fields of the form, and the time zone of its times."""
    fields = visit.values
    return fields, fields["tz"] if fields.get("tz") in html.time_zones() else visit.person.tz


async def _preview(visit: Visit, slug: str, form: str, change: ChangeSchedule) -> Response:
    fields, tz = _submitted(visit)
    try:
        old = await queries.by_slug(visit.tx, slug, since=visit.now - CHECKS_HORIZON)
        new = await change(visit.tx, old, fields, tz, visit.now)
        preview = await check_queries.preview_of(visit.tx, old, new, visit.now) if new else None
    except (Invalid, NotFound) as error:
        return await one(visit, slug, Filled(fields, form, unseen=error.message))
    return await one(visit, slug, Filled(fields, form, preview))


async def _save(visit: Visit, slug: str, form: str, save: SaveChange) -> Response:
    fields, tz = _submitted(visit)
    try:
        async with visit.tx.savepoint():
            old = await queries.by_slug(visit.tx, slug)
            await save(visit.tx, visit.person, old, fields, tz, visit.now)
    except (Conflict, Invalid, NotFound) as error:
        return await one(visit, slug, Filled(fields, form, error=error))
    return flash.redirect(visit.request, f"/oncall/{slug}", f"{_FORM_LABELS[form]} on {old.name} saved.")


def _override_args(old: Schedule, fields: Fields, tz: str, now: datetime) -> dict[str, Any]:
    """Return the override of the form as arguments of `actions.create_override`; raise Invalid."""
    kind, person_field = fields.get("kind") or OverrideKind.SET, fields.get("person")
    instead = to_choice(fields.get("instead"), "instead")
    if kind not in list(OverrideKind):
        raise Invalid("The override has no valid type.", fields={"kind": "Choose a type from the list."})
    kind, person = OverrideKind(kind), to_id(person_field)
    if person is None and (kind, person_field) != (OverrideKind.SET, NOBODY):
        raise Invalid("The override names no one.", fields={"person": "Choose a person."})
    if kind is OverrideKind.MAP and (instead is None or instead == person):
        raise Invalid("The override replaces no one.", fields={"instead": "Choose someone else."})
    replaces = kind is OverrideKind.MAP
    start, end = editor_form.override_interval(fields, old, tz, now)
    return {
        "kind": kind,
        "users": [] if person is None or replaces else [person],
        "mapping": {instead: person} if replaces else {},
        "start": start,
        "end": end,
    }


async def _with_override(tx: Tx, old: Schedule, fields: Fields, tz: str, now: datetime) -> Schedule | None:
    if not fields.get("lasts") and not fields.get("end"):
        return None
    return await actions.overridden(tx, old, **_override_args(old, fields, tz, now), now=now)


async def _save_override(tx: Tx, me: Person, old: Schedule, fields: Fields, tz: str, now: datetime) -> None:
    await actions.create_override(
        tx,
        authentication.actor_of(me),
        schedule_id=old.id,
        **_override_args(old, fields, tz, now),
        reason=fields.get("reason", ""),
        now=now,
    )


@router.post("/oncall/{slug}/override", dependencies=route_access.needs(Verb.OVERRIDE_WRITE))
async def override(visit: CurrentVisit, slug: str, preview: str = "") -> Response:
    if preview:
        return await _preview(visit, slug, "override", _with_override)
    return await _save(visit, slug, "override", _save_override)


def _rotation_change(old: Schedule, fields: Fields, at: datetime) -> tuple[int, int | None, int | None]:
    """Return (person, layer to join or None to leave all, place or None for the last); raise Invalid."""
    person, layer = (to_choice(fields.get(name), name) for name in ("who", "layer"))
    place = to_number(fields["turn"], "turn", least=1) if fields.get("turn") else None
    if person is None:
        raise Invalid("No person is selected.", fields={"who": "Choose a person."})
    if fields.get("verb") == "join":
        if layer is None:
            raise Invalid("No rotation is selected.", fields={"layer": "Choose a rotation from the list."})
        return person, layer, place - 1 if place else None
    if actions.without_turns(old, at, person) == actions.layers_at(old, at):
        raise Invalid(
            "This person is not in the rotation at that time.",
            fields={"who": "Choose someone in the rotation."},
        )
    return person, None, None


async def _with_rotation(tx: Tx, old: Schedule, fields: Fields, tz: str, now: datetime) -> Schedule | None:
    if not fields.get("who"):
        return None
    at = editor_form.begins(fields.get("begins", ""), "begins", tz, now)
    person, layer, place = _rotation_change(old, fields, at)
    if layer is None:
        layers = actions.without_turns(old, at, person)
    else:
        layers = actions.with_turn(old, at, layer_id=layer, person_id=person, place=place)
    return await actions.edited(tx, old, layers, at)


async def _save_rotation(tx: Tx, me: Person, old: Schedule, fields: Fields, tz: str, now: datetime) -> None:
    at = editor_form.begins(fields.get("begins", ""), "begins", tz, now)
    person, layer, place = _rotation_change(old, fields, at)
    i, actor = old.id, authentication.actor_of(me)
    if layer is None:
        await actions.leave(tx, actor, i, person_id=person, at=at, now=now)
    else:
        await actions.join(tx, actor, i, layer_id=layer, person_id=person, place=place, at=at, now=now)


@router.post("/oncall/{slug}/rotation", dependencies=route_access.needs(Verb.SCHEDULE_WRITE))
async def rotation(visit: CurrentVisit, slug: str, preview: str = "") -> Response:
    if preview:
        return await _preview(visit, slug, "rotation", _with_rotation)
    return await _save(visit, slug, "rotation", _save_rotation)


async def _save_shadow(tx: Tx, me: Person, old: Schedule, fields: Fields, tz: str, now: datetime) -> None:
    learner, until = to_id(fields.get("learner")), fields.get("until")
    if learner is None:
        raise Invalid("No person is selected.", fields={"learner": "Choose a person."})
    await shadows.add_shadow(
        tx,
        authentication.actor_of(me),
        schedule_id=old.id,
        person_id=learner,
        of=to_choice(fields.get("of"), "of"),
        start=editor_form.begins(fields.get("since", ""), "since", tz, now),
        end=to_instant(to_wall(until, "until"), tz) if until else None,
        now=now,
    )


@router.post("/oncall/{slug}/shadows", dependencies=route_access.needs(Verb.SCHEDULE_WRITE))
async def shadow(visit: CurrentVisit, slug: str) -> Response:
    return await _save(visit, slug, "shadow", _save_shadow)


@router.post("/oncall/{slug}/shadows/{shadow_id}/end", dependencies=route_access.needs(Verb.SCHEDULE_WRITE))
async def end_shadow(visit: CurrentVisit, slug: str, shadow_id: int) -> Response:
    schedule = await queries.by_slug(visit.tx, slug, since=visit.now)
    await shadows.remove_shadow(visit.tx, visit.actor, schedule.id, shadow_id, visit.now)
    offer = await undo.offer(visit.tx, visit.ctx.signer, visit.actor, "schedule.shadow_removed", visit.now)
    return flash.redirect(visit.request, f"/oncall/{slug}", f"Shadowing on {schedule.name} ended.", offer)
