"""Create, change and expire silences, and preview what one would silence (spec 3.3)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from firebell.alerts import past_alert_columns, past_alert_store, read_store, related_store
from firebell.alerts.model import SilencesChanged
from firebell.alerts.muting import actions as mute_actions
from firebell.alerts.muting import store as mute_store
from firebell.alerts.past_alert_columns import NEVER, AlertKind
from firebell.alerts.silences import rules, store
from firebell.alerts.silences.model import NewSilence, Silence, SilencePreview, SilenceState
from firebell.catalog import actions as catalog
from firebell.kit import matchers
from firebell.kit.db.database import Reads, Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.jobs import timers
from firebell.kit.matchers import Matcher
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb

MAX_SILENCES = 1_000
"""Silences that have not ended."""
KEPT = timedelta(hours=120)
"""How long expired silences are listed."""
PREVIEW_SPAN = timedelta(days=30)
PREVIEW_LISTED = 20
"""Firing alerts that a preview lists."""


async def silence(tx: Reads, silence_id: int) -> Silence:
    """Return a silence; raise NotFound if there is none."""
    stored = await store.silence(tx, silence_id)
    if stored is None:
        raise NotFound(
            f"There is no silence {silence_id}.",
            hint="Expired silences that hid nothing are deleted after 120 hours.",
        )
    return stored


async def silence_of_public_id(tx: Reads, public_id: str) -> Silence:
    """Return the silence with an id of Alertmanager's API; raise NotFound if there is none."""
    stored = await store.by_public_id(tx, public_id)
    if stored is None:
        raise NotFound(f"There is no silence {public_id}.")
    return stored


async def silences(tx: Reads, now: datetime, state: SilenceState | None = None) -> list[Silence]:
    """Return the silences, newest first: those that have not ended, and those that expired within 120 hours."""
    stored = await store.silences(tx, now - KEPT, 2 * MAX_SILENCES)
    return [each for each in stored if state in (None, each.state(now))]


async def _checked(tx: Tx, entered: NewSilence, now: datetime) -> NewSilence:
    new = rules.checked(entered, now)
    if not set(new.service_ids) <= {service.id for service in await catalog.services(tx)}:
        raise Invalid("One of the services does not exist.", fields={"services": "Choose from the list."})
    return new


@permits(Verb.SILENCE_WRITE)
async def create_silence(
    tx: Tx, actor: Actor, *, entered: NewSilence, author: str = "", now: datetime
) -> Silence:
    """Create a silence. It takes effect within five seconds of its start; what has paged before keeps its page.

    The `author` is the actor unless another name is given. Raise Invalid, or Conflict if there are too many.
    """
    await catalog.hold_uses(tx)
    new = await _checked(tx, entered, now)
    return await _create(tx, actor, author or actor.label, new, now)


async def _create(
    tx: Tx, actor: Actor, author: str, new: NewSilence, now: datetime, *, replaced: int = 0
) -> Silence:
    """Store a silence; raise Conflict if there are too many without the `replaced` ones, which are about to expire."""
    await store.lock_creation(tx)
    if await store.unended_count(tx) - replaced >= MAX_SILENCES:
        raise Conflict(f"There are already {MAX_SILENCES:,} silences.", hint="Expire some of them first.")
    created = await store.insert(tx, author, new, now)
    await timers.schedule(tx, mute_actions.MUTE_TIMER, str(created.id), created.ends_at)
    await tx.audit(actor, "silence.created", f"silence:{created.id}", now, **_audited(created))
    await tx.emit(SilencesChanged((created.id,), "created", actor.label), now)
    await tx.live(mute_actions.LIVE_TOPIC)
    return created


def _audited(silence: Silence) -> dict[str, object]:
    return {
        "author": silence.author,
        "comment": silence.comment,
        "matchers": silence.matchers,
        "services": list(silence.service_ids),
        "from": silence.starts_at.isoformat(),
        "until": silence.ends_at.isoformat(),
    }


