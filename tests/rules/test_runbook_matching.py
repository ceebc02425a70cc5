"""Which runbooks a page shows: the class of the match, then how specific it is, then how good the runbook is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.alerts.model import LabeledAlert
from firebell.runbooks import coverage
from firebell.runbooks.library_checks import broad, untested
from firebell.runbooks.matching import (
    MatchClass,
    ServiceFacts,
    Signal,
    links,
    match,
    rank,
    shares,
    slug_of,
)
from firebell.runbooks.model import IndexEntry

URL = "https://firebell.example.org"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SERVICE = ServiceFacts("checkout", "Checkout", f"{URL}/runbooks/of-service", ("ledger-db",))
SIGNAL = Signal(
    {"alertname": "Slow", "severity": "critical", "title": "Slow"}, f"{URL}/runbooks/of-alert#steps"
)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (IndexEntry("of-alert", ""), MatchClass.ALERT_LINK),
        (IndexEntry("a", "", ('{alertname="Slow"}',)), MatchClass.TRIGGER),
        (IndexEntry("of-service", ""), MatchClass.SERVICE_LINK),
        (IndexEntry("a", "", ('{alertname="Fast"}',), ("checkout",)), MatchClass.SERVICE_LISTED),
        (IndexEntry("a", "", (), ("ledger-db",)), MatchClass.DEPENDENCY),
        (IndexEntry("a", "", ('{alertname="Fast"}',), ("search",)), None),
        (IndexEntry("a", "", ("not a trigger",)), None),
    ],
)
def test_each_reason_to_show_a_runbook_has_its_class(entry: IndexEntry, expected: MatchClass | None) -> None:
    closest = match(SIGNAL, SERVICE, entry, URL)
    assert (closest.match_class if closest else None) == expected


ORDERED = [
    IndexEntry("of-alert", ""),
    IndexEntry("two", "", ('{alertname="Slow",severity="critical"}',)),
    IndexEntry("exercised", "", ('{alertname="Slow"}',), last_exercised=NOW),
    IndexEntry("earlier", "", ('{alertname="Slow"}',), last_exercised=NOW - timedelta(days=1)),
    IndexEntry("b", "", ('{alertname="Slow"}',)),
    IndexEntry("c", "", ('{alertname="Slow"}',)),
    IndexEntry("broken", "", ('{alertname="Slow"}',), errors=1, last_exercised=NOW),
    IndexEntry("of-service", ""),
    IndexEntry("listed", "", (), ("checkout",)),
    IndexEntry("below", "", (), ("ledger-db",)),
]


@given(st.permutations(ORDERED))
def test_the_order_never_depends_on_the_order_of_the_library(entries: list[IndexEntry]) -> None:
    assert [m.entry for m in rank([SIGNAL], SERVICE, entries, URL)] == ORDERED


def test_at_most_three_are_shown_and_addresses_elsewhere_count() -> None:
    ranked = rank([SIGNAL], SERVICE, ORDERED, URL)
    assert [link.url for link in links([SIGNAL], SERVICE, ranked, URL)] == [
        f"{URL}/runbooks/{slug}" for slug in ("of-alert", "two", "exercised")
    ]
    elsewhere = replace(SIGNAL, runbook_url="https://wiki.example.org/slow")
    service = replace(SERVICE, runbook_url="https://wiki.example.org/checkout")
    ranked = rank([elsewhere, elsewhere], service, ORDERED[-2:], URL)
    assert [
        (link.url, link.is_elsewhere) for link in links([elsewhere, elsewhere], service, ranked, URL)
    ] == [
        ("https://wiki.example.org/slow", True),
        ("https://wiki.example.org/checkout", True),
        (f"{URL}/runbooks/listed", False),
    ]


@pytest.mark.parametrize("url", ["", "javascript:alert(1)", "runbooks/x", "ftp://example.org/x"])
def test_an_invalid_web_address_is_never_a_link(url: str) -> None:
    assert links([Signal({}, url)], ServiceFacts(), [], URL) == []


@pytest.mark.parametrize(
    ("url", "slug"),
    [
        (f"{URL}/runbooks/disk-full", "disk-full"),
        (f"{URL}/runbooks/disk-full/?a=b#c", "disk-full"),
        (f"{URL}/runbooks/%C3%BCber", "über"),
        (f"{URL}.evil.example/runbooks/x", ""),
        ("https://other.example/runbooks/x", ""),
    ],
)
def test_the_slug_of_an_address(url: str, slug: str) -> None:
    assert slug_of(url, URL) == slug


def test_a_trigger_is_too_broad_above_30_percent_of_enough_alerts() -> None:
    signals = [Signal({"n": str(i), "env": "production"}) for i in range(20)]
    matched = shares(['{env="production"}', '{n=~"[0-5]"}', '{n=~"[0-6]"}'], signals)
    assert matched == {'{env="production"}': 1.0, '{n=~"[0-5]"}': 0.3, '{n=~"[0-6]"}': 0.35}
    assert [f.code for f in broad(matched)] == ["R-BROAD", "R-BROAD"]
    assert shares(['{env="production"}'], signals[:19]) == {}


def test_a_runbook_is_untested_after_180_days_or_if_it_never_ran() -> None:
    recently, long_ago = NOW - timedelta(days=180), NOW - timedelta(days=181)
    for exercised, created in (
        (recently, None),
        (recently, long_ago),
        (None, recently),
        (long_ago, recently),
    ):
        assert list(untested(exercised, created, NOW)) == []
    for exercised, created in ((None, None), (long_ago, None), (None, long_ago), (long_ago, long_ago)):
        assert [f.code for f in untested(exercised, created, NOW)] == ["R-UNTESTED"]


def test_the_preview_and_the_rules_without_a_runbook() -> None:
    def alert(number: int, rule: str, service: str = "search", url: str = "") -> LabeledAlert:
        return LabeledAlert(number, service, f"{rule} on {number}", "critical", {"alertname": rule}, url, NOW)

    alerts = [alert(5, "Slow"), alert(4, "Full"), alert(3, "Full"), alert(2, "Up", url="https://w.example")]
    alerts.append(alert(1, "Cold", service="cache"))
    assert [a.id for a in coverage.preview(['{alertname=~"Full|Up"}'], alerts)] == [4, 3, 2]
    entries = [IndexEntry("a", "", ('{alertname="Slow"}',))]
    rules = coverage.uncovered_rules(alerts, {"cache": "https://w.example"}, entries, URL, 5)
    assert [(r.name, r.alerts, r.last_id) for r in rules] == [("Full", 2, 4)]
