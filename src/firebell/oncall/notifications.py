"""Notifies people about changes of schedules, covers and swaps, each in their own time zone."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from firebell.kit.db.database import Tx
from firebell.kit.intervals import Interval
from firebell.kit.text import clean_name
from firebell.notify import actions as notify
from firebell.notify.model import Notice
from firebell.oncall import messages
from firebell.oncall.messages import Message
from firebell.oncall.model import Cover, CoverState, Schedule, ShiftsChanged
from firebell.oncall.rota.fairness import suggested
from firebell.oncall.schedules import queries
from firebell.oncall.swaps import queries as swap_queries
from firebell.people import actions as people
from firebell.people.model import Person

_MY_SHIFTS = "/oncall/me"


@dataclass(frozen=True, slots=True)
class _DutyChanges:
    """Which intervals each person gains and loses, and the coverage gaps that the team hears of."""

    gains: Mapping[int, list[Interval]]
    losses: Mapping[int, list[Interval]]
    gaps: list[Interval]

    @property
    def boundaries(self) -> frozenset[tuple[int, datetime]]:
        """Each person with the starts of their intervals, where a shift begins or ends by this change."""
        return frozenset(
            (user, start)
            for by_user in (self.gains, self.losses)
            for user, intervals in by_user.items()
            for start, _ in intervals
        )


async def schedule_changed(tx: Tx, payload: dict[str, Any], now: datetime) -> None:
    """Notify who gains and who loses duty, one message per person; then emit `ShiftsChanged`.

    A new schedule is not a change: its people are reminded before their shifts. `cover_taken` notifies who is
    relieved by a taken cover. When someone left and no one follows, the team is notified.
    """
    why, schedule_id = payload.get("why", ""), int(payload["schedule_id"])
    schedule = await _schedule(tx, schedule_id, now)
    if schedule is None:
        return
    if schedule.version <= 1 and not why:
        await tx.emit(ShiftsChanged(schedule_id), now)
        return
    covers = await swap_queries.covers(tx, schedule_ids=[schedule_id], state=CoverState.TAKEN, since=now)
    changes = _duty_changes(payload["changes"], covers, report_gaps=bool(why))
    team = await people.team_members(tx, schedule.team_id) if changes.gaps else []
    recipients = await people.people_by_id(tx, [*changes.gains, *changes.losses, *team])
    title = f"{why}: {schedule.name}" if why else f"{payload['by']} changed {schedule.name}"
    notices = []
    for person in recipients.values():
        gains, losses = changes.gains.get(person.id, []), changes.losses.get(person.id, [])
        gaps = changes.gaps if person.id in team else []
        soon = payload["by"] != person.name and any(_is_soon(start, now) for start, _ in [*gains, *gaps])
        message = title, messages.changed(gains, losses, gaps, person.tz)
        notices.append(_schedule_notice("change", schedule, person, message, now, urgent=soon))
    await _notify_active(tx, notices, recipients, now)
    await tx.emit(ShiftsChanged(schedule_id, changes.boundaries), now)


def _duty_changes(
    changes: Iterable[Sequence[Any]], covers: Sequence[Cover], *, report_gaps: bool
) -> _DutyChanges:
    gains: dict[int, list[Interval]] = defaultdict(list)
    losses: dict[int, list[Interval]] = defaultdict(list)
    gaps: list[Interval] = []
    for start, end, before, after in changes:
        interval = Interval(datetime.fromisoformat(start), datetime.fromisoformat(end))
        if report_gaps and not after:
            gaps.append(interval)
        for user in after:
            if user not in before:
                gains[user].append(interval)
        for user in before:
            if user not in after and not any(_relieves(cover, user, interval) for cover in covers):
                losses[user].append(interval)
    return _DutyChanges(gains, losses, gaps)


def _relieves(cover: Cover, user: int, interval: Interval) -> bool:
    return cover.requester == user and cover.start <= interval.start and interval.end <= cover.end


async def errors_found(tx: Tx, payload: dict[str, Any], now: datetime) -> None:
    """Notify a schedule's team, and the people concerned, of errors that could leave a page unanswered.

    It is urgent when a gap begins soon, as after someone left.
    """
    schedule = await _schedule(tx, int(payload["schedule_id"]), now)
    if schedule is None:
        return
    team = await people.team_members(tx, schedule.team_id)
    concerned = {user for _, _, _, users in payload["errors"] for user in users}
    recipients = await people.people_by_id(tx, list({*team, *concerned}))
    notices = []
    for person in recipients.values():
        errors = [
            (code, text, start)
            for code, text, start, users in payload["errors"]
            if person.id in team or person.id in users
        ]
        urgent = any(
            code == "S-GAP" and start is not None and _is_soon(datetime.fromisoformat(start), now)
            for code, _, start in errors
        )
        message = messages.errors(schedule.name, [text for _, text, _ in errors])
        notices.append(_schedule_notice("errors", schedule, person, message, now, urgent=urgent))
    await _notify_active(tx, notices, recipients, now)


async def cover_asked(tx: Tx, payload: dict[str, Any], now: datetime) -> None:
    """Ask the people who could take a shift: those who were named, else the team, if they are free then."""
    cover = await swap_queries.cover(tx, int(payload["cover_id"]))
    if cover is None or cover.state != CoverState.OPEN:
        return
    schedule = await _existing_schedule(tx, cover.schedule_id, cover.start)
    asked = cover.asked or await people.team_members(tx, schedule.team_id)
    candidates = [i for i in asked if i != cover.requester and i not in cover.declined]
    free = await _free(tx, candidates, cover.start, cover.end)
    people_by_id = await people.people_by_id(tx, [cover.requester, *free])
    requester, reason = people_by_id[cover.requester].name, _clean_reason(cover.reason)
    notices = [
        _exchange_notice(
            f"cover:{cover.id}:{i}:{now.isoformat()}",
            i,
            messages.cover_asked(
                schedule.name, requester, cover.start, cover.end, reason, people_by_id[i].tz
            ),
        )
        for i in free
    ]
    await notify.send_notices(tx, notices, now)


async def cover_taken(tx: Tx, payload: dict[str, Any], now: datetime) -> None:
    """Notify the requester who covers for them."""
    cover = await swap_queries.cover(tx, int(payload["cover_id"]))
    if cover is None or cover.taken_by is None:
        return
    schedule = await _existing_schedule(tx, cover.schedule_id, cover.start)
    people_by_id = await people.people_by_id(tx, [cover.requester, cover.taken_by])
    requester, substitute = people_by_id[cover.requester], people_by_id[cover.taken_by]
    message = messages.cover_taken(schedule.name, substitute.name, cover.start, cover.end, requester.tz)
    key = f"taken:{cover.id}:{now.isoformat()}"
    await notify.send_notices(tx, [_exchange_notice(key, requester.id, message)], now)


async def cover_declined(tx: Tx, payload: dict[str, Any], now: datetime) -> None:
    """Notify the requester who declined, and whether others may still accept."""
    cover = await swap_queries.cover(tx, int(payload["cover_id"]))
    if cover is None or cover.state != CoverState.OPEN:
        return
    schedule = await _existing_schedule(tx, cover.schedule_id, cover.start)
    declined_by = int(payload["by"])
    people_by_id = await people.people_by_id(tx, [cover.requester, declined_by])
    requester = people_by_id[cover.requester]
    message = messages.cover_declined(
        schedule.name,
        people_by_id[declined_by].name,
        cover.start,
        cover.end,
        requester.tz,
        others_asked=not cover.asked or bool(set(cover.asked) - set(cover.declined)),
    )
    key = f"declined:{cover.id}:{declined_by}:{now.isoformat()}"
    await notify.send_notices(tx, [_exchange_notice(key, requester.id, message)], now)


async def cover_lapsed(tx: Tx, payload: dict[str, Any], now: datetime) -> None:
    """Notify those who were asked for cover that it is no longer needed, and why."""
    start, end = (datetime.fromisoformat(payload[name]) for name in ("start", "end"))
    asked = payload["asked"] or await _free(tx, await people.team_members(tx, payload["team_id"]), start, end)
    people_by_id = await people.people_by_id(tx, [payload["requester"], *asked])
    requester = people_by_id[payload["requester"]]
    notices = [
        _exchange_notice(
            f"lapsed:{payload['cover_id']}:{i}:{now.isoformat()}",
            i,
            messages.cover_lapsed(
                payload["schedule"], requester.name, start, end, payload["why"], people_by_id[i].tz
            ),
        )
        for i in asked
        if i != requester.id and i not in payload["declined"]
    ]
    await _notify_active(tx, notices, people_by_id, now)


async def swap_proposed(tx: Tx, payload: dict[str, Any], now: datetime) -> None:
    """Notify someone that a swap is proposed to them."""
    swap = await swap_queries.swap(tx, int(payload["swap_id"]))
    if swap is None:
        return
    schedule = await _existing_schedule(tx, swap.schedule_id, now)
    people_by_id = await people.people_by_id(tx, [swap.proposer, swap.other])
    message = messages.swap_proposed(
        schedule.name,
        people_by_id[swap.proposer].name,
        (swap.start, swap.end),
        (swap.their_start, swap.their_end),
        _clean_reason(swap.reason),
        people_by_id[swap.other].tz,
    )
    await notify.send_notices(
        tx, [_exchange_notice(f"swap:{swap.id}:proposed", swap.other, message, "swap")], now
    )


async def swap_decided(tx: Tx, payload: dict[str, Any], now: datetime) -> None:
    """Notify the proposer of the answer."""
    swap = await swap_queries.swap(tx, int(payload["swap_id"]))
    if swap is None:
        return
    schedule = await _existing_schedule(tx, swap.schedule_id, now)
    other = await people.person(tx, swap.other)
    message = messages.swap_decided(schedule.name, other.name, swap.state)
    await notify.send_notices(
        tx, [_exchange_notice(f"swap:{swap.id}:decided", swap.proposer, message, "swap")], now
    )


async def swap_lapsed(tx: Tx, payload: dict[str, Any], now: datetime) -> None:
    """Notify both people of a proposed swap that it is canceled, and why."""
    both = (payload["proposer"], payload["other"])
    people_by_id = await people.people_by_id(tx, both)
    notices = [
        _exchange_notice(
            f"swap:{payload['swap_id']}:lapsed:{i}",
            i,
            messages.swap_lapsed(payload["schedule"], people_by_id[partner].name, payload["why"]),
            "swap",
        )
        for i, partner in (both, both[::-1])
    ]
    await _notify_active(tx, notices, people_by_id, now)


async def _schedule(tx: Tx, schedule_id: int, since: datetime) -> Schedule | None:
    return (await queries.schedules_by_id(tx, [schedule_id], since=since)).get(schedule_id)


async def _existing_schedule(tx: Tx, schedule_id: int, since: datetime) -> Schedule:
    return (await queries.schedules_by_id(tx, [schedule_id], since=since))[schedule_id]


async def _free(tx: Tx, users: Sequence[int], start: datetime, end: datetime) -> list[int]:
    """Return which of these people are free on every schedule then."""
    schedules = await queries.schedules(tx, since=start, until=end)
    return suggested(users, schedules, start, end, {})


def _clean_reason(text: str) -> str:
    """Return a reason as one line, "" for none."""
    return clean_name(text, "reason", limit=500) if text.strip() else ""


def _is_soon(start: datetime, now: datetime) -> bool:
    return start - now < messages.URGENT_CHANGE_LEAD


def _schedule_notice(
    kind: str, schedule: Schedule, person: Person, message: Message, now: datetime, *, urgent: bool
) -> Notice:
    title, note = message
    key = f"{kind}:{schedule.id}:{person.id}:{now.isoformat()}"
    link, urgency = f"/oncall/{schedule.slug}", "high" if urgent else "low"
    return Notice(key, person.id, kind, title, note, link, urgency)


def _exchange_notice(key: str, person_id: int, message: Message, kind: str = "cover") -> Notice:
    title, note = message
    return Notice(key, person_id, kind, title, note, _MY_SHIFTS)


async def _notify_active(
    tx: Tx, notices: Sequence[Notice], people_by_id: Mapping[int, Person], now: datetime
) -> None:
    await notify.send_notices(tx, [n for n in notices if people_by_id[n.person_id].active], now)
