"""Where the graph stands in an exported document (pure): under the heading of the impact, as on the page."""

from firebell.postmortems.document.sections import split, titled

GRAPH_MARK = "\ue002"
"""A paragraph of its own that a renderer replaces by the graph; no text that people type has it."""


def with_graph_mark(body: str) -> str:
    """Return a text with the mark under the heading of Impact, else of Timeline; without one of them, no mark."""
    body = body.replace(GRAPH_MARK, "")
    sections = split(body)
    section = titled(sections, "Impact") or titled(sections, "Timeline")
    if section is None:
        return body
    lines = body.split("\n")
    lines[section.line + 1 : section.line + 1] = ["", GRAPH_MARK, ""]
    return "\n".join(lines)
