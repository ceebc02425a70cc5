"""Notify people who ask for it when an incident can be closed, and that it was."""

from collections.abc import Sequence
from datetime import datetime

from firebell.incidents import lookup, store, visibility_store
from firebell.incidents.closing import queries as closing_queries
from firebell.incidents.closing import watcher_store
from firebell.incidents.model import ACTIVE, Incident, Phase
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Forbidden
from firebell.notify import actions as notify
from firebell.notify.model import Notice
from firebell.people import actions as people
from firebell.people.action_permissions import internal, permits
from firebell.people.permissions import Verb

is_watching = watcher_store.is_watching


@permits(Verb.INCIDENT_READ)
async def watch(tx: Tx, actor: Actor, incident_id: int, now: datetime) -> None:
    """Notify the actor once the incident can be closed, and when it is closed. Idempotent."""
    incident = await lookup.locked(tx, incident_id)
    if incident.phase not in (*ACTIVE, Phase.MONITORING):
        raise Conflict(f"{incident.ref} is {incident.phase}, so there is nothing to wait for.")
    await watcher_store.add(tx, incident_id, _person(actor), now)


@permits(Verb.INCIDENT_READ)
async def unwatch(tx: Tx, actor: Actor, incident_id: int) -> None:
    """Stop notifying the actor. Idempotent."""
    await watcher_store.remove(tx, (await lookup.incident(tx, incident_id)).id, _person(actor))


def _person(actor: Actor) -> int:
    if actor.person_id is None:
        raise Forbidden("Only a person can be notified.", hint="Sign in and try again.")
    return actor.person_id


async def notify_closable(tx: Tx, incident_ids: Sequence[int], now: datetime) -> None:
    """Notify everyone who waits for one of these incidents that can be closed now, once each."""
    watchers = await watcher_store.not_notified(tx, incident_ids)
    for incident in (await store.incidents_by_id(tx, list(watchers))).values():
        if incident.phase is not Phase.MONITORING:
            continue
        conditions = await closing_queries.conditions(tx, incident, now)
        if all(condition.is_met for condition in conditions):
            await _notify(
                tx, incident, watchers[incident.id], "can be closed", f"closable:{now.isoformat()}", now
            )
            await watcher_store.mark_notified(tx, incident.id, now)


@internal("Called when an incident is closed or dismissed.")
async def notify_ended(tx: Tx, actor: Actor, incident: Incident, now: datetime) -> None:
    """Notify everyone who waits for the incident that it was closed or dismissed, except who did that."""
    watchers = [i for i in await watcher_store.end(tx, incident.id) if i != actor.person_id]
    phase = incident.phase
    await _notify(tx, incident, watchers, f"was {phase}", f"{phase}:{now.isoformat()}", now)


@internal("Part of merging two incidents.")
async def move(tx: Tx, incident_id: int, into: Incident, now: datetime) -> None:
    """Let everyone who waits for a merged incident wait for the other one, as far as they may read it."""
    by_id = await people.people_by_id(tx, await watcher_store.end(tx, incident_id))
    for person in await visibility_store.readers_among(tx, [into], list(by_id.values())):
        await watcher_store.add(tx, into.id, person.id, now)


@internal("Called when work on an incident resumes.")
async def wait_again(tx: Tx, actor: Actor, incident: Incident) -> None:
    """Notify everyone who waits once more when the incident can be closed again."""
    await watcher_store.mark_notified(tx, incident.id, None)


async def _notify(
    tx: Tx, incident: Incident, person_ids: Sequence[int], what: str, key: str, now: datetime
) -> None:
    drill = "DRILL " if incident.drill else ""
    name = incident.public_name
    notices = [
        Notice(
            key=f"closing:{incident.id}:{key}:{person_id}",
            person_id=person_id,
            kind="closing",
            title=f"{drill}{name[0].upper()}{name[1:]} {what}",
            note="You asked to be notified.",
            link=f"/incidents/{incident.ref}/close",
            urgency="low",
            incident_id=0 if incident.is_private else incident.id,
        )
        for person_id in person_ids
    ]
    await notify.send_notices(tx, notices, now)
