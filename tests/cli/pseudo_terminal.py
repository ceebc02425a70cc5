"""A person at a terminal: the real command on a pseudo-terminal, answered key by key."""

import fcntl
import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_LIMIT_S = 30
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(slots=True)
class PseudoTerminal:
    """What a command prints, and the keys that are pressed."""

    process: subprocess.Popen[bytes]
    fd: int
    shown: str = ""
    read_to: int = field(default=0)

    def sees(self, text: str) -> str:
        """Wait for a text after what was seen before, and return everything up to it."""
        deadline = time.monotonic() + _LIMIT_S
        while (at := self.shown.find(text, self.read_to)) < 0:
            assert time.monotonic() < deadline, f"{text!r} did not appear in:\n{self.shown}"
            assert self._read(), f"it ended before {text!r} appeared:\n{self.shown}"
        before, self.read_to = self.shown[self.read_to : at], at + len(text)
        return before

    def types(self, keys: str) -> None:
        """Press keys."""
        os.write(self.fd, keys.encode())

    def answers(self, question: str, keys: str) -> None:
        """Wait for a question and press keys."""
        self.sees(question)
        self.types(keys)

    def ends(self) -> int:
        """Return the exit code."""
        while self._read():
            pass
        return self.process.wait(_LIMIT_S)

    def _read(self) -> bool:
        if not select.select([self.fd], [], [], _LIMIT_S)[0]:
            return False
        try:
            data = os.read(self.fd, 65_536)
        except OSError:
            return False
        self.shown = _ESCAPES.sub("", self.shown + data.decode(errors="replace")).replace("\r\n", "\n")
        return bool(data)


@contextmanager
def at_a_terminal(*args: str, env: Mapping[str, str]) -> Iterator[PseudoTerminal]:
    """Run `firebell` with a controlling terminal of its own; it is killed at the end if it still runs."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "firebell", *args],
        env=dict(env),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(theirs)
    try:
        yield PseudoTerminal(process, ours)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()
        os.close(ours)
