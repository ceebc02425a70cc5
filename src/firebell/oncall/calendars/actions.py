"""Calendar feeds and imported calendars."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from firebell.kit import public_holidays, signing, undo
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM, Actor
from firebell.kit.errors import Conflict, Gone, Invalid, NotFound
from firebell.kit.http_out import check_url
from firebell.kit.text import clean_name
from firebell.oncall.calendars import busy_times, feed_store, person_matching, store
from firebell.oncall.calendars.feeds import RenderedFeed, reach
from firebell.oncall.calendars.model import (
    CALENDAR_LOOKAHEAD,
    BusyConflict,
    DueImport,
    Feed,
    FeedKind,
    Import,
    ImportedShift,
    ImportSource,
    KnownPerson,
    LayerPlace,
    ReadResult,
    Use,
)
from firebell.oncall.model import ScheduleDeleted
from firebell.oncall.schedules import changes
from firebell.oncall.schedules import queries as oncall
from firebell.oncall.schedules import store as schedule_store
from firebell.people import actions as people
from firebell.people.action_permissions import permits
from firebell.people.model import AccessRevoked
from firebell.people.permissions import Verb

shift_counts = store.shift_counts

FETCH_INTERVAL = timedelta(minutes=15)
MAX_FEEDS_PER_PERSON, MAX_IMPORTS = 50, 20
_CALENDAR = re.compile(r"[\s\ufeff]*BEGIN:VCALENDAR\s*$", re.I | re.M)
WAKE = "calendars"
"""The topic that wakes the worker's calendar lane."""


async def known_people(tx: Tx) -> list[KnownPerson]:
    """Return the people whom a calendar can name: everyone who is active."""
    return [KnownPerson(p.id, p.name, p.email) for p in await people.people(tx) if p.active]


@permits(Verb.OWN_CALENDAR_WRITE, own="made_by")
async def create_feed(
    tx: Tx, actor: Actor, *, kind: FeedKind, subject_id: int, made_by: int, now: datetime
) -> tuple[Feed, str]:
    """Create a feed and return it with its token, which is not stored.

    People create feeds of their own shifts only; raise `Invalid` otherwise.
    """
    match kind:
        case FeedKind.SCHEDULE:
            if subject_id not in await oncall.schedules_by_id(tx, [subject_id]):
                raise NotFound(f"There is no schedule {subject_id}.")
        case FeedKind.TEAM:
            await people.team(tx, subject_id)
        case FeedKind.PERSON:
            if subject_id != made_by:
                raise Invalid(
                    "You can only create a feed of your own shifts.",
                    fields={"of": "Choose your shifts, a schedule or a team."},
                )
    if not await people.hold_active(tx, made_by):
        raise Conflict("This account is deactivated.", hint="Ask an admin of your organization.")
    if len(await feed_store.feeds(tx, made_by)) >= MAX_FEEDS_PER_PERSON:
        raise Conflict(
            f"You already have {MAX_FEEDS_PER_PERSON} feeds.", hint="Revoke one that is no longer used."
        )
    token = signing.random_token()
    feed_id = await feed_store.insert_feed(tx, signing.token_hash(token), kind, subject_id, made_by, now)
    await tx.audit(actor, "calendar.feed_created", f"{kind}:{subject_id}", now, feed=feed_id)
    return next(f for f in await feed_store.feeds(tx, made_by) if f.id == feed_id), token


async def feeds(tx: Tx, made_by: int) -> list[Feed]:
    """Return a person's working feeds, newest first."""
    return await feed_store.feeds(tx, made_by)


@permits(Verb.OWN_CALENDAR_WRITE, own="made_by")
async def revoke_feed(tx: Tx, actor: Actor, feed_id: int, made_by: int, now: datetime) -> None:
    """Revoke a feed: its address stops working at once. Raise `NotFound` if it is not a working feed of theirs."""
    if not await feed_store.revoke_feed(tx, feed_id, made_by, now):
        raise NotFound("You have no such feed, or it is already revoked.")
    await tx.audit(actor, "calendar.feed_revoked", f"feed:{feed_id}", now)


