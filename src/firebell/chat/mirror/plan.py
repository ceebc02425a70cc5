"""Compare what is wanted with what is in a chat, and plan the calls between them (spec 8.11); pure.

Applying a whole plan and planning again gives nothing, and the order in which changes happened does not matter:
what was overwritten is never sent.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from firebell.chat.adapter_base.message_model import Content
from firebell.chat.adapter_base.operations import Desired, Op, OpKind, Wanted, WantedKind
from firebell.chat.mirror import messages as mirror_messages
from firebell.chat.model import Capabilities, ChatObject, ObjectState, Room, RoomState

SINGLE_LINES = 3
"""Number of entries that wait for one place and are messages of their own; more are lines of a digest."""
DIGEST_LINES = 10
LATE_AFTER = timedelta(minutes=10)
"""Entries that wait longer are sent in one digest that says so."""
LATE_DIGEST_LINES = 400
LONGEST_RETRY = timedelta(minutes=30)
"""A call that is left out for longer is one that the chat does not permit, not one that waits."""
REPOSTS = 3
"""How often a message that people delete is posted again."""
REMOVED = "removed"
"""The hash of an object that was deleted, and must stay so."""

_UPDATES = {
    WantedKind.PIN: OpKind.PIN,
    WantedKind.TOPIC: OpKind.TOPIC,
    WantedKind.PURPOSE: OpKind.PURPOSE,
    WantedKind.NAME: OpKind.RENAME,
    WantedKind.BOOKMARK: OpKind.BOOKMARK,
    WantedKind.MEMBER: OpKind.FIND_MEMBER,
    WantedKind.INVITE: OpKind.INVITE,
    WantedKind.REMOVE: OpKind.REMOVE,
    WantedKind.GROUP: OpKind.GROUP,
    WantedKind.ARCHIVE: OpKind.ARCHIVE,
}
"""The calls that can be repeated: the chat ends in the same state."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The calls to make, in order, and when to plan again although nothing changes."""

    ops: tuple[Op, ...]
    next_at: datetime | None = None
    is_retrying: bool = False
    """A call failed and will be made again: the chat does not show everything yet."""


