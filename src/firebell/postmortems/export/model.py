"""What an export of a post-mortem has, in every format; also its JSON schema, `firebell.postmortem/1`."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

SCHEMA = "firebell.postmortem/1"


class ExportFormat(StrEnum):
    """The formats of an export; the value is also the ending of the file."""

    MARKDOWN = "md"
    HTML = "html"
    PDF = "pdf"
    JSON = "json"


MEDIA_TYPES = {
    ExportFormat.MARKDOWN: "text/markdown; charset=utf-8",
    ExportFormat.HTML: "text/html; charset=utf-8",
    ExportFormat.PDF: "application/pdf",
    ExportFormat.JSON: "application/json",
}
FORMAT_NAMES = {
    ExportFormat.MARKDOWN: "Markdown",
    ExportFormat.HTML: "HTML",
    ExportFormat.PDF: "PDF",
    ExportFormat.JSON: "JSON",
}


class ExportedMeta(msgspec.Struct, frozen=True, kw_only=True):
    """What the document is about and how far it is."""

    ref: str
    title: str
    severity: int
    peak_severity: int
    state: str
    version: int
    incidents: list[str]
    services: list[str]
    author: str
    approved_by: str
    due_at: datetime
    published_at: datetime | None
    exported_at: datetime
    names: str
    """`people`, or `roles` if roles stand in place of names."""


class ExportedSection(msgspec.Struct, frozen=True, kw_only=True):
    """A section as Markdown, with its live blocks filled."""

    slug: str
    title: str
    text: str


class ExportedWhy(msgspec.Struct, frozen=True, kw_only=True):
    """An item of the tree of whys with what is below it."""

    kind: str
    text: str
    evidence: list[str]
    factor: str
    actions: list[str]
    children: list["ExportedWhy"]


class ExportedAction(msgspec.Struct, frozen=True, kw_only=True):
    """An action item as it is now; `due` is a day."""

    ref: str
    title: str
    owner: str
    due: str
    state: str


class ExportedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the timeline."""

    at: datetime
    who: str
    text: str
    kind: str
    marker: str
    evidence: str
    incident: str
    shown: bool
    """Whether the timeline of the document has a row for it."""


class ExportedGraphRow(msgspec.Struct, frozen=True, kw_only=True):
    """From this instant on, up to this number of alerts fired at once; `moments` are what happened then."""

    at: datetime
    alerts_firing: int
    moments: list[str]


class ExportedMeasure(msgspec.Struct, frozen=True, kw_only=True):
    """How long a part of an incident took; null if it is not known, or has no target."""

    incident: str
    id: str
    label: str
    seconds: int | None
    target_seconds: int | None
    people: int | None
    """How many people took part in it, if that is counted."""


class ExportedEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """What a reference of the text leads to."""

    ref: str
    url: str
    label: str


class ExportedVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A stored version."""

    n: int
    at: datetime
    by: str
    reason: str


class ExportedPostmortem(msgspec.Struct, frozen=True, kw_only=True):
    """A whole document."""

    schema: str = SCHEMA
    meta: ExportedMeta
    body: str
    """The whole Markdown with its live blocks filled; references are links."""
    sections: list[ExportedSection]
    whys: list[ExportedWhy]
    factors: list[str]
    actions: list[ExportedAction]
    timeline: list[ExportedRow]
    graph: list[ExportedGraphRow]
    measures: list[ExportedMeasure]
    evidence: list[ExportedEvidence]
    versions: list[ExportedVersion]


def as_json(exported: ExportedPostmortem) -> bytes:
    """Return the JSON document, in the same order for the same content."""
    content: Any = msgspec.to_builtins(exported)
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"
