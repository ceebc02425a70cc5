"""Prometheus without Alertmanager, and amtool, as Debian ships them."""

import asyncio
import json
import tempfile
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from tests.peers.stack import Shop, program, running
from tests.peers.test_official_clients import Service, service
from tests.servers import answers, free_port, listening, until

pytestmark = pytest.mark.peers

PROMETHEUS = """
global: {{scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms}}
rule_files: [rules.yml]
alerting:
  alertmanagers:
    - path_prefix: /in/{key}/am
      static_configs: [{{targets: ['{firebell}']}}]
scrape_configs:
  - {{job_name: shop, static_configs: [{{targets: ['127.0.0.1:{shop}']}}]}}
"""
RULES = """
groups:
  - name: shop
    rules:
      - alert: DiskFull
        expr: disk_used_ratio > 0.9
        labels: {severity: critical}
        annotations: {summary: 'The disk is full'}
"""


@asynccontextmanager
async def prometheus(s: Service, shop: Shop) -> AsyncIterator[None]:
    """Run a Prometheus that scrapes the shop and sends its alerts to Firebell alone."""
    async with AsyncExitStack() as on:
        folder = Path(on.enter_context(tempfile.TemporaryDirectory(prefix="firebell-peers-")))
        port, target = free_port(), await on.enter_async_context(listening(shop.answer))
        config = PROMETHEUS.format(key=s.key, firebell=s.url.removeprefix("http://"), shop=target)
        (folder / "rules.yml").write_text(RULES, encoding="utf-8")
        (folder / "prometheus.yml").write_text(config, encoding="utf-8")
        await on.enter_async_context(
            running(
                program("prometheus"),
                "--config.file=prometheus.yml",
                "--storage.tsdb.path=prometheus",
                f"--web.listen-address=127.0.0.1:{port}",
                folder=folder,
            )
        )
        await answers(f"http://127.0.0.1:{port}/-/ready")
        yield


async def amtool(s: Service, *arguments: str) -> str:
    """Run amtool against Firebell, and return what it printed."""
    process = await asyncio.create_subprocess_exec(
        *(program("amtool"), f"--alertmanager.url={s.url}/in/{s.key}/am", *arguments),
        stdout=PIPE,
        stderr=STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()


async def test_prometheus_fires_and_resolves_and_amtool_adds_and_lists(dsn: str) -> None:
    shop = Shop({"disk_used_ratio": 0.99})
    async with service(dsn) as s, prometheus(s, shop):

        async def triggered() -> bool:
            return await s.states() == ["triggered"]

        await until(triggered, "Prometheus fires")
        (alert,) = await s.alerts()
        assert (alert.title, alert.severity) == ("The disk is full", "critical")
        async with s.ctx.db.tx() as tx:
            expires_at = await tx.value("select expires_at from alert_expiry")
        assert expires_at > alert.last_seen

        await amtool(s, "alert", "add", "alertname=Manual", "severity=info", "--annotation=summary=By hand")
        listed = await amtool(s, "alert", "query", "alertname=Manual")
        assert "Manual" in listed
        assert "DiskFull" not in listed
        assert "By hand" in [a.title for a in await s.alerts()]
        await amtool(s, "alert", "add", "alertname=Manual", "severity=info", "--end=2020-01-01T00:00:00Z")
        assert [a.status for a in await s.alerts() if a.title in ("By hand", "Manual")] == ["resolved"]

        added = await amtool(s, "silence", "add", "alertname=Manual", "--comment=Trying it", "--author=ana")
        silence_id = added.split()[-1]
        listed = await amtool(s, "silence", "query", "alertname=Manual", "-o", "json")
        [silence] = json.loads(listed.splitlines()[-1])
        assert (silence["id"], silence["createdBy"], silence["comment"]) == (silence_id, "ana", "Trying it")
        await amtool(s, "silence", "update", silence_id, "--duration=2h")
        assert silence_id in await amtool(s, "silence", "query", "-q")
        await amtool(s, "silence", "expire", silence_id)
        assert silence_id not in await amtool(s, "silence", "query", "-q")
        assert silence_id in await amtool(s, "silence", "query", "-q", "--expired")

        shop.metrics["disk_used_ratio"] = 0.1

        async def resolved() -> bool:
            return await s.states() == ["resolved"]

        await until(resolved, "Prometheus resolves")
