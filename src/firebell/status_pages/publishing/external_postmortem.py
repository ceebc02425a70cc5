"""Publish the post-mortem for customers on every status page that shows its incident."""

from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.postmortems.model import ExternalPostmortemPublished
from firebell.status_pages import incident_store
from firebell.status_pages.model import Stage, UpdateKind
from firebell.status_pages.publishing import actions as publishing
from firebell.status_pages.publishing.actions import NewUpdate

EDIT_REASON = "A revised post-mortem"


async def publish(tx: Tx, event: ExternalPostmortemPublished, now: datetime) -> None:
    """Publish the text as the post-mortem of each page's current incident, and replace each text published before.

    Raise `Conflict` if one of them is not resolved yet, or `Forbidden` for someone who may not publish about it: then
    nothing is published, neither here nor in the post-mortem.
    """
    for page_id, shown in (await incident_store.every_of_incident(tx, event.incident_id)).items():
        for published in shown:
            public_id = published.public_id
            if published.postmortem:
                seq = published.postmortem.seq
                await publishing.edit_update(
                    tx, event.actor, page_id, public_id, seq, event.body, EDIT_REASON, now
                )
            elif published is shown[-1]:
                update = NewUpdate(Stage.RESOLVED, event.body, {}, kind=UpdateKind.POSTMORTEM)
                await publishing.publish_update(tx, event.actor, page_id, public_id, update, now)
