"""S10: the documents of Statuspage's public API v2 have exactly its keys, so that clients made for it read ours."""

from datetime import UTC, date, datetime, timedelta

from firebell.status_pages import view
from firebell.status_pages.maintenance_windows.model import Maintenance, MaintenanceStage, MaintenanceUpdate
from firebell.status_pages.model import (
    Component,
    ComponentGroup,
    ComponentStatus,
    Effect,
    PageVisibility,
    PublicIncident,
    PublicUpdate,
    Stage,
    StatusPage,
    UpdateKind,
)
from firebell.status_pages.public import statuspage_json
from firebell.status_pages.snapshot import Snapshot

NOW = datetime(2026, 11, 27, 3, 16, tzinfo=UTC)
HOUR = timedelta(hours=1)
PAGE = {"id", "name", "url", "time_zone", "updated_at"}
COMPONENT = {
    *(
        "id",
        "name",
        "status",
        "created_at",
        "updated_at",
        "position",
        "description",
        "showcase",
        "start_date",
    ),
    *("group_id", "page_id", "group", "only_show_if_degraded"),
}
UPDATE = {
    *("id", "status", "body", "incident_id", "created_at", "updated_at", "display_at", "affected_components"),
    *("deliver_notifications", "custom_tweet", "tweet_id"),
}
EITHER = {
    *(
        "id",
        "name",
        "status",
        "created_at",
        "updated_at",
        "monitoring_at",
        "resolved_at",
        "impact",
        "shortlink",
    ),
    *("started_at", "page_id", "incident_updates", "components"),
}
INCIDENT = EITHER | {"reminder_intervals"}
MAINTENANCE = EITHER | {"scheduled_for", "scheduled_until"}
LISTS = {
    "summary.json": {"page", "components", "incidents", "scheduled_maintenances", "status"},
    "status.json": {"page", "status"},
    "components.json": {"page", "components"},
    "incidents.json": {"page", "incidents"},
    "incidents/unresolved.json": {"page", "incidents"},
    "scheduled-maintenances.json": {"page", "scheduled_maintenances"},
    "scheduled-maintenances/upcoming.json": {"page", "scheduled_maintenances"},
    "scheduled-maintenances/active.json": {"page", "scheduled_maintenances"},
}


def _incident(number: int, *, is_open: bool) -> PublicIncident:
    begun = NOW - number * HOUR
    effects = (Effect(7, ComponentStatus.PARTIAL_OUTAGE, begun),)
    first = PublicUpdate(
        *(number, f"u{number}", 1, Stage.INVESTIGATING, UpdateKind.UPDATE, "We **look** at:\n\n- cards"),
        *(effects, begun, None, begun, "Mara"),
    )
    last = PublicUpdate(
        *(
            number + 100,
            f"v{number}",
            2,
            Stage.RESOLVED,
            UpdateKind.UPDATE,
            "Over.",
            (),
            NOW,
            None,
            NOW,
            "Mara",
        ),
    )
    return PublicIncident(
        number,
        f"incident{number:04}",
        214,
        "Payments fail",
        None,
        begun,
        None,
        None if is_open else NOW,
        0,
        (first,) if is_open else (first, last),
    )


def _maintenance(number: int, stage: MaintenanceStage, starts_in: timedelta) -> Maintenance:
    start = NOW + starts_in
    update = MaintenanceUpdate(number, f"m{number}", 1, stage, "We upgrade.", (), start, start, "Mara")
    return Maintenance(
        id=number,
        public_id=f"maintain{number:04}",
        status_page_id=1,
        name="Upgrade",
        stage=stage,
        scheduled_for=start,
        scheduled_until=start + 2 * HOUR,
        announced_at=start - 48 * HOUR,
        published_at=start - 48 * HOUR,
        started_at=start if stage.is_active or stage.is_over else None,
        ended_at=start + HOUR if stage.is_over else None,
        component_ids=frozenset({7}),
        auto_start=True,
        auto_end=True,
        reminders=(),
        handled_until=start,
        created_by=1,
        version=1,
        series_id=None,
        updates=(update,),
    )


def test_every_document_has_exactly_the_keys_of_statuspage() -> None:
    page = StatusPage(
        *(1, "kestrel", "Kestrel", "Europe/Stockholm", "", "", PageVisibility.PUBLIC, 30, 0, NOW, NOW)
    )
    group = ComponentGroup(3, "group0000001", "Shop", 1, NOW)
    components = tuple(
        Component(
            *(number, f"checkout{number:05}", group_id, "Checkout", "", 1, date(2026, 10, 1), True, NOW, ())
        )
        for number, group_id in ((7, 3), (8, None))
    )
    snapshot = Snapshot(
        page,
        (group,),
        components,
        (_incident(1, is_open=True), _incident(2, is_open=False)),
        (
            _maintenance(11, MaintenanceStage.CANCELLED, -30 * HOUR),
            _maintenance(12, MaintenanceStage.IN_PROGRESS, -HOUR),
            _maintenance(13, MaintenanceStage.SCHEDULED, 30 * HOUR),
        ),
    )
    documents = statuspage_json.documents(view.build(snapshot, NOW), "https://status.kestrel.example")
    assert {name: set(document) for name, document in documents.items()} == LISTS
    for name, document in documents.items():
        assert set(document["page"]) == PAGE, name
        assert set(document.get("status", {})) in (set(), {"indicator", "description"}), name
        listed = [*document.get("incidents", ()), *document.get("scheduled_maintenances", ())]
        for each in listed:
            assert set(each) == (MAINTENANCE if "scheduled_for" in each else INCIDENT), name
            assert all(set(update) == UPDATE for update in each["incident_updates"]), name
            assert all(set(component) == COMPONENT for component in each["components"]), name
        # only a group has components of its own
        for each in document.get("components", ()):
            assert set(each) == COMPONENT | ({"components"} if each["group"] else set()), name
    counts = {
        name: len(d.get("incidents", d.get("scheduled_maintenances", ()))) for name, d in documents.items()
    }
    assert counts == {
        **dict.fromkeys(("summary.json", "incidents/unresolved.json"), 1),
        **dict.fromkeys(("status.json", "components.json"), 0),
        "incidents.json": 2,
        "scheduled-maintenances.json": 3,
        **dict.fromkeys(("scheduled-maintenances/upcoming.json", "scheduled-maintenances/active.json"), 1),
    }
    [unresolved] = documents["summary.json"]["incidents"]
    [update] = unresolved["incident_updates"]
    assert update["body"] == "We look at:\n\n- cards"
    assert update["affected_components"] == [
        {
            "code": "checkout00007",
            "name": "Shop - Checkout",
            "old_status": "operational",
            "new_status": "partial_outage",
        }
    ]
    # Statuspage knows no canceled maintenance
    stages = [each["status"] for each in documents["scheduled-maintenances.json"]["scheduled_maintenances"]]
    assert stages == ["scheduled", "in_progress", "completed"]
