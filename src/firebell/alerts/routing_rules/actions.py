"""Saving routing rules, and paging for the groups that they hold."""

import logging
from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec

from firebell.alerts import event_placement
from firebell.alerts.batches.state import Batch, GroupState
from firebell.alerts.model import GroupsOpened, InboundRequest
from firebell.alerts.routing_rules import changes as routing_changes
from firebell.alerts.routing_rules import rules as routing_rules
from firebell.alerts.routing_rules import store as routing_store
from firebell.alerts.routing_rules import validation as routing_validation
from firebell.alerts.routing_rules.rules import Routing, RoutingRule, RoutingVersion
from firebell.catalog import actions as catalog
from firebell.kit.db.database import Reads, Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, NotFound, Unavailable
from firebell.kit.jobs import timers
from firebell.kit.text import clean_text
from firebell.people.action_permissions import internal, permits
from firebell.people.permissions import Verb

log = logging.getLogger(__name__)

HOLD_TIMER = "alerts.hold"
"""The timer of a group that waits before it pages."""
LIVE_TOPIC = "routing"
NOTE_MAX_CHARS = 200


class RoutingChanged(Unavailable):
    """A batch was routed by rules that are no longer in force."""


@permits(Verb.ROUTING_WRITE)
async def save_rules(
    tx: Tx, actor: Actor, rules: Sequence[RoutingRule], *, based_on: int, note: str = "", now: datetime
) -> RoutingVersion:
    """Save rules as the version in force; it takes effect within five seconds.

    What rules hold and no longer would pages at once, if it still fires. Raise Conflict if the rules changed since
    the version `based_on`, 0 for none, and Invalid naming the wrong fields.
    """
    await catalog.hold_uses(tx)
    # of two that save, each would hold a timer or a version that the other one waits for
    await routing_store.lock_saving(tx)
    # before the version: one that runs waits for a service whose batch may wait for the version
    await timers.hold_all(tx, HOLD_TIMER)
    newest = await routing_store.newest_version(tx, lock="for update")
    if (newest.id if newest else 0) != based_on:
        raise _changed()
    services = {service.id: service.name for service in await catalog.services(tx)}
    checked = routing_validation.checked(rules, services)
    last_id = newest.last_rule_id if newest else 0
    numbered = []
    for rule in checked:
        if not rule.id:
            last_id += 1
            rule = msgspec.structs.replace(rule, id=last_id)
        numbered.append(rule)
    routing_validation.check_ids(numbered, last_id)
    version = RoutingVersion(
        id=0,
        based_on=based_on,
        rules=tuple(numbered),
        last_rule_id=last_id,
        note=clean_text(note, NOTE_MAX_CHARS, "note"),
        saved_at=now,
        saved_by=actor.label,
    )
    version_id = await routing_store.insert_version(tx, version)
    if version_id is None:
        raise _changed()
    await _release_what_is_no_longer_held(tx, version_id, numbered, now)
    before = newest.rules if newest else ()
    changes = [change.text for change in routing_changes.changes(before, numbered, services)]
    await tx.audit(
        actor, "routing.changed", f"routing_version:{version_id}", now, changes=changes, note=version.note
    )
    await tx.live(LIVE_TOPIC)
    saved = await routing_store.version(tx, version_id)
    assert saved is not None
    return saved


def _changed() -> Conflict:
    return Conflict(
        "Someone else changed the routing rules meanwhile.",
        hint="Reload the page and repeat your change.",
    )


async def _release_what_is_no_longer_held(
    tx: Tx, version_id: int, rules: Sequence[RoutingRule], now: datetime
) -> None:
    routing = await routing_store.compiled(tx, version_id, rules)
    firing = await routing_store.firing_in_held_groups(tx)
    released = [
        group.id
        for group in await routing_store.held_groups(tx)
        if not routing_rules.still_held(routing, group.hold, group.service_id, firing.get(group.id, ()))
    ]
    await timers.schedule_many(tx, HOLD_TIMER, [(str(id_), now, 0) for id_ in sorted(released)])


@internal("Called by each process while it runs.")
async def release_unreadable_holds(tx: Tx, now: datetime) -> None:
    """Page at once for groups that are held for a reason that only a later release knows."""
    group_ids = await routing_store.groups_held_unreadably(tx)
    await timers.schedule_many(tx, HOLD_TIMER, [(str(id_), now, 0) for id_ in group_ids])


async def version(tx: Reads, version_id: int) -> RoutingVersion:
    """Return a version of the rules; raise NotFound if there is none."""
    stored = await routing_store.version(tx, version_id)
    if stored is None:
        raise NotFound(
            f"There is no version {version_id} of the routing rules.", hint="See /routing/versions."
        )
    return stored


async def load(tx: Tx) -> Routing:
    """Return the rules in force, ready to match."""
    return await routing_store.load(tx)


async def routed_own(
    tx: Tx, requests: Sequence[InboundRequest], *, are_services_kept: bool = False
) -> list[InboundRequest]:
    """Return requests with what the rules in force decide about their events; they stay in force in the transaction.

    With `are_services_kept`, events stay with the services of their requests. If the rules cannot be applied, the
    fallback rule pages.
    """
    routing = await routing_store.load(tx, lock="for share")
    if not routing.rules:
        return list(requests)
    try:
        return routing_rules.routed(routing, requests, are_services_kept=are_services_kept)
    except Exception:
        log.exception("the routing rules could not be applied")
        return list(requests)


async def check_in_force(tx: Tx, requests: Sequence[InboundRequest]) -> None:
    """Raise RoutingChanged if a rule that holds an event is no longer in force.

    Saving rules waits for the transactions that have checked, and then finds the groups that they opened.
    """
    versions = {
        event.route.version_id
        for request in requests
        if request.is_routed
        for event in request.incoming
        if event.route is not None and event.route.hold is not None
    }
    if versions and not await routing_store.is_in_force(tx, max(versions)):
        raise RoutingChanged("The routing rules have just changed.", retry_after=1)


async def load_counted(tx: Tx, state: Batch, requests: Sequence[InboundRequest], now: datetime) -> None:
    """Load what thresholds have counted in groups that are closed, for those that the events may open."""
    windows = event_placement.counted_places(requests)
    missing = {place: now - window for place, window in windows.items() if place not in state.open_groups}
    if missing:
        state.counted.update(await routing_store.counted_holds(tx, missing))


async def save_holds(tx: Tx, groups: Sequence[GroupState]) -> None:
    """Store why groups wait, and when those that wait for a while page; ingest has locked their services."""
    held = [(group.id, group.hold) for group in groups if group.id is not None and group.hold is not None]
    if not held:
        return
    await routing_store.save_holds(tx, held)
    for group in groups:
        if group.fresh and group.hold is not None and group.hold.until is not None and group.firing > 0:
            await timers.schedule_once(tx, HOLD_TIMER, str(group.id), group.hold.until)


@internal("Called by the timer of held groups.")
async def release(tx: Tx, group_ids: Collection[int], now: datetime) -> None:
    """Page for groups that have waited and still fire; their services are locked. Idempotent."""
    if groups := await routing_store.release(tx, group_ids, now):
        await tx.emit(GroupsOpened(tuple(groups)), now)
        await tx.live(LIVE_TOPIC)
