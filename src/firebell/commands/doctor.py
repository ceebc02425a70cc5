"""`firebell doctor`: check that everything paging needs is working."""

import pwd
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import click

from firebell import event_subscriptions
from firebell.action_items.trackers.doctor_checks import check as check_trackers
from firebell.channels.registry import CHANNELS, wakes
from firebell.chat.doctor_checks import check as check_chats
from firebell.commands import doctor_mail
from firebell.commands.doctor_output import print_results
from firebell.commands.serve import load_settings, run
from firebell.database_server import database
from firebell.health_check import write
from firebell.kit.db.database import Db, Tx
from firebell.kit.db.database_clock import TOLERANCE
from firebell.kit.db.migrate import Altered, applied, available, check_files
from firebell.kit.db.postgres_access import SHARED_USER
from firebell.kit.disk_space import LOW_FREE_BYTES, MIN_FREE_BYTES, free_bytes, free_text
from firebell.kit.errors import FirebellError, Unavailable
from firebell.kit.file_descriptors import budget, raise_limit
from firebell.kit.findings import CheckResult
from firebell.kit.http_out import guarded_client
from firebell.kit.jobs import timers
from firebell.oncall.rota.shifts import gaps
from firebell.oncall.schedules import queries as oncall
from firebell.paging import actions as paging
from firebell.people import actions as people
from firebell.people.model import MethodState, Person, Role
from firebell.people.sessions.store import sign_in_addresses
from firebell.people.sign_in.limits import is_private
from firebell.process import usable
from firebell.self_watch.doctor_checks import check as check_self_watch
from firebell.settings import Settings
from firebell.status_copies.doctor_checks import check as check_status_copies
from firebell.status_pages.hosting.doctor_checks import check as check_mirrors
from firebell.webhooks.doctor_checks import check as check_webhooks

GAP_CHECK_PERIOD = timedelta(days=28)
MIN_DESCRIPTORS = 2048
SHOWN_TABLES = 5


def _result(check: str, good: bool, ok_text: str, bad_text: str, bad_level: str = "fail") -> CheckResult:
    return CheckResult(check, "ok", ok_text) if good else CheckResult(check, bad_level, bad_text)


async def check_database(tx: Tx) -> list[CheckResult]:
    """Check the PostgreSQL version, and that the schema fits this version of Firebell."""
    version = int(await tx.value("select current_setting('server_version_num')::int")) // 10000
    current, latest = await applied(tx.conn), available()[-1].version
    if current <= latest and (altered := await _altered(tx)):
        schema = CheckResult("schema", "fail", altered)
    elif current == latest:
        schema = CheckResult("schema", "ok", f"The database schema is at version {current}.")
    elif current < latest:
        text = f"The database schema is at version {current}. It is updated to {latest} at the next start."
        schema = CheckResult("schema", "warn", text)
    else:
        text = f"The database schema is at version {current}; this Firebell only knows {latest}. Upgrade Firebell."
        schema = CheckResult("schema", "fail", text)
    too_old = f"PostgreSQL {version} is too old. Upgrade to 15 or newer."
    return [_result("database", version >= 15, f"PostgreSQL {version} answers.", too_old), schema]


async def _altered(tx: Tx) -> str:
    try:
        await check_files(tx.conn, available())
    except Altered as error:
        return f"{error.message} {error.hint}"
    return ""


async def check_write(db: Db, now: datetime) -> CheckResult:
    """Check that a row can be stored: with a full disk or on a replica, reads still work."""
    try:
        async with db.tx() as tx:
            await write(tx, now)
    except Unavailable as error:
        return CheckResult("write", "fail", f"The database cannot store anything. {error.message}")
    return CheckResult("write", "ok", "The database can store data.")


def check_files_of(settings: Settings) -> list[CheckResult]:
    """Check the disk and the file owner of an embedded database; an external one is not checked."""
    if settings.database_url:
        return []
    free = free_bytes(settings.data)
    space = free_text(free, settings.data)
    level = "fail" if free < MIN_FREE_BYTES else "warn" if free < LOW_FREE_BYTES else "ok"
    advice = "" if level == "ok" else " Free up space: without it, no alert can be stored."
    owner = (settings.data / "postgres").stat().st_uid
    shared = owner == pwd.getpwnam(SHARED_USER).pw_uid
    return [
        CheckResult("space", level, f"{space}{advice}"),
        _result(
            "owner",
            not shared,
            "The database files belong to a user of their own.",
            f"The database files belong to {SHARED_USER}, which other programs use too. Create the user firebell,"
            f" stop Firebell, and run: chown -R firebell {settings.data}",
            "warn",
        ),
    ]


