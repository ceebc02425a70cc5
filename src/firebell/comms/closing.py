"""Publishing that an incident is resolved and closing it, in one transaction ([spec 7.3](docs/spec/7-comms.md))."""

from datetime import datetime

from firebell.comms import actions
from firebell.comms.model import CommsPost, PostContent, PostState
from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident, Phase
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb
from firebell.status_pages.model import Stage


@permits(Verb.INCIDENT_UPDATE)
async def publish_and_close(
    tx: Tx, actor: Actor, incident_id: int, content: PostContent, revision: int, now: datetime
) -> CommsPost:
    """Publish the resolving update and close the incident; idempotent, as publishing is.

    Raise `Conflict`, with nothing published, if an approver must answer first or a condition for closing is missing.
    """
    if content.stage != Stage.RESOLVED:
        raise Invalid("Only a resolving update closes the incident.", fields={"stage": "Choose Resolved."})
    async with tx.savepoint():
        one = await actions.publish(tx, actor, incident_id, content, revision, now)
        if (await incidents.incident(tx, incident_id)).phase is Phase.CLOSED:
            return one
        if one.state is PostState.WAITING:
            raise Conflict(
                "Someone must approve this update first, so the incident can’t be closed with it.",
                hint="Publish it without closing. Close the incident when the update is sent.",
            )
        await incidents.set_phase(tx, actor, incident_id, Phase.CLOSED, now)
    return one


async def missing_conditions(
    tx: Tx, incident: Incident, now: datetime
) -> list[incidents.ClosingCondition] | None:
    """Return what is missing to close an incident besides the resolving update; None unless it is monitored."""
    if incident.phase is not Phase.MONITORING:
        return None
    conditions = await incidents.closing_conditions(tx, incident, now)
    return [each for each in conditions if not each.is_met and each.code != "status"]
