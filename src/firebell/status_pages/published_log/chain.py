"""The append-only log of what a status page published: each entry's hash includes the one before (pure; spec 7.7)."""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from firebell.status_pages.model import Effect

FIRST = "0" * 64
"""The hash before the first entry."""
KEY_KIND = "key"
"""The kind of an entry that announces the key which signs the entries after it."""
_NOT_HASHED = ("body", "reason", "hash", "sig")
"""The fields of a line that its hash does not include: of the text, the hash of the text is included."""


class LoggedUpdate(Protocol):
    """An update of an incident or of maintenance, as the log needs it."""

    @property
    def id(self) -> int: ...
    @property
    def public_id(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def stage(self) -> str: ...
    @property
    def body(self) -> str: ...
    @property
    def effects(self) -> Sequence[Effect]: ...
    @property
    def display_at(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One version of one update, as published; only the hash of its text is part of the chain."""

    page: str
    seq: int
    incident: str
    update: str
    version: int
    kind: str
    stage: str
    components: Mapping[str, str]
    display_at: datetime
    at: datetime
    body_sha256: str
    locale: str = ""
    """The language of a translation; empty for the text itself."""


@dataclass(frozen=True, slots=True)
class ChainedEntry:
    """An entry with the hash of the one before and its own."""

    entry: LogEntry
    prev: str
    hash: str
    signature: bytes | None = None


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """The announcement of the public key, in Base64, that signs the entries after this one."""

    page: str
    seq: int
    key: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ChainedKey:
    """The announcement of a key with the hash of the entry before and its own, signed by the key before."""

    entry: KeyEntry
    prev: str
    hash: str
    signature: bytes | None = None


def body_hash(body: str) -> str:
    """Return the hash of a text, as an entry has it."""
    return hashlib.sha256(body.encode()).hexdigest()


def entry_hash(entry: LogEntry, prev: str) -> str:
    """Return the hash of an entry after the one with the hash `prev`."""
    return _hash(_fields(entry, prev))


def line(chained: ChainedEntry, body: str | None, reason: str) -> str:
    """Return an entry as a line of JSON, with its text, None if it was retracted, and the reason of an edit."""
    return _line(_fields(chained.entry, chained.prev), chained, {"body": body, "reason": reason})


def key_entry_hash(entry: KeyEntry, prev: str) -> str:
    """Return the hash of the announcement of a key after the entry with the hash `prev`."""
    return _hash(_key_fields(entry, prev))


def key_line(chained: ChainedKey, reason: str) -> str:
    """Return the announcement of a key as a line of JSON."""
    return _line(_key_fields(chained.entry, chained.prev), chained, {"reason": reason})


def _line(hashed: Mapping[str, Any], chained: ChainedEntry | ChainedKey, rest: Mapping[str, Any]) -> str:
    sig = base64.b64encode(chained.signature).decode("ascii") if chained.signature else None
    return json.dumps({**hashed, **rest, "hash": chained.hash, "sig": sig}, ensure_ascii=False)


def first_broken(lines: Iterable[str]) -> int | None:
    """Return the number of the first line that is not as it was published; None if all are.

    A text may be missing only if a later entry of the same update says what replaced it.
    """
    prev = FIRST
    erased: dict[str, int] = {}
    """The first line without its text, by update, until a later one replaces it."""
    for number, text in enumerate(lines, start=1):
        try:
            fields = json.loads(text)
            is_intact = (
                fields["seq"] == number
                and fields["prev"] == prev
                and fields["hash"] == _hash({n: v for n, v in fields.items() if n not in _NOT_HASHED})
                and _is_text_intact(fields)
            )
            if fields["kind"] == KEY_KIND:
                pass  # it has no text
            elif fields["body"] is None:
                erased.setdefault(fields["update"], number)
            elif not fields.get("locale"):
                erased.pop(fields["update"], None)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return number
        if not is_intact:
            return number
        prev = fields["hash"]
    return min(erased.values(), default=None)


def _is_text_intact(fields: Mapping[str, Any]) -> bool:
    if fields["kind"] == KEY_KIND:
        return isinstance(fields["key"], str) and "body" not in fields
    return fields["body"] is None or fields["body_sha256"] == body_hash(fields["body"])


def _fields(entry: LogEntry, prev: str) -> dict[str, Any]:
    """Return what is hashed; times are in whole seconds."""
    return {
        "v": 1,
        "page": entry.page,
        "seq": entry.seq,
        "incident": entry.incident,
        "update": entry.update,
        "version": entry.version,
        "kind": entry.kind,
        "stage": entry.stage,
        "components": dict(entry.components),
        "display_at": _instant(entry.display_at),
        "at": _instant(entry.at),
        "body_sha256": entry.body_sha256,
        "prev": prev,
        **({"locale": entry.locale} if entry.locale else {}),
    }


def _key_fields(entry: KeyEntry, prev: str) -> dict[str, Any]:
    return {
        "v": 1,
        "page": entry.page,
        "seq": entry.seq,
        "kind": KEY_KIND,
        "key": entry.key,
        "at": _instant(entry.at),
        "prev": prev,
    }


def _hash(fields: Mapping[str, Any]) -> str:
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
