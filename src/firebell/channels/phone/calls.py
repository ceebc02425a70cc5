"""The course of a call: what a key does, when it is asked for once more, and when to hang up; pure.

The state of a call stands in the query of the address to which its provider posts: `d` the delivery, `t` when its
message was composed, `l` the language, `n` how often something was said, `b` whether that was about several pages, `c`
the key to confirm, `k` a key that could not be stored, and `r` how often that was tried.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from firebell.channels.callbacks import (
    OptOut,
    PageAction,
    Press,
    RepeatRequest,
    Signal,
    SignalAnswer,
    instant_of,
)
from firebell.channels.languages import text
from firebell.channels.phone.voice_script import Script, script_of
from firebell.kit.language_catalogs import DEFAULT

MAX_READINGS = 3
RETRIES = 3
LISTEN_S = 8
FIRST_LISTEN_S = 2
"""How long a call waits for a key before the details: by then its provider has reported a machine that answered."""
RING_S = 30
_NO_SUCH_NUMBER = frozenset({"404", "410", "484", "604"})
"""The SIP responses by which a network says that a number is not in use, or incomplete."""
_ACTIONS = {"4": PageAction.ACK, "5": PageAction.ESCALATE, "6": PageAction.RESOLVE}
_FOR_ONE = frozenset({"5", "6"})
"""The keys that do nothing in a call about several pages: it says once more what it is about."""
_KEPT = ("d", "t", "n", "b", "l", "c")
_CONFIRMED = {"6": "Press 6 again to resolve.", "1": "Press 1 again to get no more calls on this number."}
GOODBYE = "Goodbye."
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
    language: str = DEFAULT
    listen_s: int = LISTEN_S


def first_turn(script: Script, delivery_id: int, composed_at: datetime) -> Turn:
    """Return what a call says when someone or something answers: nothing of what the page is about."""
    if not script.keys:
        return Turn(script.twice, Next.HANG_UP, {}, script.language)
    query = {
        **_about(delivery_id, composed_at),
        "n": "1",
        "l": script.language,
        **_bundle(script),
    }
    return Turn(script.first, Next.LISTEN, query, script.language, FIRST_LISTEN_S)


def _about(delivery_id: int, composed_at: datetime) -> dict[str, str]:
    return {"d": str(delivery_id), "t": str(int(composed_at.timestamp()))}


def _bundle(script: Script) -> dict[str, str]:
    return {"b": "1"} if script.is_for_all else {}


def _is_unconfirmed(query: Mapping[str, str], key: str) -> bool:
    return key in _CONFIRMED and query.get("c") != key and not _is_ignored(query, key)


def _is_ignored(query: Mapping[str, str], key: str) -> bool:
    return key in _FOR_ONE and "b" in query


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
    composed_at = instant_of(number_in(query, "t"))
    if _is_unconfirmed(query, key):
        return ()
    if key == "1":
        return (OptOut(number),)
    if key in _ACTIONS and not _is_ignored(query, key):
        press_key, is_for_all = f"{call}:{repeats}:{key}", "b" in query
        return (Press(press_key, delivery, _ACTIONS[key], number, is_for_all, composed_at),)
    if key or repeats < MAX_READINGS:
        return (RepeatRequest(delivery, number, bool(key), composed_at),)
    return ()


def turn_after(query: Mapping[str, str], key: str, answers: Sequence[SignalAnswer]) -> Turn:
    """Return what the call says after a key, once its effect is stored."""
    language = query.get("l", DEFAULT)
    about = {name: query[name] for name in ("d", "t") if name in query}
    following = {**about, "n": str(number_in(query, "n") + 1), "l": language}
    if _is_unconfirmed(query, key):
        kept = {name: query[name] for name in ("b",) if name in query}
        return Turn(text(language, _CONFIRMED[key]), Next.LISTEN, {**following, **kept, "c": key}, language)
    if key == "1":
        return Turn(text(language, STOPPED), Next.HANG_UP, {}, language)
    answer = answers[0] if answers else None
    if answer is None or number_in(query, "n") > 2 * MAX_READINGS:
        return Turn(text(language, GOODBYE), Next.HANG_UP, {}, language)
    if answer.message is not None:
        script = script_of(answer.message, takes_keys=True)
        # of several pages one may be left, whose delivery then answers for it alone
        about = _about(answer.message.delivery_id, answer.message.composed_at)
        return Turn(script.rest, Next.LISTEN, {**following, **about, **_bundle(script)}, language)
    return Turn(answer.text or text(language, GOODBYE), Next.HANG_UP, {}, language)


def turn_unstored(query: Mapping[str, str], key: str) -> Turn:
    """Return what the call says when a key could not be stored: nothing is said of success, and it is tried again."""
    tried, language = number_in(query, "r"), query.get("l", DEFAULT)
    if tried >= RETRIES:
        return Turn(text(language, NOT_STORED), Next.HANG_UP, {}, language)
    kept = {name: query[name] for name in _KEPT if name in query}
    return Turn(text(language, "One moment."), Next.RETRY, {**kept, "k": key, "r": str(tried + 1)}, language)
