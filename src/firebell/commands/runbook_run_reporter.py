"""Send a run's journal to the server during the run, and later if the server is unreachable."""

import json
import threading
import time
from dataclasses import dataclass
from typing import Any

from firebell.commands.client import call_at, seg
from firebell.commands.output import CommandFailed, Unreachable
from firebell.commands.runbook_run_journal import Journal, JournalInUse, journals
from firebell.runbooks.runs.model import EVENTS_PER_REQUEST, HEARTBEAT

_BATCH_CHARS = 256 * 1024
_RETRY_S = (1.0, 2.0, 5.0, 15.0, 30.0)
_FLUSH_S = 10.0
_FIRST_ANSWER_S = 3.0


@dataclass(slots=True)
class Server:
    """A server and the key of the person who runs.

    With `gives_up`, it is not called again once it was unreachable: at the start of a run, each call that waits for a
    server that is down keeps the responder from the first step.
    """

    url: str
    key: str
    gives_up: bool = False
    unreachable: Unreachable | None = None

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call the API; raise `CommandFailed` if it refuses and `Unreachable` if it is down."""
        if self.unreachable is not None:
            raise self.unreachable
        try:
            return call_at(self.url, self.key, method, path, body)
        except Unreachable as error:
            if self.gives_up:
                self.unreachable = error
            raise


def is_away(error: CommandFailed) -> bool:
    """Return True if the same request may succeed later."""
    status = error.problem.get("status")
    return isinstance(error, Unreachable) or status == 429 or (isinstance(status, int) and status >= 500)


def send_journal(server: Server, journal: Journal, *, heartbeat: bool = False) -> bool:
    """Send what the server does not have; return True if someone continues the run in the browser.

    Raise `CommandFailed` if the server refuses it and `Unreachable` if it is down. Idempotent.
    """
    state = journal.state
    if not state.ref:
        journal.registered(_register(server, journal))
    is_taken_over = False
    while batch := _batch(state.unsent):
        is_taken_over |= _post(server, journal, batch)
    if heartbeat:
        is_taken_over |= _post(server, journal, [])
    return is_taken_over


def _register(server: Server, journal: Journal) -> str:
    header = journal.state.header
    secret_free: dict[str, str | None] = dict(journal.state.variables)
    body = {
        "client_id": header.client_id,
        "slug": header.slug,
        "sha256": header.sha256,
        "body": None if header.is_library_text else header.body,
        "incident": header.incident,
        "mode": header.mode,
        "dry": header.dry,
        "vars": secret_free | dict.fromkeys(header.secrets),
        "client": header.client,
        "started_at": header.started_at,
    }
    try:
        run = server.call("POST", "/api/v1/runbook-runs", body)
    except CommandFailed as error:
        if is_away(error) or not header.is_library_text:
            raise
        # the library may have another text by now
        run = server.call("POST", "/api/v1/runbook-runs", {**body, "body": header.body})
    return str(run["ref"])


def _batch(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    batch, size = list[dict[str, Any]](), 0
    for event in events[:EVENTS_PER_REQUEST]:
        size += len(json.dumps(event))
        if batch and size > _BATCH_CHARS:
            break
        batch.append(event)
    return batch


def _post(server: Server, journal: Journal, batch: list[dict[str, Any]]) -> bool:
    path = f"/api/v1/runbook-runs/{seg(journal.state.ref)}/events"
    stored = server.call("POST", path, {"events": batch})
    if batch:
        journal.confirmed(batch[-1]["seq"])
    return bool(stored["taken_over"])


class Reporter:
    """Sends a journal from a thread of its own, so that no step waits for the network."""

    def __init__(self, server: Server, journal: Journal) -> None:
        self.is_taken_over = False
        self.problem = ""
        """Why the server does not have everything, empty if it has."""
        self._server, self._journal = server, journal
        self._refused = False
        self._wake, self._closing, self._tried = threading.Event(), threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._loop, daemon=True)

    def start(self) -> None:
        """Begin to send, and wait for a moment until the server has numbered the run."""
        self._thread.start()
        self._tried.wait(_FIRST_ANSWER_S)

    def notify(self) -> None:
        """Say that the journal has more."""
        self._wake.set()

    def close(self, timeout_s: float = _FLUSH_S) -> bool:
        """Send the rest, for a while; return True if the server has everything."""
        self._closing.set()
        self._wake.set()
        self._thread.join(timeout_s)
        state = self._journal.state
        return bool(state.ref) and not state.unsent

    def _loop(self) -> None:
        failures, sent_at = 0, 0.0
        while True:
            is_closing = self._closing.is_set()
            self._wake.clear()
            try:
                is_silent = time.monotonic() - sent_at >= HEARTBEAT.total_seconds()
                has_more = bool(self._journal.state.unsent) or not self._journal.state.ref
                if has_more or (is_silent and not is_closing):
                    self.is_taken_over |= send_journal(self._server, self._journal, heartbeat=not has_more)
                    sent_at = time.monotonic()
                failures, self.problem = 0, ""
            except CommandFailed as error:
                failures += 1
                self.problem = error.message
                self._refused = not is_away(error)
            self._tried.set()
            if is_closing or self._refused:
                return
            # after a failure, new events do not make it try sooner
            wait_s = _RETRY_S[min(failures, len(_RETRY_S)) - 1] if failures else HEARTBEAT.total_seconds() / 2
            (self._closing if failures else self._wake).wait(wait_s)


def send_waiting(server: Server) -> int:
    """Send the journals of earlier runs that this server does not have; return how many it has now.

    One that another process writes is left to it, and so is one that the server refuses.
    """
    sent = 0
    for path, state in journals():
        if state.header.server != server.url or (state.ref and not state.unsent):
            continue
        try:
            journal = Journal.reopen(path)
        except (JournalInUse, OSError, ValueError):
            continue
        try:
            send_journal(server, journal)
            sent += 1
        except Unreachable:
            return sent
        except CommandFailed:
            continue
        finally:
            journal.close()
    return sent
