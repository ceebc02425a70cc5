"""Recognize the tool that sent a JSON object to the generic address, and read it."""

from datetime import datetime

from firebell.alerts.model import Event, Json, Rejected
from firebell.alerts.source import Recognition
from firebell.alerts.source_registry import registry


def recognition_of(data: dict[str, Json]) -> Recognition | None:
    """Return the first recognition that matches; None if there is none, or if the body has our `dedup_key`."""
    if "dedup_key" in data:
        return None
    return next((tool for tool in registry().recognitions if tool.matches(data)), None)


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
