"""Notices to the owner of an integration whose sender must be confirmed before it delivers anything."""

import hashlib
from datetime import datetime
from typing import Any

from firebell.alerts import actions as alerts
from firebell.catalog import actions as catalog
from firebell.kit.db.database import Tx
from firebell.paging import actions as paging
from firebell.paging.model import Notice
from firebell.people import actions as people


async def notify_owner(tx: Tx, payload: dict[str, Any], now: datetime) -> None:
    """Send the confirmation URL to the owning team, else the fallback responders, once per request."""
    integrations = {i.id: i for i in await alerts.integrations(tx)}
    integration = integrations.get(payload["integration_id"])
    if integration is None:
        return
    service = (await catalog.services_by_id(tx, [integration.service_id]))[integration.service_id]
    recipients = await people.team_members(tx, service.team_id) or await people.fallback_responders(tx)
    title, note = _text(payload, service.name, integration.name)
    request = hashlib.sha256(f"{integration.id}|{payload['key']}|{payload['kind']}".encode()).hexdigest()
    link = f"/services/{service.slug}"
    await paging.notify(
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
