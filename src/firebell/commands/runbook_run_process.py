"""Run one command of a runbook: one process of bash, its output, its time limit, and the variables it changed."""

import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from typing import Any

from firebell.kit.private_files import write_private
from firebell.runbooks.execution.expectation import Expectation
from firebell.runbooks.execution.output import KeptOutput, OutputSource

STOP_GRACE_S = 5.0
"""Seconds between SIGINT, SIGTERM and SIGKILL."""
_POLL_S = 0.1
_READ_BYTES = 64 * 1024
_CARRIED_MAX_BYTES = 256 * 1024
_LEFT_OVER_MAX_BYTES = 1024 * 1024
"""How much is still read from a process that the command left in the background."""
_REMOVED = frozenset(
    {"BASH_ENV", "ENV", "PROMPT_COMMAND", "PS4", "SHELLOPTS", "BASHOPTS", "FIREBELL_KEY", "FIREBELL_CARRIED"}
)
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
_WRAPPER = """\
trap '__firebell_status=$?; {{ for __firebell_name in {names}; do
if [ -n "${{!__firebell_name+x}}" ]; then builtin printf "%s=%s\\0" "$__firebell_name" "${{!__firebell_name}}" >&3; fi
done; }} 2>/dev/null || :; exit "$__firebell_status"' EXIT
. {script}
"""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: `exit` is negative for a signal; `stopped_by` is `timeout`, `interrupt` or empty.

    `carried` are the declared variables that it has at its end, by name, not validated.
    """

    exit: int
    duration_ms: int
    output: KeptOutput
    is_expected: bool
    stopped_by: str = ""
    carried: Mapping[str, str] = field(default_factory=dict)
    left_running: bool = False


class Interrupts:
    """Counts Ctrl-C, SIGTERM and SIGHUP while a command runs."""

    def __init__(self) -> None:
        self.count = 0
        self.is_final = False
        """True after SIGTERM or SIGHUP: the sender waits for the end, and nothing can be asked."""

    def note(self, number: int, _: object) -> None:
        """Count a signal."""
        self.count += 1
        self.is_final |= number != signal.SIGINT

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count signals instead of being ended by them."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {s: signal.signal(s, self.note) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def bash_path() -> str | None:
    """Return the path of bash, None if this machine has none."""
    return shutil.which("bash")


def environment(values: Mapping[str, str], run: str, step: str) -> dict[str, str]:
    """Return the environment of a command: the person's, without what changes the shell, and the variables."""
    kept = {name: value for name, value in os.environ.items() if name not in _REMOVED}
    return {**kept, **values, "FIREBELL_RUN": run, "FIREBELL_STEP": step}


