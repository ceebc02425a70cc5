"""Checks calls and answers of a stand-in against a part of an official description, which is pinned as a table.

A table has only what Firebell uses: paths, parameters and fields with their types, values and limits, each with the
address, the version and the day of its source. A field that the source does not have is wrong, which is stricter than
most servers are.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

Kinds = Mapping[str, "Kind"]


@dataclass(frozen=True, slots=True)
class Kind:
    """The type of a value: its Python types, and what else is said about it."""

    types: tuple[type, ...]
    values: frozenset[str] = frozenset()
    pattern: str = ""
    at_most: int | None = None
    """The largest number, or the largest length of a text or list."""
    items: "Kind | None" = None
    fields: Kinds = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    is_open: bool = False
    """Whether an object may have fields that the table does not name."""
    each: "Kind | None" = None
    """The kind of all values of an object that is a map."""

    def wrong(self, value: Any, where: str) -> list[str]:
        """Return what is wrong with a value."""
        if isinstance(value, bool) and bool not in self.types:
            return [f"{where} is a boolean"]
        if not isinstance(value, self.types):
            return [f"{where} is {type(value).__name__}"]
        size = len(value) if isinstance(value, str | list) else value
        if self.at_most is not None and isinstance(size, int) and size > self.at_most:
            return [f"{where} is more than {self.at_most}"]
        if isinstance(value, str) and (self.values or self.pattern):
            is_known = not self.values or value in self.values
            return (
                []
                if is_known and re.fullmatch(self.pattern or ".*", value, re.S)
                else [f"{where} is {value}"]
            )
        if isinstance(value, list) and self.items:
            kind = self.items
            return [text for n, each in enumerate(value) for text in kind.wrong(each, f"{where}[{n}]")]
        if isinstance(value, dict) and self.each:
            kind = self.each
            return [text for name, each in value.items() for text in kind.wrong(each, f"{where}.{name}")]
        return self.wrong_fields(value, where) if isinstance(value, dict) and self.fields else []

    def wrong_fields(self, value: Mapping[str, Any], where: str) -> list[str]:
        """Return what is wrong with the fields of an object."""
        wrong = [f"{where} lacks {name}" for name in sorted(self.required - set(value))]
        for name, each in value.items():
            if name in self.fields:
                wrong += self.fields[name].wrong(each, f"{where}.{name}")
            elif not self.is_open:
                wrong.append(f"{where} has {name}")
        return wrong


TEXT = Kind((str,))
NUMBER = Kind((int,))
TRUTH = Kind((bool,))
DAY = Kind((str,), pattern=r"\d{4}-\d\d-\d\d")
INSTANT = Kind((str,), pattern=r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)")
ANYTHING = Kind((str, int, float, bool, list, dict, type(None)))


def one_of(*values: str) -> Kind:
    """Return the kind of a text that is one of these."""
    return Kind((str,), frozenset(values))


def digits(at_most: int) -> Kind:
    """Return the kind of a number in an address, up to a limit of at most 999."""
    return Kind((str,), pattern=rf"[1-9]\d{{0,{len(str(at_most)) - 1}}}")


def many(items: Kind, at_most: int | None = None) -> Kind:
    """Return the kind of a list."""
    return Kind((list,), items=items, at_most=at_most)


def maybe(kind: Kind) -> Kind:
    """Return a kind that may be null."""
    more = {name: getattr(kind, name) for name in Kind.__slots__}
    return Kind(**{**more, "types": (*kind.types, type(None))})


def thing(required: str = "", /, **fields: Kind) -> Kind:
    """Return the kind of an object; `required` are names with spaces between them."""
    return Kind((dict,), fields=fields, required=frozenset(required.split()))


def open_thing(required: str = "", /, **fields: Kind) -> Kind:
    """Return the kind of an object that may have other fields, too."""
    return replace(thing(required, **fields), is_open=True)


@dataclass(frozen=True, slots=True)
class Operation:
    """A call: its query, its body, and what it answers by status."""

    method: str
    path: str
    query: Kinds = field(default_factory=dict)
    body: Kind | None = None
    answers: Mapping[int, Kind] = field(default_factory=dict)

    @property
    def pattern(self) -> re.Pattern[str]:
        """What its paths look like."""
        return re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(self.path)))


@dataclass(frozen=True, slots=True)
class Description:
    """The pinned part of an official description, and where it is from."""

    source: str
    version: str
    read_on: date
    operations: tuple[Operation, ...]
    error: Kind | None = None
    """The body of every other answer with a status of 400 or more; None if that is not described."""

    def operation(self, method: str, path: str) -> Operation | None:
        """Return the operation of a call, None if the description has none; a longer path goes first."""
        fitting = [each for each in self.operations if each.method == method and each.pattern.fullmatch(path)]
        return min(fitting, key=lambda each: each.path.count("{"), default=None)

    def wrong_call(self, method: str, path: str, query: Mapping[str, str], body: Any) -> list[str]:
        """Return what is wrong with a call."""
        where = f"{method} {path}"
        operation = self.operation(method, path)
        if operation is None:
            return [f"{where} is no operation"]
        wrong = Kind((dict,), fields=operation.query or {"": TEXT}).wrong_fields(query, f"{where} query")
        if operation.body is None:
            return [*wrong, f"{where} has a body"] if body is not None else wrong
        return [*wrong, *operation.body.wrong(body, f"{where} body")]

    def wrong_answer(self, method: str, path: str, status: int, document: Any) -> list[str]:
        """Return what is wrong with an answer that the table describes."""
        kind = self._kind(method, path, status)
        return kind.wrong(document, f"{method} {path} -> {status}") if kind else []

    def describes(self, method: str, path: str, status: int) -> bool:
        """Return True if the table has what a call answers with this status."""
        return self._kind(method, path, status) is not None

    def _kind(self, method: str, path: str, status: int) -> Kind | None:
        operation = self.operation(method, path)
        if operation is None:
            return None
        return operation.answers.get(status) or (self.error if status >= 400 else None)
