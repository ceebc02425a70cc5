"""What a person asks of a tracker at once: checking the connection, a test issue, and a sync that changes nothing.

These call the tracker while the person waits, and hold no transaction.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.action_items import store as item_store
from firebell.action_items.model import ItemState
from firebell.action_items.trackers import actions, link_store, store
from firebell.action_items.trackers.call_outcomes import REMEDIES
from firebell.action_items.trackers.compared_values import directions, our_values, their_values
from firebell.action_items.trackers.issue_text import marker_line
from firebell.action_items.trackers.model import (
    FIELD_NAMES,
    ConnectionCheck,
    Draft,
    LinkState,
    SyncField,
    Tracker,
    Value,
)
from firebell.action_items.trackers.session import Session
from firebell.action_items.trackers.three_way import merge
from firebell.action_items.trackers.vendor import CallFailed, Outcome
from firebell.kit.context import Context
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict

DRY_RUN_LINKS = 20
_ADVICE = {
    Outcome.FORBIDDEN: "The token may not do this. Give it more rights in the tracker.",
    Outcome.NOT_FOUND: "It isn’t there, or the token can’t see it.",
    Outcome.MOVED: "It was renamed or moved. Add it again with its new name.",
    Outcome.TOO_FAST: "Firebell called it too often. Try again in a few minutes.",
    Outcome.RETRY: "It does not answer. Check the address and the network.",
    Outcome.UNKNOWN: "It did not answer in time. Check there whether the issue was created.",
}


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """What a sync would do with one field of one link; `to` is `here` or `there`."""

    item_ref: str
    issue_key: str
    field: str
    here: Value
    there: Value
    to: str
    is_conflict: bool


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a sync would do now, and what could not be read."""

    changes: Sequence[PlannedChange]
    links: int
    problems: Sequence[str]


def advice(failure: CallFailed, tracker: Tracker) -> str:
    """Return what to do about a call that failed, with the tracker's own words."""
    text = _ADVICE.get(failure.answer.outcome, "It refused the call.")
    if failure.answer.outcome is Outcome.TOKEN_REFUSED:
        text = f"It refused Firebell. {REMEDIES[tracker.auth]}"
    return f"{text} ({failure.answer.reason})" if failure.answer.reason else text


async def _session(ctx: Context, tracker_id: int) -> Session:
    async with ctx.db.tx() as tx:
        tracker = await actions.tracker(tx, tracker_id)
    return Session(ctx, tracker)


async def check_connection(ctx: Context, tracker_id: int) -> list[ConnectionCheck]:
    """Return what works and what does not, the tracker's answer included; raise `NotFound`."""
    session = await _session(ctx, tracker_id)
    try:
        return list(await session.vendor.api.check(session.call, session.tracker))
    except CallFailed as failure:
        return [ConnectionCheck("late", advice(failure, session.tracker))]


async def send_test(ctx: Context, actor: Actor, tracker_id: int, now: datetime) -> str:
    """Create an issue, close it, and return its address; raise `Conflict` if the tracker refuses."""
    session = await _session(ctx, tracker_id)
    marker = str(uuid.uuid4())
    last_line = marker_line(marker) if session.vendor.has_markdown else f"Firebell {marker}"
    text = f"Firebell can create and close issues here. Nothing is linked to this one.\n\n{last_line}"
    draft = Draft(marker, "ACT-0", "Test from Firebell", text, {})
    api = session.vendor.api
    try:
        issue_id = await api.create(session.call, session.tracker, draft)
        issue = await api.read(session.call, session.tracker, issue_id)
    except CallFailed as failure:
        raise Conflict(
            f"{session.tracker.name} created no issue. {advice(failure, session.tracker)}"
        ) from failure
    async with ctx.db.tx() as tx:
        subject = f"tracker:{session.tracker.id}"
        await tx.audit(actor, "tracker.tested", subject, now, name=session.tracker.name, issue=issue.key)
    await ctx.pace.sleep(session.vendor.write_pause_s)
    try:
        await api.push(session.call, session.tracker, issue, {SyncField.STATE: str(ItemState.DONE)})
    except CallFailed as failure:
        raise Conflict(
            f"{session.tracker.name} created {issue.key}, but did not close it. {advice(failure, session.tracker)}",
            hint=f"Close it there: {issue.url}",
        ) from failure
    return issue.url


async def dry_run(ctx: Context, tracker_id: int) -> DryRun:
    """Return what a sync would change now on both sides, of at most 20 links that the reader may see."""
    session = await _session(ctx, tracker_id)
    tracker = session.tracker
    async with ctx.db.tx() as tx:
        links = await link_store.of_tracker(tx, tracker.id, DRY_RUN_LINKS)
        items = await item_store.by_id(tx, [link.item_id for link in links])
        users = {user.person_id: user for user in await store.users(tx, tracker.id)}
        hidden = await actions.hidden_from(tx, tracker, items.values())
    changes: list[PlannedChange] = []
    problems: list[str] = []
    for link in links:
        item = items.get(link.item_id)
        if item is None or item.id in hidden or link.external_id is None or link.state is LinkState.GONE:
            continue
        try:
            issue = await session.vendor.api.read(session.call, tracker, link.external_id)
        except CallFailed as failure:
            problems.append(f"{item.ref}: {advice(failure, session.tracker)}")
            if failure.answer.outcome in (Outcome.TOKEN_REFUSED, Outcome.TOO_FAST, Outcome.RETRY):
                break
            continue
        if issue.is_deleted:
            problems.append(f"{item.ref}: The issue was deleted there.")
            continue
        ours = our_values(item, session.vendor, users)
        theirs = their_values(issue, ours)
        plan = merge(link.snapshot, ours, theirs, directions(session.vendor, tracker), link.standoffs)
        both = {conflict.field for conflict in plan.conflicts}
        for to, fields in (("here", plan.take), ("there", plan.push)):
            changes += [
                PlannedChange(
                    item.ref, issue.key, FIELD_NAMES[name], ours[name], theirs[name], to, name in both
                )
                for name in fields
            ]
    return DryRun(changes, len(links), problems)
