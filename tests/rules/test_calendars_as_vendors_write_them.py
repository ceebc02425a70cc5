"""Calendars as Exchange, iCloud and others write them: no one who was removed is on call."""

from datetime import UTC, datetime, timedelta

import pytest

from firebell.oncall.calendars.ical_parser import read
from firebell.oncall.calendars.model import ImportedShift, KnownPerson
from firebell.oncall.calendars.parser_process import ParseJob, make
from firebell.oncall.calendars.person_matching import matched

START = datetime(2026, 11, 28, tzinfo=UTC)
END = START + timedelta(days=30)
ADA, BOB = KnownPerson(1, "Ada Byron", "ada@example.org"), KnownPerson(2, "Bob Noyce", "bob@example.org")
TIMED = "DTSTART:20261201T090000Z\nDTEND:20261201T170000Z"


def calendar(*components: str) -> bytes:
    text = "".join(c if c.startswith("BEGIN") else f"BEGIN:VEVENT\n{c}\nEND:VEVENT\n" for c in components)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\n{text}END:VCALENDAR\n".replace("\n", "\r\n").encode()


def shifts(*components: str) -> list[str]:
    """Return who is on call from when, such as `12-01 ada`."""
    events, _ = read(calendar(*components), "UTC", START, END)
    return [
        f"{s.start:%m-%d} {'+'.join('ada' if u == 1 else 'bob' for u in s.users)}"
        for s in matched(events, [ADA, BOB], START, END)[0]
    ]


def test_a_day_that_exchange_took_out_of_an_all_day_series_is_bobs_alone() -> None:
    series = (
        "UID:1\nSUMMARY:ada\nDTSTART;VALUE=DATE:20261201\nDTEND;VALUE=DATE:20261202\n"
        "RRULE:FREQ=DAILY;COUNT=4\nEXDATE;TZID=W. Europe Standard Time:20261202T000000\n"
        "EXDATE;TZID=W. Europe Standard Time:20261203T000000,20261204T000000"
    )
    cover = "UID:2\nSUMMARY:bob\nDTSTART;VALUE=DATE:20261202\nDTEND;VALUE=DATE:20261205"
    assert shifts(series, cover) == ["12-01 ada", "12-02 bob"]


@pytest.mark.parametrize(
    "which", ["RECURRENCE-ID;VALUE=DATE:20261202", "RECURRENCE-ID;TZID=Europe/Berlin:20261202T090000"]
)
def test_an_occurrence_of_a_timed_series_that_is_changed_by_its_day_changes_hands(which: str) -> None:
    start = "DTSTART;TZID=Europe/Berlin:{0}T090000\nDTEND;TZID=Europe/Berlin:{0}T170000"
    series = f"UID:1\nSUMMARY:ada\n{start.format(20261201)}\nRRULE:FREQ=DAILY;COUNT=3"
    change = f"UID:1\nSUMMARY:bob\n{which}\n{start.format(20261202)}"
    assert shifts(series, change) == ["12-01 ada", "12-02 bob", "12-03 ada"]


def test_an_occurrence_of_an_all_day_series_that_is_changed_by_a_time_changes_hands() -> None:
    series = "UID:1\nSUMMARY:ada\nDTSTART;VALUE=DATE:20261201\nRRULE:FREQ=DAILY;COUNT=3"
    change = "UID:1\nSUMMARY:bob\nRECURRENCE-ID:20261202T000000Z\nDTSTART;VALUE=DATE:20261202"
    assert shifts(series, change) == ["12-01 ada", "12-02 bob", "12-03 ada"]


@pytest.mark.parametrize(
    ("series", "added"),
    [
        (f"UID:1\nSUMMARY:ada\n{TIMED}\nRDATE;VALUE=DATE:20261205", datetime(2026, 12, 5, 9, tzinfo=UTC)),
        (
            "UID:1\nSUMMARY:ada\nDTSTART;VALUE=DATE:20261201\nRDATE:20261205T000000Z",
            datetime(2026, 12, 5, tzinfo=UTC),
        ),
    ],
)
def test_a_day_that_is_added_to_a_series_is_worked_like_the_others(series: str, added: datetime) -> None:
    events, notes = read(calendar(series), "UTC", START, END)
    assert [e.start for e in events][1:] == [added]
    assert len({e.end - e.start for e in events}) == 1
    assert len(notes) == 1


