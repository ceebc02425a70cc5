"""Parses calendars in a child process that is killed if it takes too much time or memory."""

import json
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from firebell.kit import child_limits, child_process, public_holidays
from firebell.kit.errors import FirebellError, Invalid
from firebell.kit.localtime import to_instant
from firebell.oncall.calendars import busy_times, person_matching
from firebell.oncall.calendars.model import ImportedShift, KnownPerson, ReadResult, UnmatchedShift

READER_LIMIT_S = 20
_MEMORY_LIMIT_BYTES = 1024**3
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ParseJob:
    """How to read a calendar: shifts in `[a, b)` of known people, or the busy times of the person `busy`."""

    tz: str
    a: datetime
    b: datetime
    people: tuple[KnownPerson, ...] = ()
    busy: int | None = None
    country: str = ""
    subdivision: str = ""
    users: tuple[int, ...] = ()


def make(job: ParseJob, body: bytes) -> ReadResult:
    """Parse a calendar or look up public holidays; raise `Invalid` if it cannot be read."""
    if job.country:
        zone = ZoneInfo(job.tz)
        days = public_holidays.holidays_of(
            job.country, job.subdivision, job.a.astimezone(zone).date(), job.b.astimezone(zone).date()
        )
        holiday_shifts = []
        for day, name in days:
            start = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - wall time
            holiday_shifts.append(
                ImportedShift(to_instant(start, job.tz), to_instant(start + _DAY, job.tz), job.users, name)
            )
        return ReadResult(tuple(holiday_shifts), (), (), len(holiday_shifts))
    from firebell.oncall.calendars.ical_parser import read

    events, notes = read(body, job.tz, job.a, job.b, freebusy=job.busy is not None)
    if job.busy is not None:
        person = next((p for p in job.people if p.id == job.busy), None)
        busy = [
            ImportedShift(e.start, e.end, (job.busy,), e.title)
            for e in busy_times.busy_events(events, person)
        ]
        if not busy:
            notes.append("The calendar has no upcoming busy times.")
        return ReadResult(tuple(person_matching.flat(busy, job.a, job.b)), (), tuple(notes), len(events))
    if not events:
        notes.append("The calendar has no upcoming events, so it puts no one on call.")
    shifts, unmatched = person_matching.matched(events, job.people, job.a, job.b)
    return ReadResult(tuple(shifts), tuple(unmatched[:20]), tuple(notes), len(events))


async def made(job: ParseJob, body: bytes, limit_s: float = READER_LIMIT_S) -> ReadResult:
    """Run `make` in a child process within `limit_s`; raise `Invalid` if it fails."""
    job_json = json.dumps(asdict(job), default=datetime.isoformat).encode()
    try:
        out, exit_code = await child_process.output_of(
            "firebell.oncall.calendars.parser_process", job_json + b"\n" + body, limit_s
        )
    except TimeoutError:
        raise Invalid(f"Reading the calendar took longer than {limit_s:g} s.") from None
    if exit_code:
        raise Invalid("The calendar cannot be read: it needs too much time or memory.")
    answer = json.loads(out)
    if "error" in answer:
        raise Invalid(answer["error"])
    return ReadResult(
        tuple(
            ImportedShift(_at(s["start"]), _at(s["end"]), tuple(s["users"]), s["title"])
            for s in answer["shifts"]
        ),
        tuple(UnmatchedShift(_at(s["start"]), _at(s["end"]), s["title"]) for s in answer["unmatched"]),
        tuple(answer["notes"]),
        answer["events"],
    )


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _job(request: dict[str, Any]) -> ParseJob:
    known = tuple(KnownPerson(**p) for p in request["people"])
    return ParseJob(
        **{
            **request,
            "a": _at(request["a"]),
            "b": _at(request["b"]),
            "people": known,
            "users": tuple(request["users"]),
        }
    )


def main() -> None:
    """Read a job and a calendar from standard input; write the result as JSON to standard output."""
    child_limits.end_after(float(sys.argv[1]))
    child_limits.limit_memory(_MEMORY_LIMIT_BYTES)
    head, _, body = sys.stdin.buffer.read().partition(b"\n")
    try:
        answer: Any = asdict(make(_job(json.loads(head)), body))
    except FirebellError as error:
        answer = {"error": error.message}
    sys.stdout.write(json.dumps(answer, default=datetime.isoformat))


if __name__ == "__main__":
    main()
