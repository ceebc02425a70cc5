"""The documents of Statuspage's public API v2, key for key (pure; spec 7.8)."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from firebell.kit import public_markdown
from firebell.status_pages import impact
from firebell.status_pages.derived_status import StatusUpdate
from firebell.status_pages.maintenance_windows.model import Maintenance, MaintenanceStage
from firebell.status_pages.model import (
    ComponentGroup,
    ComponentStatus,
    Impact,
    PublicIncident,
    PublicUpdate,
    StatusPage,
    UpdateKind,
)
from firebell.status_pages.view import ComponentView, GroupView, StatusView

NEWEST_INCIDENTS = 50
NEWEST_MAINTENANCES = 50


def instant(at: datetime) -> str:
    """Return an instant in UTC with milliseconds."""
    utc = at.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def documents(view: StatusView, url: str) -> dict[str, dict[str, Any]]:
    """Return the documents by the path below /api/v2; `url` is the address of the page."""
    page = {"page": _page(view.snapshot.page, url)}
    status = {"status": {"indicator": view.indicator.impact.code, "description": view.indicator.description}}
    components = {"components": _components(view)}
    listed = [_incident(view, each, url) for each in view.snapshot.incidents[:NEWEST_INCIDENTS]]
    unresolved = [_incident(view, each, url) for each in view.open_incidents]
    upcoming = [_maintenance(view, each, url) for each in view.upcoming_maintenances]
    active = [_maintenance(view, each, url) for each in view.active_maintenances]
    over = [_maintenance(view, each, url) for each in view.past_maintenances[:NEWEST_MAINTENANCES]]
    unfinished = [*active, *upcoming]
    newest = sorted(
        [*unfinished, *over][:NEWEST_MAINTENANCES], key=lambda each: str(each["scheduled_for"]), reverse=True
    )
    return {
        "summary.json": {**page, **components, "incidents": unresolved, **_scheduled(unfinished), **status},
        "status.json": {**page, **status},
        "components.json": {**page, **components},
        "incidents.json": {**page, "incidents": listed},
        "incidents/unresolved.json": {**page, "incidents": unresolved},
        "scheduled-maintenances.json": {**page, **_scheduled(newest)},
        "scheduled-maintenances/upcoming.json": {**page, **_scheduled(upcoming)},
        "scheduled-maintenances/active.json": {**page, **_scheduled(active)},
    }


def _scheduled(maintenances: list[dict[str, Any]]) -> dict[str, Any]:
    return {"scheduled_maintenances": maintenances}


def incident_document(view: StatusView, incident: PublicIncident, url: str) -> dict[str, Any]:
    """Return one incident of a page as the documents have it."""
    return _incident(view, incident, url)


def maintenance_document(view: StatusView, window: Maintenance, url: str) -> dict[str, Any]:
    """Return one maintenance window of a page as the documents have it."""
    return _maintenance(view, window, url)


def component_document(view: StatusView, component_id: int) -> dict[str, Any]:
    """Return one component of a page as the documents have it."""
    return next(
        _component(view, each, group.group)
        for group in view.groups
        for each in group.components
        if each.component.id == component_id
    )


def _page(page: StatusPage, url: str) -> dict[str, Any]:
    return {
        "id": page.slug,
        "name": page.name,
        "url": url,
        "time_zone": page.tz,
        "updated_at": instant(page.updated_at),
    }


def _components(view: StatusView) -> list[dict[str, Any]]:
    listed = []
    for group in view.groups:
        if group.group:
            listed.append(_group(view, group, group.group))
        listed += [_component(view, each, group.group) for each in group.components]
    return listed


def _group(view: StatusView, shown: GroupView, group: ComponentGroup) -> dict[str, Any]:
    return {
        "id": group.public_id,
        "name": group.name,
        "status": shown.status.code,
        "created_at": instant(group.created_at),
        "updated_at": instant(view.snapshot.page.updated_at),
        "position": group.position,
        "description": group.description or None,
        "showcase": False,
        "start_date": None,
        "group_id": None,
        "page_id": view.snapshot.page.slug,
        "group": True,
        "only_show_if_degraded": False,
        "components": [each.component.public_id for each in shown.components],
    }


def _component(view: StatusView, shown: ComponentView, group: ComponentGroup | None) -> dict[str, Any]:
    component = shown.component
    changed_at = shown.spans[-1].start if len(shown.spans) > 1 else component.created_at
    return {
        "id": component.public_id,
        "name": component.name,
        "status": shown.status.code,
        "created_at": instant(component.created_at),
        "updated_at": instant(changed_at),
        "position": component.position,
        "description": component.description or None,
        "showcase": component.shows_uptime,
        "start_date": component.start_date.isoformat(),
        "group_id": group.public_id if group else None,
        "page_id": view.snapshot.page.slug,
        "group": False,
        "only_show_if_degraded": component.only_if_affected,
    }


def _incident(view: StatusView, incident: PublicIncident, url: str) -> dict[str, Any]:
    return {
        "id": incident.public_id,
        "name": incident.name,
        "status": UpdateKind.POSTMORTEM if incident.postmortem and not incident.is_open else incident.stage,
        "created_at": instant(incident.published_at),
        "updated_at": instant(incident.updates[-1].created_at),
        "monitoring_at": _optional(incident.monitoring_at),
        "resolved_at": _optional(incident.resolved_at),
        "impact": impact.impact(incident).code,
        "shortlink": f"{url}/incidents/{incident.public_id}",
        "started_at": instant(incident.published_at),
        "page_id": view.snapshot.page.slug,
        **_updates_and_components(view, incident),
        "reminder_intervals": None,
    }


def _maintenance(view: StatusView, window: Maintenance, url: str) -> dict[str, Any]:
    """Return a maintenance window; Statuspage has no canceled ones, so their text says it."""
    return {
        "id": window.public_id,
        "name": window.name,
        "status": _status(window.stage),
        "created_at": instant(window.published_at),
        "updated_at": instant(window.changed_at),
        "monitoring_at": None,
        "resolved_at": _optional(window.ended_at),
        "impact": Impact.MAINTENANCE.code,
        "shortlink": f"{url}/maintenance/{window.public_id}",
        "started_at": instant(window.published_at),
        "page_id": view.snapshot.page.slug,
        **_updates_and_components(view, window),
        "scheduled_for": instant(window.scheduled_for),
        "scheduled_until": instant(window.scheduled_until),
    }


def _status(stage: str) -> str:
    return MaintenanceStage.COMPLETED if stage == MaintenanceStage.CANCELLED else stage


def _updates_and_components(view: StatusView, published: PublicIncident | Maintenance) -> dict[str, Any]:
    names = _names(view)
    shown = {each.component.id: each for each in view.components}
    groups = {each.group.id: each.group for each in view.groups if each.group}
    affected = [shown[i] for i in sorted(published.component_ids) if i in shown]
    return {
        "incident_updates": [
            _update(published, position, names) for position in range(len(published.updates) - 1, -1, -1)
        ],
        "components": [_component(view, each, groups.get(each.component.group_id or 0)) for each in affected],
    }


def _optional(at: datetime | None) -> str | None:
    return instant(at) if at else None


def _names(view: StatusView) -> Callable[[int], tuple[str, str] | None]:
    names = {
        each.component.id: (
            each.component.public_id,
            f"{group.group.name} - {each.component.name}" if group.group else each.component.name,
        )
        for group in view.groups
        for each in group.components
    }
    return names.get


def _update(
    published: PublicIncident | Maintenance, position: int, names: Callable[[int], tuple[str, str] | None]
) -> dict[str, Any]:
    update = published.updates[position]
    affected = _affected(published.updates[:position], update, names)
    return {
        "id": update.public_id,
        "status": UpdateKind.POSTMORTEM if update.kind is UpdateKind.POSTMORTEM else _status(update.stage),
        "body": public_markdown.to_plain(update.body),
        "incident_id": published.public_id,
        "created_at": instant(update.created_at),
        "updated_at": instant(update.edited_at or update.created_at),
        "display_at": instant(update.display_at),
        "affected_components": affected or None,
        "deliver_notifications": not (isinstance(update, PublicUpdate) and update.is_quiet),
        "custom_tweet": None,
        "tweet_id": None,
    }


def _affected(
    before: Sequence[StatusUpdate], update: StatusUpdate, names: Callable[[int], tuple[str, str] | None]
) -> list[dict[str, str]]:
    current: dict[int, ComponentStatus] = {}
    for earlier in before:
        current |= {effect.component_id: effect.status for effect in earlier.effects}
    listed = []
    for effect in update.effects:
        name = names(effect.component_id)
        if name:
            old = current.get(effect.component_id, ComponentStatus.OPERATIONAL)
            listed.append(
                {"code": name[0], "name": name[1], "old_status": old.code, "new_status": effect.status.code}
            )
    return listed
