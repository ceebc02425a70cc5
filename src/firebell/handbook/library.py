"""The shipped chapters and templates, read once."""

from functools import cache

from firebell.handbook import chapters as handbook_chapters
from firebell.handbook import templates
from firebell.handbook.model import Chapter, Shipped
from firebell.kit.errors import NotFound
from firebell.kit.handbook_files import skill, skill_files

_KEPT = ("examples/", "references/severity-classification.md")
"""Where templates are."""


@cache
def chapters() -> tuple[Chapter, ...]:
    """Return every chapter, the first one first."""
    return tuple(
        handbook_chapters.chapter(path, skill(path)) for path in handbook_chapters.ordered(skill_files(""))
    )


def chapter(slug: str) -> Chapter:
    """Return the chapter of a slug or a path, the first also as SKILL; raise `NotFound` with the nearest."""
    wanted = slug.strip("/")
    if wanted.upper() in ("SKILL", "SKILL.MD"):
        wanted = handbook_chapters.FIRST
    for found in chapters():
        if wanted in (found.slug, found.path):
            return found
    tail = wanted.rpartition("/")[2].rpartition(".")[0] or wanted.rpartition("/")[2]
    near = [c.slug for c in chapters() if tail and tail in c.slug]
    raise NotFound(
        f"The handbook has no chapter {wanted[:200]!r}.",
        hint=f"Did you mean {near[0]}?" if near else "",
        command="" if near else "firebell handbook list",
    )


@cache
def shipped() -> dict[str, Shipped]:
    """Return the shipped templates by id: messages and documents, then the words of the declaration."""
    kept = [c for start in _KEPT for c in chapters() if c.path.startswith(start) and not c.is_code]
    found = [t for c in kept for t in _read(c)]
    return {t.id: t for t in found}


def _read(found: Chapter) -> list[Shipped]:
    read, faults = templates.read(found.text)
    assert not faults, f"{found.path}: {faults}"
    return read


def table(path: str, heading: str) -> list[list[str]]:
    """Return a table of the handbook, its head first, as plain words."""
    return handbook_chapters.table(chapter(path).text, heading)
