"""What a ping and the passing of time mean for a heartbeat (pure, spec 9.8)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from firebell.heartbeats import cron
from firebell.heartbeats.model import (
    Expectation,
    Heartbeat,
    HeartbeatState,
    NewPing,
    PingKind,
    Progress,
    Reception,
)

RECEPTION_GAP = timedelta(seconds=30)
"""If reception was not recorded for this long, Firebell was down."""
NEVER_PINGED_AFTER = timedelta(hours=24)
LEAST_REPEAT_INTERVAL = timedelta(minutes=15)
"""How often an alert that still fires is reported at most, whatever the period."""


class Signal(StrEnum):
    """What a heartbeat reports about its alerts."""

    MISSED = "missed"
    FAILED = "failed"
    RECOVERED = "recovered"
    STUCK = "stuck"
    """A run takes longer than it may; an alert of its own."""
    ENDED = "ended"
    """The run that was stuck has ended."""


_FIRING = frozenset({Signal.MISSED, Signal.FAILED, Signal.STUCK})


@dataclass(frozen=True, slots=True)
class Transition:
    """What a heartbeat is now, what it reports, and when it must be looked at again; None if a ping comes first."""

    progress: Progress
    signals: tuple[Signal, ...] = ()
    next_at: datetime | None = None
    duration: timedelta | None = None
    """How long the run took that a ping ended."""


def expected_after(expectation: Expectation, at: datetime) -> datetime:
    """Return when the first ping after `at` is expected."""
    if expectation.period is not None:
        return at + expectation.period
    return cron.next_after(cron.parse(expectation.cron), at, expectation.time_zone)


def expected_at(heartbeat: Heartbeat) -> datetime | None:
    """Return when the next ping is expected; None before the first ping and during a pause."""
    armed_at = heartbeat.progress.armed_at
    if armed_at is None or heartbeat.is_paused:
        return None
    return expected_after(heartbeat.settings.expectation, armed_at)


def deadline(heartbeat: Heartbeat, reception: Reception | None, now: datetime) -> datetime | None:
    """Return when a missing ping pages; None if none is expected.

    A run that began before the deadline extends it until the maximum run time has passed. A later start doesn't, so a
    job that dies in every run still pages. After Firebell was down, the grace begins again.
    """
    expected = expected_at(heartbeat)
    if expected is None:
        return None
    settings, progress = heartbeat.settings.expectation, heartbeat.progress
    at = max(expected, _listening_since(reception, now)) + settings.grace
    if progress.is_stuck and progress.run_started_at is not None and settings.max_runtime is not None:
        at = max(at, expected_after(settings, progress.run_started_at) + settings.grace)
    return _extended_by_run(heartbeat, at)


def _extended_by_run(heartbeat: Heartbeat, at: datetime) -> datetime:
    """Return `at`, or when the run that began before it must have ended; a later run extends it no further."""
    max_runtime, progress = heartbeat.settings.expectation.max_runtime, heartbeat.progress
    if progress.run_started_at is None or max_runtime is None or progress.is_stuck:
        return at
    return max(at, min(progress.run_started_at, at) + max_runtime)


def stuck_at(heartbeat: Heartbeat, reception: Reception | None, now: datetime) -> datetime | None:
    """Return when the present run has taken longer than it may; None without one, and if that is known."""
    settings, progress = heartbeat.settings.expectation, heartbeat.progress
    if (
        progress.run_started_at is None
        or settings.max_runtime is None
        or progress.is_stuck
        or heartbeat.is_paused
    ):
        return None
    return max(
        progress.run_started_at + settings.max_runtime, _listening_since(reception, now) + settings.grace
    )


def _listening_since(reception: Reception | None, now: datetime) -> datetime:
    """Return since when silence is the sender's; `now` if Firebell has just begun to listen."""
    if reception is None or now - reception.recorded_at > RECEPTION_GAP:
        return now
    return reception.since


