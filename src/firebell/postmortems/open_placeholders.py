"""Find the placeholders of its template that a post-mortem still has (pure)."""

import re

from firebell.postmortems.document.blocks import BLOCKS
from firebell.postmortems.drafting.draft import GAP_TEXT, PLACEHOLDERS

_ITALIC = re.compile(r"(?<![\\w_])_(?P<text>[^_\n]+)_(?![\w_])")
_SLOT = re.compile(rf"\{{\{{ *(?!(?:{'|'.join(BLOCKS)}) *\}})\w+ *\}}\}}")
_GAP = re.compile(rf"What happened between \d\d:\d\d and \d\d:\d\d\? {GAP_TEXT}\.")
_HEADING = re.compile(r"#+ +(?P<title>.+)")


def unfinished(body: str, template: str) -> list[str]:
    """Return each remaining placeholder as `Section: placeholder`, in order, without duplicates.

    Text in italics in the template is a placeholder; italics that an author wrote are not.
    """
    placeholders = {m["text"] for m in _ITALIC.finditer(template)} | PLACEHOLDERS
    section, remaining = "", dict[str, None]()
    for line in body.splitlines():
        if heading := _HEADING.match(line):
            section = heading["title"].strip()
        texts = [
            m["text"]
            for m in _ITALIC.finditer(line)
            if m["text"] in placeholders or _GAP.fullmatch(m["text"])
        ]
        for text in [*texts, *_SLOT.findall(line)]:
            remaining[f"{section}: {text}" if section else text] = None
    return list(remaining)
