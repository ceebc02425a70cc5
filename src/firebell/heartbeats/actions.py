"""Create, change, pause and delete heartbeats, receive their pings, and report what is silent (spec 9.8)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from firebell.alerts import actions as alerts
from firebell.catalog import actions as catalog
from firebell.heartbeats import alert_events, durations, rules, store
from firebell.heartbeats.model import Heartbeat, HeartbeatSettings, NewPing, Ping
from firebell.heartbeats.rules import Signal, Transition
from firebell.heartbeats.settings_checks import SettingsInput, checked, checked_name
from firebell.kit.db.database import Reads, Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.jobs import timers
from firebell.kit.text import MAX_ID
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb

CHECK_TIMER = "heartbeats.check"
"""The timer of a heartbeat: when its state changes unless a ping comes first."""
LIVE_TOPIC = "heartbeats"
MAX_HEARTBEATS = 1_000
PING_BODY_CHARS = 10 * 1024
"""How much of a ping's body is kept and shown."""
KEPT_PINGS = 500
"""The newest pings that are kept of a heartbeat."""
_PINGS_BETWEEN_CLEANUPS = 50
LONGEST_PAUSE = timedelta(days=90)

heartbeats = store.heartbeats
newest_bodies = store.newest_bodies
watching = store.watching
reception = store.reception


async def heartbeat(tx: Reads, heartbeat_id: int) -> Heartbeat:
    """Return a heartbeat; raise NotFound if there is none."""
    stored = await store.heartbeat(tx, heartbeat_id)
    if stored is None:
        raise NotFound(f"There is no heartbeat {heartbeat_id}.")
    return stored


async def by_name(tx: Reads, service_id: int, name: str) -> Heartbeat:
    """Return the heartbeat of a service with this name in any case; raise NotFound, which names up to 20."""
    stored = await store.by_name(tx, service_id, name)
    if stored is None:
        names = ", ".join(each.name for each in (await store.heartbeats(tx, service_id))[:20])
        raise NotFound(
            f"This service has no heartbeat {name}." if name else "The address names no heartbeat.",
            hint=f"Its heartbeats are: {names}." if names else "Create one on the service's page.",
        )
    return stored


async def pings(tx: Reads, heartbeat_id: int, before: int | None = None, limit: int = 50) -> list[Ping]:
    """Return the pings of a heartbeat, newest first."""
    return await store.pings(tx, heartbeat_id, MAX_ID if before is None else before, limit)


async def record_reception(tx: Tx, now: datetime) -> bool:
    """Record that Firebell receives pings now; return False, with nothing recorded, if there are no heartbeats."""
    if await store.count(tx) == 0:
        return False
    await store.record_reception(tx, rules.RECEPTION_GAP, now)
    return True


@permits(Verb.HEARTBEAT_WRITE)
async def create_heartbeat(
    tx: Tx,
    actor: Actor,
    *,
    service_id: int,
    name: str,
    entered: SettingsInput,
    integration_id: int | None = None,
    now: datetime,
) -> Heartbeat:
    """Create a heartbeat, which expects nothing before its first ping.

    Its alerts belong to the given integration, else to the oldest of the service. Raise Invalid, or Conflict for a
    name that is taken and for a service without an integration.
    """
    settings, clean = checked(entered), checked_name(name)
    await catalog.hold_services(tx, [service_id])
    if integration_id is None:
        integrations = await alerts.integrations(tx, service_id)
        if not integrations:
            raise Conflict(
                "The service has no integration key.",
                hint="Add an integration on the service's page.",
                fields={"service": "Choose a service that has an integration."},
            )
        integration_id = integrations[0].id
    if await store.count(tx) >= MAX_HEARTBEATS:
        raise Conflict(f"There are {MAX_HEARTBEATS:,} heartbeats.", hint="Delete one that no one needs.")
    created = await store.insert(tx, service_id, integration_id, clean, settings, now)
    if created is None:
        raise Conflict(
            f"The service has a heartbeat {clean}.", fields={"name": "Enter a name that is not taken."}
        )
    # without heartbeats, what records reception sleeps for a minute: the first one would page that much late
    await tx.wake("heartbeats")
    await tx.audit(actor, "heartbeat.created", _subject(created), now, name=created.name, **_detail(settings))
    await tx.live(LIVE_TOPIC)
    return created


@permits(Verb.HEARTBEAT_WRITE)
async def update_heartbeat(
    tx: Tx, actor: Actor, *, heartbeat_id: int, entered: SettingsInput, now: datetime
) -> Heartbeat:
    """Change the settings; the next ping is expected one period from now at the earliest."""
    settings = checked(entered)
    stored = await _hold(tx, heartbeat_id)
    if settings == stored.settings:
        return stored
    await store.update_settings(tx, heartbeat_id, settings)
    after = replace(stored, settings=settings)
    if settings.expectation != stored.settings.expectation:
        after = await _apply(tx, after, rules.changed(after, await store.reception(tx), now), now)
    await tx.audit(actor, "heartbeat.changed", _subject(after), now, name=after.name, **_detail(settings))
    await tx.live(LIVE_TOPIC)
    return after


@permits(Verb.HEARTBEAT_WRITE)
async def pause_heartbeat(
    tx: Tx, actor: Actor, *, heartbeat_id: int, until: datetime, now: datetime
) -> Heartbeat:
    """Expect no pings until an instant, at most 90 days from now; its firing alert is resolved."""
    if not now < until <= now + LONGEST_PAUSE:
        raise Invalid(
            "The pause has no valid end.",
            fields={"until": f"Choose a time within the next {LONGEST_PAUSE.days} days."},
        )
    stored = await _hold(tx, heartbeat_id)
    after = await _apply(tx, stored, rules.paused(stored, until, now), now)
    await tx.audit(actor, "heartbeat.paused", _subject(after), now, name=after.name, until=until.isoformat())
    return after