def repeat_at(heartbeat: Heartbeat, reception: Reception | None, now: datetime) -> datetime | None:
    """Return when what fires is reported again; None if nothing does.

    That is after each further period and its grace without recovery, so that a page that someone resolved too early
    comes back. A run that has begun by then has its longest run to recover; the starts of a job that dies in every run
    put it off no further.
    """
    progress, settings = heartbeat.progress, heartbeat.settings.expectation
    if progress.reported_at is None or not heartbeat.is_expired or heartbeat.is_paused:
        return None
    at = max(
        expected_after(settings, progress.reported_at) + settings.grace,
        progress.reported_at + LEAST_REPEAT_INTERVAL,
        _listening_since(reception, now) + settings.grace,
    )
    return _extended_by_run(heartbeat, at)


def _repeated(progress: Progress) -> list[Signal]:
    """Return the signals of what fires."""
    signals = []
    if progress.state is HeartbeatState.DOWN:
        signals.append(Signal.FAILED if progress.last_kind is PingKind.FAIL else Signal.MISSED)
    if progress.is_stuck:
        signals.append(Signal.STUCK)
    return signals


def after_ping(heartbeat: Heartbeat, ping: NewPing, reception: Reception | None, now: datetime) -> Transition:
    """Return what a heartbeat is after a ping. During a pause it is recorded and reports nothing."""
    before = heartbeat.progress
    progress = replace(
        before,
        last_ping_at=now,
        last_kind=ping.kind,
        last_exit_code=ping.exit_code,
        pings=before.pings + 1,
    )
    signals: list[Signal] = []
    duration = None
    if ping.kind is PingKind.START:
        has_limit = heartbeat.settings.expectation.max_runtime is not None
        progress = replace(
            progress,
            run_started_at=now,
            armed_at=before.armed_at if has_limit and before.armed_at is not None else now,
            state=HeartbeatState.DOWN if before.state is HeartbeatState.DOWN else HeartbeatState.UP,
        )
    else:
        if before.run_started_at is not None:
            duration = now - before.run_started_at
        if before.is_stuck:
            signals.append(Signal.ENDED)
        progress = replace(
            progress,
            armed_at=now,
            run_started_at=None,
            is_stuck=False,
            last_duration=duration or before.last_duration,
        )
        progress = _ended(progress, ping.kind, signals, now, is_paused=heartbeat.is_paused)
    return _scheduled(heartbeat, progress, tuple(signals), reception, now, duration)


def _ended(
    progress: Progress, kind: PingKind, signals: list[Signal], now: datetime, *, is_paused: bool
) -> Progress:
    """Return the progress after the end of a run; add what it reports to `signals`."""
    if kind is PingKind.FAIL and not is_paused:
        signals.append(Signal.FAILED)
        return replace(progress, state=HeartbeatState.DOWN, down_since=progress.down_since or now)
    if progress.state is HeartbeatState.DOWN and kind is PingKind.SUCCESS:
        signals.append(Signal.RECOVERED)
    if kind is PingKind.FAIL:
        return progress
    return replace(progress, state=HeartbeatState.UP, down_since=None)


def after_time(heartbeat: Heartbeat, reception: Reception | None, now: datetime) -> Transition:
    """Return what a heartbeat is at `now`, and what it reports, for the first time or again; idempotent."""
    paused_until = heartbeat.progress.paused_until
    if paused_until is not None:
        if now < paused_until:
            return Transition(heartbeat.progress, (), paused_until)
        heartbeat = replace(heartbeat, progress=_resumed(heartbeat.progress, paused_until))
    repeated_at = repeat_at(heartbeat, reception, now)
    is_repeated = repeated_at is not None and now >= repeated_at
    progress = heartbeat.progress
    signals = _repeated(progress) if is_repeated else []
    stuck = stuck_at(heartbeat, reception, now)
    if stuck is not None and now >= stuck:
        progress = replace(progress, is_stuck=True)
        signals.append(Signal.STUCK)
        heartbeat = replace(heartbeat, progress=progress)
    end = deadline(heartbeat, reception, now)
    if end is not None and progress.state is not HeartbeatState.DOWN:
        if now >= end:
            progress = replace(progress, state=HeartbeatState.DOWN, down_since=now)
            signals.append(Signal.MISSED)
        elif now >= end - heartbeat.settings.expectation.grace:
            progress = replace(progress, state=HeartbeatState.LATE)
    return _scheduled(heartbeat, progress, tuple(signals), reception, now)