async def check_work(tx: Tx, now: datetime) -> list[CheckResult]:
    """Check the clock, and that timers, background jobs and messages work."""
    drift = abs(now - await tx.value("select clock_timestamp()"))
    late = (await timers.overdue(tx, now - timedelta(minutes=1), ()))[False].timers
    failing = await tx.row("select count(*) n, max(last_error) why from due where attempts > 0")
    dead = await tx.row("select count(*) n, max(last_error) why from outbox where dead_at is not null")
    lost = await tx.value(
        "select count(*) from delivery where state = 'failed' and created_at > $1", now - timedelta(days=1)
    )
    assert failing
    assert dead
    difference = f"The clocks of this machine and the database differ by {drift.total_seconds():.1f} s."
    return [
        _result(
            "clock",
            drift < TOLERANCE,
            difference,
            f"{difference} Set this machine's clock, for example with NTP.",
            "warn",
        ),
        _result(
            "timers", not late, "No late timers.", f"Late timers: {late}. Check that a worker is running."
        ),
        _result(
            "timers",
            not failing["n"],
            "No failing timers.",
            f"Failing timers, being retried: {failing['n']}. Last error: {failing['why']}",
        ),
        _result(
            "reactions",
            not dead["n"],
            "No failed background jobs.",
            f"Failed background jobs: {dead['n']}. Last error: {dead['why']}",
            "warn",
        ),
        _result(
            "messages",
            not lost,
            "No failed messages in the last 24 hours.",
            f"Failed messages in the last 24 hours: {lost}. Each page shows the reason.",
            "warn",
        ),
    ]


async def check_size(tx: Tx) -> CheckResult:
    """Report the sizes of the database and of its largest tables with their indexes."""
    rows = await tx.fetch(
        """
        select relname, pg_total_relation_size(oid) as bytes
        from pg_class
        where relkind = 'r'
            and relnamespace = current_schema()::regnamespace
        order by bytes desc
        limit $1
        """,
        SHOWN_TABLES,
    )
    total = await tx.value("select pg_database_size(current_database())")
    largest = ", ".join(f"{row['relname']} {row['bytes'] / 2**20:,.0f}" for row in rows)
    return CheckResult("size", "ok", f"The database has {total / 2**20:,.0f} MiB, of it {largest}.")


async def check_people(tx: Tx, everyone: list[Person]) -> list[CheckResult]:
    """Check the fallback responders, and that everyone who may be paged has a verified contact method."""
    responders = len(await people.fallback_responders(tx))
    methods = await people.methods_of(tx, [p.id for p in everyone])
    verified = {m.person_id for m in methods if wakes(m.kind) and m.is_verified}
    disabled = {m.person_id for m in methods if m.state is MethodState.DISABLED}
    unreachable = [p.name for p in everyone if p.id not in verified and p.role != Role.VIEWER]
    return [
        _result(
            "catch-all",
            responders > 1,
            f"Fallback responders: {responders}.",
            f"Fallback responders: {responders}. Add people until there are two or more.",
            "warn" if responders else "fail",
        ),
        _result(
            "people",
            not unreachable,
            "Everyone has a verified contact method besides email.",
            f"No verified contact method besides email, which won't wake them: {', '.join(unreachable)}."
            " Ask them to add one under Settings, Notifications, and to enter the code that Firebell sends.",
            "warn",
        ),
        _result(
            "contact methods",
            not disabled,
            "No contact method is disabled.",
            "Contact methods were disabled because messages failed:"
            f" {', '.join(p.name for p in everyone if p.id in disabled)}."
            " Ask them to correct the address under Settings, Notifications.",
            "warn",
        ),
    ]


async def check_plans(tx: Tx, now: datetime) -> list[CheckResult]:
    """Check that schedules have no gaps, and that there is an escalation policy."""
    schedules = await oncall.schedules(tx, since=now, until=now + GAP_CHECK_PERIOD)
    gaps_by_schedule = [(s.name, open_) for s in schedules if (open_ := gaps(s, now, now + GAP_CHECK_PERIOD))]
    findings = [
        CheckResult(
            "on call",
            "warn",
            f"No one is on call for {name} from {open_[0][0]:%Y-%m-%d %H:%M} UTC."
            f" Gaps in the next 28 days: {len(open_)}.",
        )
        for name, open_ in gaps_by_schedule
    ]
    has_policy = bool(await paging.policies(tx))
    return [
        *(findings or [CheckResult("on call", "ok", "No schedule has gaps in the next 28 days.")]),
        _result(
            "policies",
            has_policy,
            "There is an escalation policy.",
            "There is no escalation policy: pages go to the fallback responders. Create one under Escalation.",
            "warn",
        ),
    ]


async def check_channels(
    settings: Settings, addresses: Mapping[str, Sequence[str]] | None
) -> list[CheckResult]:
    """Check each channel with its addresses in use, by kind; None if they are not known."""
    findings: list[CheckResult] = []
    async with guarded_client(settings.allowed_networks) as http:
        for kind, channel in sorted(CHANNELS.items()):
            used = None if addresses is None else addresses.get(kind, ())
            findings += await channel.check_health(http, settings.channels, used)
    return findings


