"""Scheduled maintenance from its announcement to its end: over JSON, by its timer, on its pages, for machines."""

from datetime import datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import icalendar
import msgspec

from firebell.kit.clock import FakeClock
from firebell.status_pages.model import MaintenanceChanged
from firebell.status_pages.published_log import chain as published_log_chain
from tests.api.api_clients import browser, key_of, organization, sign_in
from tests.api.test_status_pages import PAGE, read
from tests.world import World

MAINTENANCE = f"{PAGE}/maintenance"
KEYS = {
    *("id", "name", "status", "created_at", "updated_at", "monitoring_at", "resolved_at", "impact"),
    *("shortlink", "started_at", "page_id", "incident_updates", "components", "scheduled_for"),
    "scheduled_until",
}


def _events(w: World) -> list[MaintenanceChanged]:
    """Return the list to which every later event is added."""
    events: list[MaintenanceChanged] = []

    async def keep(_: Any, event: MaintenanceChanged, __: datetime) -> None:
        events.append(event)

    for db in {id(db): db for db in (w.ctx.db, w.ctx.work_db)}.values():
        db._reactions.must[MaintenanceChanged] = (keep,)
    return events


async def _later(w: World, minutes: int) -> None:
    """Advance the clock at once, and run everything that is due then."""
    w.clock.advance(timedelta(minutes=minutes))
    await w.settle()


def _plan(clock: FakeClock, component: int, **more: Any) -> dict[str, Any]:
    start = clock.now() + timedelta(days=2)
    return {
        "name": "Database upgrade",
        "body": "{{services}} may pause on {{date}}.",
        "scheduled_for": start.isoformat(),
        "scheduled_until": (start + timedelta(hours=2)).isoformat(),
        "component_ids": [component],
        **more,
    }


