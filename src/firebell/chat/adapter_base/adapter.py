"""What the mirror asks of a chat, and how a chat refuses."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from firebell.chat.adapter_base.message_model import Content
from firebell.chat.adapter_base.operations import OpKind
from firebell.chat.adapter_base.rate_buckets import Key, Rates


class Trouble(StrEnum):
    """Why a call failed, which decides what follows."""

    RETRY = "retry"
    """It had no effect; the same call may succeed later."""
    UNKNOWN = "unknown"
    """It may have had its effect: find out before it is repeated."""
    LIMITED = "limited"
    """It was too fast; it had no effect."""
    REFUSED = "refused"
    """It will be refused again."""
    SKIPPED = "skipped"
    """It cannot be done here, and is left out until something changes."""
    TAKEN = "taken"
    """The name of a channel is taken."""
    NO_ROOMS = "no_rooms"
    """Channels cannot be created."""
    ROOM_GONE = "room_gone"
    """The channel was archived or deleted."""
    MESSAGE_GONE = "message_gone"
    """The message was deleted or cannot be edited anymore."""
    CONTENT = "content"
    """The chat refused what was sent: our mistake, sent once more as plain text."""
    ACCOUNT = "account"
    """The token no longer works."""


class CallFailed(Exception):  # noqa: N818 - reads as a statement where it is raised
    """A call of a chat failed; `code` is the chat's own name of the error."""

    def __init__(self, trouble: Trouble, code: str, after_s: float | None = None) -> None:
        super().__init__(code)
        self.trouble = trouble
        self.code = code
        self.after_s = after_s


@dataclass(frozen=True, slots=True)
class Call:
    """One call with all ids filled in."""

    kind: OpKind
    key: str
    hash: str = ""
    nonce: str = ""
    channel: str = ""
    ts: str = ""
    """The message that is edited, deleted or pinned."""
    thread_ts: str = ""
    value: tuple[str, ...] = ()
    content: Content | None = None
    name: str = ""
    began_at: datetime | None = None
    """When the incident, page or storm of the call began; None for other calls."""
    private: bool = False
    since: datetime | None = None
    """When the call of unknown outcome was made."""
    plain: bool = False
    """Send only text, because the chat refused the rest."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a call answered: the id of a message or user, and the channel."""

    ts: str = ""
    channel: str = ""
    name: str = ""
    missing: tuple[str, ...] = ()
    """The users who could not be invited."""


class Adapter(Protocol):
    """One account of a chat. Each method makes calls of the chat and nothing else."""

    rates: Rates
    name_max_chars: int

    def buckets(self, kind: OpKind, channel: str, key: str) -> list[Key]:
        """Return the buckets that a call takes a token of; pure."""
        ...

    async def run(self, call: Call) -> Done:
        """Make one call; raise `CallFailed`."""
        ...

    async def find(self, call: Call) -> Done | None:
        """Return the message or channel that a call of unknown outcome made, None if it made none.

        Of several the oldest is kept and the others are deleted.
        """
        ...


CALL_LIMIT_S = 10.0
"""The time limit of one call."""
NOT_REPEATABLE = frozenset({OpKind.POST, OpKind.CREATE_ROOM})
"""The calls that must not be repeated when their outcome is unknown."""
