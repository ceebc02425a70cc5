"""What a text that someone sends back means, such as "47a" or "ack 47" (spec 10.9); pure.

The rest of the first line after a code and an action is a note.
"""

import re
from dataclasses import dataclass

from firebell.channels.callbacks import PageAction
from firebell.channels.phone.keywords import START_WORDS, STOP_WORDS, cleaned

MAX_CHARS = 500
"""Length from which the rest of a text is ignored."""
HELP_WORDS = frozenset({"?", "help", "info"})
_ACTIONS = {
    **dict.fromkeys(("a", "aa", "ack", "acknowledge", "ok", "yes", "👍"), PageAction.ACK),
    **dict.fromkeys(("e", "esc", "escalate"), PageAction.ESCALATE),
    **dict.fromkeys(("r", "res", "resolve", "resolved"), PageAction.RESOLVE),
}
_WORD = "|".join(sorted(map(re.escape, _ACTIONS), key=len, reverse=True))
_CODE = r"(?P<code>[0-9]{1,3})"
_END = r"(?:\s+(?P<note>.*))?"
_CODE_FIRST = re.compile(rf"{_CODE}\s*(?P<action>{_WORD})(?![a-z0-9]){_END}", re.DOTALL)
_ACTION_FIRST = re.compile(rf"(?P<action>{_WORD})\s*{_CODE}(?![a-z0-9]){_END}", re.DOTALL)
_ACTION_ALONE = re.compile(rf"(?P<action>{_WORD})", re.DOTALL)
_SPACED = re.compile(r"(?:[0-9]\s+){1,3}[a-z]")


@dataclass(frozen=True, slots=True)
class PageCommand:
    """Do something with a page; without a code, with the only one that is open."""

    action: PageAction
    code: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Help:
    """List the open pages with their codes."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Send no more messages to this address."""


@dataclass(frozen=True, slots=True)
class Start:
    """Send messages to this address again."""


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    """A text that means none of these."""

    text: str


Meaning = PageCommand | Help | Stop | Start | NotUnderstood


def read(text: str) -> Meaning:
    """Return what a text means; a word that stops messages is never an acknowledgment."""
    original = text[:MAX_CHARS].strip()
    clean = cleaned(original)
    if clean in STOP_WORDS:
        return Stop()
    if clean in START_WORDS:
        return Start()
    if clean in HELP_WORDS:
        return Help()
    # "4 7 a", as some keyboards and people write it
    joined = re.sub(r"\s+", "", clean) if _SPACED.fullmatch(clean) else clean
    for pattern in (_CODE_FIRST, _ACTION_FIRST, _ACTION_ALONE):
        if match := pattern.fullmatch(joined):
            groups = match.groupdict()
            code = int(groups["code"]) if groups.get("code") else None
            if code == 0:
                return NotUnderstood(original)
            note = _note(original, groups.get("note") or "")
            return PageCommand(_ACTIONS[groups["action"]], code, note)
    return NotUnderstood(original)


def is_yes(text: str) -> bool:
    """Return True for the word that acknowledges, and that starts messages again where they were stopped."""
    return cleaned(text) == "yes"


def _note(original: str, cleaned_note: str) -> str:
    """Return the words of the original text that are the note, as they were written."""
    count = len(cleaned_note.split())
    return " ".join(original.split()[-count:]) if count else ""
