"""NOTIFY after the commit: wake-ups are sent in a separate transaction that no writer waits for.

PostgreSQL lets one notifying transaction commit at a time in the whole server, its flush and its wait for a
standby included. The notifier's own transactions write nothing that must last, so they wait for neither.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterable
from typing import NamedTuple

import asyncpg

MERGE_S = 0.005
"""Time between two statements, during which equal wake-ups are merged."""
PATIENT_MERGE_S = 0.05
"""The same for wake-ups of the patient channel, whose listeners are screens: a storm of alerts changes them always."""
RETRY_S = 0.5
CLOSE_LIMIT_S = 2.0
"""Time limit for sending the last wake-ups at shutdown."""
_CONNECT_LIMIT_S = 10.0
_STATEMENT_LIMIT_S = 5.0

log = logging.getLogger(__name__)


class WakeUp(NamedTuple):
    """A message to the listeners of a channel; equal queued ones are sent once."""

    channel: str
    payload: str


class Notifier:
    """Sends the wake-ups of committed transactions, in order, on its own connection.

    They are kept until the database takes them. Those that a killed process did not send are lost: a lane of the
    worker polls, and a browser loads its page again when it reconnects.
    """

    def __init__(self, dsn: str, *, patient_channel: str = "") -> None:
        self._dsn = dsn
        self._patient_channel = patient_channel
        self._patient_at = 0.0
        """When, in the time of the loop, wake-ups of the patient channel may be sent again."""
        self._nudged = asyncio.Event()
        self._waiting: dict[WakeUp, None] = {}
        self._task: asyncio.Task[None] | None = None
        self._conn: asyncpg.Connection | None = None

    def add(self, wake_ups: Iterable[WakeUp]) -> None:
        """Queue these for sending; return at once."""
        added = dict.fromkeys(wake_ups)
        self._waiting.update(added)
        if any(wake_up.channel != self._patient_channel for wake_up in added):
            self._nudged.set()
        if self._waiting and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._send_all())

    async def flush(self, limit_s: float | None = None) -> None:
        """Return once what waits is sent, after `limit_s` at the latest."""
        self._patient_at = 0.0
        self._nudged.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=limit_s)

    async def close(self) -> None:
        """Send what waits, for at most `CLOSE_LIMIT_S`, and close the connection."""
        await self.flush(CLOSE_LIMIT_S)
        if self._task is not None:
            self._task.cancel()
        self._disconnect()

    async def _send_all(self) -> None:
        while self._waiting:
            wake_ups = self._take_due()
            if not wake_ups:
                await self._until_due()
                continue
            try:
                await self._send(list(wake_ups))
            except Exception as exc:
                log.warning("wake-ups are waiting for the database", extra={"reason": repr(exc)})
                self._disconnect()
                self._waiting = wake_ups | self._waiting
                await asyncio.sleep(RETRY_S)
            else:
                if any(wake_up.channel == self._patient_channel for wake_up in wake_ups):
                    self._patient_at = asyncio.get_running_loop().time() + PATIENT_MERGE_S
                await asyncio.sleep(MERGE_S)

    def _take_due(self) -> dict[WakeUp, None]:
        """Take the wake-ups that may be sent now; those of the patient channel may have to wait."""
        due, self._waiting = self._waiting, {}
        if asyncio.get_running_loop().time() < self._patient_at:
            self._waiting = {w: None for w in due if w.channel == self._patient_channel}
            due = {w: None for w in due if w.channel != self._patient_channel}
        return due

    async def _until_due(self) -> None:
        """Return when the patient channel is due, or earlier if something more urgent was added."""
        self._nudged.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(self._patient_at):
                await self._nudged.wait()

    async def _send(self, wake_ups: list[WakeUp]) -> None:
        if self._conn is None or self._conn.is_closed():
            self._conn = await asyncpg.connect(
                self._dsn, timeout=_CONNECT_LIMIT_S, command_timeout=_STATEMENT_LIMIT_S
            )
            await self._conn.execute("set synchronous_commit = off")
        await self._conn.execute(
            """
            select pg_notify(channel, payload)
            from unnest($1::text[], $2::text[]) wake_up (channel, payload)
            """,
            [wake_up.channel for wake_up in wake_ups],
            [wake_up.payload for wake_up in wake_ups],
        )

    def _disconnect(self) -> None:
        if self._conn is not None:
            self._conn.terminate()
            self._conn = None
