"""The failover runbook against Debian's PostgreSQL: a primary dies, its standby takes over, and it comes back."""

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from tests.peers.runbooks import Shell, command, place, program, runbook
from tests.servers import free_port, until

pytestmark = pytest.mark.peers

BOOK = runbook("database-failover")
FAST = "fsync = off\nfull_page_writes = on\nwal_log_hints = on\nmax_wal_size = 64MB\nwal_keep_size = 64MB\n"


def binaries() -> str:
    """Return the folder of the newest PostgreSQL that Debian has installed."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    newest = str(folders[-1]) if folders else ""
    program("pg_rewind", "postgresql", newest)
    return newest


@dataclass(slots=True)
class Cluster:
    """A primary and a streaming standby, and a shell with the variables of the runbook."""

    shell: Shell
    old: str
    new: str

    async def write(self, address: str, text: str) -> None:
        """Store a row."""
        conn = await asyncpg.connect(address)
        try:
            await conn.execute("insert into orders values ($1)", text)
        finally:
            await conn.close()

    async def read(self, address: str) -> list[str]:
        """Return the rows."""
        conn = await asyncpg.connect(address)
        try:
            return [r["what"] for r in await conn.fetch("select what from orders order by 1")]
        finally:
            await conn.close()

    async def caught_up(self, address: str, text: str) -> None:
        """Return once a row has arrived."""

        async def arrived() -> bool:
            return text in await self.read(address)

        await until(arrived, f"{text} arrives")

    async def crash(self, pgdata: str) -> None:
        """Kill a server abruptly, as if its host died."""
        pid = int((Path(self.shell.env[pgdata]) / "postmaster.pid").read_text("ascii").split("\n")[0])
        os.kill(pid, 9)

        async def gone() -> bool:
            return (await self.shell(f'pg_ctl status -D "${pgdata}" >/dev/null; echo $?')).out != "0\n"

        await until(gone, "the server is gone")


SET_UP = """
set -e
initdb -D "$OLD_PGDATA" -U postgres -A trust -N >/dev/null
printf '%s\nport = %s\n' "$SETTINGS" "$OLD_PORT" >>"$OLD_PGDATA/postgresql.conf"
pg_ctl start -D "$OLD_PGDATA" -w -t 30 -l "$OLD_LOG" >/dev/null
psql "$OLD_DSN" -Xqc 'create table orders (what text)'
pg_basebackup -d "$OLD_DSN" -D "$NEW_PGDATA" -R -X stream -c fast
printf 'port = %s\n' "$NEW_PORT" >>"$NEW_PGDATA/postgresql.conf"
pg_ctl start -D "$NEW_PGDATA" -w -t 30 -l "$NEW_LOG" >/dev/null
"""
START = 'pg_ctl start -D "$NEW_PGDATA" -w -t 30 -l "$NEW_LOG" >/dev/null'
OWN_PORT = 'printf "port = %s\\n" "$OLD_PORT" >>"$OLD_PGDATA/postgresql.conf"'
"""What step 9 asks for where both servers share a host: the rebuilt one gets its own port again."""


@asynccontextmanager
async def cluster() -> AsyncIterator[Cluster]:
    """Run both until the block ends."""
    with place() as folder:
        env = {"PATH": f"{binaries()}:{os.environ['PATH']}", "PGCONNECT_TIMEOUT": "5"}
        addresses = {}
        for name in ("OLD", "NEW"):
            port = free_port()
            env[f"{name}_PORT"] = str(port)
            env[f"{name}_LOG"] = f"{folder}/{name.lower()}.log"
            env[f"{name}_PGDATA"] = f"{folder}/{name.lower()}"
            env[f"{name}_CONFIG_FILE"] = f"{folder}/{name.lower()}/postgresql.conf"
            env[f"{name}_DSN"] = f"host=127.0.0.1 port={port} user=postgres dbname=postgres"
            addresses[name] = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        shell = Shell(folder, env)
        try:
            await shell(SET_UP, SETTINGS=f"{FAST}unix_socket_directories = '{folder}'")
            yield Cluster(shell, addresses["OLD"], addresses["NEW"])
        finally:
            for name in ("OLD", "NEW"):
                await shell(f'pg_ctl stop -D "${name}_PGDATA" -m immediate >/dev/null 2>&1 || true')
                print(await shell(f'cat "${name}_LOG" || true'))


async def promote(running: Cluster) -> None:
    """Do steps 6 (the guard) and 7 of the runbook."""
    fenced = await running.shell(
        command(BOOK, "6. Without Patroni", "STOP"), OLD_IS_OFF="its process was killed"
    )
    assert fenced.out.startswith("fenced: 127.0.0.1:")
    assert (await running.shell(command(BOOK, "7. Without Patroni", "pg_is_in_recovery"))).out == "t\n"
    promoted = await running.shell(command(BOOK, "7. Without Patroni", "pg_ctl promote"))
    assert "server promoted" in promoted.out
    again = await running.shell(command(BOOK, "7. Without Patroni", "pg_ctl promote"), code=1)
    assert "server is not in standby mode" in again.err


async def verify(running: Cluster, primaries: str) -> None:
    """Do the verification of the runbook."""
    one = await running.shell(command(BOOK, "Verification", "for dsn"))
    assert "".join(line[-1] for line in one.out.splitlines()) == primaries
    writes = await running.shell(command(BOOK, "Verification", "pg_current_xact_id"))
    assert re.fullmatch(r"\d+ \| 00000002\n", writes.out)


async def streaming(running: Cluster) -> None:
    """Return once the verification of the runbook shows the standby."""

    async def follows() -> bool:
        done = await running.shell(command(BOOK, "Verification", "pg_stat_replication"))
        return bool(re.fullmatch(r"127\.0\.0\.1 \| streaming \| 0\n", done.out))

    await until(follows, "the standby follows")


async def test_a_primary_that_died_is_replaced_and_rewound() -> None:
    async with cluster() as running:
        alive = await running.shell(command(BOOK, "2. Make sure", "pg_isready"))
        assert "accepting connections" in alive.out
        await running.write(running.old, "first")
        await running.caught_up(running.new, "first")
        lost = await running.shell(command(BOOK, "3. Measure", "pg_last_wal_receive_lsn"))
        in_recovery, received, replayed, age = lost.out.strip().split(" | ")
        assert (in_recovery, received) == ("t", replayed)
        assert age.startswith("00:00:")
        app = await running.shell(command(BOOK, "8. Point the applications", "APP_DSN"), APP_DSN=running.new)
        assert app.out.startswith("a standby")
        standby = await running.shell(command(BOOK, "Verification", "pg_current_xact_id"), code=1)
        assert "cannot execute pg_current_xact_id() during recovery" in standby.err
        stop = await running.shell(
            command(BOOK, "6. Without Patroni", "STOP"), code=1, OLD_IS_OFF="I believe so"
        )
        assert stop.err.startswith("STOP")

        await running.shell('pg_ctl stop -D "$NEW_PGDATA" -m fast -w >/dev/null')
        await running.write(running.old, "never received")
        await running.crash("OLD_PGDATA")
        await running.shell(START)
        gone = await running.shell(command(BOOK, "2. Make sure", "pg_isready"), code=2)
        assert "no response" in gone.out
        await promote(running)
        await running.write(running.new, "second")
        app = await running.shell(command(BOOK, "8. Point the applications", "APP_DSN"), APP_DSN=running.new)
        assert app.out == "the primary\n"

        assert (await running.shell(command(BOOK, "9. Rebuild", "checkpoint"))).out == "CHECKPOINT\n"
        dry = await running.shell(command(BOOK, "9. Rebuild", "--dry-run"), code=1)
        assert "in production" in dry.out
        assert "target server must be shut down cleanly" in dry.err
        rewound = await running.shell(command(BOOK, "9. Rebuild", "--write-recovery-conf"))
        assert "Done!" in rewound.err
        await running.shell(OWN_PORT)
        started = await running.shell(command(BOOK, "9. Rebuild", "OLD_LOG"))
        assert "server started" in started.out
        await running.caught_up(running.old, "second")
        assert await running.read(running.old) == ["first", "second"]
        await streaming(running)
        await verify(running, "tf")


async def test_a_cleanly_stopped_primary_is_replaced_and_copied_again() -> None:
    async with cluster() as running:
        await running.write(running.old, "first")
        stopped = await running.shell(command(BOOK, "6. Without Patroni", "pg_ctl stop"))
        assert "server stopped" in stopped.out
        await promote(running)
        assert await running.read(running.new) == ["first"], "a stop in order loses nothing"
        await running.write(running.new, "second")

        await running.shell(command(BOOK, "9. Rebuild", "pg_basebackup"))
        (aside,) = running.shell.folder.glob("old.before-*")
        assert (aside / "PG_VERSION").exists(), "what only it has is kept"
        await running.shell(OWN_PORT)
        await running.shell(command(BOOK, "9. Rebuild", "OLD_LOG"))
        await running.caught_up(running.old, "second")
        await streaming(running)
        await verify(running, "tf")


async def test_the_guard_calls_nothing_fenced_that_may_be_alive_or_was_never_asked() -> None:
    guard = command(BOOK, "6. Without Patroni", "STOP")
    async with cluster() as running:
        recovering = """
