"""What a source declares: its address, how its messages are read and answered, and how to set it up (pure)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from markupsafe import Markup

from firebell.alerts.model import Event, EventKind, Json, NewChangeEvent, Rejected
from firebell.alerts.source_base.fields import FIELDS

MAX_BODY_BYTES = 16 * 1024 * 1024
"""The largest body under /in/, compressed and decompressed."""
MAX_KEYED_BODY_BYTES = 1024 * 1024
"""The largest body of an address whose messages carry the key, compressed and decompressed."""

Events = tuple[Event, ...] | Rejected


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a sender: a status, and a body to send as JSON; the body is empty if it is None."""

    status: int
    body: Json


def accepted(events: Events) -> Reply:
    """Return 202 with the number of events and, for recognized tools, what was read and what is missing."""
    if isinstance(events, Rejected):
        body = {"status": "stored", "events": len(events.events), "error": events.reason}
        return Reply(202, body)
    return Reply(202, {"status": "accepted", "events": len(events), **_description(events)})


def _description(events: Sequence[Event]) -> dict[str, Json]:
    """Return the part of the answer about these events: recognized tools, missing fields, ignored events."""
    names = sorted({event.read_as for event in events if event.read_as})
    if not names:
        return {}
    missing = {name for event in events for name in event.missing}
    ignored = sum(event.kind in (EventKind.NOTE, EventKind.HANDSHAKE) for event in events)
    description: dict[str, Json] = {
        "read_as": ", ".join(names),
        "missing": [name for name in FIELDS if name in missing],
    }
    return {**description, "ignored": ignored} if ignored else description


@dataclass(frozen=True, slots=True)
class PathAddress:
    """`POST /in/<key>/<name>`: a message that cannot be read is stored, pages, and is answered with success.

    `normalize(body, received_at, content_type, sender)` is pure and never raises; `sender` names the integration.
    """

    normalize: Callable[[bytes, datetime, str, str], Events]
    reply: Callable[[Events], Reply] = accepted
    max_body_bytes: int = MAX_BODY_BYTES


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request to a `KeyedAddress`, decompressed; `headers` have lower-case names."""

    body: bytes
    received_at: datetime
    content_type: str = ""
    headers: Mapping[bytes, bytes] = field(default_factory=dict)
    new_key: str = ""
    """A random deduplication key, for an event without one."""
    segments: Mapping[str, str] = field(default_factory=dict)
    """The decoded segments of the path by the names that they have in the path of the address."""
    query: Mapping[str, str] = field(default_factory=dict)
    end: bytes = b""
    """The last bytes of a body that is too large, of which `body` is the start."""


@dataclass(frozen=True, slots=True)
class KeyedMessage:
    """What a request to a `KeyedAddress` says: its integration key, and events, a change, or why it is refused.

    A message with events and errors was read in part: the events are processed.
    """

    integration_key: str
    events: tuple[Event, ...] = ()
    change: NewChangeEvent | None = None
    errors: tuple[str, ...] = ()
    reference: str = ""
    """What a change is called at its sender."""


Failure = Callable[[str], dict[str, Json]]
"""Returns the body of a response to a message that was not accepted, with the reason, in the other product's form."""


@dataclass(frozen=True, slots=True)
class KeyedAddress:
    """`POST <path>`, an address of another product: the message carries the key, and is refused as there.

    A segment of `path` in angle brackets, such as `<key>`, stands for any text; `KeyedRequest.segments` has it.
    `read` is pure and never raises; `reply(message, is_known)` gets whether the integration key is valid. A refused
    message with a valid key is stored, and the integration's owner is notified.
    """

    path: str
    read: Callable[[KeyedRequest], KeyedMessage]
    reply: Callable[[KeyedMessage, bool], Reply]
    key_field: str
    """Where the sender puts the integration key."""
    max_body_bytes: int = MAX_KEYED_BODY_BYTES
    key_of: Callable[[KeyedRequest], str] | None = None
    """Returns the integration key if the path or a header has it; a request with an unknown one is not read."""
    key_in_part: Callable[[KeyedRequest], str] | None = None
    """Returns the key in a body that is too large, from its start and end; empty if neither has it.

    Without this and `key_of`, a message that is too large pages no one, which suits changes. Pure; never raises.
    """
    shown: str = ""
    """The path and query of an example, with `<key>`; empty if it is `path`."""
    failure: Failure | None = None
    """Returns the body of a 413 or 503 with this message, in the other product's form; None for problem details."""


