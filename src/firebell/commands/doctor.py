"""`firebell doctor`: checks that everything a page needs is in order."""

import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote, urlsplit

import aiosmtplib
import click
import httpx

from firebell import reactions
from firebell.commands.serve import load_settings, run
from firebell.kit.db import Db, Tx
from firebell.kit.errors import FirebellError
from firebell.kit.http_out import guarded_client
from firebell.kit.migrate import applied, available
from firebell.oncall import actions as oncall
from firebell.oncall.shifts import gaps
from firebell.paging import actions as paging
from firebell.people import actions as people
from firebell.people.model import Channel, Person, Role
from firebell.people.session_store import sign_in_addresses
from firebell.people.throttle import is_private
from firebell.runtime import database, usable
from firebell.settings import Settings

HORIZON = timedelta(days=28)


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
    if found == known:
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
        _finding("clock", drift < timedelta(seconds=2), f"{apart}.", f"{apart}: timers run at the wrong time."),
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
    last_resort = len(await people.catch_all(tx))
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
    found = [
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
        *(found or [Finding("on call", "ok", "No schedule has a gap in the next 28 days.")]),
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
    url = urlsplit(smtp_url)
    secure = url.scheme == "smtps"
    try:
        port = url.port or (465 if secure else 25)
        client = aiosmtplib.SMTP(
            hostname=url.hostname,
            port=port,
            use_tls=secure,
            username=unquote(url.username) if url.username else None,
            password=unquote(url.password) if url.password else None,
            timeout=10,
        )
        async with client:
            await client.ehlo()
    except (OSError, ValueError, aiosmtplib.SMTPException) as exc:
        return Finding("mail", "fail", f"The mail server of FIREBELL_SMTP_URL cannot be used: {exc}")
    login = f" and lets {unquote(url.username)} in" if url.username else ""
    return Finding("mail", "ok", f"The mail server {url.hostname}:{port} answers{login}.")


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
                answer = await http.get(f"{server}/v1/health")
                good, why = answer.is_success, f"it answers {answer.status_code}"
            except (httpx.HTTPError, httpx.InvalidURL) as exc:
                good, why = False, f"{exc}"
            found.append(_finding("ntfy", good, f"{server} answers.", f"{server} cannot be used: {why}"))
    return found


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
async def _opened(settings: Settings) -> AsyncIterator[Tx]:
    """Open the database as it is: looking must neither make nor migrate it."""
    async with database(settings) as (dsn, _):
        with usable():
            db = await Db.connect(dsn, reactions.build(), size=1)
        try:
            async with db.tx() as tx:
                yield tx
        finally:
            await db.close()


async def examine(settings: Settings) -> list[Finding]:
    """Return what every check found; a database that cannot be reached is a finding as well."""
    found: list[Finding] = []
    ntfy: list[str] = []
    mailed = True
    if not settings.database_url and not (settings.data / "postgres").exists():
        text = f"There is no database in {settings.data}: firebell serve makes one."
        return [Finding("database", "fail", text), await check_mail(settings.smtp_url, True)]
    try:
        async with _opened(settings) as tx:
            now = datetime.now(UTC)
            found += await check_database(tx)
            if found[-1].level == "ok":
                found += await check_work(tx, now)
                everyone = [p for p in await people.people(tx) if p.active]
                if everyone:
                    found += [*await check_people(tx, everyone), *await check_plans(tx, now)]
                else:
                    found.append(
                        Finding("people", "fail", f"Nobody is here yet: open {settings.public_url}.")
                    )
                found.append(check_proxy(await sign_in_addresses(tx, now), settings.trusted_proxies))
                methods = await people.methods_of(tx, [p.id for p in everyone])
                ntfy = [m.address for m in methods if m.kind == Channel.NTFY]
                mailed = any(m.kind == Channel.EMAIL for m in methods)
    except FirebellError as error:
        found.append(Finding("database", "fail", f"{error.message} {error.hint}".strip()))
    return [
        *found,
        await check_mail(settings.smtp_url, mailed),
        *await check_ntfy(settings, ntfy),
        check_links(settings),
    ]


@click.command()
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def doctor(json_: bool) -> None:
    """Check database, clock, timers, providers, people and schedules; ends with 1 when something fails."""
    settings = load_settings(log_level="error")
    found: list[Finding] = []

    async def main() -> None:
        found.extend(await examine(settings))

    run(main())
    good = all(f.level != "fail" for f in found)
    if json_:
        click.echo(json.dumps({"ok": good, "findings": [asdict(f) for f in found]}, indent=2))
    else:
        marks = {"ok": ("ok  ", "green"), "warn": ("warn", "yellow"), "fail": ("FAIL", "red")}
        for finding in found:
            word, colour = marks[finding.level]
            click.echo(f"{click.style(word, fg=colour)}  {finding.text}")
    raise SystemExit(0 if good else 1)
