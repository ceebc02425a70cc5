"""Drafts of notifications: their templates, the facts that fill them, and their states."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class DraftState(StrEnum):
    """How far a draft is. Only a person moves it on, and Firebell never sends it."""

    DRAFT = "draft"
    REVIEWED = "reviewed"
    SIGNED = "signed"
    SENT = "sent"


@dataclass(frozen=True, slots=True)
class DraftField:
    """One thing that a notification states; `fill` names the fact that fills it, `article` what requires it."""

    id: str
    label: str
    article: str = ""
    fill: str = ""
    hint: str = ""
    is_optional: bool = False
    """An optional field is not listed as not known yet."""

    @property
    def heading(self) -> str:
        """The label with what requires it."""
        return f"{self.label} ({self.article})" if self.article else self.label


@dataclass(frozen=True, slots=True)
class DraftTemplate:
    """What the notification of some obligations states, as of `version`."""

    id: str
    title: str
    obligations: tuple[str, ...]
    version: date
    review_by: date
    source: str
    checked: str
    """What the fields were checked against; empty if they are not verified."""
    fields: tuple[DraftField, ...]
    continues: tuple[str, ...] = ()
    """The obligations whose latest notification it continues."""
    counts_each_part: bool = False
    """True if each part is a submission of its own, false if only the first one ends the clock."""


@dataclass(frozen=True, slots=True)
class KnownFact:
    """A dated fact with where it comes from; `entry_id` is its timeline entry, if it has one."""

    text: str
    source: str
    at: datetime | None = None
    entry_id: int | None = None
    instant: datetime | None = None
    """The instant that the text states, if it states one."""


@dataclass(frozen=True, slots=True)
class FieldAnswer:
    """What a person wrote into a field. The latest answer counts; a blank one leaves the field to the facts."""

    field: str
    text: str
    at: datetime
    actor: str


@dataclass(frozen=True, slots=True)
class FilledField:
    """A field with its text and the fact behind it; without a text it is not known yet."""

    field: DraftField
    fact: KnownFact | None
    is_typed: bool = False

    @property
    def text(self) -> str:
        """What the notification states, empty if it is not known."""
        return self.fact.text if self.fact else ""

    @property
    def is_missing(self) -> bool:
        """True if the notification should state it and it is not known."""
        return self.fact is None and not self.field.is_optional


@dataclass(frozen=True, slots=True)
class Draft:
    """The draft of one part of a notification; `text` is final from the review on."""

    id: int
    incident_id: int
    obligation: str
    part: int
    template: str
    template_version: date
    state: DraftState
    version: int
    text: str
    created_at: datetime
    created_by: int | None
    creator: str
    changed_at: datetime
    changed_by: int | None
    reviewed_at: datetime | None = None
    reviewer: str = ""
    signed_at: datetime | None = None
    signer: str = ""
    sent_at: datetime | None = None
    sender: str = ""
    channel: str = ""
    receipt: str = ""


@dataclass(frozen=True, slots=True)
class SectionChange:
    """A section of a notification that differs from the part before; an empty text means that it was not there."""

    heading: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Contradiction:
    """What a draft states differently from a published text; `entry_id` is the timeline entry of that text."""

    kind: str
    drafted: str
    published: str
    entry_id: int
