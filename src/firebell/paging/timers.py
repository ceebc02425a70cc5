"""The timer of a page: enter the next level, page again, end a snooze, or alarm (spec 2.3 to 2.5)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM, Actor
from firebell.kit.jobs import timers
from firebell.kit.text import plural
from firebell.notify import actions as notify
from firebell.notify.notification_rules import NewDelivery, PlannedDelivery, can_wait, plan, reminder
from firebell.paging import log_writer, store
from firebell.paging.escalation import round_robin_store
from firebell.paging.escalation import state_machine as escalation
from firebell.paging.escalation.recipients import Recipients, load_recipients
from firebell.paging.escalation.round_robin import instead, turn_of
from firebell.paging.model import (
    COPY_KIND,
    SUBJECT_KIND,
    TIMER,
    UNANSWERED,
    NewLogEntry,
    Page,
    PageAcknowledged,
    PageState,
    Strategy,
)
from firebell.paging.night_limit import actions as night_limit_actions
from firebell.paging.night_limit import rules as night_limit
from firebell.paging.night_limit.rules import Nights
from firebell.paging.page_steps import store_changes
from firebell.people import actions as people


async def run(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Run the timers of pages and return those to keep: their page is locked. Void timers do nothing."""
    page_ids = [int(timer.key) for timer in due_timers]
    pages = {page.id: page for page in await store.lock_free(tx, page_ids)}
    missing = [i for i in page_ids if i not in pages]
    locked = set(await store.pages_by_id(tx, missing)) if missing else set()
    due_pages = [
        pages[i]
        for i, timer in zip(page_ids, due_timers, strict=True)
        if i in pages and timer.epoch == pages[i].epoch and _is_due(pages[i], now)
    ]
    unanswered: list[Page] = []
    entries: list[NewLogEntry] = []
    for page in due_pages:
        if page.state in UNANSWERED:
            unanswered.append(page)
        elif isinstance(reopened := escalation.step(page, escalation.Due(), now), Page):
            unanswered.append(reopened)
            text = "Acknowledgment timed out." if page.snoozed_until is None else "The snooze ended."
            entries.append(NewLogEntry.by(SYSTEM, page.id, "again", text))
    if entries:
        await log_writer.add_log(tx, entries, now)
    if unanswered:
        await _advance(tx, unanswered, now)
    return [timer for i, timer in zip(page_ids, due_timers, strict=True) if i in locked]


def _is_due(page: Page, now: datetime) -> bool:
    return page.due_at is not None and page.due_at <= now


async def _advance(tx: Tx, pages: Sequence[Page], now: datetime) -> None:
    """Enter the next level of each page, or raise its final alarm: save it, queue messages, add log entries."""
    recipients = await load_recipients(tx, pages, now, takes_turns=True)
    nights = await night_limit_actions.load_nights(tx, pages, recipients, now)
    unreached = await _unreached(tx, recipients, pages)
    changed: list[Page] = []
    deliveries: list[NewDelivery] = []
    entries: list[NewLogEntry] = []
    copies: dict[int, list[int]] = {}
    for old in pages:
        tried = recipients.notified.get(old.id, {})
        has_arrived = any(tried.values()) or not tried
        others = unreached.get(old.id, ())
        outcome = escalation.advance(
            replace(old, level=old.level - 1) if others else old,
            partial(recipients.reach, old),
            now,
            has_arrived=has_arrived,
            held=partial(recipients.held, old),
            pick=instead(old, others, recipients.pick(old, partial(night_limit.waits_for_turn, nights, old))),
        )
        page = outcome.page
        changed.append(page)
        entries += [_skipped(recipients, page, level) for level in outcome.skipped]
        entries += [_excluded(page, level) for level in outcome.excluded]
        match outcome:
            case escalation.Entered(people=own):
                recipients.take_turn(old, page)
                later = (
                    [i for i in recipients.reach(page, level) if i not in page.acks]
                    for level in range(page.level + 1, len(page.plan.levels))
                )
                backup = night_limit.backup(page, own, later, nights)
                reached = (*own, *backup)
                nights.note(page, reached)
                planned = _planned(recipients, reached, page.urgency, now, "page")
                earlier = sorted(tried.keys() - {*reached, *page.acks})
                is_again = bool(others) and (page.level, page.round) == (old.level, old.round)
                if page.epoch == old.epoch and not is_again:
                    planned += _reminders(recipients, page, earlier, now)
                entries.append(_entered(recipients, page, own, reached, is_again=is_again))
                entries += _limited(recipients, page, nights, own, backup)
                if shadows := recipients.shadowing(page, page.level, reached):
                    copies[page.id] = shadows
            case escalation.Answered():
                planned = []
                person = (await people.people_by_id(tx, page.acks)).get(page.acks[-1])
                entries.append(_answered(page, Actor("person", person.name, person.id) if person else SYSTEM))
                await tx.emit(PageAcknowledged(page.id, person.id if person else None), now)
            case escalation.Exhausted():
                reached = tuple(recipients.last_resort(page))
                nights.note(page, reached)
                planned = _planned(recipients, reached, "high", now, "alarm")
                entries.append(_exhausted(recipients, page, reached))
        rank = min(1, page.rank) if page.state is PageState.EXHAUSTED else page.rank
        deliveries += [
            NewDelivery(
                *(p, rank, SUBJECT_KIND, page.id, page.epoch, page.level, page.round),
                is_drill=page.plan.is_drill,
            )
            for p in planned
        ]
    if recipients.turns_taken:
        await round_robin_store.save_orders(tx, {i: recipients.orders[i] for i in recipients.turns_taken})
    await store_changes(tx, changed, now)
    await notify.queue(tx, deliveries, now)
    if copies:
        await notify.send_about(tx, COPY_KIND, copies, now)
    await log_writer.add_log(tx, entries, now)
    await night_limit_actions.record(tx, nights, now)