class _Planner:
    def __init__(
        self, actual: Mapping[str, ChatObject], room: Room | None, can: Capabilities, now: datetime
    ) -> None:
        self.actual = actual
        self.room = room
        self.can = can
        self.now = now
        self.ops: list[Op] = []
        self.times: list[datetime] = []
        self.room_key = ""
        self.is_retrying = False

    def waits(self, want: Wanted, thing: ChatObject | None) -> bool:
        """Return True if nothing is done about it now; remember when it may be."""
        if thing is None:
            return False
        if thing.state is ObjectState.DEAD:
            return thing.sent_hash == want.hash or thing.posts >= REPOSTS
        if thing.retry_at and thing.retry_at > self.now:
            self.times.append(thing.retry_at)
            self.is_retrying |= thing.retry_at - self.now <= LONGEST_RETRY
            return True
        return False

    def settles(self, want: Wanted, thing: ChatObject) -> bool:
        """Return True if a change waits because the last one is too recent."""
        if not want.settle_s or thing.sent_at is None or thing.sent_urgent != want.urgent:
            return False
        free_at = thing.sent_at + timedelta(seconds=want.settle_s)
        if free_at <= self.now:
            return False
        self.times.append(free_at)
        return True

    def add(self, kind: OpKind, want: Wanted, **changes: object) -> None:
        needs = [want.thread] if want.thread else []
        if want.kind is WantedKind.PIN:
            needs += want.value
        if want.is_in_room and self.room_key:
            needs = [self.room_key, *needs]
        op = Op(
            kind=kind,
            keys=(want.key,),
            rank=want.rank,
            hash=want.hash,
            value=want.value,
            content=want.content,
            channel=want.channel,
            in_room=want.is_in_room,
            thread=want.thread,
            needs=tuple(needs),
            urgent=want.urgent,
            hashes=(want.hash,),
        )
        self.ops.append(replace(op, **changes))  # type: ignore[arg-type] # fields of Op

    def room_wanted(self, want: Wanted, name: Wanted | None) -> None:
        is_there = self.room is not None and self.room.state is RoomState.OPEN
        thing = self.actual.get(want.key)
        if is_there or self.waits(want, thing):
            return
        self.room_key = want.key
        is_unknown = thing is not None and thing.state in (ObjectState.SENDING, ObjectState.UNKNOWN)
        keys = (want.key, *([name.key] if name else []))
        hashes = (want.hash, *([name.hash] if name else []))
        self.add(OpKind.FIND_ROOM if is_unknown else OpKind.CREATE_ROOM, want, keys=keys, hashes=hashes)

    def message(self, want: Wanted) -> None:
        thing = self.actual.get(want.key)
        if self.waits(want, thing):
            return
        if thing is None or (not thing.ts and thing.state in (ObjectState.NONE, ObjectState.DEAD)):
            self.add(OpKind.POST, want)
        elif thing.state in (ObjectState.SENDING, ObjectState.UNKNOWN):
            can_edit = thing.ts and self.can.edit
            self.add(OpKind.EDIT if can_edit else OpKind.FIND_POST, want)
        elif thing.sent_hash == want.hash or self.settles(want, thing):
            return
        elif self.can.edit:
            self.add(OpKind.EDIT, want)
        elif thing.sent_urgent != want.urgent:
            self.add(OpKind.POST, want)

    def repeatable(self, want: Wanted) -> None:
        thing = self.actual.get(want.key)
        if self.waits(want, thing):
            return
        is_done = thing is not None and thing.state is ObjectState.SENT and self._same(want, thing)
        if not is_done and not (thing and thing.state is ObjectState.SENT and self.settles(want, thing)):
            self.add(_UPDATES[want.kind], want)

    def _same(self, want: Wanted, thing: ChatObject) -> bool:
        return thing.sent_hash == want.hash

    def gone(self, want: Wanted) -> None:
        thing = self.actual.get(want.key)
        if thing is None or thing.sent_hash == REMOVED or self.waits(want, thing):
            return
        if thing.ts and thing.part_of is None:
            self.add(OpKind.DELETE, want, channel=thing.channel, in_room=False, needs=())
        elif thing.state in (ObjectState.SENDING, ObjectState.UNKNOWN):
            self.add(OpKind.FIND_POST, want, channel=thing.channel, in_room=False, needs=())

    def lines(self, wanted: Sequence[Wanted]) -> None:
        """Plan the entries of one place: those that wait are grouped, those that changed are edited."""
        waiting: list[Wanted] = []
        groups: dict[str, list[Wanted]] = defaultdict(list)
        searched = set()
        for want in wanted:
            thing = self.actual.get(want.key)
            if thing is not None and thing.state in (ObjectState.SENDING, ObjectState.UNKNOWN):
                if thing.nonce not in searched and not self.waits(want, thing):
                    searched.add(thing.nonce)
                    same = [w for w in wanted if self._nonce(w) == thing.nonce]
                    keys, hashes = tuple(w.key for w in same), tuple(w.hash for w in same)
                    self.add(OpKind.FIND_POST, want, keys=keys, hashes=hashes)
            elif thing is None or thing.state in (ObjectState.NONE, ObjectState.DEAD):
                if not self.waits(want, thing):
                    waiting.append(want)
            else:
                groups[thing.part_of or want.key].append(want)
        if searched or any(self._nonce(want) for want in wanted):
            # whether the earlier ones arrived is found out first: the order stays, and they share a digest
            waiting = []
        late = [w for w in waiting if w.entry and self.now - w.entry.at > LATE_AFTER]
        fresh = [w for w in waiting if w not in late]
        for start in range(0, len(late), LATE_DIGEST_LINES):
            self.post_lines(late[start : start + LATE_DIGEST_LINES], late=True)
        size = 1 if len(fresh) <= SINGLE_LINES else DIGEST_LINES
        for start in range(0, len(fresh), size):
            self.post_lines(fresh[start : start + size], late=False)
        for first, group in groups.items():
            self.edit_lines(first, group)

    def _nonce(self, want: Wanted) -> str:
        thing = self.actual.get(want.key)
        is_open = thing is not None and thing.state in (ObjectState.SENDING, ObjectState.UNKNOWN)
        return thing.nonce if thing and is_open else ""

    def post_lines(self, group: Sequence[Wanted], *, late: bool) -> None:
        if not group:
            return
        content = group[0].content if len(group) == 1 and not late else lines_content(group, late=late)
        keys, hashes = tuple(w.key for w in group), tuple(w.hash for w in group)
        urgent = "late" if late else ""
        self.add(OpKind.POST, group[0], keys=keys, hashes=hashes, content=content, urgent=urgent)

    def edit_lines(self, first: str, group: Sequence[Wanted]) -> None:
        """Edit a message whose lines have changed; a message of which not all lines are known stays as it is."""
        changed = [w for w in group if self.actual[w.key].sent_hash != w.hash]
        if not changed or not self.can.edit or any(self.waits(w, self.actual[w.key]) for w in group):
            return
        children = {key for key, thing in self.actual.items() if (thing.part_of or key) == first}
        if children - {w.key for w in group}:
            return
        late = self.actual[first].sent_urgent == "late"
        content = group[0].content if len(group) == 1 and not late else lines_content(group, late=late)
        keys, hashes = tuple(w.key for w in group), tuple(w.hash for w in group)
        self.add(
            OpKind.EDIT, group[0], keys=keys, hashes=hashes, content=content, urgent="late" if late else ""
        )


