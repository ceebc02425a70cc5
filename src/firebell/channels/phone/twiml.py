"""TwiML: what Twilio is told to say, and to ask for; pure."""

from collections.abc import Callable, Mapping
from html import escape

from firebell.channels.languages import language
from firebell.channels.phone.calls import Next, Turn

CONTENT_TYPE = "text/xml"


def _response(content: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{content}</Response>'


def _say(turn: Turn) -> str:
    spoken = language(turn.language)
    voice = f' voice="{spoken.twilio_voice}"' if spoken.twilio_voice else ""
    return f'<Say language="{spoken.twilio_language}"{voice}>{escape(turn.text, quote=False)}</Say>'


def of_turn(turn: Turn, url_of: Callable[[Mapping[str, str]], str]) -> str:
    """Return what a call says, and where the next key is posted."""
    match turn.then:
        case Next.LISTEN:
            action = escape(url_of(turn.query))
            gather = f'<Gather numDigits="1" timeout="{turn.listen_s}" actionOnEmptyResult="true" action="{action}">'
            return _response(f"{gather}{_say(turn)}</Gather>")
        case Next.RETRY:
            return _response(f'<Pause length="2"/><Redirect>{escape(url_of(turn.query))}</Redirect>')
        case Next.HANG_UP:
            return _response(f"{_say(turn)}<Hangup/>")


def of_reply(text: str) -> str:
    """Return the answer to a text message; without a text, none is sent."""
    return _response(f"<Message>{escape(text, quote=False)}</Message>" if text else "")
