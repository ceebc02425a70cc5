"""A monitored shop: Debian's Prometheus and Alertmanager, a real mail server, and Firebell between them."""

import asyncio
import email
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from firebell.alerts import actions as alerts
from firebell.catalog import actions as catalog
from firebell.kit.clock import SystemClock
from firebell.kit.context import Context
from firebell.kit.db.events import Actor
from firebell.paging import actions as paging
from firebell.paging.model import Page
from firebell.people import actions as people
from firebell.process import connected
from firebell.setup import organization
from tests import prometheus_files
from tests.servers import answers, free_port, listening, mail_server, serve
from tests.world import ANSWERS, Sink, settings, sink

METRICS_TOKEN = "a-token-of-thirty-two-characters"
PROMETHEUS = """
global: {{scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms}}
rule_files: [rules.yml, firebell.rules.yml]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ['127.0.0.1:{alertmanager}']}}]}}]}}
scrape_configs:
  - {{job_name: shop, static_configs: [{{targets: ['127.0.0.1:{shop}']}}]}}
  - job_name: firebell
    metrics_path: /metrics.prom
    authorization: {{credentials: {token}}}
    static_configs: [{{targets: ['{firebell}']}}]
"""
RULES = """
groups:
  - name: shop
    rules:
      - alert: CheckoutFails
        expr: checkout_error_ratio > 0.05
        labels: {severity: critical, sender: webhook}
        annotations:
          summary: 'Checkout fails for {{ $value | humanizePercentage }} — täglich ✓'
          description: 'Seen by {{ $labels.job }}'
          runbook_url: 'https://runbooks.example.org/checkout'
      - alert: LedgerFails
        expr: ledger_error_ratio > 0.05
        labels: {severity: critical, sender: pagerduty}
        annotations: {summary: 'The ledger fails'}
      - alert: SearchFails
        expr: search_error_ratio > 0.05
        labels: {severity: critical, sender: opsgenie}
        annotations: {summary: 'The search fails {{ if gt $value 0.5 }}for most{{ else }}for some{{ end }}'}
      - alert: MailFails
        expr: mail_error_ratio > 0.05
        labels: {severity: critical, sender: victorops}
        annotations: {summary: 'The mail fails'}
"""
ALERTMANAGER = """
route:
  receiver: webhook
  group_by: [alertname]
  group_wait: 100ms
  group_interval: 500ms
  repeat_interval: 1h
  routes:
    - {{receiver: pagerduty, matchers: ['sender="pagerduty"']}}
    - {{receiver: opsgenie, repeat_interval: 1s, matchers: ['sender="opsgenie"']}}
    - {{receiver: victorops, matchers: ['sender="victorops"']}}
    - {{receiver: no one, matchers: ['alertname=~"Firebell.*"']}}
receivers:
  - name: no one
  - name: webhook
    webhook_configs: [{{url: '{firebell}/in/{webhook_key}/alertmanager'}}]
  - name: pagerduty
    pagerduty_configs:
      - routing_key: {pagerduty_key}
        url: '{firebell}/v2/enqueue'
        description: '{{{{ .CommonAnnotations.summary }}}}'
        severity: '{{{{ .CommonLabels.severity }}}}'
  - name: opsgenie
    opsgenie_configs:
      - api_key: {opsgenie_key}
        api_url: '{firebell}/'
        message: '{{{{ .CommonAnnotations.summary }}}}'
        priority: P1
        update_alerts: true
  - name: victorops
    victorops_configs:
      - api_key: {victorops_key}
        routing_key: mail
        api_url: '{firebell}/integrations/generic/20131114/alert/'
        entity_display_name: '{{{{ .CommonAnnotations.summary }}}}'
"""


