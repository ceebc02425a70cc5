"""Notices about senders that must be confirmed and about contact methods, and the messages that carry codes."""

import hashlib
from datetime import datetime
from typing import Any

from firebell.alerts import actions as alerts
from firebell.catalog import actions as catalog
from firebell.kit.db.database import Tx
from firebell.paging import actions as paging
from firebell.paging import delivery_store, notices
from firebell.paging.model import Notice
from firebell.paging.notification_rules import NewDelivery, PlannedDelivery
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


async def send_code(tx: Tx, payload: dict[str, Any], now: datetime) -> None:
    """Queue the message that carries a code; the code itself is made when the message is composed."""
    method = await people.method(tx, payload["method_id"])
    if method is not None and method.disabled_at is None:
        reason = notices.verification(payload["code_id"])
        planned = PlannedDelivery(method.person_id, method, rule_index=0, send_at=now, reason=reason)
        await delivery_store.queue(tx, [NewDelivery(planned, rank=2)], now)


async def notify_disabled(tx: Tx, payload: dict[str, Any], now: datetime) -> None:
    """Notify a person that one of their contact methods gets no more pages, through their other ones."""
    method = await people.method(tx, payload["method_id"])
    if method is None or method.disabled_at is not None or method.unusable_since is None:
        return
    name = method.label or method.kind
    await paging.notify(
        tx,
        [
            Notice(
                f"method-disabled:{method.id}:{method.unusable_since.isoformat()}",
                method.person_id,
                "contact",
                f"Your contact method {name} no longer works",
                f"Firebell couldn't deliver to {name} and doesn't send pages there any more."
                " Correct the address, or send a new code to use it again.",
                "/settings/contact",
                urgency="high",
            )
        ],
        now,
    )
