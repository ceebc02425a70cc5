"""Muting the alerts of services for a while: those still firing at the end will page."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime

from firebell.alerts import mutes, read_store
from firebell.alerts.model import Alert, GroupsOpened, InboundRequest, SilencesChanged
from firebell.alerts.mutes import MuteKind, MutesByService
from firebell.alerts.muting import muted_groups
from firebell.alerts.muting import store as mute_store
from firebell.alerts.routing_rules import actions as routing_actions
from firebell.catalog import actions as catalog
from firebell.kit import matchers
from firebell.kit.db.database import Reads, Tx
from firebell.kit.db.events import SYSTEM, Actor
from firebell.kit.jobs import timers
from firebell.people.action_permissions import internal

MUTE_TIMER = "alerts.mute"
"""The timer of a mute: its end."""
LIVE_TOPIC = "mutes"
"""The live topic of the screens that show how many alerts are muted."""
ALERTS_SHOWN = 100
"""Muted alerts listed with a mute, the newest first."""

Receive = Callable[[Tx, Sequence[InboundRequest], datetime, MutesByService], Awaitable[object]]


def checked_matchers(text: str) -> str:
    """Return matchers as they are stored, an empty text for none; raise `Invalid` for the field `mute_matchers`."""
    return matchers.checked(text, "mute_matchers", 'Enter matchers such as {severity="warning"}.')


@internal("Maintenance mutes alerts while it is in progress.")
async def start_mute(
    tx: Tx,
    actor: Actor,
    name: str,
    path: str,
    service_ids: Collection[int],
    matchers_text: str,
    ends_at: datetime,
    now: datetime,
) -> int:
    """Mute the alerts of services that meet the matchers until `ends_at` at the latest; return the id of the mute.

    It takes effect within five seconds; what has paged before keeps its page.
    """
    mute_id = await mute_store.insert(tx, name, path, service_ids, matchers_text, now, ends_at)
    await timers.schedule(tx, MUTE_TIMER, str(mute_id), ends_at)
    await tx.audit(actor, "alerts.muted", name, now, until=ends_at.isoformat(), matchers=matchers_text)
    await tx.live(LIVE_TOPIC)
    return mute_id


@internal("Called when the end of maintenance changes.")
async def change_end(tx: Tx, mute_id: int, ends_at: datetime) -> bool:
    """Change when a mute ends; return False if it has ended."""
    await timers.hold(tx, MUTE_TIMER, str(mute_id))
    if not await mute_store.change_end(tx, mute_id, ends_at):
        return False
    await timers.schedule(tx, MUTE_TIMER, str(mute_id), ends_at)
    await tx.live(LIVE_TOPIC)
    return True


@internal("Called when maintenance ends or a person stops its mute.")
async def end_mute(tx: Tx, actor: Actor, mute_id: int, name: str, now: datetime) -> bool:
    """End a mute; alerts still firing will page as soon as this is committed. Return False if it has ended."""
    await timers.hold(tx, MUTE_TIMER, str(mute_id))
    if not await mute_store.end(tx, mute_id, now):
        return False
    await timers.schedule(tx, MUTE_TIMER, str(mute_id), now)
    await tx.audit(actor, "alerts.unmuted", name, now)
    return True


@internal("Called by the timer of mutes.")
async def release(
    tx: Tx,
    mute_ids: Sequence[int],
    inhibition_versions: Mapping[int, str],
    receive: Receive,
    now: datetime,
) -> set[int]:
    """Page for the alerts of ended mutes that are still firing, but for those that another mute holds. Idempotent.

    Returns the mutes that must be released again: they held alerts of services that were not known before they ended.
    `inhibition_versions` has the version of each inhibition rule, `receive` applies events to alerts. The timer is
    locked before the services, and these before their mutes: alerts lock services and then mutes, and what changes a
    mute holds its timer first.
    """
    service_ids = await mute_store.services(tx, mute_ids)
    await catalog.lock_services(tx, service_ids)
    ended, silences = await mute_store.end_overdue(tx, mute_ids, now)
    if silences:
        await tx.emit(SilencesChanged(tuple(sorted(silences)), "expired", SYSTEM.label), now)
    held = await mute_store.alerts_to_hand_over(tx, ended, service_ids)
    await hand_over(tx, held, inhibition_versions, receive, now)
    groups = await mute_store.release(tx, ended, service_ids, now)
    if groups:
        await tx.emit(GroupsOpened(tuple(groups)), now)
    await tx.live(LIVE_TOPIC)
    return await mute_store.holding(tx, ended)


@internal("Called by the timers of mutes and of held groups.")
async def hand_over(
    tx: Tx,
    held: Sequence[tuple[int, MuteKind | None, Alert]],
    inhibition_versions: Mapping[int, str],
    receive: Receive,
    now: datetime,
) -> None:
    """Move alerts that are about to page, and that a running mute matches, into the group of that one.

    Each comes after its service, which is locked, and the kind of the mute that held it, None for a routing rule.
    """
    running = mutes.by_service(
        mute for mute in await mute_store.unended(tx, inhibition_versions) if mute.runs_at(now)
    )
    if moved := muted_groups.handed_over(held, running, now):
        requests = await routing_actions.routed_own(tx, moved, are_services_kept=True)
        await receive(tx, requests, now, mutes.active(running, requests, now))


async def muted_services(tx: Reads, mute_id: int) -> list[int]:
    """Return the services whose alerts a mute covers; they stay the same while it runs."""
    return await mute_store.services(tx, [mute_id])


async def muted_alerts(tx: Reads, mute_id: int) -> list[Alert]:
    """Return the newest alerts that a mute muted, firing or not."""
    return await read_store.alerts_by_id(tx, await mute_store.alert_ids(tx, mute_id, ALERTS_SHOWN))
