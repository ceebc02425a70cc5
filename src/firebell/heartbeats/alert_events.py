"""The alerts of heartbeats: what a signal fires or resolves (pure)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from firebell.alerts import cleaning
from firebell.alerts.model import HEARTBEAT_KEY_PREFIX, Event, EventKind, InboundRequest
from firebell.heartbeats import durations
from firebell.heartbeats.model import Heartbeat, HeartbeatState, PingKind
from firebell.heartbeats.rules import Signal

SOURCE = "heartbeat"
"""The source of these alerts, stored with their messages."""
_RESOLVING = frozenset({Signal.RECOVERED, Signal.ENDED})
_OF_RUNS = frozenset({Signal.STUCK, Signal.ENDED})


def key_of(name: str, *, stuck: bool = False) -> str:
    """Return the deduplication key of a heartbeat's alert."""
    return cleaning.dedup_key(f"{HEARTBEAT_KEY_PREFIX}{name}{':stuck' if stuck else ''}", "")


def request_of(
    heartbeat: Heartbeat, signals: Sequence[Signal], now: datetime, detail: str = ""
) -> InboundRequest:
    """Return what Firebell reports about a heartbeat, as a message of its integration.

    The message has the instant, so that two equal reports are never taken for one that was delivered twice.
    """
    body = {
        "heartbeat": heartbeat.name,
        "signals": [str(signal) for signal in signals],
        "at": now.isoformat(),
        "last_ping_at": at.isoformat() if (at := heartbeat.progress.last_ping_at) else None,
    }
    return InboundRequest(
        integration_id=heartbeat.integration_id,
        service_id=heartbeat.service_id,
        source=SOURCE,
        body=msgspec.json.encode(body),
        incoming=tuple(_event(heartbeat, signal, now, detail) for signal in signals),
    )


def _event(heartbeat: Heartbeat, signal: Signal, now: datetime, detail: str) -> Event:
    alert = heartbeat.settings.alert
    return Event(
        kind=EventKind.RESOLVED if signal in _RESOLVING else EventKind.FIRING,
        dedup_key=key_of(heartbeat.name, stuck=signal in _OF_RUNS),
        title=cleaning.line(alert.title or _title(heartbeat, signal)),
        body=cleaning.text(_body(heartbeat, signal, now, detail), cleaning.MAX_BODY),
        severity=alert.severity,
        labels=cleaning.mapping({"heartbeat": heartbeat.name, **alert.labels}),
    )


def _title(heartbeat: Heartbeat, signal: Signal) -> str:
    code = heartbeat.progress.last_exit_code
    match signal:
        case Signal.FAILED:
            return f"{heartbeat.name} failed" + (f" with exit code {code}" if code else "")
        case Signal.STUCK | Signal.ENDED:
            limit = heartbeat.settings.expectation.max_runtime
            return f"{heartbeat.name} runs longer than {durations.written(limit)}"
        case _:
            return f"{heartbeat.name} is silent"


def _body(heartbeat: Heartbeat, signal: Signal, now: datetime, detail: str) -> str:
    progress, settings = heartbeat.progress, heartbeat.settings
    lines = []
    if signal is Signal.MISSED and progress.last_ping_at is not None:
        silence = durations.written(timedelta(seconds=round((now - progress.last_ping_at).total_seconds())))
        lines.append(f"The last ping came {silence} ago, at {_written(progress.last_ping_at)}.")
        lines.append(
            f"It is expected {rhythm(heartbeat)}, with {durations.written(settings.expectation.grace)} grace."
        )
    if signal is Signal.STUCK and progress.run_started_at is not None:
        lines.append(f"The run began at {_written(progress.run_started_at)} and has not ended.")
    return "\n\n".join(part for part in ("\n".join(lines), settings.description, detail) if part)


def rhythm(heartbeat: Heartbeat) -> str:
    """Return when pings are expected, such as `every 1 h`."""
    expectation = heartbeat.settings.expectation
    if expectation.period is not None:
        return f"every {durations.written(expectation.period)}"
    return f"at {expectation.cron} ({expectation.time_zone})"


def _written(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def state_text(heartbeat: Heartbeat) -> str:
    """Return the state of a heartbeat as people read it."""
    progress = heartbeat.progress
    if heartbeat.is_paused:
        return "Paused"
    if progress.state is HeartbeatState.DOWN:
        return "Failed" if progress.last_kind is PingKind.FAIL else "Silent"
    if progress.is_stuck:
        return "Runs too long"
    if progress.run_started_at is not None:
        return "Running"
    return {HeartbeatState.NEW: "Never pinged", HeartbeatState.UP: "Up", HeartbeatState.LATE: "Late"}[
        progress.state
    ]
