"""Records the outcome of calls to trackers, each in the transaction after its call (spec 11.10)."""

from datetime import datetime, timedelta

from firebell.action_items import notifying
from firebell.action_items.model import ActionItem
from firebell.action_items.trackers import link_store, store
from firebell.action_items.trackers.model import AuthMethod, LinkState, Tracker, TrackerLink
from firebell.action_items.trackers.vendor import Answer, Outcome
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM
from firebell.notify import actions as notify
from firebell.notify.model import Notice
from firebell.people import actions as people
from firebell.people.permissions import MANAGERS

RECHECK = timedelta(days=1)
"""How often a link is read although nothing says that it changed, and how soon one without access is tried again."""
FIRST_REST_S = 15.0
LONGEST_REST = timedelta(minutes=15)
SLOWEST_RETRY = timedelta(hours=6)
UNREADABLE = frozenset({Outcome.FORBIDDEN, Outcome.NOT_FOUND, Outcome.GONE, Outcome.MOVED, Outcome.REFUSED})
"""Outcomes after which an issue is not tried again before the next day."""


REMEDIES = {
    AuthMethod.TOKEN: "Enter a new token.",
    AuthMethod.APP: "Enter the private key of the app again.",
    AuthMethod.OAUTH: "Authorize Firebell again.",
}
"""What ends the stop of a tracker that refused Firebell."""


def retry_after(attempts: int) -> timedelta:
    """Return after how long the next attempt comes: half a minute, then twice as long each time."""
    return min(timedelta(seconds=30 * (1 << min(attempts, 12))), SLOWEST_RETRY)


async def note_success(tx: Tx, tracker: Tracker, now: datetime) -> None:
    """Record that a turn worked."""
    await store.change(tx, tracker.id, failures=0, rests_until=None, last_ok_at=now)
    if tracker.failures or tracker.last_ok_at is None:
        await tx.live("trackers")


async def note_failure(tx: Tx, tracker: Tracker, answer: Answer, now: datetime) -> None:
    """Record why a turn failed: stop a tracker whose token is refused, and let one rest that does not answer."""
    one = await store.lock(tx, tracker.id)
    if one is None or answer.outcome is Outcome.TOO_FAST:
        return
    await store.change(tx, one.id, last_error=answer.reason, last_error_at=now)
    if answer.outcome is Outcome.TOKEN_REFUSED:
        await _stop(tx, one, answer.reason, now)
    elif answer.outcome in (Outcome.RETRY, Outcome.UNKNOWN):
        rest = min(timedelta(seconds=FIRST_REST_S * (1 << min(one.failures, 10))), LONGEST_REST)
        await store.change(tx, one.id, failures=one.failures + 1, rests_until=now + rest)
    await tx.live("trackers")


async def _stop(tx: Tx, tracker: Tracker, reason: str, now: datetime) -> None:
    """Stop calling a tracker until someone enters a new token, and notify managers and admins."""
    if tracker.stopped_reason:
        return
    await store.change(tx, tracker.id, stopped_reason=reason or "The token was refused.")
    await tx.audit(SYSTEM, "tracker.stopped", f"tracker:{tracker.id}", now, name=tracker.name, reason=reason)
    remedy = REMEDIES[tracker.auth]
    notices = [
        Notice(
            f"tracker:{tracker.id}:stopped:{now.isoformat()}:{person.id}",
            person.id,
            "action",
            f"{tracker.name} is no longer synced",
            f"It refused Firebell ({reason}). {remedy} Firebell then syncs what changed in the meantime.",
            link=f"/settings/trackers/{tracker.id}",
        )
        for person in await people.people_with_role(tx, MANAGERS)
    ]
    await notify.send_notices(tx, notices, now)


async def note_unreadable(tx: Tx, link: TrackerLink, answer: Answer, now: datetime) -> None:
    """Record that an issue cannot be read or created; it is tried again the next day."""
    await link_store.change(
        tx,
        link.id,
        state=LinkState.ERROR,
        error=answer.reason,
        etag="",
        tried_at=now,
        is_changed=False,
        check_at=now + RECHECK,
    )
    await tx.live("actions")
    await tx.live("trackers")


async def note_gone(tx: Tx, tracker: Tracker, link: TrackerLink, item: ActionItem, now: datetime) -> None:
    """Record that an issue was deleted, and notify the owner and the lead; the item stays as it is."""
    if link.state is LinkState.GONE:
        return
    error = f"The issue was deleted in {tracker.name}."
    await link_store.change(tx, link.id, state=LinkState.GONE, error=error, tried_at=now, is_changed=False)
    await notifying.report_deleted_issue(tx, item, tracker.name, link.id, now)
    await tx.live("actions")
    await tx.live("trackers")


async def postpone(tx: Tx, link: TrackerLink, at: datetime, error: str = "") -> None:
    """Look at a link again at an instant."""
    await link_store.change(tx, link.id, check_at=at, error=error)
