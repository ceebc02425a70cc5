"""Read a shell script as commands and words, to find where its variables are expanded (pure).

It follows quotes, here-documents, command substitutions, `[[ ]]` and arithmetic. It is no parser: what it does not
know it reads as words, and it never fails.
"""

import re
from dataclasses import dataclass, field

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9@*]")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\[[^\]]*\])?\+?=")
_HEREDOC = re.compile(r"<<(?P<dash>-?)[ \t]*(?P<quote>['\"\\]?)(?P<word>[A-Za-z0-9_.]+)['\"]?")
_BLANKS = " \t\r"
_OPERATORS = ";&|()\n"
_COMMAND_STARTERS = frozenset(
    {"if", "then", "elif", "else", "while", "until", "do", "!", "{", "time", "coproc"}
)
_MAX_DEPTH = 20


@dataclass(frozen=True, slots=True)
class Expansion:
    """A variable that is expanded, and its line from 1; `escapes` is True for `${X@Q}`, which a shell can read."""

    name: str
    line: int
    quoted: bool
    escapes: bool = False


@dataclass(slots=True)
class Word:
    """A word: its literal text, in which an expansion is a NUL, and the variables expanded in it."""

    line: int
    text: str = ""
    expansions: list[Expansion] = field(default_factory=list)
    is_redirection: bool = False

    @property
    def is_assignment(self) -> bool:
        """True if it assigns a variable, where nothing is split."""
        return bool(_ASSIGNMENT.match(self.text))


@dataclass(slots=True)
class ShellCommand:
    """A simple command, without its assignments; `is_test` is True inside `[[ ]]` or after `case`."""

    words: list[Word] = field(default_factory=list)
    assignments: list[Word] = field(default_factory=list)
    is_test: bool = False


def shell_commands(script: str) -> list[ShellCommand]:
    """Return the commands of a script, also those inside command substitutions."""
    scanner = _Scanner(script, 1, 0)
    scanner.script()
    return scanner.commands


