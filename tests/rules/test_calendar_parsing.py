"""Imported calendars: what they mean, and which faults are handled."""

import itertools
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from firebell.kit import public_holidays
from firebell.kit.errors import Invalid
from firebell.oncall.calendars import busy_times
from firebell.oncall.calendars.ical_parser import MAX_COMPONENTS, ReadEvents, read
from firebell.oncall.calendars.model import MAX_CALENDAR_BYTES, CalendarEvent, ImportedShift, KnownPerson
from firebell.oncall.calendars.person_matching import flat, matched, onward, who
from firebell.oncall.model import Override, OverrideKind, Schedule

A = datetime(2026, 10, 19, tzinfo=UTC)
B = A + timedelta(days=180)
MARA, JUN = (
    KnownPerson(1, "Mara Lindqvist", "mara@example.org"),
    KnownPerson(2, "Jun Okafor", "jun@example.org"),
)
ZULU = "DTSTART:20261019T090000Z\nDTEND:20261020T090000Z"
BERLIN = "DTSTART;TZID=Europe/Berlin:20261019T090000\nDTEND;TZID=Europe/Berlin:20261020T090000"


def ics(*events: str, head: str = "") -> bytes:
    """Return a calendar of these events."""
    body = "".join(f"BEGIN:VEVENT\nSUMMARY:x\n{e}\nEND:VEVENT\n" for e in events)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\n{head}{body}END:VCALENDAR\n".replace("\n", "\r\n").encode()


def starts(occurrences: ReadEvents) -> list[str]:
    return [f"{e.start:%m-%dT%H:%M}" for e in occurrences[0]]


def taken(*events: str, head: str = "", tz: str = "Europe/Berlin") -> list[str]:
    return starts(read(ics(*events, head=head), tz, A, B))


def test_the_feed_of_a_peer_puts_its_person_on_duty() -> None:
    raw = (Path(__file__).parent / "calendars/feed.ics").read_bytes()
    events, notes = read(raw, "UTC", A, B)
    shifts, strays = matched(events, [KnownPerson(9, "Alice Ng", "alice@example.org")], A, B)
    start = datetime(2026, 11, 24, 8, tzinfo=UTC)
    assert shifts == [ImportedShift(start, start + timedelta(days=1), (9,), "On call alice")]
    assert (strays, notes) == ([], [])


