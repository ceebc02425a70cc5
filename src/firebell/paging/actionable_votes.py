"""Whether a page was actionable, as people say; the latest answer of each counts (spec 11.11)."""

from dataclasses import dataclass
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Forbidden
from firebell.paging import actionable_vote_store, actions
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb


@dataclass(frozen=True, slots=True)
class Votes:
    """How many people said what about a page, and what the reader said; who said what is shown to no one."""

    actionable: int
    not_actionable: int
    mine: bool | None


async def votes(tx: Tx, page_id: int, reader_id: int | None) -> Votes:
    """Return what people said about a page."""
    answers = await actionable_vote_store.votes(tx, page_id)
    actionable = sum(answers.values())
    return Votes(actionable, len(answers) - actionable, answers.get(reader_id or 0))


@permits(Verb.PAGE_RESPOND)
async def vote(tx: Tx, actor: Actor, page_id: int, is_actionable: bool, now: datetime) -> Votes:
    """Store whether a page was actionable, instead of an earlier answer of the same person. Idempotent."""
    page = await actions.page(tx, page_id)
    if actor.person_id is None:
        raise Forbidden("Only a person can say whether a page was actionable.", hint="Sign in to answer.")
    before = await votes(tx, page_id, actor.person_id)
    if before.mine is is_actionable:
        return before
    await actionable_vote_store.save(tx, page_id, actor.person_id, is_actionable, now)
    await tx.audit(actor, "page.voted", page.ref, now)
    await tx.live(f"pg-{page_id}")
    return await votes(tx, page_id, actor.person_id)