async def _unreached(tx: Tx, recipients: Recipients, pages: Sequence[Page]) -> dict[int, tuple[int, ...]]:
    """Return, by page, everyone else at its level with round robin if no message to those in turn can arrive."""
    turns = {
        page.id: turn_of(page, page.level, page.round)
        for page in pages
        if page.state is PageState.TRIGGERED
        and page.level >= 0
        and page.plan.levels[page.level].strategy is Strategy.ROUND_ROBIN
    }
    if not turns:
        return {}
    in_turn = await people.people_by_id(tx, [i for turn in turns.values() for i in turn])
    entered = [
        page
        for page in pages
        if page.id in turns
        and not any(recipients.notified[page.id].get(i) and in_turn[i].active for i in turns[page.id])
    ]
    if not entered:
        return {}
    levels = [(page.id, page.epoch, page.level, page.round) for page in entered]
    recipients_by_page = await notify.level_recipients(tx, SUBJECT_KIND, levels)
    tried = {
        i: each.notified for i, each in recipients_by_page.items() if each.notified and not each.reachable
    }
    return {
        page.id: tuple(
            i for i in recipients.reach(page, page.level) if i not in page.acks and i not in tried[page.id]
        )
        for page in entered
        if page.id in tried
    }


def _planned(
    recipients: Recipients, reached: Sequence[int], urgency: str, now: datetime, reason: str
) -> list[PlannedDelivery]:
    return [p for i in reached for p in plan(i, recipients.rules[urgency][i], now, reason)]


def _reminders(
    recipients: Recipients, page: Page, earlier: Sequence[int], now: datetime
) -> list[PlannedDelivery]:
    rules = recipients.rules[page.urgency]
    return [p for i in earlier if rules.get(i) for p in reminder(i, rules[i], now)]


def _skipped(recipients: Recipients, page: Page, level: int) -> NewLogEntry:
    text = (
        f"Everyone at level {level + 1} has already acknowledged."
        if recipients.reach(page, level)
        else f"Level {level + 1} had no one to notify."
    )
    return NewLogEntry.by(SYSTEM, page.id, "nobody", text, level=level)


def _excluded(page: Page, level: int) -> NewLogEntry:
    conditions = page.plan.levels[level].conditions
    text = f"Skipped level {level + 1}, which is only {conditions}."
    return NewLogEntry.by(SYSTEM, page.id, "excluded", text, level=level)


def _entered(
    recipients: Recipients, page: Page, own: Sequence[int], reached: Sequence[int], *, is_again: bool
) -> NewLogEntry:
    """Return the entry about a level with its `own` people; `reached` are all who are paged at it."""
    level = page.plan.levels[page.level]
    turn = ""
    if level.strategy is Strategy.ROUND_ROBIN:
        turn = ", everyone else" if is_again else ", in turn"
    text = f"Level {page.level + 1}: {recipients.names(own)} ({recipients.reason(page, page.level)}{turn})."
    if page.acks_needed > 1:
        text += f" {plural(page.acks_missing, 'acknowledgment')} needed."
    if can_wait(page.rank, "page") and (held := [i for i in own if i in recipients.held_until]):
        text += f" Held by quiet hours for {recipients.names(held)}."
    if shadows := recipients.shadowing(page, page.level, reached):
        text += f" A copy to {recipients.names(shadows)}, who {'shadow' if len(shadows) > 1 else 'shadows'}."
    data = {"level": page.level, "round": page.round, "people": list(reached)}
    return NewLogEntry.by(SYSTEM, page.id, "level", text, **data)


def _answered(page: Page, actor: Actor) -> NewLogEntry:
    """Return the entry about an acknowledgment that turned out to be enough; `actor` made the last one."""
    counted = plural(len(page.acks), "acknowledgment")
    text = f"Level {page.level + 1} needs no more than the {counted} so far."
    return NewLogEntry.by(actor, page.id, "acked", text, level=page.level)


def _limited(
    recipients: Recipients, page: Page, nights: Nights, reached: Sequence[int], backup: Sequence[int]
) -> list[NewLogEntry]:
    """Return the entry about the people in `backup`, who are paged because of the night limit; empty without any."""
    if not backup:
        return []
    limit = nights.limit_of(page).pages
    verb = "has" if len(reached) == 1 else "have"
    text = (
        f"Night limit: {recipients.names(reached)} {verb} had {limit} pages or more tonight. "
        f"Also paged: {recipients.names(backup)}."
    )
    data = {"over": list(reached), "people": list(backup), "limit": limit}
    return [NewLogEntry.by(SYSTEM, page.id, "night_limit", text, **data)]


def _exhausted(recipients: Recipients, page: Page, reached: Sequence[int]) -> NewLogEntry:
    sent = (
        f"Final alarm to {recipients.names(reached)}."
        if reached
        else "A drill has no final alarm."
        if page.plan.is_drill
        else "No one gets the final alarm: no fallback responder can be reached."
    )
    text = f"{page.exhausted_reason} {sent}"
    return NewLogEntry.by(SYSTEM, page.id, "exhausted", text, people=list(reached))


HANDLERS: dict[str, timers.Handler] = {TIMER: run}
