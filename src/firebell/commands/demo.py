"""`firebell demo`: Firebell with a live demo organization."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from firebell import event_subscriptions, process
from firebell.alerts import actions as alerts
from firebell.catalog import actions as catalog
from firebell.commands.serve import load_settings, run
from firebell.demo import (
    action_items,
    alert_audits,
    anomalies,
    audiences,
    chat,
    digests,
    drills,
    heartbeats,
    history,
    metrics,
    organization,
    published_postmortem,
    regulatory,
    response,
    routing,
    runbooks,
    self_watch,
    senders,
    silences,
    special_incidents,
    status_copies,
    status_page,
    subscribers,
    textbook,
    tonight,
    trackers,
    webhooks,
)
from firebell.demo.incidents import STORIES
from firebell.demo.mail_server import mail_server
from firebell.kit.clock import FakeClock
from firebell.kit.context import Context
from firebell.kit.http_out import parse_networks
from firebell.people import actions as people
from firebell.process import Running, running
from firebell.settings import Settings
from firebell.worker import Worker, timer_handlers

_HISTORY = timedelta(days=365)


@asynccontextmanager
async def phones() -> AsyncIterator[str]:
    """Yield the URL of a local webhook receiver that replaces every phone."""

    async def ring(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError, ValueError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = head.partition(b"content-length:")[2].split(b"\r\n", 1)[0]
                await reader.readexactly(int(length or 0))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(ring, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/phone"
    finally:
        server.close()


async def _past(ctx: Context, kestrel: organization.Kestrel, clock: FakeClock) -> history.Past:
    worker = Worker(replace(ctx, clock=clock), timer_handlers(), event_subscriptions.outbox_handlers())
    return history.Past(ctx, clock, worker, kestrel, random.Random(2026))  # noqa: S311 - demo data


async def known(ctx: Context, phone: str) -> organization.Kestrel:
    """Return the organization of an earlier run, with every phone at the address of this run."""
    kestrel = organization.Kestrel()
    async with ctx.db.tx() as tx:
        await people.move_demo_phones(tx, phone)
        kestrel.people = {p.name: p.id for p in await people.people(tx)}
        names = {service.id: service.name for service in await catalog.services(tx)}
        for integration in await alerts.integrations(tx):
            name = names[integration.service_id]
            # the oldest is the one that the simulation sends through
            kestrel.integrations.setdefault(name, integration)
            kestrel.services[name] = integration.service_id
    return kestrel


async def prepare(ctx: Context, phone: str, console: Console) -> history.Past:
    """Return the organization; in a new database, first simulate its year of history."""
    now = ctx.clock.now()
    async with ctx.db.tx() as tx:
        fresh = not await people.has_people(tx)
    if not fresh:
        return await _past(ctx, await known(ctx, phone), FakeClock(now))
    clock = FakeClock(now - _HISTORY)
    async with ctx.db.tx() as tx:
        kestrel = await organization.build(tx, clock.now(), phone)
        await regulatory.choose_regimes(tx, kestrel, clock.now())
        await published_postmortem.create_lists(tx, kestrel.actor("Mara"), clock.now())
    past = await _past(ctx, kestrel, clock)
    await status_page.create(past)
    await audiences.set_up(past)
    by_the_book = await textbook.run(past, STORIES[0])
    await past.close_incident(by_the_book, kestrel.actor("Priya"), STORIES[0], published=True)
    columns = (TextColumn("Simulating a year at Kestrel"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("year", total=_HISTORY.days)
        await history.live_through(past, now, lambda done, _: bar.update(task, completed=done))
    await _add_tonight(past, now)
    await add_examples(past, clock.now())
    return past


async def _add_tonight(past: history.Past, now: datetime) -> None:
    """Add what was set up since yesterday, and a SEV1 in progress."""
    clock, kestrel = past.clock, past.kestrel
    await published_postmortem.write_for_customers(past)
    await tonight.yesterday(past, now)
    await subscribers.create(past)
    async with past.ctx.db.tx() as tx:
        await chat.set_up(tx, kestrel, clock.now())
        await response.set_up(tx, kestrel, clock.now())
    await status_copies.set_up(past)
    await runbooks.set_up(past)
    await drills.add_drills(past, now)
    await tonight.sev1_in_progress(past, now)
    await tonight.save_views(past)
    await special_incidents.more_incidents(past, clock.now())


async def add_examples(past: history.Past, now: datetime) -> None:
    """Add an example of each feature that the year of history does not use."""
    await action_items.add_action_items(past, now)
    await trackers.set_up(past, now)
    await metrics.add_metrics(past, now)
    await alert_audits.add_audits(past, now)
    await anomalies.add_anomalies(past, now)
    await drills.record_readiness(past, now)
    await digests.choose(past, now)
    await heartbeats.create(past, now)
    await routing.add_rules(past, now)
    await silences.create(past, now)
    await senders.add_senders(past, now)
    await webhooks.create(past, now)
    await self_watch.create(past, now)


def _with_mail(settings: Settings, mail_url: str) -> Settings:
    """Return the settings with the demo's mail server: for subscribers, whose addresses are invented, in any case."""
    channels = settings.channels
    url = channels["FIREBELL_SMTP_URL"] or mail_url
    return replace(
        settings, channels={**channels, "FIREBELL_SMTP_URL": url, "FIREBELL_BULK_SMTP_URL": mail_url}
    )


@click.command()
@click.option("--host", help="Address to listen on. [env FIREBELL_HOST, default 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on. [env FIREBELL_PORT, default 8080]")
def demo(host: str | None, port: int | None) -> None:
    """Run a live demo: three teams, a year of history, a SEV1 in progress."""
    loaded = load_settings(host=host, port=port, log_level="error")
    settings: Settings = replace(
        loaded,
        data=loaded.data.with_name(f"{loaded.data.name}-demo"),
        allowed_networks=(*loaded.allowed_networks, *parse_networks("127.0.0.0/8")),
    )
    console = Console(stderr=True)

    async def main() -> None:
        async with phones() as phone, mail_server() as mail:
            await _run(_with_mail(settings, mail), phone)

    async def _run(settings: Settings, phone: str) -> None:
        async with running(settings) as prepared:
            past = await prepare(prepared.ctx, phone, console)
            console.print(
                f"\nFirebell is running at [bold]{settings.public_url}[/bold]\n"
                f"Sign in as [bold]{organization.ADMIN}[/bold] with the password "
                f"[bold]{organization.PASSWORD}[/bold]. Press Ctrl-C to stop.\n",
                highlight=False,
            )
            await _live(prepared, settings, past)

    run(main())


async def _live(prepared: Running, settings: Settings, past: history.Past) -> None:
    # from here on the clock is real, and the worker of the server does the work
    past = replace(past, clock=prepared.ctx.clock, worker=None)
    tasks = [asyncio.create_task(work) for work in (tonight.stream(past), heartbeats.beat(past))]
    try:
        await process.serve(prepared, settings)
    finally:
        for task in tasks:
            task.cancel()