class _Scanner:
    def __init__(self, text: str, line: int, depth: int) -> None:
        self.text = text
        self.at = 0
        self.line = line
        self.depth = depth
        self.commands: list[ShellCommand] = []
        self.heredocs: list[tuple[str, bool]] = []

    def peek(self, size: int = 1) -> str:
        return self.text[self.at : self.at + size]

    def take(self) -> str:
        char = self.peek()
        self.at += 1
        self.line += char == "\n"
        return char

    def script(self) -> None:
        command = ShellCommand()
        while self.at < len(self.text):
            char = self.peek()
            if char in _BLANKS:
                self.take()
            elif self.peek(2) == "\\\n":
                self.take(), self.take()
            elif char == "#":
                while self.peek() not in ("", "\n"):
                    self.take()
            elif self.peek(2) == "((" and not command.words:
                self.take(), self.take()
                self.skip_arithmetic()
            elif char in _OPERATORS and not (command.is_test and char in "()&|"):
                self.operator(command)
                command = ShellCommand()
            elif char in "<>":
                self.redirection(command)
            else:
                self.add(command, self.word())
                if command.words and not command.is_test and command.words[-1].text in _COMMAND_STARTERS:
                    command.words.pop()
        self.finish(command)

    def operator(self, command: ShellCommand) -> None:
        self.finish(command)
        if self.take() == "\n":
            self.skip_heredocs()

    def finish(self, command: ShellCommand) -> None:
        if command.words or command.assignments:
            self.commands.append(command)

    def add(self, command: ShellCommand, word: Word) -> None:
        if word.is_assignment and not command.words:
            command.assignments.append(word)
            return
        command.words.append(word)
        if len(command.words) == 1:
            command.is_test = word.text in ("[[", "case")
        elif command.is_test and word.text in ("]]", "in"):
            self.finish(command)
            command.words, command.assignments, command.is_test = [], [], False

    def redirection(self, command: ShellCommand) -> None:
        heredoc = _HEREDOC.match(self.text, self.at)
        if heredoc and self.peek(3) != "<<<":
            self.at = heredoc.end()
            self.heredocs.append((heredoc["word"], heredoc["dash"] == "-"))
            return
        while self.peek() and self.peek() in "<>&|":
            opener = self.take()
            if opener in "<>" and self.peek() == "(":
                self.take()
                self.substitution(")")
                return
        while self.peek() and self.peek() in _BLANKS:
            self.take()
        if self.peek() and self.peek() not in _OPERATORS:
            target = self.word()
            target.is_redirection = True
            command.words.append(target)

    def skip_heredocs(self) -> None:
        for end, is_indented in self.heredocs:
            while self.at < len(self.text):
                line = self.text[self.at :].split("\n", 1)[0]
                self.at += len(line)
                self.take()
                if (line.lstrip("\t") if is_indented else line) == end:
                    break
        self.heredocs = []

    def skip_arithmetic(self) -> None:
        depth = 2
        while depth and self.at < len(self.text):
            char = self.take()
            depth += (char == "(") - (char == ")")

    def word(self) -> Word:
        word = Word(self.line)
        while self.at < len(self.text):
            char = self.peek()
            if char in _BLANKS or char in _OPERATORS or char in "<>":
                if char == "(" and word.is_assignment and word.text.endswith("="):
                    self.take()  # an array: its elements are words of their own
                break
            if char == "'":
                self.take()
                while self.peek() not in ("", "'"):
                    word.text += self.take()
                self.take()
            elif char == '"':
                self.take()
                self.quoted(word)
            elif char == "\\":
                self.take()
                word.text += self.take()
            elif char in "$`":
                self.expansion(word, quoted=False)
            else:
                word.text += self.take()
        return word

    def quoted(self, word: Word) -> None:
        while self.at < len(self.text):
            char = self.peek()
            if char == '"':
                self.take()
                return
            if char == "\\":
                self.take()
                word.text += self.take()
            elif char in "$`":
                self.expansion(word, quoted=True)
            else:
                word.text += self.take()

    def expansion(self, word: Word, *, quoted: bool) -> None:
        line = self.line
        if self.take() == "`":
            self.substitution("`")
            word.text += "\0"
            return
        if self.peek(2) == "((":
            self.take(), self.take()
            self.skip_arithmetic()
            word.text += "\0"
        elif self.peek() == "(":
            self.take()
            self.substitution(")")
            word.text += "\0"
        elif self.peek() == "{":
            self.braced(word, line, quoted=quoted)
        elif match := _NAME.match(self.text, self.at):
            self.at = match.end()
            word.expansions.append(Expansion(match[0], line, quoted))
            word.text += "\0"
        elif self.peek() == "'" and not quoted:
            self.take()
            while self.peek() not in ("", "'"):
                escaped = self.take() == "\\"
                if escaped:
                    self.take()
            self.take()
            word.text += "\0"
        else:
            word.text += "$"

    def braced(self, word: Word, line: int, *, quoted: bool) -> None:
        """Read `${NAME...}`; a length or a list of names expands to nothing that could be split."""
        start = self.at + 1
        depth = 0
        while self.at < len(self.text):
            char = self.take()
            if char == "\\":
                self.take()
            depth += (char == "{") - (char == "}")
            if depth == 0:
                break
        inside = self.text[start : self.at - 1]
        word.text += "\0"
        if inside.startswith("#") and len(inside) > 1:
            return
        if match := _NAME.match(inside.lstrip("!")):
            word.expansions.append(Expansion(match[0], line, quoted, escapes=inside.endswith("@Q")))

    def substitution(self, closer: str) -> None:
        """Read a command substitution, whose commands become commands of the script."""
        start, line, depth, quote = self.at, self.line, 0, ""
        while self.at < len(self.text):
            char = self.peek()
            if char == "\\" and quote != "'":
                self.take()
            elif quote:
                quote = "" if char == quote else quote
            elif char in "'\"":
                quote = char
            elif char == closer and depth == 0:
                break
            else:
                depth += (char == "(") - (char == ")")
            self.take()
        inner = self.text[start : self.at]
        self.take()
        if self.depth < _MAX_DEPTH:
            scanner = _Scanner(inner, line, self.depth + 1)
            scanner.script()
            self.commands += scanner.commands
