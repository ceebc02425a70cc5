"""Parse an invalid JSON document up to its first error (pure)."""

import json
import re
from dataclasses import dataclass
from typing import Any

from firebell.alerts.model import Json

MAX_DEPTH = 64
MAX_TOKENS = 100_000
MAX_CHARACTERS = 2 * 1024 * 1024
"""Limits on what is parsed; a token takes a few microseconds."""

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<mark>[{}\[\],:])
      | "(?P<double>(?:[^"\\]++|\\.)*+)(?P<double_end>"|\Z)
      | '(?P<single>(?:[^'\\]++|\\.)*+)(?P<single_end>'|\Z)
      | (?P<bare>[^\s{}\[\],:"']++)
    )""",
    re.VERBOSE | re.DOTALL,
)
_NUMBER = re.compile(r"-?\d{1,18}(\.\d{1,18})?")
_CONSTANTS = {"true": True, "false": False, "null": None, "none": None, "undefined": None}
_MISSING: Any = object()
_unescape = json.JSONDecoder(strict=False).decode


@dataclass(frozen=True, slots=True)
class Partial:
    """The valid part of a document, and the text from the error, or from the list item with the error, on.

    An object has its fields before the error; a list has only complete items.
    """

    value: Json
    rest: str
    is_complete: bool


class _FaultError(Exception):
    """The document is invalid at this point."""


@dataclass(slots=True)
class _Open:
    """A container being parsed; `start` is its offset, `last` the key of its newest value."""

    value: dict[str, Json] | list[Json]
    start: int
    key: str | None = None
    colon: bool = False
    settled: bool = True
    last: Any = _MISSING


def read(text: str) -> Partial:
    """Return the part of `text` before its first error; single quotes, bare words and extra commas are valid."""
    reader = _Reader(text)
    try:
        reader.run()
    except _FaultError:
        reader.drop_unfinished()
        return Partial(reader.root, text[reader.rest :], is_complete=False)
    return Partial(reader.root, text[reader.rest :], is_complete=True)


class _Reader:
    """A parser of one document."""

    def __init__(self, text: str) -> None:
        self.text = text[:MAX_CHARACTERS]
        self.root: Json = None
        self.rest = 0
        self._stack: list[_Open] = []

    def run(self) -> None:
        """Parse until the root is complete; raise _FaultError at the first error."""
        for _ in range(MAX_TOKENS):
            match = _TOKEN.match(self.text, self.rest)
            if match is None:
                raise _FaultError
            self._take(match)
            self.rest = match.end()
            if not self._stack:
                return
        raise _FaultError

    def drop_unfinished(self) -> None:
        """Remove the value before the error, which may be cut, and the list item with the error."""
        if self._stack and not self._stack[-1].settled:
            _remove_last(self._stack[-1])
        for outer, inner in zip(self._stack, self._stack[1:], strict=False):
            if isinstance(outer.value, list):
                outer.value.pop()
                self.rest = inner.start
                return

    def _take(self, match: re.Match[str]) -> None:
        mark = match["mark"]
        if mark is None:
            self._scalar(match)
        elif mark in "{[":
            self._begin({} if mark == "{" else [], match.start("mark"))
        elif mark in "}]":
            self._end(dict if mark == "}" else list)
        elif mark == ",":
            self._separate()
        else:
            self._colon()

    def _scalar(self, match: re.Match[str]) -> None:
        if (bare := match["bare"]) is not None:
            self._add(_bare(bare))
            return
        quoted, is_closed = match["double"], match["double_end"]
        if quoted is None:
            quoted, is_closed = match["single"].replace("\\'", "'").replace('"', '\\"'), match["single_end"]
        if not is_closed:
            raise _FaultError
        self._add(_text(quoted))

    def _add(self, value: Json) -> None:
        if not self._stack:
            raise _FaultError
        top = self._stack[-1]
        if isinstance(top.value, list):
            if not top.settled:
                raise _FaultError
            top.value.append(value)
        elif top.key is None:
            if not top.settled or isinstance(value, dict | list):
                raise _FaultError
            top.key = str(value)
            return
        elif top.colon:
            top.value[top.key] = value
            top.last, top.key, top.colon = top.key, None, False
        else:
            raise _FaultError
        top.settled = False

    def _begin(self, value: dict[str, Json] | list[Json], start: int) -> None:
        if len(self._stack) >= MAX_DEPTH:
            raise _FaultError
        if self._stack:
            self._add(value)
            self._stack[-1].settled = True
        else:
            self.root = value
        self._stack.append(_Open(value, start))

    def _end(self, kind: type) -> None:
        top = self._stack[-1] if self._stack else None
        if top is None or not isinstance(top.value, kind) or top.key is not None:
            raise _FaultError
        self._stack.pop()
        if self._stack:
            # a comma or another end must follow
            self._stack[-1].settled = False

    def _separate(self) -> None:
        top = self._stack[-1] if self._stack else None
        if top is None or top.key is not None:
            raise _FaultError
        top.settled = True

    def _colon(self) -> None:
        top = self._stack[-1] if self._stack else None
        if top is None or top.key is None or top.colon:
            raise _FaultError
        top.colon = True


def _remove_last(top: _Open) -> None:
    if isinstance(top.value, list):
        top.value.pop()
    elif top.last is not _MISSING:
        top.value.pop(top.last, None)


def _bare(word: str) -> Json:
    lowered = word.lower()
    if lowered in _CONSTANTS:
        return _CONSTANTS[lowered]
    if match := _NUMBER.fullmatch(word):
        return float(word) if match[1] else int(word)
    return word


def _text(quoted: str) -> str:
    if "\\" not in quoted:
        return quoted
    try:
        value: str = _unescape(f'"{quoted}"')
    except ValueError:
        return quoted
    return value
