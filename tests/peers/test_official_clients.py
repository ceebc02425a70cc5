"""The official clients of Opsgenie and PagerDuty, unchanged but for the address that they are given."""

import asyncio
import contextlib
import ssl
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import opsgenie_sdk
import pagerduty
import pytest
from opsgenie_sdk.exceptions import ConfigurationException

from firebell.alerts import actions as alerts
from firebell.alerts.model import Alert
from firebell.kit.clock import SystemClock
from firebell.kit.context import Context
from firebell.paging import actions as paging
from firebell.people import actions as people
from firebell.process import connected
from firebell.setup import organization
from tests.servers import serve
from tests.world import ANSWERS, settings

with warnings.catch_warnings():
    # it is deprecated, and what senders have installed
    warnings.simplefilter("ignore")
    import pdpyras

pytestmark = pytest.mark.peers
ALIAS = "host/cpu 1:load"
T = TypeVar("T")


@dataclass(slots=True)
class Service:
    """A running Firebell with one integration."""

    url: str
    key: str
    ctx: Context

    async def alerts(self) -> list[Alert]:
        """Return every alert, oldest first."""
        async with self.ctx.db.tx() as tx:
            return (await alerts.newest_alerts(tx, 100))[::-1]

    async def states(self) -> list[str]:
        """Return the state of every page, oldest first."""
        async with self.ctx.db.tx() as tx:
            return [str(page.state) for page in await paging.pages(tx, limit=50)][::-1]


@asynccontextmanager
async def service(dsn: str) -> AsyncIterator[Service]:
    """Run Firebell on a database with the small organization."""
    async with serve(dsn) as server, connected(settings(), dsn, SystemClock()) as ctx:
        password_hash = await people.hash_secret(ANSWERS.password)
        async with ctx.db.tx() as tx:
            await organization.create_organization(tx, ANSWERS, password_hash, ctx.clock.now())
            (integration,) = await alerts.integrations(tx)
        yield Service(server.url, integration.key, ctx)


async def called(function: Callable[..., T], *args: Any, **options: Any) -> T:
    """Call a client that blocks."""
    return await asyncio.to_thread(function, *args, **options)


async def test_the_sdk_of_opsgenie_works_unchanged(dsn: str) -> None:
    async with service(dsn) as s:
        configuration = opsgenie_sdk.configuration.Configuration()
        configuration.api_key["Authorization"] = s.key
        configuration.host = s.url
        configuration.retry_enabled = False
        api = opsgenie_sdk.AlertApi(api_client=opsgenie_sdk.ApiClient(configuration=configuration))
        by_alias = {"identifier": ALIAS, "identifier_type": "alias"}

        body = opsgenie_sdk.CreateAlertPayload(
            message="Disk full",
            alias=ALIAS,
            priority="P1",
            tags=["a", "b"],
            details={"x": "y", "z": "1"},
            responders=[{"name": "Payments", "type": "team"}],
        )
        created = await called(api.create_alert, create_alert_payload=body)
        status = (await called(api.get_request_status, request_id=created.request_id)).data
        assert (status.is_success, status.action, status.alias) == (True, "Create", ALIAS)
        shown = (await called(api.get_alert, **by_alias)).data
        assert (shown.id, shown.message, shown.tags, shown.details) == (
            *(status.alert_id, "Disk full", ["a", "b"]),
            {"x": "y", "z": "1"},
        )
        tiny = (await called(api.get_alert, identifier=shown.tiny_id, identifier_type="tiny")).data
        assert tiny.id == shown.id

        acknowledge = opsgenie_sdk.AcknowledgeAlertPayload(user="Mara Lindqvist", note="On it")
        await called(api.acknowledge_alert, acknowledge_alert_payload=acknowledge, **by_alias)
        assert (await s.states()) == ["acked"]
        until = datetime.now(UTC) + timedelta(hours=1)
        snooze = opsgenie_sdk.SnoozeAlertPayload(end_time=until)
        await called(api.snooze_alert, snooze_alert_payload=snooze, **by_alias)
        assert (await called(api.get_alert, **by_alias)).data.snoozed is True
        await called(api.remove_tags, tags=["a"], **by_alias)
        await called(api.remove_details, keys=["x", "no"], **by_alias)
        note = opsgenie_sdk.AddNoteToAlertPayload(note="Called the vendor")
        await called(api.add_note, add_note_to_alert_payload=note, **by_alias)
        shown = (await called(api.get_alert, **by_alias)).data
        assert (shown.tags, shown.details, shown.acknowledged) == (["b"], {"z": "1"}, False)
        notes = (await called(api.list_notes, **by_alias)).data
        assert [n.note for n in notes] == ["Called the vendor", "On it"]
        assert len((await called(api.list_logs, **by_alias)).data) >= 3
        assert isinstance((await called(api.list_recipients, **by_alias)).data, list)
        listed = (await called(api.list_alerts, query="status: open AND tag: b", limit=5)).data
        assert [a.alias for a in listed] == [ALIAS]
        assert (await called(api.count_alerts, query="status: closed")).data.count == 0

        beats = opsgenie_sdk.HeartbeatApi(api_client=opsgenie_sdk.ApiClient(configuration=configuration))
        beat = opsgenie_sdk.CreateHeartbeatPayload(
            name="nightly", interval=90, interval_unit="minutes", enabled=True, alert_priority="P2"
        )
        assert (await called(beats.create_heartbeat, create_heartbeat_payload=beat)).data.interval == 90
        assert (await called(beats.ping, name="nightly")).result == "PONG - Heartbeat received"
        stored = (await called(beats.get_heartbeat, name="nightly")).data
        assert (stored.enabled, stored.expired, stored.interval_unit) == (True, False, "minutes")
        assert stored.last_ping_time is not None
        assert (await called(beats.disable_heartbeat, name="nightly")).data.enabled is False
        listed_beats = (await called(beats.list_heart_beats)).data.heartbeats
        assert [(b.name, b.enabled) for b in listed_beats] == [("nightly", False)]
        await called(beats.delete_heartbeat, name="nightly")

        await called(api.close_alert, close_alert_payload=opsgenie_sdk.CloseAlertPayload(), **by_alias)
        assert [a.status for a in await s.alerts()] == ["resolved"]
        assert await s.states() == ["resolved"]
        with pytest.raises(ConfigurationException) as refused:
            await called(api.create_alert, create_alert_payload=opsgenie_sdk.CreateAlertPayload(message=""))
        assert refused.value.status == 422


