"""Only Firebell reaches the embedded database, whichever user starts it and whatever was there before."""

import contextlib
import os
import pwd
import socket
import struct
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from firebell.kit.db import embedded
from firebell.kit.errors import StartupError
from tests.servers import data_folder

pytestmark = pytest.mark.chaos
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

SOCKET = ".s.PGSQL.5432"


@contextlib.contextmanager
def acting_as(name: str) -> Iterator[None]:
    """Connect and open files as another local user until the block ends."""
    user, groups = pwd.getpwnam(name), os.getgroups()
    os.setgroups([])
    os.setegid(user.pw_gid)
    os.seteuid(user.pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def reply_to_login(path: Path) -> bytes:
    """Return the type of PostgreSQL's first message to `firebell`: R lets in, E refuses."""
    body = struct.pack("!I", 196608) + b"user\0firebell\0database\0firebell\0\0"
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(str(path))
        client.sendall(struct.pack("!I", len(body) + 4) + body)
        return client.recv(1)


@contextlib.contextmanager
def child_of(name: str, action: Callable[[Callable[[], None]], None]) -> Iterator[Callable[[], str]]:
    """Run `action` in a child process of another user; its argument signals us and then waits for our end.

    Yield what returns the error of the child, or nothing, once it went on or ended.
    """
    user = pwd.getpwnam(name)
    (reports, report), (closing, close) = os.pipe(), os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the child starts no thread of the parent's
        child = os.fork()
    if child == 0:
        os.close(close)

        def meet() -> None:
            os.write(report, b"\n")
            os.read(closing, 1)

        try:
            os.setgroups([])
            os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
            os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
            action(meet)
        except BaseException as exc:
            os.write(report, repr(exc).encode())
        finally:
            os._exit(0)
    os.close(report)
    os.close(closing)
    try:
        yield lambda: os.read(reports, 10_000).decode().strip()
    finally:
        os.close(close)
        os.waitpid(child, 0)
        os.close(reports)


def run_as(name: str, action: Callable[[], None]) -> str:
    """Run `action` in a child process of another user; return what it raised, or nothing."""
    with child_of(name, lambda _: action()) as error:
        return error()


def modes(data: Path) -> dict[str, int]:
    names = ("", "postgres", SOCKET, "postgres.log", "owner.lock")
    return {name: (data / name).stat().st_mode & 0o777 for name in names}


PRIVATE = {"": 0o700, "postgres": 0o700, SOCKET: 0o700, "postgres.log": 0o600, "owner.lock": 0o600}


async def rules(server: embedded.Embedded) -> set[tuple[str, str]]:
    conn = await asyncpg.connect(server.dsn)
    try:
        assert await conn.fetchval("show listen_addresses") == ""
        rows = await conn.fetch("select type, auth_method from pg_hba_file_rules")
        return {(row["type"], row["auth_method"]) for row in rows}
    finally:
        await conn.close()


async def test_what_a_start_makes_is_open_to_its_user_alone() -> None:
    with data_folder() as data, embedded.start(data) as server:
        assert modes(data) == PRIVATE
        assert await rules(server) == {("local", "peer")}


async def test_an_older_data_folder_that_trusted_every_user_is_restricted_at_the_next_start() -> None:
    with data_folder() as data:
        with embedded.start(data):
            pass
        (data / "postgres/pg_hba.conf").write_text(
            "local all all trust\nhost all all 127.0.0.1/32 trust\n", encoding="ascii"
        )
        data.chmod(0o755)
        (data / "postgres.log").chmod(0o644)
        (data / "owner.lock").chmod(0o644)
        with embedded.start(data) as server:
            assert modes(data) == PRIVATE
            assert await rules(server) == {("local", "peer")}


@as_root
def test_another_local_user_cannot_connect_when_root_started_it() -> None:
    with data_folder() as data, embedded.start(data):
        door = data / SOCKET
        with acting_as("games"), pytest.raises(PermissionError):
            reply_to_login(door)
        # an operator opens the folder, and then the socket: each guard holds alone
        data.chmod(0o755)
        with acting_as("games"), pytest.raises(PermissionError):
            reply_to_login(door)
        door.chmod(0o777)
        for stranger in ("games", "nobody"):
            with acting_as(stranger):
                assert reply_to_login(door) == b"E"
        assert reply_to_login(door) == b"R"


@as_root
def test_another_local_user_cannot_connect_when_an_ordinary_user_started_it() -> None:
    with data_folder() as data:
        data.mkdir()
        os.chown(data, pwd.getpwnam("daemon").pw_uid, -1)

        def own_it(meet: Callable[[], None]) -> None:
            with embedded.start(data):
                assert modes(data) == PRIVATE
                assert reply_to_login(data / SOCKET) == b"R"
                with embedded.start(data) as second:
                    assert not second.owner
                meet()

        with child_of("daemon", own_it) as error:
            assert error() == ""
            door = data / SOCKET
            with acting_as("games"), pytest.raises(PermissionError):
                reply_to_login(door)
            data.chmod(0o755)
            door.chmod(0o777)
            with acting_as("games"):
                assert reply_to_login(door) == b"E"
            # root looks after it with `firebell doctor`, as a second process
            with embedded.start(data) as second:
                assert not second.owner
                assert reply_to_login(door) == b"R"


@as_root
def test_root_and_the_owner_of_the_folder_take_turns() -> None:
    with data_folder() as data:
        data.mkdir()
        os.chown(data, pwd.getpwnam("daemon").pw_uid, -1)

        def start() -> None:
            with embedded.start(data):
                assert reply_to_login(data / SOCKET) == b"R"

        start()
        assert run_as("daemon", start) == ""
        start()


@as_root
def test_a_folder_of_another_user_is_refused() -> None:
    with data_folder() as data:
        data.mkdir()
        os.chown(data, pwd.getpwnam("games").pw_uid, -1)
        data.chmod(0o777)

        def start() -> None:
            with pytest.raises(StartupError) as refused:
                embedded.start(data)
            assert str(data) in refused.value.message
            assert "FIREBELL_DATA" in refused.value.hint

        assert run_as("daemon", start) == ""
        assert not (data / "postgres").exists()
