"""Test alerts: an integration's whole way from alert to page, tried without a sender (spec 9.13)."""

import secrets
from datetime import datetime, timedelta

import msgspec

from firebell.alerts import actions as alerts
from firebell.alerts.model import (
    OWN_SOURCE,
    SEVERITIES,
    TEST_KEY_PREFIX,
    Alert,
    Event,
    EventKind,
    InboundRequest,
    Integration,
)
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import NotFound
from firebell.kit.jobs import timers
from firebell.kit.truncation import cut
from firebell.kit.web.filters import to_one_of
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb

TEST_TIMER = "integration_setup.test"
"""The timer at which a test alert ends; its key is the id of the alert."""
TEST_LASTS = timedelta(minutes=15)
RULE = "TestAlert"
"""The alert rule of test alerts, as the label `alertname` has it; one named after Firebell would never be muted."""
_NAME_MAX_CHARS = 150


def event_of_test(integration: Integration, severity: str, token: str) -> Event:
    """Return the event of a test of an integration; raise Invalid at the field `severity` for an unknown one."""
    return Event(
        kind=EventKind.FIRING,
        dedup_key=f"{TEST_KEY_PREFIX}{token}",
        title=f"TEST {cut(integration.name, _NAME_MAX_CHARS)}: test alert",
        body="A test of whether alerts of this integration reach the people on call. Nothing is wrong.",
        severity=to_one_of(severity, "severity", SEVERITIES),
        labels={"alertname": RULE},
    )


@permits(Verb.PAGE_START)
async def send_test_alert(
    tx: Tx, actor: Actor, *, service_id: int, integration_id: int, severity: str, now: datetime
) -> tuple[Alert, bool]:
    """Send a test alert as if the integration had received it, and page as its rules, mutes and policy decide.

    It has a group of its own, and its page is a drill: no final alarm, no metric. It ends after `TEST_LASTS`. Return it
    and True, or one that still fires and False: there is never a second one. Raise NotFound if the integration is not
    active.
    """
    integration = await alerts.integration_of_service(tx, service_id, integration_id)
    event = event_of_test(integration, severity, secrets.token_hex(8))
    await alerts.lock_integration(tx, integration_id)
    if running := await alerts.running_test(tx, integration_id):
        return running, False
    body = msgspec.json.encode({"test_of": integration.name, "sent_by": actor.label, "at": now})
    request = InboundRequest(integration_id, service_id, OWN_SOURCE, body, (event,))
    await alerts.receive_own(tx, [request], now)
    alert = await alerts.running_test(tx, integration_id)
    assert alert is not None
    await timers.schedule(tx, TEST_TIMER, str(alert.id), now + TEST_LASTS)
    await tx.audit(
        *(actor, "integration.tested", f"service:{service_id}", now),
        name=integration.name,
        alert=alert.id,
        severity=severity,
    )
    return alert, True


@permits(Verb.PAGE_START)
async def end_test_alert(
    tx: Tx, actor: Actor, *, service_id: int, integration_id: int, now: datetime
) -> Alert:
    """End the test alert of an integration, and its page, and return it; raise NotFound if none fires."""
    await alerts.integration_of_service(tx, service_id, integration_id)
    alert = await alerts.running_test(tx, integration_id)
    if alert is None:
        raise NotFound("No test alert of this integration is firing.", hint="Send a test alert first.")
    await alerts.resolve_alerts(tx, actor, [alert.id], now)
    return await alerts.alert(tx, alert.id)
