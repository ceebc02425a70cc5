"""The live room of an incident as lines of a terminal (pure)."""

import unicodedata
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from firebell.kit.countdown import countdown, stopwatch

ENDED = ("closed", "reviewed", "dismissed", "merged")
"""Phases in which nothing more happens in the room."""
_COLORS = {"update": "cyan", "mitigation": "green", "decision": "yellow", "severity": "red", "phase": "blue"}


def color_of(kind: str) -> str | None:
    """Return the color of an entry's kind, None for the terminal's own."""
    return _COLORS.get(kind)


def printable(text: str) -> str:
    """Return text without characters that control a terminal."""
    return "".join(c if c == "\n" or unicodedata.category(c) not in ("Cc", "Cs") else " " for c in text)


def char_width(char: str) -> int:
    """Return how many columns of a terminal a character takes."""
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def text_width(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return sum(map(char_width, text))


def cut(text: str, columns: int) -> str:
    """Return a text cut to a number of columns, with an ellipsis if it was longer."""
    if text_width(text) <= columns:
        return text
    kept, used = "", 0
    for char in text:
        used += char_width(char)
        if used > columns - 1:
            break
        kept += char
    return f"{kept}…" if columns > 0 else ""


def _wrapped(text: str, columns: int) -> Iterator[str]:
    """Yield a paragraph in lines of at most that number of columns; a wider word is broken."""
    line = ""
    for word in text.split():
        if line and text_width(line) + 1 + text_width(word) > columns:
            yield line
            line = ""
        while text_width(word) > columns:
            head = ""
            for char in word:
                if text_width(head) + char_width(char) > columns:
                    break
                head += char
            yield head
            word = word[len(head) :]
        line = f"{line} {word}" if line else word
    yield line


def entry_lines(entry: dict[str, Any], columns: int, at: str) -> list[str]:
    """Return a timeline entry in lines of at most that number of columns; `at` is its time of day.

    A short entry is one line, the text of a longer one begins under its author.
    """
    head = f"{at}  {printable(entry['by'])} [{entry['kind']}]"
    paragraphs = printable(entry["text"]).split("\n")
    line = f"{head}  {paragraphs[0]}"
    if len(paragraphs) == 1 and text_width(line) <= columns:
        return [line.rstrip()]
    indent = " " * (text_width(at) + 2)
    room = max(20, columns - len(indent))
    texts = [part for paragraph in paragraphs for part in _wrapped(paragraph, room)]
    return [cut(head, columns), *(f"{indent}{text}".rstrip() for text in texts)]


def status_line(incident: dict[str, Any], now: datetime, columns: int) -> str:
    """Return severity, phase, running time, commander and next update of an incident in one line."""
    commander = next((r["person"] for r in incident["roles"] if r["role"] == "commander"), "")
    ended_at = incident["closed_at"]
    end = datetime.fromisoformat(ended_at) if ended_at else now
    parts = [
        f"{incident['ref']} {incident['severity']} {incident['phase']}",
        stopwatch(end - datetime.fromisoformat(incident["declared_at"])),
        f"commander {printable(commander)}" if commander else "no commander",
    ]
    if due := incident["update_due_at"]:
        parts.append(f"update {countdown(datetime.fromisoformat(due) - now, promise=True)}")
    return cut(" · ".join(parts), columns)
