"""Reads the form that plans a drill."""

from typing import Any

from firebell.kit.errors import Invalid
from firebell.kit.localtime import to_instant
from firebell.kit.text import to_choice, to_choices, to_wall
from firebell.people.unit_of_work import Visit


def new_drill(visit: Visit) -> dict[str, Any]:
    """Return the values of a new drill; raise `Invalid` naming the field."""
    when = visit.text("planned_for")
    if not when:
        raise Invalid("The time is missing.", fields={"planned_for": "Enter when it begins."})
    return {
        "planned_for": to_instant(to_wall(when, "planned_for"), visit.person.tz),
        "scenario": visit.text("scenario"),
        "file": visit.text("file"),
        "title": visit.text("title"),
        "facilitator_id": to_choice(visit.values.get("facilitator"), "facilitator"),
        "team_id": to_choice(visit.values.get("team"), "team"),
        "service_id": to_choice(visit.values.get("service"), "service"),
        "invited": to_choices(visit.form.getlist("people"), "people"),
    }