@dataclass(frozen=True, slots=True)
class ForeignAddress:
    """`POST <path>`, an address of another product that a slice above alerts answers, with the key in a header."""

    path: str
    key_field: str
    header: str


def key_in_path(request: KeyedRequest) -> str:
    """Return the segment `<key>` of the path."""
    return request.segments.get("key", "")


@dataclass(frozen=True, slots=True)
class Recognition:
    """How the generic address recognizes and reads the JSON objects of a tool; pure, and never raises.

    The source with the lowest `precedence` whose `matches` is True reads the object.
    """

    precedence: int
    matches: Callable[[dict[str, Json]], bool]
    read: Callable[[dict[str, Json], datetime], Events]
    unwrap: Callable[[dict[str, Json]], dict[str, Json]] | None = None
    """Returns the object in an envelope; if another source recognizes it, that source reads it instead."""


@dataclass(frozen=True, slots=True)
class Source:
    """One monitoring tool or protocol; it has an address, a recognition, or both.

    In `setup` and `snippet`, `<url>` stands for the base URL of Firebell, `<scheme>` and `<host>` for its parts, and
    `<key>` for the integration key.
    """

    name: str
    """Stored with each message, and `read_as` in answers; must never change."""
    title: str
    setup: str
    """How to make the tool send to Firebell, in full sentences."""
    example: str
    """A JSON body that fires or, for a source of changes, records one; without single quotes."""
    address: PathAddress | KeyedAddress | ForeignAddress | None = None
    recognition: Recognition | None = None
    snippet: str = ""
    """What to copy into the tool or its configuration; empty if the address is all it needs."""
    more_addresses: tuple[KeyedAddress, ...] = ()
    """Other addresses at which the same messages arrive."""
    icon: str = ""
    """The shapes of its icon, as SVG of 24 by 24 in strokes: our own drawing, never the logo of a vendor."""

    @property
    def is_drop_in(self) -> bool:
        """Return True if it receives at the address of another product, whose clients need only a new host."""
        return isinstance(self.address, KeyedAddress | ForeignAddress)

    @property
    def keyed_addresses(self) -> tuple[KeyedAddress, ...]:
        """The addresses of another product at which this source receives."""
        first = (self.address,) if isinstance(self.address, KeyedAddress) else ()
        return (*first, *self.more_addresses)

    @property
    def path(self) -> str:
        """The path to post to, with `<key>` where the integration key goes."""
        match self.address:
            case KeyedAddress(path=path, shown=shown):
                return shown or path
            case ForeignAddress(path=path):
                return path
            case PathAddress():
                return f"/in/<key>/{self.name}"
            case None:
                return "/in/<key>/generic"

    @property
    def drawing(self) -> Markup:
        """Its icon, for a page."""
        return Markup(self.icon)  # noqa: S704 - our own shapes, which a house test checks

    def curl(self, base_url: str, key: str, body: str = "") -> str:
        """Return the shell command that sends `body`, or the example if it is empty."""
        headers = ["Content-Type: application/json"]
        if isinstance(self.address, ForeignAddress):
            headers.append(self.address.header)
        options = " ".join(f"-H '{header}'" for header in headers)
        return _fill_in(f"curl -X POST <url>{self.path} {options} -d '{body or self.example}'", base_url, key)

    def guide(self, base_url: str, key: str) -> "SetupGuide":
        """Return how to make the tool send with this integration key."""
        return SetupGuide(
            name=self.name,
            title=self.title,
            icon=self.drawing,
            address=_fill_in(f"<url>{self.path}", base_url, key),
            key_field="" if isinstance(self.address, PathAddress | None) else self.address.key_field,
            text=_fill_in(self.setup, base_url, key),
            snippet=_fill_in(self.snippet, base_url, key),
            test_command=self.curl(base_url, key),
        )


@dataclass(frozen=True, slots=True)
class SetupGuide:
    """How to set up a source with one integration key; `key_field` is empty if the address has the key."""

    name: str
    title: str
    icon: Markup
    address: str
    key_field: str
    text: str
    snippet: str
    test_command: str


def _fill_in(text: str, base_url: str, key: str) -> str:
    scheme, _, host = base_url.partition("://")
    for name, value in (("<url>", base_url), ("<scheme>", scheme), ("<host>", host), ("<key>", key)):
        text = text.replace(name, value)
    return text