@permits(Verb.SILENCE_WRITE)
async def update_silence(
    tx: Tx, actor: Actor, *, silence_id: int, entered: NewSilence, now: datetime
) -> Silence:
    """Change a silence and return it; a running one that would match other alerts expires, and a new one begins.

    An alert that the old one holds and the new one matches pages no one. Raise NotFound, Invalid, or Conflict if it
    has expired.
    """
    await catalog.hold_uses(tx)
    await timers.hold(tx, mute_actions.MUTE_TIMER, str(silence_id))
    old = await silence(tx, silence_id)
    rules.check_open(old, now)
    new = await _checked(tx, entered, now)
    if rules.is_replaced(old, new, now):
        created = await _create(tx, actor, old.author, new, now, replaced=1)
        await _expire(tx, actor, old, now)
        return created
    if old.state(now) is SilenceState.ACTIVE:
        new = replace(new, starts_at=old.starts_at)
    await store.update(tx, silence_id, new)
    await timers.schedule(tx, mute_actions.MUTE_TIMER, str(silence_id), new.ends_at)
    changed = await silence(tx, silence_id)
    await tx.audit(actor, "silence.changed", f"silence:{silence_id}", now, **_audited(changed))
    await tx.emit(SilencesChanged((silence_id,), "changed", actor.label), now)
    await tx.live(mute_actions.LIVE_TOPIC)
    return changed


@permits(Verb.SILENCE_WRITE)
async def extend_silence(tx: Tx, actor: Actor, *, silence_id: int, by: timedelta, now: datetime) -> Silence:
    """Extend a silence and keep its other current values; raise what `update_silence` raises."""
    await catalog.hold_uses(tx)
    await timers.hold(tx, mute_actions.MUTE_TIMER, str(silence_id))
    old = await silence(tx, silence_id)
    longer = NewSilence(old.matchers, old.comment, old.ends_at + by, old.starts_at, old.service_ids)
    return await update_silence(tx, actor, silence_id=silence_id, entered=longer, now=now)


@permits(Verb.SILENCE_WRITE)
async def expire_silence(tx: Tx, actor: Actor, *, silence_id: int, now: datetime) -> Silence:
    """End a silence now; alerts still firing that only it hid page as soon as this is committed.

    Raise NotFound, or Conflict if it has expired.
    """
    await timers.hold(tx, mute_actions.MUTE_TIMER, str(silence_id))
    old = await silence(tx, silence_id)
    rules.check_open(old, now)
    await _expire(tx, actor, old, now)
    return await silence(tx, silence_id)


async def _expire(tx: Tx, actor: Actor, old: Silence, now: datetime) -> None:
    await mute_store.end(tx, old.id, now)
    await timers.schedule(tx, mute_actions.MUTE_TIMER, str(old.id), now)
    await tx.audit(actor, "silence.expired", f"silence:{old.id}", now, comment=old.comment)
    await tx.emit(SilencesChanged((old.id,), "expired", actor.label), now)
    await tx.live(mute_actions.LIVE_TOPIC)


async def preview(tx: Tx, matchers_text: str, service_ids: Sequence[int], now: datetime) -> SilencePreview:
    """Return what a silence would silence now and would have silenced in the last 30 days; raise `Invalid`."""
    conditions = matchers.parse(rules.checked_matchers(matchers_text))
    async with past_alert_store.turn():
        return await _preview(tx, conditions, service_ids, now)


async def _preview(
    tx: Tx, conditions: Sequence[Matcher], service_ids: Sequence[int], now: datetime
) -> SilencePreview:
    labels = past_alert_columns.names_of(conditions)
    history = await past_alert_store.past_alerts(tx, now - PREVIEW_SPAN, labels)

    def is_covered(kind: AlertKind) -> bool:
        return not service_ids or (kind.routed_service_id or kind.service_id) in service_ids

    def compare() -> tuple[list[int], int]:
        matching = history.positions(lambda kind: is_covered(kind) and rules.is_silenced(conditions, kind))
        return list(matching), sum(1 for _ in history.positions(is_covered))

    matching, compared = await past_alert_store.compute(compare)
    firing = [history.ids[position] for position in matching if history.ends[position] == NEVER]
    groups = {history.groups[position] for position in matching if history.groups[position]}
    pages = await related_store.pages_of_groups(tx, groups)
    incidents = await related_store.incidents_of_pages(tx, set(pages.values()))
    return SilencePreview(
        firing=len(firing),
        firing_alerts=tuple(await read_store.alerts_by_id(tx, firing[-PREVIEW_LISTED:])),
        matching=len(matching),
        compared=compared,
        pages=len(set(pages.values())),
        incidents=len({incident for each in incidents.values() for incident in each}),
        is_partial=history.is_cut,
    )
