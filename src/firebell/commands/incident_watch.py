"""`firebell incident watch`: a live room in the terminal."""

import json
import os
import shutil
import sys
import time
from datetime import UTC, datetime
from typing import Any

import click

from firebell.commands.client import call, call_all, seg
from firebell.commands.incident_lines import summary_line
from firebell.commands.local_time import format_time
from firebell.commands.output import Unreachable, as_json, echo, example, wants_json
from firebell.commands.room_lines import ENDED, color_of, cut, entry_lines, printable, status_line

_LATEST = 100
"""Number of latest entries that one request returns; more than that is read from the whole timeline."""
_REFRESH_S = 0.5
_RETRY_S = (1.0, 2.0, 5.0, 10.0)
_PIPE_COLUMNS = 80


class Room:
    """What has been shown of an incident, and where it is shown.

    On a terminal the last line is the state of the incident, and is drawn again every half second. Into a pipe
    only entries are written.
    """

    def __init__(self, ref: str) -> None:
        self._path = f"/api/v1/incidents/{seg(ref)}"
        self._shown_id = 0
        self._incident: dict[str, Any] = {}
        self._is_terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb" and not wants_json()

    @property
    def has_ended(self) -> bool:
        """True once the incident is closed."""
        return bool(self._incident) and self._incident["phase"] in ENDED

    def refresh(self) -> None:
        """Read the incident and print the entries that are new; raise `Unreachable` without an answer."""
        incident = call("GET", self._path)
        entries = call("GET", f"{self._path}/timeline", limit=_LATEST)
        if len(entries) == _LATEST and min(e["id"] for e in entries) > self._shown_id + 1:
            entries = sorted(call_all(f"{self._path}/timeline"), key=lambda e: int(e["id"]))
        if not self._incident and not wants_json():
            self._print([click.style(cut(printable(summary_line(incident)), self._columns), bold=True)])
        self._incident = incident
        for entry in entries:
            if entry["id"] > self._shown_id:
                self._shown_id = entry["id"]
                self._show(entry)

    def draw_state(self, connection: str = "") -> None:
        """Draw the state of the incident over the last line of a terminal."""
        if not self._is_terminal:
            return
        # one column stays free: some terminals wrap a full line
        columns = self._columns - 1
        text = f"{connection}  " if connection else ""
        if self._incident:
            text += status_line(self._incident, datetime.now(UTC), columns)
        click.echo(f"\r\x1b[K{self._styled(cut(text, columns), reverse=True)}", nl=False)
        sys.stdout.flush()

    def note(self, text: str) -> None:
        """Note a lost or restored connection on standard error, unless the last line shows it."""
        if not self._is_terminal:
            echo(text, err=True)

    def clear_state(self) -> None:
        """Remove the state from a terminal."""
        if self._is_terminal:
            click.echo("\r\x1b[K", nl=False)
            sys.stdout.flush()

    def end(self) -> None:
        """Print how the incident ended."""
        if not wants_json():
            echo(f"{self._incident['ref']} is {self._incident['phase']}.")

    @property
    def _columns(self) -> int:
        return shutil.get_terminal_size((_PIPE_COLUMNS, 24)).columns if self._is_terminal else _PIPE_COLUMNS

    def _show(self, entry: dict[str, Any]) -> None:
        if wants_json():
            click.echo(json.dumps(entry, ensure_ascii=False))
            sys.stdout.flush()
            return
        at = format_time(datetime.fromisoformat(entry["at"]), "%H:%M")
        head, *rest = entry_lines(entry, self._columns, at)
        self._print([self._styled(head, fg=color_of(entry["kind"])), *rest])

    def _print(self, lines: list[str]) -> None:
        self.clear_state()
        for line in lines:
            echo(line)
        sys.stdout.flush()

    def _styled(self, text: str, *, fg: str | None = None, reverse: bool = False) -> str:
        plain = not self._is_terminal or bool(os.environ.get("NO_COLOR"))
        return text if plain else click.style(text, fg=fg, reverse=reverse or None)


@click.command(
    epilog=example("firebell incident watch INC-3", "firebell incident watch INC-3 --json | jq .text")
)
@click.argument("ref")
@click.option(
    "--interval",
    type=click.FloatRange(0.2, 60),
    default=2,
    show_default=True,
    help="Seconds between two requests.",
)
@as_json
def watch(ref: str, interval: float) -> None:
    """Show incident REF live until it is closed.

    A lost connection is restored, and no entry is left out. With --json, each entry is one line of JSON.
    """
    room, failures, refreshed_at = Room(ref), 0, 0.0
    try:
        while not room.has_ended:
            wait = _RETRY_S[min(failures, len(_RETRY_S)) - 1] if failures else interval
            if not refreshed_at or time.monotonic() - refreshed_at >= wait:
                try:
                    room.refresh()
                    if failures:
                        room.note("Connected again.")
                    failures = 0
                except Unreachable as error:
                    if not refreshed_at:
                        raise
                    if not failures:
                        room.note(f"{error.message} Trying again.")
                    failures += 1
                refreshed_at = time.monotonic()
            room.draw_state("Not connected, trying again." if failures else "")
            if not room.has_ended:
                time.sleep(min(_REFRESH_S, interval))
    finally:
        room.clear_state()
    room.end()