@pytest.mark.parametrize(
    ("title", "attendees", "expected"),
    [
        ("On call", "ATTENDEE;PARTSTAT=DECLINED:mailto:ada@example.org", []),
        ("bob", "ATTENDEE;PARTSTAT=DECLINED:mailto:ada@example.org", ["12-01 bob"]),
        # her own answer counts more than the title of the event
        ("ada", "ATTENDEE;PARTSTAT=DECLINED:mailto:ada@example.org", []),
        ("On call", "ATTENDEE;PARTSTAT=delegated:mailto:ada@example.org", []),
        (
            "On call",
            "ATTENDEE;CN=Ada;PARTSTAT=DECLINED:mailto:ada@example.org\n"
            "ATTENDEE;CN=Bob;PARTSTAT=ACCEPTED:mailto:bob@example.org",
            ["12-01 bob"],
        ),
        (
            "On call",
            "ATTENDEE;ROLE=NON-PARTICIPANT:mailto:ada@example.org\nATTENDEE:mailto:bob@example.org",
            ["12-01 bob"],
        ),
        ("On call", "ATTENDEE;PARTSTAT=TENTATIVE:mailto:ada@example.org", ["12-01 ada"]),
        (
            "On call",
            'ATTENDEE;CN="Ada";EMAIL="ada@example.org";PARTSTAT=ACCEPTED:/aMTIzNDU2Nzg5/principal/',
            ["12-01 ada"],
        ),
        ("On call", "ATTENDEE;CN=Ada:ada@example.org", ["12-01 ada"]),
        ("On call", "ATTENDEE:mailto:ada%40example.org", ["12-01 ada"]),
        ("On call", "ATTENDEE:MAILTO:Ada@Example.org?subject=On%20call", ["12-01 ada"]),
        ("On call", "ATTENDEE:urn:uuid:0000", []),
        ("bob", "ATTENDEE:urn:uuid:0000", ["12-01 bob"]),
    ],
)
def test_participants_of_an_event_are_on_call(title: str, attendees: str, expected: list[str]) -> None:
    assert shifts(f"UID:1\nSUMMARY:{title}\n{TIMED}\n{attendees}") == expected


def test_two_events_that_share_a_uid_are_both_on_call() -> None:
    other = TIMED.replace("20261201", "20261202")
    assert shifts(f"UID:1\nSUMMARY:ada\n{TIMED}", f"UID:1\nSUMMARY:bob\n{other}") == [
        "12-01 ada",
        "12-02 bob",
    ]
    assert shifts(f"UID:1\nSUMMARY:ada\n{TIMED}", f"UID:1\nSUMMARY:bob\n{TIMED}") == ["12-01 ada+bob"]
    _, notes = read(
        calendar(f"UID:1\nSUMMARY:ada\n{TIMED}", f"UID:1\nSUMMARY:bob\n{other}"), "UTC", START, END
    )
    assert len(notes) == 2


def test_versions_of_one_event_are_one_shift() -> None:
    old, new = (
        f"UID:1\nSUMMARY:{n}\n{TIMED}\nDTSTAMP:2026112{d}T000000Z" for n, d in (("ada", 0), ("bob", 1))
    )
    assert shifts(old, new) == shifts(new, old) == ["12-01 bob"]
    raised = f"UID:1\nSEQUENCE:1\nSUMMARY:bob\n{TIMED.replace('20261201', '20261203')}"
    assert shifts(f"UID:1\nSUMMARY:ada\n{TIMED}", raised) == ["12-03 bob"]


def test_a_change_belongs_to_the_series_that_it_lies_in() -> None:
    early = f"UID:1\nSUMMARY:ada\n{TIMED}\nRRULE:FREQ=DAILY;COUNT=2"
    late = early.replace("20261201", "20261210")
    change = f"UID:1\nSUMMARY:bob\nRECURRENCE-ID:20261211T090000Z\n{TIMED.replace('20261201', '20261211')}"
    assert shifts(early, late, change) == ["12-01 ada", "12-02 ada", "12-10 ada", "12-11 bob"]


def test_an_all_day_event_that_ends_on_its_own_day_lasts_that_day() -> None:
    events, notes = read(
        calendar("UID:1\nSUMMARY:ada\nDTSTART;VALUE=DATE:20261201\nDTEND;VALUE=DATE:20261201"),
        "UTC",
        START,
        END,
    )
    assert [(e.start.day, e.end.day) for e in events] == [(1, 2)]
    assert notes == []


BUSY_JOB = ParseJob("UTC", START, END, (ADA, BOB), busy=1)


def test_what_i_declined_does_not_make_me_busy() -> None:
    mine = f"UID:1\nSUMMARY:Flight\n{TIMED}\nATTENDEE;PARTSTAT={{}}:mailto:ada@example.org"
    assert make(BUSY_JOB, calendar(mine.format("DECLINED"))).shifts == ()
    assert len(make(BUSY_JOB, calendar(mine.format("ACCEPTED"))).shifts) == 1


def test_a_calendar_of_free_and_busy_times_makes_me_busy() -> None:
    free_busy = (
        "BEGIN:VFREEBUSY\nUID:1\nDTSTAMP:20261127T000000Z\nDTSTART:20261201T000000Z\nDTEND:20270101T000000Z\n"
        "FREEBUSY;FBTYPE=BUSY:20261205T100000Z/20261205T180000Z,20261206T100000Z/PT2H\n"
        "FREEBUSY;FBTYPE=FREE:20261207T100000Z/PT2H\nEND:VFREEBUSY\n"
    )
    fifth = datetime(2026, 12, 5, 10, tzinfo=UTC)
    sixth = datetime(2026, 12, 6, 10, tzinfo=UTC)
    made = make(BUSY_JOB, calendar(free_busy))
    assert made.shifts == (
        ImportedShift(fifth, fifth + timedelta(hours=8), (1,), "Busy"),
        ImportedShift(sixth, sixth + timedelta(hours=2), (1,), "Busy"),
    )
    assert made.notes == ()


@pytest.mark.parametrize("job", [BUSY_JOB, ParseJob("UTC", START, END, (ADA, BOB))])
def test_a_calendar_without_shifts_is_reported(job: ParseJob) -> None:
    past = f"UID:1\nSUMMARY:ada\n{TIMED.replace('2026', '2020')}"
    for body in (calendar(past), calendar()):
        made = make(job, body)
        assert made.shifts == ()
        assert len(made.notes) == 1
