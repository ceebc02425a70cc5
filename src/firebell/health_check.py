"""Health of this process and of the work that all processes share, for `/healthz` and `firebell doctor`."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from firebell.kit.context import Context
from firebell.kit.db.database import Db, Tx
from firebell.kit.errors import Unavailable
from firebell.kit.jobs import outbox, timers
from firebell.kit.log import OncePerMinute
from firebell.kit.process_health import ProcessFinding
from firebell.kit.timing import Pace
from firebell.notify import actions as notify
from firebell.paging import actions as paging
from firebell.self_watch import warnings

log = logging.getLogger(__name__)
_unexpected = OncePerMinute(log, "cannot check the health of the database")

OVERDUE = timedelta(seconds=60)
FAILING_ATTEMPTS = 4
"""Number of failed attempts before a page's timer is reported; reached after about 15 seconds of retries."""
LIMIT_S = 8.0
REUSED_S = 1.0
"""How long a report is reused: the endpoint needs no sign-in, and each report costs a write."""


@dataclass(frozen=True, slots=True)
class HealthReport:
    """The problem found by each check, empty if it passes; `notes` need attention but do not fail the report."""

    checks: Mapping[str, str]
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def healthy(self) -> bool:
        """Whether every check passes."""
        return not any(self.checks.values())

    def as_json(self) -> dict[str, Any]:
        """Return the body of `/healthz`."""
        checks = {
            name: {"ok": False, "reason": wrong} if wrong else {"ok": True}
            for name, wrong in self.checks.items()
        }
        failing = [name for name, wrong in self.checks.items() if wrong]
        return {
            "status": "failing" if failing else "ok",
            "failing": failing,
            "checks": checks,
            "notes": dict(self.notes),
        }


async def write(tx: Tx, now: datetime) -> None:
    """Write one row, because a database that answers reads may still be full or read-only."""
    await tx.execute("update write_probe set written_at = $1", now)


async def work(tx: Tx, now: datetime) -> dict[str, str]:
    """Return problems with the timers, reactions and urgent messages of all processes."""
    before = now - OVERDUE
    due_timers = await timers.trouble(tx, before, paging.PAGE_LANE_KINDS, FAILING_ATTEMPTS)
    jobs = await outbox.overdue(tx, before)
    messages = await notify.overdue_messages(tx, before, now)
    since = f" since {due_timers.since:%H:%M:%S} UTC" if due_timers.since else ""
    return {
        "timers": f"{due_timers.overdue} overdue{since}." if due_timers.overdue else "",
        "page timers": f"{due_timers.failing} fail again and again." if due_timers.failing else "",
        "reactions": f"{jobs} overdue." if jobs else "",
        "urgent messages": f"{messages} overdue." if messages else "",
    }


async def _shared(db: Db, now: datetime, pace: Pace) -> dict[str, str]:
    """Return problems with the database and with the work that processes share in it."""
    try:
        async with pace.timeout(LIMIT_S):
            async with db.tx() as tx:
                await write(tx, now)
            async with db.tx() as tx:
                return {"database": "", **await work(tx, now)}
    except Unavailable as error:
        return {"database": error.message}
    except TimeoutError:
        return {"database": f"Did not store a row within {LIMIT_S:.0f} s."}
    except asyncpg.PostgresError as exc:
        # an unexpected error from a reachable database is also unhealthy
        _unexpected.add(repr(exc))
        return {"database": f"Failed a query:  {type(exc).__name__}."}


class HealthCheck:
    """Answers `/healthz`; all callers share one database check per second."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._looking = asyncio.Lock()
        self._last: tuple[float, HealthReport] | None = None

    async def report(self) -> HealthReport:
        """Return the current report, at most `REUSED_S` old."""
        async with self._looking:
            elapsed = self._ctx.pace.monotonic
            if self._last is None or elapsed() - self._last[0] > REUSED_S:
                self._last = elapsed(), await self._look()
            return self._last[1]

    async def _look(self) -> HealthReport:
        ctx = self._ctx
        checks = await _shared(ctx.db, ctx.clock.now(), ctx.pace)
        own = {finding.name: finding.note for finding in warnings.of_process(ctx)}
        checks |= {name: own.pop(name, "") for name in warnings.checks_of(ctx.health.lanes())}
        checks["process"] = "This process is shutting down." if ctx.health.stopping else ""
        return HealthReport(checks, _notes(own, ctx.health.elsewhere()))


def _notes(own: Mapping[str, str], elsewhere: Sequence[ProcessFinding]) -> dict[str, str]:
    """Return the notes of this process by name, each together with what others note under that name."""
    notes = dict(own)
    for finding in elsewhere:
        notes[finding.name] = f"{notes.get(finding.name, '')} {finding.note}".strip()
    return notes
