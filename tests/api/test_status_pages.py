"""A status page from its creation to the resolved incident: over JSON, on its pages, and as customers read it."""

import re
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import msgspec
import pytest

from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from firebell.people import actions as people
from firebell.status_pages import actions as status_pages
from firebell.status_pages import queries
from firebell.status_pages.public.rendered_documents import asset_path
from firebell.status_pages.published_log import chain as published_log_chain
from firebell.status_pages.signing import key_document, log_check
from firebell.status_pages.signing.model import KEY_PATH, encoded_key
from tests.api.api_clients import TEST, browser, key_of, organization, sign_in
from tests.api.first_update_steps import (
    firebell_leaves_to_people_what_is_theirs,
    firebell_posts_what_no_one_writes,
    the_rule_of_a_page_is_turned_on,
)
from tests.api.test_timeline_entries import declare
from tests.world import World

PAGE = "/status-pages/kestrel"
OWN_SCRIPT = f'<script src="/s/kestrel{asset_path("js/status.js")}" type="module"></script>'
INCIDENTS = f"{PAGE}/incidents"


async def read(w: World, http: httpx.AsyncClient, path: str = "", **headers: str) -> httpx.Response:
    """Read the status page after the notification of its last change arrived, which the worker passes on."""
    w.ctx.live.publish("status-kestrel")
    return await http.get(f"/s/kestrel{path}", headers=headers)


def shown_uptime(component: dict[str, Any]) -> str:
    """Return the uptime of 90 days as the page shows it; all of the component's time is within this month."""
    return f"{int(component['uptime_90d'] * 10_000) / 100:.2f}%"


