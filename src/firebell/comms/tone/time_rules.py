"""Promises and times: when readers hear again, and in which time zone (pure)."""

import re
from collections.abc import Iterator

from firebell.comms.tone.model import ToneContext, ToneFinding, ToneLevel
from firebell.comms.tone.sentences import CLOCK_TIME, ZONE, Sentence

LONGEST_INTERVALS = 2
"""How many intervals away the next update may be at most."""
_SOON = re.compile(
    r"\b(?:(?:as )?soon(?: as (?:possible|we can))?|shortly(?! (?:after|before|thereafter))|asap|momentarily"
    r"|in due course|(?:in|within) (?:the next |a )(?:few|couple of) (?:minutes|hours|days|moments))\b",
    re.IGNORECASE,
)
_RELATIVE = re.compile(
    r"\b(?:in|within)(?: about| around| approximately| roughly| another| the next| less than){0,2}"
    r" (?:\d{1,3}|an?|one|two|three|half an|ten|twenty|thirty)(?:[-–]\d{1,3})? (?:min(?:ute)?s?|hours?|hrs?|days?)\b",
    re.IGNORECASE,
)
_PROMISE_VERB = re.compile(
    r"\b(?:will|expect|should|plan|aim|hope|intend|anticipate|estimate|provide)(?:s|d|ed|ing)?\b|['’]ll\b",
    re.IGNORECASE,
)
_SOON_WORDS = frozenset(("soon", "shortly", "asap", "momentarily", "course", "few", "couple"))
_UNITS = frozenset(["min", "mins", "minute", "minutes", "hour", "hours", "hr", "hrs", "day", "days"])
_NEXT_WORD = re.compile(r"\b(?:update|hear|write|report|tell|post|share)s?\b", re.IGNORECASE)


def next_update(text: str, parts: list[Sentence], context: ToneContext) -> Iterator[ToneFinding]:
    """Yield W-NEXT if a text that is not final names no time of the next update, W-PAST for a wrong one."""
    if not context.is_outside or context.is_final:
        return
    at, now = context.next_update_at, context.now
    if at is None:
        promised = any(_NEXT_WORD.search(part.text) and CLOCK_TIME.search(part.text) for part in parts)
        if not promised:
            yield ToneFinding(
                "W-NEXT",
                ToneLevel.ERROR,
                0,
                0,
                "No one can tell when the next update comes.",
                "Set the time of the next update.",
            )
    elif now is not None and at <= now:
        yield ToneFinding(
            "W-PAST", ToneLevel.ERROR, 0, 0, "The time of the next update is past.", "Set a later time."
        )
    elif now is not None and context.interval and at - now > LONGEST_INTERVALS * context.interval:
        minutes = int(context.interval.total_seconds() // 60)
        yield ToneFinding(
            "W-PAST",
            ToneLevel.ERROR,
            0,
            0,
            f"The next update is too far away: SEV{context.severity} promises one every {minutes} min.",
            "Set an earlier time, even if nothing will have changed.",
        )


def vague_times(parts: list[Sentence], present: frozenset[str]) -> Iterator[ToneFinding]:
    """Yield W-SOON for a promise without a time, and W-REL for one that depends on when it is read.

    `present` are the words of the text.
    """
    for part in () if _SOON_WORDS.isdisjoint(present) else parts:
        for match in _SOON.finditer(part.text):
            start = part.start + match.start()
            yield ToneFinding(
                "W-SOON",
                ToneLevel.ERROR,
                start,
                start + len(match[0]),
                f"“{match[0]}” is not a time.",
                "Name a clock time, such as “by 14:50 UTC”.",
            )
    for part in () if _UNITS.isdisjoint(present) else parts:
        if _PROMISE_VERB.search(part.text) or _NEXT_WORD.search(part.text):
            for match in _RELATIVE.finditer(part.text):
                start = part.start + match.start()
                yield ToneFinding(
                    "W-REL",
                    ToneLevel.WARNING,
                    start,
                    start + len(match[0]),
                    f"“{match[0]}” depends on when it is read.",
                    "Name a clock time, such as “by 14:50 UTC”.",
                )


def zones(text: str, context: ToneContext) -> Iterator[ToneFinding]:
    """Yield W-ZONE if a clock time has no time zone anywhere in the text."""
    match = CLOCK_TIME.search(text)
    if match and not ZONE.search(text):
        yield ToneFinding(
            "W-ZONE",
            ToneLevel.WARNING,
            *match.span(),
            f"“{match[0]}” has no time zone.",
            "Add the zone, such as UTC.",
        )
