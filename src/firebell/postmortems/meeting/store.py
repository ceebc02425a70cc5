"""The SQL of meetings."""

from collections.abc import Sequence
from datetime import datetime

from firebell.kit.db.database import Row, Tx
from firebell.kit.db.events import Actor
from firebell.postmortems.meeting.model import MeetingAttendee, ParkedQuestion, PostmortemMeeting

_COLUMNS = """
    id, postmortem_id, minutes, facilitator_id, scribe_id, started_at, part, part_started_at, part_extra_s,
    part_paused_s, paused_s, paused_at, row_at, ended_at, not_held_reason, recorded_by
"""
MEETINGS_LISTED = 50


async def _complete(tx: Tx, rows: Sequence[Row]) -> list[PostmortemMeeting]:
    ids = [row["id"] for row in rows]
    attendees: dict[int, list[MeetingAttendee]] = {each: [] for each in ids}
    parked: dict[int, list[ParkedQuestion]] = {each: [] for each in ids}
    if ids:
        for row in await tx.fetch(
            """
            select attendee.meeting_id, attendee.person_id, person.name, attendee.joined_at
            from meeting_attendee attendee
            join person on person.id = attendee.person_id
            where attendee.meeting_id = any($1::bigint[])
            order by attendee.joined_at, attendee.person_id
            """,
            ids,
        ):
            values = dict(row)
            attendees[values.pop("meeting_id")].append(MeetingAttendee(**values))
        for row in await tx.fetch(
            """
            select meeting_id, id, text, actor, at
            from parked_question
            where meeting_id = any($1::bigint[])
            order by id
            """,
            ids,
        ):
            values = dict(row)
            parked[values.pop("meeting_id")].append(ParkedQuestion(**values))
    return [
        PostmortemMeeting(**dict(row), attendees=attendees[row["id"]], parked=parked[row["id"]])
        for row in rows
    ]


async def of_document(tx: Tx, postmortem_id: int) -> list[PostmortemMeeting]:
    """Return the meetings of a document, latest first; at most `MEETINGS_LISTED`."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from postmortem_meeting
        where postmortem_id = $1
        order by id desc
        limit {MEETINGS_LISTED}
        """,
        postmortem_id,
    )
    return await _complete(tx, rows)


async def of_documents(tx: Tx, postmortem_ids: Sequence[int]) -> dict[int, list[PostmortemMeeting]]:
    """Return the meetings of documents by document id, latest first; those without one are absent."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from postmortem_meeting
        where postmortem_id = any($1::bigint[])
        order by id desc
        """,
        list(postmortem_ids),
    )
    by_id: dict[int, list[PostmortemMeeting]] = {}
    for meeting in await _complete(tx, rows):
        by_id.setdefault(meeting.postmortem_id, []).append(meeting)
    return by_id


async def of_incidents(tx: Tx, incident_ids: Sequence[int]) -> dict[int, list[PostmortemMeeting]]:
    """Return the meetings of the documents about incidents, by incident id, latest first."""
    rows = await tx.fetch(
        f"""
        select about.incident_id, {", ".join(f"meeting.{name.strip()}" for name in _COLUMNS.split(","))}
        from postmortem_incident about
        join postmortem_meeting meeting on meeting.postmortem_id = about.postmortem_id
        where about.incident_id = any($1::bigint[])
        order by meeting.id desc
        """,
        list(incident_ids),
    )
    by_id: dict[int, list[PostmortemMeeting]] = {}
    for row in rows:
        values = dict(row)
        by_id.setdefault(values.pop("incident_id"), []).append(PostmortemMeeting(**values))
    return by_id


async def lock_running(tx: Tx, postmortem_id: int) -> PostmortemMeeting | None:
    """Lock the running meeting of a document and return it, None if there is none."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from postmortem_meeting
        where postmortem_id = $1
            and ended_at is null
        for update
        """,
        postmortem_id,
    )
    return next(iter(await _complete(tx, rows)), None)


async def insert(
    tx: Tx,
    actor: Actor,
    postmortem_id: int,
    minutes: int,
    started_at: datetime,
    *,
    facilitator_id: int | None = None,
    scribe_id: int | None = None,
    ended_at: datetime | None = None,
    not_held_reason: str = "",
) -> int:
    """Insert a meeting and return its id."""
    number: int = await tx.value(
        """
        insert into postmortem_meeting (
            postmortem_id, minutes, facilitator_id, scribe_id, started_at, part_started_at, ended_at,
            not_held_reason, recorded_by
        )
        values ($1, $2, $3, $4, $5, $5, $6, $7, $8)
        returning id
        """,
        postmortem_id,
        minutes,
        facilitator_id,
        scribe_id,
        started_at,
        ended_at,
        not_held_reason,
        actor.label,
    )
    return number


async def save(tx: Tx, meeting: PostmortemMeeting) -> None:
    """Store the state of a locked meeting."""
    await tx.execute(
        """
        update postmortem_meeting
        set facilitator_id = $2,
            scribe_id = $3,
            part = $4,
            part_started_at = $5,
            part_extra_s = $6,
            part_paused_s = $7,
            paused_s = $8,
            paused_at = $9,
            row_at = $10,
            ended_at = $11
        where id = $1
        """,
        meeting.id,
        meeting.facilitator_id,
        meeting.scribe_id,
        meeting.part,
        meeting.part_started_at,
        meeting.part_extra_s,
        meeting.part_paused_s,
        meeting.paused_s,
        meeting.paused_at,
        meeting.row_at,
        meeting.ended_at,
    )


async def add_attendees(tx: Tx, meeting_id: int, person_ids: Sequence[int], at: datetime) -> None:
    """Add people to a meeting. Idempotent."""
    await tx.execute(
        """
        insert into meeting_attendee (meeting_id, person_id, joined_at)
        select $1, person_id, $3
        from unnest($2::bigint[]) person_id
        on conflict do nothing
        """,
        meeting_id,
        list(person_ids),
        at,
    )


async def remove_attendee(tx: Tx, meeting_id: int, person_id: int) -> None:
    """Remove a person from a meeting. Idempotent."""
    await tx.execute(
        """
        delete from meeting_attendee
        where meeting_id = $1
            and person_id = $2
        """,
        meeting_id,
        person_id,
    )


async def park(tx: Tx, meeting_id: int, text: str, actor: Actor, now: datetime) -> int:
    """Insert a question that is left for later and return its id."""
    number: int = await tx.value(
        """
        insert into parked_question (meeting_id, text, by_id, actor, at)
        values ($1, $2, $3, $4, $5)
        returning id
        """,
        meeting_id,
        text,
        actor.person_id,
        actor.label,
        now,
    )
    return number


async def unpark(tx: Tx, meeting_id: int, question_id: int) -> bool:
    """Delete a parked question and return True; return False if there was none."""
    deleted = await tx.changed(
        """
        delete from parked_question
        where meeting_id = $1
            and id = $2
        """,
        meeting_id,
        question_id,
    )
    return deleted == 1


async def authors(tx: Tx, incident_ids: Sequence[int]) -> dict[int, int | None]:
    """Return who writes the documents about incidents, by incident id."""
    rows = await tx.fetch(
        """
        select about.incident_id, postmortem.author_id
        from postmortem_incident about
        join postmortem on postmortem.id = about.postmortem_id
        where about.incident_id = any($1::bigint[])
        """,
        list(incident_ids),
    )
    return {row["incident_id"]: row["author_id"] for row in rows}
