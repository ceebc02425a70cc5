"""The course of a call: what a key does, when it is asked for once more, and when to hang up; pure.

The state of a call stands in the query of the address to which its provider posts: `d` the delivery, `n` how often the
script was said, `c` the key to confirm, `k` a key that could not be stored, and `r` how often that was tried.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from firebell.channels.callbacks import OptOut, PageAction, Press, RepeatRequest, Signal, SignalAnswer
from firebell.channels.phone.voice_script import script_of

MAX_READINGS = 3
RETRIES = 3
LISTEN_S = 8
RING_S = 30
_NO_SUCH_NUMBER = frozenset({"404", "410", "484", "604"})
"""The SIP responses by which a network says that a number is not in use, or not whole."""
_ACTIONS = {"4": PageAction.ACK, "5": PageAction.ESCALATE, "6": PageAction.RESOLVE}
_CONFIRMED = {"6": "Press 6 again to resolve.", "1": "Press 1 again to get no more calls on this number."}
STOPPED = "You'll get no more calls on this number. Goodbye."
NOT_STORED = "Firebell couldn't store that. Please open the app."


class Next(StrEnum):
    """What happens after something was said."""

    LISTEN = "listen"
    HANG_UP = "hang up"
    RETRY = "retry"


@dataclass(frozen=True, slots=True)
class Turn:
    """What a call says next; `query` is that of the address to which the next key is posted."""

    text: str
    then: Next
    query: Mapping[str, str]


def blames_number(sip_code: str) -> bool:
    """Return True if the SIP response of a failed call blames its number, not the network on the way."""
    return sip_code in _NO_SUCH_NUMBER


def number_in(query: Mapping[str, str], name: str) -> int:
    """Return a number of the query; 0 for none."""
    text = query.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else 0


def signals_of(query: Mapping[str, str], key: str, call: str, number: str) -> Sequence[Signal]:
    """Return what a key does in the call to a number; a key that needs confirmation does nothing the first time."""
    delivery, repeats = number_in(query, "d"), number_in(query, "n")
    if key in _CONFIRMED and query.get("c") != key:
        return ()
    if key == "1":
        return (OptOut(number),)
    if key in _ACTIONS:
        return (Press(f"{call}:{repeats}:{key}", delivery, _ACTIONS[key], number),)
    if key or repeats < MAX_READINGS:
        return (RepeatRequest(delivery, number),)
    return ()


def turn_after(query: Mapping[str, str], key: str, answers: Sequence[SignalAnswer]) -> Turn:
    """Return what the call says after a key, once its effect is stored."""
    following = {"d": query.get("d", ""), "n": str(number_in(query, "n") + 1)}
    if key in _CONFIRMED and query.get("c") != key:
        return Turn(_CONFIRMED[key], Next.LISTEN, {**following, "c": key})
    if key == "1":
        return Turn(STOPPED, Next.HANG_UP, {})
    answer = answers[0] if answers else None
    if answer is None or number_in(query, "n") > 2 * MAX_READINGS:
        return Turn("Goodbye.", Next.HANG_UP, {})
    if answer.message is not None:
        return Turn(script_of(answer.message, takes_keys=True).text, Next.LISTEN, following)
    return Turn(answer.text, Next.HANG_UP, {})


def turn_unstored(query: Mapping[str, str], key: str) -> Turn:
    """Return what the call says when a key could not be stored: nothing is said of success, and it is tried again."""
    tried = number_in(query, "r")
    if tried >= RETRIES:
        return Turn(NOT_STORED, Next.HANG_UP, {})
    kept = {name: query[name] for name in ("d", "n", "c") if name in query}
    return Turn("One moment.", Next.RETRY, {**kept, "k": key, "r": str(tried + 1)})