@dataclass(slots=True)
class Shop:
    """What Prometheus scrapes: one number a metric, which a test sets."""

    metrics: dict[str, float] = field(default_factory=dict)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one scrape."""
        await reader.readuntil(b"\r\n\r\n")
        body = "".join(f"{name} {value}\n" for name, value in self.metrics.items()).encode()
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nConnection: close\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        await writer.drain()
        writer.close()


@dataclass(slots=True)
class Postbox:
    """A mail server that records messages."""

    mails: list[EmailMessage] = field(default_factory=list)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        mail = email.message_from_bytes(envelope.original_content or b"", policy=default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK kept"


@dataclass(slots=True)
class Stack:
    """Everything that runs, and what the test can see of it."""

    url: str
    ctx: Context
    shop: Shop
    postbox: Postbox
    sink: Sink
    prometheus_url: str

    async def page_of(self, title: str) -> Page | None:
        """Return the page whose title contains `title`."""
        async with self.ctx.db.tx() as tx:
            return next((p for p in await paging.pages(tx, limit=50) if title in p.title), None)

    async def state_of(self, title: str) -> str:
        """Return the state of that page, nothing while there is none."""
        page = await self.page_of(title)
        return str(page.state) if page else ""

    def mail_about(self, title: str) -> EmailMessage | None:
        """Return the first mail whose subject contains `title`."""
        return next((m for m in self.postbox.mails if title in m["Subject"]), None)

    def heard_of(self, title: str) -> list[dict[str, Any]]:
        """Return what the webhook sink heard about it."""
        return [m for m in self.sink.got if title in m["title"]]


def program(name: str) -> str:
    """Return where a program of Debian is; fail naming its package when it is not there."""
    path = shutil.which(name)
    if path is None:
        pytest.fail(f"{name} is missing: install Debian's package with apt-get install {name}", pytrace=False)
    return path


@asynccontextmanager
async def running(*command: str, folder: Path) -> AsyncIterator[None]:
    """Run a program until the block ends."""
    with (folder / f"{Path(command[0]).name}.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command, cwd=folder, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            await asyncio.wait_for(process.wait(), 60)
            print(Path(log.name).read_text(encoding="utf-8"))


async def furnish(ctx: Context, receiver: str) -> dict[str, str]:
    """Create the organization as setup does; return the keys of a service for each receiver of Alertmanager."""
    answers_ = organization.Answers(**{**_fields(ANSWERS), "addresses": {"webhook": receiver}})
    now, actor = ctx.clock.now(), Actor("system", "Test")
    password_hash = await people.hash_secret(answers_.password)
    async with ctx.db.tx() as tx:
        await organization.create_organization(tx, answers_, password_hash, now)
        checkout = await catalog.by_slug(tx, "checkout")
        (first,) = await alerts.integrations(tx)
        keys = {"webhook_key": first.key}
        for name, receiver_name in (("Ledger", "pagerduty"), ("Search", "opsgenie"), ("Mail", "victorops")):
            service = await catalog.create_service(
                tx, actor, name=name, team_id=checkout.team_id, policy_id=checkout.policy_id, now=now
            )
            integration = await alerts.create_integration(
                tx, actor, service_id=service.id, name=receiver_name, now=now
            )
            keys[f"{receiver_name}_key"] = integration.key
        await people.set_fallback_responders(tx, actor, [p.id for p in await people.people(tx)], now)
    return keys


def _fields(answers_: organization.Answers) -> dict[str, Any]:
    return {name: getattr(answers_, name) for name in organization.Answers.__slots__}


@asynccontextmanager
async def stack(dsn: str) -> AsyncIterator[Stack]:
    """Run all of it on `dsn`, ready; Prometheus sees a healthy shop."""
    prometheus, alertmanager = program("prometheus"), program("prometheus-alertmanager")
    shop = Shop({f"{name}_error_ratio": 0 for name in ("checkout", "ledger", "search", "mail")})
    postbox = Postbox()
    async with AsyncExitStack() as on:
        folder = Path(on.enter_context(tempfile.TemporaryDirectory(prefix="firebell-peers-")))
        receiver = await on.enter_async_context(sink())
        smtp = await on.enter_async_context(mail_server(postbox))
        smtp_url = f"smtp://127.0.0.1:{smtp}"
        server = await on.enter_async_context(
            serve(dsn, FIREBELL_SMTP_URL=smtp_url, FIREBELL_METRICS_TOKEN=METRICS_TOKEN)
        )
        ctx = await on.enter_async_context(connected(settings(), dsn, SystemClock()))
        keys = await furnish(ctx, receiver.url)
        ports = {
            "shop": await on.enter_async_context(listening(shop.answer)),
            "alertmanager": free_port(),
            "prometheus": free_port(),
        }
        (folder / "rules.yml").write_text(RULES, encoding="utf-8")
        shutil.copy(prometheus_files.RULES, folder)
        (folder / "prometheus.yml").write_text(
            PROMETHEUS.format(**ports, token=METRICS_TOKEN, firebell=server.url.removeprefix("http://")),
            encoding="utf-8",
        )
        (folder / "alertmanager.yml").write_text(
            ALERTMANAGER.format(firebell=server.url, **keys),
            encoding="utf-8",
        )
        await on.enter_async_context(
            running(
                alertmanager,
                "--config.file=alertmanager.yml",
                "--storage.path=alertmanager",
                "--cluster.listen-address=",
                f"--web.listen-address=127.0.0.1:{ports['alertmanager']}",
                folder=folder,
            )
        )
        await on.enter_async_context(
            running(
                prometheus,
                "--config.file=prometheus.yml",
                "--storage.tsdb.path=prometheus",
                "--rules.alert.resend-delay=1s",
                f"--web.listen-address=127.0.0.1:{ports['prometheus']}",
                folder=folder,
            )
        )
        for name in ("alertmanager", "prometheus"):
            await answers(f"http://127.0.0.1:{ports[name]}/-/ready")
        prometheus_url = f"http://127.0.0.1:{ports['prometheus']}"
        yield Stack(server.url, ctx, shop, postbox, receiver, prometheus_url)
