"""Actions on digests: choose them, turn those of a team on, and send what is due."""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from firebell.digests import queries, schedule, store
from firebell.digests.model import Digest, Week, subscribers
from firebell.kit import private_reader
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.jobs import timers
from firebell.notify import actions as notify
from firebell.people import actions as people
from firebell.people import permissions
from firebell.people.action_permissions import internal, permits
from firebell.people.model import Person, Role, Team
from firebell.people.permissions import Rights, Verb

TIMER = "digests.weekly"
KEY = "all"
SUBJECT_KIND = "weekly_digest"
"""The kind of subject of a mail with a digest; its id is that of the digest."""
EMAIL = "email"


@permits(Verb.DIGEST_SUBSCRIBE, own="person_id")
async def choose_digest(
    tx: Tx, actor: Actor, person_id: int, team: Team | None, now: datetime, *, is_on: bool
) -> None:
    """Turn a person's own digest of a team, or of the organization, on or off. Idempotent."""
    await _choose(tx, actor, person_id, team, now, is_on=is_on)


@internal("The signed link of an email grants access.")
async def unsubscribe(tx: Tx, actor: Actor, person_id: int, team: Team | None, now: datetime) -> None:
    """End a person's digest. Idempotent."""
    await _choose(tx, actor, person_id, team, now, is_on=False)


async def _choose(
    tx: Tx, actor: Actor, person_id: int, team: Team | None, now: datetime, *, is_on: bool
) -> None:
    if not await store.save_choice(tx, person_id, team.id if team else None, now, is_on=is_on):
        return
    await tx.audit(
        actor,
        "digest.subscribed" if is_on else "digest.unsubscribed",
        f"person:{person_id}",
        now,
        team=team.slug if team else "",
    )
    await _schedule_after_choice(tx, now)


@permits(Verb.TEAM_DIGEST_WRITE)
async def set_team_digest(tx: Tx, actor: Actor, team: Team, now: datetime, *, is_on: bool) -> None:
    """Send the digest of a team to all its members, or end that; what a member chose stays. Idempotent."""
    if await store.set_team(tx, team.id, now, is_on=is_on):
        name = "digest.team_on" if is_on else "digest.team_off"
        await tx.audit(actor, name, f"team:{team.slug}", now)
        await _schedule_after_choice(tx, now)


async def _recipients(tx: Tx) -> list[tuple[Person, int | None]]:
    """Return the active people who get a digest, with its team."""
    members = await people.members(tx, await store.team_ids(tx))
    wanted = subscribers(
        await store.choices(tx),
        [(team_id, [person_id for person_id, _ in each]) for team_id, each in members.items()],
    )
    known = await people.people_by_id(tx, list({person_id for person_id, _ in wanted}))
    return [(known[person_id], team_id) for person_id, team_id in wanted if known[person_id].active]


async def _schedule(tx: Tx, now: datetime, *, until: datetime | None = None) -> None:
    """Set the timer to when the next digest is due, at most a day from now: people join teams and move.

    It is never set later than `until`. Without anyone who could get a digest, there is no timer.
    """
    zones = {person.tz for person, _ in await _recipients(tx)}
    if not zones and not await store.team_ids(tx):
        await timers.cancel(tx, TIMER, KEY)
        return
    at = min([until or now + timedelta(days=1), *(schedule.next_at(now, zone) for zone in zones)])
    await timers.schedule(tx, TIMER, KEY, at)


async def _schedule_after_choice(tx: Tx, now: datetime) -> None:
    """Set the timer, but not later than it is: digests of others may wait for it now."""
    await _schedule(tx, now, until=(await timers.due_times(tx, TIMER)).get(KEY))


@internal("Called by the timer of digests.")
async def send_due(tx: Tx, now: datetime, *, failures: int = 0) -> None:
    """Write and send one of the digests that are due, each once a week, and set the timer for the next one.

    Its metrics can take half a second; the timers of pages run between two digests. After `failures` another one is
    tried, so that one that cannot be written does not hold up the others.
    """
    due = [
        (person, team_id, week)
        for person, team_id in await _recipients(tx)
        if (week := schedule.due_week(now, person.tz))
    ]
    if due:
        written = await store.written(tx, min(week.monday for _, _, week in due))
        due = [one for one in due if (one[0].id, one[1], one[2].monday) not in written]
    if due:
        await _send(tx, *due[failures % len(due)], now)
    if len(due) > 1:
        await timers.schedule(tx, TIMER, KEY, now + timedelta(seconds=1))
    else:
        await _schedule(tx, now)


async def _send(tx: Tx, person: Person, team_id: int | None, week: Week, now: datetime) -> None:
    """Write the digest of a person as they may see it, and send it."""
    team = await people.team(tx, team_id) if team_id else None
    with private_reader.as_reader(reader_of(person)):
        digest = await queries.digest(tx, week, team, now)
    digest_id = await store.insert(tx, person.id, team_id, week.monday, packed(digest), now)
    if digest_id is not None:
        await notify.send_about(tx, SUBJECT_KIND, {digest_id: [person.id]}, now, channel=EMAIL)


def reader_of(person: Person) -> int | None:
    """Return the person whose private incidents a digest may contain; None for a manager, who may read all."""
    return permissions.private_reader(Rights(Role(person.role)), person.id)


def packed(digest: Digest) -> dict[str, Any]:
    """Return a digest as it is stored."""
    content: dict[str, Any] = msgspec.to_builtins(digest)
    return content


def unpacked(content: dict[str, Any]) -> Digest:
    """Return a stored digest."""
    return msgspec.convert(content, Digest)
