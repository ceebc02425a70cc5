"""The settings of action items: working days and default due days."""

from fastapi import Response

from firebell.action_items.model import Priority
from firebell.action_items.settings import actions as settings
from firebell.kit.errors import FirebellError
from firebell.kit.text import to_number
from firebell.kit.web import flash, html, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


async def _form(visit: Visit, error: FirebellError | None = None) -> Response:
    working = await settings.load(visit.tx)
    context = {
        "nav": "settings",
        "tab": "action-items",
        "working": working,
        "weekdays": list(enumerate(WEEKDAYS)),
        "chosen": [i for i, _ in enumerate(WEEKDAYS) if str(i) in visit.form.getlist("weekday")]
        if error
        else list(working.weekdays),
        "values": visit.values if error else {},
        "error": error,
    }
    return await html.render(visit.request, "action_items/settings.html", context)


@router.get("/settings/action-items", dependencies=route_access.needs(Verb.INCIDENT_SETTINGS_WRITE))
async def show(visit: CurrentVisit) -> Response:
    return await _form(visit)


@router.post("/settings/action-items", dependencies=route_access.needs(Verb.INCIDENT_SETTINGS_WRITE))
async def save(visit: CurrentVisit) -> Response:
    try:
        async with visit.tx.savepoint():
            weekdays = [to_number(day, "weekdays", most=6) for day in visit.form.getlist("weekday")]
            due_days = [
                to_number(visit.text(f"due_{int(p)}"), f"due_{int(p)}", least=1, most=settings.MAX_DUE_DAYS)
                for p in Priority
            ]
            await settings.save_settings(
                visit.tx,
                visit.actor,
                weekdays,
                visit.text("country"),
                visit.text("subdivision"),
                due_days,
                visit.now,
            )
    except FirebellError as error:
        return await _form(visit, error)
    return flash.redirect(visit.request, "/settings/action-items", "Settings saved.")
