"""Composes the events of action items."""

from collections.abc import Mapping
from typing import Any

from firebell.webhooks.events import subject_store
from firebell.webhooks.events.composition_context import CompositionContext, person_of, team_of
from firebell.webhooks.events.payloads import ActionItemEvent, WebhookActionItem
from firebell.webhooks.model import NewEvent


async def compose_action_item(c: CompositionContext, payload: Mapping[str, Any]) -> list[NewEvent]:
    """Return that an action item was added or done; nothing for other changes."""
    fields = payload["fields"].split(",")
    is_done = "state" in fields and payload["state"] == "done"
    if "added" not in fields and not is_done:
        return []
    row = await subject_store.action_item(c.tx, payload["item_id"])
    if row is None:
        return []
    names = await subject_store.names(c.tx, (), {row["team_id"]} - {None}, {row["owner_id"]} - {None})
    shown = WebhookActionItem(
        ref=f"ACT-{row['id']}",
        title=row["title"],
        kind=row["kind"],
        priority=row["priority"],
        state=row["state"],
        owner=person_of(names, row["owner_id"]) if row["owner_id"] and row["is_accepted"] else None,
        team=team_of(names, row["team_id"]),
        due=row["due"],
        done_at=row["done_at"],
        incident=f"INC-{row['incident_id']}" if row["incident_id"] else None,
        url=c.url(f"/actions/ACT-{row['id']}"),
    )
    type_ = "action_item.done" if is_done else "action_item.created"
    data = ActionItemEvent(action_item=shown, by=payload["by"])
    about = {"teams": [row["team_id"]], "incidents": row["incident_ids"]}
    return [c.event(type_, f"action_item:{row['id']}", data, **about)]
