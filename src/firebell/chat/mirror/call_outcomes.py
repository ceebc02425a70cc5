"""Records what calls of a chat answered, each in the transaction after its call (spec 8.9 and 8.11)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.chat import store
from firebell.chat.adapter_base.adapter import Call, CallFailed, Done, Trouble
from firebell.chat.adapter_base.operations import Op, OpKind
from firebell.chat.mirror import object_store, room_members
from firebell.chat.mirror import plan as mirror_plan
from firebell.chat.mirror.targets import Target
from firebell.chat.model import Account, AccountState, ObjectState, RoomState
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM

MAX_WAIT_S = 300
MAX_ATTEMPTS = 295
"""Attempts after 1, 2, 4 ... 300 seconds that take 24 hours."""
SKIP_FOR = timedelta(hours=24)
"""How long a call that the chat does not permit is left out; a new token ends it."""
_MAKES = (OpKind.POST, OpKind.CREATE_ROOM, OpKind.FIND_MEMBER)


@dataclass(frozen=True, slots=True)
class Record:
    """What an outcome is recorded about."""

    tx: Tx
    account: Account
    target_key: str
    target: Target
    op: Op
    call: Call
    now: datetime

    @property
    def incident_id(self) -> int | None:
        """The incident that the target is about, None for another target."""
        return self.target.facts.id if self.target.facts else None


async def done(record: Record, outcome: Done) -> None:
    """Record a call that succeeded."""
    op, tx, account = record.op, record.tx, record.account
    hashes = op.hashes
    room = record.target.room
    if op.kind is OpKind.CREATE_ROOM:
        await _room_is_open(record, outcome)
    elif op.kind is OpKind.RENAME and room and op.in_room:
        await store.change_room(tx, room.id, name=outcome.name or record.call.name, renamed_at=record.now)
    elif op.kind is OpKind.ARCHIVE and room and op.in_room:
        await store.change_room(tx, room.id, state=RoomState.ARCHIVED)
    elif op.kind is OpKind.DELETE:
        hashes = tuple(mirror_plan.REMOVED for _ in op.keys)
    elif op.kind is OpKind.REMOVE and room:
        await _user_is_removed(record)
        return
    await object_store.sent(
        tx,
        account.id,
        op.keys,
        hashes,
        ts=outcome.ts,
        channel=outcome.channel,
        urgent=op.urgent,
        posted=op.kind is OpKind.POST,
        now=record.now,
    )
    if outcome.missing:
        await object_store.note_error(tx, account.id, op.key, f"Not invited: {', '.join(outcome.missing)}")
    await store.note_ok(tx, account.id, record.now)


async def _user_is_removed(record: Record) -> None:
    """Forget the removal and the invitation: a user who may read again is invited again."""
    room = record.target.room
    assert room
    (user,) = record.op.value
    await store.remove_invited(record.tx, room.id, user)
    keys = [record.op.key, room_members.invitation_key(room.incident_id)]
    await object_store.forget(record.tx, record.account.id, keys)
    subject = f"INC-{room.incident_id}"
    await record.tx.audit(SYSTEM, "chat.user_removed", subject, record.now, user=user, channel=room.name)
    await store.note_ok(record.tx, record.account.id, record.now)


async def _room_is_open(record: Record, outcome: Done) -> None:
    room = record.target.room
    assert room
    await store.change_room(
        record.tx,
        room.id,
        state=RoomState.OPEN,
        external_id=outcome.channel,
        name=outcome.name or record.call.name,
        created_at=record.now,
        renamed_at=record.now,
    )
    await record.tx.live(f"inc-{record.incident_id}")


async def adopt(record: Record, outcome: Done | None) -> None:
    """Record what a call of unknown outcome made; without anything it is made again."""
    op, tx, account = record.op, record.tx, record.account
    if outcome is None:
        await object_store.failed(
            tx, account.id, op.keys, ObjectState.NONE, "", retry_at=None, now=record.now
        )
        return
    if op.kind is OpKind.FIND_ROOM:
        await _room_is_open(record, outcome)
        hashes = op.hashes
    else:
        # what it shows may be older than what is wanted: it is edited next
        hashes = tuple("" for _ in op.keys)
    await object_store.sent(
        tx,
        account.id,
        op.keys,
        hashes,
        ts=outcome.ts,
        channel=outcome.channel,
        urgent="",
        posted=True,
        now=record.now,
    )


def wait_s(attempts: int) -> float:
    """Return the pause after that number of failed attempts: 1, 2, 4 ... at most 300 seconds."""
    return float(min(MAX_WAIT_S, 2 ** min(attempts, 9)))


async def failed(record: Record, failure: CallFailed, jitter: float) -> None:
    """Record a call that failed, and when it is made again."""
    op, tx, account, now = record.op, record.tx, record.account, record.now
    thing = record.target.actual.get(op.key)
    attempts = thing.attempts if thing else 0
    pause = timedelta(seconds=max(failure.after_s or 0, wait_s(attempts) * jitter))
    state = ObjectState.NONE if op.kind in _MAKES else ObjectState.SENT
    retry_at: datetime | None = now + pause
    error = failure.code
    is_find = op.kind in (OpKind.FIND_POST, OpKind.FIND_ROOM)
    match failure.trouble:
        case Trouble.UNKNOWN if is_find or op.kind in (OpKind.POST, OpKind.CREATE_ROOM):
            state = ObjectState.UNKNOWN
        case Trouble.RETRY | Trouble.UNKNOWN | Trouble.LIMITED:
            state = ObjectState.UNKNOWN if is_find else state
        case Trouble.SKIPPED if is_find:
            # no one can tell whether it arrived: it is sent once more and may arrive twice
            state, retry_at = ObjectState.NONE, None
        case Trouble.SKIPPED:
            retry_at = now + SKIP_FOR
        case Trouble.TAKEN if op.kind is OpKind.CREATE_ROOM and record.target.room:
            await store.change_room(tx, record.target.room.id, attempt=record.target.room.attempt + 1)
            retry_at, error = None, ""
        case Trouble.TAKEN if op.kind is OpKind.RENAME:
            # the old name is as good
            await done(record, Done(name=record.target.room.name if record.target.room else ""))
            return
        case Trouble.NO_ROOMS if record.target.room:
            await store.change_room(tx, record.target.room.id, state=RoomState.THREAD)
            state = ObjectState.DEAD
        case Trouble.ROOM_GONE if op.in_room and record.target.room:
            await store.change_room(tx, record.target.room.id, state=RoomState.LOST)
            await tx.live(f"inc-{record.incident_id}")
            retry_at, error = None, ""
        case Trouble.MESSAGE_GONE:
            await _message_gone(record, thing.posts if thing else 0)
            return
        case Trouble.ACCOUNT:
            await _account_is_broken(record, failure.code)
            retry_at = None
        case _:
            state = ObjectState.DEAD
    if attempts >= MAX_ATTEMPTS:
        state = ObjectState.DEAD
    await object_store.failed(tx, account.id, op.keys, state, error, retry_at=retry_at, now=now)


async def _message_gone(record: Record, posts: int) -> None:
    """Post a message that someone deleted again, three times at most."""
    tx, account = record.tx, record.account
    await object_store.forget_message(tx, account.id, record.op.keys)
    if posts >= mirror_plan.REPOSTS:
        await object_store.failed(
            tx, account.id, record.op.keys, ObjectState.DEAD, "CH-LOST", retry_at=None, now=record.now
        )


async def _account_is_broken(record: Record, code: str) -> None:
    """Call nothing in this account until it has a new token; what is wanted stays."""
    await store.set_state(record.tx, record.account.id, AccountState.BROKEN, code, record.now)
    await record.tx.audit(SYSTEM, "chat.broken", f"chat:{record.account.name}", record.now, reason=code)
