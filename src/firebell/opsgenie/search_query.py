"""Parse the search queries of Opsgenie's alert list (pure).

https://support.atlassian.com/opsgenie/docs/search-queries-for-alerts/
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

MAX_CHARS = 1_000
MAX_DEPTH = 20
_NUMBER_DIGITS = 18


class QueryError(ValueError):
    """A query that cannot be read; the message says where and why."""


class Kind(StrEnum):
    """How the values of a field compare."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"
    BOOLEAN = "boolean"


FIELDS = {
    "alertid": Kind.TEXT,
    "tinyid": Kind.NUMBER,
    "alias": Kind.TEXT,
    "message": Kind.TEXT,
    "description": Kind.TEXT,
    "source": Kind.TEXT,
    "entity": Kind.TEXT,
    "status": Kind.TEXT,
    "owner": Kind.TEXT,
    "acknowledgedby": Kind.TEXT,
    "closedby": Kind.TEXT,
    "teams": Kind.TEXT,
    "responders": Kind.TEXT,
    "integration.name": Kind.TEXT,
    "integration.type": Kind.TEXT,
    "tag": Kind.TEXT,
    "actions": Kind.TEXT,
    "details.key": Kind.TEXT,
    "details.value": Kind.TEXT,
    "priority": Kind.TEXT,
    "count": Kind.NUMBER,
    "isseen": Kind.BOOLEAN,
    "acknowledged": Kind.BOOLEAN,
    "snoozed": Kind.BOOLEAN,
    "createdat": Kind.TIME,
    "updatedat": Kind.TIME,
    "lastoccurredat": Kind.TIME,
    "snoozeduntil": Kind.TIME,
}
"""The fields of a query, in lower case."""
_ALIASES = {"id": "alertid", "tags": "tag", "team": "teams", "lastoccuredat": "lastoccurredat"}


@dataclass(frozen=True, slots=True)
class Term:
    """A comparison of a field: `op` is =, <, <=, > or >=; a text may have `*` for any characters."""

    field: str
    op: str
    value: str | int | bool | datetime


@dataclass(frozen=True, slots=True)
class Not:
    """What must not hold."""

    of: "Node"


