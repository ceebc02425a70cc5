"""Chapters of the handbook, and the templates that are read from it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class TemplateSource(StrEnum):
    """Where the text of a template comes from."""

    SHIPPED = "shipped"
    APP = "app"
    GIT = "git"


@dataclass(frozen=True, slots=True)
class Shipped:
    """A template in a Markdown file; `group` is the section that contains it."""

    id: str
    title: str
    note: str
    group: str
    body: str
    line: int


@dataclass(frozen=True, slots=True)
class OwnTemplate:
    """An organization's own text of a template."""

    id: str
    body: str
    source: TemplateSource
    changed_by: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Template:
    """A template with the text in use: the organization's own, or the default."""

    shipped: Shipped
    own: OwnTemplate | None

    @property
    def id(self) -> str:
        """The id."""
        return self.shipped.id

    @property
    def title(self) -> str:
        """The title."""
        return self.shipped.title

    @property
    def note(self) -> str:
        """Who it is for, and when to use it."""
        return self.shipped.note

    @property
    def group(self) -> str:
        """The section that contains it."""
        return self.shipped.group

    @property
    def body(self) -> str:
        """The text with its slots."""
        return self.own.body if self.own else self.shipped.body

    @property
    def source(self) -> TemplateSource:
        """Where the text comes from."""
        return self.own.source if self.own else TemplateSource.SHIPPED


class ChangeStep(StrEnum):
    """What applying a repository does with a template."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class TemplateChange:
    """A planned change of a template; `body` is the new own text, None for the default."""

    id: str
    step: ChangeStep
    body: str | None


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of a chapter; `anchor` is its URL fragment."""

    level: int
    text: str
    anchor: str


@dataclass(frozen=True, slots=True)
class ChapterSection:
    """The plain text between a heading and the next one."""

    heading: Heading
    text: str


@dataclass(frozen=True, slots=True)
class Chapter:
    """A file of the handbook; `slug` is its path without the suffix, empty for the first."""

    path: str
    slug: str
    title: str
    text: str

    @property
    def is_code(self) -> bool:
        """True if it is a program to run."""
        return self.path.endswith(".py")


@dataclass(frozen=True, slots=True)
class SectionHit:
    """A search result; `snippet` alternates text that did not match and text that did."""

    chapter: Chapter
    heading: Heading
    snippet: tuple[str, ...]
    score: float
