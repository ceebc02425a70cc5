"""Regular expressions in the syntax of RE2 that match in linear time, so that no pattern can hang a match (pure).

A pattern is compiled to a nondeterministic automaton, and a text is matched by following all of its states at once.
Not supported, as in RE2: backreferences, lookaround, possessive quantifiers, atomic and conditional groups.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

MAX_PATTERN_CHARS = 1024
MAX_REPEAT = 1000
MAX_STATES = 5000
MAX_KNOWN_STATES = 10_000
"""States of the steps that a pattern remembers."""
_SPLIT, _START, _END, _MATCH = "split", "start", "end", "match"
Test = Callable[[str], bool]

_CLASSES: dict[str, Test] = {
    "d": str.isdecimal,
    "w": lambda char: char.isalnum() or char == "_",
    "s": lambda char: char in " \t\n\r\f\v",
}
_ESCAPES = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class RegexError(ValueError):
    """The pattern is not valid; `position` counts its characters from 0."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


@dataclass(slots=True)
class _State:
    """A state: `what` is a test of one character, or one of the constants above; `to` are the next states."""

    what: Test | str
    to: list[int]


@dataclass(frozen=True, slots=True)
class _Node:
    """A part of a pattern."""

    kind: str
    test: Test | None = None
    parts: tuple["_Node", ...] = ()
    least: int = 0
    most: int | None = None


