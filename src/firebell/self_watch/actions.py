"""Actions on outbound heartbeats, and the alarms that begin and end."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import urlsplit

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, NotFound
from firebell.kit.http_out import check_url
from firebell.kit.text import clean_name
from firebell.kit.web.field_errors import FieldErrors
from firebell.notify import actions as notify
from firebell.people import actions as people
from firebell.people.action_permissions import internal, permits
from firebell.people.permissions import ADMINS, Verb
from firebell.self_watch import rules, store
from firebell.self_watch.model import (
    LIVE_TOPIC,
    SUBJECT_KIND,
    Acceptance,
    OutboundHeartbeat,
    PingMethod,
    Problem,
    SelfAlarm,
)

MAX_HEARTBEATS = 10
NAME_MAX_CHARS = 60

outbound_heartbeats = store.heartbeats


@permits(Verb.SELF_WATCH_WRITE)
async def create_heartbeat(
    tx: Tx, actor: Actor, *, name: str, url: str, method: PingMethod, now: datetime
) -> OutboundHeartbeat:
    """Send an outbound heartbeat to an address from now on, as long as Firebell is healthy."""
    errors = FieldErrors()
    clean = errors.value(lambda: clean_name(name, "name", limit=NAME_MAX_CHARS), "")
    address = errors.value(lambda: check_url(url, "url"), "")
    errors.check()
    existing = await store.lock_heartbeats(tx)
    if any(each.name.lower() == clean.lower() for each in existing):
        raise Conflict(f"There is an outbound heartbeat {clean}.", fields={"name": "Choose another name."})
    if len(existing) >= MAX_HEARTBEATS:
        raise Conflict(f"There can be {MAX_HEARTBEATS} outbound heartbeats at most. Delete one first.")
    heartbeat = await store.insert_heartbeat(tx, clean, address, url_hint(address), method, now)
    await tx.audit(
        actor, "outbound_heartbeat.created", clean, now, address=heartbeat.url_hint, method=str(method)
    )
    await tx.live(LIVE_TOPIC)
    await tx.wake("self_watch")
    return heartbeat


@permits(Verb.SELF_WATCH_WRITE)
async def delete_heartbeat(tx: Tx, actor: Actor, heartbeat_id: int, now: datetime) -> OutboundHeartbeat:
    """Delete an outbound heartbeat; its receiver will notice the silence."""
    heartbeat = await store.delete_heartbeat(tx, heartbeat_id)
    if heartbeat is None:
        raise NotFound("There is no such outbound heartbeat.", hint="See /settings/health.")
    await tx.audit(actor, "outbound_heartbeat.deleted", heartbeat.name, now, address=heartbeat.url_hint)
    await tx.live(LIVE_TOPIC)
    return heartbeat


def url_hint(url: str) -> str:
    """Return an address without its path and query, which usually are its secret."""
    parts = urlsplit(url)
    has_more = parts.path not in ("", "/") or parts.query
    return f"{parts.scheme}://{parts.netloc}{'/…' if has_more else ''}"


@internal("Called only by the lane that watches Firebell.")
async def notice_problems(
    tx: Tx, problems: Sequence[Problem], settings: Mapping[str, str], now: datetime
) -> list[SelfAlarm]:
    """Begin an alarm for each problem that has none, and page the responders of the platform once for it.

    `settings` are those of the channels: an alarm about a channel goes by all others that are set up.
    """
    begun = await store.notice_problems(tx, problems, now) if problems else []
    recipients = await responders(tx) if begun else []
    for alarm in begun:
        if rules.urgency(alarm.kind) == "high":
            avoided = rules.avoided_channel(alarm)
            await notify.send_avoiding_channel(
                *(tx, SUBJECT_KIND, alarm.id, recipients, now), avoided_channel=avoided, settings=settings
            )
        else:
            await notify.send_about(tx, SUBJECT_KIND, {alarm.id: recipients}, now)
    if begun:
        await tx.live(LIVE_TOPIC)
    return begun


@internal("Called only by the lane that watches Firebell.")
async def end_alarms(tx: Tx, acceptances: Sequence[Acceptance], now: datetime) -> list[SelfAlarm]:
    """End the alarms whose problem has been gone for a while, and let their recipients know.

    `acceptances` are what this process knows of messages that were accepted.
    """
    if acceptances:
        await store.note_acceptances(tx, acceptances)
    over = [alarm for alarm in await store.open_alarms(tx) if rules.is_over(alarm, now)]
    if over:
        await store.clear_alarms(tx, [alarm.id for alarm in over], now)
        recipients = await responders(tx)
        await notify.send_about(tx, SUBJECT_KIND, {alarm.id: recipients for alarm in over}, now)
        await tx.live(LIVE_TOPIC)
    return over


async def responders(tx: Tx) -> list[int]:
    """Return who is paged about Firebell itself: the fallback responders, or else the admins."""
    return await people.fallback_responders(tx) or [
        admin.id for admin in await people.people_with_role(tx, ADMINS)
    ]
