"""R-QUOTE and R-REPARSE: variables whose value a shell would split, or read as a part of a command (pure)."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from firebell.runbooks.execution.shell_words import Expansion, ShellCommand, Word, shell_commands
from firebell.runbooks.model import Fence

BASH_LANGUAGES = frozenset({"bash", "sh", "shell"})
"""Languages of code blocks that bash runs."""
CACHED_SCRIPTS = 1024
"""Number of cached results; the scripts of a library are parsed once, not on each visit."""
_SHELLS = frozenset({"sh", "bash", "zsh", "ksh", "dash"})
_WRAPPERS = frozenset({"sudo", "env", "nohup", "time", "exec", "command", "builtin", "nice"})
_WRAPPER_OPTIONS_WITH_VALUE = frozenset({"-u", "-g", "-h", "-p", "-C", "-n", "-D", "-R", "-T"})
_DECLARING = frozenset({"export", "local", "declare", "typeset", "readonly"})
_SSH_OPTIONS_WITH_VALUE = frozenset("BbcDEeFIiJLlmOoPpQRSWw")


@dataclass(frozen=True, slots=True)
class UnsafeExpansion:
    """A variable that is not safe where it stands; `reader` is who reads it again, empty if it is only split."""

    name: str
    line: int
    reader: str = ""


def unsafe_expansions(fence: Fence, variables: Collection[str]) -> Iterator[UnsafeExpansion]:
    """Yield each unsafe expansion of a code block with its line in the document, each once.

    Declared variables must be quoted; no variable may stand in text that a second program parses.
    """
    if fence.language not in BASH_LANGUAGES:
        return
    for unsafe in _unsafe_in(fence.text, frozenset(variables)):
        yield replace(unsafe, line=fence.line + unsafe.line)


@lru_cache(maxsize=CACHED_SCRIPTS)
def _unsafe_in(script: str, variables: frozenset[str]) -> Sequence[UnsafeExpansion]:
    """Return the unsafe expansions of a script, with their lines in it."""
    unsafe: dict[UnsafeExpansion, None] = {}
    for command in shell_commands(script):
        for reader, expansion in _reparsed(command):
            unsafe[UnsafeExpansion(expansion.name, expansion.line, reader)] = None
        for expansion in _split(command):
            if expansion.name in variables:
                unsafe[UnsafeExpansion(expansion.name, expansion.line)] = None
    return sorted(unsafe, key=lambda u: (u.line, u.name, u.reader))


def _split(command: ShellCommand) -> Iterator[Expansion]:
    """Yield the expansions whose value would be split into words."""
    if command.is_test:
        return
    is_declaring = bool(command.words) and command.words[0].text in _DECLARING
    for word in command.words:
        if not (is_declaring and word.is_assignment):
            yield from (e for e in word.expansions if not e.quoted)


def _reparsed(command: ShellCommand) -> Iterator[tuple[str, Expansion]]:
    """Yield the expansions inside text that another program parses, with its name."""
    words = [word for word in command.words if not word.is_redirection]
    for reader, word in _code_arguments(words):
        yield from ((reader, e) for e in word.expansions if not e.escapes)


def _code_arguments(words: Sequence[Word]) -> Iterator[tuple[str, Word]]:
    while words and _program(words[0]) in _WRAPPERS:
        words = words[1:]
        while words and (words[0].text.startswith("-") or words[0].is_assignment):
            words = words[2:] if words[0].text in _WRAPPER_OPTIONS_WITH_VALUE else words[1:]
    if not words:
        return
    name, arguments = _program(words[0]), words[1:]
    if name == "eval":
        yield from (("eval", word) for word in arguments)
    elif name in _SHELLS:
        yield from ((f"{name} -c", word) for word in _after_option(arguments, "c"))
    elif name == "su":
        yield from (("su -c", word) for word in _after_option(arguments, "c", "--command"))
    elif name == "psql":
        yield from (("psql -c", word) for word in _after_option(arguments, "c", "--command"))
    elif name == "ssh":
        yield from (("ssh", word) for word in _remote_command(arguments))
    elif name == "xargs":
        start = next((i for i, word in enumerate(arguments) if _program(word) in _SHELLS), None)
        if start is not None:
            yield from _code_arguments(arguments[start:])


def _program(word: Word) -> str:
    return word.text.rpartition("/")[2]


def _after_option(arguments: Sequence[Word], letter: str, long: str = "") -> Iterator[Word]:
    """Yield the values of an option: `-c CODE`, `-xc CODE`, `-cCODE` where nothing follows, `--command=CODE`."""
    for i, word in enumerate(arguments):
        text = word.text
        if long and text.startswith(f"{long}="):
            yield word
        elif text == long or (text.startswith("-") and text[1:].isalpha() and text.endswith(letter)):
            yield from arguments[i + 1 : i + 2]
        elif text.startswith(f"-{letter}") and len(text) > 2:
            yield word


def _remote_command(arguments: Sequence[Word]) -> Sequence[Word]:
    """Return the words after the host, which a shell on the other machine parses."""
    i = 0
    while i < len(arguments) and arguments[i].text.startswith("-"):
        option = arguments[i].text
        i += 2 if len(option) == 2 and option[1] in _SSH_OPTIONS_WITH_VALUE else 1
    rest = arguments[i + 1 :]
    while rest and rest[0].text.startswith("-"):
        rest = (
            rest[2:] if rest[0].text[1:2] in _SSH_OPTIONS_WITH_VALUE and len(rest[0].text) == 2 else rest[1:]
        )
    return rest
