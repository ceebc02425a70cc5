"""Reads JSON of other servers, in which anything may be missing or of another type (pure)."""

from typing import Any


def rows(document: Any) -> list[dict[str, Any]]:
    """Return the objects of a list; anything else is left out."""
    return [row for row in document if isinstance(row, dict)] if isinstance(document, list) else []


def part(document: Any, *names: str) -> Any:
    """Return the value at a path of objects, None if anything is missing."""
    for name in names:
        document = document.get(name) if isinstance(document, dict) else None
    return document


def text_of(document: Any, *names: str) -> str:
    """Return a text at a path of objects, empty if there is none."""
    value = part(document, *names)
    return value if isinstance(value, str) else ""
