"""Lines of text about incidents for the terminal."""

from collections.abc import Sequence
from typing import Any


def summary_line(fields: dict[str, Any]) -> str:
    """Return reference, severity, phase and title of an incident in one line."""
    drill = " (drill)" if fields["drill"] else ""
    return f"{fields['ref']} {fields['severity']} is {fields['phase']}{drill}: {fields['title']}"


def timeline_markdown(incident: dict[str, Any], entries: Sequence[dict[str, Any]]) -> str:
    """Return the timeline of an incident as Markdown, with times in UTC; text keeps its own Markdown."""
    lines = [f"# Timeline of {incident['ref']}: {incident['title']}", ""]
    for entry in entries:
        at = entry["at"][:16].replace("T", " ")
        first, *rest = entry["text"].splitlines() or [""]
        lines.append(f"- **{at} UTC** {entry['by']} ({entry['kind']}): {first}".rstrip())
        lines += [f"  {line}".rstrip() for line in rest]
    return "\n".join(lines)
