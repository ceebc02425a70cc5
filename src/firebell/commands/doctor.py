"""`firebell doctor`: checks that everything a page needs is in order."""

import asyncio
import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import click

from firebell.commands.serve import load_settings, run
from firebell.kit.db import Tx
from firebell.kit.migrate import available
from firebell.oncall import actions as oncall
from firebell.oncall.shifts import gaps
from firebell.paging import actions as paging
from firebell.people import actions as people
from firebell.runtime import running
from firebell.settings import Settings


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: `level` is ok, warn or fail."""

    level: str
    text: str


async def check_database(tx: Tx) -> list[Finding]:
    """Check version, schema and clock."""
    version = int(await tx.value("select current_setting('server_version_num')::int"))
    schema = await tx.value("select max(version) from schema_migration")
    theirs = await tx.value("select clock_timestamp()")
    drift = abs(datetime.now(UTC) - theirs)
    late = await tx.value(
        "select count(*) from due where due_at < $1", datetime.now(UTC) - timedelta(minutes=1)
    )
    dead = await tx.value("select count(*) from outbox where dead_at is not null")
    return [
        Finding("ok" if version >= 150000 else "fail", f"PostgreSQL {version // 10000} answers."),
        Finding("ok" if schema == available()[-1].version else "fail", f"The schema is at {schema}."),
        Finding(
            "ok" if drift < timedelta(seconds=2) else "fail",
            f"This clock and the database's differ by {drift.total_seconds():.1f} s.",
        ),
        Finding(
            "warn" if late else "ok",
            f"{late} timers are late: is a worker running?" if late else "No timer is late.",
        ),
        Finding(
            "warn" if dead else "ok",
            f"{dead} reactions failed for good." if dead else "No reaction failed for good.",
        ),
    ]


async def check_people(tx: Tx, now: datetime) -> list[Finding]:
    """Check the catch-all list, that everybody can be reached, and gaps."""
    catch_all = await people.catch_all(tx)
    found = [
        Finding(
            "ok" if len(catch_all) > 1 else "warn" if catch_all else "fail",
            f"The catch-all list has {len(catch_all)} reachable people; two or more is safe.",
        )
    ]
    everyone = [p for p in await people.people(tx) if p.active]
    methods = await people.methods_of(tx, [p.id for p in everyone])
    awake = {m.person_id for m in methods if m.kind != "email"}
    found += [
        Finding("warn", f"{person.name} is reached by e-mail alone, which wakes nobody.")
        for person in everyone
        if person.id not in awake
    ]
    found += [
        Finding("warn", f"{schedule.name} has {len(holes)} gaps in the next 28 days.")
        for schedule in await oncall.schedules(tx)
        if (holes := gaps(schedule, now, now + timedelta(days=28)))
    ]
    if not await paging.policies(tx):
        found.append(Finding("warn", "There is no escalation policy: pages go to the catch-all list."))
    return found


def check_providers(settings: Settings) -> list[Finding]:
    """Check that the mail server accepts connections."""
    if not settings.smtp_url:
        return [Finding("warn", "No mail server is set (FIREBELL_SMTP_URL): no e-mail is sent.")]
    parts = urlsplit(settings.smtp_url)
    port = parts.port or (465 if parts.scheme == "smtps" else 25)
    try:
        socket.create_connection((parts.hostname or "", port), timeout=5).close()
    except OSError as error:
        return [Finding("fail", f"The mail server {parts.hostname}:{port} does not answer: {error}.")]
    return [Finding("ok", f"The mail server {parts.hostname}:{port} answers.")]


@click.command()
def doctor() -> None:
    """Check database, clock, providers, catch-all list and reachability; ends with 1 when something fails."""
    settings = load_settings(log_level="warning")
    found: list[Finding] = []

    async def main() -> None:
        async with running(settings) as prepared:
            ctx = prepared.ctx
            async with ctx.db.tx() as tx:
                found.extend(await check_database(tx))
                found.extend(await check_people(tx, ctx.clock.now()))
        found.extend(await asyncio.to_thread(check_providers, settings))

    run(main())
    marks = {"ok": ("ok  ", "green"), "warn": ("warn", "yellow"), "fail": ("FAIL", "red")}
    for finding in found:
        word, colour = marks[finding.level]
        click.echo(f"{click.style(word, fg=colour)}  {finding.text}")
    raise SystemExit(1 if any(f.level == "fail" for f in found) else 0)