printf 'recovery_target_name = never\\nrestore_command = false\\nhot_standby = off\\n' >>"$NEW_PGDATA/postgresql.conf"
pg_ctl restart -D "$NEW_PGDATA" -m fast -W -l "$NEW_LOG" >/dev/null
"""
        await running.shell(recovering)
        unhappy = {
            "alive": (running.shell.env["OLD_DSN"], 0),
            "in recovery": (running.shell.env["NEW_DSN"], 1),
            "misspelled": ("hostt=db1", 3),
            "unresolvable": ("host=no-such-host.invalid", 2),
        }
        for name, (dsn, answer) in unhappy.items():

            async def answers(dsn: str = dsn, answer: int = answer) -> bool:
                return (await running.shell(f'pg_isready -q -t 5 -d "{dsn}"; echo $?')).out == f"{answer}\n"

            await until(answers, f"{name}: pg_isready ends with {answer}")
            stop = await running.shell(guard, code=1, OLD_DSN=dsn, OLD_IS_OFF="yes")
            assert (stop.out, "STOP: " in stop.err) == ("", True), name
        await running.shell(guard, code=127, OLD_DSN="", OLD_IS_OFF="yes")
        await running.shell(guard, code=127, OLD_IS_OFF="")


async def test_a_commit_does_not_wait_for_a_standby_that_is_gone() -> None:
    async with cluster() as running:
        await running.shell(
            """
