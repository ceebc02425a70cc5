"""What is done with sessions, and how everything that acts for a person ends."""

from datetime import datetime, timedelta

from firebell.kit.db.database import Reads, Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import NotFound
from firebell.people.action_permissions import permits
from firebell.people.api_keys import store as key_store
from firebell.people.model import AccessRevoked, Session
from firebell.people.permissions import Verb
from firebell.people.sessions import store as session_store

IDLE_LIMIT = timedelta(days=14)
"""How long a session lasts without being used."""
AGE_LIMIT = timedelta(days=90)
"""How long a session lasts at most."""
TOUCH_INTERVAL = timedelta(minutes=5)
"""How often the use of a session is recorded at most."""


def topic(person_id: int) -> str:
    """Return the live topic that changes when sessions of a person end."""
    return f"sessions-{person_id}"


def expires_at(created_at: datetime, last_used_at: datetime) -> datetime:
    """Return when a session ends unless it is used again."""
    return min(created_at + AGE_LIMIT, last_used_at + IDLE_LIMIT)


async def sessions(tx: Reads, person_id: int, now: datetime) -> list[Session]:
    """Return a person's sessions, most recently used first."""
    return await session_store.sessions(tx, person_id, now)


async def delete_all(tx: Tx, person_id: int, keep: int | None = None) -> int:
    """End every session of a person but `keep`, with its event streams; return their number."""
    ended = await session_store.delete_sessions(tx, person_id, keep)
    await tx.live(topic(person_id))
    return ended


@permits(Verb.SESSION_END, own="person_id")
async def end(tx: Tx, actor: Actor, person_id: int, session_id: int, now: datetime) -> None:
    """End one session of a person; raise `NotFound` when there is no such session."""
    if not await session_store.delete_session(tx, person_id, session_id):
        raise NotFound("There is no such session, or it has ended.")
    await tx.live(topic(person_id))
    await tx.audit(actor, "session.ended", f"person:{person_id}", now, session=session_id)


@permits(Verb.SESSION_END, own="person_id")
async def end_all(tx: Tx, actor: Actor, person_id: int, now: datetime, *, keep: int | None = None) -> int:
    """Sign a person out everywhere, but in the session `keep`; return how many sessions ended."""
    ended = await delete_all(tx, person_id, keep)
    await tx.audit(actor, "session.all_ended", f"person:{person_id}", now, sessions=ended)
    return ended


async def revoke_access(tx: Tx, person_id: int, now: datetime) -> int:
    """Revoke a person's API keys and feeds for good; return how many keys that were."""
    revoked = await key_store.revoke_keys(tx, person_id, now)
    await tx.emit(AccessRevoked(person_id), now)
    return revoked


@permits(Verb.ACCESS_REVOKE, own="person_id")
async def revoke_own_access(tx: Tx, actor: Actor, person_id: int, now: datetime) -> None:
    """Revoke every API key and feed of a person at once."""
    revoked = await revoke_access(tx, person_id, now)
    await tx.audit(actor, "person.access_revoked", f"person:{person_id}", now, keys=revoked)
