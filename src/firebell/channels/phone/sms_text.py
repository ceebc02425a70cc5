"""The text of a message as SMS: one segment whenever what must be in it fits, two at most (spec 10.4); pure."""

from firebell.channels.base import Message
from firebell.channels.message_text import REPLIES, REPLIES_TO_ALL
from firebell.channels.phone import gsm7, numbers

MAX_SEGMENTS = 2
LISTED_PAGES = 4
"""Number of pages that are named in a message about several."""
_LEAST_TITLE = 24
"""Number of characters of a title below which a second segment is better than a shorter title."""


def text_of(message: Message, number: str) -> str:
    """Return the text of a message to a number: severity, service and what, then how to answer, then where.

    Only the title is cut. The way to answer is always there.
    """
    calling_code = numbers.calling_code(number)
    url = "" if calling_code in numbers.NO_LINKS else message.url
    if message.is_text:
        return _note(message, url)
    title = gsm7.plain(message.first_line).removesuffix(".")
    takes_replies = calling_code not in numbers.NO_REPLIES
    if message.pages:
        return _of_pages(message, title, url, takes_replies=takes_replies)
    code = message.reply_code if takes_replies else 0
    tail = _tail(message, code, url, is_short=not gsm7.is_gsm(title))
    count = max(message.item_count, len(message.items))
    alerts = gsm7.plain(message.word("{count} alerts", count=count))
    ends = [f" ({alerts}). {tail}"] if count > 1 else []
    for fits in range(1, MAX_SEGMENTS + 1):
        for end in (*ends, f". {tail}"):
            if gsm7.segments(title + end) <= fits:
                return f"{title}{end}".rstrip()
        cut = gsm7.cut(title, fits, f" {tail}")
        if len(cut) >= _LEAST_TITLE or fits == MAX_SEGMENTS:
            return f"{cut} {tail}".strip()
    raise AssertionError


def _of_pages(message: Message, title: str, url: str, *, takes_replies: bool) -> str:
    """Return a text about several pages, with as many of their references and codes as there is room for."""
    code = message.reply_code if takes_replies else 0
    answer = gsm7.plain(message.word(REPLIES_TO_ALL, code=code)) if code else ""
    for listed in range(min(LISTED_PAGES, len(message.pages)), -1, -1):
        pages = [
            f"{page.ref} {page.reply_code}a" if takes_replies and page.reply_code else page.ref
            for page in message.pages[:listed]
        ]
        if pages and (more := len(message.pages) - listed):
            pages.append(f"+{more}")
        tail = " ".join(part for part in (f"{', '.join(pages)}." if pages else "", answer, url) if part)
        if gsm7.segments(f"{title}. {tail}") <= MAX_SEGMENTS:
            return f"{title}. {tail}".rstrip()
        cut = gsm7.cut(title, MAX_SEGMENTS, f" {tail}")
        if len(cut) >= _LEAST_TITLE or not listed:
            return f"{cut} {tail}".strip()
    raise AssertionError


def _tail(message: Message, code: int, url: str, *, is_short: bool) -> str:
    """Return the reference, how to answer and where; short where the characters take twice the room."""
    ref = f"{message.ref}." if message.ref and not message.title_hidden else ""
    answers = gsm7.plain(message.word(REPLIES, code=code))
    if is_short or not gsm7.is_gsm(answers):
        answers = gsm7.plain(message.word("Reply {code}a.", code=code))
    return " ".join(part for part in (ref, answers if code else "", url) if part)


def _note(message: Message, url: str) -> str:
    """Return a notice or a code within two segments, with the link only if it needs no further one."""
    note = message.text(2000, with_url=False).strip()
    whole = f"{message.title.removesuffix('.')}. {note}" if note else message.title
    text = gsm7.cut(gsm7.plain(whole), MAX_SEGMENTS)
    with_link = f"{text} {url}"
    if url and not message.code and gsm7.segments(with_link) <= gsm7.segments(text):
        return with_link
    return text
