"""Prometheus and Alertmanager, as Debian ships them, fire and resolve real alerts into the product, and watch it."""

import asyncio
import re
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator

import httpx
import pytest

from firebell.kit.db import embedded
from firebell.kit.db.migrate import migrate
from tests import prometheus_files
from tests.peers.stack import METRICS_TOKEN, Stack, program, stack
from tests.servers import until

pytestmark = pytest.mark.peers


@pytest.fixture(scope="module")
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


@pytest.mark.parametrize(("metric", "title"), [("search", "The search fails"), ("mail", "The mail fails")])
async def test_the_same_through_its_opsgenie_and_victorops_receivers(
    shop: Stack, metric: str, title: str
) -> None:
    shop.shop.metrics[f"{metric}_error_ratio"] = 0.2

    async def triggered() -> bool:
        return await shop.state_of(title) == "triggered"

    await until(triggered, "the page is triggered")
    if metric == "search":
        shop.shop.metrics[f"{metric}_error_ratio"] = 0.9

        async def updated() -> bool:
            return await shop.page_of("The search fails for most") is not None

        await until(updated, "Alertmanager updates the message of its alert")
    shop.shop.metrics[f"{metric}_error_ratio"] = 0

    async def resolved() -> bool:
        return await shop.state_of(title) == "resolved"

    await until(resolved, "the page is resolved by Alertmanager")


async def test_prometheus_reads_firebell_and_evaluates_the_rules_and_the_dashboard(shop: Stack) -> None:
    async with httpx.AsyncClient(base_url=f"{shop.prometheus_url}/api/v1", timeout=60) as http:

        async def values(query: str) -> list[float]:
            answer = (await http.get("/query", params={"query": query})).json()
            assert answer["status"] == "success", (query, answer)
            return [float(result["value"][1]) for result in answer["data"]["result"]]

        async def counted() -> bool:
            received = await values('sum(firebell_inbound_messages_total{job="firebell"})')
            return await values('up{job="firebell"}') == [1.0] and sum(received) >= 1

        await until(counted, "Prometheus has read what Alertmanager sent")
        for _, query in prometheus_files.queries():
            await values(query)
        assert await values("firebell_database_up") == [1.0]
        assert await values('sum(firebell_notification_deliveries_total{outcome="accepted"}) > 0')
        metadata = (await http.get("/metadata", params={"limit": 1000})).json()["data"]
        assert {name.removesuffix("_total") for name in metadata} >= prometheus_files.FAMILIES

        async def evaluated() -> bool:
            groups = (await http.get("/rules")).json()["data"]["groups"]
            (group,) = [group for group in groups if group["name"] == "firebell"]
            assert len(group["rules"]) == len(prometheus_files.rules())
            return {rule["health"] for rule in group["rules"]} == {"ok"}

        await until(evaluated, "every rule is evaluated without an error")
        firing = await values('ALERTS{alertname=~"Firebell.*", alertstate="firing"}')
        assert not firing, "a healthy Firebell raises no alert"


async def test_promtool_accepts_the_rules_and_the_metrics(shop: Stack) -> None:
    headers = {"Authorization": f"Bearer {METRICS_TOKEN}", "Accept": "text/plain"}
    async with httpx.AsyncClient(timeout=60) as http:
        exposition = (await http.get(f"{shop.url}/metrics.prom", headers=headers)).content
    for arguments, text in (
        (("check", "rules", str(prometheus_files.RULES)), b""),
        (("check", "metrics"), exposition),
    ):
        process = await asyncio.create_subprocess_exec(
            program("promtool"), *arguments, stdin=PIPE, stdout=PIPE, stderr=STDOUT
        )
        output, _ = await process.communicate(text)
        assert process.returncode == 0, output.decode()
