"""Chapters of the handbook, and the templates that are read from it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Source(StrEnum):
    """Who keeps the text of a template."""

    SHIPPED = "shipped"
    APP = "app"
    GIT = "git"


@dataclass(frozen=True, slots=True)
class Shipped:
    """One template as a Markdown file has it; `group` is the section that it stands in."""

    id: str
    title: str
    note: str
    group: str
    body: str
    line: int


@dataclass(frozen=True, slots=True)
class Own:
    """What an organization says instead of a shipped text."""

    id: str
    body: str
    source: Source
    changed_by: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Template:
    """The text that the product uses for an id: the organization's own, else the shipped one."""

    shipped: Shipped
    own: Own | None

    @property
    def id(self) -> str:
        """What the product asks for."""
        return self.shipped.id

    @property
    def title(self) -> str:
        """What people call it."""
        return self.shipped.title

    @property
    def note(self) -> str:
        """For whom and when it is."""
        return self.shipped.note

    @property
    def group(self) -> str:
        """Which kind of text it is."""
        return self.shipped.group

    @property
    def body(self) -> str:
        """The text with its slots."""
        return self.own.body if self.own else self.shipped.body

    @property
    def source(self) -> Source:
        """Where the text comes from."""
        return self.own.source if self.own else Source.SHIPPED


class Step(StrEnum):
    """What applying a repository does with one template."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one template; `body` is its new own text, None for the shipped one."""

    id: str
    step: Step
    body: str | None


@dataclass(frozen=True, slots=True)
class Heading:
    """One heading of a chapter; `anchor` is what a link to it ends with."""

    level: int
    text: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Section:
    """The text under one heading, up to the next one, as plain words."""

    heading: Heading
    text: str


@dataclass(frozen=True, slots=True)
class Chapter:
    """One file of the written practice; `slug` is its path without the suffix, empty for the first."""

    path: str
    slug: str
    title: str
    text: str

    @property
    def is_code(self) -> bool:
        """Say whether it is a program to run."""
        return self.path.endswith(".py")


@dataclass(frozen=True, slots=True)
class Hit:
    """A section that was found; `snippet` alternates words that were not asked for and words that were."""

    chapter: Chapter
    heading: Heading
    snippet: tuple[str, ...]
    score: float
