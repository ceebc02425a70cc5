"""Firebell's own health: its findings, its alarms, and its outbound heartbeats, for screens, the API and Prometheus."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from firebell.channels import registry
from firebell.channels.registry import CHANNELS
from firebell.heartbeats import queries as heartbeats
from firebell.heartbeats.queries import WatchedInstallation
from firebell.kit.db.database import Reads, Tx
from firebell.kit.durations import duration
from firebell.kit.findings import Finding, FindingLevel, severest_first
from firebell.kit.process_health import ProcessFinding
from firebell.kit.text import plural
from firebell.people import actions as people
from firebell.people.model import ContactMethod, MethodState, Person
from firebell.replies import queries as replies
from firebell.replies.queries import CallbackRefusal
from firebell.self_watch import (
    fallback_test_actions,
    fallback_tests,
    process_finding_store,
    rules,
    store,
    warnings,
)
from firebell.self_watch.fallback_tests import FallbackTestSettings, ResponderTests
from firebell.self_watch.model import OutboundHeartbeat, SelfAlarm

ALARMS_SHOWN = 20
REFUSALS_SHOWN_FOR = timedelta(days=1)
"""How long refused requests of a provider are a finding after the last one."""
METHOD_FINDINGS_MAX = 100
"""Number of contact methods that have findings of their own; the rest are counted together."""


@dataclass(frozen=True, slots=True)
class FallbackResponder:
    """A fallback responder and their daily tests."""

    id: int
    name: str
    tests: ResponderTests


@dataclass(frozen=True, slots=True)
class SelfWatch:
    """Everything that Firebell knows about its own state."""

    findings: Sequence[Finding]
    alarms: Sequence[SelfAlarm]
    heartbeats: Sequence[OutboundHeartbeat]
    fallback_test: FallbackTestSettings
    responders: Sequence[FallbackResponder]
    watched: Sequence[WatchedInstallation]
    """The other installations of Firebell whose heartbeats arrive here."""
    processes: Sequence[ProcessFinding]
    """What is wrong with single processes."""


async def self_watch(tx: Tx, settings: Mapping[str, str], now: datetime) -> SelfWatch:
    """Return Firebell's own health, given the settings of its channels."""
    tests = await fallback_test_actions.responder_tests(tx)
    persons = await people.people_by_id(tx, [one.person_id for one in tests])
    return SelfWatch(
        await _findings(tx, tests, settings, now),
        await store.alarms(tx, ALARMS_SHOWN),
        await store.heartbeats(tx),
        await fallback_test_actions.settings(tx),
        [FallbackResponder(one.person_id, persons[one.person_id].name, one) for one in tests],
        await heartbeats.watched_installations(tx, now),
        await process_findings(tx, now),
    )


async def process_findings(tx: Reads, now: datetime, *, without: UUID | None = None) -> list[ProcessFinding]:
    """Return the findings of all processes but `without`, and one for each channel that no process fetches."""
    abandoned = {
        channel: (
            f"No process has fetched anything for {duration(now - since)}. If you turned"
            f" {registry.label(channel)} off, this warning ends within a day."
        )
        for channel, since in (await replies.abandoned_channels(tx, now)).items()
    }
    return [*await process_finding_store.current(tx, now, without=without), *warnings.of_channels(abandoned)]


async def findings(tx: Reads, settings: Mapping[str, str], now: datetime) -> list[Finding]:
    """Return the findings N-CONFIG, N-CALLBACK, N-FALLBACK and N-METHOD, most severe first."""
    return await _findings(tx, await fallback_test_actions.responder_tests(tx), settings, now)


