"""Changes of pages: what all actions on them share."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from firebell.catalog import actions as catalog
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM, Actor
from firebell.kit.errors import NotFound
from firebell.kit.jobs import timers
from firebell.notify import actions as notify
from firebell.paging import ack_warnings, log_writer, store
from firebell.paging import live_topics as topics
from firebell.paging.escalation import state_machine as escalation
from firebell.paging.model import SUBJECT_KIND, TIMER, UNANSWERED, NewLogEntry, NotChanged, Page, PageState
from firebell.people.action_permissions import internal


@dataclass(frozen=True, slots=True)
class SteppedPages:
    """Pages after an event: those that it changed, and why it does not apply to the others."""

    changed: Sequence[Page]
    refused: Sequence[tuple[Page, str]]


async def store_changes(tx: Tx, changed: Sequence[Page], now: datetime) -> None:
    """Save pages and their timers: exactly one for each that has a due time (I1).

    Messages about a page that waits for no one any more are retracted.
    """
    if not changed:
        return
    await store.save(tx, changed)
    # the first plan of a page has no older one
    if replanned := [(page_.id, page_.epoch) for page_ in changed if page_.epoch > 1]:
        await notify.void_superseded(tx, SUBJECT_KIND, replanned)
    quiet = [
        notify.QuietSubject(page_.id, page_.epoch, page_.state is PageState.RESOLVED)
        for page_ in changed
        if page_.epoch > 1 and page_.state not in UNANSWERED
    ]
    if quiet:
        await notify.retract(tx, SUBJECT_KIND, quiet, now)
    await timers.schedule_many(
        tx, TIMER, [(str(p.id), p.due_at, p.epoch) for p in changed if p.due_at is not None]
    )
    await timers.cancel_many(tx, TIMER, [str(p.id) for p in changed if p.due_at is None])
    await ack_warnings.schedule(tx, changed)
    await topics.publish(tx, [p.id for p in changed])


async def step_all(
    tx: Tx,
    pages_: Iterable[Page],
    event: escalation.Event | Callable[[Page], escalation.Event],
    now: datetime,
) -> list[Page]:
    """Apply an event to locked pages; save and return those that it changes."""
    stepped = (escalation.step(page_, event(page_) if callable(event) else event, now) for page_ in pages_)
    changed = [result for result in stepped if isinstance(result, Page)]
    await store_changes(tx, changed, now)
    return changed


@internal("Called by the actions on pages.")
async def log_all(
    tx: Tx, pages_: Sequence[Page], kind: str, text: str, now: datetime, actor: Actor = SYSTEM
) -> None:
    """Append the same entry to the log of each page."""
    if pages_:
        await log_writer.add_log(tx, [NewLogEntry.by(actor, p.id, kind, text) for p in pages_], now)


async def end_unanswerable_levels(tx: Tx, pages_: Sequence[Page], now: datetime) -> list[Page]:
    """End the level of locked pages that wait only for people who left (I8); return the pages that it changes.

    A level that no one left waits its time, although all may have acknowledged.
    """
    waiting = [page_ for page_ in pages_ if page_.state is PageState.TRIGGERED and page_.level >= 0]
    if not waiting:
        return []
    levels = [(page_.id, page_.epoch, page_.level, page_.round) for page_ in waiting]
    recipients = await notify.level_recipients(tx, SUBJECT_KIND, levels)
    unanswerable = [
        page_
        for page_ in waiting
        if page_.id in recipients
        and recipients[page_.id].left
        and recipients[page_.id].reachable.issubset(page_.acks)
    ]
    return await end_levels(
        tx, unanswerable, "Everyone whom this level reached has left or has acknowledged.", now
    )


async def end_levels(tx: Tx, pages_: Sequence[Page], text: str, now: datetime) -> list[Page]:
    """Make the next level of locked pages due now, and log why; return those that were not due already."""
    ended = [
        replace(page_, due_at=now) for page_ in pages_ if page_.due_at is not None and page_.due_at > now
    ]
    await store_changes(tx, ended, now)
    await log_all(tx, ended, "unreached", text, now)
    return ended


async def page(tx: Tx, page_id: int) -> Page:
    """Return one page; raise `NotFound`."""
    page_ = await store.page(tx, page_id)
    if page_ is None:
        raise NotFound(f"There is no page PG-{page_id}.", command="firebell page list")
    return page_


async def lock_for(tx: Tx, page_id: int, *, resolving: bool = False) -> Page:
    """Lock and return one page, its service before it when `resolving`; raise `NotFound`."""
    unlocked = await page(tx, page_id) if resolving else None
    if unlocked and unlocked.subject_kind == "group" and unlocked.service_id is not None:
        # service before page: the order in which ingest locks them
        await catalog.lock_services(tx, [unlocked.service_id])
    locked = await store.lock(tx, [page_id])
    if not locked:
        raise NotFound(f"There is no page PG-{page_id}.", command="firebell page list")
    return locked[0]


def step_each(pages_: Iterable[Page], event: escalation.Event, now: datetime) -> SteppedPages:
    """Return pages after an event, each with its own outcome."""
    changed, refused = [], []
    for old in pages_:
        new = escalation.step(old, event, now)
        if isinstance(new, escalation.Refused):
            refused.append((old, new.reason))
        else:
            changed.append(new)
    return SteppedPages(changed, refused)


def step(old: Page, event: escalation.Event, now: datetime) -> Page:
    """Return a page after an event; raise `NotChanged` if it does not apply."""
    new = escalation.step(old, event, now)
    if isinstance(new, escalation.Refused):
        raise NotChanged(old.ref, new.reason)
    return new


@internal("The actions on pages check permissions.")
async def apply_event(
    tx: Tx, actor: Actor, old: Page, event: escalation.Event, kind: str, text: str, now: datetime
) -> Page:
    """Apply an event for an actor, and save, log and audit it; raise `NotChanged` if it does not apply."""
    new = step(old, event, now)
    await record_page_event(tx, actor, [new], kind, text, now)
    return new


@internal("The actions on pages check permissions.")
async def record_page_event(
    tx: Tx, actor: Actor, changed: Sequence[Page], kind: str, text: str, now: datetime
) -> None:
    """Save pages that an event of an actor changed, and log and audit it."""
    await store_changes(tx, changed, now)
    await log_all(tx, changed, kind, text, now, actor)
    await tx.audit_each(actor, f"page.{kind}", {page_.ref: {} for page_ in changed}, now)