class _Parser:
    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.depth = 0

    def fail(self, message: str, position: int | None = None) -> RegexError:
        return RegexError(message, self.at if position is None else position)

    def peek(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def take(self) -> str:
        char = self.peek()
        if not char:
            raise self.fail("the pattern ends too early")
        self.at += 1
        return char

    def parse(self) -> _Node:
        node = self.alternatives(folded=False, dot_all=False)
        if self.peek():
            raise self.fail("unexpected )")
        return node

    def alternatives(self, *, folded: bool, dot_all: bool) -> _Node:
        branches: list[_Node] = []
        parts: list[_Node] = []
        while (char := self.peek()) and char != ")":
            if char == "|":
                self.at += 1
                branches.append(_Node("sequence", parts=tuple(parts)))
                parts = []
            elif self.pattern.startswith("(?", self.at) and (flags := self.flags()) is not None:
                folded, dot_all = "i" in flags or folded, "s" in flags or dot_all
            else:
                parts.append(self.repeated(folded, dot_all))
        branches.append(_Node("sequence", parts=tuple(parts)))
        return branches[0] if len(branches) == 1 else _Node("branches", parts=tuple(branches))

    def flags(self) -> str | None:
        """Return the flags of `(?is)`, None for a group; they hold until the group around them ends."""
        end = self.pattern.find(")", self.at)
        letters = self.pattern[self.at + 2 : end] if end > 0 else ""
        if not letters or set(letters) - set("is"):
            return None
        self.at = end + 1
        return letters

    def repeated(self, folded: bool, dot_all: bool) -> _Node:
        start = self.at
        node = self.atom(folded, dot_all)
        while (bounds := self.quantifier()) is not None:
            if node.kind == "repeat":
                raise self.fail("nothing to repeat", start)
            least, most = bounds
            node = _Node("repeat", parts=(node,), least=least, most=most)
            if self.peek() == "?":
                self.at += 1
            elif self.peek() == "+":
                raise self.fail("possessive quantifiers are not supported")
        return node

    def quantifier(self) -> tuple[int, int | None] | None:
        char = self.peek()
        if char in ("*", "+", "?") and char:
            self.at += 1
            return {"*": (0, None), "+": (1, None), "?": (0, 1)}[char]
        end = self.pattern.find("}", self.at)
        if char != "{" or end < 0:
            return None
        low, comma, high = self.pattern[self.at + 1 : end].partition(",")
        if not low.isascii() or not low.isdigit() or (high and not (high.isascii() and high.isdigit())):
            return None
        least, most = int(low), (int(high) if high else None) if comma else int(low)
        if least > MAX_REPEAT or (most is not None and (most > MAX_REPEAT or most < least)):
            raise self.fail(f"the repetition is larger than {MAX_REPEAT}, or its bounds are reversed")
        self.at = end + 1
        return least, most

    def atom(self, folded: bool, dot_all: bool) -> _Node:
        start, char = self.at, self.take()
        match char:
            case "(":
                return self.group(start, folded, dot_all)
            case "[":
                return _Node("char", self.char_class(start, folded))
            case ".":
                return _Node("char", (lambda _: True) if dot_all else (lambda c: c != "\n"))
            case "^" | "$":
                return _Node("start" if char == "^" else "end")
            case "*" | "+" | "?":
                raise self.fail("nothing to repeat", start)
            case "\\":
                return self.escape(start, folded)
            case _:
                return _Node("char", _literal(char, folded))

    def group(self, start: int, folded: bool, dot_all: bool) -> _Node:
        self.depth += 1
        if self.depth > 50:
            raise self.fail("groups are nested too deeply", start)
        if self.peek() == "?":
            header = self.pattern[self.at :]
            if header.startswith("?:"):
                self.at += 2
            elif header.startswith("?P<") and ">" in header:
                self.at += header.index(">") + 1
            elif (flags := header[1:].partition(":")[0]) and not set(flags) - set("is"):
                self.at += len(flags) + 2
                folded, dot_all = "i" in flags or folded, "s" in flags or dot_all
            else:
                raise self.fail("this kind of group is not supported", start)
        node = self.alternatives(folded=folded, dot_all=dot_all)
        if self.peek() != ")":
            raise self.fail("missing )", start)
        self.at += 1
        self.depth -= 1
        return node

    def escape(self, start: int, folded: bool) -> _Node:
        char = self.take()
        if char == "A":
            return _Node("start")
        if char == "z":
            return _Node("end")
        return _Node("char", self.escaped(char, start, folded))

    def escaped(self, char: str, start: int, folded: bool) -> Test:
        if char.lower() in _CLASSES:
            inside = _CLASSES[char.lower()]
            return inside if char.islower() else lambda c: not inside(c)
        if char == "x":
            end = self.pattern.find("}", self.at) if self.peek() == "{" else self.at + 2
            digits = self.pattern[self.at : end].removeprefix("{")
            try:
                literal = chr(int(digits, 16))
            except (ValueError, OverflowError):
                raise self.fail("not a hexadecimal escape", start) from None
            self.at = end + (1 if self.pattern[self.at : self.at + 1] == "{" else 0)
            return _literal(literal, folded)
        if char.isascii() and char.isalnum() and char not in _ESCAPES:
            kind = "backreferences are" if char.isdigit() else f"\\{char} is"
            raise self.fail(f"{kind} not supported", start)
        return _literal(_ESCAPES.get(char, char), folded)

    def char_class(self, start: int, folded: bool) -> Test:
        negated = self.peek() == "^"
        self.at += negated
        tests: list[Test] = []
        is_first = True
        while is_first or self.peek() != "]":
            if not self.peek():
                raise self.fail("missing ]", start)
            is_first = False
            at, low = self.at, self.take()
            if low == "\\":
                char = self.take()
                if char.lower() in _CLASSES or char == "x":
                    tests.append(self.escaped(char, at, folded))
                    continue
                low = _ESCAPES.get(char, char)
            elif low == "[" and self.peek() == ":":
                raise self.fail("named classes are not supported", at)
            high = low
            if self.peek() == "-" and self.pattern[self.at + 1 : self.at + 2] not in ("]", ""):
                self.at += 1
                high = self.take()
                if high == "\\":
                    high = self.take()
                    high = _ESCAPES.get(high, high)
                if high < low:
                    raise self.fail("the range is reversed", at)
            tests.append(_range(low, high, folded))
        self.at += 1
        return lambda char: any(test(char) for test in tests) != negated


def _literal(literal: str, folded: bool) -> Test:
    return (lambda char: char.lower() == literal.lower()) if folded else (lambda char: char == literal)


def _range(low: str, high: str, folded: bool) -> Test:
    def inside(char: str) -> bool:
        return low <= char <= high

    return (lambda char: inside(char.lower()) or inside(char.upper())) if folded else inside


class Regex:
    """A compiled pattern; `matches` takes time in proportion to the pattern and the text.

    Steps that were taken before are remembered, so that most texts take time in proportion to the text alone.
    """

    def __init__(self, pattern: str) -> None:
        if len(pattern) > MAX_PATTERN_CHARS:
            raise RegexError(f"the pattern is longer than {MAX_PATTERN_CHARS} characters", MAX_PATTERN_CHARS)
        self._states: list[_State] = []
        node = _Parser(pattern).parse()
        self._first = self._compile(node, self._add(_MATCH, []))
        self._steps: dict[tuple[frozenset[int], str, bool], frozenset[int]] = {}
        self._known_states = 0

    def _add(self, what: Test | str, to: list[int]) -> int:
        if len(self._states) >= MAX_STATES:
            raise RegexError("the pattern repeats too much", 0)
        self._states.append(_State(what, to))
        return len(self._states) - 1

    def _compile(self, node: _Node, after: int) -> int:
        """Return the first state of a part that is followed by the state `after`."""
        match node.kind:
            case "char":
                assert node.test
                return self._add(node.test, [after])
            case "start" | "end":
                return self._add(node.kind, [after])
            case "branches":
                return self._add(_SPLIT, [self._compile(part, after) for part in node.parts])
            case "repeat":
                return self._repeat(node, after)
            case _:
                for part in reversed(node.parts):
                    after = self._compile(part, after)
                return after

    def _repeat(self, node: _Node, after: int) -> int:
        (part,) = node.parts
        if node.most is None:
            loop = self._add(_SPLIT, [])
            self._states[loop].to = [self._compile(part, loop), after]
            first = loop
        else:
            first = after
            for _ in range(node.most - node.least):
                first = self._add(_SPLIT, [self._compile(part, first), after])
        for _ in range(node.least):
            first = self._compile(part, first)
        return first

    def _reached(self, starts: Iterable[int], *, is_start: bool, is_end: bool) -> frozenset[int]:
        """Return the states that are reached without a character."""
        reached: set[int] = set()
        pending = list(starts)
        while pending:
            number = pending.pop()
            if number in reached:
                continue
            reached.add(number)
            state = self._states[number]
            is_passed = (
                state.what == _SPLIT or (state.what == _START and is_start) or (state.what == _END and is_end)
            )
            if is_passed:
                pending += state.to
        return frozenset(reached)

    def _step(self, current: frozenset[int], char: str, is_end: bool) -> frozenset[int]:
        """Return the states after a character; remember them."""
        following = [
            to
            for number in current
            if callable(what := self._states[number].what) and what(char)
            for to in self._states[number].to
        ]
        reached = self._reached(following, is_start=False, is_end=is_end)
        self._known_states += len(reached) + 1
        if self._known_states > MAX_KNOWN_STATES:
            self._steps, self._known_states = {}, len(reached) + 1
        self._steps[current, char, is_end] = reached
        return reached

    def matches(self, text: str) -> bool:
        """Return True if the whole text matches."""
        length = len(text)
        current = self._reached([self._first], is_start=True, is_end=not text)
        for at, char in enumerate(text, 1):
            known = self._steps.get((current, char, at == length))
            current = self._step(current, char, at == length) if known is None else known
            if not current:
                return False
        return any(self._states[number].what == _MATCH for number in current)


@lru_cache(512)
def compiled(pattern: str) -> Regex:
    """Return the compiled pattern; raise `RegexError`."""
    return Regex(pattern)
