"""Composes the events of pages and alert groups."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from firebell.kit.db.database import Row
from firebell.webhooks.event_types import PAGE_TYPES
from firebell.webhooks.events import subject_store
from firebell.webhooks.events.composition_context import CompositionContext, person_of, service_of, team_of
from firebell.webhooks.events.payloads import AlertGroupEvent, PageEvent, WebhookAlertGroup, WebhookPage
from firebell.webhooks.events.subject_store import Names
from firebell.webhooks.model import NewEvent

GROUP_TYPES = {
    "triggered": "alert_group.opened",
    "acked": "alert_group.acknowledged",
    "resolved": "alert_group.resolved",
}
_PAGE_STATES = {"acked": "acknowledged", "merged": "resolved"}


async def compose_pages(c: CompositionContext, payload: Mapping[str, Any]) -> list[NewEvent]:
    """Return the events of pages, and of alert groups, which are acknowledged with their page."""
    changes = [each for each in payload["changes"] if not _is_first_level(each)]
    pages = await subject_store.pages(c.tx, {page_id for page_id, *_ in changes})
    names = await subject_store.names(
        c.tx,
        {page["service_id"] for page in pages.values()} - {None},
        {page["team_id"] for page in pages.values()} - {None},
        {i for page in pages.values() for i in page["owner_ids"]},
    )
    groups = await subject_store.groups(
        c.tx,
        {pages[i]["subject_id"] for i, kind, *_ in changes if i in pages and _group_type(pages[i], kind)},
    )
    events = []
    for page_id, kind, by, _ in changes:
        page = pages.get(page_id)
        if page is None or page["is_drill"]:
            continue
        about: dict[str, Any] = {
            "teams": [page["team_id"]],
            "services": [page["service_id"]],
            "incidents": page["incident_ids"],
        }
        group = groups.get(page["subject_id"])
        if (group_type := _group_type(page, kind)) and group:
            shown = _group(c, group, page, names)
            data = AlertGroupEvent(alert_group=shown, by=by)
            events.append(c.event(group_type, f"alert_group:{group['id']}", data, **about))
        shown_page = _page(c, page, names)
        events.append(
            c.event(PAGE_TYPES[kind], f"page:{page_id}", PageEvent(page=shown_page, by=by), **about)
        )
    return events


def _is_first_level(change: Sequence[Any]) -> bool:
    """Return True for the first level of a page, which begins with it."""
    _, kind, _, data = change
    return kind == "level" and not data.get("level") and not data.get("round")


def _group_type(page: Row, kind: str) -> str:
    return GROUP_TYPES.get(kind, "") if page["subject_kind"] == "group" else ""


def _group(c: CompositionContext, group: Row, page: Row, names: Names) -> WebhookAlertGroup:
    state: Literal["open", "acknowledged", "resolved"] = "open"
    if group["closed_at"]:
        state = "resolved"
    elif page["state"] in ("acked", "snoozed"):
        state = "acknowledged"
    return WebhookAlertGroup(
        id=group["id"],
        title=group["title"],
        urgency=group["urgency"],
        severity=group["lead_severity"],
        state=state,
        alerts=group["alerts"],
        firing=group["firing"],
        opened_at=group["opened_at"],
        closed_at=group["closed_at"],
        service=service_of(names, page["service_id"]),
        team=team_of(names, page["team_id"]),
        page=f"PG-{page['id']}",
        url=c.url(f"/pages/PG-{page['id']}"),
    )


def _page(c: CompositionContext, page: Row, names: Names) -> WebhookPage:
    kind, state = page["subject_kind"], page["state"]
    incident_ids = sorted(page["incident_ids"])
    return WebhookPage(
        ref=f"PG-{page['id']}",
        title=page["title"],
        urgency=page["urgency"],
        severity=page["severity"],
        state=_PAGE_STATES.get(state, state),
        subject="alert_group" if kind == "group" else kind,
        alert_group=page["subject_id"] if kind == "group" else None,
        incident=f"INC-{incident_ids[-1]}" if incident_ids else None,
        service=service_of(names, page["service_id"]),
        team=team_of(names, page["team_id"]),
        policy=page["policy"],
        level=page["level"] + 1 if page["level"] >= 0 else None,
        acknowledged_by=[person_of(names, i) for i in page["owner_ids"]],
        triggered_at=page["triggered_at"],
        acknowledged_at=page["acked_at"],
        snoozed_until=page["snoozed_until"],
        resolved_at=page["resolved_at"],
        url=c.url(f"/pages/PG-{page['id']}"),
    )
