"""The demo's published post-mortems: reviewed by someone who wrote nothing of them, sent to lists, told to customers."""

import re
from datetime import datetime
from typing import TYPE_CHECKING

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.postmortems import actions as postmortems
from firebell.postmortems.publication import queries
from firebell.postmortems.publication.distribution import DistributionList
from firebell.postmortems.reader_feedback import actions as reader_feedback
from firebell.status_pages import incident_store

if TYPE_CHECKING:
    from firebell.demo.history import Past

_LISTS = (
    DistributionList("engineering", "Engineering", ("everyone",)),
    DistributionList("product", "Product", ("email:product@kestrel.example",)),
    DistributionList("support", "Support", ("email:support@kestrel.example",)),
    DistributionList("leadership", "Leadership", ("email:leadership@kestrel.example",)),
)
_DEFAULTS = (
    ("engineering", "product", "support", "leadership"),
    ("engineering", "product", "support", "leadership"),
    ("engineering", "product", "support"),
    ("engineering",),
)
_APPROVERS = ("Aiko", "Priya", "Mara")
_READERS = ("Priya", "Aiko", "Mara", "Tomás", "Jun")
_ACCEPTED = "The meeting agreed that this is enough for the incident"
_NO_VERSION = "Customers read what happened on the status page"
_CHANGES = """\
We have changed how the system that failed is watched, so that we notice the same problem within a minute.

<!-- internal -->
ACT numbers and owners stand in the internal document.
<!-- /internal -->

We are sorry for the trouble, and thank you for your patience."""
_TO_DO = re.compile(r"<!-- internal -->\n.*?<!-- /internal -->", re.DOTALL)


async def create_lists(tx: Tx, mara: Actor, now: datetime) -> None:
    """Create the distribution lists, and what is not named in public."""
    await postmortems.save_distribution_settings(tx, mara, _LISTS, _DEFAULTS, now)
    await postmortems.save_leak_settings(
        tx, mara, ("Nordlys Bank", "Hafen Logistik"), ("corp.kestrel.example",), now
    )


async def publish(past: "Past", tx: Tx, author: Actor, incident_id: int, now: datetime) -> None:
    """Let someone else approve a written document, and publish it."""
    approver = next(
        actor for name in _APPROVERS if (actor := past.kestrel.actor(name)).person_id != author.person_id
    )
    assert author.person_id
    assert approver.person_id
    await postmortems.assign_author(tx, author, incident_id, author.person_id, now)
    for blocker in (await queries.desk(tx, incident_id)).blockers:
        if blocker.problem:
            await postmortems.acknowledge(tx, approver, incident_id, blocker.problem, _ACCEPTED, now)
    await postmortems.ask_for_review(tx, author, incident_id, [approver.person_id], now)
    version = (await postmortems.of_incident(tx, incident_id)).version
    await postmortems.approve(tx, approver, incident_id, version, now, note="Clear, and without blame.")
    await postmortems.decide_external(tx, author, incident_id, False, _NO_VERSION, now)
    await postmortems.publish(tx, author, incident_id, now)
    for number, name in enumerate(_READERS, incident_id):
        if number % 3:
            await reader_feedback.rate(tx, past.kestrel.actor(name), incident_id, number % 7 != 0, now)


async def write_for_customers(past: "Past") -> None:
    """Write, approve and publish the version for customers of the latest published document that a page shows."""
    tomas, mara = past.kestrel.actor("Tomás"), past.kestrel.actor("Mara")
    url, now = past.ctx.public_url, past.clock.now()
    async with past.ctx.db.tx() as tx:
        for document in await postmortems.newest(tx, None, 50):
            shown = await incident_store.of_incident(tx, document.incident_id)
            resolved = [each for each in shown.values() if not each.is_open]
            if document.state != "published" or not resolved or len(resolved) != len(shown):
                continue
            incident_id = document.incident_id
            external = await postmortems.decide_external(tx, tomas, incident_id, True, "", now)
            text = _TO_DO.sub(lambda _: _CHANGES, external.body)
            external = await postmortems.save_external(tx, tomas, incident_id, text, external.version, now)
            await postmortems.ask_external_review(tx, tomas, incident_id, now)
            await postmortems.approve_external(tx, mara, incident_id, external.version, url, now)
            await postmortems.publish_external(tx, mara, incident_id, url, now)
            return
