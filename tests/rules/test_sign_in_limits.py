"""How failed sign-ins are counted, and which are audited."""

from datetime import timedelta

import pytest

from firebell.people.sessions.user_agents import describe
from firebell.people.sign_in import limits as sign_in_limits
from firebell.people.sign_in.limits import BUDGETS, Scope


def test_a_known_browser_has_its_own_budget() -> None:
    known = sign_in_limits.counters("mara@example.org", "10.0.0.1", "browser-1")
    assert [c.scope for c in known] == [Scope.DEVICE]
    assert known == sign_in_limits.counters("mara@example.org", "192.0.2.9", "browser-1")
    assert known != sign_in_limits.counters("mara@example.org", "10.0.0.1", "browser-2")
    assert known != sign_in_limits.counters("jun@example.org", "10.0.0.1", "browser-1")


def test_a_stranger_is_counted_by_account_and_by_address() -> None:
    one = sign_in_limits.counters("mara@example.org", "10.0.0.1", "")
    other = sign_in_limits.counters("mara@example.org", "10.0.0.2", "")
    assert [c.scope for c in one] == [Scope.ADDRESS, Scope.ACCOUNT]
    assert one[1] == other[1]
    assert one[0] != other[0]


def test_an_ipv6_host_does_not_have_a_budget_for_each_of_its_addresses() -> None:
    def address(text: str) -> bytes:
        return sign_in_limits.counters("mara@example.org", text, "")[0].subject

    assert address("2001:db8:1:2::1") == address("2001:db8:1:2:ffff::9")
    assert address("2001:db8:1:2::1") != address("2001:db8:1:3::1")
    assert address("::ffff:10.0.0.1") != address("::ffff:10.0.0.2")
    assert address("not an address") != address("")


def test_an_account_can_be_guessed_no_more_than_ten_times_an_hour_in_the_long_run() -> None:
    budget = BUDGETS[Scope.ACCOUNT]
    assert budget.burst == 10
    assert budget.refill_time == timedelta(hours=1)


@pytest.mark.parametrize(
    ("count", "audited"),
    [(0, False), (1, True), (2, False), (9, False), (10, True), (20, False), (100, True), (110, False)],
)
def test_a_burst_is_audited_at_1_10_100(count: int, audited: bool) -> None:
    assert sign_in_limits.is_audited(count) == audited


@pytest.mark.parametrize(
    ("address", "forwarded_for", "untrusted"),
    [
        ("172.18.0.3", "203.0.113.9", True),
        ("172.18.0.3", "203.0.113.9, 198.51.100.4", True),
        ("172.18.0.3", "", False),
        ("203.0.113.9", "203.0.113.9", False),
        ("192.168.1.5", "192.168.1.5", False),
        ("192.168.1.5", "192.168.1.5:41200", False),
        ("8.8.8.8", "203.0.113.9", False),
        ("", "203.0.113.9", False),
    ],
)
def test_a_proxy_that_is_not_trusted_is_noticed(address: str, forwarded_for: str, untrusted: bool) -> None:
    assert sign_in_limits.is_untrusted_proxy(address, forwarded_for) == untrusted


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
            " Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
            " Version/18.5 Mobile/15E148 Safari/604.1",
            "Safari on iPhone",
        ),
        ("python-httpx/0.28", "Unknown browser"),
        ("", "Unknown browser"),
    ],
)
def test_a_browser_has_a_short_name(user_agent: str, name: str) -> None:
    assert describe(user_agent) == name
