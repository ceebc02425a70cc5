"""The effects of updates on components, as rows have them (pure)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from firebell.status_pages.model import ComponentStatus, Effect


def read_effects(value: Sequence[Mapping[str, Any]]) -> tuple[Effect, ...]:
    """Return the effects of an update as its row has them."""
    return tuple(
        Effect(
            each["component_id"], ComponentStatus.of(each["status"]), datetime.fromisoformat(each["since"])
        )
        for each in value
    )


def effects_json(effects: Sequence[Effect]) -> list[dict[str, Any]]:
    """Return the effects of an update for its row."""
    return [
        {"component_id": e.component_id, "status": e.status.code, "since": e.since.isoformat()}
        for e in effects
    ]
