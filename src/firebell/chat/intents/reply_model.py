"""What a chat answers, in the terms of Firebell and not of a chat (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from firebell.chat.intents.model import Intent, OpenModal
from firebell.kit.errors import FirebellError


@dataclass(frozen=True, slots=True)
class ReplyButton:
    """A button: pressing it does `intent` as the person who presses, or opens `url`."""

    label: str
    intent: Intent | None = None
    url: str = ""
    primary: bool = False
    danger: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that only the person sees; `modal` asks for more instead.

    `done` is False if nothing was done, and `fields` then says what is wrong with a field of a modal.
    """

    text: str = ""
    buttons: tuple[ReplyButton, ...] = ()
    modal: OpenModal | None = None
    done: bool = True
    fields: Mapping[str, str] = field(default_factory=dict)
    composed_at: datetime | None = None
    """When the reply was composed; its buttons carry this time."""


def refusal(error: FirebellError, *buttons: ReplyButton) -> Reply:
    """Return the answer to an intent that was refused: what happened, then what to do."""
    sentences = [error.message, error.hint, *error.fields.values()]
    text = " ".join(dict.fromkeys(sentence for sentence in sentences if sentence))
    return Reply(text, buttons, done=False, fields=error.fields)
