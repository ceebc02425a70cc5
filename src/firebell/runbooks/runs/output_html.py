"""Show the output of a step: without what a terminal would interpret, and with what was redacted marked (pure)."""

import re

from markupsafe import Markup, escape

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_REDACTED = re.compile(r"\[redacted:[^\]\n]{1,60}\]")


def plain_output(text: str) -> str:
    """Return an output without escape sequences; other control and bidirectional characters are made visible."""
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", _ANSI.sub("", text.replace("\r\n", "\n")))


def output_html(head: str, tail: str) -> Markup:
    """Return the beginning and the end of an output as HTML, what was redacted as `mark`."""
    text = plain_output(head if not tail else f"{head}\n…\n{tail}")
    parts: list[Markup] = []
    end = 0
    for match in _REDACTED.finditer(text):
        parts += [escape(text[end : match.start()]), Markup("<mark>{}</mark>").format(match[0])]
        end = match.end()
    return Markup("").join([*parts, escape(text[end:])])
