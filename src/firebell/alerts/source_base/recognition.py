"""Recognize the tool that sent a JSON object to the generic address, and read it."""

from datetime import datetime

import msgspec

from firebell.alerts.model import Event, Json, Rejected
from firebell.alerts.source_base.registry import registry
from firebell.alerts.source_base.source import ForeignAddress, KeyedAddress, Recognition, Source


def recognition_of(data: dict[str, Json]) -> Recognition | None:
    """Return the first recognition that matches; None if there is none, or if the body has our `dedup_key`."""
    if "dedup_key" in data:
        return None
    return next((tool for tool in registry().recognitions if tool.matches(data)), None)


def source_of(name: str, body: str | bytes) -> Source | None:
    """Return the source whose message this is: that of its address, or the tool that the generic address recognizes.

    None if the address is one of a release that had it. A body that is cut or no JSON object is of no tool.
    """
    source = registry().by_name.get(name)
    if source is None or isinstance(source.address, KeyedAddress | ForeignAddress):
        return source
    try:
        data = msgspec.json.decode(body, type=dict)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return source
    tool = recognition_of(data)
    return next((each for each in registry().sources if tool and each.recognition is tool), source)


def recognize(data: dict[str, Json], received_at: datetime) -> tuple[Event, ...] | Rejected | None:
    """Return the events of a body of a recognized tool, or None for any other body."""
    tool = recognition_of(data)
    if tool is None:
        return None
    if tool.unwrap is not None:
        content = tool.unwrap(data)
        content_tool = recognition_of(content)
        if content_tool is not None and content_tool is not tool:
            return content_tool.read(content, received_at)
    return tool.read(data, received_at)
