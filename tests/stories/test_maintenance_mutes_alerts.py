"""Story: maintenance mutes the alerts of its services; those still firing at its end will page, once."""

from datetime import timedelta

from firebell.alerts import actions as alerts
from firebell.alerts.model import Event, EventKind, InboundRequest
from firebell.alerts.mutes import Mute, by_service
from firebell.kit.clock import FakeClock
from firebell.status_pages import actions as status_pages
from firebell.status_pages.maintenance import actions as maintenance
from firebell.status_pages.maintenance.muting import muted_now
from tests.api.api_clients import browser, organization, sign_in
from tests.api.test_maintenance import MAINTENANCE, _plan
from tests.world import World


async def _send(w: World, title: str, severity: str = "warning", **more: object) -> None:
    w.clock.advance(timedelta(seconds=6))
    await w.alert(title, severity=severity, **more)
    await w.settle()


async def test_what_fires_during_maintenance_pages_when_it_ends(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        new_page = {"slug": "kestrel", "name": "K", "tz": "UTC", "service_ids": [w.service]}
        [component] = (await api("POST", "/status-pages", new_page, status=201))["components"]
        plan = _plan(clock, component["id"], scheduled_for=None, reminders=[])
        plan["scheduled_until"] = (clock.now() + timedelta(hours=1)).isoformat()
        for field, wrong in {
            "mute_matchers": {"matchers": "severity"},
            "mute_services": {"service_ids": [999]},
        }.items():
            refused = await api("POST", MAINTENANCE, {**plan, "muting": wrong}, status=422)
            assert [e["field"] for e in refused["errors"]] == [field]
        await _send(w, "queue long")
        assert [page.title for page in await w.pages()] == ["queue long"]
        muting = {"matchers": 'severity=~"warning|info"'}
        window = await api("POST", MAINTENANCE, {**plan, "muting": muting}, status=201)
        assert window["muting"] == {"service_ids": [], "matchers": '{severity=~"warning|info"}'}
        one = f"{MAINTENANCE}/{window['id']}"

        # what the matchers leave out, what could not be read and what watches Firebell itself page as usual
        await _send(w, "disk full")
        await _send(w, "card payments fail", "critical")
        await _send(w, "disk full", body="97%")
        own = InboundRequest(
            *(w.integration, w.service, "generic", b"own"),
            (Event(EventKind.FIRING, "own", "Down", severity="info", labels={"alertname": "FirebellDown"}),),
        )
        await w.ingest.submit(own)
        paged = {a["title"]: a["page"] for a in await api("GET", "/alerts")}
        first_page = (await w.page()).ref
        assert paged == {
            **dict.fromkeys(("queue long", "card payments fail", "Down"), first_page),
            "disk full": None,
        }
        [disk] = await api("GET", f"{one}/muted-alerts")
        assert (disk["title"], disk["page"], disk["count"]) == ("disk full", None, 2)
        assert disk["is_muted"]
        [listed] = [a for a in await api("GET", "/alerts") if a["id"] == disk["id"]]
        assert listed["mute"]["is_muted"]
        assert listed["mute"]["path"] == f"/status-pages/kestrel/maintenance/{window['id']}"
        [queue] = [a for a in await api("GET", "/alerts") if a["title"] == "queue long"]
        assert queue["mute"] is None, "what fired before keeps its page"
        for filters, titles in (
            ("", ["disk full"]),
            ("&status=firing&service=checkout", ["disk full"]),
            ("&q=disk", ["disk full"]),
            ("&q=queue", []),
            (f"&before={disk['id']}", []),
        ):
            muted_alerts = await api("GET", f"/alerts?muted=true{filters}")
            assert [a["title"] for a in muted_alerts] == titles, filters
        assert disk["id"] not in [a["id"] for a in await api("GET", "/alerts", muted="false", q="queue")]

        # the mute keeps its services when the component loses them
        component_path = f"/status-pages/kestrel/components/{component['id']}"
        await api("PATCH", component_path, {"service_ids": []})
        async with w.ctx.db.tx() as tx:
            page = await status_pages.status_page(tx, "kestrel")
            running = await maintenance.maintenance(tx, page.id, window["id"])
            muted = await muted_now(tx, running, clock.now())
        assert muted is not None
        assert muted.services == ("Checkout",)
        await api("PATCH", component_path, {"service_ids": [w.service]})

        # it is never muted in silence
        await sign_in(w, http, w.mara)
        for path in (
            "/",
            f"/status-pages/kestrel/maintenance/{window['id']}",
            "/status-pages/kestrel/maintenance",
        ):
            assert "1 alert muted" in (await http.get(path)).text
        for path, is_listed in (("/alerts", True), ("/alerts?state=muted", False)):
            listed_alerts = (await http.get(path)).text
            assert "Muted by Database upgrade" in listed_alerts
            assert ("queue long" in listed_alerts) is is_listed
        assert "pages no one until" in (await http.get(f"/alerts/{disk['id']}")).text

        # an alert that becomes what is not muted pages at once
        await _send(w, "cache cold")
        pages = len(await w.pages())
        await _send(w, "cache cold", "critical")
        assert len(await w.pages()) == pages + 1
        assert {a["page"] for a in await api("GET", f"{one}/muted-alerts")} == {(await w.page()).ref}
        await _send(w, "disk full", status="resolved")
        await _send(w, "cache cold", "critical", status="resolved")

        # what is resolved in time pages no one; what is still firing pages when the end is due, and once
        await _send(w, "blip")
        await _send(w, "blip", status="resolved")
        await _send(w, "index missing", labels={"service": "search"})
        await _send(w, "index late", labels={"service": "search"})
        pages = len(await w.pages())
        await w.after(hours=1)
        assert (await api("GET", one))["stage"] == "verifying"
        assert len(await w.pages()) == pages + 1
        released = await w.page()
        assert released.title == "index missing"
        paged = {a["title"]: a["page"] for a in await api("GET", f"{one}/muted-alerts")}
        assert paged["index missing"] == paged["index late"] == released.ref
        assert paged["blip"] is None
        still = {a["title"] for a in await api("GET", "/alerts", muted="true")}
        assert still == {"disk full", "cache cold", "blip", "index missing", "index late"}
        assert "muted" not in (await http.get("/")).text
        await _send(w, "index missing")
        assert len(await w.pages()) == pages + 1

        # a process whose list of mutes is old mutes nothing
        until = clock.now() + timedelta(hours=1)
        stale = Mute(1, "U", "/", frozenset({w.service}), (), clock.now(), until)
        late = InboundRequest(
            w.integration, w.service, "t", b"late", (Event(EventKind.FIRING, "late", "Late"),)
        )
        async with w.ctx.db.tx() as tx:
            state = await alerts.receive(tx, [late], clock.now(), by_service([stale]))
        assert [group.mute_id for group in state.groups if group.fresh] in ([None], [])
        [late_alert] = [a for a in await api("GET", "/alerts") if a["title"] == "Late"]
        assert late_alert["page"]

        # it is muted again when the maintenance goes on, until a person stops that
        extended = {"scheduled_until": (clock.now() + timedelta(hours=2)).isoformat()}
        assert (await api("POST", f"{one}/extend", extended))["stage"] == "in_progress"
        await _send(w, "slow queries")
        assert [a["title"] for a in await api("GET", f"{one}/muted-alerts")] == ["slow queries"]
        pages = len(await w.pages())
        assert (await api("POST", f"{one}/stop-muting"))["muting"] is None
        assert (await api("POST", f"{one}/stop-muting"))["muting"] is None
        await w.settle()
        assert [page.title for page in await w.pages()][pages:] == ["slow queries"]
        await _send(w, "another")
        assert next(a for a in await api("GET", "/alerts") if a["title"] == "another")["mute"] is None