async def test_customers_hear_of_maintenance_from_its_announcement_to_its_end(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        events = _events(w)
        new_page = {
            "slug": "kestrel",
            "name": "Kestrel",
            "tz": "Europe/Stockholm",
            "service_ids": [w.service],
        }
        [component] = (await api("POST", "/status-pages", new_page, status=201))["components"]
        plan = _plan(clock, component["id"])
        for field, wrong in {
            "scheduled_for": {"scheduled_for": (clock.now() - timedelta(hours=1)).isoformat()},
            "scheduled_until": {"scheduled_until": plan["scheduled_for"]},
            "components": {"component_ids": []},
            "text": {"body": "{{summary}}"},
            "rule": {"rule": "FREQ=SECONDLY"},
        }.items():
            refused = await api("POST", MAINTENANCE, {**plan, **wrong}, status=422)
            assert [e["field"] for e in refused["errors"]] == [field]
        window = await api("POST", MAINTENANCE, plan, status=201)
        one = f"{MAINTENANCE}/{window['id']}"
        assert (window["stage"], window["notice"], window["reminders"]) == (
            "scheduled",
            "",
            [10_080, 1440, 60],
        )
        assert window["updates"][0]["body"].startswith("Checkout may pause on ")
        summary = (await read(w, http, "/api/v2/summary.json")).json()
        assert summary["status"]["indicator"] == "none"
        [shown] = summary["scheduled_maintenances"]
        assert (set(shown), shown["status"], shown["impact"]) == (KEYS, "scheduled", "maintenance")
        assert [c["id"] for c in shown["components"]] == [component["public_id"]]
        assert "Database upgrade" in (await read(w, http)).text

        # it reminds, starts and ends by itself, at the planned times
        for minutes in (24 * 60 + 1, 23 * 60, 60):
            await _later(w, minutes)
        assert [(e.change, e.reminder_minutes) for e in events] == [
            ("scheduled", None),
            ("reminder", 1440),
            ("reminder", 60),
            ("started", None),
        ]
        assert (await api("GET", one))["started_at"] == window["scheduled_for"]
        assert (await api("GET", PAGE))["components"][0]["status"] == "under_maintenance"
        active = (await read(w, http, "/api/v2/scheduled-maintenances/active.json")).json()
        assert [m["status"] for m in active["scheduled_maintenances"]] == ["in_progress"]
        [change] = active["scheduled_maintenances"][0]["incident_updates"][0]["affected_components"]
        assert (change["old_status"], change["new_status"]) == ("operational", "under_maintenance")
        assert (await read(w, http, "/status.json")).json()["worst"] == "under_maintenance"
        await api("POST", f"{one}/postpone", plan | {"body": ""}, status=422)
        times = {name: plan[name] for name in ("scheduled_for", "scheduled_until")}
        await api("POST", f"{one}/postpone", times, status=409)
        later = {"scheduled_until": (clock.now() + timedelta(hours=3)).isoformat()}
        await api("POST", f"{one}/extend", later)
        await api("POST", f"{one}/updates", {"body": "Half is done."}, status=201)

        # an alert of its services keeps it open, and the person who scheduled it is notified
        await w.alert()
        await w.settle()
        await _later(w, 181)
        held = await api("GET", one)
        assert (held["stage"], held["findings"]) == ("verifying", [])
        await _later(w, 20)
        assert [f["code"] for f in (await api("GET", one))["findings"]] == ["T-OVERRUN"]
        notices = [m["title"] for m in w.sink.got if "maintenance" in m.get("title", "")]
        assert notices == ["Database upgrade: maintenance has not ended"] * 2
        await w.alert(status="resolved")
        await w.settle()
        await _later(w, 2)
        done = await api("GET", one)
        assert (done["stage"], done["findings"]) == ("completed", [])
        assert done["ended_at"] > held["scheduled_until"]
        assert [e.change for e in events[4:]] == ["extended", "updated", "verifying", "completed"]
        assert all(e.notify and e.update_id for e in events[4:])
        [after] = (await api("GET", PAGE))["components"]
        assert (after["status"], after["uptime_90d"]) == ("operational", 1.0)
        edited = await api("PATCH", f"{one}/updates/1", {"body": "Clearer.", "reason": "Typo"})
        assert (edited["updates"][0]["body"], edited["updates"][0]["version"]) == ("Clearer.", 2)
        assert (await api("POST", f"{one}/complete", {}))["stage"] == "completed"
        await api("POST", f"{one}/updates", {"body": "More."}, status=409)

        # everything that was published is in the log and in the feeds
        log = (await read(w, http, "/history.jsonl")).text.splitlines()
        assert published_log_chain.first_broken(log) is None
        stages = [msgspec.json.decode(line)["stage"] for line in log]
        assert stages == [
            *("scheduled", "in_progress", "in_progress", "in_progress", "verifying", "completed"),
            "scheduled",
        ]
        assert msgspec.json.decode(log[1])["components"] == {component["public_id"]: "under_maintenance"}
        feed = ET.fromstring((await read(w, http, "/history.atom")).text)
        assert [e.text for e in feed.iter("{http://www.w3.org/2005/Atom}title")][1:] == ["Database upgrade"]
        guids = [e.text for e in ET.fromstring((await read(w, http, "/history.rss")).text).iter("guid")]
        assert guids == [window["id"]]
        served = await read(w, http, "/maintenance.ics")
        assert served.headers["content-type"].startswith("text/calendar")
        [event] = icalendar.Calendar.from_ical(served.text).walk("VEVENT")
        assert event["uid"] == f"{window['id']}@127.0.0.1"
        for path in (f"/maintenance/{window['id']}", "/history"):
            assert "Database upgrade" in (await read(w, http, path)).text
        over = (await read(w, http, "/api/v2/scheduled-maintenances.json")).json()
        assert [m["status"] for m in over["scheduled_maintenances"]] == ["completed"]
        assert (await read(w, http, "/api/v2/incidents.json")).json()["incidents"] == []


async def test_a_downtime_applies_each_step_once_and_announces_no_start_that_is_over(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api):
        events = _events(w)
        new_page = {"slug": "kestrel", "name": "K", "tz": "UTC", "service_ids": [w.service]}
        [component] = (await api("POST", "/status-pages", new_page, status=201))["components"]
        window = await api("POST", MAINTENANCE, _plan(clock, component["id"]), status=201)
        early = _plan(clock, component["id"], reminders=[])
        early["scheduled_for"] = (clock.now() + timedelta(days=30)).isoformat()
        early["scheduled_until"] = (clock.now() + timedelta(days=30, hours=1)).isoformat()
        early_id = (await api("POST", MAINTENANCE, early, status=201))["id"]
        started = await api("POST", f"{MAINTENANCE}/{early_id}/start", {})
        in_an_hour = (clock.now() + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
        assert (started["stage"], started["scheduled_until"]) == ("in_progress", in_an_hour)
        await api("POST", f"{MAINTENANCE}/{early_id}/complete", {})
        emergency = _plan(clock, component["id"], name="Emergency", scheduled_for=None, reminders=[])
        emergency["scheduled_until"] = (clock.now() + timedelta(hours=1)).isoformat()
        now = await api("POST", MAINTENANCE, emergency, status=201)
        assert (now["stage"], now["notice"]) == ("in_progress", "Emergency")
        ended = await api("POST", f"{MAINTENANCE}/{now['id']}/cancel", {})
        assert (ended["stage"], len(ended["updates"])) == ("completed", 3)
        del events[:]
        clock.advance(timedelta(days=4))
        await w.settle()
        done = await api("GET", f"{MAINTENANCE}/{window['id']}")
        assert (done["started_at"], done["ended_at"]) == (window["scheduled_for"], window["scheduled_until"])
        assert [(e.change, e.notify) for e in events] == [("started", False), ("completed", True)]
        [after] = (await api("GET", PAGE))["components"]
        assert (after["status"], after["uptime_90d"]) == ("operational", 1.0)


async def test_maintenance_that_repeats_is_published_ahead_and_one_window_changes_alone(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        events = _events(w)
        new_page = {"slug": "kestrel", "name": "K", "tz": "Europe/Stockholm", "service_ids": [w.service]}
        [component] = (await api("POST", "/status-pages", new_page, status=201))["components"]
        weekly = _plan(clock, component["id"], rule="FREQ=MONTHLY;COUNT=4", reminders=[])
        first = await api("POST", MAINTENANCE, weekly, status=201)
        assert [e.change for e in events] == ["scheduled"]
        windows = await api("GET", MAINTENANCE)
        assert [window["repeats"] for window in windows] == [True] * 4
        second = windows[2]
        one = f"{MAINTENANCE}/{second['id']}"
        moved = {
            "scheduled_for": (clock.now() + timedelta(days=10)).isoformat(),
            "scheduled_until": (clock.now() + timedelta(days=10, hours=1)).isoformat(),
        }
        assert (await api("POST", f"{one}/postpone", moved))["stage"] == "scheduled"
        upcoming = (await read(w, http, "/api/v2/scheduled-maintenances/upcoming.json")).json()
        assert [m["id"] for m in upcoming["scheduled_maintenances"]][:2] == [first["id"], second["id"]]
        assert len(upcoming["scheduled_maintenances"]) == 4
        jun = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        await jun("POST", MAINTENANCE, weekly, status=403)
        await jun("POST", f"{one}/stop-repeating", status=403)
        assert (await jun("POST", f"{one}/cancel", {"body": "Not needed."}))["stage"] == "cancelled"
        assert (await api("POST", f"{one}/stop-repeating")) == {"cancelled": 3}
        assert (await api("POST", f"{one}/stop-repeating")) == {"cancelled": 0}
        assert [m["stage"] for m in await api("GET", MAINTENANCE)] == ["cancelled"] * 4
        assert (await read(w, http, "/api/v2/summary.json")).json()["scheduled_maintenances"] == []
        statuses = [
            e["status"]
            for e in icalendar.Calendar.from_ical((await read(w, http, "/maintenance.ics")).text).walk(
                "VEVENT"
            )
        ]
        assert statuses == ["CANCELLED"] * 4


async def test_maintenance_is_scheduled_on_its_pages_and_embedded_where_it_may_be(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        new_page = {"slug": "kestrel", "name": "K", "tz": "Europe/Stockholm", "service_ids": [w.service]}
        [component] = (await api("POST", "/status-pages", new_page, status=201))["components"]
        csrf = await sign_in(w, http, w.mara)
        start = clock.now() + timedelta(days=3)
        form = {
            "csrf": csrf,
            "name": "Upgrade",
            "body": "Short.",
            "component": str(component["id"]),
            "auto_start": "yes",
            "auto_end": "yes",
            "reminder": "60",
            "repeat": "once",
            "scheduled_for": f"{start:%Y-%m-%dT02:00}",
            "scheduled_until": f"{start:%Y-%m-%dT01:00}",
        }
        refused = await http.post(f"{MAINTENANCE}/new", data=form)
        assert (refused.status_code, 'value="Upgrade"' in refused.text) == (422, True)
        form["scheduled_until"] = f"{start:%Y-%m-%dT04:00}"
        shown = await http.post(f"{MAINTENANCE}/new", data={**form, "preview": "yes"})
        assert (shown.status_code, 'id="preview"' in shown.text) == (200, True)
        assert await api("GET", MAINTENANCE) == []
        scheduled = await http.post(f"{MAINTENANCE}/new", data=form)
        one = scheduled.headers["location"]
        [window] = await api("GET", MAINTENANCE)
        assert window["scheduled_for"].endswith(("T00:00:00Z", "T01:00:00Z"))
        assert (await http.get(MAINTENANCE)).status_code == 200
        assert (await http.get(one)).status_code == 200
        late = {"csrf": csrf, "scheduled_until": "2026-01-01T00:00"}
        assert (await http.post(f"{one}/extend", data=late)).status_code == 422
        for change, after in (("start", "in_progress"), ("verify", "verifying"), ("complete", "completed")):
            assert (await http.post(f"{one}/{change}", data={"csrf": csrf})).status_code == 303
            assert [m["stage"] for m in await api("GET", MAINTENANCE)] == [after]

        ancestors = "frame-ancestors 'none'"
        embedded = await read(w, http, "/embed")
        assert ancestors in embedded.headers["content-security-policy"]
        origins = {"csrf": csrf, "origins": "https://www.example.org/\nhttps://b.example.org"}
        assert (await http.post(f"{PAGE}/embed", data=origins)).status_code == 303
        embedded = await read(w, http, "/embed")
        assert (
            "frame-ancestors https://b.example.org https://www.example.org"
            in (embedded.headers["content-security-policy"])
        )
        assert ancestors in (await read(w, http)).headers["content-security-policy"]
        wrong = {"origins": ["javascript:alert(1)"]}
        await api("PUT", f"{PAGE}/embed-origins", wrong, status=422)
        script = await read(w, http, "/embed.js")
        assert script.headers["content-type"].startswith("text/javascript")
        assert script.headers["access-control-allow-origin"] == "*"
        assert len(script.content) <= 3 * 1024
