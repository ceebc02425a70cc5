"""What text messages to subscribers say: two segments at most, of which only the update is cut (pure; spec 7.12)."""

from collections.abc import Mapping
from typing import Any

from firebell.channels.phone import gsm7, numbers
from firebell.kit.public_markdown import to_plain
from firebell.status_pages.public.languages import Language
from firebell.subscribers.messages.update_texts import body_of, title_of, window_of

MAX_SEGMENTS = 2


def opt_out(number: str, manage_url: str, language: Language) -> str:
    """Return how to unsubscribe: by a reply, or by a link where replies do not arrive."""
    if numbers.calling_code(number) in numbers.NO_REPLIES:
        return language.labeled(language.text("Unsubscribe"), manage_url)
    return language.text("Reply STOP to unsubscribe.")


def news(content: Mapping[str, Any], url: str, ending: str, tz: str, language: Language) -> str:
    """Return the text about something published: what it is, what was written, where to read on, how to leave."""
    head = f"{content['page']}: {language.text(content['label'])}: {title_of(content, language)}"
    body = "" if content.get("is_private") else to_plain(body_of(content, language))
    # when maintenance is matters more than what is written about it
    body = f"{window_of(content, tz, language)}{body}"
    return _fitted(f"{head.rstrip('.')}. {body}", f"{url} {ending}")


def code(digits: str, name: str, url: str, language: Language) -> str:
    """Return the text with the code of a request."""
    lead = language.text("{code} is your code for updates about {name}.", code=digits, name=name)
    return _fitted(lead, f"{url} {language.text('If you didn’t ask for it, ignore this message.')}")


def invitation(name: str, url: str, language: Language) -> str:
    """Return the text with the link that confirms; a private page shows no form for a code."""
    return _fitted(f"{name}: {language.text('Confirm subscription')}:", url)


def already(name: str, manage_url: str, language: Language) -> str:
    """Return the text for someone who is subscribed, with the link that changes or ends it."""
    lead = language.text("You already get updates about the status of {name}.", name=name)
    return _fitted(lead, language.labeled(language.text("Change settings"), manage_url))


def test(name: str, ending: str, language: Language) -> str:
    """Return the text of a test."""
    return _fitted(f"{name}: {language.text('This is a test. Updates will look like this.')}", ending)


def _fitted(text: str, ending: str) -> str:
    """Return a text and its ending on one line; only the text is cut."""
    ending = gsm7.plain(ending)
    return f"{gsm7.cut(gsm7.plain(text), MAX_SEGMENTS, f' {ending}')} {ending}".strip()
