"""The first text of a version for customers (pure): what happened, whom it affected, when, and what changes."""

import re
from collections.abc import Mapping, Sequence

from firebell.kit.localtime import to_local
from firebell.postmortems.document.evidence import REFERENCE
from firebell.postmortems.document.sections import split, titled
from firebell.postmortems.drafting.facts import DraftFact, Marker
from firebell.postmortems.external.leak_scan import public_text

ROWS_MAX = 12
_BLOCK_LINE = re.compile(r"^[ \t]*\{\{ *\w+(?: +\w+=[^\s{}]*)* *\}\}[ \t]*\n?", re.MULTILINE)
_TO_WRITE = "Say in one sentence each what you have changed and what you will change."
_PUBLIC_TEXTS: Mapping[Marker | None, str] = {
    Marker.DETECTION: "We noticed the problem.",
    Marker.REPAIR: "We took a step that ended it, or helped.",
}


def first_text(title: str, body: str, facts: Sequence[DraftFact], tz: str) -> str:
    """Return the text that a version for customers starts from; `tz` is the time zone of its times.

    Summary and Impact are taken over without evidence and blocks; the timeline keeps times, not words of the room. What
    an author must still write is in an internal passage.
    """
    sections = split(body)
    parts = [f"# {title}"]
    for heading, source in (("What happened", "Summary"), ("Impact", "Impact")):
        section = titled(sections, source)
        parts += [f"## {heading}", _cleaned(section.text if section else "")]
    parts += ["## Timeline", _timeline(facts, tz)]
    parts += [
        "## What we change",
        f"<!-- internal -->\n{_TO_WRITE}\n<!-- /internal -->",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _cleaned(text: str) -> str:
    cleaned = REFERENCE.sub("", _BLOCK_LINE.sub("", public_text(text)))
    return re.sub(r"[ \t]+(?=[.,;:\n])", "", cleaned).strip()


def _timeline(facts: Sequence[DraftFact], tz: str) -> str:
    rows: list[str] = []
    for fact in facts:
        text = _PUBLIC_TEXTS.get(fact.marker)
        if text is None or (rows and rows[-1].endswith(text)):
            continue
        rows.append(f"- {to_local(fact.at, tz):%Y-%m-%d %H:%M}: {text}")
    zone = f"Times are in {tz}.\n\n" if rows else ""
    return zone + "\n".join(rows[:ROWS_MAX])
