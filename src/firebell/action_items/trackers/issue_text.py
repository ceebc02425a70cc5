"""The text of an issue that is created from an item (pure; spec 11.10).

What people wrote must mean nothing to the tracker: no one is mentioned, no command is run, and no marker is faked.
"""

import re
from datetime import date

from firebell.action_items.model import KIND_NAMES, ActionItem

LABEL = "firebell"
"""The label of issues that Firebell created."""
_ZERO_WIDTH_SPACE = "\u200b"
_MENTION = re.compile(r"@(?=\w)")
_COMMAND = re.compile(r"^(\s*)/(?=\w)", re.MULTILINE)
_DUE_LINE = r"(<!-- firebell {marker} -->\r?\nDue: )\d{{4}}-\d{{2}}-\d{{2}}"


def neutral(text: str) -> str:
    """Return a text in which nothing mentions a user, begins a quick action, or is HTML."""
    without_mentions = _MENTION.sub(f"@{_ZERO_WIDTH_SPACE}", text)
    return _COMMAND.sub(rf"\1{_ZERO_WIDTH_SPACE}/", without_mentions).replace("<", "&lt;")


def marker_line(marker: str) -> str:
    """Return the line by which an issue is found again."""
    return f"<!-- firebell {marker} -->"


def markdown(item: ActionItem, marker: str, public_url: str) -> str:
    """Return the text of an issue as Markdown; its last lines are those that Firebell may write again."""
    parts = [neutral(item.detail)] if item.detail else []
    if item.source_quote:
        parts.append(f"> {neutral(item.source_quote)}")
    parts.append(f"{marker_line(marker)}\nDue: {item.due.isoformat()}\n{footer(item, public_url)}")
    return "\n\n".join(parts)


def plain(item: ActionItem, marker: str, public_url: str) -> list[str]:
    """Return the text of an issue as paragraphs without markup; the last one has the marker."""
    parts = [item.detail] if item.detail else []
    if item.source_quote:
        parts.append(f"“{item.source_quote}”")
    return [*parts, f"{footer(item, public_url)}\nFirebell {marker}"]


def footer(item: ActionItem, public_url: str) -> str:
    """Return the line that says where the issue comes from."""
    source = f" · from INC-{item.incident_id}" if item.incident_id is not None else ""
    kind = KIND_NAMES[item.kind]
    return f"{kind} · priority {int(item.priority)}{source} · {item.ref}: {public_url}/actions/{item.ref}"


def due_in(text: str, marker: str) -> date | None:
    """Return the due day in the text of an issue, None if it is no longer there."""
    line = re.search(_DUE_LINE.format(marker=marker), text)
    try:
        return date.fromisoformat(line[0][-10:]) if line else None
    except ValueError:
        return None


def with_due(text: str, marker: str, due: str) -> str:
    """Return the text of an issue with another due day; the line is added if it was removed."""
    changed, lines = re.subn(_DUE_LINE.format(marker=marker), lambda line: line[1] + due, text, count=1)
    return changed if lines else f"{text.rstrip()}\n\n{marker_line(marker)}\nDue: {due}".lstrip()
