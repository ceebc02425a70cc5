"""The append-only log of what a status page published: each entry's hash includes the one before (pure; spec 7.7)."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

FIRST = "0" * 64
"""The hash before the first entry."""


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


@dataclass(frozen=True, slots=True)
class ChainedEntry:
    """An entry with the hash of the one before and its own."""

    entry: LogEntry
    prev: str
    hash: str

    @property
    def canonical(self) -> bytes:
        """The bytes that are hashed."""
        return canonical(self.entry, self.prev)


def body_hash(body: str) -> str:
    """Return the hash of a text, as an entry has it."""
    return hashlib.sha256(body.encode()).hexdigest()


def canonical(entry: LogEntry, prev: str) -> bytes:
    """Return the bytes that are hashed: JSON with sorted keys, no spaces, and times in whole seconds."""
    fields = {
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
    }
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def entry_hash(entry: LogEntry, prev: str) -> str:
    """Return the hash of an entry after the one with the hash `prev`."""
    return hashlib.sha256(canonical(entry, prev)).hexdigest()


def first_broken(entries: Sequence[ChainedEntry]) -> int | None:
    """Return the `seq` of the first entry that does not follow from the one before; None if all do."""
    prev = FIRST
    for position, chained in enumerate(entries, start=1):
        if chained.entry.seq != position or chained.prev != prev:
            return position
        if chained.hash != entry_hash(chained.entry, prev):
            return position
        prev = chained.hash
    return None


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
