"""The API of post-mortem meetings."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from firebell.kit.references import parse_ref
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Id, Instant, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.postmortems.meeting import actions, queries
from firebell.postmortems.meeting.actions import ATTENDEES_MAX, PARKED_MAX_CHARS, TEXT_MAX_CHARS
from firebell.postmortems.meeting.model import PostmortemMeeting

router = api.router("post-mortems", "/post-mortems/{ref}/meetings")

Reader = Annotated[Work, work(Verb.POSTMORTEM_READ)]
Writer = Annotated[Work, work(Verb.POSTMORTEM_WRITE)]


class MeetingPartShown(ApiOutput):
    """A part of the agenda."""

    key: str
    title: str
    minutes: int
    sentence: Annotated[str, Field(description="what the facilitator says")]


class AttendeeShown(ApiOutput):
    """A person who took part."""

    person_id: int
    name: str
    joined_at: datetime


class ParkedShown(ApiOutput):
    """A question that is left for later."""

    id: int
    text: str
    by: str


class MeetingShown(ApiOutput):
    """A meeting; `part` counts from 0, and `part_ends_at` is for clients that count down."""

    id: int
    state: Literal["running", "paused", "held", "too short", "not held"]
    minutes: int
    started_at: datetime
    ended_at: datetime | None
    lasted_s: Annotated[int, Field(description="without pauses")]
    person_minutes: Annotated[int, Field(description="the minutes of all who took part")]
    facilitator_id: int | None
    scribe_id: int | None
    part: int
    part_ends_at: datetime | None
    parts: list[MeetingPartShown]
    attendees: list[AttendeeShown]
    parked: list[ParkedShown]
    not_held_reason: str


class NewMeeting(ApiInput):
    """A meeting that begins now, led by the caller."""

    minutes: Literal[30, 60] = 60
    scribe_id: Id | None = None


class RecordedMeeting(ApiInput):
    """A meeting that was held elsewhere."""

    started_at: Instant
    minutes: Annotated[int, Field(ge=1, le=actions.RECORDED_MINUTES_MAX)]
    attendee_ids: Annotated[list[Id], Field(min_length=1, max_length=ATTENDEES_MAX)]
    facilitator_id: Id | None = None


class NoMeeting(ApiInput):
    """Why no meeting is held."""

    reason: Annotated[Text, Field(min_length=1, max_length=PARKED_MAX_CHARS)]


class MeetingChange(ApiInput):
    """A change of the running meeting; what is absent stays."""

    part: Annotated[int | None, Field(ge=0, le=20)] = None
    from_part: Annotated[
        int | None, Field(ge=0, le=20, description="advance only if this is the current part")
    ] = None
    extend: Annotated[bool, Field(description="give the part two more minutes")] = False
    paused: bool | None = None
    row: Annotated[int | None, Field(ge=0, lt=10_000, description="row of the timeline, from 0")] = None
    lead: Annotated[Literal["facilitator", "scribe"] | None, Field(description="take this role")] = None
    attendee_ids: Annotated[list[Id], Field(default_factory=list, max_length=ATTENDEES_MAX)]
    park: Annotated[Text, Field(max_length=PARKED_MAX_CHARS, description="a question for later")] = ""
    ended: bool = False


class MeetingNote(ApiInput):
    """What was said, for a section of the document; with `kind`, an answer in the tree of whys."""

    section: Annotated[Text, Field(max_length=200, examples=["what-went-well"])]
    text: Annotated[Text, Field(min_length=1, max_length=TEXT_MAX_CHARS)]
    kind: Literal["why", "root", "open"] | None = None
    parent_line: Annotated[int | None, Field(ge=0, description="line of the section, from 0")] = None


def _state(meeting: PostmortemMeeting) -> Literal["running", "paused", "held", "too short", "not held"]:
    if meeting.is_running:
        return "paused" if meeting.paused_at else "running"
    if meeting.not_held_reason:
        return "not held"
    return "held" if meeting.counts else "too short"


def _shown(meeting: PostmortemMeeting, now: datetime) -> MeetingShown:
    return MeetingShown(
        id=meeting.id,
        state=_state(meeting),
        minutes=meeting.minutes,
        started_at=meeting.started_at,
        ended_at=meeting.ended_at,
        lasted_s=round(meeting.elapsed(now).total_seconds()),
        person_minutes=meeting.person_minutes(now),
        facilitator_id=meeting.facilitator_id,
        scribe_id=meeting.scribe_id,
        part=meeting.part,
        part_ends_at=meeting.part_ends_at(now) if meeting.is_running else None,
        parts=[
            MeetingPartShown(key=part.key, title=part.title, minutes=part.minutes, sentence=part.sentence)
            for part in meeting.parts
        ],
        attendees=[AttendeeShown.model_validate(one) for one in meeting.attendees],
        parked=[ParkedShown(id=one.id, text=one.text, by=one.actor) for one in meeting.parked],
        not_held_reason=meeting.not_held_reason,
    )


async def _latest(w: Work, incident_id: int) -> MeetingShown:
    return _shown((await queries.of_document(w.tx, incident_id))[0], w.now)


@router.get("", summary="List the meetings about a post-mortem, latest first", responses=problems(404))
async def list_meetings(w: Reader, ref: Text) -> list[MeetingShown]:
    meetings = await queries.of_document(w.tx, parse_ref("INC", ref))
    return [_shown(each, w.now) for each in meetings]


@router.post("", status_code=201, summary="Start a meeting", responses=problems(404, 409))
async def start_meeting(w: Writer, ref: Text, new: NewMeeting) -> MeetingShown:
    incident_id = parse_ref("INC", ref)
    await actions.start_meeting(w.tx, w.actor, incident_id, new.minutes, w.now, scribe_id=new.scribe_id)
    return await _latest(w, incident_id)


@router.post(
    "/recorded", status_code=201, summary="Record a meeting that was held elsewhere", responses=problems(404)
)
async def record_meeting(w: Writer, ref: Text, held: RecordedMeeting) -> MeetingShown:
    incident_id = parse_ref("INC", ref)
    await actions.record_meeting(
        w.tx,
        w.actor,
        incident_id,
        held.started_at,
        held.minutes,
        held.attendee_ids,
        w.now,
        facilitator_id=held.facilitator_id,
    )
    return await _latest(w, incident_id)


@router.post(
    "/not-held", status_code=201, summary="Record that no meeting is held", responses=problems(404, 409)
)
async def record_no_meeting(w: Writer, ref: Text, skipped: NoMeeting) -> MeetingShown:
    incident_id = parse_ref("INC", ref)
    await actions.record_no_meeting(w.tx, w.actor, incident_id, skipped.reason, w.now)
    return await _latest(w, incident_id)


@router.patch(
    "/running",
    summary="Change the running meeting; most changes are for the facilitator and the scribe",
    responses=problems(403, 404, 409),
)
async def change_meeting(w: Writer, ref: Text, change: MeetingChange) -> MeetingShown:
    tx, actor, now, incident_id = w.tx, w.actor, w.now, parse_ref("INC", ref)
    if change.lead:
        await actions.take_lead(tx, actor, incident_id, change.lead, now)
    if change.attendee_ids:
        await actions.add_attendees(tx, actor, incident_id, change.attendee_ids, now)
    if change.part is not None:
        await actions.go_to_part(tx, actor, incident_id, change.part, now, from_part=change.from_part)
    if change.extend:
        await actions.extend_part(tx, actor, incident_id)
    if change.paused is not None:
        await actions.set_paused(tx, actor, incident_id, now, paused=change.paused)
    if change.row is not None:
        await actions.show_row(tx, actor, incident_id, change.row)
    if change.park:
        await actions.park_question(tx, actor, incident_id, change.park, now)
    if change.ended:
        await actions.end_meeting(tx, actor, incident_id, now)
    return await _latest(w, incident_id)


@router.post(
    "/running/notes",
    status_code=201,
    summary="Write what was said into a section of the document",
    responses=problems(403, 404, 409),
)
async def write_note(w: Writer, ref: Text, note: MeetingNote) -> MeetingShown:
    incident_id = parse_ref("INC", ref)
    if note.kind:
        await actions.write_why(
            w.tx, w.actor, incident_id, note.section, note.parent_line, note.kind, note.text, w.now
        )
    else:
        await actions.write_note(w.tx, w.actor, incident_id, note.section, note.text, w.now)
    return await _latest(w, incident_id)
