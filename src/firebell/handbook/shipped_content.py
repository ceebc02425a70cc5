"""The chapters and default templates that come with Firebell, cached."""

from functools import cache

from firebell.handbook import chapter_parser as handbook_chapters
from firebell.handbook import templates
from firebell.handbook.model import Chapter, Shipped
from firebell.kit.errors import NotFound
from firebell.kit.handbook_files import skill, skill_files

_TEMPLATE_PATHS = ("examples/", "references/severity-classification.md")
_NOT_READ = "evals/"
"""The folder of cases that test the skill; the wheel ships them, and the handbook does not show them."""


@cache
def chapters() -> tuple[Chapter, ...]:
    """Return all chapters in reading order."""
    paths = [path for path in skill_files("") if not path.startswith(_NOT_READ)]
    return tuple(handbook_chapters.chapter(path, skill(path)) for path in handbook_chapters.ordered(paths))


def chapter(slug: str) -> Chapter:
    """Return a chapter by slug or path, the first also as SKILL; raise `NotFound` with a suggestion."""
    wanted = slug.strip("/")
    if wanted.upper() in ("SKILL", "SKILL.MD"):
        wanted = handbook_chapters.FIRST
    for candidate in chapters():
        if wanted in (candidate.slug, candidate.path):
            return candidate
    tail = wanted.rpartition("/")[2].rpartition(".")[0] or wanted.rpartition("/")[2]
    similar = [c.slug for c in chapters() if tail and tail in c.slug]
    raise NotFound(
        f"The handbook has no chapter {wanted[:200]!r}.",
        hint=f"Did you mean {similar[0]}?" if similar else "",
        command="" if similar else "firebell handbook list",
    )


@cache
def shipped() -> dict[str, Shipped]:
    """Return the default templates by id: messages and documents, then those of the declaration."""
    sources = [c for path in _TEMPLATE_PATHS for c in chapters() if c.path.startswith(path) and not c.is_code]
    return {template.id: template for c in sources for template in _read(c)}


def _read(chapter: Chapter) -> list[Shipped]:
    shipped, faults = templates.read(chapter.text)
    assert not faults, f"{chapter.path}: {faults}"
    return shipped


def table(path: str, heading: str) -> list[list[str]]:
    """Return the rows of a table in the handbook as plain text, header first."""
    return handbook_chapters.table(chapter(path).text, heading)