def paused(heartbeat: Heartbeat, until: datetime, now: datetime) -> Transition:
    """Return a heartbeat that expects nothing until `until`; its alerts end."""
    before = heartbeat.progress
    signals = tuple(
        signal
        for signal, is_firing in (
            (Signal.RECOVERED, before.state is HeartbeatState.DOWN),
            (Signal.ENDED, before.is_stuck),
        )
        if is_firing
    )
    progress = replace(
        before,
        state=HeartbeatState.NEW if before.armed_at is None else HeartbeatState.UP,
        is_stuck=False,
        run_started_at=None,
        down_since=None,
        reported_at=None,
        paused_at=before.paused_at or now,
        paused_until=until,
    )
    return Transition(progress, signals, until)


def resumed(heartbeat: Heartbeat, reception: Reception | None, now: datetime) -> Transition:
    """Return a heartbeat that expects pings again, the first one a period after `now`."""
    return _scheduled(heartbeat, _resumed(heartbeat.progress, now), (), reception, now)


def changed(heartbeat: Heartbeat, reception: Reception | None, now: datetime) -> Transition:
    """Return a heartbeat whose settings have changed: a new expectation begins now, and nothing pages at once."""
    progress = heartbeat.progress
    if progress.armed_at is not None and progress.state is not HeartbeatState.DOWN:
        progress = replace(progress, armed_at=max(progress.armed_at, now), state=HeartbeatState.UP)
    signals: tuple[Signal, ...] = ()
    limit = heartbeat.settings.expectation.max_runtime
    if progress.is_stuck and (
        limit is None or progress.run_started_at is None or now < progress.run_started_at + limit
    ):
        progress, signals = replace(progress, is_stuck=False), (Signal.ENDED,)
    if progress.reported_at is not None:
        progress = replace(progress, reported_at=max(progress.reported_at, now))
    return _scheduled(heartbeat, progress, signals, reception, now)


def _resumed(progress: Progress, at: datetime) -> Progress:
    return replace(
        progress,
        paused_at=None,
        paused_until=None,
        armed_at=None if progress.armed_at is None else max(progress.armed_at, at),
    )


def _scheduled(
    heartbeat: Heartbeat,
    progress: Progress,
    signals: tuple[Signal, ...],
    reception: Reception | None,
    now: datetime,
    duration: timedelta | None = None,
) -> Transition:
    if _FIRING.intersection(signals):
        progress = replace(progress, reported_at=now)
    elif not replace(heartbeat, progress=progress).is_expired:
        progress = replace(progress, reported_at=None)
    after = replace(heartbeat, progress=progress)
    if after.is_paused:
        return Transition(progress, signals, progress.paused_until, duration)
    end = deadline(after, reception, now)
    times = [stuck_at(after, reception, now), repeat_at(after, reception, now)]
    if end is not None and progress.state is not HeartbeatState.DOWN:
        late = end - heartbeat.settings.expectation.grace
        times.append(end if progress.state is HeartbeatState.LATE or late <= now else late)
    return Transition(progress, signals, min((at for at in times if at is not None), default=None), duration)


def never_pinged(heartbeats: Sequence[Heartbeat], now: datetime) -> list[Heartbeat]:
    """Return the heartbeats without a ping since they were created a day ago or earlier (A-NOPING)."""
    return [
        each
        for each in heartbeats
        if each.is_new and not each.is_paused and now - each.created_at >= NEVER_PINGED_AFTER
    ]
