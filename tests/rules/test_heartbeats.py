"""Heartbeats, without a database: rhythms, states, addresses and pings among alerts (spec 9.8)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.alerts.model import Event, EventKind, InboundRequest
from firebell.heartbeats import alert_events, alert_pings, cron, durations, rules, settings_checks
from firebell.heartbeats.alert_pings import WatchingHeartbeat
from firebell.heartbeats.inbound import PingAddress, is_ping, read_address
from firebell.heartbeats.model import (
    Expectation,
    Heartbeat,
    HeartbeatSettings,
    HeartbeatState,
    NewPing,
    PingKind,
    Reception,
)
from firebell.heartbeats.rules import Signal
from firebell.heartbeats.settings_checks import SettingsInput
from firebell.kit import matchers
from firebell.kit.errors import Invalid

START = datetime(2026, 11, 29, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
GRACE = 5 * MINUTE
LISTENING = Reception(START - timedelta(days=1), START)
DOWN, LATE, UP, NEW = HeartbeatState.DOWN, HeartbeatState.LATE, HeartbeatState.UP, HeartbeatState.NEW


def listening(now: datetime) -> Reception:
    return replace(LISTENING, recorded_at=now)


def heartbeat(**expectation: object) -> Heartbeat:
    fields = {"period": HOUR, "grace": GRACE, **expectation}
    return Heartbeat(1, 2, 3, "settlement", HeartbeatSettings(Expectation(**fields)), START)  # type: ignore[arg-type]


def ping(
    one: Heartbeat, now: datetime, kind: PingKind = PingKind.SUCCESS
) -> tuple[Heartbeat, rules.Transition]:
    transition = rules.after_ping(one, NewPing(kind), listening(now), now)
    return replace(one, progress=transition.progress), transition


def wait(
    one: Heartbeat, now: datetime, reception: Reception | None = None
) -> tuple[Heartbeat, rules.Transition]:
    transition = rules.after_time(one, reception or listening(now), now)
    return replace(one, progress=transition.progress), transition


@pytest.mark.parametrize(
    ("text", "after", "zone", "expected"),
    [
        ("* * * * *", "2026-11-29T12:00:30Z", "UTC", "2026-11-29T12:01:00Z"),
        ("*/15 * * * *", "2026-11-29T12:15:00Z", "UTC", "2026-11-29T12:30:00Z"),
        ("0 2 * * *", "2026-11-29T01:59:59Z", "Europe/Stockholm", "2026-11-30T01:00:00Z"),
        ("0 9-17/4 * * mon-fri", "2026-11-27T13:30:00Z", "UTC", "2026-11-27T17:00:00Z"),
        ("0 9-17/4 * * mon-fri", "2026-11-27T17:00:00Z", "UTC", "2026-11-30T09:00:00Z"),
        ("30 4 1,15 * 5", "2026-11-29T00:00:00Z", "UTC", "2026-12-01T04:30:00Z"),
        ("30 4 1,15 * 5", "2026-12-01T04:30:00Z", "UTC", "2026-12-04T04:30:00Z"),
        ("0 0 29 2 *", "2026-11-29T00:00:00Z", "UTC", "2028-02-29T00:00:00Z"),
        ("0 0 * * 7", "2026-11-29T12:00:00Z", "UTC", "2026-12-06T00:00:00Z"),
        ("@daily", "2026-11-29T12:00:00Z", "UTC", "2026-11-30T00:00:00Z"),
        # 02:30 is skipped in March and comes twice in October
        ("30 2 * * *", "2026-03-28T12:00:00Z", "Europe/Berlin", "2026-03-29T01:00:00Z"),
        ("30 2 * * *", "2026-10-24T12:00:00Z", "Europe/Berlin", "2026-10-25T00:30:00Z"),
        ("30 2 * * *", "2026-10-25T00:30:00Z", "Europe/Berlin", "2026-10-26T01:30:00Z"),
    ],
)
def test_a_cron_expression_means_instants(text: str, after: str, zone: str, expected: str) -> None:
    assert cron.next_after(cron.parse(text), datetime.fromisoformat(after), zone) == datetime.fromisoformat(
        expected
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "* * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "5-1 * * * *",
        "*/0 * * * *",
        "0 0 31 2 *",
        "@never",
        "a * * * *",
        "1,,2 * * * *",
        "* * * * * *",
        "٣ * * * *",
        f"{'1,' * 200}1 * * * *",
    ],
)
def test_an_invalid_cron_expression_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(cron.CronError, match=r"\w"):
        cron.parse(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90 s", 90),
        ("5min", 300),
        ("5 m", 300),
        ("1h30m", 5400),
        ("1 h 30 min", 5400),
        ("2 D", 172_800),
        ("1w", 604_800),
    ],
)
def test_a_length_is_read_and_written(text: str, seconds: int) -> None:
    length = durations.parse(text, "grace")
    assert length.total_seconds() == seconds
    assert durations.parse(durations.written(length), "grace") == length


@pytest.mark.parametrize(
    "text", ["", "5", "h", "-5 min", "1.5 h", "5 years", "٥ min", "99999999 s", "9999999w" * 20]
)
def test_an_invalid_duration_is_refused_at_its_field(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        durations.parse(text, "grace")
    assert list(refused.value.fields) == ["grace"]


def test_silence_is_late_then_down_and_a_ping_resolves_it() -> None:
    one, at_first = ping(heartbeat(), START)
    assert (one.progress.state, at_first.signals, at_first.next_at) == (UP, (), START + HOUR)
    one, late = wait(one, START + HOUR)
    assert (one.progress.state, late.signals, late.next_at) == (LATE, (), START + HOUR + GRACE)
    one, down = wait(one, START + HOUR + GRACE)
    assert (one.progress.state, down.signals, down.next_at) == (
        DOWN,
        (Signal.MISSED,),
        START + 2 * HOUR + 2 * GRACE,
    )
    one, again = wait(one, START + 2 * HOUR + GRACE)
    assert again.signals == (), "no further ping is missing"
    one, back = ping(one, START + 5 * HOUR)
    assert (one.progress.state, back.signals, back.next_at) == (UP, (Signal.RECOVERED,), START + 6 * HOUR)


def test_nothing_is_expected_before_the_first_ping_but_a_day_without_one_is_a_finding() -> None:
    one, transition = wait(heartbeat(), START + timedelta(days=400))
    assert (one.progress.state, transition.signals, transition.next_at) == (NEW, (), None)
    assert rules.never_pinged([one], START + 24 * HOUR) == [one]
    assert rules.never_pinged([one], START + 24 * HOUR - MINUTE) == []
    assert rules.never_pinged([ping(one, START)[0]], START + 24 * HOUR) == []


def test_a_failure_fires_at_once_and_only_success_ends_it() -> None:
    one, failed = ping(ping(heartbeat(), START)[0], START + MINUTE, PingKind.FAIL)
    assert (one.progress.state, failed.signals, failed.next_at) == (
        DOWN,
        (Signal.FAILED,),
        START + MINUTE + HOUR + GRACE,
    )
    one, started = ping(one, START + 2 * MINUTE, PingKind.START)
    assert (one.progress.state, started.signals) == (DOWN, ())
    one, failed = ping(one, START + 3 * MINUTE, PingKind.FAIL)
    assert (failed.signals, failed.duration) == ((Signal.FAILED,), MINUTE)
    assert one.progress.down_since == START + MINUTE
    assert ping(one, START + 4 * MINUTE)[1].signals == (Signal.RECOVERED,)


def test_a_run_may_take_as_long_as_it_may_and_is_then_stuck() -> None:
    one, _ = ping(heartbeat(max_runtime=2 * HOUR), START)
    one, started = ping(one, START + 50 * MINUTE, PingKind.START)
    assert started.next_at == START + 50 * MINUTE + 2 * HOUR - GRACE
    one, running = wait(one, START + 2 * HOUR)
    assert (one.progress.state, running.signals) == (UP, ())
    one, stuck = wait(one, START + 50 * MINUTE + 2 * HOUR)
    assert (stuck.signals, one.progress.is_stuck, one.is_expired) == (
        (Signal.STUCK, Signal.MISSED),
        True,
        True,
    )
    one, ended = ping(one, START + 3 * HOUR)
    assert ended.signals == (Signal.ENDED, Signal.RECOVERED)
    assert (one.progress.last_duration, one.is_expired) == (130 * MINUTE, False)


def test_a_job_that_dies_in_every_run_pages_although_it_starts_again_and_again() -> None:
    one, _ = ping(heartbeat(max_runtime=2 * HOUR), START)
    signals: list[Signal] = []
    for hours in range(1, 12):
        one, started = ping(one, START + hours * HOUR, PingKind.START)
        one, waited = wait(one, START + hours * HOUR + 30 * MINUTE)
        signals += [*started.signals, *waited.signals]
    assert signals == [Signal.MISSED] * 3
    assert one.progress.state is DOWN


@pytest.mark.parametrize(
    ("expectation", "after_s"),
    [
        ({"period": MINUTE}, 15 * 60),
        ({"period": 24 * HOUR}, 24 * 3600 + 300),
        ({"period": None, "cron": "* * * * *"}, 15 * 60),
        ({"period": None, "cron": "0 3 * * *"}, 24 * 3600),
    ],
)
def test_what_stays_down_is_reported_after_each_further_period(
    expectation: dict[str, object], after_s: int
) -> None:
    one, _ = ping(heartbeat(**expectation), START)
    now = rules.deadline(one, listening(START), START)
    assert now is not None
    one, down = wait(one, now)
    for _ in range(3):
        assert down.next_at == now + timedelta(seconds=after_s)
        started, _ = ping(one, now + MINUTE, PingKind.START)
        assert wait(started, now + timedelta(seconds=after_s - 1))[1].signals == ()
        one, down = wait(started, now := down.next_at)
        assert down.signals == (Signal.MISSED,)
    assert ping(one, now)[1].signals == (Signal.RECOVERED,)


def test_a_run_that_began_in_time_pages_no_one_about_the_failure_before_it() -> None:
    one, _ = ping(heartbeat(period=24 * HOUR, max_runtime=2 * HOUR), START)
    one, _ = ping(one, START + MINUTE, PingKind.FAIL)
    today = START + MINUTE + 24 * HOUR
    one, started = ping(one, today, PingKind.START)
    assert started.next_at == today + 2 * HOUR
    one, running = wait(one, today + HOUR)
    assert running.signals == ()
    assert ping(one, today + HOUR)[1].signals == (Signal.RECOVERED,)
    one, dead = wait(one, today + 2 * HOUR)
    assert dead.signals != ()


def test_a_new_period_begins_when_the_settings_of_a_dead_heartbeat_change() -> None:
    one, _ = wait(ping(heartbeat(period=24 * HOUR), START)[0], START + 24 * HOUR + GRACE)
    now = START + 27 * HOUR
    settings = replace(one.settings, expectation=replace(one.settings.expectation, period=HOUR))
    changed = rules.changed(replace(one, settings=settings), listening(now), now)
    assert (changed.signals, changed.next_at) == ((), now + HOUR + GRACE)


@pytest.mark.parametrize("limit", [None, 3 * HOUR])
def test_a_run_is_no_longer_stuck_once_it_may_take_longer(limit: timedelta | None) -> None:
    one, _ = ping(heartbeat(max_runtime=10 * MINUTE), START, PingKind.START)
    one, stuck = wait(one, START + 10 * MINUTE)
    assert stuck.signals == (Signal.STUCK,)
    settings = replace(one.settings, expectation=replace(one.settings.expectation, max_runtime=limit))
    now = START + 11 * MINUTE
    changed = rules.changed(replace(one, settings=settings), listening(now), now)
    assert (changed.signals, changed.progress.is_stuck) == ((Signal.ENDED,), False)


def test_what_stays_stuck_is_reported_after_each_further_period() -> None:
    one, _ = ping(heartbeat(max_runtime=10 * MINUTE), START)
    one, _ = ping(one, START + HOUR - MINUTE, PingKind.START)
    now = START + HOUR + 9 * MINUTE
    one, stuck = wait(one, now)
    assert stuck.signals == (Signal.STUCK,)
    one, _ = ping(one, now + 50 * MINUTE, PingKind.START)
    due = now + HOUR + GRACE
    one, again = wait(one, due)
    assert (again.signals, one.progress.reported_at) == ((Signal.STUCK,), due)


def test_what_was_down_before_our_outage_has_its_grace_before_it_is_reported_again() -> None:
    one, _ = wait(ping(heartbeat(), START)[0], START + HOUR + GRACE)
    back = START + 4 * HOUR
    one, waiting = wait(one, back, Reception(START - HOUR, START + 3 * HOUR))
    assert (waiting.signals, waiting.next_at) == ((), back + GRACE)
    assert wait(one, back + GRACE, Reception(back, back + GRACE))[1].signals == (Signal.MISSED,)


def test_the_start_of_a_run_without_a_limit_is_a_sign_of_life() -> None:
    one, _ = ping(heartbeat(), START)
    one, started = ping(one, START + 59 * MINUTE, PingKind.START)
    assert started.next_at == START + 119 * MINUTE


def test_a_pause_ends_what_fires_and_the_next_period_begins_at_its_end() -> None:
    one, _ = wait(ping(heartbeat(), START)[0], START + 2 * HOUR)
    paused = rules.paused(one, START + 5 * HOUR, START + 2 * HOUR)
    assert (paused.signals, paused.next_at) == ((Signal.RECOVERED,), START + 5 * HOUR)
    one = replace(one, progress=paused.progress)
    assert rules.deadline(one, listening(START), START) is None
    one, silent = wait(one, START + 4 * HOUR)
    assert silent.signals == ()
    failed, recorded = ping(one, START + 4 * HOUR, PingKind.FAIL)
    assert (recorded.signals, failed.progress.pings) == ((), 2)
    one, over = wait(one, START + 5 * HOUR)
    assert (one.is_paused, one.progress.state, over.next_at) == (False, UP, START + 6 * HOUR)
    assert wait(one, START + 6 * HOUR + GRACE)[1].signals == (Signal.MISSED,)


def test_a_restart_never_pages_for_silence_that_is_ours() -> None:
    one, _ = ping(heartbeat(), START)
    back = START + HOUR + 10 * MINUTE
    # the record is old: Firebell has just come back
    one, waiting = wait(one, back, Reception(START - HOUR, START + 10 * MINUTE))
    assert (waiting.signals, waiting.next_at) == ((), back + GRACE)
    since_then = Reception(back, back + GRACE - timedelta(seconds=1))
    assert wait(one, back + GRACE, since_then)[1].signals == (Signal.MISSED,), "the sender had its grace"
    assert rules.after_time(one, None, back + GRACE).signals == (), "nothing was ever recorded"


def test_changed_settings_page_no_one_at_once() -> None:
    one, _ = ping(heartbeat(), START)
    now = START + 30 * MINUTE
    shorter = replace(one, settings=HeartbeatSettings(Expectation(period=MINUTE, grace=MINUTE)))
    changed = rules.changed(shorter, listening(now), now)
    assert changed.next_at == now + MINUTE


MOMENTS = st.lists(
    st.tuples(st.integers(1, 4000), st.sampled_from([None, *PingKind])), min_size=1, max_size=30
)


@given(MOMENTS, st.sampled_from([None, 20 * MINUTE]))
def test_every_alert_that_ends_has_fired_and_silence_always_fires(
    moments: list[tuple[int, PingKind | None]], max_runtime: timedelta | None
) -> None:
    one, now, is_firing, is_stuck = heartbeat(max_runtime=max_runtime), START, False, False
    reported_at = START
    for seconds, kind in moments:
        now += timedelta(seconds=seconds)
        one, transition = wait(one, now) if kind is None else ping(one, now, kind)
        for signal in transition.signals:
            assert signal is not Signal.RECOVERED or is_firing
            if kind is None and signal in (Signal.MISSED, Signal.FAILED) and is_firing:
                assert now - reported_at >= HOUR, "no period has passed"
            assert signal is not Signal.ENDED or is_stuck
            is_firing = signal in (Signal.MISSED, Signal.FAILED) or (
                is_firing and signal is not Signal.RECOVERED
            )
            is_stuck = signal is Signal.STUCK or (is_stuck and signal is not Signal.ENDED)
        reported_at = one.progress.reported_at or now
        assert is_firing == (one.progress.state is DOWN)
        assert is_stuck == one.progress.is_stuck
        assert transition.next_at is not None or not one.is_expired, "silence is never forgotten"
        assert kind is not None or transition.next_at is None or transition.next_at > now
        assert wait(one, now)[0] == wait(wait(one, now)[0], now)[0], "idempotent"
    if one.progress.armed_at is not None:
        one, _ = wait(one, now + timedelta(days=1))
        assert one.is_expired


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (b"/in/k/heartbeat", PingAddress("k", "")),
        (b"/in/k/heartbeat/", PingAddress("k", "")),
        (b"/in/k/heartbeat/job", PingAddress("k", "job")),
        (b"/in/k/heartbeat/job/start", PingAddress("k", "job", PingKind.START)),
        (b"/in/k/heartbeat/job/fail/", PingAddress("k", "job", PingKind.FAIL)),
        (b"/in/k/heartbeat/job/0", PingAddress("k", "job", PingKind.SUCCESS, 0)),
        (b"/in/k/heartbeat/job/137", PingAddress("k", "job", PingKind.FAIL, 137)),
        (b"/in/k/heartbeat/db%2Fdump%20%F0%9F%94%A5/fail", PingAddress("k", "db/dump 🔥", PingKind.FAIL)),
        (b"/in/k/heartbeat/job/256", None),
        (b"/in/k/heartbeat/job/-1", None),
        (b"/in/k/heartbeat/job/stop", None),
        (b"/in/k/heartbeat/job/start/now", None),
        (b"/in/k/heartbeat/job%00", None),
    ],
)
def test_an_address_says_what_is_reported(path: bytes, expected: PingAddress | None) -> None:
    assert read_address(path) == expected
    assert is_ping(path.decode())


def test_addresses_of_other_senders_are_no_pings() -> None:
    assert not any(map(is_ping, ("/in/k/generic", "/in/heartbeat", "/in/k/heartbeats", "/v2/heartbeat", "/")))


@given(st.binary(max_size=60))
def test_any_path_is_read(tail: bytes) -> None:
    address = read_address(b"/in/k/heartbeat/" + tail)
    assert address is None or address.key == "k"


@pytest.mark.parametrize("name", ["", "start", "FAIL", "0", "255", "..", "x" * 101, "\x00"])
def test_a_name_that_an_address_cannot_have_is_refused(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        settings_checks.checked_name(name)
    assert list(refused.value.fields) == ["name"]


@pytest.mark.parametrize(
    ("entered", "fields"),
    [
        (SettingsInput(), {"period"}),
        (SettingsInput(period=HOUR, cron="* * * * *"), {"period"}),
        (SettingsInput(period=timedelta(seconds=59), grace=timedelta(seconds=29)), {"period", "grace"}),
        (
            SettingsInput(period=timedelta(days=367), max_runtime=timedelta(days=31)),
            {"period", "max_runtime"},
        ),
        (SettingsInput(cron="61 * * * *", time_zone="Mars/Base"), {"cron", "time_zone"}),
        (SettingsInput(period=HOUR, severity="loud", alert_title="x" * 201), {"severity", "alert_title"}),
        (SettingsInput(period=HOUR, matchers="severity"), {"matchers"}),
        (SettingsInput(period=HOUR, matchers='{team!="x"}'), {"matchers"}),
        (SettingsInput(period=HOUR, labels={str(n): "x" for n in range(21)}), {"labels"}),
    ],
)
def test_every_wrong_setting_is_named_at_its_field(entered: SettingsInput, fields: set[str]) -> None:
    with pytest.raises(Invalid) as refused:
        settings_checks.checked(entered)
    assert set(refused.value.fields) == fields


def test_alerts_of_a_heartbeat_share_a_key_that_fires_and_resolves() -> None:
    one, _ = ping(heartbeat(max_runtime=HOUR), START)
    kinds = {signal: alert_events.request_of(one, [signal], START + HOUR).incoming[0] for signal in Signal}
    assert {event.dedup_key for s, event in kinds.items() if s not in (Signal.STUCK, Signal.ENDED)} == {
        "heartbeat:settlement"
    }
    assert kinds[Signal.STUCK].dedup_key == kinds[Signal.ENDED].dedup_key == "heartbeat:settlement:stuck"
    assert {s for s, event in kinds.items() if event.kind is EventKind.RESOLVED} == {
        Signal.RECOVERED,
        Signal.ENDED,
    }
    bodies = {alert_events.request_of(one, [Signal.FAILED], START + n * MINUTE).body for n in range(3)}
    assert len(bodies) == 3, "two failures are never one that was delivered twice"


def test_only_matching_alerts_are_pings() -> None:
    watching = [WatchingHeartbeat(7, 2, matchers.parse('{alertname="Watchdog"}'))]
    watchdog = Event(EventKind.FIRING, "w", "Watchdog", labels={"alertname": "Watchdog"})
    ended, other = replace_kind(watchdog, EventKind.RESOLVED), Event(EventKind.FIRING, "d", "Disk full")
    received = InboundRequest(3, 2, "alertmanager", b"{}", (watchdog, other))
    rest, pinged = alert_pings.split(received, watching)
    assert (rest.incoming, rest.body, pinged) == ((other,), b"{}", [7])
    assert alert_pings.split(msgspec.structs.replace(received, incoming=(ended,)), watching) == (
        msgspec.structs.replace(received, incoming=()),
        [],
    )
    broken = msgspec.structs.replace(received, error="not JSON")
    assert alert_pings.split(broken, watching) == (broken, [])


def replace_kind(event: Event, kind: EventKind) -> Event:
    return Event(kind, event.dedup_key, event.title, labels=event.labels)
