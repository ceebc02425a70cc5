"""NCCO: what Vonage is told to say, and to ask for; pure."""

from collections.abc import Callable, Mapping
from typing import Any

from firebell.channels.languages import language
from firebell.channels.phone.calls import Next, Turn

MAX_TEXT_CHARS = 1500


def of_turn(turn: Turn, url_of: Callable[[Mapping[str, str]], str]) -> list[dict[str, Any]]:
    """Return what a call says, and where the next key is posted; after the last action, the call ends.

    Vonage has no way to repeat a request, so a key that could not be stored is asked for again.
    """
    talk = {
        "action": "talk",
        "text": turn.text[:MAX_TEXT_CHARS],
        "language": language(turn.language).vonage_language,
    }
    if turn.then is Next.HANG_UP:
        return [talk]
    listen = {
        "action": "input",
        "type": ["dtmf"],
        "dtmf": {"maxDigits": 1, "timeOut": turn.listen_s},
        "eventUrl": [url_of(turn.query)],
        "eventMethod": "POST",
    }
    return [{**talk, "bargeIn": True}, listen]
