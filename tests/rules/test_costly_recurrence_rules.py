"""Recurrence rules of imported calendars that match seldom or never, or cost much."""

import pytest

from firebell.oncall.calendars.ical_parser import read
from firebell.oncall.calendars.parser_process import READER_LIMIT_S
from tests.rules.test_calendar_parsing import ZULU, A, B, ics, starts
from tests.stopwatch import stopwatch


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=3",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;UNTIL=20280101T000000Z",
        "FREQ=YEARLY;INTERVAL=2;BYMONTH=2;BYMONTHDAY=29",
        "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6",
        "FREQ=DAILY;INTERVAL=7;BYDAY=WE",
    ],
)
@pytest.mark.parametrize(
    "start",
    [
        "DTSTART:20250301T090000Z\nDTEND:20250301T100000Z",
        "DTSTART;TZID=Europe/Berlin:20250301T090000\nDURATION:PT1H",
        "DTSTART;VALUE=DATE:20250301",
    ],
)
def test_an_event_that_never_recurs_does_not_cost_the_other_events_of_its_calendar(
    rule: str, start: str
) -> None:
    events, notes = read(ics(f"UID:1\n{start}\nRRULE:{rule}", f"UID:2\n{ZULU}"), "UTC", A, B)
    assert starts((events, notes)) == ["10-19T09:00"]
    assert notes == ["x: no date matches its recurrence rule, so only its first date counts."]


def test_many_events_that_never_recur_are_read_in_time() -> None:
    rules = ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30")
    never = [f"UID:{n}\nRRULE:{rule}\n{ZULU}" for n in range(5) for rule in rules]
    with stopwatch() as watch:
        events, _ = read(ics(*never, f"UID:other\n{ZULU}"), "UTC", A, B)
    assert len(events) == len(never) + 1
    assert watch.seconds < READER_LIMIT_S / 2


@pytest.mark.parametrize(
    ("start", "rule"),
    [
        ("20260101T100000Z", "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30"),
        ("20260101T100000Z", "FREQ=HOURLY;BYMONTH=2;BYSETPOS=2"),
        ("20260101T100000Z", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"),
        ("00010101T100000Z", "FREQ=DAILY;BYMONTH=6"),
        ("00010101T100000Z", f"FREQ=DAILY;BYMONTH=6;BYHOUR={','.join(map(str, range(24)))}"),
        ("20160101T100000Z", "FREQ=HOURLY;BYMONTH=6"),
    ],
)
def test_dozens_of_costly_rules_take_no_one_off_call_in_the_rest_of_a_calendar(start: str, rule: str) -> None:
    costly = [f"UID:{n}\nDTSTART:{start}\nDURATION:PT1H\nRRULE:{rule}" for n in range(60)]
    rota = [
        f"UID:plain\n{ZULU}",
        f"UID:daily\nRRULE:FREQ=DAILY;COUNT=2\n{ZULU}",
        f"UID:weekly\nRRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;COUNT=2\n{ZULU}",
        f"UID:monthly\nRRULE:FREQ=MONTHLY;BYDAY=3MO;COUNT=2\n{ZULU}",
        f"UID:hourly\nRRULE:FREQ=HOURLY;INTERVAL=12;COUNT=2\n{ZULU}",
    ]
    with stopwatch() as watch:
        events, notes = read(ics(*costly, *rota), "UTC", A, B)
        alone, _ = read(ics(*rota), "UTC", A, B)
    assert [e for e in events if e in alone] == alone
    assert any("x: its recurrence rule takes too long" in note for note in notes)
    assert watch.seconds < READER_LIMIT_S * 0.6


def test_hundreds_of_old_daily_series_take_no_one_off_call() -> None:
    old = [
        f"UID:{n}\nDTSTART:19990101T100000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;UNTIL=19990301T000000Z"
        for n in range(400)
    ]
    since_2001 = "UID:s\nDTSTART:20010101T000000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY"
    events, notes = read(ics(*old, since_2001, since_2001.replace("UID:s", "UID:t")), "UTC", A, B)
    assert (len(events), notes) == (360, [])


@pytest.mark.parametrize(
    ("rule", "start"),
    [
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "20240229"),
        ("FREQ=YEARLY;INTERVAL=4;BYMONTH=2;BYMONTHDAY=29", "16040301"),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=5", "19990101"),
        ("FREQ=YEARLY;BYYEARDAY=366", "20250101"),
        ("FREQ=YEARLY;BYWEEKNO=53;BYDAY=SU", "20250101"),
        ("FREQ=YEARLY;COUNT=1", "99990101"),
    ],
)
def test_a_recurrence_that_is_rare_stays(rule: str, start: str) -> None:
    _, notes = read(ics(f"UID:1\nDTSTART;VALUE=DATE:{start}\nRRULE:{rule}"), "UTC", A, B)
    assert notes == []
