"""Composes the events of schedules and who is on call."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from firebell.oncall.schedules import queries as oncall
from firebell.webhooks.events import subject_store
from firebell.webhooks.events.composition_context import CompositionContext, person_of, team_of
from firebell.webhooks.events.payloads import ScheduleEvent, WebhookSchedule, WebhookShiftChange
from firebell.webhooks.events.subject_store import Names
from firebell.webhooks.model import NewEvent


async def _schedules(
    c: CompositionContext,
    type_: str,
    ids: Collection[int],
    build: Callable[[WebhookSchedule, Names], ScheduleEvent],
    person_ids: Collection[int] = (),
) -> list[NewEvent]:
    rows = await subject_store.schedules(c.tx, ids)
    duties = {
        each.schedule.id: each for each in await oncall.current(c.tx, [row["id"] for row in rows], c.now)
    }
    people = {i for each in duties.values() for i in (*each.users, *each.next_users)}
    names = await subject_store.names(c.tx, (), {row["team_id"] for row in rows}, people | {*person_ids})
    events = []
    for row in rows:
        duty = duties.get(row["id"])
        shown = WebhookSchedule(
            slug=row["slug"],
            name=row["name"],
            time_zone=row["tz"],
            team=team_of(names, row["team_id"]),
            on_call=[person_of(names, i) for i in duty.users] if duty else [],
            until=duty.until if duty else None,
            next=[person_of(names, i) for i in duty.next_users] if duty else [],
            url=c.url(f"/oncall/{row['slug']}"),
        )
        subject = f"schedule:{row['id']}"
        events.append(c.event(type_, subject, build(shown, names), teams=[row["team_id"]]))
    return events


async def compose_schedule_changed(c: CompositionContext, payload: Mapping[str, Any]) -> list[NewEvent]:
    """Return that a change of a schedule changes who will be on call."""
    people = {i for _, _, before, after in payload["changes"] for i in (*before, *after)}

    def build(shown: WebhookSchedule, names: Names) -> ScheduleEvent:
        changes = [
            WebhookShiftChange(
                start=start,
                end=end,
                before=[person_of(names, i) for i in before],
                after=[person_of(names, i) for i in after],
            )
            for start, end, before, after in payload["changes"]
        ]
        return ScheduleEvent(schedule=shown, by=payload["by"], reason=payload["why"], changes=tuple(changes))

    return await _schedules(c, "schedule.changed", [payload["schedule_id"]], build, people)


async def compose_on_call_changed(c: CompositionContext, payload: Mapping[str, Any]) -> list[NewEvent]:
    """Return that shifts of schedules began or ended."""
    return await _schedules(
        c,
        "schedule.on_call_changed",
        payload["schedule_ids"],
        lambda shown, _: ScheduleEvent(schedule=shown),
    )
