"""What should be in a chat: the model of `mirror/desired_state.py` and `mirror/plan.py` (pure)."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum

from firebell.chat.adapter_base.message_model import Content, digest
from firebell.chat.facts import EntryFact


class WantedKind(StrEnum):
    """What kind of thing is wanted."""

    ROOM = "room"
    NAME = "name"
    MESSAGE = "message"
    LINE = "line"
    """A timeline entry: a message of its own, or a line of a digest."""
    PIN = "pin"
    TOPIC = "topic"
    PURPOSE = "purpose"
    BOOKMARK = "bookmark"
    MEMBER = "member"
    """The user that a person is in the chat, found by email."""
    INVITE = "invite"
    REMOVE = "remove"
    """A user who may no longer read a private channel."""
    GROUP = "group"
    """The members of a user group."""
    ARCHIVE = "archive"
    GONE = "gone"
    """A message that must not be there anymore."""


class Rank(IntEnum):
    """The order within one target: what a commander would miss most comes first."""

    ROOM = 0
    SUMMARY = 1
    ANNOUNCEMENT = 2
    MEMBER = 3
    INVITE = 4
    PIN = 5
    TOPIC = 6
    REMINDER = 7
    ENTRY = 8
    NAME = 9
    BOOKMARK = 10
    ARCHIVE = 11


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing that should be in a chat.

    `channel` is empty for the room of the incident. A message with `thread` replies to the message of that key.
    It is edited at most every `settle_s` seconds, but at once when `urgent` differs.
    """

    key: str
    kind: WantedKind
    rank: Rank
    value: tuple[str, ...] = ()
    content: Content | None = None
    channel: str = ""
    thread: str = ""
    settle_s: float = 0
    urgent: str = ""
    entry: EntryFact | None = None
    """The timeline entry of a line."""
    tz: str = ""

    @property
    def hash(self) -> str:
        """The hash of what it shows."""
        return digest([self.value, self.content, self.entry])

    @property
    def is_in_room(self) -> bool:
        """True if it can only exist once the room does."""
        return not self.channel and self.kind not in (WantedKind.ROOM, WantedKind.MEMBER, WantedKind.GROUP)


@dataclass(frozen=True, slots=True)
class Desired:
    """Everything that is wanted of one target, and when that changes although the database does not."""

    wanted: tuple[Wanted, ...]
    next_at: datetime | None = None


class OpKind(StrEnum):
    """What is done in a chat."""

    CREATE_ROOM = "create_room"
    FIND_ROOM = "find_room"
    POST = "post"
    FIND_POST = "find_post"
    EDIT = "edit"
    DELETE = "delete"
    PIN = "pin"
    TOPIC = "topic"
    PURPOSE = "purpose"
    RENAME = "rename"
    BOOKMARK = "bookmark"
    FIND_MEMBER = "find_member"
    INVITE = "invite"
    REMOVE = "remove"
    GROUP = "group"
    ARCHIVE = "archive"


@dataclass(frozen=True, slots=True)
class Op:
    """One call: `keys` are the objects that it sends, the first one names it.

    `needs` are the keys of objects that must be there before; their ids are filled in when it runs.
    """

    kind: OpKind
    keys: tuple[str, ...]
    rank: Rank
    hash: str = ""
    value: tuple[str, ...] = ()
    content: Content | None = None
    channel: str = ""
    in_room: bool = False
    thread: str = ""
    needs: tuple[str, ...] = ()
    urgent: str = ""
    hashes: tuple[str, ...] = ()
    """The hash of each of the keys."""

    @property
    def key(self) -> str:
        """The object that it is about."""
        return self.keys[0]
