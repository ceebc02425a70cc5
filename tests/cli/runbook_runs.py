"""Runbooks to run in tests, and the journals of their runs."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from firebell.cli import main
from tests.cli.terminal import Ran

TIMEOUT_S = 60


def runbook(
    steps: str,
    *,
    variables: str = "",
    prerequisites: str = "A shell.",
    verification: str = "```bash run=auto\ntrue\n```",
    rollback: str = "Nothing.",
) -> str:
    """Return a runbook with these parts."""
    front = f"---\nvars:\n{variables}---\n" if variables else ""
    parts = {
        "Trigger": "A page.",
        "Severity": "SEV2",
        "Prerequisites": prerequisites,
        "Steps": steps,
        "Verification": verification,
        "Rollback": rollback,
        "Owner": "Platform",
        "Last updated": "2026-11-28",
    }
    return f"{front}# A test\n\n" + "\n".join(f"## {name}\n\n{text}\n" for name, text in parts.items())


@dataclass(slots=True)
class Machine:
    """The machine of a responder: a folder with its configuration, its state and its runbooks."""

    folder: Path
    env: dict[str, str]

    def write(self, text: str, name: str = "test.md") -> Path:
        """Write a runbook and return its path."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def variables(self, **more: str) -> dict[str, str]:
        """Return the environment of a command."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("FIREBELL_", "NO_COLOR"))}
        folders = {
            "XDG_STATE_HOME": str(self.folder / "state"),
            "XDG_CONFIG_HOME": str(self.folder / "config"),
            "WORK": str(self.folder),
        }
        return {**kept, **folders, **self.env, **more}

    def run(self, *args: str, limits: Any = None, **more: str) -> Ran:
        """Run `firebell runbook run` in a process of its own, without a terminal."""
        ran = subprocess.run(
            [sys.executable, "-m", "firebell", "runbook", "run", *args],
            env=self.variables(**more),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
            preexec_fn=limits,
        )
        out, err = ran.stdout.decode(errors="replace"), ran.stderr.decode(errors="replace")
        assert "Traceback" not in err, err
        return Ran(ran.returncode, out, err)

    def here(self, *args: str, **more: str) -> Ran:
        """Run `firebell runbook run` inside this process, without a terminal; its commands are processes."""
        variables = self.variables(**more)
        gone = dict.fromkeys(set(os.environ) - set(variables))
        done = CliRunner(env={**gone, **variables}).invoke(
            main, ["runbook", "run", *args], prog_name="firebell"
        )
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Ran(done.exit_code, done.stdout, done.stderr)

    def journals(self) -> list[Path]:
        """Return the journals, the oldest first."""
        journals = (self.folder / "state" / "firebell" / "runs").glob("*")
        return sorted(
            journals, key=lambda path: json.loads(path.read_text().splitlines()[0])["run"]["started_at"]
        )

    def events(self) -> list[dict[str, Any]]:
        """Return the events of the latest journal."""
        lines = self.journals()[-1].read_text(encoding="utf-8").splitlines()
        return [entry["event"] for entry in map(json.loads, lines) if "event" in entry]

    def kinds(self) -> list[str]:
        """Return the events of the latest journal as `part position kind`, in short."""
        return [kind_of(event) for event in self.events()]


def kind_of(event: Mapping[str, Any]) -> str:
    """Return an event in short, such as `Steps 2 started`."""
    kind = event["kind"].partition(".")[2]
    return f"{event['part']} {event['position']} {kind}" if "part" in event else kind