def lines_content(group: Sequence[Wanted], *, late: bool) -> Content:
    """Return the digest of several entries."""
    entries = [want.entry for want in group if want.entry]
    return mirror_messages.entries_digest(entries, group[0].tz, late=late)


def plan(
    desired: Desired,
    actual: Mapping[str, ChatObject],
    room: Room | None,
    can: Capabilities,
    now: datetime,
) -> Plan:
    """Return the calls that make a chat what it should be, the most important first."""
    planner = _Planner(actual, room, can, now)
    by_kind: dict[WantedKind, list[Wanted]] = defaultdict(list)
    for want in desired.wanted:
        by_kind[want.kind].append(want)
    name = next(iter(by_kind[WantedKind.NAME]), None)
    has_room = room is not None and room.state is RoomState.OPEN
    for want in by_kind[WantedKind.ROOM]:
        planner.room_wanted(want, name)
    will_have_room = has_room or bool(planner.room_key)
    places: dict[tuple[str, str], list[Wanted]] = defaultdict(list)
    for want in desired.wanted:
        if want.kind is WantedKind.ROOM or (want.is_in_room and not will_have_room):
            continue
        if want.kind is WantedKind.NAME and not has_room and not want.channel:
            continue
        match want.kind:
            case WantedKind.MESSAGE:
                planner.message(want)
            case WantedKind.LINE:
                places[want.channel, want.thread].append(want)
            case WantedKind.GONE:
                planner.gone(want)
            case _:
                planner.repeatable(want)
    for wanted in places.values():
        planner.lines(wanted)
    ops = sorted(planner.ops, key=lambda op: op.rank)
    times = [*planner.times, *([desired.next_at] if desired.next_at else [])]
    return Plan(tuple(ops), min(times, default=None), planner.is_retrying)


def ready(op: Op, actual: Mapping[str, ChatObject], room: Room | None) -> bool:
    """Return True if all that an op needs is in the chat."""
    for key in op.needs:
        if key.endswith("/room"):
            if room is None or room.state is not RoomState.OPEN:
                return False
            continue
        thing = actual.get(key)
        if thing is None or not thing.ts:
            return False
    return True


def first_rank(severity: int | None) -> int:
    """Return the order of a target: pages first, then incidents by severity."""
    return 0 if severity is None else min(4, 1 + severity)
