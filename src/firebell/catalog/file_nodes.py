"""The parsed parts of a file, in whichever format it is written, each with its place (pure)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from firebell.kit.errors import FirebellError, Invalid

T = TypeVar("T")
_ERRORS_SHOWN = 10


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something is in a file: a line, or an item of a list and its field; both numbers begin at 1."""

    number: int
    field: str = ""
    is_item: bool = False

    def __str__(self) -> str:
        if not self.is_item:
            return f"Line {self.number}"
        return f"Item {self.number}, {self.field}" if self.field else f"Item {self.number}"

    @property
    def within(self) -> str:
        """The place inside a sentence, such as `on line 3`."""
        return f"in item {self.number}" if self.is_item else f"on line {self.number}"


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """A single value as it is written; None if it is null."""

    place: Place
    text: str | None


@dataclass(frozen=True, slots=True)
class SequenceNode:
    """A list."""

    place: Place
    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class MappingNode:
    """Keys, each with its value; a key can be listed twice."""

    place: Place
    pairs: tuple[tuple["Node", "Node"], ...]


Node = ScalarNode | SequenceNode | MappingNode


class Problems:
    """The problems of a file, each with its place."""

    def __init__(self) -> None:
        self.by_place: list[tuple[Place, str]] = []

    def add(self, place: Place, text: str) -> None:
        self.by_place.append((place, text))

    def checked(self, place: Place, check: Callable[[], T]) -> T | None:
        """Return what a check returns; None, with its refusal as a problem, if it raises."""
        try:
            return check()
        except FirebellError as error:
            self.add(place, " ".join((error.message, *error.fields.values())))
            return None


def refused(problems: list[tuple[Place, str]]) -> Invalid:
    """Return the error of a file with these problems, each after its place."""
    texts = [f"{place}: {text}" for place, text in sorted(problems)]
    more = len(texts) - _ERRORS_SHOWN
    if more > 0:
        texts[_ERRORS_SHOWN:] = [f"And {more} more."]
    return Invalid("The file has errors, so nothing was changed.", fields={"file": " ".join(texts)})