WEEKLY = f"UID:1\nRRULE:FREQ=WEEKLY;COUNT=4\n{BERLIN}"


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([WEEKLY], ["10-19T07:00", "10-26T08:00", "11-02T08:00", "11-09T08:00"], id="over-dst"),
        pytest.param(
            [f"{WEEKLY}\nEXDATE;TZID=Europe/Berlin:20261026T090000"],
            ["10-19T07:00", "11-02T08:00", "11-09T08:00"],
            id="exdate",
        ),
        pytest.param(
            [f"{WEEKLY}\nRDATE;TZID=Europe/Berlin:20261021T090000"],
            ["10-19T07:00", "10-21T07:00", "10-26T08:00", "11-02T08:00", "11-09T08:00"],
            id="rdate",
        ),
        pytest.param(
            [
                WEEKLY,
                "UID:1\nRECURRENCE-ID;TZID=Europe/Berlin:20261102T090000\nDTSTART;TZID=Europe/Berlin:20261103T100000\n"
                "DTEND;TZID=Europe/Berlin:20261103T120000",
            ],
            ["10-19T07:00", "10-26T08:00", "11-03T09:00", "11-09T08:00"],
            id="one-moved",
        ),
        pytest.param(
            [
                WEEKLY,
                "UID:1\nRECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20261102T090000\n"
                "DTSTART;TZID=Europe/Berlin:20261102T110000\nDTEND;TZID=Europe/Berlin:20261102T120000",
            ],
            ["10-19T07:00", "10-26T08:00", "11-02T10:00", "11-09T10:00"],
            id="this-and-future",
        ),
        pytest.param(
            [
                WEEKLY,
                "UID:1\nSTATUS:CANCELLED\nRECURRENCE-ID;TZID=Europe/Berlin:20261102T090000\n"
                "DTSTART;TZID=Europe/Berlin:20261102T090000\nDTEND;TZID=Europe/Berlin:20261103T090000",
            ],
            ["10-19T07:00", "10-26T08:00", "11-09T08:00"],
            id="one-canceled",
        ),
        pytest.param([f"UID:1\nSTATUS:CANCELLED\n{ZULU}"], [], id="all-canceled"),
        pytest.param(
            [f"UID:1\nSEQUENCE:2\n{ZULU}", f"UID:1\nSEQUENCE:1\n{ZULU.replace('1019', '1018')}"],
            ["10-19T09:00"],
            id="highest-sequence",
        ),
        pytest.param(["UID:1\nDTSTART;VALUE=DATE:20261025"], ["10-24T22:00"], id="all-day"),
        pytest.param(["UID:1\nDTSTART:20261020T090000\nDTEND:20261020T100000"], ["10-20T07:00"], id="floating"),
        pytest.param(
            [f"UID:1\nRRULE:FREQ=WEEKLY;UNTIL=20261026T080000Z\n{BERLIN}"],
            ["10-19T07:00", "10-26T08:00"],
            id="until-utc",
        ),
        pytest.param(
            ["UID:1\nRRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=2\n"
             "DTSTART:20261030T090000Z\nDTEND:20261030T100000Z"],
            ["10-30T09:00", "11-30T09:00"],
            id="last-weekday",
        ),
        pytest.param(
            [f"UID:1\nRRULE:FREQ=WEEKLY;COUNT=2\n{BERLIN.replace('Europe/Berlin', 'W. Europe Standard Time')}"],
            ["10-19T07:00", "10-26T08:00"],
            id="windows-zone",
        ),
    ],
)  # fmt: skip
def test_what_a_calendar_means(events: list[str], expected: list[str]) -> None:
    assert taken(*events) == expected


def test_the_calendars_zone_is_for_times_without_one_alone() -> None:
    head = "X-WR-TIMEZONE:America/New_York\n"
    floating = "UID:1\nDTSTART:20261020T090000\nDTEND:20261020T100000"
    assert taken(floating, f"UID:2\nRRULE:FREQ=WEEKLY;COUNT=3\n{ZULU}", head=head) == [
        "10-19T09:00",
        "10-20T13:00",
        "10-26T09:00",
        "11-02T09:00",
    ]


def test_a_calendars_own_time_zone_is_used() -> None:
    zone = (
        "BEGIN:VTIMEZONE\nTZID:Office\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0300\n"
        "TZOFFSETTO:+0300\nEND:STANDARD\nEND:VTIMEZONE\n"
    )
    at = "UID:1\nDTSTART;TZID=Office:20261020T090000\nDTEND;TZID=Office:20261020T100000"
    assert taken(at, head=zone) == ["10-20T06:00"]


def test_hours_of_a_duration_are_exact_and_its_days_are_not() -> None:
    start = "DTSTART;TZID=Europe/Berlin:20261024T200000"
    events, _ = read(ics(f"UID:1\n{start}\nDURATION:PT12H", f"UID:2\n{start}\nDURATION:P1D"), "UTC", A, B)
    assert [e.end - e.start for e in events] == [timedelta(hours=12), timedelta(hours=25)]


def test_a_time_that_is_skipped_takes_the_offset_from_before() -> None:
    a = datetime(2026, 3, 1, tzinfo=UTC)
    skipped = (
        "UID:1\nDTSTART;TZID=America/New_York:20260308T023000\nDTEND;TZID=America/New_York:20260308T043000"
    )
    events, _ = read(ics(skipped), "UTC", a, a + timedelta(days=30))
    assert (events[0].start, events[0].end) == (
        datetime(2026, 3, 8, 7, 30, tzinfo=UTC),
        datetime(2026, 3, 8, 8, 30, tzinfo=UTC),
    )


