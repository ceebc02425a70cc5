"""Heartbeats of the demo: jobs that report while it runs, one that waits for its first ping, one that is paused."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.demo.history import Past
from firebell.heartbeats import actions
from firebell.heartbeats.model import NewPing, PingKind
from firebell.heartbeats.settings_checks import WATCHDOG, SettingsInput
from firebell.inbound_mail import actions as mails
from firebell.inbound_mail import message_reading
from firebell.inbound_mail.model import ReceivedMail
from firebell.kit.timing import REAL

BEAT_S = 30.0
CLIENT = "GET curl/8.11.0"
AUTO_REPLY = b"""From: Ledger vendor support <support@ledger.example>
Subject: Automatic reply: your ticket
Auto-Submitted: auto-replied
Message-ID: <4711@ledger.example>

We received your message.
"""
RECOVERY = b"""From: Nagios <nagios@kestrel.example>
Subject: ** RECOVERY Service Alert: ledger-db2/Disk is OK **
Message-ID: <812@kestrel.example>

DISK OK - free space: / 41%
"""


@dataclass(frozen=True, slots=True)
class _Job:
    """A job of a service, and how its runs went before now: how long ago each ended, and how long it took."""

    service: str
    name: str
    entered: SettingsInput
    runs: tuple[tuple[timedelta, timedelta | None], ...] = ()
    output: str = ""


HOUR, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
BEATING = "payout-queue"
JOBS = (
    _Job(
        "payments-gateway",
        "settlement",
        SettingsInput(
            period=DAY,
            grace=6 * HOUR,
            max_runtime=2 * HOUR,
            description="Run bin/settle by hand; banks accept files until 17:00.",
            labels={"team": "payments"},
        ),
        tuple((n * DAY + HOUR, (31 + n % 4) * MINUTE) for n in reversed(range(7))),
        "1,204 payouts settled",
    ),
    _Job(
        "payments-gateway",
        BEATING,
        SettingsInput(period=10 * MINUTE, grace=5 * MINUTE, description="Restart the consumer."),
        ((MINUTE, None),),
    ),
    _Job(
        "ledger-db",
        "nightly-backup",
        SettingsInput(cron="0 2 * * *", time_zone="Europe/Stockholm", grace=12 * HOUR, max_runtime=3 * HOUR),
        tuple((n * DAY + 8 * HOUR, (52 + n % 3) * MINUTE) for n in reversed(range(5))),
        "base backup: 218 GiB",
    ),
    _Job(
        "search",
        "prometheus",
        SettingsInput(period=6 * HOUR, matchers=WATCHDOG, description="Prometheus or Alertmanager is down."),
    ),
    _Job("search", "index-rebuild", SettingsInput(period=7 * DAY, grace=DAY), ((3 * DAY, None),)),
)
PAUSED = "index-rebuild"


async def create(past: Past, now: datetime) -> None:
    """Create the heartbeats with their pings until `now`, and two mails that page no one."""
    actor, rng = past.kestrel.actor("Priya"), random.Random(7)
    for job in JOBS:
        async with past.ctx.db.tx() as tx:
            created = await actions.create_heartbeat(
                tx,
                actor,
                service_id=past.kestrel.services[job.service],
                name=job.name,
                entered=job.entered,
                now=now - 30 * DAY,
            )
            await actions.record_reception(tx, now)
            for ago, took in job.runs:
                end = now - ago + timedelta(seconds=rng.randrange(60))
                if took is not None:
                    started = NewPing(PingKind.START, source=CLIENT)
                    await actions.receive_ping(tx, created.id, started, end - took)
                ended = NewPing(PingKind.SUCCESS, 0 if took else None, job.output, CLIENT)
                await actions.receive_ping(tx, created.id, ended, end)
            if job.name == PAUSED:
                await actions.pause_heartbeat(
                    tx, actor, heartbeat_id=created.id, until=now + 3 * DAY, now=now
                )
    await _mails(past, now)


async def _mails(past: Past, now: datetime) -> None:
    integration = past.kestrel.integrations["ledger-db"]
    for content in (AUTO_REPLY, RECOVERY):
        message = message_reading.read(content)
        mail = ReceivedMail(integration.id, integration.service_id, integration.name, content, message)
        async with past.ctx.db.tx() as tx:
            await mails.receive(tx, mail, "", now - HOUR)


async def beat(past: Past) -> None:
    """Ping one heartbeat for as long as the demo runs."""
    while True:
        async with past.ctx.db.tx() as tx:
            service_id = past.kestrel.services["payments-gateway"]
            beating = await actions.by_name(tx, service_id, BEATING)
            await actions.receive_ping(tx, beating.id, NewPing(source=CLIENT), past.clock.now())
        await REAL.sleep(BEAT_S)
