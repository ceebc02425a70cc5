"""Firebell watches itself: when it is unhealthy, how an episode begins and ends, and what is said about it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from firebell.channels.phone.circuit import CircuitState
from firebell.channels.registry import CHANNELS
from firebell.kit import provider_health
from firebell.kit.errors import Invalid
from firebell.kit.provider_health import ChannelFailures, ProviderCircuits
from firebell.people.model import ContactMethod, Person, Role
from firebell.replies import callback_refusals
from firebell.replies.callback_refusals import RefusalCounter
from firebell.replies.store import CallbackRefusal
from firebell.self_watch import doctor_checks, fallback_tests, queries, rules
from firebell.self_watch.actions import url_hint
from firebell.self_watch.fallback_tests import FallbackTestSettings, ResponderTests
from firebell.self_watch.model import (
    HeartbeatHealth,
    OutboundHeartbeat,
    PingMethod,
    ProblemKind,
    SelfAlarm,
    SharedWork,
    WaitingMessages,
)

NOW = datetime(2026, 3, 2, 3, 12, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
SETTINGS = {setting.name: setting.default for channel in CHANNELS.values() for setting in channel.settings}


def _work(late: timedelta | None = None, waiting: tuple[tuple[int, timedelta], ...] = ()) -> SharedWork:
    return SharedWork(
        1 if late is not None else 0,
        NOW - late if late is not None else None,
        tuple(WaitingMessages("ntfy", count, NOW - age) for count, age in waiting),
        0,
    )


@pytest.mark.parametrize(
    ("work", "kinds"),
    [
        (_work(), []),
        (_work(30 * SECOND), []),
        (_work(31 * SECOND), [ProblemKind.TIMERS]),
        (_work(-MINUTE), []),
        (_work(waiting=((1, 60 * SECOND),)), []),
        (_work(waiting=((1, 61 * SECOND),)), [ProblemKind.QUEUE]),
        (_work(waiting=((499, SECOND),)), []),
        (_work(waiting=((500, SECOND),)), [ProblemKind.QUEUE]),
        (_work(MINUTE, ((9, MINUTE + SECOND),)), [ProblemKind.TIMERS, ProblemKind.QUEUE]),
    ],
)
def test_lateness_and_queues_have_limits(work: SharedWork, kinds: list[ProblemKind]) -> None:
    assert [problem.kind for problem in rules.shared_problems(work, NOW)] == kinds


def _heartbeat(**changes: object) -> OutboundHeartbeat:
    fields: dict[str, object] = {
        "id": 1,
        "name": "Frankfurt",
        "url_hint": "https://watch.example/…",
        "method": PingMethod.POST,
        "created_at": NOW,
        "next_at": NOW,
        "tried_at": None,
        "arrived_at": None,
        "failing_since": None,
        "error": "",
        "withheld_since": None,
        "withheld_for": "",
    }
    return OutboundHeartbeat(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("heartbeat", "health", "level", "is_problem"),
    [
        (_heartbeat(), HeartbeatHealth.NEW, "warn", False),
        (_heartbeat(arrived_at=NOW - MINUTE), HeartbeatHealth.OK, "ok", False),
        (_heartbeat(arrived_at=NOW - 4 * MINUTE), HeartbeatHealth.OK, "fail", False),
        (_heartbeat(failing_since=NOW - 4 * MINUTE, error="404"), HeartbeatHealth.FAILING, "fail", False),
        (_heartbeat(failing_since=NOW - 5 * MINUTE, error="404"), HeartbeatHealth.FAILING, "fail", True),
        (_heartbeat(arrived_at=NOW, withheld_since=NOW), HeartbeatHealth.WITHHELD, "fail", False),
    ],
)
def test_a_heartbeat_says_whether_anyone_outside_watches(
    heartbeat: OutboundHeartbeat, health: HeartbeatHealth, level: str, is_problem: bool
) -> None:
    assert heartbeat.health is health
    assert [each.level for each in doctor_checks.check_heartbeats([heartbeat], NOW)] == [level]
    assert bool(rules.outbound_problems([heartbeat], NOW)) is is_problem


def test_without_a_heartbeat_the_doctor_warns() -> None:
    assert [each.level for each in doctor_checks.check_heartbeats([], NOW)] == ["warn"]


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("https://watch.example/ping/s3cret", "https://watch.example/…"),
        ("https://watch.example:8443/?key=s3cret", "https://watch.example:8443/…"),
        ("http://watch.example", "http://watch.example"),
    ],
)
def test_the_secret_of_an_address_is_not_shown(url: str, hint: str) -> None:
    assert url_hint(url) == hint


def test_a_heartbeat_is_withheld_when_a_page_reaches_no_one() -> None:
    assert not rules.reasons_to_withhold({"database": "", "timers": ""}, _work())
    assert "late" in rules.reasons_to_withhold({"database": "", "timers": "3 late."}, _work())
    assert "2 urgent pages" in rules.reasons_to_withhold({}, SharedWork(0, None, (), 2))


def _alarm(kind: ProblemKind, subject: str = "") -> SelfAlarm:
    return SelfAlarm(1, kind, subject, "It is late.", NOW - 9 * MINUTE, NOW, None)


@pytest.mark.parametrize(
    ("kind", "subject", "avoided"),
    [
        (ProblemKind.TIMERS, "", ""),
        (ProblemKind.QUEUE, "sms", "sms"),
        (ProblemKind.CHANNEL, "gone-channel", "gone-channel"),
        (ProblemKind.ACCOUNT, "voice/twilio", "voice"),
        (ProblemKind.OUTBOUND, "Frankfurt", ""),
    ],
)
def test_an_alarm_avoids_its_own_channel_and_its_text_heals(
    kind: ProblemKind, subject: str, avoided: str
) -> None:
    alarm = _alarm(kind, subject)
    over = replace(alarm, cleared_at=NOW - 2 * MINUTE, worked_at=NOW + SECOND)
    assert rules.avoided_channel(alarm) == avoided
    assert rules.title(alarm) != rules.title(over)
    assert rules.note(alarm, NOW).startswith("For 9 min")
    assert rules.note(over, NOW).startswith("It lasted 7 min")


def test_an_episode_ends_only_after_five_minutes_without_its_problem() -> None:
    alarm = _alarm(ProblemKind.TIMERS)
    assert not rules.is_over(alarm, NOW + 5 * MINUTE - SECOND)
    assert rules.is_over(alarm, NOW + 5 * MINUTE)


def test_a_channel_that_no_one_used_since_is_not_called_well() -> None:
    for kind in (ProblemKind.CHANNEL, ProblemKind.ACCOUNT):
        alarm = _alarm(kind, "sms/twilio")
        assert not rules.is_over(alarm, NOW + 6 * timedelta(days=1))
        assert not rules.is_over(replace(alarm, worked_at=NOW - MINUTE), NOW + 9 * MINUTE)
        assert rules.is_over(replace(alarm, worked_at=NOW + SECOND), NOW + 5 * MINUTE)
        unused = replace(alarm, cleared_at=NOW + rules.UNUSED_AFTER)
        assert rules.is_over(alarm, NOW + rules.UNUSED_AFTER)
        assert "again" not in rules.title(unused)
        assert "test" in rules.note(unused, NOW + rules.UNUSED_AFTER)
    works = rules.acceptances({"ntfy": NOW}, {("sms", "twilio"): NOW})
    assert [(each.kind, each.subject) for each in works] == [
        (ProblemKind.CHANNEL, "ntfy"),
        (ProblemKind.ACCOUNT, "sms/twilio"),
    ]


def test_the_binary_error_page_of_a_proxy_does_not_stop_alarms() -> None:
    [problem] = rules.process_problems({"ntfy": "502 <\0h\0t\ud800" + "x" * 999}, [])
    assert problem.detail.startswith("502 <ht?")
    assert len(problem.detail) == rules.ERROR_CHARS


def test_a_channel_fails_after_three_people_in_a_row() -> None:
    failures = ChannelFailures()
    for person in (1, 1, 2):
        failures.failed("sms", person, "500", NOW)
    assert not failures.failing(NOW), "two people may share a mistake"
    failures.failed("sms", 3, "401", NOW + SECOND)
    assert failures.failing(NOW + SECOND) == {"sms": "401"}
    assert not failures.failing(NOW + 6 * MINUTE)
    for person in (1, 2, 3):
        failures.failed("sms", person, "500", NOW + 7 * MINUTE)
    failures.arrived("sms", NOW + 7 * MINUTE)
    assert not failures.failing(NOW + 7 * MINUTE)


def test_a_refused_account_is_a_problem_of_its_channel() -> None:
    assert (provider_health.CLOSED, provider_health.REFUSED) == (CircuitState.CLOSED, CircuitState.CONFIG)
    circuits = ProviderCircuits()
    for provider, state in (("twilio", CircuitState.CONFIG), ("vonage", CircuitState.OPEN)):
        circuits.record("sms", provider, state)
    circuits.record("voice", "twilio", CircuitState.CLOSED)
    assert [key for key, is_open in circuits.is_open() if is_open] == [("sms", "twilio"), ("sms", "vonage")]
    problems = rules.process_problems({"ntfy": "500"}, circuits.refused())
    assert [(problem.kind, problem.subject) for problem in problems] == [
        (ProblemKind.CHANNEL, "ntfy"),
        (ProblemKind.ACCOUNT, "sms/twilio"),
    ]


def test_refused_callbacks_are_stored_when_there_are_several() -> None:
    counter = RefusalCounter()
    at = [NOW + n * SECOND for n in range(200)]
    stored = [counter.add("sms", instant) for instant in at]
    assert stored[:5] == [0, 0, 0, 0, 5]
    assert [n for n in stored if n] == [5, 60, 60, 60], "once a minute, whatever is sent"
    assert not counter.add("voice", NOW)
    slow = [RefusalCounter().add("sms", NOW + n * callback_refusals.WITHIN) for n in range(9)]
    assert not any(slow)


def _method(
    number: int, kind: str, suspect_since: datetime | None = None, unusable_since: datetime | None = None
) -> ContactMethod:
    return ContactMethod(number, 7, kind, "secret-topic", "", NOW, None, suspect_since, unusable_since)


def test_findings_name_the_trouble_and_no_address() -> None:
    jun = Person(
        id=7,
        name="Jun Okafor",
        email="jun@example.org",
        role=Role.RESPONDER,
        tz="UTC",
        theme="auto",
        active=True,
    )
    methods = [
        _method(1, "ntfy"),
        _method(2, "ntfy", suspect_since=NOW),
        _method(3, "sms", unusable_since=NOW),
        _method(4, "no-such-channel"),
    ]
    findings = [
        *queries.config_findings([_alarm(ProblemKind.ACCOUNT, "voice/twilio")], methods, SETTINGS),
        *queries.config_findings([_alarm(ProblemKind.TIMERS)], [], SETTINGS),
        *queries.callback_findings([CallbackRefusal("sms", "https://fb.example/in/…", 9, NOW, NOW)]),
        *queries.method_findings(methods, {7: jun}),
        *fallback_tests.findings([ResponderTests(7, unconfirmed=4)], {7: jun.name}),
    ]
    assert [(each.code, each.id) for each in findings] == [
        ("N-CONFIG", "N-CONFIG:account:voice/twilio"),
        ("N-CONFIG", "N-CONFIG:off:no-such-channel"),
        ("N-CONFIG", "N-CONFIG:off:sms"),
        ("N-CALLBACK", "N-CALLBACK:sms"),
        ("N-METHOD", "N-METHOD:2"),
        ("N-METHOD", "N-METHOD:3"),
        ("N-FALLBACK", "N-FALLBACK:7"),
    ]
    assert not any("secret-topic" in f"{each.message}{each.advice}" for each in findings)
    assert {(each.code, str(each.level)) for each in findings} == set(queries.RULES)
    many = [_method(n, "ntfy", suspect_since=NOW) for n in range(queries.METHOD_FINDINGS_MAX + 4)]
    assert queries.method_findings(many, {7: jun})[-1].message.startswith("4 more")


@pytest.mark.parametrize(
    ("tz", "at", "is_on", "day"),
    [
        ("Europe/Stockholm", "2026-03-02T08:59", True, None),
        ("Europe/Stockholm", "2026-03-02T09:00", True, "2026-03-02"),
        ("Europe/Stockholm", "2026-03-02T19:59", True, "2026-03-02"),
        ("Europe/Stockholm", "2026-03-02T20:00", True, None),
        ("Europe/Stockholm", "2026-03-02T09:00", False, None),
        # the day on which clocks go forward
        ("Europe/Stockholm", "2026-03-29T08:00", True, "2026-03-29"),
        ("Pacific/Auckland", "2026-03-01T21:00", True, "2026-03-02"),
        ("Mars/Olympus", "2026-03-02T10:00", True, "2026-03-02"),
    ],
)
def test_the_daily_test_comes_at_a_decent_hour(tz: str, at: str, is_on: bool, day: str | None) -> None:
    now = datetime.fromisoformat(at).replace(tzinfo=UTC)
    due = fallback_tests.day_of_test(tz, FallbackTestSettings(is_on, 10), now)
    assert (due and due.isoformat()) == day


def test_three_tests_without_a_confirmation_are_a_finding() -> None:
    tests = [
        ResponderTests(7, unconfirmed=2),
        ResponderTests(8, unconfirmed=3),
        ResponderTests(9, unconfirmed=9),
    ]
    findings = fallback_tests.findings(tests, {7: "Jun", 8: "Mara"})
    assert [each.id for each in findings] == ["N-FALLBACK:8"], "someone who left is no finding"
    for hour in (-1, 6, 21):
        with pytest.raises(Invalid):
            fallback_tests.check_hour(hour)
    assert fallback_tests.settings_of(None) == FallbackTestSettings(is_on=False)
    assert fallback_tests.settings_of({"is_on": True, "hour": 9}) == FallbackTestSettings(True, 9)