DAILY = f"UID:1\nRRULE:FREQ=DAILY;COUNT=3\n{ZULU}"
DAYS = "UID:1\nRRULE:FREQ=WEEKLY;COUNT=3\nDTSTART;VALUE=DATE:20261019"


@pytest.mark.parametrize(
    ("series", "exdate", "expected", "reported"),
    [
        (DAILY, "EXDATE:20261020T090000Z", ["10-19T09:00", "10-21T09:00"], False),
        (DAILY, "EXDATE;TZID=Europe/Berlin:20261020T110000", ["10-19T09:00", "10-21T09:00"], False),
        (DAILY, "EXDATE:20261020T090001Z", ["10-19T09:00", "10-20T09:00", "10-21T09:00"], False),
        (DAILY, "EXDATE;VALUE=DATE:20261020", ["10-19T09:00", "10-21T09:00"], True),
        (DAILY, "EXDATE:", ["10-19T09:00", "10-20T09:00", "10-21T09:00"], True),
        (DAILY, "EXDATE:20261020T090000Z\nEXDATE:never", ["10-19T09:00", "10-21T09:00"], True),
        (DAYS, "EXDATE;VALUE=DATE:20261026", ["10-18T22:00", "11-01T23:00"], False),
        (DAYS, "EXDATE;TZID=Europe/Berlin:20261026T000000", ["10-18T22:00", "11-01T23:00"], True),
        (DAYS, "EXDATE;TZID=Europe/Berlin:20261026T093000", ["10-18T22:00", "11-01T23:00"], True),
        (DAYS, "EXDATE:20261026T000000Z", ["10-18T22:00", "11-01T23:00"], True),
        (DAYS, "EXDATE:20261025T230000Z", ["10-18T22:00", "11-01T23:00"], True),
    ],
)
def test_an_exception_of_another_type_means_its_day(
    series: str, exdate: str, expected: list[str], reported: bool
) -> None:
    result = read(ics(f"{series}\n{exdate}"), "Europe/Berlin", A, B)
    assert starts(result) == expected
    assert bool(result[1]) is reported


def test_the_highest_sequence_wins_for_one_occurrence_in_two_time_zones() -> None:
    def moved(which: str, sequence: int, hour: int) -> str:
        times = f"DTSTART:20261026T{hour}0000Z\nDTEND:20261026T{hour}3000Z"
        return f"UID:1\nSEQUENCE:{sequence}\nRECURRENCE-ID{which}\n{times}"

    zoned, zulu = ";TZID=Europe/Berlin:20261026T090000", ":20261026T080000Z"
    expected = ["10-19T07:00", "10-26T15:00", "11-02T08:00", "11-09T08:00"]
    assert taken(WEEKLY, moved(zulu, 2, 15), moved(zoned, 1, 12)) == expected
    assert taken(WEEKLY, moved(zulu, 1, 12), moved(zoned, 2, 15)) == expected


@pytest.mark.parametrize(
    ("rule", "start", "expected"),
    [
        ("FREQ=MONTHLY;COUNT=4;BYMONTHDAY=-1", "1031", ["10-31", "11-30", "12-31", "01-31"]),
        ("FREQ=MONTHLY;COUNT=4;BYDAY=1MO,-1FR", "1030", ["10-30", "11-02", "11-27", "12-07"]),
        ("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", "1020", ["10-20", "10-25", "11-03", "11-08"]),
        ("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", "1020", ["10-20", "11-01", "11-03", "11-15"]),
    ],
)
def test_the_parts_of_a_rule(rule: str, start: str, expected: list[str]) -> None:
    times = f"DTSTART:2026{start}T090000Z\nDTEND:2026{start}T100000Z"
    assert taken(f"UID:1\nRRULE:{rule}\n{times}") == [f"{day}T09:00" for day in expected]


