"""Performs actions that were pressed while a browser was offline: once, and only if they still apply."""

from dataclasses import dataclass
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.paging import actions, page_steps, single_use_store, store
from firebell.paging.model import Page, PageState
from firebell.paging.offline_checks import ActionKind, DelayedAction, Stale, objection, position, same_plan
from firebell.people import actions as people
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb


@dataclass(frozen=True, slots=True)
class OfflineOutcome:
    """The page after an action; `already` says why nothing changed.

    `position` is the position for the same person's next action, "" if something else changed the page too. A
    repeated action returns it again while the page is as the action left it: the first answer may be lost.
    """

    page: Page
    already: str | None
    position: str


@permits(Verb.PAGE_RESPOND)
async def perform(tx: Tx, actor: Actor, page_id: int, action: DelayedAction, now: datetime) -> OfflineOutcome:
    """Perform an action once per key; raise `Stale` if it must be confirmed, `Conflict` if it is impossible."""
    if action.kind is ActionKind.ACK and actor.person_id is not None:
        # person before page: the order in which an acknowledgment locks them
        await people.hold_active(tx, actor.person_id)
    page = await page_steps.lock_for(tx, page_id, resolving=action.kind is ActionKind.RESOLVE)
    # a key belongs to a person and a page: no one can use up the key of another
    key = f"action/{actor.person_id}/{page_id}/{action.key}"
    if not await single_use_store.use(tx, key, now):
        is_unchanged = await single_use_store.is_used(tx, f"{key}/{position(page)}")
        return OfflineOutcome(page, "already done", position(page) if is_unchanged else "")
    if page.state is PageState.RESOLVED:
        return OfflineOutcome(page, f"already resolved by {await _resolver(tx, page_id)}", "")
    if reason := objection(page, action, now):
        raise Stale(reason, hint="Send it again if you still want it.")
    unchanged = same_plan(page, action.position)
    already = None
    match action.kind:
        case ActionKind.ACK:
            result = await actions.ack(tx, actor, page_id, now)
            page, already = result.page, result.already
        case ActionKind.RESOLVE:
            page = await actions.resolve(tx, actor, page_id, now)
        case ActionKind.ESCALATE:
            page = await actions.escalate(tx, actor, page_id, now)
        case ActionKind.SNOOZE:
            page = await actions.snooze(tx, actor, page_id, action.snooze_until, now)
    if not unchanged:
        return OfflineOutcome(page, already, "")
    await single_use_store.use(tx, f"{key}/{position(page)}", now)
    return OfflineOutcome(page, already, position(page))


async def _resolver(tx: Tx, page_id: int) -> str:
    return next((e.actor for e in reversed(await store.log(tx, page_id)) if e.kind == "resolved"), "someone")
