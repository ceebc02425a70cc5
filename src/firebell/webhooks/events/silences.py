"""Composes the events of silences."""

from collections.abc import Mapping
from typing import Any

from firebell.webhooks.events import subject_store
from firebell.webhooks.events.composition_context import CompositionContext, services_of, team_ids_of
from firebell.webhooks.events.payloads import SilenceEvent, WebhookSilence
from firebell.webhooks.model import NewEvent


async def compose_silences(c: CompositionContext, payload: Mapping[str, Any]) -> list[NewEvent]:
    """Return what happened to silences."""
    rows = await subject_store.silences(c.tx, payload["silence_ids"])
    names = await subject_store.names(c.tx, {i for row in rows for i in row["service_ids"]}, (), ())
    events = []
    for row in rows:
        services = row.pop("service_ids")
        shown = WebhookSilence(
            **row,
            services=services_of(names, services),
            url=c.url(f"/silences/{row['id']}"),
        )
        data = SilenceEvent(silence=shown, by=payload["by"])
        about = {"teams": team_ids_of(names, services), "services": services}
        events.append(c.event(f"silence.{payload['change']}", f"silence:{row['id']}", data, **about))
    return events
