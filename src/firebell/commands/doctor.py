"""`firebell doctor`: checks that everything a page needs is in order."""

import json
import pwd
import shutil
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import aiosmtplib
import click
import httpx

from firebell import subscriptions
from firebell.commands.serve import load_settings, run
from firebell.health_check import write
from firebell.kit.database_clock import TOLERANCE
from firebell.kit.db import Db, Tx
from firebell.kit.descriptors import budget, raise_limit
from firebell.kit.errors import FirebellError, Unavailable
from firebell.kit.http_out import guarded_client, status_of
from firebell.kit.migrate import Altered, applied, available, check_files
from firebell.kit.postgres_access import SHARED_USER
from firebell.kit.smtp import parse_smtp_url
from firebell.oncall import actions as oncall
from firebell.oncall.rota.shifts import gaps
from firebell.paging import actions as paging
from firebell.paging.channels.email import NO_TLS, lacks_tls
from firebell.people import actions as people
from firebell.people.model import Channel, Person, Role
from firebell.people.session_store import sign_in_addresses
from firebell.people.sign_in_limits import is_private
from firebell.runtime import database, usable
from firebell.settings import Settings

HORIZON = timedelta(days=28)
ENOUGH_DESCRIPTORS = 2048
SPACE_NEEDED, SPACE_WANTED = 256 * 2**20, 2 * 2**30
"""Bytes of free disk below which a page may be lost soon, and below which someone should make room."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found: `level` is ok, warn or fail."""

    check: str
    level: str
    text: str


def _finding(check: str, good: bool, text: str, otherwise: str, level: str = "fail") -> Finding:
    return Finding(check, "ok", text) if good else Finding(check, level, otherwise)


async def check_database(tx: Tx) -> list[Finding]:
    """Check the server's version, and that this program and the schema belong together."""
    version = int(await tx.value("select current_setting('server_version_num')::int")) // 10000
    found, known = await applied(tx.conn), available()[-1].version
    if found <= known and (altered := await _altered(tx)):
        schema = Finding("schema", "fail", altered)
    elif found == known:
        schema = Finding("schema", "ok", f"The schema is at {found}.")
    elif found < known:
        text = f"The schema is at {found}; the next start of this Firebell brings it to {known}."
        schema = Finding("schema", "warn", text)
    else:
        text = f"The schema is at {found}, this Firebell knows {known}: it must be upgraded."
        schema = Finding("schema", "fail", text)
    new = version >= 15
    return [
        _finding("database", new, f"PostgreSQL {version} answers.", f"PostgreSQL {version} is older than 15."),
        schema,
    ]  # fmt: skip


async def _altered(tx: Tx) -> str:
    try:
        await check_files(tx.conn, available())
    except Altered as error:
        return f"{error.message} {error.hint}"
    return ""


async def check_write(db: Db, now: datetime) -> Finding:
    """Check that a row can be stored: a full disk or a replica answers and stores nothing."""
    try:
        async with db.tx() as tx:
            await write(tx, now)
    except Unavailable as error:
        return Finding("write", "fail", f"The database stores nothing. {error.message}")
    return Finding("write", "ok", "The database stores what it is given.")


def check_files_of(settings: Settings) -> list[Finding]:
    """Check the disk and the owner of an embedded database; another database has its own operator."""
    if settings.database_url:
        return []
    free = shutil.disk_usage(settings.data).free
    megabytes = f"{free / 2**20:,.0f} MiB are free in {settings.data}"
    level = "fail" if free < SPACE_NEEDED else "warn" if free < SPACE_WANTED else "ok"
    advice = "" if level == "ok" else " Make room: without space no alert is stored."
    owner = (settings.data / "postgres").stat().st_uid
    shared = owner == pwd.getpwnam(SHARED_USER).pw_uid
    return [
        Finding("space", level, f"{megabytes}.{advice}"),
        _finding(
            "owner",
            not shared,
            "The database's files belong to a user of their own.",
            f"The database's files belong to {SHARED_USER}, whom other programs run as too: create the user"
            f" firebell, stop Firebell, and run: chown -R firebell {settings.data}",
            "warn",
        ),
    ]