@pytest.mark.parametrize(
    ("until", "last"),
    [
        ("20261026T080000Z", "10-26T08:00"),
        ("20261026T075959Z", "10-25T08:00"),
        # the letter wants an instant; a day is meant to the end
        ("20261026", "10-26T08:00"),
    ],
)
def test_until_in_utc_ends_a_series_of_a_zone_to_the_second(until: str, last: str) -> None:
    assert taken(f"UID:1\nRRULE:FREQ=DAILY;UNTIL={until}\n{BERLIN}")[-1] == last


def test_a_series_that_passes_to_another_person_from_a_day_on() -> None:
    head = "UID:1\nRECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:"
    jun = f"{head}20261026T090000\nSUMMARY:jun\n{BERLIN.replace('1020', '1027').replace('1019', '1026')}"
    end = f"{head}20261109T090000\nSTATUS:CANCELLED\n{BERLIN.replace('1020', '1110').replace('1019', '1109')}"
    events, notes = read(
        ics(WEEKLY, jun, end).replace(b"SUMMARY:x\r\nUID:1\r\nREC", b"UID:1\r\nREC"), "UTC", A, B
    )
    assert [(f"{e.start:%m-%d}", e.title) for e in events] == [
        ("10-19", "x"),
        ("10-26", "jun"),
        ("11-02", "jun"),
    ]
    assert notes == []


def test_a_windows_name_is_a_zone_for_floating_times_too() -> None:
    floating = "UID:1\nDTSTART:20261020T090000\nDTEND:20261020T100000"
    assert taken(floating, head="X-WR-TIMEZONE:Eastern Standard Time\n") == ["10-20T13:00"]


def test_hours_of_a_duration_are_exact_however_many_and_for_each_occurrence() -> None:
    start = "DTSTART;TZID=Europe/Berlin:20261023T200000"
    moved = "RECURRENCE-ID;TZID=Europe/Berlin:20261024T200000\nDTSTART;TZID=Europe/Berlin:20261024T200000"
    daily = f"RRULE:FREQ=DAILY;COUNT=3\n{start}"
    for events, expected in (
        ((f"UID:1\n{daily}\nDURATION:PT24H",), [24, 24, 24]),
        ((f"UID:1\n{daily}\nDURATION:P1D",), [24, 25, 24]),
        ((f"UID:1\n{daily}\nDURATION:P1D", f"UID:1\n{moved}\nDURATION:PT12H"), [24, 12, 24]),
        ((f"UID:1\n{start}\nDURATION:P1W",), [169]),
        ((f"UID:1\n{start}\nDURATION:P1DT26H",), [50]),
    ):
        events_read, _ = read(ics(*events), "UTC", A, B)
        assert [(e.end - e.start) / timedelta(hours=1) for e in events_read] == expected, events


EASTERN = (
    "BEGIN:VTIMEZONE\nTZID:Eastern Office\nBEGIN:STANDARD\nDTSTART:19701101T020000\n"
    "RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU\nTZOFFSETFROM:-0400\nTZOFFSETTO:-0500\nEND:STANDARD\n"
    "BEGIN:DAYLIGHT\nDTSTART:19700308T020000\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU\n"
    "TZOFFSETFROM:-0500\nTZOFFSETTO:-0400\nEND:DAYLIGHT\nEND:VTIMEZONE\n"
)


@pytest.mark.parametrize("zone", ["America/New_York", "Eastern Standard Time", "Eastern Office"])
@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("023000", "043000", ("07:30", "08:30")),
        ("013000", "023000", ("06:30", "07:30")),
        # the clock change leaves it no length, but it is still someone's shift
        ("023000", "033000", ("07:30", "08:30")),
        ("020000", "030000", ("07:00", "08:00")),
    ],
)
def test_a_time_that_is_skipped_is_no_hole(
    zone: str, start: str, end: str, expected: tuple[str, str]
) -> None:
    a = datetime(2027, 3, 1, tzinfo=UTC)
    head = EASTERN if zone == "Eastern Office" else ""
    rule = "RRULE:FREQ=WEEKLY;COUNT=2\n"
    times = f"DTSTART;TZID={zone}:{{0}}T{start}\nDTEND;TZID={zone}:{{0}}T{end}"
    for event in (f"UID:1\n{times.format(20270314)}", f"UID:1\n{rule}{times.format(20270307)}"):
        events, notes = read(ics(event, head=head), "UTC", a, a + timedelta(days=30))
        there = next(e for e in events if e.start.day == 14)
        assert (f"{there.start:%H:%M}", f"{there.end:%H:%M}") == expected
        assert notes == []


