"""Matchers of labels in Alertmanager's syntax (UTF-8 mode): parsed, printed and matched (pure, spec 3.4)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from firebell.kit import linear_regex
from firebell.kit.errors import Invalid

RESERVED = frozenset("{}!=~,\\\"'`")
MAX_INPUT_CHARS = 4096
_SIMPLE_ESCAPES = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", '"': '"',
}  # fmt: skip
_NUMERIC_ESCAPES = {"x": (2, 16), "u": (4, 16), "U": (8, 16)}
_PRINTED_ESCAPES = {"\a": r"\a", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\v": r"\v"}
_HEX = re.compile("[0-9a-fA-F]+")
_OCTAL = re.compile("[0-3][0-7]{2}")


class MatcherError(ValueError):
    """The text is not a list of matchers; `start` and `end` count its characters from 0."""

    def __init__(self, message: str, start: int, end: int | None = None) -> None:
        self.start, self.end = start, start if end is None else end
        super().__init__(f"{self.start}:{self.end}: {message}")
        self.message = message


class Op(StrEnum):
    """How a matcher compares; a regular expression matches the whole value."""

    EQUAL = "="
    NOT_EQUAL = "!="
    MATCHES = "=~"
    DIFFERS = "!~"


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition about a label; a missing label is the same as an empty one."""

    name: str
    op: Op
    value: str

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Return True if the labels meet the condition."""
        actual = labels.get(self.name, "")
        match self.op:
            case Op.EQUAL:
                return actual == self.value
            case Op.NOT_EQUAL:
                return actual != self.value
            case Op.MATCHES:
                return linear_regex.compiled(self.value).matches(actual)
            case Op.DIFFERS:
                return not linear_regex.compiled(self.value).matches(actual)

    def __str__(self) -> str:
        """Return the matcher as text that parses to the same matcher."""
        name = self.name
        is_plain = name and name.isprintable() and not any(c in RESERVED or c.isspace() for c in name)
        return f"{name if is_plain else quoted(name)}{self.op}{quoted(self.value)}"


def matches_all(matchers: Sequence[Matcher], labels: Mapping[str, str]) -> bool:
    """Return True if the labels meet every condition; without any they do."""
    # a loop takes half the time of a generator, and every alert is compared with every silence
    for matcher in matchers:  # noqa: SIM110
        if not matcher.matches(labels):
            return False
    return True


def cheapest_first(matchers: Iterable[Matcher]) -> tuple[Matcher, ...]:
    """Return the conditions with regular expressions last: most labels fail a condition before them."""
    return tuple(sorted(matchers, key=lambda matcher: matcher.op in (Op.MATCHES, Op.DIFFERS)))


def checked(text: str, field: str, hint: str) -> str:
    """Return matchers as they are stored, an empty text for none; raise `Invalid` at `field`, with an example."""
    try:
        parsed = parse(text.strip())
        stored = print_all(parsed) if parsed else ""
        # the stored form has quotes and escapes, so it can be too long to be read again
        parse(stored)
    except MatcherError as error:
        raise Invalid(
            "The matchers can’t be read.",
            fields={field: f"Character {error.start + 1}: {error.message}. {hint}"},
        ) from None
    return stored


def print_all(matchers: Sequence[Matcher]) -> str:
    """Return matchers as text in braces."""
    return "{" + ",".join(map(str, matchers)) + "}"


def quoted(text: str) -> str:
    """Return text in double quotes, with escapes that parse back to it."""
    return '"' + "".join(_printed(char) for char in text) + '"'


def _printed(char: str) -> str:
    if char in '\\"':
        return "\\" + char
    if char in _PRINTED_ESCAPES:
        return _PRINTED_ESCAPES[char]
    if char.isprintable() or char == " ":
        return char
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


def parse(text: str) -> tuple[Matcher, ...]:
    """Return the matchers in text such as `{severity="critical", team=~"pay.*"}`; raise `MatcherError`."""
    return _Parser(text).all()


def parse_one(text: str) -> Matcher:
    """Return the one matcher in text without braces; raise `MatcherError`."""
    parser = _Parser(text)
    matcher = parser.matcher()
    parser.space()
    if parser.peek():
        raise parser.error("expected the end of the matcher")
    return matcher


class _Parser:
    def __init__(self, text: str) -> None:
        if len(text) > MAX_INPUT_CHARS:
            raise MatcherError(f"more than {MAX_INPUT_CHARS} characters", MAX_INPUT_CHARS)
        self.text = text
        self.at = 0

    def error(self, message: str, start: int | None = None) -> MatcherError:
        return MatcherError(message, self.at if start is None else start, self.at)

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def space(self) -> None:
        while self.peek().isspace():
            self.at += 1

    def all(self) -> tuple[Matcher, ...]:
        self.space()
        has_brace = self.peek() == "{"
        self.at += has_brace
        self.space()
        matchers: list[Matcher] = []
        while self.peek() not in ("", "}"):
            if matchers:
                self._comma()
                if self.peek() in ("", "}"):
                    break
            matchers.append(self.matcher())
            self.space()
        if has_brace and self.peek() != "}":
            raise self.error("expected close brace")
        if not has_brace and self.peek() == "}":
            raise MatcherError("expected opening brace", 0, 0)
        self.at += has_brace
        self.space()
        if self.peek():
            raise self.error("expected the end of the matchers")
        return tuple(matchers)

    def _comma(self) -> None:
        if self.peek() != ",":
            raise self.error("expected a comma")
        self.at += 1
        self.space()

    def matcher(self) -> Matcher:
        self.space()
        name = self._word("label name")
        self.space()
        op = self._op()
        self.space()
        start = self.at
        value = self._word("label value")
        if op in (Op.MATCHES, Op.DIFFERS):
            try:
                linear_regex.compiled(value)
            except linear_regex.RegexError as error:
                raise self.error(f"not a regular expression: {error}", start) from None
        return Matcher(name, op, value)

    def _op(self) -> Op:
        for op in (Op.MATCHES, Op.DIFFERS, Op.NOT_EQUAL, Op.EQUAL):
            if self.text.startswith(op, self.at):
                self.at += len(op)
                return op
        raise self.error("expected one of = != =~ !~")

    def _word(self, what: str) -> str:
        if self.peek() == '"':
            return self._quoted()
        start = self.at
        while (char := self.peek()) and char not in RESERVED and not char.isspace():
            self.at += 1
        if start == self.at:
            raise self.error(f"expected {what}")
        return self.text[start : self.at]

    def _quoted(self) -> str:
        start = self.at
        self.at += 1
        decoded = bytearray()
        while (char := self.peek()) != '"':
            if not char:
                raise self.error("missing closing quote", start)
            if char == "\n":
                raise self.error("a line break in quotes must be written as \\n")
            self.at += 1
            decoded += self._escape() if char == "\\" else char.encode("utf-8", "surrogatepass")
        self.at += 1
        try:
            return decoded.decode()
        except UnicodeDecodeError:
            raise self.error("not valid UTF-8", start) from None

    def _escape(self) -> bytes:
        """Return the bytes of an escape of Go's strconv.Unquote, of which the backslash was read."""
        start, kind = self.at - 1, self.peek()
        if kind in _SIMPLE_ESCAPES and kind:
            self.at += 1
            return _SIMPLE_ESCAPES[kind].encode()
        if kind in _NUMERIC_ESCAPES and kind:
            length, base = _NUMERIC_ESCAPES[kind]
            digits = self.text[self.at + 1 : self.at + 1 + length]
            if len(digits) == length and _HEX.fullmatch(digits):
                self.at += 1 + length
                return self._code(int(digits, base), kind, start)
        elif _OCTAL.fullmatch(digits := self.text[self.at : self.at + 3]):
            self.at += 3
            return bytes([int(digits, 8)])
        raise self.error("not an escape that can be used in quotes", start)

    def _code(self, code: int, kind: str, start: int) -> bytes:
        if kind == "x":
            return bytes([code])
        if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            raise self.error("not a Unicode character", start)
        return chr(code).encode()
