"""The form that acts on the selected alerts of the list."""

from fastapi import Response

from firebell.kit.text import to_choices
from firebell.kit.web import flash, html, routing
from firebell.kit.web.filters import to_one_of
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit
from firebell.routing import alert_bulk_actions
from firebell.routing.alert_bulk_actions import AlertAction

router = routing.html_router()


@router.post("/alerts/bulk", dependencies=route_access.needs(Verb.PAGE_RESPOND))
async def act_on_alerts(visit: CurrentVisit) -> Response:
    """Acknowledge or resolve the selected alerts, or open the form of a silence for them."""
    do = to_one_of(visit.text("do"), "do", (*AlertAction, "silence"))
    ids = to_choices(visit.form.getlist("alert"), "alert")
    back = html.local(visit.form, "/alerts")
    if not ids:
        return flash.redirect(visit.request, back, "Select alerts first.")
    if do == "silence":
        return html.redirect(html.address("/silences/new", alert=" ".join(map(str, ids))))
    action = AlertAction(do)
    outcomes = await alert_bulk_actions.act_on_alerts(visit.tx, visit.actor, action, ids, visit.now)
    return flash.redirect(visit.request, back, alert_bulk_actions.summary(action, outcomes))
