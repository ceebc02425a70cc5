"""Health of one process, with a clock that is moved by hand."""

from firebell.kit.process_health import (
    ELSEWHERE_AGE_S,
    FAILING_LIMIT_S,
    FETCH_LIMIT_S,
    REFUSAL_AGE_S,
    HealthWarning,
    ProcessFinding,
    ProcessHealth,
)


class Seconds:
    def __init__(self) -> None:
        self.passed = 0.0

    def __call__(self) -> float:
        return self.passed


def test_a_lane_that_stops_passing_is_unhealthy_until_it_passes_again() -> None:
    seconds = Seconds()
    health = ProcessHealth(seconds)
    health.watch("send", 60)
    seconds.passed = 60
    assert health.lanes() == {"send": ""}
    seconds.passed = 61
    assert health.lanes()["send"]
    health.passed("send")
    assert health.lanes() == {"send": ""}


def test_a_lane_that_fails_is_unhealthy_sooner_but_not_at_once() -> None:
    seconds = Seconds()
    health = ProcessHealth(seconds)
    health.watch("send", 60)
    health.failed("send", "UndefinedColumnError")
    assert health.lanes() == {"send": ""}
    seconds.passed = FAILING_LIMIT_S + 1
    assert "UndefinedColumnError" in health.lanes()["send"]
    health.passed("send")
    seconds.passed += FAILING_LIMIT_S + 1
    assert health.lanes() == {"send": ""}


def test_what_refuses_senders_is_named_until_something_is_stored_or_a_minute_is_over() -> None:
    seconds = Seconds()
    health = ProcessHealth(seconds)
    assert health.refusal() == ""
    health.refused("full")
    assert health.refusal() == "full"
    health.stored()
    assert health.refusal() == ""
    health.refused("full")
    seconds.passed = REFUSAL_AGE_S + 1
    assert health.refusal() == ""


def test_a_process_without_a_worker_has_no_lanes() -> None:
    health = ProcessHealth()
    health.passed("send")
    health.failed("send", "x")
    assert health.lanes() == {}


def test_answers_that_cannot_be_fetched_are_noted_after_20_s_until_a_fetch_succeeds() -> None:
    seconds = Seconds()
    health = ProcessHealth(seconds)
    health.fetch_started("matrix")
    health.fetch_started("telegram")
    health.fetch_settled("telegram")
    seconds.passed = FETCH_LIMIT_S - 1
    assert health.unfetched() == {}
    # a fetch that begins after one that failed counts from the first
    health.fetch_started("matrix")
    seconds.passed = FETCH_LIMIT_S
    assert health.unfetched() == {"matrix": "Nothing could be fetched for 20 s."}
    health.fetch_settled("matrix")
    assert health.unfetched() == {}
    health.fetch_started("matrix")
    assert health.unfetched() == {}


def test_what_another_process_knew_is_not_shown_forever_while_nothing_can_be_read() -> None:
    seconds = Seconds()
    health = ProcessHealth(seconds)
    finding = ProcessFinding("lane send", "Fails.", HealthWarning("The worker’s send lane is stalled."))
    health.record_elsewhere([finding])
    seconds.passed = ELSEWHERE_AGE_S
    assert list(health.elsewhere()) == [finding]
    seconds.passed += 1
    assert list(health.elsewhere()) == []
    health.record_elsewhere([finding])
    assert list(health.elsewhere()) == [finding]
