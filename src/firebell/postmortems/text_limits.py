"""How long the texts of a document may be (pure)."""

from firebell.kit.errors import Invalid
from firebell.kit.text import clean_text
from firebell.postmortems.document.sections import headings

BODY_MAX_CHARS = 200_000
BODY_MAX_LINES = 5_000
SECTIONS_MAX = 50
COMMENT_MAX_CHARS = 4_000
QUOTE_MAX_CHARS = 200


def clean_body(text: str) -> str:
    """Return the text of a document; raise `Invalid` if it is too long or has too many sections."""
    return f"{_cleaned(text, 'body', SECTIONS_MAX)}\n"


def clean_section(text: str) -> str:
    """Return the text under a heading; raise `Invalid` if it is too long or begins another section."""
    cleaned = _cleaned(text, "text", SECTIONS_MAX)
    if titles := headings(cleaned.split("\n")):
        raise Invalid(
            "A section cannot begin another one.",
            hint="Use a heading of level three, or edit the whole document.",
            fields={"text": f"Line {titles[0][0] + 1} is a heading of level two."},
        )
    return cleaned


def _cleaned(text: str, field: str, sections: int) -> str:
    if len(text) > BODY_MAX_CHARS:
        raise Invalid(
            "The document is too long.", fields={field: f"Enter at most {BODY_MAX_CHARS:,} characters."}
        )
    cleaned = clean_text(text, BODY_MAX_CHARS, field)
    lines = cleaned.split("\n")
    if len(lines) > BODY_MAX_LINES:
        raise Invalid("The document is too long.", fields={field: f"Enter at most {BODY_MAX_LINES:,} lines."})
    if len(headings(lines)) > sections:
        raise Invalid(
            "The document has too many sections.",
            fields={field: f"Use at most {sections} headings of level two."},
        )
    return cleaned