def test_turns_adjacent_in_local_time_stay_adjacent_when_the_clocks_change() -> None:
    events, _ = read(ics(f"UID:1\nRRULE:FREQ=DAILY;COUNT=12\n{BERLIN}"), "UTC", A, B)
    assert all(one.end == two.start for one, two in itertools.pairwise(events))


def test_a_zone_of_an_earlier_calendar_is_forgotten() -> None:
    event = "UID:1\nDTSTART;TZID=Eastern Office:20261020T090000\nDTEND;TZID=Eastern Office:20261020T100000"
    assert taken(event, head=EASTERN) == ["10-20T13:00"]
    assert "is unknown" in read(ics(event), "UTC", A, B)[1][0]


@pytest.mark.parametrize(
    ("event", "note"),
    [
        (
            "UID:1\nDTSTART;TZID=Mars/Phobos:20261024T200000\nDTEND;TZID=Mars/Phobos:20261024T210000",
            "Mars/Phobos",
        ),
        (f"UID:1\nRRULE:FREQ=SECONDLY\n{ZULU}", "more than once an hour"),
        (f"UID:1\nRRULE:FREQ=MINUTELY;INTERVAL=90\n{ZULU}", "more than once an hour"),
        ("UID:1\nRRULE:FREQ=HOURLY\nDTSTART:19700101T000000Z\nDTEND:19700101T010000Z", "hourly for too long"),
        (
            f"UID:1\nRRULE:FREQ=DAILY;BYHOUR={','.join(map(str, range(24)))};BYMINUTE=0,30\n{ZULU}",
            "once an hour",
        ),
        ("UID:1\nDTSTART:20261024T200000Z", "no length"),
        ("UID:1\nDTSTART:20261024T200000Z\nDTEND:20261023T200000Z", "no length"),
        ("UID:1\nDTSTART:garbage\nDTEND:20261023T200000Z", "cannot be read"),
        (f"UID:1\nRRULE:FREQ=SOMETIMES\n{ZULU}", "cannot be read"),
        (f"UID:1\nRECURRENCE-ID:garbage\n{ZULU}", ""),
        (f"UID:1\nRRULE:FREQ=WEEKLY;INTERVAL=0\n{ZULU}", "INTERVAL is less than 1"),
        ("UID:1\nRRULE:FREQ=DAILY", "cannot be read"),
        ("UID:1\nDTSTART:00010101T000000Z\nDTEND:99991231T235959Z\nRRULE:FREQ=YEARLY", ""),
    ],
)
def test_one_bad_event_is_reported_and_the_others_count(event: str, note: str) -> None:
    events, notes = read(ics(event, f"UID:2\n{ZULU}"), "UTC", A, B)
    assert "10-19T09:00" in starts((events, notes))
    assert not note or note in notes[0]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "does not start"),
        (b"<html>Sign in</html>", "does not start"),
        (ics(f"UID:1\n{ZULU}")[:-20], "incomplete"),
        (b"BEGIN:VCALENDAR\r\n" + b"X" * MAX_CALENDAR_BYTES, "larger than 5 MB"),
        (b"BEGIN:VCALENDAR\r\n" + b"BEGIN:VEVENT\r\n" * MAX_COMPONENTS + b"END:VCALENDAR", "components"),
        (ics(*(f"UID:{n}\nRRULE:FREQ=HOURLY\n{ZULU}" for n in range(2))), "more than 5000"),
    ],
)
def test_a_file_that_is_not_a_calendar_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        read(data, "UTC", A, B)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_the_encodings_that_people_send(encoding: str) -> None:
    raw = ics(f"UID:1\n{ZULU}").replace(b"SUMMARY:x", "SUMMARY:Zoë".encode()).decode()
    assert [e.title for e in read(raw.encode(encoding), "UTC", A, B)[0]] == ["Zoë"]


