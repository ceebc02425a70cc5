"""Meetings about a document, and their clock (pure, spec 11.7)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from firebell.postmortems.meeting.agenda import MeetingPart, agenda

HELD_FROM = timedelta(minutes=10)
"""How long a meeting lasts at least to count as held."""
ATTENDEES_FROM = 2


@dataclass(frozen=True, slots=True)
class MeetingAttendee:
    """A person who took part."""

    person_id: int
    name: str
    joined_at: datetime


@dataclass(frozen=True, slots=True)
class ParkedQuestion:
    """A question that is left for later."""

    id: int
    text: str
    actor: str
    at: datetime


@dataclass(frozen=True, slots=True)
class PostmortemMeeting:
    """A meeting about a document: running, held, or not held for a reason.

    `part` counts from 0. Seconds of pauses are those that ended; a pause that lasts began at `paused_at`.
    """

    id: int
    postmortem_id: int
    minutes: int
    facilitator_id: int | None
    scribe_id: int | None
    started_at: datetime
    part: int
    part_started_at: datetime
    part_extra_s: int
    part_paused_s: int
    paused_s: int
    paused_at: datetime | None
    row_at: int
    ended_at: datetime | None
    not_held_reason: str
    recorded_by: str
    attendees: Sequence[MeetingAttendee] = ()
    parked: Sequence[ParkedQuestion] = ()

    @property
    def is_running(self) -> bool:
        """True until someone ends it."""
        return self.ended_at is None

    @property
    def parts(self) -> tuple[MeetingPart, ...]:
        """The parts; none for a meeting that was held elsewhere."""
        return agenda(self.minutes)

    @property
    def present_part(self) -> MeetingPart | None:
        """The part that is on."""
        return self.parts[self.part] if self.part < len(self.parts) else None

    def is_led_by(self, person_id: int | None) -> bool:
        """Return True for the facilitator and the scribe, who have the controls."""
        return person_id is not None and person_id in (self.facilitator_id, self.scribe_id)

    def resumed(self, now: datetime) -> "PostmortemMeeting":
        """Return the meeting with its pause ended, itself if it is not paused."""
        if self.paused_at is None:
            return self
        # a clock that was set back must not make a pause negative
        seconds = max(0, round((now - self.paused_at).total_seconds()))
        return replace(
            self,
            paused_at=None,
            paused_s=self.paused_s + seconds,
            part_paused_s=self.part_paused_s + seconds,
        )

    def elapsed(self, now: datetime) -> timedelta:
        """Return how long the meeting has lasted, without its pauses; never negative."""
        until = self.ended_at or self.paused_at or now
        return max(timedelta(), until - self.started_at - timedelta(seconds=self.paused_s))

    def part_ends_at(self, now: datetime) -> datetime | None:
        """Return when the time of the present part ends, as if a pause ended now; None without a part."""
        part = self.present_part
        if part is None:
            return None
        pause = now - self.paused_at if self.paused_at else timedelta()
        length = timedelta(minutes=part.minutes, seconds=self.part_extra_s + self.part_paused_s)
        return self.part_started_at + length + max(timedelta(), pause)

    def part_share(self, now: datetime) -> int:
        """Return how much of the time of the present part is used, in percent, at most 100."""
        part, ends_at = self.present_part, self.part_ends_at(now)
        if part is None or ends_at is None:
            return 100
        length = timedelta(minutes=part.minutes, seconds=self.part_extra_s)
        return min(100, max(0, round(100 * (1 - (ends_at - now) / length))))

    def behind(self, now: datetime) -> timedelta:
        """Return how far the meeting is behind its agenda; negative if it is ahead."""
        part, ends_at = self.present_part, self.part_ends_at(now)
        if part is None or ends_at is None:
            return timedelta()
        planned = timedelta(minutes=sum(each.minutes for each in self.parts[: self.part + 1]))
        left = max(timedelta(), ends_at - now)
        return self.elapsed(now) + left - planned

    @property
    def counts(self) -> bool:
        """True if it is evidence that the meeting was held: at least 10 minutes and two people, and it is over."""
        if self.ended_at is None or self.not_held_reason:
            return False
        return self.elapsed(self.ended_at) >= HELD_FROM and len(self.attendees) >= ATTENDEES_FROM

    def person_minutes(self, now: datetime) -> int:
        """Return the minutes of all who took part, each from joining to the end; pauses count for no one."""
        end = self.ended_at or now
        length = self.elapsed(end)
        total = sum(
            (min(length, max(timedelta(), end - one.joined_at)) for one in self.attendees), timedelta()
        )
        return round(total.total_seconds() / 60)


def is_settled(meetings: Sequence[PostmortemMeeting]) -> bool:
    """Return True if a document needs no meeting anymore: one counts, or it was decided not to hold it."""
    return any(each.counts or each.not_held_reason for each in meetings)
