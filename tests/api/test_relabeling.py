"""The past of a component is relabeled in public, by two people if it looks better then."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from firebell.kit.clock import FakeClock
from firebell.people.model import Role
from firebell.status_pages.published_log import chain as published_log_chain
from tests.api.api_clients import browser, key_of, organization, sign_in
from tests.api.test_status_pages import PAGE, read

RELABELINGS = f"{PAGE}/relabelings"


async def test_an_outage_becomes_maintenance_when_a_second_person_accepts_it(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        page: dict[str, Any] = {
            "slug": "kestrel",
            "name": "Kestrel",
            "tz": "Europe/Stockholm",
            "service_ids": [w.service],
        }
        [component] = (await api("POST", "/status-pages", page, status=201))["components"]
        clock.advance(timedelta(days=5))
        start, end = clock.now() - timedelta(hours=4), clock.now() - timedelta(hours=2)
        outage: dict[str, Any] = {"name": "Checkout is down", "stage": "investigating", "body": "We look."}
        outage |= {"components": {str(component["id"]): "major_outage"}, "since": start.isoformat()}
        outage |= {"next_update_at": (clock.now() + timedelta(minutes=30)).isoformat()}
        opened = await api("POST", f"{PAGE}/incidents", outage, status=201)
        incident = f"{PAGE}/incidents/{opened['id']}/updates"
        over: dict[str, Any] = {"stage": "resolved", "body": "It works.", "since": end.isoformat()}
        over["components"] = {str(component["id"]): "operational"}
        await api("POST", incident, over, status=201)
        down = (await api("GET", PAGE))["components"][0]["uptime_90d"]
        assert down < 1
        log_before = (await read(w, http, "/history.jsonl")).text

        wanted: dict[str, Any] = {"component_id": component["id"], "status": "under_maintenance"}
        wanted |= {"start": start.isoformat(), "end": end.isoformat(), "reason": "Announced by email only."}
        for field, value in (
            ("end", (clock.now() + timedelta(hours=1)).isoformat()),
            ("end", start.isoformat()),
            ("start", (start - timedelta(days=90)).isoformat()),
            ("reason", " "),
            ("status", "major_outage"),
        ):
            refused = await api("POST", RELABELINGS, {**wanted, field: value}, status=422)
            assert [e["field"] for e in refused["errors"]] == [field]
        await api("POST", RELABELINGS, {**wanted, "component_id": 999}, status=404)
        one = await api("POST", RELABELINGS, wanted, status=201)
        assert (one["state"], one["uptime_before"], one["uptime_after"]) == (
            "waiting",
            int(down * 10_000) / 10_000,
            1,
        )
        await api("POST", RELABELINGS, wanted, status=409)
        # no one accepts their own, and nothing changed yet
        accept, decline = (f"{RELABELINGS}/{one['id']}/{answer}" for answer in ("accept", "decline"))
        await api("POST", accept, status=403)
        assert (await api("GET", PAGE))["components"][0]["uptime_90d"] == down
        assert (await read(w, http, "/history.jsonl")).text == log_before
        jun = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        await jun("POST", accept, status=403)
        async with w.ctx.db.tx() as tx:
            await tx.execute("update person set role = $1 where id = $2", Role.MANAGER, w.jun)
        jun = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        accepted = await jun("POST", accept)
        assert accepted["state"] == "accepted"
        assert accepted["answered_by"] != accepted["requested_by"]
        assert (await jun("POST", accept))["state"] == "accepted"
        await jun("POST", decline, status=409)

        shown = (await api("GET", PAGE))["components"][0]
        assert (shown["uptime_90d"], shown["status"]) == (1, "operational")
        history = await read(w, http, "/history")
        assert 'id="corrections"' in history.text
        assert "Announced by email only." in history.text
        lines = (await read(w, http, "/history.jsonl")).text.splitlines()
        assert lines[:-1] == log_before.splitlines()
        assert ('"kind": "relabeling"' in lines[-1], published_log_chain.first_broken(lines)) == (True, None)
        # machines that know Statuspage's API, feeds and lists of incidents see no new incident
        assert len((await read(w, http, "/api/v2/incidents.json")).json()["incidents"]) == 1
        assert len(await api("GET", f"{PAGE}/incidents")) == 1

        # what looks worse takes effect at once
        worse = {**wanted, "status": "degraded_performance", "end": (start + timedelta(hours=1)).isoformat()}
        assert (await api("POST", RELABELINGS, worse, status=201))["state"] == "accepted"
        # back to no problem is an improvement again, which its requester withdraws on the web
        csrf = await sign_in(w, http, w.mara)
        form = {"csrf": csrf, "component": str(component["id"]), "status": "operational", "reason": "Again."}
        assert (await http.post(RELABELINGS, data=form)).status_code == 422
        local = [at.astimezone(ZoneInfo("Europe/Stockholm")) for at in (start, end)]
        form |= {"start": f"{local[0]:%Y-%m-%dT%H:%M}", "end": f"{local[1]:%Y-%m-%dT%H:%M}"}
        assert (await http.post(RELABELINGS, data={**form, "status": "x"})).status_code == 422
        assert (await http.post(RELABELINGS, data=form)).status_code == 303
        listed = await api("GET", RELABELINGS)
        assert [r["state"] for r in listed] == ["waiting", "accepted", "accepted"]
        here = f"{RELABELINGS}/{listed[0]['id']}"
        assert f'action="{here}/decline"' in (await http.get(RELABELINGS)).text
        assert f'action="{here}/accept"' not in (await http.get(RELABELINGS)).text
        assert (await http.post(f"{here}/decline", data={"csrf": csrf})).status_code == 303
        assert (await api("GET", RELABELINGS))[0]["state"] == "withdrawn"
        await jun("POST", f"{here}/accept", status=409)

        # a correction takes no second way around it
        clock.advance(timedelta(days=2))
        better: dict[str, Any] = {"kind": "correction", "stage": "resolved", "body": "It was not down."}
        better |= {"components": {str(component["id"]): "operational"}, "since": start.isoformat()}
        await api("POST", incident, better, status=409)
        actions = {entry["action"] for entry in await api("GET", "/audit")}
        assert {
            "status_page.relabeling_requested",
            "status_page.relabeled",
            "status_page.relabeling_withdrawn",
        } <= actions


async def test_an_outage_of_last_week_does_not_look_better_without_a_second_person(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api):
        page = {"slug": "kestrel", "name": "Kestrel", "tz": "UTC", "service_ids": [w.service]}
        [component] = (await api("POST", "/status-pages", page, status=201))["components"]
        clock.advance(timedelta(days=1))
        promise = {"next_update_at": (clock.now() + timedelta(hours=1)).isoformat()}
        down = {"components": {str(component["id"]): "major_outage"}}
        outage = {"name": "Checkout is down", "stage": "investigating", "body": "We look.", **down, **promise}
        opened = await api("POST", f"{PAGE}/incidents", outage, status=201)
        soon = (clock.now() + timedelta(hours=1)).isoformat()
        clock.advance(timedelta(days=5))
        # an ordinary update says that it was over long ago
        over = {"stage": "resolved", "body": "It works."}
        updates = f"{PAGE}/incidents/{opened['id']}/updates"
        await api("POST", updates, {**over, "since": soon}, status=409)
        await api("POST", updates, over, status=201)
        shown = (await api("GET", PAGE))["components"][0]["uptime_90d"]
        # a later first day leaves the outage out
        first_day = {"start_date": clock.now().date().isoformat()}
        await api("PATCH", f"{PAGE}/components/{component['id']}", first_day, status=409)
        assert (await api("GET", PAGE))["components"][0]["uptime_90d"] == shown
