"""Messages of a chat that become timeline entries: which gesture means which kind, and when they were sent (pure)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

WITHDRAW_WITHIN = timedelta(seconds=60)
"""How soon the person who captured a message can take it back."""
TASK = "task"
"""What an emoji makes of a message that is to be done; the others are kinds of timeline entries."""
EMOJI_KINDS = {
    "pushpin": "note",
    "bulb": "finding",
    "scales": "decision",
    "balance_scale": "decision",
    "wrench": "mitigation",
    "memo": TASK,
}
"""What an emoji makes of a message: a kind of entry, or a task."""
_SKIN_TONE = re.compile(r"::skin-tone-[2-6]$")
_TS = re.compile(r"([0-9]{1,11})\.([0-9]{6})", re.ASCII)
_YEAR = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class CapturedMessage:
    """A message of a chat; `author` is the user who wrote it, `ts` its id in the channel."""

    channel: str
    ts: str
    author: str
    text: str
    permalink: str = ""
    files: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    sent_at: datetime | None = None
    """When it was sent, if `ts` does not say so."""


def kind_of_emoji(name: str, kinds: Mapping[str, str] = EMOJI_KINDS) -> str | None:
    """Return the kind of entry that an emoji means, or `TASK`, in any skin tone; None if it means none."""
    return kinds.get(_SKIN_TONE.sub("", name))


def sent_at(ts: str, now: datetime) -> datetime:
    """Return when a message was sent; `now` if its id is no time, or one in the future or long ago."""
    match = _TS.fullmatch(ts)
    if match is None:
        return now
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(match[1]), microseconds=int(match[2]))
    return instant if now - _YEAR <= instant <= now else now


def origin(message: CapturedMessage, chat: str, account: str, captured_by: str) -> dict[str, Any]:
    """Return where an entry comes from, as it is stored with it; contents of files are not copied."""
    named = ("name", "type", "size", "permalink")
    return {
        "chat": chat,
        "account": account,
        "channel": message.channel,
        "ts": message.ts,
        "permalink": message.permalink,
        "author": message.author,
        "captured_by": captured_by,
        "files": [{name: each[name] for name in named if name in each} for each in message.files][:20],
    }
