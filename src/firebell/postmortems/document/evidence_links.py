"""A document as Markdown and HTML for its readers (pure): evidence becomes links, unreadable evidence a word."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from firebell.postmortems.document.evidence import REFERENCE, EvidenceRef, references

UNKNOWN = "[evidence]"
_LINK = re.compile(r"<a (?=[^>]*>(?:[tpacs]:\d+|r:\d+\.\d+)</a>)")
_WAIVER = re.compile(r"[ \t]*<!-- ok: [^\n]*? -->")
_FENCE = re.compile(r" {0,3}(?:`{3,}|~{3,})")


@dataclass(frozen=True, slots=True)
class EvidenceLink:
    """Where a reference leads, and the words of what is there."""

    href: str
    label: str


def with_evidence(text: str, links: Mapping[EvidenceRef, EvidenceLink]) -> str:
    """Return Markdown whose references are links; one that leads nowhere, or that may not be read, is `[evidence]`.

    Waivers of the wording are left out. Fenced code stays as it is.
    """
    lines = text.split("\n")
    is_code = False
    for number, line in enumerate(lines):
        if _FENCE.match(line):
            is_code = not is_code
        elif not is_code:
            lines[number] = REFERENCE.sub(lambda match: _link(match, links), _WAIVER.sub("", line))
    return "\n".join(lines)


def mark_links(html: str) -> str:
    """Return safe HTML whose links of evidence have a class of their own."""
    return _LINK.sub('<a class="ev" ', html)


def _link(match: re.Match[str], links: Mapping[EvidenceRef, EvidenceLink]) -> str:
    ref = references(match[0])[0]
    link = links.get(ref)
    if link is None:
        return rf"\{UNKNOWN}"
    title = re.sub(r'["\\\n<>]', " ", link.label)[:120]
    return f'[{ref}]({link.href} "{title}")'
