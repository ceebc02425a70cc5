"""The form that creates the schedules of one rotation."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Response

from firebell.kit.errors import Conflict, FirebellError, Invalid
from firebell.kit.text import to_choices, to_required, to_wall
from firebell.kit.web import flash, html, routing
from firebell.oncall.model import Layer, Unit
from firebell.oncall.rota import layer_versions
from firebell.oncall.schedules import actions, editor_form
from firebell.people import actions as people
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.queries import choosable
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()

LEVEL_SUFFIXES = {"2": ("", " secondary"), "3": (" tier 1", " tier 2", " tier 3")}
"""Name suffixes of the schedules of one rotation, by number of levels."""


async def _new_form(visit: Visit, fields: Mapping[str, Any], error: FirebellError | None = None) -> Response:
    near = [visit.person.id, *await people.colleagues(visit.tx, visit.person.id)]
    others = await choosable(
        visit.tx, near, visit.request.query_params.get("with", ""), chosen=fields["order"]
    )
    teams = await people.teams(visit.tx)
    context = {
        "nav": "oncall",
        "teams": [(t.id, t.name) for t in teams],
        "others": others,
        "fields": fields,
        "error": error,
    }
    return await html.render(visit.request, "oncall/new_schedule.html", context)


@router.get("/oncall/new", dependencies=route_access.needs(Verb.SCHEDULE_WRITE))
async def new(visit: CurrentVisit) -> Response:
    anchor = f"{editor_form.monday_morning(visit.now.astimezone(ZoneInfo(visit.person.tz))):%Y-%m-%dT%H:%M}"
    return await _new_form(visit, {"tz": visit.person.tz, "anchor": anchor, "levels": "2", "order": []})


@router.post("/oncall/new", dependencies=route_access.needs(Verb.SCHEDULE_WRITE))
async def create(visit: CurrentVisit) -> Response:
    fields: dict[str, Any] = {"tz": "", "anchor": "", **visit.values, "order": []}
    try:
        order = fields["order"] = to_choices(visit.form.getlist("person"), "person")
        if not order:
            raise Invalid("The rotation has no people.", fields={"person": "Choose at least one person."})
        anchor = to_wall(fields.get("anchor"), "anchor")
        async with visit.tx.savepoint():
            for offset, suffix in enumerate(LEVEL_SUFFIXES.get(fields.get("levels", ""), ("",))):
                await actions.create_schedule(
                    visit.tx,
                    visit.actor,
                    name=f"{fields.get('name', '')}{suffix}",
                    team_id=to_required(fields.get("team"), "team"),
                    tz=fields.get("tz", ""),
                    layers=[layer_versions.begun(_rotation(order, anchor, fields, offset), visit.now)],
                    now=visit.now,
                )
    except (Invalid, Conflict) as error:
        return await _new_form(visit, fields, error)
    return flash.redirect(visit.request, "/oncall", f"{fields['name'].strip()} created.")


def _rotation(order: Sequence[int], anchor: datetime, fields: Mapping[str, Any], offset: int) -> Layer:
    unit = Unit.DAY if fields.get("unit") == "day" else Unit.WEEK
    slots = tuple((i,) for i in order)
    return Layer(
        id=0,
        slots=slots,
        anchor=anchor,
        unit=unit,
        every=1,
        tz=fields.get("tz", ""),
        offset=offset,
        name="Rotation",
    )