async def check_work(tx: Tx, now: datetime) -> list[Finding]:
    """Check the clock, and that timers, reactions and messages get done."""
    drift = abs(now - await tx.value("select clock_timestamp()"))
    late = await tx.value("select count(*) from due where due_at < $1", now - timedelta(minutes=1))
    failing = await tx.row("select count(*) n, max(last_error) why from due where attempts > 0")
    dead = await tx.row("select count(*) n, max(last_error) why from outbox where dead_at is not null")
    lost = await tx.value(
        "select count(*) from delivery where state = 'failed' and created_at > $1", now - timedelta(days=1)
    )
    assert failing
    assert dead
    apart = f"This clock and the database's differ by {drift.total_seconds():.1f} s"
    return [
        _finding(
            "clock",
            drift < TOLERANCE,
            f"{apart}.",
            f"{apart}. Timers run by the database's; set this machine's clock, for example with NTP.",
            "warn",
        ),
        _finding("timers", not late, "No timer is late.", f"Timers that are late: {late}. Does a worker run?"),
        _finding(
            "timers",
            not failing["n"],
            "No timer fails.",
            f"Timers that fail and are tried again: {failing['n']}. One says: {failing['why']}",
        ),
        _finding(
            "reactions",
            not dead["n"],
            "No reaction failed for good.",
            f"Reactions that failed for good: {dead['n']}. One says: {dead['why']}",
            "warn",
        ),
        _finding(
            "messages",
            not lost,
            "No message failed in the last day.",
            f"Messages that failed in the last day: {lost}. Each page says why.",
            "warn",
        ),
    ]  # fmt: skip


async def check_people(tx: Tx, everyone: list[Person]) -> list[Finding]:
    """Check the catch-all list, and that whoever may be paged has a verified way to be woken."""
    last_resort = len(await people.fallback_responders(tx))
    methods = await people.methods_of(tx, [p.id for p in everyone])
    awake = {m.person_id for m in methods if m.kind != Channel.EMAIL and m.verified_at}
    silent = [p.name for p in everyone if p.id not in awake and p.role != Role.VIEWER]
    return [
        _finding(
            "catch-all",
            last_resort > 1,
            f"The catch-all list has {last_resort} people.",
            f"The catch-all list has {last_resort} people: a page that nobody takes needs two or more.",
            "warn" if last_resort else "fail",
        ),
        _finding(
            "people",
            not silent,
            "Everybody has a verified way to be woken.",
            f"Without a verified way to be woken (e-mail wakes nobody): {', '.join(silent)}."
            " They add one under Settings, Contact, and send a test message.",
            "warn",
        ),
    ]


async def check_plans(tx: Tx, now: datetime) -> list[Finding]:
    """Check that somebody is on duty at every hour, and that there is a policy."""
    schedules = await oncall.schedules(tx, since=now, until=now + HORIZON)
    holes = [(s.name, missing) for s in schedules if (missing := gaps(s, now, now + HORIZON))]
    findings = [
        Finding(
            "on call",
            "warn",
            f"Nobody is on duty for {name} from {missing[0][0]:%Y-%m-%d %H:%M} UTC,"
            f" the first of {len(missing)} gaps in 28 days.",
        )
        for name, missing in holes
    ]
    some = bool(await paging.policies(tx))
    return [
        *(findings or [Finding("on call", "ok", "No schedule has a gap in the next 28 days.")]),
        _finding(
            "policies",
            some,
            "There is an escalation policy.",
            "There is no escalation policy: pages go to the catch-all list.",
            "warn",
        ),
    ]


async def check_mail(smtp_url: str, needed: bool) -> Finding:
    """Check that the mail server greets us, and lets us in when a user is given."""
    if not smtp_url:
        level = "warn" if needed else "ok"
        return Finding("mail", level, "No mail server is set (FIREBELL_SMTP_URL): no e-mail is sent.")
    server = parse_smtp_url(smtp_url)
    try:
        async with aiosmtplib.SMTP(timeout=10, port=server.port, **server.options()) as client:
            await client.ehlo()
    except (OSError, ValueError, aiosmtplib.SMTPException) as exc:
        if lacks_tls(server, exc):
            return Finding("mail", "fail", NO_TLS)
        return Finding("mail", "fail", f"The mail server of FIREBELL_SMTP_URL cannot be used: {exc}")
    login = f" and lets {server.username} in" if server.username else ""
    if server.sends_password_in_clear:
        text = f"The mail server {server.host}:{server.port} answers{login}, but ?insecure lets the password"
        return Finding("mail", "warn", f"{text} go unencrypted: remove it once the server offers TLS.")
    return Finding("mail", "ok", f"The mail server {server.host}:{server.port} answers{login}.")


async def check_ntfy(settings: Settings, addresses: Iterable[str]) -> list[Finding]:
    """Check that every ntfy server that somebody uses answers, dialled as messages are."""
    servers = set()
    for address in addresses:
        url = urlsplit(address if "://" in address else settings.ntfy_url)
        servers.add(f"{url.scheme}://{url.netloc}")
    found = []
    async with guarded_client(settings.allowed_networks) as http:
        for server in sorted(servers):
            try:
                status = await status_of(http, f"{server}/v1/health")
                good, why = 200 <= status < 300, f"it answers {status}"
            except (httpx.HTTPError, httpx.InvalidURL) as exc:
                good, why = False, f"{exc}"
            found.append(_finding("ntfy", good, f"{server} answers.", f"{server} cannot be used: {why}"))
    return found


