"""The journal of a run on the responder's machine: what happened, on disk before it continues."""

import contextlib
import fcntl
import json
import os
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Self

from firebell.commands.state_folder import state_folder
from firebell.kit.private_files import open_private
from firebell.runbooks.execution.execution_plan import StepEvent
from firebell.runbooks.runs.model import RunEventKind

_ENDINGS = frozenset(
    {
        RunEventKind.RUN_SUCCEEDED,
        RunEventKind.RUN_FAILED,
        RunEventKind.RUN_ROLLED_BACK,
        RunEventKind.RUN_ROLLBACK_FAILED,
        RunEventKind.RUN_STOPPED,
    }
)

_SETTLED_SUFFIX = ".ended"
_KEPT_DAYS = 90


class JournalInUse(Exception):  # noqa: N818 - a state of the world
    """Another process writes this journal."""


@dataclass(frozen=True, slots=True)
class RunHeader:
    """The first line of a journal: what is run, with its text."""

    client_id: str
    slug: str
    sha256: str
    body: str
    is_library_text: bool
    incident: str | None
    mode: str
    dry: bool
    keeps_output: bool
    secrets: list[str]
    client: str
    started_at: str
    server: str = ""


@dataclass(slots=True)
class JournalState:
    """What a journal holds: its header, the events, the variables, the number on the server, and what it has."""

    header: RunHeader
    events: list[dict[str, Any]] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    ref: str = ""
    sent_seq: int = 0
    valid_bytes: int = 0

    @property
    def is_open(self) -> bool:
        """True if the run has not ended."""
        return not any(event["kind"] in _ENDINGS for event in self.events)

    @property
    def is_settled(self) -> bool:
        """True if the run has ended and no server waits for its events."""
        return not self.is_open and (not self.header.server or (bool(self.ref) and not self.unsent))

    @property
    def is_rolling_back(self) -> bool:
        """True if a rollback began."""
        return any(event["kind"] == RunEventKind.RUN_ROLLING_BACK for event in self.events)

    @property
    def unsent(self) -> list[dict[str, Any]]:
        """The events that the server has not confirmed."""
        return [event for event in self.events if event["seq"] > self.sent_seq]

    @property
    def step_events(self) -> list[StepEvent]:
        """What happened to steps, in order."""
        return [
            StepEvent((event["part"], event["position"]), RunEventKind(event["kind"]))
            for event in self.events
            if event.get("part")
        ]


class Journal:
    """The journal of one run, which this process alone writes.

    Every `append` that is `durable` is on disk when it returns; it raises `OSError` if it is not.
    """

    def __init__(self, path: Path, file: IO[str], state: JournalState) -> None:
        self.path = path
        self.state = state
        self._file = file
        self._lock = threading.Lock()

    @classmethod
    def create(cls, header: RunHeader) -> Self:
        """Begin a journal; raise `OSError` if it cannot be written."""
        path = runs_folder() / f"{header.client_id}.jsonl"
        journal = cls(path, _locked(path), JournalState(header))
        journal.append("run", asdict(header))
        _sync_folder(path.parent)
        return journal

    @classmethod
    def reopen(cls, path: Path) -> Self:
        """Go on with a journal; raise `JournalInUse` if another process writes it."""
        file = _locked(path)
        try:
            state = load(path)
            # the last line of a process that was killed may be half written
            os.truncate(file.fileno(), state.valid_bytes)
        except BaseException:
            file.close()
            raise
        return cls(path, file, state)

    def append(self, kind: str, value: Any, *, durable: bool = True) -> None:
        """Add a line; `durable` ones are on disk when this returns."""
        with self._lock:
            self._file.write(json.dumps({kind: value}, ensure_ascii=False) + "\n")
            self._file.flush()
            if durable:
                os.fsync(self._file.fileno())

    def record(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Add an event with the next number, and return it."""
        numbered = {"seq": len(self.state.events) + 1, **event}
        self.append("event", numbered)
        self.state.events.append(numbered)
        return numbered

    def keep_variables(self, variables: Mapping[str, str]) -> None:
        """Keep the values that a resumed run needs; secrets must not be among them."""
        if variables != self.state.variables:
            self.append("vars", dict(variables))
            self.state.variables = dict(variables)

    def registered(self, ref: str) -> None:
        """Note the number that the server gave the run."""
        self.state.ref = ref
        self._note("ref", ref)

    def confirmed(self, seq: int) -> None:
        """Note that the server has all events up to `seq`."""
        self.state.sent_seq = max(self.state.sent_seq, seq)
        self._note("sent", self.state.sent_seq)

    def _note(self, kind: str, value: Any) -> None:
        # it is sent again if this is lost, which changes nothing
        with contextlib.suppress(OSError, ValueError):
            self.append(kind, value, durable=False)

    def close(self) -> None:
        """Let others write it; set it aside if the run has ended and nothing waits to be sent."""
        with contextlib.suppress(OSError):
            self._file.close()
            if self.state.is_settled:
                self.path.rename(self.path.with_suffix(_SETTLED_SUFFIX))


def runs_folder() -> Path:
    """Return the folder with the journals."""
    return state_folder("runs")


def _locked(path: Path) -> IO[str]:
    file = open_private(path, "a")
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise JournalInUse(str(path)) from error
    return file


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def load(path: Path) -> JournalState:
    """Return what a journal holds; raise `ValueError` if it has no header."""
    state: JournalState | None = None
    valid = 0
    for line in path.read_bytes().splitlines(keepends=True):
        try:
            entry = json.loads(line) if line.endswith(b"\n") else None
        except ValueError:
            entry = None
        if not isinstance(entry, dict) or len(entry) != 1:
            break
        [(kind, value)] = entry.items()
        if kind == "run":
            state = JournalState(RunHeader(**value))
        elif state is not None:
            _apply(state, kind, value)
        valid += len(line)
    if state is None:
        raise ValueError(f"{path} is not the journal of a run.")
    state.valid_bytes = valid
    return state


def _apply(state: JournalState, kind: str, value: Any) -> None:
    if kind == "event":
        state.events.append(value)
    elif kind == "vars":
        state.variables = value
    elif kind == "ref":
        state.ref = value
    elif kind == "sent":
        state.sent_seq = value


def journals() -> list[tuple[Path, JournalState]]:
    """Return the journals of runs that are open or not yet sent, the run that began last first.

    Those that cannot be read are left out.
    """
    readable: list[tuple[Path, JournalState]] = []
    for path in runs_folder().glob("*.jsonl"):
        with contextlib.suppress(OSError, ValueError, TypeError):
            readable.append((path, load(path)))
    return sorted(readable, key=lambda each: each[1].header.started_at, reverse=True)


def delete_old(now_s: float) -> None:
    """Delete the journals of runs that ended more than 90 days before `now_s`, in seconds since 1970."""
    for path in runs_folder().glob(f"*{_SETTLED_SUFFIX}"):
        if path.stat().st_mtime < now_s - _KEPT_DAYS * 86_400:
            path.unlink()
