"""Conditions, actions and needs with who wrote each and when, read off the timeline (pure)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from firebell.incidents.model import TimelineEntry

NAMES = ("conditions", "actions", "needs")
ENTRY_KIND = "canvas"


@dataclass(frozen=True, slots=True)
class CanvasText:
    """One of the three texts; `version` is the id of the entry that wrote it, 0 if no one has.

    `author` is empty and `at` None if no one has written it.
    """

    name: str
    text: str
    version: int = 0
    author: str = ""
    at: datetime | None = None


def canvas(entries: Iterable[TimelineEntry]) -> dict[str, CanvasText]:
    """Return the texts by name; `entries` are those of a timeline, oldest first."""
    texts = {name: CanvasText(name, "") for name in NAMES}
    for entry in entries:
        if entry.kind != ENTRY_KIND:
            continue
        for name in NAMES:
            written = entry.data.get(name)
            if isinstance(written, str) and written != texts[name].text:
                texts[name] = CanvasText(name, written, entry.id, entry.actor, entry.at)
    return texts
