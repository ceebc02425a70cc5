"""What is done with feeds and imported calendars."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from firebell.kit import signing, undo
from firebell.kit.db import Tx
from firebell.kit.errors import Conflict as Refused
from firebell.kit.errors import Gone, Invalid, NotFound
from firebell.kit.events import SYSTEM, Actor
from firebell.kit.http_out import check_url
from firebell.kit.text import clean_name
from firebell.oncall import actions as oncall
from firebell.oncall import public_holidays
from firebell.oncall.calendars import matching, store
from firebell.oncall.calendars.feeds import RenderedFeed, reach
from firebell.oncall.calendars.model import (
    AHEAD,
    Conflict,
    Due,
    Feed,
    FeedKind,
    Import,
    ImportedShift,
    Known,
    Made,
    Place,
    Source,
    Use,
)
from firebell.oncall.schedules import changes
from firebell.oncall.schedules import store as schedule_store
from firebell.people import actions as people
from firebell.people.model import AccessRevoked

shift_counts = store.shift_counts

EVERY = timedelta(minutes=15)
MOST_FEEDS, MOST_IMPORTS = 50, 20
_CALENDAR = re.compile(r"[\s\ufeff]*BEGIN:VCALENDAR\s*$", re.I | re.M)
WAKE = "calendars"
"""What wakes the worker's lane of calendars."""


async def known(tx: Tx) -> list[Known]:
    """Return whom a calendar may mean: everybody who is active."""
    return [Known(p.id, p.name, p.email) for p in await people.people(tx) if p.active]


async def create_feed(
    tx: Tx, actor: Actor, *, kind: FeedKind, subject_id: int, made_by: int, now: datetime
) -> tuple[Feed, str]:
    """Make a feed and return it with its token, which is kept nowhere; one of a person is for that person."""
    match kind:
        case FeedKind.SCHEDULE:
            if subject_id not in await oncall.schedules_by_id(tx, [subject_id]):
                raise NotFound(f"There is no schedule {subject_id}.")
        case FeedKind.TEAM:
            await people.team(tx, subject_id)
        case FeedKind.PERSON:
            if subject_id != made_by:
                raise Invalid("A feed of somebody's shifts is made by themselves.", fields={"of": "Use me."})
    if len(await store.feeds(tx, made_by)) >= MOST_FEEDS:
        raise Refused(f"You have {MOST_FEEDS} feeds.", hint="Revoke one that nobody uses.")
    token = signing.random_token()
    made = await store.insert_feed(tx, signing.token_hash(token), kind, subject_id, made_by, now)
    await tx.audit(actor, "calendar.feed_created", f"{kind}:{subject_id}", now, feed=made)
    return next(f for f in await store.feeds(tx, made_by) if f.id == made), token


async def feeds(tx: Tx, made_by: int) -> list[Feed]:
    """Return the feeds that somebody made and that work, the newest first."""
    return await store.feeds(tx, made_by)


async def revoke_feed(tx: Tx, actor: Actor, feed_id: int, made_by: int, now: datetime) -> None:
    """Let a feed's address lead nowhere from now on."""
    if not await store.revoke_feed(tx, feed_id, made_by, now):
        raise NotFound("There is no such feed of yours, or it is revoked already.")
    await tx.audit(actor, "calendar.feed_revoked", f"feed:{feed_id}", now)