@permits(Verb.OWN_CALENDAR_WRITE)
async def restore_feed(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> None:
    """Restore a revoked feed; raise `Conflict` if it was revoked again."""
    if not await feed_store.restore_feed(tx, entry.subject_id, entry.at):
        raise undo.changed_since("the calendar feed was revoked again.", "Create a new feed.")
    await tx.audit(actor, "calendar.feed_restored", f"feed:{entry.subject_id}", now)


async def revoke_feeds(tx: Tx, event: AccessRevoked, now: datetime) -> None:
    """Revoke all feeds that a person created."""
    revoked = await feed_store.revoke_feeds(tx, event.person_id, now)
    await tx.audit(SYSTEM, "calendar.feeds_revoked", f"person:{event.person_id}", now, feeds=revoked)


async def close_imports(tx: Tx, event: ScheduleDeleted, now: datetime) -> None:
    """Remove the calendars of a schedule that is about to be deleted; their past shifts stay."""
    await store.close(tx, event.schedule_id, now)


async def feed_by_token(
    tx: Tx, token_hash: bytes, now: datetime
) -> tuple[Feed, list[RenderedFeed], list[KnownPerson]]:
    """Return a feed, its schedules and their people; raise `NotFound` if there never was one, `Gone` if it ended."""
    feed = await feed_store.feed(tx, token_hash)
    if feed is None:
        if not await feed_store.was_feed(tx, token_hash):
            raise NotFound(
                "There is no calendar at this address.", hint="Check that the address is complete."
            )
        raise Gone(
            "This calendar has ended.",
            hint="It was revoked, or its creator, schedule or team is gone. Create a new feed.",
        )
    await feed_store.touch_feed(tx, feed.id, now)
    since, until = reach(now)
    match feed.kind:
        case FeedKind.SCHEDULE:
            ids = [feed.subject_id]
        case FeedKind.TEAM:
            ids = await schedule_store.ids(tx, team_id=feed.subject_id)
        case FeedKind.PERSON:
            ids = await schedule_store.ids_naming(tx, feed.subject_id, since)
    schedules = await schedule_store.schedules(tx, ids, since=since, until=until)
    changed = await feed_store.changed_at(tx, [s.id for s in schedules])
    people_by_id = await people.people_by_id(tx, list({u for s in schedules for u in s.people}))
    known_people = [KnownPerson(p.id, p.name, p.email) for p in people_by_id.values()]
    return feed, [RenderedFeed(s, changed[s.id]) for s in schedules], known_people


def address(url: str) -> str:
    """Return a calendar's address with webcal replaced by https; raise `Invalid` if it can't be fetched."""
    text = url.strip()
    scheme, _, rest = text.partition("://")
    return check_url(f"https://{rest}" if scheme.lower() in ("webcal", "webcals") else text, "url")


@permits(Verb.OWN_CALENDAR_WRITE, own="person_id", others=Verb.CALENDAR_WRITE)
async def add_import(
    tx: Tx,
    actor: Actor,
    *,
    use: Use,
    now: datetime,
    place: LayerPlace = LayerPlace.ABOVE,
    name: str = "",
    schedule_id: int | None = None,
    person_id: int | None = None,
    url: str = "",
    text: str = "",
    country: str = "",
    subdivision: str = "",
    users: Sequence[int] = (),
) -> Import:
    """Add a calendar to a schedule, or as busy times to a person; it is read within seconds.

    Exactly one of `url`, the iCalendar `text`, and `country` is its source; `country` stands for its public
    holidays, on which `users` are on call.
    """
    if [bool(url.strip()), bool(text.strip()), bool(country.strip())].count(True) != 1:
        raise Invalid(
            "Choose one source for the calendar.", fields={"url": "Enter an address, a text or a country."}
        )
    if country:
        country, subdivision = country.strip().upper(), subdivision.strip().upper()
        public_holidays.of_year(country, subdivision, now.year)
        if use not in (Use.LAYER, Use.NAMES):
            raise Invalid(
                "Public holidays can only be a layer or names.", fields={"use": "Choose layer or names."}
            )
        if not set(users) <= await oncall.active_people(tx, users) or bool(users) != (use is Use.LAYER):
            raise Invalid(
                "Choose who is on call on public holidays.",
                fields={"people": "Choose active people for a layer, no one for names."},
            )
    elif use is Use.NAMES:
        raise Invalid(
            "Only public holidays can be imported as names.", fields={"use": "Choose layer or override."}
        )
    url = address(url) if url.strip() else ""
    if text.strip() and not _CALENDAR.match(text):
        raise Invalid(
            "This is not an iCalendar file: it does not start with BEGIN:VCALENDAR.",
            fields={"text": "Export the calendar as an .ics file and use that."},
        )
    if place is not LayerPlace.ABOVE:
        _check_has_place(use)
    if (use is Use.BUSY) != (schedule_id is None):
        raise Invalid(
            "Busy times belong to a person, other calendars to a schedule.",
            fields={"use": "Choose another use."},
        )
    if schedule_id is not None and schedule_id not in await oncall.schedules_by_id(tx, [schedule_id]):
        raise NotFound(f"There is no schedule {schedule_id}.")
    existing = await store.imports(tx, schedule_ids=[schedule_id or 0], person_id=person_id)
    if len(existing) >= MAX_IMPORTS:
        raise Conflict(f"There are already {MAX_IMPORTS} calendars here.", hint="Remove one first.")
    source = ImportSource.HOLIDAYS if country else ImportSource.URL if url else ImportSource.TEXT
    holidays_name = f"Public holidays {country} {subdivision}".strip()
    default_names = {
        ImportSource.HOLIDAYS: holidays_name,
        ImportSource.URL: urlsplit(url).hostname or "",
        ImportSource.TEXT: "Pasted calendar",
    }
    import_id = await store.insert_import(
        tx,
        name=clean_name(name.strip() or default_names[source], "name"),
        use=use,
        place=place,
        source=source,
        schedule_id=schedule_id,
        person_id=person_id,
        url=url,
        body=text.encode() if source is ImportSource.TEXT else None,
        country=country,
        subdivision=subdivision,
        users=list(users),
        created_by=actor.person_id,
        now=now,
    )
    subject = f"schedule:{schedule_id}" if schedule_id else f"person:{person_id}"
    await tx.audit(
        actor, "calendar.import_added", subject, now, calendar=import_id, use=use, place=place, source=source
    )
    await tx.wake(WAKE)
    await tx.live("oncall")
    return await _import(tx, import_id)


def _check_has_place(use: Use) -> None:
    if use is not Use.LAYER:
        raise Invalid(
            "Only a layer can be placed above or below the rotations.",
            fields={"place": "Overrides are above every layer; other uses have no place."},
        )


async def _import(tx: Tx, import_id: int) -> Import:
    calendar = await store.lock_import(tx, import_id)
    if calendar is None:
        raise NotFound("There is no such calendar, or it was removed.")
    return calendar


async def imports_of_schedules(tx: Tx, schedule_ids: Sequence[int]) -> list[Import]:
    """Return the calendars that are imported into these schedules."""
    return await store.imports(tx, schedule_ids=schedule_ids)


async def imports_of_person(tx: Tx, person_id: int) -> list[Import]:
    """Return a person's own calendars."""
    return await store.imports(tx, person_id=person_id)


async def import_for(tx: Tx, import_id: int, person_id: int, *, own: bool = False) -> Import:
    """Return a calendar of this person or, unless `own`, of any schedule; raise `NotFound`."""
    calendar = await _import(tx, import_id)
    if calendar.person_id != person_id and (own or calendar.person_id is not None):
        raise NotFound("There is no such calendar, or it was removed.")
    return calendar


async def fetch_now(tx: Tx, import_id: int, now: datetime) -> None:
    """Schedule a calendar to be fetched at once."""
    await store.set_next(tx, import_id, now)
    await tx.wake(WAKE)


@permits(Verb.OWN_CALENDAR_WRITE, own="calendar.person_id", others=Verb.CALENDAR_WRITE)
async def remove_import(tx: Tx, actor: Actor, calendar: Import, now: datetime) -> None:
    """Remove a calendar with its coming shifts; past shifts stay."""
    await _replace_coming(tx, actor, calendar, [], now)
    await store.remove_import(tx, calendar.id, now)
    subject = f"schedule:{calendar.schedule_id}" if calendar.schedule_id else f"person:{calendar.person_id}"
    await tx.audit(actor, "calendar.import_removed", subject, now, calendar=calendar.id)


@permits(Verb.CALENDAR_WRITE)
async def place_import(tx: Tx, actor: Actor, calendar: Import, place: LayerPlace, now: datetime) -> Import:
    """Move an imported layer above or below the rotations, from now on."""
    _check_has_place(calendar.use)
    if place is calendar.place:
        return calendar
    shifts = [s for _, s in await store.shifts(tx, [calendar.id], since=now)]
    moved = replace(calendar, place=place)
    await store.set_place(tx, calendar.id, place)
    await _replace_coming(tx, actor, moved, shifts, now)
    subject = f"schedule:{calendar.schedule_id}"
    await tx.audit(actor, "calendar.import_placed", subject, now, calendar=calendar.id, place=place)
    await tx.live("oncall")
    return moved


async def claim(tx: Tx, now: datetime, limit: int) -> list[DueImport]:
    """Claim up to `limit` calendars that are due; each is due again after `FETCH_INTERVAL`."""
    return await store.claim(tx, now, now + FETCH_INTERVAL, limit)


def _any_coming(shifts: Sequence[ImportedShift], now: datetime) -> bool:
    return any(s.users and s.end > now for s in shifts)


async def save_read(
    tx: Tx,
    import_id: int,
    result: ReadResult,
    *,
    body: bytes | None,
    etag: str,
    modified: str,
    made_for: str,
    error: str,
    now: datetime,
) -> None:
    """Save what was read in a calendar; with `error`, it was read again from the last good copy.

    A copy without any known person is rejected if the last one had some: an empty answer never clears a schedule.
    """
    calendar = await store.lock_import(tx, import_id)
    if calendar is None:
        return
    before = [s for _, s in await store.shifts(tx, [import_id], since=now)]
    decides = calendar.use in (Use.LAYER, Use.OVERRIDE)
    if (
        decides
        and calendar.source is ImportSource.URL
        and _any_coming(before, now)
        and not _any_coming(result.shifts, now)
    ):
        problem = "has no events" if not result.events else "names no one known here"
        await store.failed(tx, import_id, f"The calendar {problem}; the last good copy stays in use.", now)
    else:
        await _replace_coming(tx, Actor("system", calendar.name), calendar, result.shifts, now)
        await store.good(tx, import_id, body, etag, modified, made_for, result, now)
        if error:
            await store.still_failing(tx, calendar, error, now)
    await tx.live("oncall")


async def _replace_coming(
    tx: Tx, actor: Actor, calendar: Import, shifts: Sequence[ImportedShift], now: datetime
) -> None:
    before = [s for _, s in await store.shifts(tx, [calendar.id], since=now)]
    after = person_matching.onward(before, [replace(s, place=calendar.place) for s in shifts], now)
    if after == before:
        return
    if calendar.schedule_id is None or calendar.use is Use.NAMES:
        await store.replace_shifts(tx, calendar.id, now, after)
        return
    schedule = await changes.lock(tx, calendar.schedule_id)
    await store.replace_shifts(tx, calendar.id, now, after)
    await schedule_store.raise_version(tx, calendar.schedule_id, now)
    await changes.finish_change(tx, actor, schedule, now)


async def unchanged(tx: Tx, import_id: int, etag: str, modified: str, now: datetime) -> None:
    """Record that a calendar has not changed, with its server's validators."""
    await store.unchanged(tx, import_id, etag, modified, now)


async def failed(tx: Tx, import_id: int, error: str, now: datetime) -> None:
    """Record why a calendar could not be fetched; its last good copy stays in use."""
    await store.failed(tx, import_id, error, now)
    await tx.live("oncall")


async def conflicts(tx: Tx, now: datetime, person_id: int | None = None) -> list[BusyConflict]:
    """Return when people will be on call while busy (S-BUSY), of one person or of all."""
    busy = [i for i in await store.imports(tx, person_id=person_id) if i.use is Use.BUSY]
    shifts = [s for _, s in await store.shifts(tx, [i.id for i in busy], since=now)]
    if not shifts:
        return []
    ids = None if person_id is None else await schedule_store.ids_naming(tx, person_id, now)
    schedules = await schedule_store.schedules(tx, ids, since=now, until=now + CALENDAR_LOOKAHEAD)
    return busy_times.conflicts(schedules, shifts, now, now + CALENDAR_LOOKAHEAD)


async def holiday_names(
    tx: Tx, schedule_ids: Sequence[int], a: datetime, b: datetime
) -> list[tuple[int, ImportedShift]]:
    """Return the public holidays of these schedules in `[a, b)`, each with its schedule's id."""
    return await store.names(tx, schedule_ids, a, b)