async def _findings(
    tx: Reads, tests: Sequence[ResponderTests], settings: Mapping[str, str], now: datetime
) -> list[Finding]:
    persons = {person.id: person for person in await people.people(tx) if person.active}
    methods = await people.methods_of(tx, list(persons))
    return severest_first(
        [
            *config_findings(await store.open_alarms(tx), methods, settings),
            *callback_findings(await replies.callback_refusals(tx, now - REFUSALS_SHOWN_FOR)),
            *method_findings(methods, persons),
            *fallback_tests.findings(tests, {i: p.name for i, p in persons.items()}),
        ]
    )


def config_findings(
    alarms: Sequence[SelfAlarm], methods: Sequence[ContactMethod], settings: Mapping[str, str]
) -> list[Finding]:
    """Return N-CONFIG for each channel that fails, is refused, or that people use without its settings (pure)."""
    refused = [
        Finding(
            f"N-CONFIG:{alarm.kind}:{alarm.subject}",
            "N-CONFIG",
            FindingLevel.ERROR,
            f"{rules.title(alarm)}: {alarm.detail}",
            subject=f"channel:{rules.avoided_channel(alarm)}",
            advice="Check the settings of the channel, and run firebell doctor.",
        )
        for alarm in alarms
        if alarm.kind in rules.OF_PROVIDERS
    ]
    used = Counter(method.kind for method in methods)
    off = [
        Finding(
            f"N-CONFIG:off:{kind}",
            "N-CONFIG",
            FindingLevel.ERROR,
            f"{registry.label(kind)} is not set up: {plural(count, 'contact method')} cannot be reached.",
            subject=f"channel:{kind}",
            advice=CHANNELS[kind].off_text if kind in CHANNELS else "Upgrade Firebell, or remove them.",
        )
        for kind, count in sorted(used.items())
        if not registry.is_ready(kind, settings)
    ]
    return [*refused, *off]


def callback_findings(refusals: Sequence[CallbackRefusal]) -> list[Finding]:
    """Return N-CALLBACK for each channel whose provider's requests are refused (pure)."""
    return [
        Finding(
            f"N-CALLBACK:{refusal.channel}",
            "N-CALLBACK",
            FindingLevel.WARNING,
            f"{registry.label(refusal.channel)}: Firebell refused {plural(refusal.refused, 'request')} from"
            f" its provider. Their signatures must be for {refusal.url}.",
            subject=f"channel:{refusal.channel}",
            advice="Set FIREBELL_BASE_URL to the address that the provider uses, and check its secret.",
        )
        for refusal in refusals
    ]


def method_findings(methods: Sequence[ContactMethod], persons: Mapping[int, Person]) -> list[Finding]:
    """Return N-METHOD for each contact method that is suspect or disabled, without its address (pure)."""
    troubled = [m for m in methods if m.state in (MethodState.SUSPECT, MethodState.DISABLED)]
    listed = [
        Finding(
            f"N-METHOD:{method.id}",
            "N-METHOD",
            FindingLevel.WARNING,
            f"{persons[method.person_id].name}: {registry.label(method.kind)}"
            f" {'gets no pages' if method.state is MethodState.DISABLED else 'failed once'}.",
            subject=f"person:{method.person_id}",
            advice="Ask them to correct the address under Settings, Notifications, and to enter a new code.",
        )
        for method in troubled[:METHOD_FINDINGS_MAX]
    ]
    if more := len(troubled) - len(listed):
        text = f"{plural(more, 'more contact method')} failed."
        listed.append(Finding("N-METHOD:more", "N-METHOD", FindingLevel.WARNING, text))
    return listed


async def finding_counts(tx: Reads, settings: Mapping[str, str], now: datetime) -> dict[tuple[str, str], int]:
    """Return the number of findings by rule and level."""
    counts = Counter((each.code, str(each.level)) for each in await findings(tx, settings, now))
    return {**dict.fromkeys(RULES, 0), **counts}


RULES = (
    ("N-CALLBACK", "warning"),
    ("N-CONFIG", "error"),
    ("N-FALLBACK", "warning"),
    ("N-METHOD", "warning"),
)
"""Every rule with its level, so that a gauge without findings is 0."""
