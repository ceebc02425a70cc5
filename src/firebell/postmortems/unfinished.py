"""What a post-mortem leaves open: the placeholders of its template that no one replaced (pure)."""

import re

from firebell.postmortems.draft import PLACEHOLDERS

_ITALIC = re.compile(r"(?<![\\w_])_(?P<text>[^_\n]+)_(?![\w_])")
_SLOT = re.compile(r"\{\{ *\w+ *\}\}")
_HEADING = re.compile(r"#+ +(?P<title>.+)")


def unfinished(body: str, template: str) -> list[str]:
    """Return each placeholder that is left as `Section: placeholder`, in order, none twice.

    The lines in italics of the template are placeholders; italics that an author wrote are text.
    """
    known = {m["text"] for m in _ITALIC.finditer(template)} | PLACEHOLDERS
    section, left = "", dict[str, None]()
    for line in body.splitlines():
        if heading := _HEADING.match(line):
            section = heading["title"].strip()
        texts = [m["text"] for m in _ITALIC.finditer(line) if m["text"] in known]
        for text in [*texts, *_SLOT.findall(line)]:
            left[f"{section}: {text}" if section else text] = None
    return list(left)
