"""Actions on the meeting about a document. Its facilitator and its scribe have the controls."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from firebell.action_items import actions as action_items
from firebell.action_items.model import ActionItem
from firebell.incidents import actions as incidents
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Forbidden, Invalid, NotFound
from firebell.kit.text import required_text
from firebell.people import actions as people
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb
from firebell.postmortems import lookup
from firebell.postmortems.document import sections
from firebell.postmortems.editing import saving
from firebell.postmortems.editing.actions_from_text import incident_of_items
from firebell.postmortems.meeting import scribe_text, store
from firebell.postmortems.meeting.agenda import AGENDAS
from firebell.postmortems.meeting.model import PostmortemMeeting
from firebell.postmortems.model import Postmortem

MORE_TIME = timedelta(minutes=2)
"""How much a part is extended at once."""
PART_EXTRA_MAX = timedelta(hours=2)
TEXT_MAX_CHARS = 2_000
PARKED_MAX_CHARS = 300
PARKED_MAX = 50
ATTENDEES_MAX = 50
RECORDED_MINUTES_MAX = 600


async def _running(tx: Tx, postmortem: Postmortem) -> PostmortemMeeting:
    meeting = await store.lock_running(tx, postmortem.id)
    if meeting is None:
        raise Conflict(
            f"No meeting about {postmortem.ref} is running.", hint="Start one, or record one that was held."
        )
    return meeting


def _require_lead(meeting: PostmortemMeeting, actor: Actor) -> None:
    if not meeting.is_led_by(actor.person_id):
        raise Forbidden(
            "Only the facilitator and the scribe can do this.",
            hint="Take over as facilitator if they have left.",
        )


async def _change(
    tx: Tx, actor: Actor, incident_id: int, change: Callable[[PostmortemMeeting], PostmortemMeeting]
) -> PostmortemMeeting:
    """Store a change of the running meeting by someone who leads it."""
    postmortem = await lookup.of_incident(tx, incident_id)
    meeting = await _running(tx, postmortem)
    _require_lead(meeting, actor)
    changed = change(meeting)
    if changed != meeting:
        await store.save(tx, changed)
        await tx.live(saving.live_topic(postmortem))
    return changed


async def _attendee_ids(tx: Tx, incident_id: int, person_ids: Sequence[int]) -> list[int]:
    """Return distinct people who may attend; raise `Invalid` for those who left or may not read the incident."""
    ids = list(dict.fromkeys(person_ids))
    if len(ids) > ATTENDEES_MAX:
        raise Invalid("Too many people.", fields={"attendees": f"Choose at most {ATTENDEES_MAX} people."})
    incident = await incidents.incident(tx, incident_id)
    chosen = [await people.person(tx, person_id) for person_id in ids]
    readers = {person.id for person in await incidents.readers_among(tx, [incident], chosen)}
    for person in chosen:
        if not person.active or person.id not in readers:
            reason = "has left" if not person.active else "may not read this private incident"
            raise Invalid(f"{person.name} {reason}.", fields={"attendees": "Choose someone else."})
    return ids


@permits(Verb.POSTMORTEM_WRITE)
async def start_meeting(
    tx: Tx, actor: Actor, incident_id: int, minutes: int, now: datetime, *, scribe_id: int | None = None
) -> int:
    """Start a meeting of 30 or 60 minutes, led by the actor, and return its id; raise `Conflict` if one is running."""
    if minutes not in AGENDAS:
        raise Invalid("A meeting lasts 30 or 60 minutes.", fields={"minutes": "Enter 30 or 60."})
    postmortem = await lookup.locked(tx, incident_id)
    if await store.lock_running(tx, postmortem.id):
        raise Conflict(f"A meeting about {postmortem.ref} is running.", hint="Join it, or end it first.")
    everyone = [each for each in (actor.person_id, scribe_id) if each is not None]
    ids = await _attendee_ids(tx, incident_id, everyone)
    meeting_id = await store.insert(
        tx, actor, postmortem.id, minutes, now, facilitator_id=actor.person_id, scribe_id=scribe_id
    )
    await store.add_attendees(tx, meeting_id, ids, now)
    await tx.audit(actor, "postmortem.meeting_started", postmortem.ref, now, minutes=minutes)
    await tx.live(saving.live_topic(postmortem))
    return meeting_id


@permits(Verb.POSTMORTEM_WRITE)
async def go_to_part(
    tx: Tx, actor: Actor, incident_id: int, part: int, now: datetime, *, from_part: int | None = None
) -> PostmortemMeeting:
    """Begin another part; with `from_part` only if that one is on, so that two clicks advance by one part."""

    def change(meeting: PostmortemMeeting) -> PostmortemMeeting:
        if from_part is not None and meeting.part != from_part:
            return meeting
        if not 0 <= part < len(meeting.parts):
            raise Invalid(
                "There is no such part.",
                fields={"part": f"Enter a number from 0 to {len(meeting.parts) - 1}."},
            )
        return replace(meeting.resumed(now), part=part, part_started_at=now, part_extra_s=0, part_paused_s=0)

    return await _change(tx, actor, incident_id, change)


@permits(Verb.POSTMORTEM_WRITE)
async def extend_part(tx: Tx, actor: Actor, incident_id: int) -> PostmortemMeeting:
    """Give the present part two more minutes."""

    def change(meeting: PostmortemMeeting) -> PostmortemMeeting:
        extra = timedelta(seconds=meeting.part_extra_s) + MORE_TIME
        if extra > PART_EXTRA_MAX:
            raise Invalid("The part has been extended by two hours.", hint="Go to the next part.")
        return replace(meeting, part_extra_s=round(extra.total_seconds()))

    return await _change(tx, actor, incident_id, change)


@permits(Verb.POSTMORTEM_WRITE)
async def set_paused(
    tx: Tx, actor: Actor, incident_id: int, now: datetime, *, paused: bool
) -> PostmortemMeeting:
    """Pause or resume the meeting. Idempotent."""

    def change(meeting: PostmortemMeeting) -> PostmortemMeeting:
        return replace(meeting, paused_at=meeting.paused_at or now) if paused else meeting.resumed(now)

    return await _change(tx, actor, incident_id, change)


@permits(Verb.POSTMORTEM_WRITE)
async def show_row(tx: Tx, actor: Actor, incident_id: int, row: int) -> PostmortemMeeting:
    """Show a row of the timeline to everyone."""
    if not 0 <= row < 10_000:
        raise Invalid("There is no such row.", fields={"row": "Enter the number of a row."})
    return await _change(tx, actor, incident_id, lambda meeting: replace(meeting, row_at=row))


@permits(Verb.POSTMORTEM_WRITE)
async def take_lead(tx: Tx, actor: Actor, incident_id: int, role: str, now: datetime) -> None:
    """Become the facilitator or the scribe of the running meeting, and attend it."""
    if role not in ("facilitator", "scribe"):
        raise Invalid("There is no such role.", fields={"role": "Enter facilitator or scribe."})
    if actor.person_id is None:
        raise Forbidden("Only a person can lead a meeting.")
    postmortem = await lookup.of_incident(tx, incident_id)
    meeting = await _running(tx, postmortem)
    taken = (
        replace(meeting, facilitator_id=actor.person_id)
        if role == "facilitator"
        else replace(meeting, scribe_id=actor.person_id)
    )
    await store.save(tx, taken)
    await store.add_attendees(tx, meeting.id, [actor.person_id], now)
    await tx.audit(actor, "postmortem.meeting_role", postmortem.ref, now, role=role)
    await tx.live(saving.live_topic(postmortem))


@permits(Verb.POSTMORTEM_WRITE)
async def add_attendees(
    tx: Tx, actor: Actor, incident_id: int, person_ids: Sequence[int], now: datetime
) -> None:
    """Note that people attend the running meeting; everyone can add themselves, and who leads it anyone. Idempotent."""
    postmortem = await lookup.of_incident(tx, incident_id)
    meeting = await _running(tx, postmortem)
    ids = await _attendee_ids(tx, incident_id, person_ids)
    if any(each != actor.person_id for each in ids):
        _require_lead(meeting, actor)
    if len({*ids, *(one.person_id for one in meeting.attendees)}) > ATTENDEES_MAX:
        raise Invalid("Too many people.", fields={"attendees": f"A meeting has at most {ATTENDEES_MAX}."})
    await store.add_attendees(tx, meeting.id, ids, now)
    await tx.live(saving.live_topic(postmortem))


@permits(Verb.POSTMORTEM_WRITE)
async def remove_attendee(tx: Tx, actor: Actor, incident_id: int, person_id: int) -> None:
    """Note that someone did not attend the running meeting. Idempotent."""
    postmortem = await lookup.of_incident(tx, incident_id)
    meeting = await _running(tx, postmortem)
    if person_id != actor.person_id:
        _require_lead(meeting, actor)
    await store.remove_attendee(tx, meeting.id, person_id)
    await tx.live(saving.live_topic(postmortem))


@permits(Verb.POSTMORTEM_WRITE)
async def park_question(tx: Tx, actor: Actor, incident_id: int, text: str, now: datetime) -> int:
    """Leave a question of the running meeting for later, and return its id."""
    postmortem = await lookup.of_incident(tx, incident_id)
    meeting = await _running(tx, postmortem)
    if len(meeting.parked) >= PARKED_MAX:
        raise Invalid("The parking list is full.", hint=f"It holds {PARKED_MAX} questions.")
    question = required_text(text, PARKED_MAX_CHARS, name="question", hint="Enter a question for later.")
    number = await store.park(tx, meeting.id, question, actor, now)
    await tx.live(saving.live_topic(postmortem))
    return number


@permits(Verb.POSTMORTEM_WRITE)
async def unpark_question(tx: Tx, actor: Actor, incident_id: int, question_id: int) -> None:
    """Take a question off the parking list of the running meeting."""
    postmortem = await lookup.of_incident(tx, incident_id)
    meeting = await _running(tx, postmortem)
    if not await store.unpark(tx, meeting.id, question_id):
        raise NotFound("The question is not on the parking list.")
    await tx.live(saving.live_topic(postmortem))


async def _write(
    tx: Tx, actor: Actor, incident_id: int, slug: str, text: Callable[[str], str], now: datetime
) -> None:
    """Save a section of the document with a new text, in the running meeting, by someone who leads it."""
    postmortem = await lookup.locked(tx, incident_id)
    _require_lead(await _running(tx, postmortem), actor)
    section = sections.by_slug(sections.split(postmortem.body), slug)
    if section is None:
        raise NotFound(f"The post-mortem of {postmortem.ref} has no section {slug}.")
    await saving.save_section(
        tx, actor, incident_id, slug, text(section.text), postmortem.version, section.hash, now
    )


@permits(Verb.POSTMORTEM_WRITE)
async def write_note(tx: Tx, actor: Actor, incident_id: int, slug: str, text: str, now: datetime) -> None:
    """Add a note to the end of a section of the document."""
    note = required_text(text, TEXT_MAX_CHARS, name="note", hint="Enter what was said.")
    await _write(tx, actor, incident_id, slug, lambda before: scribe_text.with_note(before, note), now)


@permits(Verb.POSTMORTEM_WRITE)
async def write_why(
    tx: Tx,
    actor: Actor,
    incident_id: int,
    slug: str,
    parent_line: int | None,
    kind: str,
    text: str,
    now: datetime,
) -> None:
    """Add an answer to the tree of whys in a section of the document."""
    answer = required_text(text, TEXT_MAX_CHARS, name="answer", hint="Enter what made it possible.")
    await _write(
        tx,
        actor,
        incident_id,
        slug,
        lambda before: scribe_text.with_why(before, parent_line, kind, answer),
        now,
    )


@permits(Verb.ACTION_ITEM_WRITE)
async def add_action(
    tx: Tx, actor: Actor, incident_id: int, title: str, owner_id: int | None, now: datetime
) -> ActionItem:
    """Add an action item of the incident of a document, and return it; the text of the document stays as it is."""
    postmortem = await lookup.of_incident(tx, incident_id)
    item = await action_items.add_item(
        tx,
        actor,
        title,
        now,
        incident_id=await incident_of_items(tx, postmortem),
        postmortem_id=postmortem.id,
        owner_id=owner_id,
    )
    await tx.live(saving.live_topic(postmortem))
    return item


@permits(Verb.POSTMORTEM_WRITE)
async def end_meeting(tx: Tx, actor: Actor, incident_id: int, now: datetime) -> PostmortemMeeting:
    """End the running meeting; a pause that lasts is not part of it."""
    ended = await _change(tx, actor, incident_id, lambda meeting: replace(meeting.resumed(now), ended_at=now))
    postmortem = await lookup.of_incident(tx, incident_id)
    minutes = round(ended.elapsed(now).total_seconds() / 60)
    await tx.audit(actor, "postmortem.meeting_ended", postmortem.ref, now, minutes=minutes)
    return ended


@permits(Verb.POSTMORTEM_WRITE)
async def record_meeting(
    tx: Tx,
    actor: Actor,
    incident_id: int,
    started_at: datetime,
    minutes: int,
    attendee_ids: Sequence[int],
    now: datetime,
    *,
    facilitator_id: int | None = None,
) -> int:
    """Record a meeting that was held elsewhere, and return its id."""
    if not 1 <= minutes <= RECORDED_MINUTES_MAX:
        raise Invalid(
            "The length is out of range.",
            fields={"minutes": f"Enter a number of minutes from 1 to {RECORDED_MINUTES_MAX}."},
        )
    ended_at = started_at + timedelta(minutes=minutes)
    if ended_at > now:
        raise Invalid("The meeting is not over.", fields={"started_at": "Enter a time in the past."})
    postmortem = await lookup.locked(tx, incident_id)
    if started_at < postmortem.created_at - timedelta(days=366):
        raise Invalid("The meeting is too long ago.", fields={"started_at": "Enter when it began."})
    everyone = [*attendee_ids, *([facilitator_id] if facilitator_id else [])]
    if not everyone:
        raise Invalid("No one attended.", fields={"attendees": "Choose who took part."})
    ids = await _attendee_ids(tx, incident_id, everyone)
    meeting_id = await store.insert(
        tx, actor, postmortem.id, minutes, started_at, facilitator_id=facilitator_id, ended_at=ended_at
    )
    await store.add_attendees(tx, meeting_id, ids, started_at)
    await _audit_record(tx, actor, postmortem, now, minutes=minutes, people=len(ids))
    return meeting_id


@permits(Verb.POSTMORTEM_WRITE)
async def record_no_meeting(tx: Tx, actor: Actor, incident_id: int, reason: str, now: datetime) -> None:
    """Record that no meeting is held, with the reason."""
    text = required_text(reason, PARKED_MAX_CHARS, name="reason", hint="Enter why no meeting is held.")
    postmortem = await lookup.locked(tx, incident_id)
    if await store.lock_running(tx, postmortem.id):
        raise Conflict(f"A meeting about {postmortem.ref} is running.", hint="End it first.")
    await store.insert(tx, actor, postmortem.id, 0, now, ended_at=now, not_held_reason=text)
    await _audit_record(tx, actor, postmortem, now, reason=text)


async def _audit_record(
    tx: Tx, actor: Actor, postmortem: Postmortem, now: datetime, **detail: str | int
) -> None:
    await tx.audit(actor, "postmortem.meeting_recorded", postmortem.ref, now, **detail)
    await tx.live(saving.live_topic(postmortem))