@pytest.mark.parametrize(
    ("title", "emails", "expected"),
    [
        ("anything", ("MARA@example.org", "jun@example.org"), (1, 2)),
        ("Jun Okafor", ("mara@example.org",), (1,)),
        ("Jun Okafor", ("nobody@example.org",), (2,)),
        ("On call: JUN OKAFOR (week 47)", (), (2,)),
        ("primary - jun", (), (2,)),
        ("jun@example.org takes it", (), (2,)),
        ("juniper", (), ()),
        ("jun.b@elsewhere.org", (), ()),
        ("Mara Lindqvist and Jun Okafor", (), ()),
        ("mara for jun", (), ()),
        ("Holiday", (), ()),
    ],
)
def test_who_an_event_is_about(title: str, emails: tuple[str, ...], expected: tuple[int, ...]) -> None:
    assert who(CalendarEvent(A, B, title, emails), [MARA, JUN]) == expected


def test_an_ambiguous_name_matches_no_one() -> None:
    assert (
        who(CalendarEvent(A, B, "Mara Lindqvist"), [MARA, KnownPerson(3, "Mara Lindqvist", "m2@example.org")])
        == ()
    )


def hours(start: int, end: int, *users: int, title: str = "x") -> ImportedShift:
    return ImportedShift(A + timedelta(hours=start), A + timedelta(hours=end), users, title)


def test_events_at_the_same_time_put_both_on_duty() -> None:
    assert flat([hours(0, 4, 1), hours(2, 6, 2), hours(6, 8, 2)], A, A + timedelta(hours=7)) == [
        hours(0, 2, 1),
        hours(2, 4, 1, 2),
        hours(4, 7, 2),
    ]


def test_the_past_is_never_rewritten() -> None:
    now = A + timedelta(hours=3)
    before = [hours(0, 2, 1), hours(2, 6, 1, title="y")]
    assert onward(before, [hours(0, 9, 2)], now) == [
        hours(0, 2, 1),
        hours(2, 3, 1, title="y"),
        hours(3, 9, 2),
    ]
    assert onward(before, before, now) == before
    assert onward(before, [], now) == [hours(0, 2, 1), hours(2, 3, 1, title="y")]


def test_on_duty_while_busy_is_a_conflict() -> None:
    end = A + timedelta(hours=4)
    schedule = Schedule(1, "P", "UTC", (), (Override(1, 1, A, end, OverrideKind.SET, (1, 2)),), slug="p")
    clash = busy_times.conflicts([schedule], [hours(3, 9, 2, title="flight"), hours(5, 6, 1)], A, B)
    assert [(c.person_id, c.schedule, c.start, c.end, c.title) for c in clash] == [
        (2, "p", A + timedelta(hours=3), end, "flight")
    ]


def test_public_holidays_of_a_country_and_of_a_part_of_it() -> None:
    march = date(2026, 3, 1), date(2026, 4, 1)
    assert public_holidays.holidays_of("DE", "", *march) == []
    assert [d for d, _ in public_holidays.holidays_of("DE", "BE", *march)] == [date(2026, 3, 8)]
    turn = public_holidays.holidays_of("FR", "", date(2026, 12, 25), date(2027, 1, 2))
    assert [d for d, _ in turn] == [date(2026, 12, 25), date(2027, 1, 1)]
    assert public_holidays.holidays_of("FR", "", date(2026, 12, 25), date(2026, 12, 25)) == []
    with pytest.raises(Invalid, match="no public holidays"):
        public_holidays.of_year("XX", "", 2026)
    with pytest.raises(Invalid) as error:
        public_holidays.of_year("DE", "XX", 2026)
    assert "BE" in error.value.fields["subdivision"]