async def test_the_deprecated_client_of_pagerduty_works_unchanged(dsn: str) -> None:
    async with service(dsn) as s:
        events = pdpyras.EventsAPISession(s.key)
        events.url = s.url
        changes = pdpyras.ChangeEventsAPISession(s.key)
        changes.url = s.url
        dedup_key = await called(
            *(events.trigger, "Disk full", "db1"),
            severity="critical",
            custom_details={"free": "1%"},
            links=[{"href": "https://runbooks.example.org", "text": "Runbook"}],
        )
        assert len(dedup_key) == 32
        await called(events.acknowledge, dedup_key)
        assert await s.states() == ["acked"]
        await called(events.resolve, dedup_key)
        assert await s.states() == ["resolved"]
        await called(changes.submit, "Deployed build 4812", source="ci")
        async with s.ctx.db.tx() as tx:
            assert [c.summary for c in await alerts.changes(tx, None)] == ["Deployed build 4812"]
        with pytest.raises(pdpyras.PDClientError):
            await called(events.trigger, "x", "y", severity="none")


@asynccontextmanager
async def behind_tls(url: str, folder: Path) -> AsyncIterator[tuple[str, ssl.SSLContext]]:
    """Yield an https address in front of a server, and what makes a client trust it."""
    pem, key = folder / "cert.pem", folder / "key.pem"
    command = [
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1"),
        *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(pem)),
    ]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    assert await process.wait() == 0
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key)
    target = urlsplit(url)

    async def pipe(source: asyncio.StreamReader, drain: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await source.read(65536):
                drain.write(data)
                await drain.drain()
        drain.close()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(target.hostname, target.port)
        await asyncio.gather(pipe(reader, back), pipe(there, writer))

    server = await asyncio.start_server(forward, "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"https://127.0.0.1:{port}", ssl.create_default_context(cafile=pem)


async def test_the_client_of_pagerduty_works_unchanged(dsn: str, tmp_path: Path) -> None:
    async with service(dsn) as s, behind_tls(s.url, tmp_path) as (url, trust):
        with pagerduty.EventsApiV2Client(s.key, base_url=url, verify=trust) as client:
            dedup_key = await called(
                *(client.trigger, "Disk full", "db1"),
                severity="critical",
                custom_details={"free": "1%"},
                links=[{"href": "https://runbooks.example.org", "text": "Runbook"}],
            )
            assert len(dedup_key) == 32
            assert await called(client.trigger, "Disk full", "db1", dedup_key=dedup_key) == dedup_key
            assert [(a.title, a.count, a.labels.get("source")) for a in await s.alerts()] == [
                ("Disk full", 2, "db1")
            ]
            await called(client.acknowledge, dedup_key)
            assert await s.states() == ["acked"]
            await called(client.resolve, dedup_key)
            assert await s.states() == ["resolved"]
            # its `submit` fails before it sends anything
            change = {"summary": "Deployed build 4812", "source": "ci"}
            await called(client.send_change_event, change)
            async with s.ctx.db.tx() as tx:
                assert [c.summary for c in await alerts.changes(tx, None)] == ["Deployed build 4812"]
            with pytest.raises(pagerduty.HttpError) as refused:
                await called(client.trigger, "x", "y", severity="none")
            assert refused.value.response is not None
            assert refused.value.response.status_code == 400
