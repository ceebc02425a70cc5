"""Short-lived undo: an action's audit entry stores how to revert it, and a token identifies the entry."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from firebell.kit.db.database import Row, Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.signing import Signer

UNDO_WITHIN = timedelta(seconds=10)
"""How long undo is offered."""
ACCEPTED_WITHIN = timedelta(seconds=60)
"""How long undo is accepted; the offer stays visible while hovered or focused."""
LATEST = "latest"
"""The token for the caller's newest undoable action."""
RECENT_ENTRIES = 2000
"""Number of newest audit entries that are searched for a recent action."""
_PURPOSE = "undo"
_TOKEN_LASTS = timedelta(days=1)
"""How long a token stays readable, so that a late use gets a hint about the next step."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A token that undoes one action, and when it expires."""

    token: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """The audit entry of an action to undo."""

    id: int
    at: datetime
    actor_id: int | None
    actor_label: str
    action: str
    subject: str
    detail: dict[str, Any]

    @property
    def subject_id(self) -> int:
        """The number of a subject such as `policy:7`."""
        return int(self.subject.partition(":")[2])


def too_late(hint: str) -> Conflict:
    """Return the error for an undo that is too late; `hint` is the next step."""
    return Conflict("It’s too late to undo this.", hint=hint)


def changed_since(what: str, hint: str) -> Conflict:
    """Return the error for an undo that would overwrite a later change."""
    return Conflict(f"Not undone: {what}", hint=hint)


def _entry(row: Row) -> Entry:
    return Entry(**dict(row.items()))


async def _latest(tx: Tx, person_id: int | None, actions: Collection[str], since: datetime) -> Entry | None:
    """Return the person's newest entry of these actions after `since` that is not final and was not undone."""
    row = await tx.row(
        """
        select id, at, actor_id, actor_label, action, subject, detail
        from (select * from audit order by id desc limit $4) as recent
        where actor_id = $1
            and action = any($2::text[])
            and at > $3
            and not coalesce((detail ->> 'final')::boolean, false)
            and not exists (select from audit undone where undone.subject = 'audit:' || recent.id)
        order by id desc
        limit 1
        """,
        person_id,
        list(actions),
        since,
        RECENT_ENTRIES,
    )
    return _entry(row) if row else None


async def offer(
    tx: Tx, signer: Signer, actor: Actor, action: str, now: datetime, *, within: timedelta = UNDO_WITHIN
) -> Offer | None:
    """Return the undo offer for the actor's action at `now`; None if it changed nothing or is final."""
    entry = await _latest(tx, actor.person_id, [action], now - timedelta.resolution)
    if entry is None:
        return None
    token = signer.sign(_PURPOSE, {"audit": entry.id}, now + _TOKEN_LASTS)
    return Offer(token, entry.at + within)


async def find(
    tx: Tx, signer: Signer, actor: Actor, token: str, actions: Collection[str], now: datetime
) -> Entry:
    """Return the entry that a token names, locked; raise `NotFound` for a token that names none."""
    if token == LATEST:
        latest = await _latest(tx, actor.person_id, actions, now - ACCEPTED_WITHIN)
        if latest is None:
            raise too_late(f"Undo is offered for {UNDO_WITHIN.seconds} seconds after you act.")
        entry_id = latest.id
    else:
        try:
            entry_id = int(signer.open(_PURPOSE, token, now)["audit"])
        except Invalid as exc:
            raise NotFound(
                "This undo token is damaged or old.", hint="Use the token from the response."
            ) from exc
    row = await tx.row(
        """
        select id, at, actor_id, actor_label, action, subject, detail
        from audit
        where id = $1
        for update
        """,
        entry_id,
    )
    if row is None or row["action"] not in actions:
        raise NotFound("There is no such action to undo.", hint="Use the token from the response.")
    return _entry(row)


async def check(tx: Tx, actor: Actor, entry: Entry, now: datetime, hint: str) -> None:
    """Raise `Conflict` unless the actor did it seconds ago and it was not undone; `hint` is the next step."""
    if entry.actor_id is None or entry.actor_id != actor.person_id:
        raise Conflict(
            f"Not undone: {entry.actor_label} did this.", hint=f"Only {entry.actor_label} can undo it."
        )
    if await tx.value("select exists (select from audit where subject = $1)", f"audit:{entry.id}"):
        raise Conflict("This has already been undone.", hint="Nothing more to do.")
    if now - entry.at > ACCEPTED_WITHIN:
        raise too_late(hint)


async def record(tx: Tx, actor: Actor, entry: Entry, now: datetime) -> None:
    """Record that an action was undone, so that it cannot be undone again."""
    await tx.audit(actor, "action.undone", f"audit:{entry.id}", now, undone=entry.action, of=entry.subject)