def check_descriptors(limit: int) -> Finding:
    """Check that this host allows enough open files and connections."""
    found = f"Firebell may open {limit} files and connections, {budget(limit).connections} of them inbound"
    return _finding(
        "descriptors",
        limit >= ENOUGH_DESCRIPTORS,
        f"{found}.",
        f"{found}. Raise the limit: LimitNOFILE=65536 in a systemd unit, or ulimit -n 65536.",
        "warn",
    )


def check_proxy(addresses: Sequence[tuple[str, int, int]], trusted: str) -> Finding:
    """Check that sign-ins do not all come from one private address, as behind a proxy that is not trusted.

    `addresses` are (address, sessions, people).
    """
    known = [part.strip() for part in trusted.split(",")]
    hidden = "".join(
        address
        for address, sessions, persons in addresses
        if sessions > 2 and persons > 1 and is_private(address) and address not in known
    )
    hidden = hidden if len(addresses) == 1 else ""
    return _finding(
        "proxy",
        not hidden,
        "Sign-ins come from more than one address, or from few people.",
        f"All sign-ins come from {hidden}. If that is a proxy, add it to FIREBELL_TRUSTED_PROXIES:"
        " otherwise failed sign-ins of all new browsers count together.",
        "warn",
    )


def check_links(settings: Settings) -> Finding:
    """Check that the links in messages can be opened from elsewhere."""
    host = urlsplit(settings.public_url).hostname or ""
    near = host in ("localhost", "0.0.0.0", "::") or host.startswith("127.")  # noqa: S104 - compared, not bound
    return _finding(
        "links",
        not near,
        f"Links in messages point to {settings.public_url}.",
        f"Links in messages point to {settings.public_url}, which no phone can open: set FIREBELL_BASE_URL.",
        "warn",
    )


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Db]:
    """Open the database as it is: looking must neither make nor migrate it."""
    async with database(settings) as (dsn, _):
        with usable():
            db = await Db.connect(dsn, subscriptions.build(), size=2)
        try:
            yield db
        finally:
            await db.close()


async def examine(settings: Settings) -> list[Finding]:
    """Return what every check found; a database that cannot be reached is a finding as well."""
    findings: list[Finding] = []
    ntfy: list[str] = []
    mailed = True
    if not settings.database_url and not (settings.data / "postgres").exists():
        text = (
            f"There is no database in {settings.data}: firebell serve makes one."
            " Give doctor the environment of firebell serve (FIREBELL_DATA or DATABASE_URL)."
        )
        return [Finding("database", "fail", text), await check_mail(settings.smtp_url, True)]
    try:
        async with _opened(settings) as db, db.tx() as tx:
            now = datetime.now(UTC)
            findings += await check_database(tx)
            if findings[-1].level == "ok":
                findings += [await check_write(db, now), *check_files_of(settings)]
                findings += await check_work(tx, now)
                everyone = [p for p in await people.people(tx) if p.active]
                if everyone:
                    findings += [*await check_people(tx, everyone), *await check_plans(tx, now)]
                else:
                    findings.append(
                        Finding("people", "fail", f"Nobody is here yet: open {settings.public_url}.")
                    )
                findings.append(check_proxy(await sign_in_addresses(tx, now), settings.trusted_proxies))
                methods = await people.methods_of(tx, [p.id for p in everyone])
                ntfy = [m.address for m in methods if m.kind == Channel.NTFY]
                mailed = any(m.kind == Channel.EMAIL for m in methods)
    except FirebellError as error:
        findings.append(Finding("database", "fail", f"{error.message} {error.hint}".strip()))
    return [
        *findings,
        await check_mail(settings.smtp_url, mailed),
        *await check_ntfy(settings, ntfy),
        check_descriptors(raise_limit()),
        check_links(settings),
    ]


@click.command()
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def doctor(json_: bool) -> None:
    """Check database, disk, clock, timers, providers, people and schedules; ends with 1 when something fails.

    It looks where its environment points: give it the one of 'firebell serve', and run it as the same user.
    """
    settings = load_settings(log_level="error")
    findings: list[Finding] = []

    async def main() -> None:
        findings.extend(await examine(settings))

    run(main())
    good = all(f.level != "fail" for f in findings)
    if json_:
        click.echo(json.dumps({"ok": good, "findings": [asdict(f) for f in findings]}, indent=2))
    else:
        marks = {"ok": ("ok  ", "green"), "warn": ("warn", "yellow"), "fail": ("FAIL", "red")}
        for finding in findings:
            word, color = marks[finding.level]
            click.echo(f"{click.style(word, fg=color)}  {finding.text}")
    raise SystemExit(0 if good else 1)
