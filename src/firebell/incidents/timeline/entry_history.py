"""Timeline entries with what people changed of them: texts, strikes, key moments and attachments (pure)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from firebell.incidents.model import ENTRY_KINDS, TimelineEntry


class ChangeKind(StrEnum):
    """What a change does to an entry."""

    EDIT = "edit"
    STRIKE = "strike"
    RESTORE = "restore"
    MARK = "mark"
    UNMARK = "unmark"


KEY_MOMENT = "Key moment"
"""The label of a key moment that has none of its own."""


@dataclass(frozen=True, slots=True)
class EntryChange:
    """A change of an entry; `text` is the new text, the reason of a strike, or the label of a key moment."""

    id: int
    entry_id: int
    kind: ChangeKind
    text: str
    at: datetime
    actor: str
    actor_id: int | None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of an entry, without its content; `size` is in bytes."""

    id: int
    entry_id: int
    name: str
    media_type: str
    size: int
    sha256: bytes
    at: datetime

    @property
    def is_image(self) -> bool:
        """True if browsers may show it."""
        return self.media_type.startswith("image/")


@dataclass(frozen=True, slots=True)
class EntryVersion:
    """One text that an entry had, with who wrote it and when."""

    text: str
    at: datetime
    actor: str


@dataclass(frozen=True, slots=True)
class EntryView:
    """An entry as it is now; `versions` has all its texts, oldest first, the last of them is in force."""

    entry: TimelineEntry
    versions: tuple[EntryVersion, ...]
    struck: EntryChange | None = None
    attachments: tuple[Attachment, ...] = ()

    @property
    def version(self) -> int:
        """The number of texts that the entry had, which an edit states to overwrite no other edit."""
        return len(self.versions)

    @property
    def is_written(self) -> bool:
        """True if a person wrote it, so that its text can be edited and struck."""
        return self.entry.kind in ENTRY_KINDS


def views(
    entries: Sequence[TimelineEntry],
    changes: Iterable[EntryChange],
    attachments: Iterable[Attachment] = (),
) -> list[EntryView]:
    """Return the entries as they are now, in the given order; changes are applied in the order of their ids."""
    changes_by_entry: dict[int, list[EntryChange]] = {}
    for change in sorted(changes, key=lambda change: change.id):
        changes_by_entry.setdefault(change.entry_id, []).append(change)
    files_by_entry: dict[int, list[Attachment]] = {}
    for attachment in attachments:
        files_by_entry.setdefault(attachment.entry_id, []).append(attachment)
    return [
        _view(entry, changes_by_entry.get(entry.id, ()), tuple(files_by_entry.get(entry.id, ())))
        for entry in entries
    ]


def _view(
    entry: TimelineEntry, changes: Sequence[EntryChange], attachments: tuple[Attachment, ...]
) -> EntryView:
    if not changes:
        return EntryView(entry, (EntryVersion(entry.text, entry.at, entry.actor),), None, attachments)
    versions = [EntryVersion(entry.text, entry.at, entry.actor)]
    struck, key_moment = None, ""
    for change in changes:
        match change.kind:
            case ChangeKind.EDIT:
                versions.append(EntryVersion(change.text, change.at, change.actor))
            case ChangeKind.STRIKE:
                struck = change
            case ChangeKind.RESTORE:
                struck = None
            case ChangeKind.MARK:
                key_moment = change.text or KEY_MOMENT
            case ChangeKind.UNMARK:
                key_moment = ""
    now = replace(entry, text=versions[-1].text, key_moment=key_moment)
    return EntryView(now, tuple(versions), struck, attachments)


def in_force(entries: Sequence[TimelineEntry], changes: Iterable[EntryChange]) -> list[TimelineEntry]:
    """Return the entries that are not struck, with their latest texts: the timeline for everyone who cites it."""
    return [view.entry for view in views(entries, changes) if view.struck is None]