async def restore_feed(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> None:
    """Let a revoked feed's address lead to its calendar again; raise `Conflict` when it was revoked again."""
    if not await store.restore_feed(tx, entry.subject_id, entry.at):
        raise undo.changed_since("the calendar feed was revoked again.", "Create a new feed.")
    await tx.audit(actor, "calendar.feed_restored", f"feed:{entry.subject_id}", now)


async def revoke_feeds(tx: Tx, event: AccessRevoked, now: datetime) -> None:
    """Let no feed that a person made lead anywhere from now on."""
    revoked = await store.revoke_feeds(tx, event.person_id, now)
    await tx.audit(SYSTEM, "calendar.feeds_revoked", f"person:{event.person_id}", now, feeds=revoked)


async def feed_by_token(
    tx: Tx, token_hash: bytes, now: datetime
) -> tuple[Feed, list[RenderedFeed], list[Known]]:
    """Return what a feed's address leads to; raise `NotFound` when it never was one, `Gone` when it has ended."""
    feed = await store.feed(tx, token_hash)
    if feed is None:
        if not await store.was_feed(tx, token_hash):
            raise NotFound("There is no calendar here.", hint="Is the whole address there?")
        raise Gone(
            "This calendar has ended.",
            hint="Its address was revoked, or whoever made it or what it shows is gone. Make a new one.",
        )
    await store.touch_feed(tx, feed.id, now)
    since, until = reach(now)
    match feed.kind:
        case FeedKind.SCHEDULE:
            ids = [feed.subject_id]
        case FeedKind.TEAM:
            ids = await schedule_store.ids(tx, team_id=feed.subject_id)
        case FeedKind.PERSON:
            ids = await schedule_store.ids_naming(tx, feed.subject_id, since)
    shown = await schedule_store.schedules(tx, ids, since=since, until=until)
    changed = await store.changed_at(tx, [int(s.id) for s in shown])
    named = await people.people_by_id(tx, list({int(u) for s in shown for u in s.people}))
    known = [Known(p.id, p.name, p.email) for p in named.values()]
    return feed, [RenderedFeed(s, changed[int(s.id)]) for s in shown], known


def address(url: str) -> str:
    """Return a calendar's address as one that can be fetched; webcal is https by another name."""
    text = url.strip()
    scheme, _, rest = text.partition("://")
    return check_url(f"https://{rest}" if scheme.lower() in ("webcal", "webcals") else text, "url")


async def add_import(
    tx: Tx,
    actor: Actor,
    *,
    use: Use,
    now: datetime,
    place: Place = Place.ABOVE,
    name: str = "",
    schedule_id: int | None = None,
    person_id: int | None = None,
    url: str = "",
    text: str = "",
    country: str = "",
    subdivision: str = "",
    users: Sequence[int] = (),
) -> Import:
    """Add a calendar to a schedule, or as busy time to a person; it is read within seconds.

    It comes from `url`, or is the iCalendar `text` itself, or is the public holidays of `country`, on which
    `users` are on duty.
    """
    if [bool(url.strip()), bool(text.strip()), bool(country.strip())].count(True) != 1:
        raise Invalid(
            "Where does the calendar come from?", fields={"url": "An address, a text or a country."}
        )
    if country:
        country, subdivision = country.strip().upper(), subdivision.strip().upper()
        public_holidays.public(country, subdivision, now.year)
        if use not in (Use.LAYER, Use.NAMES):
            raise Invalid("Public holidays are a layer, or names.", fields={"use": "Use layer or names."})
        everyone = {p.id for p in await people.people(tx) if p.active}
        if not set(users) <= everyone or bool(users) != (use is Use.LAYER):
            raise Invalid("Who is on duty on public holidays?", fields={"people": "Choose active people."})
    elif use is Use.NAMES:
        raise Invalid("Only public holidays give names alone.", fields={"use": "Use layer or override."})
    url = address(url) if url.strip() else ""
    if text.strip() and not _CALENDAR.match(text):
        raise Invalid(
            "This is not an iCalendar file: it does not begin with BEGIN:VCALENDAR.",
            fields={"text": "Export the calendar as an .ics file and use that."},
        )
    if place is not Place.ABOVE:
        _placed(use)
    if (use is Use.BUSY) != (schedule_id is None):
        raise Invalid(
            "Busy time belongs to a person, the rest to a schedule.", fields={"use": "Unknown here."}
        )
    if schedule_id is not None and schedule_id not in await oncall.schedules_by_id(tx, [schedule_id]):
        raise NotFound(f"There is no schedule {schedule_id}.")
    there = await store.imports(tx, schedule_ids=[schedule_id or 0], person_id=person_id)
    if len(there) >= MOST_IMPORTS:
        raise Refused(f"There are {MOST_IMPORTS} calendars here.", hint="Take one away that is not needed.")
    source = Source.HOLIDAYS if country else Source.URL if url else Source.TEXT
    holidays = f"Public holidays {country} {subdivision}".strip()
    default = {
        Source.HOLIDAYS: holidays,
        Source.URL: urlsplit(url).hostname or "",
        Source.TEXT: "Pasted calendar",
    }
    made = await store.insert_import(
        tx,
        name=clean_name(name.strip() or default[source], "name"),
        use=use,
        place=place,
        source=source,
        schedule_id=schedule_id,
        person_id=person_id,
        url=url,
        body=text.encode() if source is Source.TEXT else None,
        country=country,
        subdivision=subdivision,
        users=list(users),
        created_by=actor.person_id,
        now=now,
    )
    subject = f"schedule:{schedule_id}" if schedule_id else f"person:{person_id}"
    await tx.audit(
        actor, "calendar.import_added", subject, now, calendar=made, use=use, place=place, source=source
    )
    await tx.wake(WAKE)
    await tx.live("oncall")
    return await _import(tx, made)


def _placed(use: Use) -> None:
    if use is not Use.LAYER:
        raise Invalid(
            "Only an imported layer lies above or below the rotations.",
            fields={"place": "Overrides lie above every layer, the rest decides nothing."},
        )


async def _import(tx: Tx, import_id: int) -> Import:
    found = await store.lock_import(tx, import_id)
    if found is None:
        raise NotFound("There is no such calendar, or it was taken away.")
    return found


async def imports_of_schedules(tx: Tx, schedule_ids: Sequence[int]) -> list[Import]:
    """Return the calendars that schedules take in."""
    return await store.imports(tx, schedule_ids=schedule_ids)


async def imports_of_person(tx: Tx, person_id: int) -> list[Import]:
    """Return the calendars that say when somebody is busy."""
    return await store.imports(tx, person_id=person_id)


async def import_for(tx: Tx, import_id: int, person_id: int, *, own: bool = False) -> Import:
    """Return a calendar of this person, or without `own` of any schedule too; raise `NotFound`."""
    found = await _import(tx, import_id)
    if found.person_id != person_id and (own or found.person_id is not None):
        raise NotFound("There is no such calendar, or it was taken away.")
    return found


async def fetch_now(tx: Tx, import_id: int, now: datetime) -> None:
    """Let a calendar be fetched at once."""
    await store.set_next(tx, import_id, now)
    await tx.wake(WAKE)


async def remove_import(tx: Tx, actor: Actor, found: Import, now: datetime) -> None:
    """Take a calendar away: what it says from now on goes, what has been stays."""
    await _put(tx, actor, found, [], now)
    await store.remove_import(tx, found.id, now)
    subject = f"schedule:{found.schedule_id}" if found.schedule_id else f"person:{found.person_id}"
    await tx.audit(actor, "calendar.import_removed", subject, now, calendar=found.id)


async def place_import(tx: Tx, actor: Actor, found: Import, place: Place, now: datetime) -> Import:
    """Put an imported layer above or below the rotations, from now on."""
    _placed(found.use)
    if place is found.place:
        return found
    shifts = [s for _, s in await store.shifts(tx, [found.id], since=now)]
    moved = replace(found, place=place)
    await store.set_place(tx, found.id, place)
    await _put(tx, actor, moved, shifts, now)
    subject = f"schedule:{found.schedule_id}"
    await tx.audit(actor, "calendar.import_placed", subject, now, calendar=found.id, place=place)
    await tx.live("oncall")
    return moved


async def claim(tx: Tx, now: datetime, limit: int) -> list[Due]:
    """Take up to `limit` calendars that are due; each comes again in a quarter of an hour."""
    return await store.claim(tx, now, now + EVERY, limit)


def _ahead(shifts: Sequence[ImportedShift], now: datetime) -> bool:
    return any(s.users and s.end > now for s in shifts)


async def take(
    tx: Tx,
    import_id: int,
    made: Made,
    *,
    body: bytes | None,
    etag: str,
    modified: str,
    made_for: str,
    error: str,
    now: datetime,
) -> None:
    """Let a calendar say what was read in it; with `error` the last good copy goes on and the error is kept.

    A copy that has nobody where there was somebody is not believed: an empty answer never empties a rota.
    """
    found = await store.lock_import(tx, import_id)
    if found is None:
        return
    before = [s for _, s in await store.shifts(tx, [import_id], since=now)]
    decides = found.use in (Use.LAYER, Use.OVERRIDE)
    if decides and found.source is Source.URL and _ahead(before, now) and not _ahead(made.shifts, now):
        came = "without events" if not made.events else "with nobody who is known here"
        await store.failed(tx, import_id, f"The calendar came {came}; the last good copy stays.", now)
    else:
        await _put(tx, Actor("system", found.name), found, made.shifts, now)
        await store.good(tx, import_id, body, etag, modified, made_for, made, now)
        if error:
            await store.still_failing(tx, found, error, now)
    await tx.live("oncall")


async def _put(tx: Tx, actor: Actor, found: Import, shifts: Sequence[ImportedShift], now: datetime) -> None:
    before = [s for _, s in await store.shifts(tx, [found.id], since=now)]
    after = matching.onward(before, [replace(s, place=found.place) for s in shifts], now)
    if after == before:
        return
    if found.schedule_id is None or found.use is Use.NAMES:
        await store.replace_shifts(tx, found.id, now, after)
        return
    old = await changes.lock(tx, found.schedule_id)
    await store.replace_shifts(tx, found.id, now, after)
    await schedule_store.raise_version(tx, found.schedule_id, now)
    await changes.finish_change(tx, actor, old, now)


async def unchanged(tx: Tx, import_id: int, etag: str, modified: str, now: datetime) -> None:
    """Note that a calendar is as it was, and by what its server knows that."""
    await store.unchanged(tx, import_id, etag, modified, now)


async def failed(tx: Tx, import_id: int, error: str, now: datetime) -> None:
    """Note why a calendar could not be had; what it said last goes on."""
    await store.failed(tx, import_id, error, now)
    await tx.live("oncall")


async def conflicts(tx: Tx, now: datetime, person_id: int | None = None) -> list[Conflict]:
    """Return who will be on duty while busy (S-BUSY), of one person or of all."""
    busy = [i for i in await store.imports(tx, person_id=person_id) if i.use is Use.BUSY]
    shifts = [s for _, s in await store.shifts(tx, [i.id for i in busy], since=now)]
    if not shifts:
        return []
    ids = None if person_id is None else await schedule_store.ids_naming(tx, person_id, now)
    schedules = await schedule_store.schedules(tx, ids, since=now, until=now + AHEAD)
    return matching.conflicts(schedules, shifts, now, now + AHEAD)


async def holiday_names(
    tx: Tx, schedule_ids: Sequence[int], a: datetime, b: datetime
) -> list[tuple[int, ImportedShift]]:
    """Return the public holidays that these schedules know in `[a, b)`: each its schedule, day and name."""
    return await store.names(tx, schedule_ids, a, b)
