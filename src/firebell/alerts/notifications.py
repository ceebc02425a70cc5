"""Tells the owners of an integration that its messages cannot be read, or that its sender must be confirmed."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from firebell.alerts import actions
from firebell.catalog import actions as catalog
from firebell.catalog.model import Service
from firebell.channels.base import Message
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.kit.text import plural
from firebell.notify import actions as notify
from firebell.notify.model import Notice, Outgoing
from firebell.people import actions as people

SOURCE = "source"
"""The kind of subject of a delivery about an integration whose messages cannot be read."""


async def _owners(tx: Tx, service: Service) -> list[int]:
    """Return the members of the owning team, else the fallback responders."""
    return await people.team_members(tx, service.team_id) or await people.fallback_responders(tx)


async def source_broken(tx: Tx, payload: dict[str, Any], now: datetime) -> None:
    """Notify the owners of an integration that messages of its source cannot be read."""
    broken = await actions.broken_source(tx, payload["integration_id"], now)
    if broken is None:
        return
    service = (await catalog.services_by_id(tx, [broken.service_id]))[broken.service_id]
    await notify.send_about(tx, SOURCE, {broken.integration_id: await _owners(tx, service)}, now)


async def compose_source(tx: Tx, ctx: Context, outgoing: Sequence[Outgoing], now: datetime) -> list[Message]:
    """Compose the message about each integration whose messages could not be read, from its current state."""
    texts = {i: await _source_text(tx, i, now) for i in {one.delivery.subject_id for one in outgoing}}
    messages = []
    for delivery, _ in outgoing:
        title, note = texts[delivery.subject_id]
        event = delivery.reason
        messages.append(Message(event=event, title=title, urgency="low", composed_at=now, lines=(note,)))
    return messages


async def _source_text(tx: Tx, integration_id: int, now: datetime) -> tuple[str, str]:
    broken = await actions.broken_source(tx, integration_id, now)
    if broken is None:
        return (
            "Alerts can be read again",
            "Firebell can read what the source sends now. No action is needed.",
        )
    service = (await catalog.services_by_id(tx, [broken.service_id]))[broken.service_id]
    return (
        f"{service.name}: can't read alerts from {broken.name}",
        f"{plural(broken.count, 'message')} from {broken.name} could not be read in full."
        f" What could be read was accepted, and the rest opened a page. Latest error: {broken.error}"
        " Open the service to see the messages, then correct the sender's configuration.",
    )


async def confirmation_asked(tx: Tx, payload: dict[str, Any], now: datetime) -> None:
    """Send the confirmation URL to the owning team, else the fallback responders, once per request."""
    integrations = {i.id: i for i in await actions.integrations(tx)}
    integration = integrations.get(payload["integration_id"])
    if integration is None:
        return
    service = (await catalog.services_by_id(tx, [integration.service_id]))[integration.service_id]
    recipients = await _owners(tx, service)
    title, note = _text(payload, service.name, integration.name)
    request = hashlib.sha256(f"{integration.id}|{payload['key']}|{payload['kind']}".encode()).hexdigest()
    link = f"/services/{service.slug}"
    await notify.send_notices(
        tx,
        [Notice(f"confirm:{request}:{p}", p, "subscription", title, note, link) for p in recipients],
        now,
    )


def _text(payload: dict[str, Any], service: str, integration: str) -> tuple[str, str]:
    """Return the title and the body of the notice."""
    topic, address = payload["topic"], payload["address"]
    if payload["kind"] == "UnsubscribeConfirmation":
        title = f"{service}: alerts from Amazon SNS ended"
        reason, request = (
            f"The topic {topic} no longer delivers to {integration}.",
            "To subscribe again, open",
        )
    else:
        title = f"{service}: confirm the Amazon SNS subscription"
        reason = f"The topic {topic} delivers no alerts to {integration} until you confirm its subscription."
        request = "Open"
    if address:
        return title, f"{reason} {request} this address: {address}"
    refusal = (
        "The address in the message is not Amazon's, so it is not shown here. Use the AWS console instead."
    )
    return title, f"{reason} {refusal}"
