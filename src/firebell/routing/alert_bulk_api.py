"""Actions on alerts over JSON."""

from typing import Annotated

from pydantic import ConfigDict, Field

from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, StrictInt
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.routing import alert_bulk_actions
from firebell.routing.alert_bulk_actions import AlertAction

router = api.router()

Responder = Annotated[Work, work(Verb.PAGE_RESPOND)]


class AlertsToChange(ApiInput):
    """Alerts, and what to do with them."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"action": "ack", "ids": [7, 8]}]})

    action: Annotated[
        AlertAction,
        Field(
            description="`ack` acknowledges the pages of the alerts; `resolve` ends the alerts, and what their "
            "sources send after that fires again"
        ),
    ]
    ids: Annotated[
        list[Annotated[StrictInt, Field(ge=1)]], Field(min_length=1, max_length=alert_bulk_actions.LIMIT)
    ]


class AlertOutcomeShown(ApiOutput):
    """The outcome of one alert."""

    alert_id: int
    page: Annotated[str | None, Field(description="the page of its group; null if it paged no one")]
    is_done: bool
    reason: Annotated[
        str, Field(description="why nothing changed, or why the page still escalates; else empty")
    ]


@router.post("/alerts/bulk", tags=["alerts"], summary="Acknowledge or resolve up to 200 alerts")
async def change_alerts(w: Responder, body: AlertsToChange) -> list[AlertOutcomeShown]:
    outcomes = await alert_bulk_actions.act_on_alerts(w.tx, w.actor, body.action, body.ids, w.now)
    return [AlertOutcomeShown.model_validate(outcome) for outcome in outcomes]