def check_descriptors(limit: int) -> CheckResult:
    """Check that this host allows enough open files and connections."""
    text = f"Firebell can open {limit} files and connections, {budget(limit).connections} of them inbound."
    return _result(
        "descriptors",
        limit >= MIN_DESCRIPTORS,
        text,
        f"{text} Raise the limit: LimitNOFILE=65536 in a systemd unit, or ulimit -n 65536.",
        "warn",
    )


def check_proxy(addresses: Sequence[tuple[str, int, int]], trusted: str) -> CheckResult:
    """Check that sign-ins do not all come from one private address, as behind a proxy that is not trusted.

    `addresses` are (address, sessions, people).
    """
    proxies = [part.strip() for part in trusted.split(",")]
    hidden = "".join(
        address
        for address, sessions, persons in addresses
        if sessions > 2 and persons > 1 and is_private(address) and address not in proxies
    )
    hidden = hidden if len(addresses) == 1 else ""
    return _result(
        "proxy",
        not hidden,
        "Sign-ins do not all come from one proxy.",
        f"All sign-ins come from {hidden}. If that is a proxy, add it to FIREBELL_TRUSTED_PROXIES."
        " Until then, failed sign-ins of all new browsers count together.",
        "warn",
    )


def check_links(settings: Settings) -> CheckResult:
    """Check that the links in messages can be opened from elsewhere."""
    host = urlsplit(settings.public_url).hostname or ""
    is_local = host in ("localhost", "0.0.0.0", "::") or host.startswith("127.")  # noqa: S104 - compared, not bound

    return _result(
        "links",
        not is_local,
        f"Links in messages point to {settings.public_url}.",
        f"Links in messages point to {settings.public_url}, which phones cannot open. Set FIREBELL_BASE_URL.",
        "warn",
    )


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Db]:
    """Open the database as it is, without creating or migrating it."""
    async with database(settings) as (dsn, _):
        with usable():
            db = await Db.connect(dsn, event_subscriptions.build(), size=2)
        try:
            yield db
        finally:
            await db.close()


async def examine(settings: Settings) -> list[CheckResult]:
    """Return the findings of every check; an unreachable database is a finding as well."""
    findings: list[CheckResult] = []
    addresses: dict[str, list[str]] | None = None
    if not settings.database_url and not (settings.data / "postgres").exists():
        text = (
            f"There is no database in {settings.data}. Run firebell serve to create one, or give doctor the"
            " environment of firebell serve (FIREBELL_DATA or DATABASE_URL)."
        )
        return [CheckResult("database", "fail", text), *await check_channels(settings, None)]
    try:
        async with _opened(settings) as db, db.tx() as tx:
            now = datetime.now(UTC)
            findings += await check_database(tx)
            if findings[-1].level == "ok":
                findings += [await check_write(db, now), *check_files_of(settings)]
                findings.append(await check_size(tx))
                findings += [*await check_work(tx, now), *await check_chats(tx, now)]
                findings += await check_status_copies(tx, now)
                findings += await check_mirrors(tx, now)
                findings += await check_trackers(tx, now)
                findings += await check_webhooks(tx, now)
                findings += await check_self_watch(tx, settings.channels, now)
                everyone = [p for p in await people.people(tx) if p.active]
                if everyone:
                    findings += [*await check_people(tx, everyone), *await check_plans(tx, now)]
                else:
                    text = f"There are no people yet. Set up Firebell at {settings.public_url}."
                    findings.append(CheckResult("people", "fail", text))
                findings.append(check_proxy(await sign_in_addresses(tx, now), settings.trusted_proxies))
                methods = await people.methods_of(tx, [p.id for p in everyone])
                addresses = {kind: [m.address for m in methods if m.kind == kind] for kind in CHANNELS}
    except FirebellError as error:
        findings.append(CheckResult("database", "fail", f"{error.message} {error.hint}".strip()))
    return [
        *findings,
        *await check_channels(settings, addresses),
        check_descriptors(raise_limit()),
        check_links(settings),
    ]


@click.group(invoke_without_command=True)
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
@click.pass_context
def doctor(ctx: click.Context, json_: bool) -> None:
    """Check database, disk, clock, timers, providers, people and schedules.

    Exits with 1 if a check fails. Run it as the user and with the environment of 'firebell serve'.
    """
    if ctx.invoked_subcommand:
        return
    settings = load_settings(log_level="error")
    findings: list[CheckResult] = []

    async def main() -> None:
        findings.extend(await examine(settings))

    run(main())
    print_results(findings, json_=json_)


doctor.add_command(doctor_mail.mail)
