"""When Firebell is unhealthy, when an alarm begins and ends, and what the messages about it say (spec 2.10; pure)."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from firebell.channels import registry
from firebell.kit.durations import duration
from firebell.kit.text import plural, to_storable
from firebell.self_watch.model import (
    Acceptance,
    OutboundHeartbeat,
    Problem,
    ProblemKind,
    SelfAlarm,
    SharedWork,
)

TIMERS_LATE = timedelta(seconds=30)
"""Lateness of the timers of pages from which the responders are notified (spec 2.7 T3)."""
MESSAGES_LATE = timedelta(seconds=60)
MESSAGES_MAX = 500
"""Number of waiting urgent messages of one channel from which the responders are notified, however late they are."""
OUTBOUND_FAILING = timedelta(minutes=5)
"""How long an outbound heartbeat fails before the responders are notified; its receiver waits about as long."""
CLEARED_AFTER = timedelta(minutes=5)
"""How long a problem must be gone before its alarm ends, so that one that comes and goes notifies once."""
UNUSED_AFTER = timedelta(days=7)
"""How long an alarm about a provider stays open without a message that was accepted."""
OF_PROVIDERS = frozenset({ProblemKind.CHANNEL, ProblemKind.ACCOUNT})
"""The kinds of problems of a provider: a message that it accepts shows that one is gone."""
ILL_WAITS = timedelta(minutes=2)
"""How long an outbound heartbeat must be overdue before an unhealthy process takes it, to record why."""
PING_INTERVAL = timedelta(minutes=1)
FIRST_PAUSE = timedelta(seconds=30)
"""How long a process that has just started waits: timers that were due before run first (spec 2.7 T4)."""
ERROR_CHARS = 300


def shared_problems(work: SharedWork, now: datetime) -> list[Problem]:
    """Return what is wrong with the work that all processes share."""
    problems = []
    if work.timers_since and now - work.timers_since > TIMERS_LATE:
        late = duration(now - work.timers_since)
        are_late = f"{plural(work.late_timers, 'page timer')} {'is' if work.late_timers == 1 else 'are'}"
        text = f"{are_late} up to {late} late."
        problems.append(Problem(ProblemKind.TIMERS, "", text))
    for waiting in work.waiting:
        if now - waiting.since > MESSAGES_LATE or waiting.count >= MESSAGES_MAX:
            late = duration(max(timedelta(), now - waiting.since))
            text = f"{plural(waiting.count, 'urgent message')} waiting for up to {late}."
            problems.append(Problem(ProblemKind.QUEUE, waiting.channel, text))
    return problems


def process_problems(
    failing_channels: Mapping[str, str], refused_accounts: Iterable[tuple[str, str]]
) -> list[Problem]:
    """Return what one process knows: channels that fail with their reason, and (channel, provider) that refuse us."""
    return [
        *(
            Problem(ProblemKind.CHANNEL, channel, to_storable(reason, ERROR_CHARS))
            for channel, reason in sorted(failing_channels.items())
        ),
        *(
            Problem(
                ProblemKind.ACCOUNT,
                f"{channel}/{provider}",
                f"{provider.capitalize()} refuses the account or its key.",
            )
            for channel, provider in sorted(refused_accounts)
        ),
    ]


def acceptances(
    channels: Mapping[str, datetime], providers: Mapping[tuple[str, str], datetime]
) -> list[Acceptance]:
    """Return what one process knows of messages that were accepted, by channel and by (channel, provider)."""
    return [
        *(Acceptance(ProblemKind.CHANNEL, channel, at) for channel, at in channels.items()),
        *(
            Acceptance(ProblemKind.ACCOUNT, f"{channel}/{provider}", at)
            for (channel, provider), at in providers.items()
        ),
    ]


def outbound_problems(heartbeats: Iterable[OutboundHeartbeat], now: datetime) -> list[Problem]:
    """Return the outbound heartbeats that have failed for a while; one that is withheld is not itself a problem."""
    return [
        Problem(ProblemKind.OUTBOUND, heartbeat.name, heartbeat.error)
        for heartbeat in heartbeats
        if heartbeat.failing_since and now - heartbeat.failing_since >= OUTBOUND_FAILING
    ]


def is_over(alarm: SelfAlarm, now: datetime) -> bool:
    """Return True if the problem of an open alarm has been gone long enough.

    A provider that no message was sent through may be as broken as before, so that its alarm ends only after one
    was accepted, or when it has not been used for days.
    """
    gone_for = now - alarm.noticed_at
    if alarm.kind in OF_PROVIDERS and not alarm.has_worked_since:
        return gone_for >= UNUSED_AFTER
    return gone_for >= CLEARED_AFTER


def avoided_channel(alarm: SelfAlarm) -> str:
    """Return the channel that should not carry messages about an alarm; empty for any."""
    if alarm.kind in (ProblemKind.QUEUE, ProblemKind.CHANNEL):
        return alarm.subject
    return alarm.subject.partition("/")[0] if alarm.kind is ProblemKind.ACCOUNT else ""


def reasons_to_withhold(checks: Mapping[str, str], work: SharedWork) -> str:
    """Return why no outbound heartbeat may be sent now; empty if pages reach people.

    `checks` are the results of the health check, empty where it passes.
    """
    reasons = [f"{name}: {wrong}" for name, wrong in checks.items() if wrong]
    if work.exhausted_pages:
        reasons.append(
            f"pages: {plural(work.exhausted_pages, 'urgent page')} reached the end of the policy unacknowledged."
        )
    return "; ".join(reasons)[:ERROR_CHARS]


def title(alarm: SelfAlarm) -> str:
    """Return what an alarm is about, as it stands now."""
    channel = registry.label(avoided_channel(alarm))
    is_open = alarm.cleared_at is None
    match alarm.kind:
        case ProblemKind.TIMERS:
            return "Escalations are late" if is_open else "Escalations are on time again"
        case ProblemKind.QUEUE:
            return (
                f"{channel}: urgent messages are waiting"
                if is_open
                else f"{channel}: urgent messages are sent again"
            )
        case ProblemKind.CHANNEL:
            return (
                f"{channel}: messages fail" if is_open else f"{channel}: {_ended(alarm, 'messages arrive')}"
            )
        case ProblemKind.ACCOUNT:
            return (
                f"{channel}: the account is refused"
                if is_open
                else f"{channel}: {_ended(alarm, 'the account works')}"
            )
        case ProblemKind.OUTBOUND:
            verb = "is not arriving" if is_open else "arrives again"
            return f"The outbound heartbeat {alarm.subject} {verb}"


def _ended(alarm: SelfAlarm, works: str) -> str:
    """Return how an alarm about a provider ended."""
    if alarm.has_worked_since:
        return f"{works} again"
    return f"no message has failed for {duration(UNUSED_AFTER)}"


def note(alarm: SelfAlarm, now: datetime) -> str:
    """Return the text of an alarm: its state when the text is written, and what to do."""
    detail = f"{alarm.detail.rstrip('. ')}."
    since = duration(max(timedelta(), (alarm.cleared_at or now) - alarm.opened_at))
    if alarm.cleared_at:
        if alarm.kind in OF_PROVIDERS and not alarm.has_worked_since:
            return f"{detail} No message was accepted since: send yourself a test."
        return f"It lasted {since}: {detail} No action needed."
    return f"For {since}: {detail} {_ADVICE[alarm.kind]}"


_ADVICE = {
    ProblemKind.TIMERS: "Check the database and the workers, and run firebell doctor.",
    ProblemKind.QUEUE: "Check the provider. People are reached by their other contact methods.",
    ProblemKind.CHANNEL: "Check its settings, and send a test. People are reached by other methods.",
    ProblemKind.ACCOUNT: "Correct the key, restart Firebell, and send a test. People are reached by other methods.",
    ProblemKind.OUTBOUND: "Check its address; until it arrives, no one outside watches Firebell.",
}


def urgency(kind: ProblemKind) -> str:
    """Return the urgency of messages about a kind of problem: whether pages are late or lost because of it."""
    return "low" if kind is ProblemKind.OUTBOUND else "high"