printf "synchronous_standby_names = '*'\n" >>"$NEW_PGDATA/postgresql.conf"
pg_ctl stop -D "$OLD_PGDATA" -m fast -w >/dev/null
pg_ctl promote -D "$NEW_PGDATA" -w -t 60 >/dev/null
psql "$NEW_DSN" -Xqc 'select pg_reload_conf()' >/dev/null
"""
        )
        step = "7. Without Patroni"
        assert (await running.shell(command(BOOK, step, "current_setting"))).out == "* | 0\n"
        await running.shell(command(BOOK, step, "alter system set synchronous_standby_names"))
        await running.write(running.new, "returns")
        assert (await running.shell(command(BOOK, step, "current_setting"))).out == " | 0\n"


async def test_a_server_whose_configuration_is_elsewhere_is_started_as_debian_keeps_it() -> None:
    async with cluster() as running:
        await running.shell(
            """
set -e
pg_ctl stop -D "$OLD_PGDATA" -m fast -w >/dev/null
mkdir etc
mv "$OLD_PGDATA"/postgresql.conf "$OLD_PGDATA"/pg_hba.conf "$OLD_PGDATA"/pg_ident.conf etc/
printf "data_directory = '%s'\nhba_file = '%s/etc/pg_hba.conf'\n" "$OLD_PGDATA" "$PWD" >>etc/postgresql.conf
"""
        )
        elsewhere = f"{running.shell.folder}/etc/postgresql.conf"
        started = await running.shell(command(BOOK, "9. Rebuild", "OLD_LOG"), OLD_CONFIG_FILE=elsewhere)
        assert "server started" in started.out


def test_a_fenced_host_that_boots_again_does_not_start_its_primary() -> None:
    fence = command(BOOK, "6. Without Patroni", "OLD_UNIT")
    assert 'systemctl mask --now "$OLD_UNIT"' in fence
    assert 'systemctl unmask "$OLD_UNIT"' in BOOK.part("Rollback").body  # type: ignore[union-attr]