def run_command(
    text: str,
    *,
    bash: str,
    env: Mapping[str, str],
    variables: Sequence[str],
    timeout_s: float,
    expect: str = "",
    interrupts: Interrupts | None = None,
    streams: Mapping[OutputSource, int] | None = None,
    grace_s: float = STOP_GRACE_S,
) -> Ended:
    """Run a command and return how it ended; raise `OSError` if it could not begin.

    Its output goes to the file descriptors of `streams` as it comes.
    """
    folder = Path(tempfile.mkdtemp(prefix="firebell-"))
    try:
        script, wrapper = folder / "step", folder / "run"
        write_private(script, text, newline="\n")
        names = " ".join(variables)
        write_private(wrapper, _WRAPPER.format(names=names, script=quote(str(script))), newline="\n")
        process = _Process(
            [bash, "--noprofile", "--norc", "-eu", "-o", "pipefail", str(wrapper)],
            env,
            Expectation(expect),
            streams or {},
        )
        return process.run(timeout_s, interrupts or Interrupts(), grace_s, variables)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Process:
    def __init__(
        self,
        arguments: Sequence[str],
        env: Mapping[str, str],
        expectation: Expectation,
        streams: Mapping[OutputSource, int],
    ) -> None:
        self.output = KeptOutput()
        self.expectation = expectation
        self.streams = dict(streams)
        self.carried = bytearray()
        pipes = {name: os.pipe() for name in (*OutputSource, "carried")}
        self.readers = {name: pipe[0] for name, pipe in pipes.items()}
        writers = {name: pipe[1] for name, pipe in pipes.items()}
        try:
            self.process = subprocess.Popen(  # noqa: S603 - bash, with a script that a person trusted
                _with_third_descriptor(arguments, writers["carried"]),
                stdin=subprocess.DEVNULL,
                stdout=writers[OutputSource.OUT],
                stderr=writers[OutputSource.ERR],
                env=dict(env),
                start_new_session=True,
                pass_fds=(writers["carried"],),
            )
        except BaseException:
            for reader in self.readers.values():
                os.close(reader)
            raise
        finally:
            for writer in writers.values():
                os.close(writer)

    def run(
        self, timeout_s: float, interrupts: Interrupts, grace_s: float, variables: Sequence[str]
    ) -> Ended:
        began = time.monotonic()
        stopped_by, stage, next_signal_at = "", 0, 0.0
        with selectors.DefaultSelector() as selector:
            for name, reader in self.readers.items():
                os.set_blocking(reader, False)
                selector.register(reader, selectors.EVENT_READ, name)
            while True:
                now = time.monotonic()
                if not stopped_by and (interrupts.count or now - began >= timeout_s):
                    stopped_by = "interrupt" if interrupts.count else "timeout"
                is_over = self.process.poll() is not None
                if stopped_by and not (is_over and not self._group_lives()):
                    is_urged = stopped_by == "interrupt" and interrupts.count > stage
                    if stage < len(_STOP_SIGNALS) and (now >= next_signal_at or is_urged):
                        self._signal(_STOP_SIGNALS[stage])
                        stage, next_signal_at = stage + 1, now + grace_s
                    elif is_over and stage == len(_STOP_SIGNALS):
                        break
                elif is_over:
                    break
                if not selector.get_map():
                    with suppress(subprocess.TimeoutExpired):
                        self.process.wait(_POLL_S)
                    continue
                left = _POLL_S if stopped_by else min(max(0.0, began + timeout_s - now), _POLL_S)
                for key, _ in selector.select(left):
                    if not self._read(key.data, key.fd):
                        selector.unregister(key.fd)
            duration_ms = round((time.monotonic() - began) * 1000)
            left_over = self._drain(selector)
        return Ended(
            self.process.returncode,
            duration_ms,
            self.output,
            self.expectation.end(),
            stopped_by,
            _carried(bytes(self.carried), variables),
            left_over,
        )

    def _read(self, name: Any, fd: int) -> int:
        """Read once and return the number of bytes, 0 at the end and -1 if there is nothing now."""
        try:
            data = os.read(fd, _READ_BYTES)
        except BlockingIOError:
            return -1
        if name == "carried":
            self.carried += data[: _CARRIED_MAX_BYTES - len(self.carried)]
        elif data:
            self.output.add(name, data)
            if name == OutputSource.OUT:
                self.expectation.add(data)
            self._forward(name, data)
        return len(data)

    def _forward(self, name: OutputSource, data: bytes) -> None:
        """Show output; a terminal that is gone never stops the command."""
        fd = self.streams.get(name)
        if fd is None:
            return
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(fd, view) :]
        except OSError:
            del self.streams[name]

    def _drain(self, selector: selectors.BaseSelector) -> bool:
        """Read what is left; return True if a process in the background still holds the output."""
        held = []
        for key in list(selector.get_map().values()):
            size, total = -1, 0
            while total < _LEFT_OVER_MAX_BYTES and (size := self._read(key.data, key.fd)) > 0:
                total += size
            if size != 0:
                held.append(key.fd)
        for reader in self.readers.values():
            if reader in held:
                # its output is discarded from now on, so that it never blocks
                threading.Thread(target=_discard, args=(reader,), daemon=True).start()
            else:
                os.close(reader)
        return bool(held)

    def _group_lives(self) -> bool:
        try:
            os.killpg(self.process.pid, 0)
        except (ProcessLookupError, PermissionError):
            return False
        return True

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)


def _with_third_descriptor(arguments: Sequence[str], fd: int) -> list[str]:
    """Return a command that runs `arguments` with `fd` as file descriptor 3."""
    if fd == 3:
        return list(arguments)
    return [arguments[0], "--noprofile", "--norc", "-c", f'exec 3>&{fd} {fd}>&- "$0" "$@"', *arguments]


def _discard(fd: int) -> None:
    os.set_blocking(fd, True)
    with suppress(OSError):
        while os.read(fd, _READ_BYTES):
            pass
    os.close(fd)


def _carried(data: bytes, variables: Sequence[str]) -> dict[str, str]:
    """Return the variables that the wrapper wrote: NAME=value and a NUL, each."""
    values: dict[str, str] = {}
    for entry in data.split(b"\0")[:-1]:
        name, sign, value = entry.partition(b"=")
        with suppress(UnicodeDecodeError):
            if sign and name.decode() in variables:
                values[name.decode()] = value.decode()
    return values


def standard_streams(*, errors_only: bool) -> dict[OutputSource, int]:
    """Return where output is shown: the terminal, or standard error alone."""
    sys.stdout.flush()
    return {OutputSource.OUT: 2 if errors_only else 1, OutputSource.ERR: 2}
