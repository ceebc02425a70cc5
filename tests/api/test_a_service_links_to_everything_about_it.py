"""A service links to its pages, incidents and alerts, and each of them links back, on the web and over JSON."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from firebell.catalog import actions as catalog
from firebell.incidents import actions as incidents
from firebell.incidents.model import Phase
from firebell.kit.clock import FakeClock
from firebell.kit.text import slugify
from firebell.people import actions as people
from firebell.people.model import Role
from tests.api.api_clients import TEST, Api, browser, key_of, sign_in
from tests.world import World, world


@asynccontextmanager
async def signed_in(dsn: str, clock: FakeClock) -> AsyncIterator[tuple[World, httpx.AsyncClient, Api]]:
    """Yield the small organization, its admin's browser, and its admin's key."""
    async with world(dsn, clock) as w, browser(w) as http:
        await sign_in(w, http, w.mara)
        yield w, http, Api(http, await key_of(w.ctx.db, clock, w.mara))


async def declare(w: World, title: str, severity: int, page_id: int | None = None) -> int:
    """Declare an incident of Checkout and return its id."""
    async with w.ctx.db.tx() as tx:
        made = await incidents.declare(
            tx, TEST, title=title, severity=severity, service_ids=[w.service], page_id=page_id, now=w.now
        )
    return made.id


async def move(w: World, incident_id: int, *phases: Phase) -> None:
    """Take an incident through phases, overriding the checks."""
    for phase in phases:
        async with w.ctx.db.tx() as tx:
            await incidents.set_phase(tx, TEST, incident_id, phase, w.now, reason="test", force=True)


def links(text: str) -> set[str]:
    """Return the links of the main part of a page."""
    main = text[text.index('<main id="main"') : text.index("</main>")]
    return {href.replace("&amp;", "&") for href in re.findall(r'href="([^"]+)"', main)}


async def test_a_service_without_history_is_healthy_and_every_list_is_empty(
    dsn: str, clock: FakeClock
) -> None:
    async with signed_in(dsn, clock) as (_, http, api):
        service = await api("GET", "/services/checkout")
        assert service["state"] == {"state": "ok", "since": None, "ref": None}
        assert (service["team"], service["policy"]) == ("payments", "payments")
        assert [p["name"] for p in service["on_call"]] == ["Mara Lindqvist"]
        assert [service[n] for n in ("open_pages", "last_pages", "incidents", "alerts", "changes")] == [
            []
        ] * 5
        page = await http.get("/services/checkout")
        assert page.status_code == 200
        assert 'class="state" data-state="ok"' in page.text
        assert "/escalation/payments" in links(page.text)

        # the runbooks that are for it; one for alerts of any service is not
        body = "---\n{}\n---\n\n# {}\n\n## Steps\n\n### 1. Look\n\n```bash\nls\n```\n"
        for title, front in (
            ("Refill", "services: [checkout]"),
            ("Drain", 'triggers: [\'{service="checkout",alertname="QueueFull"}\']'),
            ("Disk full", "triggers: ['{alertname=\"DiskFull\"}']"),
            ("Elsewhere", "triggers: ['{service!=\"ledger\"}']"),
        ):
            await api("PUT", f"/runbooks/{slugify(title)}", {"body": body.format(front, title), "version": 0})
        service = await api("GET", "/services/checkout")
        assert [(r["slug"], r["match"], r["automation_level"]) for r in service["runbooks"]] == [
            ("drain", "trigger", 1),
            ("refill", "service_listed", 1),
        ]
        page = await http.get("/services/checkout")
        assert {"/runbooks/drain", "/runbooks/refill", "/runbooks/new?service=checkout"} <= links(page.text)
        assert "/runbooks/disk-full" not in links(page.text)
        new = (await http.get("/runbooks/new?service=checkout")).text
        assert "services: [checkout]" in new
        assert "services:" not in (await http.get("/runbooks/new?service=]%0Ax")).text


async def test_an_open_page_degrades_the_service_until_it_ends(dsn: str, clock: FakeClock) -> None:
    async with signed_in(dsn, clock) as (w, http, api):
        began = w.now
        await w.alert()
        await w.settle()
        service = await api("GET", "/services/checkout")
        assert service["state"]["state"] == "degraded"
        assert service["state"]["ref"] == "PG-1"
        assert [p["ref"] for p in service["open_pages"]] == ["PG-1"]
        assert [(a["status"], a["page"]) for a in service["alerts"]] == [("firing", "PG-1")]
        await w.after(minutes=2)
        await w.ack(w.mara)
        await w.after(minutes=3)
        await w.resolve(w.mara)
        service = await api("GET", "/services/checkout")
        assert service["state"]["state"] == "ok"
        assert service["state"]["since"].startswith(w.now.isoformat()[:19])
        (last,) = service["last_pages"]
        assert (last["ref"], last["acked_after_s"], last["owners"]) == ("PG-1", 120, ["Mara Lindqvist"])
        assert last["triggered_at"].startswith(began.isoformat()[:19])
        assert "/pages/PG-1" in links((await http.get("/services/checkout")).text)


async def test_the_worst_open_incident_comes_before_every_page(dsn: str, clock: FakeClock) -> None:
    async with signed_in(dsn, clock) as (w, http, api):
        await w.alert()
        await w.settle()
        minor = await declare(w, "Slow", 3)
        assert (await api("GET", "/services/checkout"))["state"]["state"] == "degraded"
        worst = await declare(w, "Down", 1, page_id=1)
        service = await api("GET", "/services/checkout")
        assert (service["state"]["state"], service["state"]["ref"]) == ("outage", f"INC-{worst}")
        assert [i["ref"] for i in service["incidents"]] == [f"INC-{worst}", f"INC-{minor}"]
        page = (await http.get("/services/checkout")).text
        assert 'class="state" data-state="outage"' in page
        for incident_id in (minor, worst):
            await move(w, incident_id, Phase.DISMISSED)
        service = await api("GET", "/services/checkout")
        assert service["state"]["ref"] != f"INC-{worst}"


async def test_a_drill_is_no_outage(dsn: str, clock: FakeClock) -> None:
    async with signed_in(dsn, clock) as (w, _, api):
        async with w.ctx.db.tx() as tx:
            await incidents.declare(
                tx, TEST, title="Practice", severity=0, service_ids=[w.service], drill=True, now=w.now
            )
        service = await api("GET", "/services/checkout")
        assert (service["state"]["state"], service["incidents"]) == ("ok", [])


async def test_alert_page_incident_and_service_lead_to_each_other(dsn: str, clock: FakeClock) -> None:
    async with signed_in(dsn, clock) as (w, http, api):
        await w.alert()
        await w.settle()
        incident = f"INC-{await declare(w, 'Down', 2, page_id=1)}"
        (alert,) = await api("GET", "/alerts")
        things = {
            "alert": f"/alerts/{alert['id']}",
            "page": "/pages/PG-1",
            "incident": f"/incidents/{incident}",
            "service": "/services/checkout",
        }
        missing = [
            (name, other)
            for name, address in things.items()
            for other in set(things) - {name}
            if things[other] not in links((await http.get(address)).text)
        ]
        assert missing == []
        page = await api("GET", "/pages/PG-1")
        room = await api("GET", f"/incidents/{incident}")
        service = await api("GET", "/services/checkout")
        assert (alert["service"], alert["page"], alert["incidents"]) == ("checkout", "PG-1", [incident])
        assert (page["service"], page["incidents"]) == ("checkout", [incident])
        assert [a["id"] for a in page["alert_list"]] == [alert["id"]]
        assert (room["services"], room["pages"]) == (["checkout"], ["PG-1"])
        assert [(a["id"], a["page"]) for a in room["alerts"]] == [(alert["id"], "PG-1")]
        assert [a["id"] for a in service["alerts"]] == [alert["id"]]
        assert [(p["ref"], p["incidents"]) for p in service["open_pages"]] == [("PG-1", [incident])]
        assert [i["ref"] for i in service["incidents"]] == [incident]


async def test_the_list_of_alerts_leads_to_each_service_page_and_incident(dsn: str, clock: FakeClock) -> None:
    async with signed_in(dsn, clock) as (w, http, _):
        await w.alert()
        await w.settle()
        incident = await declare(w, "Down", 2, page_id=1)
        hrefs = links((await http.get("/alerts")).text)
        assert {"/alerts/1", "/services/checkout", "/pages/PG-1", f"/incidents/INC-{incident}"} <= hrefs


async def test_the_alerts_of_one_service_can_be_walked_to_the_end(dsn: str, clock: FakeClock) -> None:
    async with signed_in(dsn, clock) as (w, http, api):
        async with w.ctx.db.tx() as tx:
            await catalog.create_service(tx, TEST, name="Search", team_id=1, now=w.now)
        key = (await api("POST", "/services/search/integrations", {"name": "probe"}, status=201))["key"]
        await http.post(f"/in/{key}/generic", content=json.dumps({"title": "Index lag", "key": "lag"}))
        for n in range(101):
            await w.alert(f"queue {n}")
        alert_ids: list[str] = []
        address = "/alerts?service=checkout"
        while address:
            text = (await http.get(address)).text
            alert_ids += re.findall(r'href="/alerts/(\d+)"', text)
            older = re.search(r'rel="next" href="([^"]+)"', text)
            address = older[1].replace("&amp;", "&") if older else ""
            assert not older or "service=checkout" in address
        assert len(alert_ids) == len(set(alert_ids)) == 101
        assert [a["title"] for a in await api("GET", "/alerts", service="search")] == ["Index lag"]
        await w.alert("queue 0", status="resolved")
        firing = await api("GET", "/alerts?service=checkout&status=firing&limit=500")
        assert len(firing) == 100
        await api("GET", "/alerts", service="nowhere", status=404)
        assert (await http.get("/alerts?service=nowhere")).status_code == 404


@pytest.mark.parametrize("role", Role)
async def test_every_role_reads_a_service_and_is_offered_only_what_it_may_do(
    dsn: str, clock: FakeClock, role: Role
) -> None:
    async with signed_in(dsn, clock) as (w, http, _):
        await w.alert()
        await w.settle()
        async with w.ctx.db.tx() as tx:
            person = await people.create_person(
                tx, TEST, name="Visitor", email="v@example.org", role=role, tz="UTC", now=w.now
            )
        await sign_in(w, http, person.id)
        page = await http.get("/services/checkout")
        assert page.status_code == 200
        may_respond = role is not Role.VIEWER
        for action in ("/pages/PG-1/ack", "/services/checkout/policy"):
            assert (f'action="{action}"' in page.text) == may_respond
        assert ('href="/services/checkout/integrations/new"' in page.text) == may_respond
        assert (await http.get("/services/nowhere")).status_code == 404


async def test_a_key_sees_of_a_service_what_its_scopes_include(dsn: str, clock: FakeClock) -> None:
    async with signed_in(dsn, clock) as (w, _, api):
        incident = await declare(w, "Down", 2)
        narrow = api.with_key(await key_of(w.ctx.db, clock, w.mara, ["pages:read"]))
        service = await narrow("GET", "/services/checkout")
        assert (service["incidents"], service["on_call"], service["state"]["ref"]) == (None, None, None)
        service = await api("GET", "/services/checkout")
        assert service["state"]["ref"] == f"INC-{incident}"


NAMES = ["決済サービス", "خدمة الدفع", "Zahlungsabwicklung " * 3 + "Ende", "<b>&\"'"]


@pytest.mark.parametrize("name", NAMES)
async def test_a_service_with_a_long_or_foreign_name_has_its_page_and_its_lists(
    dsn: str, clock: FakeClock, name: str
) -> None:
    async with signed_in(dsn, clock) as (w, http, api):
        async with w.ctx.db.tx() as tx:
            made = await catalog.create_service(tx, TEST, name=name, team_id=1, now=w.now)
        service: dict[str, Any] = await api("GET", f"/services/{made.slug}")
        assert (service["name"], service["policy"]) == (made.name, None)
        page = await http.get(f"/services/{made.slug}")
        assert page.status_code == 200
        for address in (a for a in links(page.text) if "service=" in a and a.startswith("/alerts")):
            assert (await http.get(address)).status_code == 200
        assert (await api("GET", service["alerts_url"].partition("/api/v1")[2])) == []


async def test_a_service_without_a_policy_shows_that_fallback_responders_are_paged(
    dsn: str, clock: FakeClock
) -> None:
    async with signed_in(dsn, clock) as (_, http, api):
        await api("PATCH", "/services/checkout", {"policy_id": None})
        service = await api("GET", "/services/checkout")
        assert service["policy"] is None
        assert {p["name"] for p in service["on_call"]} == {"Mara Lindqvist", "Jun Okafor"}
        assert (await http.get("/services/checkout")).status_code == 200
