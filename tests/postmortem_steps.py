"""What a test does so that a post-mortem can be published: one person writes it, another one approves it."""

from firebell.kit.db.database import Tx
from firebell.postmortems import actions as postmortems
from tests.rules.test_postmortem_checks import COMPLETE
from tests.world import World

PUBLISHABLE = COMPLETE.replace(" -> ACT-8", "").replace(" -> ACT-9", "")
"""A complete document whose roots name no action items, because the small organization has none."""


async def approved(tx: Tx, w: World, incident_id: int, body: str = PUBLISHABLE) -> None:
    """Let Mara write the document of an incident, and Jun approve it; customers need no version."""
    version = (await postmortems.of_incident(tx, incident_id)).version
    await postmortems.save(tx, await w.actor(w.mara), incident_id, body, version, w.now)
    await agreed(tx, w, incident_id)


async def agreed(tx: Tx, w: World, incident_id: int, approver: int = 0) -> None:
    """Let Mara ask someone, or Jun, for a review of the current text, who approves it; customers need no version."""
    mara, reason = await w.actor(w.mara), "" if approver else "We are only two"
    await postmortems.ask_for_review(tx, mara, incident_id, [approver or w.jun], w.now)
    version = (await postmortems.of_incident(tx, incident_id)).version
    reader = await w.actor(approver or w.jun)
    await postmortems.approve(tx, reader, incident_id, version, w.now, override_reason=reason)
    if await postmortems.external_of(tx, incident_id) is None:
        await postmortems.decide_external(tx, mara, incident_id, False, "It was internal", w.now)


async def published(tx: Tx, w: World, incident_id: int, body: str = PUBLISHABLE) -> None:
    """Let Mara write and publish the document of an incident that Jun approved."""
    await approved(tx, w, incident_id, body)
    await postmortems.publish(tx, await w.actor(w.mara), incident_id, w.now)
