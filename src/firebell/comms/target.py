"""Where a post can go: a target is one file in `targets/`, and one line in the registry."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from firebell.comms.model import PostContent
from firebell.comms.tone.model import ReaderKind
from firebell.incidents.model import Incident
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor

RECALL_WITHIN = timedelta(seconds=30)
"""How long a post can be recalled."""


@dataclass(frozen=True, slots=True)
class Destination:
    """One place that a post about an incident can go to.

    `key` is the kind of its target, or that and a name after a colon. `refusal` says why nothing can be sent there now.
    """

    key: str
    label: str
    note: str
    reader: ReaderKind
    is_suggested: bool
    is_first: bool = False
    """True if nothing about the incident was sent there yet."""
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Sending:
    """What is sent to one destination. `key` is the same whenever this is tried again."""

    post_id: int
    incident: Incident
    destination: str
    content: PostContent
    body: str
    key: str


Reference = Mapping[str, Any]
"""What a post created at a target, so that it can be recalled."""


@dataclass(frozen=True, slots=True)
class PostTarget:
    """A kind of place to which posts go. `send` raises a `FirebellError` if it cannot; it is not tried again by itself.

    If a strict target refuses what someone sends, nothing of the post is sent, and they see why.
    """

    kind: str
    is_strict: bool
    destinations: Callable[[Tx, Incident, datetime], Awaitable[Sequence[Destination]]]
    send: Callable[[Tx, Actor, Sending, datetime], Awaitable[Reference]]
    recall: Callable[[Tx, Actor, Incident, Reference, datetime], Awaitable[None]] | None = None
    """Takes back what was sent moments ago; None if that is impossible."""
