"""Readers of a public incident that was merged, or that goes on in a new one, are led on, and lose no component."""

from datetime import timedelta
from typing import Any

from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from tests.api.api_clients import Api, browser, key_of, organization, sign_in
from tests.api.test_status_pages import INCIDENTS, PAGE, read
from tests.world import World

TITLES = ("Cards", "Payments", "Mails", "Refunds", "Invoices")


async def _declare_all(w: World) -> None:
    async with w.ctx.db.tx() as tx:
        for title in TITLES:
            await incidents.declare(
                *(tx, await w.actor(w.mara)),
                title=title,
                severity=1,
                commander_id=w.jun,
                service_ids=[w.service],
                now=w.now,
            )


async def _merge(w: World, incident_id: int, into_id: int) -> None:
    async with w.ctx.db.tx() as tx:
        await incidents.merge(tx, await w.actor(w.mara), incident_id, into_id, w.now)


async def _statuses(api: Api) -> dict[str, str]:
    return {each["name"]: each["status"] for each in (await api("GET", PAGE))["components"]}


async def _published(api: Api, public_id: str) -> dict[str, Any]:
    return next(each for each in await api("GET", INCIDENTS) if each["id"] == public_id)


async def test_merged_and_new_incidents_lead_readers_on(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        new_page = {"slug": "kestrel", "name": "K", "tz": "UTC", "service_ids": [w.service]}
        await api("POST", "/status-pages", new_page, status=201)
        page = await api("POST", f"{PAGE}/components", {"name": "Email"}, status=201)
        checkout, email = (each["id"] for each in (await api("GET", PAGE))["components"])
        assert page
        await _declare_all(w)
        until = (clock.now() + timedelta(minutes=30)).isoformat()
        update = {"stage": "investigating", "body": "We are looking at it.", "next_update_at": until}
        over = {"stage": "resolved", "body": "It works again."}
        began = (clock.now() - timedelta(minutes=20)).isoformat()
        statuses = {"components": {str(checkout): "partial_outage"}, "since": began}
        cards = await api(
            "POST", INCIDENTS, {**update, **statuses, "name": "Cards [EU]", "incident": "INC-1"}, status=201
        )
        statuses = {"components": {str(checkout): "degraded_performance", str(email): "major_outage"}}
        both = await api(
            "POST", INCIDENTS, {**update, **statuses, "name": "Payments", "incident": "INC-2"}, status=201
        )
        assert cards["continued_at"] is None

        # a merge leads readers on at once
        clock.advance(timedelta(minutes=5))
        await _merge(w, 1, 2)
        assert {i["id"]: i["continued_at"] for i in await api("GET", INCIDENTS)} == {
            cards["id"]: both["id"],
            both["id"]: None,
        }
        path = f"/incidents/{both['id']}"
        assert f'{path}"><bdi>Payments' in (await read(w, http, f"/incidents/{cards['id']}")).text
        for feed in ("/history.atom", "/history.rss"):
            assert f"{path}&quot;&gt;Payments" in (await read(w, http, feed)).text
        listed = (await read(w, http, "/status.json")).json()["incidents"]
        assert {i["id"]: i["continued_at"] for i in listed} == {cards["id"]: both["id"], both["id"]: None}
        await sign_in(w, http, w.mara)
        shown = (await http.get(f"{INCIDENTS}/{cards['id']}")).text
        assert "From here on, we report on this as part of “Payments”." in shown
        assert "“Payments” takes over its components" in shown
        assert "is merged, but customers still read Investigating" in shown
        assert "Merged, but K still shows Investigating" in (await http.get("/incidents/INC-2")).text
        closing = await api("GET", "/incidents/INC-2/closing")
        unmet = [c["code"] for c in closing["conditions"] if c["state"] != "met"]
        assert unmet.count("status") == 2, "it is not closed while customers read of a part of it"
        composed = await api("GET", "/incidents/INC-1/comms")
        assert [t["suggested"] for t in composed["targets"] if t["refusal"]] == [False]

        # the people who lead the one that goes on are reminded of both
        clock.advance(timedelta(minutes=21))
        await w.settle()
        async with w.ctx.db.tx() as tx:
            notices = await tx.fetch("select person_id, link from notice where kind = 'statuspage'")
        assert {notice["person_id"] for notice in notices} == {w.jun}
        links = {notice["link"] for notice in notices}
        assert {f"{INCIDENTS}/{cards['id']}", "/incidents/INC-2/comms"} <= links
        assert "/incidents/INC-1/comms" not in links

        # the commander of the incident that goes on ends the other one, and no component becomes green by that
        jun = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        before, entries_before = await _statuses(api), len(await api("GET", "/incidents/INC-2/timeline"))
        assert before == {"Checkout": "partial_outage", "Email": "major_outage"}
        await jun("POST", f"{INCIDENTS}/{cards['id']}/updates", over, status=201)
        assert await _statuses(api) == before
        assert (await read(w, http, "/api/v2/status.json")).json()["status"]["indicator"] == "major"
        payments = await _published(api, both["id"])
        taken = payments["updates"][-1]
        assert (payments["stage"], taken["next_update_at"]) == (
            "investigating",
            both["updates"][0]["next_update_at"],
        )
        assert [(e["component_id"], e["status"], e["since"]) for e in taken["components"]] == [
            (checkout, "partial_outage", cards["updates"][0]["components"][0]["since"])
        ]
        assert "Cards [EU]" in (await read(w, http, path)).text
        entries = await api("GET", "/incidents/INC-2/timeline")
        assert [e["kind"] for e in entries[entries_before:]] == ["public"]
        again = {**update, "kind": "regression"}
        await api("POST", f"{INCIDENTS}/{cards['id']}/updates", again, status=409)
        await api("POST", f"{INCIDENTS}/{both['id']}/updates", over, status=201)
        assert set((await _statuses(api)).values()) == {"operational"}

        # what only the merged one has on the page is about the incident that goes on
        mails = await api("POST", INCIDENTS, {**update, "name": "Mails", "incident": "INC-3"}, status=201)
        await _merge(w, 3, 4)
        mails = await _published(api, mails["id"])
        assert (mails["incident"], mails["continued_at"]) == ("INC-4", None)
        for merged in ("INC-3", "INC-4"):
            await api("POST", INCIDENTS, {**update, "name": "Again", "incident": merged}, status=409)

        # a new incident continues one that is over, which goes on in one place
        invoices = {**update, "name": "Invoices", "incident": "INC-5"}
        for refused_id in (mails["id"], "missing", cards["id"]):
            answer = await api("POST", INCIDENTS, {**invoices, "continues": refused_id}, status=409)
            assert [each["field"] for each in answer["errors"]] == ["continues"]
        await api("POST", f"{INCIDENTS}/{mails['id']}/updates", over, status=201)
        assert f'<option value="{mails["id"]}">Mails' in (await http.get(f"{INCIDENTS}/new")).text
        new = await api("POST", INCIDENTS, {**invoices, "continues": mails["id"]}, status=201)
        ids = {i["name"]: i["continued_at"] for i in await api("GET", INCIDENTS)}
        assert (ids["Invoices"], ids["Mails"]) == (None, new["id"])


async def test_an_incident_that_returns_after_a_day_is_published_again_and_linked(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        new_page = {"slug": "kestrel", "name": "K", "tz": "UTC", "service_ids": [w.service]}
        [component] = (await api("POST", "/status-pages", new_page, status=201))["components"]
        await _declare_all(w)

        def first() -> dict[str, object]:
            until = (clock.now() + timedelta(minutes=30)).isoformat()
            statuses = {str(component["id"]): "partial_outage"}
            return {
                "name": "Cards",
                "incident": "INC-1",
                "stage": "investigating",
                "body": "It fails.",
                "next_update_at": until,
                "components": statuses,
            }

        one = await api("POST", INCIDENTS, first(), status=201)
        over = {"stage": "resolved", "body": "It works again."}
        await api("POST", f"{INCIDENTS}/{one['id']}/updates", over, status=201)
        clock.advance(timedelta(hours=23))
        await api("POST", INCIDENTS, first(), status=409)
        await sign_in(w, http, w.mara)
        shown = (await http.get("/incidents/INC-1")).text
        assert "again, but customers read Resolved" in shown
        assert f'href="/status-pages/kestrel/incidents/{one["id"]}"' in shown

        clock.advance(timedelta(hours=2))
        late = {**first(), "kind": "regression"}
        late = {name: late[name] for name in ("stage", "body", "next_update_at", "kind")}
        await api("POST", f"{INCIDENTS}/{one['id']}/updates", late, status=409)
        assert "incidents/new?incident=INC-1" in (await http.get("/incidents/INC-1")).text
        form = (await http.get(f"{INCIDENTS}/new?incident=INC-1")).text
        assert f'<option value="{one["id"]}" selected>' in form
        composed = await api("GET", "/incidents/INC-1/comms")
        suggested = composed["content"]
        assert (suggested["stage"], suggested["headline"]) == ("investigating", "Cards")
        assert suggested["components"] == {str(component["id"]): "partial_outage"}
        assert "status_page:kestrel" in suggested["targets"]
        post = {
            "revision": composed["revision"],
            "targets": ["status_page:kestrel"],
            "stage": "investigating",
            "bodies": {"public": "We are sorry: it fails again."},
            "reason": "Urgent",
            "headline": "Cards fail again",
            "components": {str(component["id"]): "major_outage"},
            "next_update_at": (clock.now() + timedelta(minutes=30)).isoformat(),
        }
        assert (await api("POST", "/incidents/INC-1/comms", post, status=201))["state"] == "published"
        [second, before] = await api("GET", INCIDENTS)
        assert (before["id"], before["continued_at"], second["incident"]) == (
            one["id"],
            second["id"],
            "INC-1",
        )
        assert await _statuses(api) == {"Checkout": "major_outage"}
        await api("POST", INCIDENTS, first(), status=409)
        findings = (await api("GET", "/incidents/INC-1/checks"))["findings"]
        assert "T-FIRST" not in [each["code"] for each in findings]

        # what is resolved leaves nothing, whatever the last update says of a component
        wrong = {**over, "components": {str(component["id"]): "major_outage"}}
        await api("POST", f"{INCIDENTS}/{second['id']}/updates", wrong, status=201)
        assert await _statuses(api) == {"Checkout": "operational"}
        past = {**wrong, "name": "Past", "since": (clock.now() - timedelta(hours=1)).isoformat()}
        await api("POST", INCIDENTS, past, status=201)
        assert await _statuses(api) == {"Checkout": "operational"}