async def test_customers_follow_an_incident_from_its_first_update_to_the_end(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        page = await api(
            "POST",
            "/status-pages",
            {"slug": "kestrel", "name": "Kestrel", "tz": "Europe/Stockholm", "service_ids": [w.service]},
            status=201,
        )
        [component] = page["components"]
        assert (page["indicator"], component["status"], component["service_ids"]) == (
            "none",
            "operational",
            [w.service],
        )
        await api("POST", "/status-pages", {"slug": "kestrel", "name": "K", "tz": "UTC"}, status=409)
        await api("POST", "/status-pages", {"slug": "K !", "name": "K", "tz": "UTC"}, status=422)
        assert (await read(w, http)).status_code == 200
        clock.advance(timedelta(hours=1))
        await declare(w)
        clock.advance(timedelta(minutes=5))
        first = {
            "name": "Card payments fail",
            "incident": "INC-1",
            "stage": "investigating",
            "body": "We are investigating failed card payments.",
            "components": {str(component["id"]): "partial_outage"},
        }
        refused = await api("POST", INCIDENTS, first, status=422)
        assert [e["field"] for e in refused["errors"]] == ["next_update_at"]
        soon = (clock.now() + timedelta(minutes=30)).isoformat()
        draft = {**first, "next_update_at": soon, "body": "What you may notice: {{impact}}"}
        refused = await api("POST", INCIDENTS, draft, status=422)
        assert [e["field"] for e in refused["errors"]] == ["text"]
        incident = await api("POST", INCIDENTS, {**first, "next_update_at": soon}, status=201)
        assert (incident["stage"], incident["impact"], incident["incident"]) == (
            "investigating",
            "major",
            "INC-1",
        )
        assert incident["updates"][0]["components"][0]["since"] < incident["published_at"]
        await api("POST", INCIDENTS, {**first, "next_update_at": soon}, status=409)
        shown = await read(w, http)
        assert "Card payments fail" in shown.text
        assert "default-src 'none'" in shown.headers["content-security-policy"]
        again = await http.get("/s/kestrel", headers={"If-None-Match": shown.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        summary = (await read(w, http, "/api/v2/summary.json")).json()
        assert set(summary) == {"page", "components", "incidents", "scheduled_maintenances", "status"}
        assert summary["status"] == {"indicator": "major", "description": "Partial System Outage"}
        assert [c["status"] for c in summary["components"]] == ["partial_outage"]
        assert [i["id"] for i in summary["incidents"]] == [incident["id"]]

        updates = f"{INCIDENTS}/{incident['id']}/updates"
        clock.advance(timedelta(minutes=10))
        later = (clock.now() + timedelta(minutes=30)).isoformat()
        watching = {
            "stage": "monitoring",
            "body": "Payments work again.",
            "next_update_at": later,
            "after": 1,
        }
        watching["components"] = {str(component["id"]): "operational"}
        await api("POST", updates, watching, status=201)
        await api("POST", updates, {**watching, "after": 1}, status=409)
        await api("POST", updates, {**watching, "after": 2, "stage": "identified"}, status=409)
        worse = {**watching, "after": 2, "stage": "investigating", "kind": "regression", "body": "Again."}
        worse["components"] = {str(component["id"]): "major_outage"}
        assert (await api("POST", updates, worse, status=201))["regressions"] == 1
        assert (await read(w, http, "/status.json")).json()["worst"] == "major_outage"
        edited = await api("PATCH", f"{updates}/3", {"body": "It fails again.", "reason": "Clearer"})
        assert (edited["updates"][2]["body"], edited["updates"][2]["version"]) == ("It fails again.", 2)
        clock.advance(timedelta(minutes=10))
        over = await api("POST", updates, {"stage": "resolved", "body": "This is over."}, status=201)
        assert (over["stage"], over["resolved_at"]) == (
            "resolved",
            clock.now().isoformat().replace("+00:00", "Z"),
        )
        assert (await read(w, http, "/api/v2/status.json")).json()["status"]["indicator"] == "none"
        [resolved] = (await read(w, http, "/api/v2/incidents.json")).json()["incidents"]
        assert (resolved["status"], resolved["impact"]) == ("resolved", "critical")
        assert resolved["incident_updates"][0]["body"] == "This is over."
        kinds = [e["kind"] for e in await api("GET", "/incidents/INC-1/timeline")]
        assert kinds.count("public") == 4

        # its permalink and its month are there after it left the days that the page shows
        incident_path = f"/incidents/{incident['id']}"
        month = f"/history/{clock.now():%Y-%m}"
        assert (await read(w, http, "/history/2026-02")).status_code == 404
        published = clock.now()
        clock.advance(timedelta(days=200))
        assert incident["id"] not in (await read(w, http, "/history")).text
        for path, status in ((month, 200), (incident_path, 200), ("/incidents/nothing00000", 404)):
            shown = await read(w, http, path)
            assert shown.status_code == status, path
            assert ("Card payments fail" in shown.text) == (status == 200), path
        assert (
            incident["id"]
            not in (await read(w, http, f"/history/{published + timedelta(days=40):%Y-%m}")).text
        )
        clock.set(published)

        # a correction afterwards changes the past, and leaves nothing broken that is over
        before = (await api("GET", PAGE))["components"][0]["uptime_90d"]
        worse = {"stage": "resolved", "kind": "correction", "body": "All payments failed."}
        worse["components"] = {str(component["id"]): "major_outage"}
        worse["since"] = incident["updates"][0]["components"][0]["since"]
        await api("POST", updates, worse, status=201)
        [corrected] = (await api("GET", PAGE))["components"]
        assert corrected["status"] == "operational"
        assert corrected["uptime_90d"] < before
        report = await api("GET", f"{PAGE}/uptime?months=2")
        [reported] = report["components"]
        assert [month["month"] for month in reported["months"]] == report["months"]
        assert reported["months"][-1]["seconds"]["major_outage"] > 0
        assert reported["text"] == reported["months"][-1]["text"] == shown_uptime(corrected)
        await api("GET", f"{PAGE}/uptime?months=25", status=422)
        await sign_in(w, http, w.mara)
        assert reported["text"] in (await http.get(f"{PAGE}/uptime?months=2")).text
        assert (await http.get(f"{PAGE}/uptime?months=0")).status_code == 422
        rows = (await http.get(f"{PAGE}/uptime.csv?months=2")).text.splitlines()
        assert [row.split(",")[2] for row in rows[1:]] == report["months"]
        assert (await api("GET", INCIDENTS))[0]["id"] == incident["id"]
        assert 0.9 < (await api("GET", PAGE))["components"][0]["uptime_90d"] < 1


async def test_what_was_published_cannot_be_changed_unnoticed(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        await api("POST", "/status-pages", {"slug": "kestrel", "name": "K", "tz": "UTC"}, status=201)
        soon = (clock.now() + timedelta(minutes=30)).isoformat()
        first = {"name": "Payments fail", "stage": "investigating", "body": "One.", "next_update_at": soon}
        incident = await api("POST", INCIDENTS, first, status=201)
        await api("PATCH", f"{INCIDENTS}/{incident['id']}/updates/1", {"body": "Two."})
        log = (await read(w, http, "/history.jsonl")).text
        assert [msgspec.json.decode(line)["body"] for line in log.splitlines()] == ["One.", "Two."]
        assert published_log_chain.first_broken(log.splitlines()) is None
        assert published_log_chain.first_broken(log.replace("One.", "Three.").splitlines()) == 1
        assert published_log_chain.first_broken(log.splitlines()[1:]) == 1

        # signed with the key that is published beside it, also after that key is replaced
        pinned = key_document.parse((await read(w, http, KEY_PATH)).text)
        checked = log_check.check(log.splitlines(), pinned)
        assert (checked.problem, checked.signatures) == (None, 2)
        keys = f"{PAGE}/signing-keys"
        refused = await api("POST", keys, {"reason": " "}, status=422)
        assert [each["field"] for each in refused["errors"]] == ["reason"]
        replaced = await api("POST", keys, {"reason": "Yearly change."}, status=201)
        assert (replaced["first_entry"], replaced["is_present"]) == (4, True)
        csrf = await sign_in(w, http, w.mara)
        form = {"csrf": csrf, "reason": "<b>Leaked"}
        assert (await http.post(f"{PAGE}/signing", data={"csrf": csrf})).status_code == 422
        assert (await http.post(f"{PAGE}/signing", data=form)).status_code == 303
        shown = (await http.get(f"{PAGE}/signing")).text
        assert (replaced["public_key"] in shown, "&lt;b&gt;Leaked" in shown) == (True, True)
        await api("PATCH", f"{INCIDENTS}/{incident['id']}/updates/1", {"body": "Three."})
        lines = (await read(w, http, "/history.jsonl")).text.splitlines()
        assert [msgspec.json.decode(line)["kind"] for line in lines[2:]] == ["key", "key", "update"]
        checked = log_check.check(lines, pinned)
        assert (checked.problem, checked.signatures, checked.unsigned) == (None, 5, 0)
        listed = await api("GET", keys)
        assert [key["is_present"] for key in listed] == [False, False, True]
        published = key_document.parse((await read(w, http, KEY_PATH)).text)
        assert [encoded_key(key) for key in published] == [key["public_key"] for key in listed]
        feed = ET.fromstring((await read(w, http, "/history.atom")).text)
        assert [e.text for e in feed.iter("{http://www.w3.org/2005/Atom}title")] == [
            "K status",
            "Payments fail",
        ]
        rss = ET.fromstring((await read(w, http, "/history.rss")).text)
        assert [e.text for e in rss.iter("guid")] == [incident["id"]]
        badge = ET.fromstring((await http.get('/s/kestrel/badge.svg?label="<b>')).text)
        assert badge.attrib["aria-label"].startswith('"<b>: ')
        for path in (
            "/s/other",
            "/s/kestrel/nothing",
            "/s/kestrel/incidents/none",
            "/s/kestrel/badge.svg?component=x",
        ):
            assert (await http.get(path)).status_code == 404, path
        assert (await http.post("/s/kestrel")).status_code == 405


async def test_only_those_who_speak_for_an_incident_publish_it_and_never_a_private_one(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api):
        await api("POST", "/status-pages", {"slug": "kestrel", "name": "K", "tz": "UTC"}, status=201)
        await declare(w)
        jun = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        soon = (clock.now() + timedelta(minutes=30)).isoformat()
        first = {"name": "Payments fail", "incident": "INC-1", "stage": "investigating", "body": "One."}
        first["next_update_at"] = soon
        await jun("POST", INCIDENTS, first, status=403)
        await jun("POST", INCIDENTS, {**first, "incident": None}, status=403)
        await jun("POST", "/status-pages", {"slug": "mine", "name": "M", "tz": "UTC"}, status=403)
        clock.advance(timedelta(minutes=10))
        assert (await jun("POST", INCIDENTS, first, status=201))["stage"] == "investigating"
        await api("PUT", "/incidents/INC-1/type", {"type": "security", "private": True, "reason": "Leak"})
        update = {"stage": "identified", "body": "Two.", "next_update_at": soon}
        published = (await api("GET", INCIDENTS))[0]
        assert published["incident"] == "INC-1"
        async with w.ctx.db.tx() as tx:
            stranger = await people.create_person(
                tx, TEST, name="Ada", email="ada@example.org", role="viewer", tz="UTC", now=w.now
            )
        viewer = api.with_key(await key_of(w.ctx.db, clock, stranger.id))
        assert (await viewer("GET", INCIDENTS))[0]["incident"] is None
        updates = f"{INCIDENTS}/{published['id']}/updates"
        await jun("POST", updates, update, status=404)
        assert (await api("POST", updates, update, status=201))["stage"] == "identified"


async def test_an_incident_is_not_closed_while_its_status_page_says_that_it_goes_on(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        await declare(w)
        await sign_in(w, http, w.mara)
        csrf = (await http.get("/incidents/INC-1")).text.split('name="csrf" value="')[1].split('"')[0]
        form = {"csrf": csrf, "name": "Kestrel", "slug": "kestrel", "service": str(w.service)}
        form[f"component-{w.service}"] = "Card payments"
        assert (await http.post("/status-pages", data=form)).status_code == 303
        assert [c["name"] for c in (await api("GET", PAGE))["components"]] == ["Card payments"]
        refused = await http.post("/status-pages", data=form)
        assert (refused.status_code, 'value="Kestrel"' in refused.text) == (409, True)
        assert (
            "/status-pages/kestrel/incidents/new?incident=INC-1" in (await http.get("/incidents/INC-1")).text
        )
        composer = (await http.get(f"{INCIDENTS}/new?incident=INC-1")).text
        assert "<textarea" in composer
        soon = composer.split('name="next_update_at"')[1].split('value="')[1].split('"')[0]
        posted = {
            "csrf": csrf,
            "incident": "INC-1",
            "name": "Payments",
            "stage": "investigating",
            "body": "One.",
        }
        missing = await http.post(f"{INCIDENTS}/new", data=posted)
        assert (missing.status_code, "One." in missing.text) == (422, True)
        made = await http.post(f"{INCIDENTS}/new", data={**posted, "next_update_at": soon})
        assert made.status_code == 303
        location = made.headers["location"]
        assert (await http.get(location)).status_code == 200
        closing = await api("GET", "/incidents/INC-1/closing")
        assert "status" in [c["code"] for c in closing["conditions"] if c["state"] != "met"]
        over = {"csrf": csrf, "stage": "resolved", "body": "Over.", "kind": "update", "after": "1"}
        assert (await http.post(location, data=over)).status_code == 303
        closing = await api("GET", "/incidents/INC-1/closing")
        assert "status" not in [c["code"] for c in closing["conditions"] if c["state"] != "met"]
        for path in ("", "/history", "/uptime", "/incidents/" + location.rsplit("/", 1)[1]):
            assert (await http.get(f"/s/kestrel{path}")).status_code == 200


@pytest.mark.parametrize("name", ["</title><script>alert(1)</script>", "zalgo\u0301" * 20, "\u202eevil"])
async def test_no_text_breaks_the_page_or_its_feeds(dsn: str, clock: FakeClock, name: str) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        await api("POST", "/status-pages", {"slug": "kestrel", "name": "K", "tz": "UTC"}, status=201)
        soon = (clock.now() + timedelta(minutes=30)).isoformat()
        body = "]]> & <b>\x0c javascript:alert(1) https://kestrel.example/a?b=1&c=2"
        first = {"name": name, "stage": "investigating", "body": body, "next_update_at": soon}
        await api("POST", INCIDENTS, first, status=201)
        shown = (await read(w, http)).text
        assert re.findall(r"<script.*", shown) == [OWN_SCRIPT]
        assert "<b>" not in shown
        ET.fromstring((await read(w, http, "/history.atom")).text)
        ET.fromstring((await read(w, http, "/history.rss")).text)


async def test_the_last_page_is_served_while_the_database_is_away_and_says_so(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        await api("POST", "/status-pages", {"slug": "kestrel", "name": "K", "tz": "UTC"}, status=201)
        assert (await http.get("/s/kestrel")).status_code == 200
        await w.ctx.db.close()
        served = await read(w, http)
        assert (served.status_code, 'role="status"' in served.text) == (200, False)
        assert (await http.get("/s/other")).status_code == 503


async def test_an_open_incident_is_shown_however_many_are_over_since(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        await api("POST", "/status-pages", {"slug": "kestrel", "name": "K", "tz": "UTC"}, status=201)
        soon = (clock.now() + timedelta(hours=2)).isoformat()
        first = {"name": "Open", "stage": "investigating", "body": "We are looking.", "next_update_at": soon}
        await api("POST", INCIDENTS, first, status=201)
        for name in ("One", "Two"):
            clock.advance(timedelta(minutes=1))
            over = {"name": name, "stage": "resolved", "body": "It was short."}
            await api("POST", INCIDENTS, over, status=201)
        async with w.ctx.db.tx() as tx:
            page = await status_pages.status_page(tx, "kestrel")
            shown = await queries.snapshot(tx, page, w.now, limit=2)
        assert [each.name for each in shown.incidents] == ["Two", "One", "Open"]


async def test_people_are_reminded_of_the_first_update_and_of_what_was_promised(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        page = {"slug": "kestrel", "name": "Kestrel", "tz": "UTC", "service_ids": [w.service]}
        await api("POST", "/status-pages", page, status=201)
        await api("POST", "/status-pages", {"slug": "other", "name": "Other", "tz": "UTC"}, status=201)
        declared = w.now
        async with w.ctx.db.tx() as tx:
            await incidents.declare(
                *(tx, await w.actor(w.mara)),
                title="Card payments fail",
                severity=1,
                commander_id=w.jun,
                service_ids=[w.service],
                now=w.now,
            )

        async def sent() -> list[tuple[int, int, str]]:
            """Return the recipient, the share of the time and the urgency of each reminder of the page."""
            async with w.ctx.db.tx() as tx:
                rows = await tx.fetch(
                    "select key, person_id, urgency from notice where kind = 'statuspage' order by id"
                )
            shares = [int(row["key"].split(":")[-2]) for row in rows]
            return [
                (row["person_id"], share, row["urgency"]) for row, share in zip(rows, shares, strict=True)
            ]

        await w.after(minutes=14)
        assert await sent() == []
        await w.after(minutes=12)
        # at 50% and 80% of half an hour
        first = [(w.jun, 50, "low"), (w.jun, 80, "low")]
        assert await sent() == first
        update: dict[str, object] = {
            "name": "Card payments fail",
            "stage": "investigating",
            "body": "We look.",
        }
        update |= {"incident": "INC-1", "next_update_at": (w.now + timedelta(minutes=20)).isoformat()}
        opened = await api("POST", INCIDENTS, update, status=201)
        await w.after(minutes=10)
        assert w.now > declared + timedelta(minutes=30)
        assert await sent() == first, "it was published in time"
        await w.after(minutes=15)
        promised = [(w.jun, 80, "low"), (w.jun, 100, "high")]
        assert await sent() == [*first, *promised]
        await api(
            "POST", f"{INCIDENTS}/{opened['id']}/updates", {"stage": "resolved", "body": "Over."}, status=201
        )
        await w.after(hours=3)
        assert await sent() == [*first, *promised]

        # an incident without a component of the page gets one by a merge
        async with w.ctx.db.tx() as tx:
            into, old = [
                await incidents.declare(
                    *(tx, await w.actor(w.mara)),
                    title=title,
                    severity=1,
                    commander_id=w.jun,
                    service_ids=service_ids,
                    now=w.now,
                )
                for title, service_ids in (("Reports are late", []), ("Checkout is slow", [w.service]))
            ]
        await w.after(minutes=1)
        async with w.ctx.db.tx() as tx:
            await incidents.merge(tx, await w.actor(w.mara), old.id, into.id, w.now)
        await w.after(minutes=15)
        assert await sent() == [*first, *promised, (w.jun, 50, "low")]

        # what no one writes is posted by Firebell, if the page has that rule
        await the_rule_of_a_page_is_turned_on(api)
        await firebell_posts_what_no_one_writes(w, api, http, into.ref)
        await firebell_leaves_to_people_what_is_theirs(w, api, http)


async def test_an_announcement_that_is_sent_twice_is_published_once(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (_, api):
        await api("POST", "/status-pages", {"slug": "kestrel", "name": "K", "tz": "UTC"}, status=201)
        soon = (clock.now() + timedelta(hours=2)).isoformat()
        first = {"name": "Slow", "stage": "investigating", "body": "We are looking.", "next_update_at": soon}
        published = await api("POST", INCIDENTS, first, status=201)
        # the answer was slow, so the author pressed the button again
        clock.advance(timedelta(seconds=8))
        assert (await api("POST", INCIDENTS, first, status=201))["id"] == published["id"]
        assert (await api("POST", INCIDENTS, {**first, "body": "Other words."}, status=201))[
            "id"
        ] != published["id"]
        clock.advance(timedelta(minutes=1))
        assert (await api("POST", INCIDENTS, first, status=201))["id"] != published["id"]


async def test_equal_announcements_about_different_components_are_all_published(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api):
        new_page = {"slug": "kestrel", "name": "K", "tz": "UTC", "service_ids": [w.service]}
        [component] = (await api("POST", "/status-pages", new_page, status=201))["components"]
        soon = (clock.now() + timedelta(hours=2)).isoformat()
        first = {"name": "Slow", "stage": "investigating", "body": "We are looking.", "next_update_at": soon}
        quiet = await api("POST", INCIDENTS, {**first, "notify": False}, status=201)
        loud = await api("POST", INCIDENTS, first, status=201)
        about = {**first, "components": {str(component["id"]): "degraded_performance"}}
        degraded = await api("POST", INCIDENTS, about, status=201)
        assert len({quiet["id"], loud["id"], degraded["id"]}) == 3
        assert (await api("POST", INCIDENTS, about, status=201))["id"] == degraded["id"]


async def test_an_announcement_of_something_resolved_is_published_once_if_sent_twice(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (_, api):
        await api("POST", "/status-pages", {"slug": "kestrel", "name": "K", "tz": "UTC"}, status=201)
        over = {"name": "Slow", "stage": "resolved", "body": "It was slow for an hour."}
        published = await api("POST", INCIDENTS, over, status=201)
        clock.advance(timedelta(seconds=8))
        assert (await api("POST", INCIDENTS, over, status=201))["id"] == published["id"]
