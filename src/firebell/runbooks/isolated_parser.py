"""Parse and render runbooks in a child process, within a time limit."""

import hashlib
from collections import OrderedDict
from collections.abc import Iterable

import msgspec
from markupsafe import Markup

from firebell.kit.errors import Invalid
from firebell.kit.markdown import as_written
from firebell.kit.process_pool import DOCUMENTS, TakesTooLong
from firebell.runbooks.model import Runbook

CACHED_RUNBOOKS = 512
"""Number of parsed texts that a process keeps: a library is parsed once, not each time that it is checked."""
_parsed: OrderedDict[bytes, Runbook] = OrderedDict()
"""By the hash of the text, the one used last at the end."""
EMPTY = Runbook(title="", parts=(), owner="", updated=None, fences=(), links=(), steps=(), headings=())
"""What `read_stored` returns for a text that takes too long to parse."""


async def read(text: str) -> Runbook:
    """Return a text as a runbook; raise `Invalid` if it takes too long to parse."""
    key = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    if known := _parsed.get(key):
        _parsed.move_to_end(key)
        return known
    try:
        answer = await DOCUMENTS.call("firebell.runbooks.parse:read", text)
    except TakesTooLong as exc:
        raise Invalid(
            "The text takes too long to process.",
            fields={"body": "Shorten it, or use fewer brackets and tables."},
        ) from exc
    runbook = _parsed[key] = msgspec.json.decode(answer, type=Runbook)
    while len(_parsed) > CACHED_RUNBOOKS:
        _parsed.popitem(last=False)
    return runbook


async def read_stored(text: str) -> Runbook:
    """Return a stored text as a runbook, an empty one if it takes too long to parse."""
    try:
        return await read(text)
    except Invalid:
        return EMPTY


async def rendered(text: str, known: Iterable[str] = ()) -> Markup:
    """Return a text as safe HTML, or escaped as it is if it takes too long; `known` are slugs to link to."""
    try:
        html = await DOCUMENTS.call("firebell.runbooks.runbook_html:to_html", text, sorted(known))
    except TakesTooLong:
        return as_written(text)
    return Markup(msgspec.json.decode(html, type=str))  # noqa: S704 - sanitized by nh3
