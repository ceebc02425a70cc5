"""Composes the events of action items, schedules, maintenance and silences."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from firebell.kit.truncation import cut
from firebell.oncall.schedules import queries as oncall
from firebell.status_pages import actions as status_pages
from firebell.webhooks import subject_store
from firebell.webhooks.composition import (
    TEXT_BYTES,
    Composing,
    person_of,
    service_of,
    team_ids_of,
    team_of,
)
from firebell.webhooks.model import NewEvent
from firebell.webhooks.payloads import (
    ActionItemEvent,
    MaintenanceEvent,
    ScheduleEvent,
    SilenceEvent,
    WebhookActionItem,
    WebhookMaintenance,
    WebhookSchedule,
    WebhookShiftChange,
    WebhookSilence,
)
from firebell.webhooks.subject_store import Names

MAINTENANCE_TYPES = {
    "scheduled": "maintenance_window.scheduled",
    "started": "maintenance_window.started",
    "verifying": "maintenance_window.updated",
    "updated": "maintenance_window.updated",
    "extended": "maintenance_window.updated",
    "postponed": "maintenance_window.updated",
    "completed": "maintenance_window.completed",
    "cancelled": "maintenance_window.canceled",
}


async def compose_action_item(c: Composing, payload: Mapping[str, Any]) -> list[NewEvent]:
    """Return that an action item was added or done; nothing for other changes."""
    fields = payload["fields"].split(",")
    is_done = "state" in fields and payload["state"] == "done"
    if "added" not in fields and not is_done:
        return []
    row = await subject_store.action_item(c.tx, payload["item_id"])
    if row is None:
        return []
    names = await subject_store.names(
        c.tx, (), [i for i in [row["team_id"]] if i], [i for i in [row["owner_id"]] if i]
    )
    shown = WebhookActionItem(
        ref=f"ACT-{row['id']}",
        title=row["title"],
        kind=row["kind"],
        priority=row["priority"],
        state=row["state"],
        owner=person_of(names, row["owner_id"]) if row["owner_id"] and row["is_accepted"] else None,
        team=team_of(names, row["team_id"]),
        due=row["due"],
        done_at=row["done_at"],
        incident=f"INC-{row['incident_id']}" if row["incident_id"] else None,
        url=c.url(f"/actions/ACT-{row['id']}"),
    )
    type_ = "action_item.done" if is_done else "action_item.created"
    data = ActionItemEvent(action_item=shown, by=payload["by"])
    about = {"teams": [row["team_id"]], "incidents": row["incident_ids"]}
    return [c.event(type_, f"action_item:{row['id']}", data, **about)]


async def _schedules(
    c: Composing,
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


async def compose_schedule_changed(c: Composing, payload: Mapping[str, Any]) -> list[NewEvent]:
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


async def compose_on_call_changed(c: Composing, payload: Mapping[str, Any]) -> list[NewEvent]:
    """Return that shifts of schedules began or ended."""
    return await _schedules(
        c,
        "schedule.on_call_changed",
        payload["schedule_ids"],
        lambda shown, _: ScheduleEvent(schedule=shown),
    )


async def compose_maintenance(c: Composing, payload: Mapping[str, Any]) -> list[NewEvent]:
    """Return what happened to a maintenance window; nothing for a reminder."""
    type_ = MAINTENANCE_TYPES.get(payload["change"])
    if type_ is None:
        return []
    announced = await status_pages.maintenance_announcement(
        c.tx, payload["status_page_id"], payload["public_incident_id"], c.now, has_document=False
    )
    if announced is None:
        return []
    page, window = announced.page, announced.window
    service_ids = sorted({i for component in announced.components for i in component.service_ids})
    names = await subject_store.names(c.tx, service_ids, (), ())
    shown = WebhookMaintenance(
        id=window.public_id,
        name=window.name,
        stage=window.stage,
        scheduled_for=window.scheduled_for,
        scheduled_until=window.scheduled_until,
        started_at=window.started_at,
        ended_at=window.ended_at,
        services=[each for i in service_ids if (each := service_of(names, i))],
        text=cut(window.updates[-1].body, TEXT_BYTES) if window.updates else "",
        status_page=page.slug,
        url=c.url(f"/status-pages/{page.slug}/maintenance/{window.public_id}"),
    )
    subject = f"maintenance_window:{window.public_id}"
    about = {"teams": team_ids_of(names, service_ids), "services": service_ids}
    return [c.event(type_, subject, MaintenanceEvent(maintenance_window=shown), **about)]


async def compose_silences(c: Composing, payload: Mapping[str, Any]) -> list[NewEvent]:
    """Return what happened to silences."""
    rows = await subject_store.silences(c.tx, payload["silence_ids"])
    names = await subject_store.names(c.tx, {i for row in rows for i in row["service_ids"]}, (), ())
    events = []
    for row in rows:
        services = row.pop("service_ids")
        shown = WebhookSilence(
            **row,
            services=[each for i in services if (each := service_of(names, i))],
            url=c.url(f"/silences/{row['id']}"),
        )
        data = SilenceEvent(silence=shown, by=payload["by"])
        about = {"teams": team_ids_of(names, services), "services": services}
        events.append(c.event(f"silence.{payload['change']}", f"silence:{row['id']}", data, **about))
    return events
