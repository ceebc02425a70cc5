"""Prometheus and Alertmanager, as Debian ships them, fire and resolve real alerts into the running product."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from firebell.kit.db import embedded
from firebell.kit.db.migrate import migrate
from tests.peers.stack import Stack, stack
from tests.servers import until

pytestmark = [pytest.mark.peers, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(pg_server: embedded.Embedded) -> AsyncIterator[Stack]:
    """One stack for every test here."""
    await migrate(pg_server.dsn)
    async with stack(pg_server.dsn) as running:
        yield running


async def test_an_alert_is_mailed_acknowledged_by_the_link_in_the_mail_and_resolved(shop: Stack) -> None:
    shop.shop.metrics["checkout_error_ratio"] = 0.31

    async def mailed() -> bool:
        return shop.mail_about("Checkout fails") is not None and bool(shop.heard_of("Checkout fails"))

    await until(mailed, "the page is mailed and sent to the webhook")
    mail = shop.mail_about("Checkout fails")
    assert mail
    assert mail["To"] == "mara@example.org"
    assert "Checkout fails for 31% — täglich ✓" in mail["Subject"]
    body = mail.get_body(("plain",))
    assert body
    text = body.get_content()
    assert "Runbook: https://runbooks.example.org/checkout" in text
    assert "Seen by shop" in text
    (heard,) = shop.heard_of("Checkout fails")
    assert heard["alerts"][0]["labels"]["alertname"] == "CheckoutFails"

    (link,) = re.findall(r"^Acknowledge: (\S+)\s*$", text, re.MULTILINE)
    async with httpx.AsyncClient(timeout=60) as http:
        form = await http.get(link)
        assert form.status_code == 200
        assert "Acknowledge as Mara Lindqvist" in form.text
        assert await shop.state_of("Checkout fails") == "triggered", "opening the link changes nothing"
        assert (await http.post(link)).status_code == 200
        assert await shop.state_of("Checkout fails") == "acked"
        assert (await http.post(link)).status_code == 200
        assert await shop.state_of("Checkout fails") == "acked"

    shop.shop.metrics["checkout_error_ratio"] = 0

    async def resolved() -> bool:
        return await shop.state_of("Checkout fails") == "resolved"

    await until(resolved, "the page is resolved by Prometheus")
    assert len(shop.heard_of("Checkout fails")) == 1


async def test_the_same_through_the_pagerduty_receiver_of_alertmanager(shop: Stack) -> None:
    shop.shop.metrics["ledger_error_ratio"] = 0.5

    async def notified() -> bool:
        return bool(shop.heard_of("The ledger fails"))

    await until(notified, "the page is sent")
    (heard,) = shop.heard_of("The ledger fails")
    assert (heard["service"], heard["urgency"], heard["person"]) == ("Ledger", "high", "Mara Lindqvist")
    assert await shop.state_of("The ledger fails") == "triggered"

    shop.shop.metrics["ledger_error_ratio"] = 0

    async def resolved() -> bool:
        return await shop.state_of("The ledger fails") == "resolved"

    await until(resolved, "the page is resolved by Alertmanager")
