"""Where the text of a run comes from: the library, the copy of it that was last read, or a file."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from firebell.commands.client import seg
from firebell.commands.output import UNREACHABLE, USAGE, CommandFailed, fail
from firebell.commands.runbook_run_reporter import Server, is_away
from firebell.commands.state_folder import state_folder
from firebell.kit.private_files import replace_file
from firebell.kit.text import slugify


@dataclass(frozen=True, slots=True)
class RunText:
    """A text to run; `note` says if it may be old."""

    slug: str
    body: str
    is_library_text: bool
    note: str = ""

    @property
    def sha256(self) -> str:
        """The SHA-256 of its UTF-8, in hexadecimal."""
        return hashlib.sha256(self.body.encode()).hexdigest()


def from_file(path: Path) -> RunText:
    """Return the text of a file; end the command if it cannot be read."""
    try:
        body = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        fail(f"{path} cannot be read: {error.strerror}.", "Pass the path of a runbook.", USAGE)
    except UnicodeDecodeError as error:
        fail(f"{path} is not UTF-8 text: {error.reason} at byte {error.start}.", "Save it as UTF-8.", USAGE)
    if len(body) > 200_000:
        fail(f"{path} has more than 200,000 characters.", "Split the runbook.", USAGE)
    return RunText(slugify(path.stem), body, is_library_text=False)


def from_library(server: Server, slug: str, *, requires_server: bool) -> RunText:
    """Return the library's text, or the copy that was read last if the server is unreachable."""
    path = state_folder("runbooks") / f"{hashlib.sha256(f'{server.url} {slug}'.encode()).hexdigest()}.json"
    try:
        runbook: dict[str, Any] = server.call("GET", f"/api/v1/runbooks/{seg(slug)}")
    except CommandFailed as error:
        if requires_server or not is_away(error):
            raise
        return _copy(path, slug, error)
    text = RunText(str(runbook["slug"]), str(runbook["body"]), is_library_text=True)
    replace_file(path, json.dumps(asdict(text)).encode())
    return text


def _copy(path: Path, slug: str, error: CommandFailed) -> RunText:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return RunText(stored["slug"], stored["body"], True, f"{error.message} This is the text read last.")
    except (OSError, ValueError, KeyError, TypeError):
        fail(
            error.message,
            f"This machine has no copy of {slug}. Run it from a file with --file PATH.",
            UNREACHABLE,
        )