@permits(Verb.HEARTBEAT_WRITE)
async def resume_heartbeat(tx: Tx, actor: Actor, *, heartbeat_id: int, now: datetime) -> Heartbeat:
    """End a pause now; the next ping is expected one period from now. Idempotent."""
    stored = await _hold(tx, heartbeat_id)
    if not stored.is_paused:
        return stored
    after = await _apply(tx, stored, rules.resumed(stored, await store.reception(tx), now), now)
    await tx.audit(actor, "heartbeat.resumed", _subject(after), now, name=after.name)
    return after


@permits(Verb.HEARTBEAT_WRITE)
async def delete_heartbeat(tx: Tx, actor: Actor, *, heartbeat_id: int, now: datetime) -> Heartbeat:
    """Delete a heartbeat with its pings, and resolve its alert; return what it was."""
    stored = await _hold(tx, heartbeat_id)
    await _report(tx, stored, rules.paused(stored, now, now).signals, now)
    await timers.cancel(tx, CHECK_TIMER, str(heartbeat_id))
    await store.delete(tx, heartbeat_id)
    await tx.audit(actor, "heartbeat.deleted", _subject(stored), now, name=stored.name)
    await tx.live(LIVE_TOPIC)
    return stored


@permits(Verb.ALERT_SEND)
async def send_ping(tx: Tx, actor: Actor, *, heartbeat_id: int, ping: NewPing, now: datetime) -> Heartbeat:
    """Record a ping that a person or a program with an API key sends."""
    return await receive_ping(tx, heartbeat_id, ping, now)


async def receive_ping(tx: Tx, heartbeat_id: int, ping: NewPing, now: datetime) -> Heartbeat:
    """Record a ping whose sender was checked, and fire or resolve the alert; return the heartbeat after it."""
    stored = await _hold(tx, heartbeat_id)
    after_ping = rules.after_ping(stored, ping, await store.reception(tx), now)
    body = ping.body.strip()[:PING_BODY_CHARS]
    await store.insert_ping(tx, stored.id, ping, body, after_ping.duration, now)
    if after_ping.progress.pings % _PINGS_BETWEEN_CLEANUPS == 0:
        await store.delete_surplus_pings(tx, stored.id, KEPT_PINGS)
    return await _apply(tx, stored, after_ping, now, detail=body)


async def check(tx: Tx, heartbeat_ids: Sequence[int], now: datetime) -> set[int]:
    """Apply the passing of time to heartbeats; return those that another transaction holds. Idempotent."""
    free = await store.lock_free(tx, heartbeat_ids)
    listening = await store.reception(tx)
    reports = []
    for each in free:
        transition = rules.after_time(each, listening, now)
        after = replace(each, progress=transition.progress)
        if transition.signals:
            # what is reported again keeps what the failed job sent
            failed = await store.pings(tx, each.id, MAX_ID, 1) if Signal.FAILED in transition.signals else []
            detail = failed[0].body if failed else ""
            reports.append(alert_events.request_of(after, transition.signals, now, detail))
        await _save(tx, after, transition)
    if reports:
        await alerts.receive_own(tx, reports, now)
    if free:
        await tx.live(LIVE_TOPIC)
    busy = set(heartbeat_ids) - {each.id for each in free}
    return await store.existing(tx, busy) if busy else set()


async def _hold(tx: Tx, heartbeat_id: int) -> Heartbeat:
    """Lock the timer of a heartbeat and then the heartbeat, as the timer's handler does; raise NotFound."""
    await timers.hold(tx, CHECK_TIMER, str(heartbeat_id))
    stored = await store.lock(tx, heartbeat_id)
    if stored is None:
        raise NotFound(f"There is no heartbeat {heartbeat_id}.")
    return stored


async def _apply(
    tx: Tx, before: Heartbeat, transition: Transition, now: datetime, *, detail: str = ""
) -> Heartbeat:
    """Store a transition, report its signals, and return the heartbeat after it."""
    after = replace(before, progress=transition.progress)
    await _report(tx, after, transition.signals, now, detail)
    await _save(tx, after, transition)
    await tx.live(LIVE_TOPIC)
    return after


async def _report(
    tx: Tx, stored: Heartbeat, signals: Sequence[Signal], now: datetime, detail: str = ""
) -> None:
    if signals:
        await alerts.receive_own(tx, [alert_events.request_of(stored, signals, now, detail)], now)


async def _save(tx: Tx, after: Heartbeat, transition: Transition) -> None:
    await store.save_progress(tx, after.id, after.progress)
    if transition.next_at is None:
        await timers.cancel(tx, CHECK_TIMER, str(after.id))
    else:
        await timers.schedule(tx, CHECK_TIMER, str(after.id), transition.next_at)


def _subject(stored: Heartbeat) -> str:
    return f"heartbeat:{stored.id}"


def _detail(settings: HeartbeatSettings) -> dict[str, Any]:
    """Return what the audit log says about settings."""
    expectation = settings.expectation
    detail = {
        "period": durations.written(expectation.period),
        "cron": expectation.cron,
        "grace": durations.written(expectation.grace),
        "max_runtime": durations.written(expectation.max_runtime),
        "matchers": settings.matchers,
    }
    return {name: value for name, value in detail.items() if value}
