"""The figures of the filled post-mortems are those of their timelines and tables."""

import re
from datetime import datetime, timedelta

import pytest

from firebell.kit.handbook_files import skill

SEV0, NEAR_MISS, SEV1 = (
    skill(f"examples/postmortem-{name}.md") for name in ("sev0", "near-miss", "template")
)
_ROW = re.compile(r"^\| (\d{4}-\d\d-\d\d \d\d:\d\d) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def at(text: str, fragment: str) -> datetime:
    """Return the time of the one line of the timeline that has these words."""
    times = [time for time, who, what in _ROW.findall(text) if fragment in f"{who}: {what}"]
    assert len(times) == 1, f"{len(times)} lines have {fragment!r}"
    return datetime.strptime(times[0], "%Y-%m-%d %H:%M")  # noqa: DTZ007 - all of them are UTC


def span(text: str) -> timedelta:
    """Return a duration such as `9 days 8 h 20 min`."""
    parts = {unit: int(number) for number, unit in re.findall(r"(\d+) (days?|h|min)\b", text)}
    days = parts.get("days", parts.get("day", 0))
    return timedelta(days=days, hours=parts.get("h", 0), minutes=parts.get("min", 0))


def claimed(text: str, label: str) -> timedelta:
    """Return the duration in the list of an impact."""
    match = re.search(rf"^- {label}: (\d.*)$", text, re.MULTILINE)
    assert match, label
    return span(match[1])


def count(text: str, pattern: str) -> int:
    match = re.search(pattern, text)
    assert match, pattern
    return int(match[1].replace(",", ""))


@pytest.mark.parametrize("text", [SEV0, NEAR_MISS, SEV1], ids=["sev0", "near miss", "sev1"])
def test_the_lines_of_a_timeline_are_in_order(text: str) -> None:
    times = [time for time, _, _ in _ROW.findall(text)]
    assert len(times) > 5
    assert times == sorted(times)


@pytest.mark.parametrize(
    ("label", "start", "end"),
    [
        ("Start of impact to detection", "The rule goes live", "PG-940"),
        ("Detected to declared", "PG-940", "Declares SEV0"),
        ("Detected to end of impact", "PG-940", "The cache is cleared"),
        ("Declared to closed", "Declares SEV0", "Closed after"),
        ("Length of impact", "The rule goes live", "The cache is cleared"),
    ],
)
def test_the_durations_of_the_sev0_are_those_of_its_timeline(label: str, start: str, end: str) -> None:
    assert claimed(SEV0, label) == at(SEV0, end) - at(SEV0, start)


@pytest.mark.parametrize(
    ("label", "start", "end"),
    [
        ("Detected to declared", "fires after five minutes", "Declares SEV1"),
        ("Detected to end of impact", "fires after five minutes", "Build 4811 is back"),
        ("Declared to closed", "Declares SEV1", "Closed after"),
    ],
)
def test_the_durations_of_the_sev1_are_those_of_its_timeline(label: str, start: str, end: str) -> None:
    assert claimed(SEV1, label) == at(SEV1, end) - at(SEV1, start)


def test_the_other_figures_of_the_sev0_add_up() -> None:
    stable = count(SEV0, r"Closed after (\d+) stable")
    assert timedelta(minutes=stable) == at(SEV0, "Closed after") - at(SEV0, "Resolved;")
    assert stable >= 30
    first_report, page = at(SEV0, "Writes to support"), at(SEV0, "PG-940")
    assert timedelta(minutes=count(SEV0, r"What let (\d+) minutes pass between")) == page - first_report
    post = at(SEV0, "Status page:") - at(SEV0, "Declares SEV0")
    assert timedelta(minutes=count(SEV0, r"post came (\d+) minutes after the declaration")) == post
    assert post < timedelta(minutes=15)

    pages, wrong = count(SEV0, r"served ([\d,]+) invoice pages"), count(SEV0, r"cache, and (\d+) of those")
    assert f"{100 * wrong / pages:.1f}% of all invoice pages" in SEV0
    countries = [
        int(n) for n in re.findall(r"^\| (?:Germany|France|Sweden) \| (\d+) \|$", SEV0, re.MULTILINE)
    ]
    assert len(countries) == 3
    assert sum(countries) == count(SEV0, r"\| Total \| (\d+) \|") == count(SEV0, r"(\d+) customers had an")
    by_email, by_phone = count(SEV0, r"(\d+) by email"), count(SEV0, r"(\d+) by phone")
    assert by_email + by_phone == count(SEV0, r"Support had (\d+) conversations")


def test_the_legal_clock_of_the_sev0_is_counted_from_awareness() -> None:
    aware = at(SEV0, "Declares SEV0")
    assert f"aware since {aware:%H:%M}" in SEV0
    due = aware + timedelta(hours=72)
    assert f"due on {due.day} {due:%B} at {due:%H:%M}" in SEV0
    match = re.search(r"authority, (.+?) after becoming aware", SEV0)
    assert match
    assert span(match[1]) == at(SEV0, "Notifies the supervisory authority") - aware < timedelta(hours=72)


def test_the_figures_of_the_near_miss_add_up() -> None:
    first, discovered = at(NEAR_MISS, "First nightly run"), at(NEAR_MISS, "finds the empty file")
    restored = at(NEAR_MISS, "Has restored it")
    assert claimed(NEAR_MISS, "First empty backup to discovery") == discovered - first
    assert claimed(NEAR_MISS, "Discovery to a restored and counted backup") == restored - discovered
    nights = (at(NEAR_MISS, "Ninth empty file") - first).days + 1
    assert nights == count(NEAR_MISS, r"Nights without a usable backup: (\d+)") == 9
    at_risk = nights * count(NEAR_MISS, r"At ([\d,]+) orders a day")
    assert f"that is {at_risk:,} orders" in NEAR_MISS
    assert at(NEAR_MISS, "stops the deletion") - discovered == timedelta(minutes=11)


@pytest.mark.parametrize("text", [SEV0, NEAR_MISS], ids=["sev0", "near miss"])
def test_every_action_has_an_owner_a_date_and_a_link_and_one_is_strong(text: str) -> None:
    actions = text.partition("### Action items")[2].partition("\n\n##")[0]
    rows = re.findall(
        r"^\| ([A-Z][^|]+) \| ([^|]+) \| (\d{4}-\d\d-\d\d) \| (\w+) \| ([A-Z]+-\d+) \|$",
        actions,
        re.MULTILINE,
    )
    assert len(rows) >= 2
    assert len(rows) == actions.count("\n|") - 2
    assert {row[3] for row in rows} <= {"eliminate", "automate", "guard", "warn", "document"}
    assert {row[3] for row in rows} & {"eliminate", "automate"}
