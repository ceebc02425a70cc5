"""Broadcasts to webhooks about components whose status changed (pure; spec 7.11)."""

from collections.abc import Sequence
from dataclasses import replace

from firebell.status_pages.model import STATUS_LABELS, ComponentChange
from firebell.subscribers.model import NewBroadcast

TYPE = "component.status_changed"
"""The type of these events; mails, Slack and Teams get only the update that changed the components."""


def of_changes(cause: NewBroadcast, changes: Sequence[ComponentChange], update_id: int) -> list[NewBroadcast]:
    """Return a broadcast for each component that the update of another broadcast changed.

    It reaches who wants to hear of the cause and of the component. `update_id` orders those of one component.
    """
    return [
        replace(
            cause,
            subject=change.component.public_id,
            seq=update_id,
            type=TYPE,
            component_ids=frozenset({change.component.id}),
            group_ids=frozenset(filter(None, (change.component.group_id,))),
            content={
                "page": cause.content["page"],
                "title": change.component.name,
                "label": STATUS_LABELS[change.new],
                "body": "",
                "at": cause.content["at"],
                "path": cause.content["path"],
                "document": {
                    **change.document,
                    "old_status": change.old.code,
                    "new_status": change.new.code,
                    "incident_id": cause.subject,
                },
            },
            is_progress=False,
            hold_s=0,
        )
        for change in changes
    ]
