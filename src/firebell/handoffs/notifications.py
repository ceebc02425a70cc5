"""Who is told what of changes, covers and swaps; through the ledger, each in their own zone."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from firebell.handoffs import messages, sweep
from firebell.kit.db import Tx
from firebell.kit.text import clean_name
from firebell.oncall import actions as oncall
from firebell.oncall.model import Cover, CoverState
from firebell.oncall.rota.fairness import suggested
from firebell.paging import actions as paging
from firebell.paging.model import Notice
from firebell.people import actions as people

_MINE = "/oncall/me"


async def schedule_changed(tx: Tx, payload: dict[str, Any], now: datetime) -> None:
    """Tell who gains and who loses duty, one message a person, and look at the schedule's shifts again.

    A new schedule is no change: its people are told before their shifts. Who is relieved by a taken cover
    is told so by `cover_taken` instead. Where somebody left and nobody follows, the team is told.
    """
    why = payload.get("why", "")
    schedule_id = int(payload["schedule_id"])
    schedule = (await oncall.schedules_by_id(tx, [schedule_id], since=now)).get(schedule_id)
    if schedule is None:
        return
    if schedule.version <= 1 and not why:
        await sweep.sweep(tx, [schedule_id], now)
        return
    gains: dict[int, list[messages.Stretch]] = {}
    loses: dict[int, list[messages.Stretch]] = {}
    gaps: list[messages.Stretch] = []
    covers = await oncall.covers(tx, schedule_ids=[schedule_id], state=CoverState.TAKEN, since=now)
    for start, end, before, after in payload["changes"]:
        stretch = (datetime.fromisoformat(start), datetime.fromisoformat(end))
        if why and not after:
            gaps.append(stretch)
        for user in after:
            if user not in before:
                gains.setdefault(user, []).append(stretch)
        for user in before:
            if user not in after and not any(_relieves(c, user, stretch) for c in covers):
                loses.setdefault(user, []).append(stretch)
    team = await people.team_members(tx, schedule.team_id) if gaps else []
    everyone = await people.people_by_id(tx, [*gains, *loses, *team])
    told = []
    for person in everyone.values():
        if not person.active:
            continue
        mine, holes = gains.get(person.id, []), gaps if person.id in team else []
        note = messages.changed(mine, loses.get(person.id, []), holes, person.tz)
        soon = payload["by"] != person.name and any(
            start - now < messages.SOON for start, _ in [*mine, *holes]
        )
        told.append(
            Notice(
                f"change:{schedule_id}:{person.id}:{now.isoformat()}",
                person.id,
                "change",
                f"{why}: {schedule.name}" if why else f"{payload['by']} changed {schedule.name}",
                note,
                f"/oncall/{schedule.slug}",
                "high" if soon else "low",
            )
        )
    await paging.notify(tx, told, now)
    # the change has told that a shift begins or ends here
    here = {
        (user, stretch[0]) for found in (gains, loses) for user, all_ in found.items() for stretch in all_
    }
    await sweep.sweep(tx, [schedule_id], now, here)


def _relieves(cover: Cover, user: int, stretch: messages.Stretch) -> bool:
    return cover.requester == user and cover.start <= stretch[0] and stretch[1] <= cover.end


async def errors_found(tx: Tx, payload: dict[str, Any], now: datetime) -> None:
    """Tell a schedule's team, and those whom it concerns, what could leave a page without a human.

    It is urgent where nobody is on call soon, as after somebody left.
    """
    schedule_id = int(payload["schedule_id"])
    schedule = (await oncall.schedules_by_id(tx, [schedule_id], since=now)).get(schedule_id)
    if schedule is None:
        return
    team = await people.team_members(tx, schedule.team_id)
    concerned = {user for _, _, _, users in payload["errors"] for user in users}
    told = []
    for person in (await people.people_by_id(tx, list({*team, *concerned}))).values():
        mine = [e for e in payload["errors"] if person.id in team or person.id in e[3]]
        if not person.active:
            continue
        soon = any(_soon(code, start, now) for code, _, start, _ in mine)
        title, note = messages.errors(schedule.name, [text for _, text, _, _ in mine])
        told.append(
            Notice(
                f"errors:{schedule_id}:{person.id}:{now.isoformat()}",
                person.id,
                "errors",
                title,
                note,
                f"/oncall/{schedule.slug}",
                "high" if soon else "low",
            )
        )
    await paging.notify(tx, told, now)


def _soon(code: str, start: str | None, now: datetime) -> bool:
    return code == "S-GAP" and start is not None and datetime.fromisoformat(start) - now < messages.SOON


async def cover_asked(tx: Tx, payload: dict[str, Any], now: datetime) -> None:
    """Ask whoever could take it: those who were named, else the team, if they are free on every schedule."""
    cover = await oncall.cover(tx, int(payload["cover_id"]))
    if cover is None or cover.state != CoverState.OPEN:
        return
    schedule = (await oncall.schedules_by_id(tx, [cover.schedule_id], since=cover.start))[cover.schedule_id]
    whole = cover.asked or await people.team_members(tx, schedule.team_id)
    others = [i for i in whole if i != cover.requester and i not in cover.declined]
    free = await _free(tx, others, cover.start, cover.end)
    everyone = await people.people_by_id(tx, [cover.requester, *free])
    who = everyone[cover.requester].name
    told = []
    for i in free:
        title, note = messages.asked(
            schedule.name, who, cover.start, cover.end, clean_reason(cover.reason), everyone[i].tz
        )
        told.append(Notice(f"cover:{cover.id}:{i}:{now.isoformat()}", i, "cover", title, note, _MINE))
    await paging.notify(tx, told, now)


async def _free(tx: Tx, users: Sequence[int], start: datetime, end: datetime) -> list[int]:
    """Return who of these is free on every schedule then."""
    schedules = await oncall.schedules(tx, since=start, until=end)
    return [int(i) for i in suggested(users, schedules, start, end, {})]


def clean_reason(text: str) -> str:
    """Return a reason as one line, nothing for none."""
    return clean_name(text, "reason", limit=500) if text.strip() else ""


async def cover_taken(tx: Tx, payload: dict[str, Any], now: datetime) -> None:
    """Tell the requester who covers for them."""
    cover = await oncall.cover(tx, int(payload["cover_id"]))
    if cover is None or cover.taken_by is None:
        return
    schedule = (await oncall.schedules_by_id(tx, [cover.schedule_id], since=cover.start))[cover.schedule_id]
    everyone = await people.people_by_id(tx, [cover.requester, cover.taken_by])
    person = everyone[cover.requester]
    title, note = messages.taken(
        schedule.name, everyone[cover.taken_by].name, cover.start, cover.end, person.tz
    )
    key = f"taken:{cover.id}:{now.isoformat()}"
    await paging.notify(tx, [Notice(key, person.id, "cover", title, note, _MINE)], now)


async def cover_declined(tx: Tx, payload: dict[str, Any], now: datetime) -> None:
    """Tell the requester who said no, and whether anybody is left who could say yes."""
    cover = await oncall.cover(tx, int(payload["cover_id"]))
    if cover is None or cover.state != CoverState.OPEN:
        return
    schedule = (await oncall.schedules_by_id(tx, [cover.schedule_id], since=cover.start))[cover.schedule_id]
    by = int(payload["by"])
    everyone = await people.people_by_id(tx, [cover.requester, by])
    person = everyone[cover.requester]
    left = not cover.asked or bool(set(cover.asked) - set(cover.declined))
    title, note = messages.declined(
        schedule.name, everyone[by].name, cover.start, cover.end, person.tz, left=left
    )
    key = f"declined:{cover.id}:{by}:{now.isoformat()}"
    await paging.notify(tx, [Notice(key, person.id, "cover", title, note, _MINE)], now)


async def cover_lapsed(tx: Tx, payload: dict[str, Any], now: datetime) -> None:
    """Tell those who were asked for cover that it is not needed any more, and why."""
    start, end = (datetime.fromisoformat(payload[name]) for name in ("start", "end"))
    asked = payload["asked"] or await _free(tx, await people.team_members(tx, payload["team_id"]), start, end)
    everyone = await people.people_by_id(tx, [payload["requester"], *asked])
    who = everyone[payload["requester"]]
    told = []
    for i in asked:
        person = everyone[i]
        if person.active and i != who.id and i not in payload["declined"]:
            title, note = messages.lapsed(
                payload["schedule"], who.name, start, end, payload["why"], person.tz
            )
            key = f"lapsed:{payload['cover_id']}:{i}:{now.isoformat()}"
            told.append(Notice(key, i, "cover", title, note, _MINE))
    await paging.notify(tx, told, now)


async def swap_proposed(tx: Tx, payload: dict[str, Any], now: datetime) -> None:
    """Tell somebody that a swap is proposed to them."""
    swap = await oncall.swap(tx, int(payload["swap_id"]))
    if swap is None:
        return
    schedule = (await oncall.schedules_by_id(tx, [swap.schedule_id], since=now))[swap.schedule_id]
    everyone = await people.people_by_id(tx, [swap.proposer, swap.other])
    other = everyone[swap.other]
    title, note = messages.swap_proposed(
        schedule.name,
        everyone[swap.proposer].name,
        (swap.start, swap.end),
        (swap.their_start, swap.their_end),
        clean_reason(swap.reason),
        other.tz,
    )
    await paging.notify(tx, [Notice(f"swap:{swap.id}:proposed", other.id, "swap", title, note, _MINE)], now)


async def swap_decided(tx: Tx, payload: dict[str, Any], now: datetime) -> None:
    """Tell the proposer what was answered."""
    swap = await oncall.swap(tx, int(payload["swap_id"]))
    if swap is None:
        return
    schedule = (await oncall.schedules_by_id(tx, [swap.schedule_id], since=now))[swap.schedule_id]
    other = await people.person(tx, swap.other)
    title, note = messages.swap_decided(schedule.name, other.name, swap.state)
    key = f"swap:{swap.id}:decided"
    await paging.notify(tx, [Notice(key, swap.proposer, "swap", title, note, _MINE)], now)


async def swap_lapsed(tx: Tx, payload: dict[str, Any], now: datetime) -> None:
    """Tell both who would have swapped that they will not, and why."""
    both = (payload["proposer"], payload["other"])
    everyone = await people.people_by_id(tx, both)
    told = []
    for i, with_ in (both, both[::-1]):
        if everyone[i].active:
            title, note = messages.swap_lapsed(payload["schedule"], everyone[with_].name, payload["why"])
            told.append(Notice(f"swap:{payload['swap_id']}:lapsed:{i}", i, "swap", title, note, _MINE))
    await paging.notify(tx, told, now)