@dataclass(frozen=True, slots=True)
class All:
    """What must all hold."""

    of: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Of what one must hold."""

    of: tuple["Node", ...]


Node = Term | Not | All | AnyOf

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<quoted>"(?:[^"\\]|\\.)*")
        |(?P<paren>[()])
        |(?P<op><=|>=|<|>|=|:)
        |(?P<word>[^\s()"<>=:]+)
    )""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def parse(text: str) -> Node | None:
    """Return what a query asks for, or None for an empty one; raise QueryError if it cannot be read."""
    if len(text) > MAX_CHARS:
        raise QueryError(f"The query is longer than {MAX_CHARS:,} characters.")
    if "\x00" in text:
        raise QueryError("The query has a NUL character.")
    tokens = _tokens(text)
    if not tokens:
        return None
    parser = _Parser(tokens)
    node = parser.any_of(0)
    if parser.token is not None:
        raise QueryError(f"Unexpected {parser.token.text!r} at character {parser.token.at}.")
    return node


def _tokens(text: str) -> list[_Token]:
    tokens, at = [], 0
    end = len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None or match.end() == at:
            raise QueryError(f"The quote at character {at} does not end.")
        kind = str(match.lastgroup)
        value = match[kind]
        if kind == "quoted":
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        tokens.append(_Token(kind, value, match.start(kind)))
        at = match.end()
    return tokens


class _Parser:
    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._next = 0

    @property
    def token(self) -> _Token | None:
        """The next token, None at the end."""
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def _take(self) -> _Token:
        token = self.token
        if token is None:
            raise QueryError("The query ends too early.")
        self._next += 1
        return token

    def _takes(self, word: str) -> bool:
        token = self.token
        if token is None or token.kind != "word" or token.text.upper() != word:
            return False
        self._next += 1
        return True

    def any_of(self, depth: int) -> Node:
        """Parse alternatives."""
        if depth > MAX_DEPTH:
            raise QueryError(f"The query is nested more than {MAX_DEPTH} times.")
        nodes = [self._all(depth)]
        while self._takes("OR"):
            nodes.append(self._all(depth))
        return nodes[0] if len(nodes) == 1 else AnyOf(tuple(nodes))

    def _all(self, depth: int) -> Node:
        nodes = [self._one(depth)]
        while self.token is not None and self.token.text != ")" and self.token.text.upper() != "OR":
            self._takes("AND")
            nodes.append(self._one(depth))
        return nodes[0] if len(nodes) == 1 else All(tuple(nodes))

    def _one(self, depth: int) -> Node:
        if self._takes("NOT"):
            if depth >= MAX_DEPTH:
                raise QueryError(f"The query is nested more than {MAX_DEPTH} times.")
            return Not(self._one(depth + 1))
        token = self._take()
        if token.kind == "paren" and token.text == "(":
            node = self.any_of(depth + 1)
            if self._take().text != ")":
                raise QueryError(f"The parenthesis at character {token.at} does not end.")
            return node
        if token.kind not in ("word", "quoted"):
            raise QueryError(f"Unexpected {token.text!r} at character {token.at}.")
        if token.kind == "word" and self.token is not None and self.token.kind == "op":
            return self._term(token, depth)
        return Term("message", "=", f"*{token.text}*")

    def _term(self, name: _Token, depth: int) -> Node:
        field = _ALIASES.get(name.text.lower(), name.text.lower())
        if field not in FIELDS:
            raise QueryError(f"There is no field {name.text!r}, at character {name.at}.")
        op = self._take().text.replace(":", "=")
        if self.token is not None and self.token.kind == "op":
            op = f"{op}{self._take().text}".removeprefix("=")
        if op not in ("=", "<", "<=", ">", ">="):
            raise QueryError(f"{op!r} is not a comparison operator, at character {name.at}.")
        if self.token is not None and self.token.text == "(" and self.token.kind == "paren":
            return self._alternatives(field, op, depth)
        return Term(field, op, _value(field, op, self._take()))

    def _alternatives(self, field: str, op: str, depth: int) -> Node:
        """Parse `field: (a OR b)`."""
        opened = self._take()
        nodes: list[Node] = [Term(field, op, _value(field, op, self._take()))]
        while self._takes("OR"):
            nodes.append(Term(field, op, _value(field, op, self._take())))
        if self._take().text != ")":
            raise QueryError(f"The parenthesis at character {opened.at} does not end.")
        return AnyOf(tuple(nodes))


def _value(field: str, op: str, token: _Token) -> str | int | bool | datetime:
    text = token.text
    if token.kind not in ("word", "quoted"):
        raise QueryError(f"{field} needs a value, at character {token.at}.")
    match FIELDS[field]:
        case Kind.BOOLEAN if op == "=" and text.lower() in ("true", "false"):
            return text.lower() == "true"
        case Kind.NUMBER if text.isascii() and text.isdecimal() and len(text) <= _NUMBER_DIGITS:
            return int(text)
        case Kind.TIME:
            return _time(field, text)
        case Kind.TEXT if op == "=":
            return text
    raise QueryError(f"{field} {op} {text!r} cannot be compared, at character {token.at}.")


def _time(field: str, text: str) -> datetime:
    """Return an instant in milliseconds of Unix time, or in ISO 8601; a time without an offset is UTC."""
    try:
        if text.isascii() and text.isdecimal() and len(text) <= _NUMBER_DIGITS:
            return datetime.fromtimestamp(int(text) / 1000, UTC)
        instant = msgspec.convert(text, datetime)
    except (msgspec.ValidationError, ValueError, OverflowError, OSError) as error:
        raise QueryError(f"{text!r} is not a time for {field}.") from error
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
