"""One action on many pages, each with its own outcome."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial

from firebell.catalog import actions as catalog
from firebell.kit.context import Context
from firebell.kit.db import deadlocks
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, NotFound
from firebell.paging import actions
from firebell.paging.model import NotChanged, PageState
from firebell.people.action_permissions import internal

BATCH = 25
"""Number of pages per transaction."""
LIMIT = 1000
"""Largest number of pages per request."""


class BulkAction(StrEnum):
    """The actions on many pages."""

    ACK = "ack"
    SNOOZE = "snooze"
    RESOLVE = "resolve"


class Result(StrEnum):
    """The result for one page: changed, already so, or refused."""

    DONE = "done"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class BulkOutcome:
    """The outcome for one page; `reason` says why it was not changed or still escalates, `state` is its state now."""

    ref: str
    result: Result
    reason: str
    state: PageState | None


async def act(
    ctx: Context, actor: Actor, action: BulkAction, page_ids: Sequence[int], minutes: int = 30
) -> list[BulkOutcome]:
    """Act on these pages, lowest id first, in batches of one transaction each."""
    ordered = sorted(set(page_ids))
    outcomes: list[BulkOutcome] = []
    for start in range(0, len(ordered), BATCH):
        batch = partial(_commit, ctx, actor, action, ordered[start : start + BATCH], minutes)
        outcomes += await deadlocks.repeated(batch)
    return outcomes


async def _commit(
    ctx: Context, actor: Actor, action: BulkAction, page_ids: Sequence[int], minutes: int
) -> list[BulkOutcome]:
    async with ctx.db.tx() as tx:
        return await act_on_batch(tx, actor, action, page_ids, minutes, ctx.clock.now())


@internal("The actions on pages check permissions.")
async def act_on_batch(
    tx: Tx, actor: Actor, action: BulkAction, page_ids: Sequence[int], minutes: int, now: datetime
) -> list[BulkOutcome]:
    """Act on these pages, which are in the order of their ids, in one transaction."""
    if action is BulkAction.RESOLVE:
        # services before pages, both by id: the order in which ingest locks them
        known = await actions.pages_by_id(tx, page_ids)
        await catalog.lock_services(tx, [p.service_id for p in known.values() if p.service_id is not None])
    changed = await actions.ack_waiting(tx, actor, page_ids, now) if action is BulkAction.ACK else []
    done = {page.id: BulkOutcome(page.ref, Result.DONE, "", page.state) for page in changed}
    return [done.get(page_id) or await _one(tx, actor, action, page_id, minutes, now) for page_id in page_ids]


async def _one(
    tx: Tx, actor: Actor, action: BulkAction, page_id: int, minutes: int, now: datetime
) -> BulkOutcome:
    ref, already, waits = f"PG-{page_id}", None, ""
    try:
        match action:
            case BulkAction.ACK:
                ack = await actions.ack(tx, actor, page_id, now)
                page, already = ack.page, ack.already
                waits = "more acknowledgments needed" if ack.missing else ""
            case BulkAction.RESOLVE:
                page = await actions.page(tx, page_id)
                if page.state is PageState.RESOLVED:
                    already = "already resolved"
                else:
                    page = await actions.resolve(tx, actor, page_id, now)
            case BulkAction.SNOOZE:
                page = await actions.snooze(tx, actor, page_id, now + timedelta(minutes=minutes), now)
    except NotFound:
        return BulkOutcome(ref, Result.REFUSED, "no such page", None)
    except Conflict as refusal:
        state = (await actions.page(tx, page_id)).state
        if state is PageState.RESOLVED:
            return BulkOutcome(ref, Result.UNCHANGED, "already resolved", state)
        reason = refusal.reason if isinstance(refusal, NotChanged) else refusal.message
        return BulkOutcome(ref, Result.REFUSED, reason, state)
    return BulkOutcome(ref, Result.UNCHANGED if already else Result.DONE, already or waits, page.state)


_PAST_TENSE = {
    BulkAction.ACK: "acknowledged",
    BulkAction.SNOOZE: "snoozed",
    BulkAction.RESOLVE: "resolved",
}
_LISTED_REFS = 3
"""Number of pages that a summary lists per reason."""


def summary(action: BulkAction, outcomes: Sequence[BulkOutcome]) -> str:
    """Return one sentence per result, the changed pages first."""
    done = sum(o.result is Result.DONE for o in outcomes)
    sentences = (
        [f"{done} {_PAST_TENSE[action]}."] if done or not outcomes else [f"None {_PAST_TENSE[action]}."]
    )
    reasons: dict[tuple[Result, str], list[str]] = {}
    for outcome in outcomes:
        if outcome.reason:
            reasons.setdefault((outcome.result, outcome.reason), []).append(outcome.ref)
    for (result, reason), refs in reasons.items():
        more = len(refs) - _LISTED_REFS
        named = ", ".join(refs[:_LISTED_REFS]) + (f" and {more} more" if more > 0 else "")
        if result is Result.UNCHANGED:
            sentences.append(f"{named} {'was' if len(refs) == 1 else 'were'} {reason}.")
        else:
            sentences.append(f"{named}: {reason}.")
    return " ".join(sentences)
