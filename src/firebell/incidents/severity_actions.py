"""The questions of an incident answered again: confirm its severity, or change it."""

from collections.abc import Mapping
from datetime import datetime

from firebell.incidents import actions, store
from firebell.incidents.model import Incident
from firebell.incidents.severity import classify, suggest
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Invalid
from firebell.people.authorization import permits
from firebell.people.permissions import Verb


@permits(Verb.INCIDENT_UPDATE)
async def reclassify(
    tx: Tx,
    actor: Actor,
    incident_id: int,
    answers: Mapping[str, bool | None],
    reason: str,
    now: datetime,
    *,
    cap_unknown: bool = False,
) -> Incident:
    """Answer the questions again: confirm the severity at the same level, or change it to the new result.

    With `cap_unknown`, which forms set, an unknown answer counts as SEV2 at most.
    """
    old = await actions.locked(tx, incident_id)
    if not answers:
        raise Invalid("Answer at least one question.", fields={"answers": "Answer at least one question."})
    verdict = (suggest(answers) if cap_unknown else None) or classify(answers)
    if verdict.severity != old.severity or old.provisional:
        await actions.set_severity(tx, actor, incident_id, verdict.severity, reason, now)
    return await store.change(tx, incident_id, answers=dict(answers))
