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
from firebell.paging.model import NotChanged, Page, PageState
from firebell.paging.page_steps import SteppedPages
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
    match action:
        case BulkAction.ACK:
            acknowledged = await actions.ack_waiting(tx, actor, page_ids, now)
            outcomes = {page.id: BulkOutcome(page.ref, Result.DONE, "", page.state) for page in acknowledged}
            for page_id in page_ids:
                if page_id not in outcomes and (outcome := await _acknowledge(tx, actor, page_id, now)):
                    outcomes[page_id] = outcome
        case BulkAction.RESOLVE:
            # services before pages, both by id: the order in which ingest locks them
            known = await actions.pages_by_id(tx, page_ids)
            service_ids = [page.service_id for page in known.values() if page.service_id is not None]
            await catalog.lock_services(tx, service_ids)
            outcomes = _outcomes(await actions.resolve_each(tx, actor, page_ids, now))
        case BulkAction.SNOOZE:
            until = now + timedelta(minutes=minutes)
            outcomes = _outcomes(await actions.snooze_each(tx, actor, page_ids, until, now))
    return [
        outcomes.get(page_id) or BulkOutcome(f"PG-{page_id}", Result.REFUSED, "no such page", None)
        for page_id in page_ids
    ]


def _outcomes(stepped: SteppedPages) -> dict[int, BulkOutcome]:
    """Return the outcome of each page that exists."""
    done = {page.id: BulkOutcome(page.ref, Result.DONE, "", page.state) for page in stepped.changed}
    refused = {page.id: _refusal(page, reason) for page, reason in stepped.refused}
    return {**done, **refused}


def _refusal(page: Page, reason: str) -> BulkOutcome:
    if page.state is PageState.RESOLVED:
        return BulkOutcome(page.ref, Result.UNCHANGED, "already resolved", page.state)
    return BulkOutcome(page.ref, Result.REFUSED, reason, page.state)


async def _acknowledge(tx: Tx, actor: Actor, page_id: int, now: datetime) -> BulkOutcome | None:
    """Acknowledge a page that needs more than one acknowledgment, or none; None if there is no such page."""
    try:
        ack = await actions.ack(tx, actor, page_id, now)
    except NotFound:
        return None
    except Conflict as refusal:
        reason = refusal.reason if isinstance(refusal, NotChanged) else refusal.message
        return _refusal(await actions.page(tx, page_id), reason)
    reason = ack.already or ("more acknowledgments needed" if ack.missing else "")
    return BulkOutcome(ack.page.ref, Result.UNCHANGED if ack.already else Result.DONE, reason, ack.page.state)


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
