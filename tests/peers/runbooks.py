"""The commands of the shipped runbooks, typed into a real shell in front of real servers of Debian."""

import asyncio
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from firebell.kit import handbook_files
from firebell.runbooks.model import Runbook
from firebell.runbooks.parse import read
from firebell.runbooks.runbook_html import FOLDER


def runbook(name: str) -> Runbook:
    """Return a shipped runbook."""
    return read(handbook_files.skill(f"{FOLDER}/{name}.md"))


def block(book: Runbook, language: str, heading: str, fragment: str) -> str:
    """Return the one fence of a language below a heading that has these words in it."""
    fits = [
        f
        for f in book.fences
        if f.language == language and heading in (f.step or f.part) and fragment in f.text
    ]
    assert len(fits) == 1, f"{len(fits)} blocks of {language} below {heading!r} have {fragment!r}"
    return fits[0].text


def command(book: Runbook, heading: str, fragment: str) -> str:
    """Return the one command below a heading that has these words in it."""
    return block(book, "bash", heading, fragment)


def user() -> str | None:
    """Return who the servers run as: they refuse to be root."""
    return "postgres" if os.geteuid() == 0 else None


@contextmanager
def place() -> Iterator[Path]:
    """Yield a folder that belongs to the user whom the servers run as, until the block ends."""
    with tempfile.TemporaryDirectory(prefix="firebell-peers-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        own(folder)
        yield folder


def own(folder: Path) -> None:
    """Give a folder to the user whom the servers run as."""
    if name := user():
        entry = pwd.getpwnam(name)
        os.chown(folder, entry.pw_uid, entry.pw_gid)


@dataclass(frozen=True, slots=True)
class Typed:
    """The output and exit code of a command."""

    code: int
    out: str
    err: str


@dataclass(slots=True)
class Shell:
    """Runs commands of a runbook with its variables set, as a reader would."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    async def __call__(self, text: str, *, code: int = 0, **more: str) -> Typed:
        """Run a block of a runbook, assert its exit code, and return its output."""
        # uvloop starts no process as another user
        run = await asyncio.to_thread(
            subprocess.run,
            ["bash", "-uo", "pipefail", "-c", text],
            cwd=self.folder,
            env={
                "HOME": str(self.folder),
                "LC_ALL": "C.UTF-8",
                "PATH": os.environ["PATH"],
                **self.env,
                **more,
            },
            user=user(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
        typed = Typed(run.returncode, run.stdout.decode(), run.stderr.decode())
        assert typed.code == code, f"{text}\n{typed}"
        return typed


def program(name: str, package: str, elsewhere: str = "") -> str:
    """Return where a program is, looked for in `elsewhere` too; fail naming its package when it is not there."""
    path = shutil.which(name, path=os.pathsep.join([elsewhere, os.environ["PATH"], "/usr/sbin"]))
    if path is None:
        pytest.fail(f"{name} is missing: apt-get install --no-install-recommends {package}", pytrace=False)
    return path


@asynccontextmanager
async def server(*args: str, folder: Path) -> AsyncIterator[None]:
    """Run a server in the foreground until the block ends, and print its output."""
    log = folder / f"{Path(args[0]).name}.out"
    with log.open("wb") as out:
        process = subprocess.Popen(args, cwd=folder, stdout=out, stderr=out, user=user())
        try:
            yield
        finally:
            process.terminate()
            await asyncio.to_thread(process.wait, 60)
            print(log.read_text(encoding="utf-8", errors="replace"))
