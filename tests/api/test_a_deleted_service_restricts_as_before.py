"""What is restricted to a service keeps it from being deleted, and is never widened to all services."""

import csv
import io
from datetime import timedelta
from typing import Any

from firebell.anomalies import actions as anomalies
from firebell.catalog import store
from firebell.incidents import actions as incidents
from firebell.incidents.model import IncidentType
from firebell.kit.clock import FakeClock
from tests.api.api_clients import Api, browser, key_of, organization, sign_in
from tests.world import World, world


async def _ledger(api: Api) -> int:
    created = await api("POST", "/services", {"name": "Ledger", "team_id": 1, "policy_id": 1}, status=201)
    return int(created["id"])


async def _hide(w: World, service_id: int) -> str:
    """Delete a service as if nothing used it, and return its address."""
    slug = f"ledger-deleted-{service_id}"
    async with w.ctx.db.tx() as tx:
        assert await store.mark_deleted(tx, service_id, slug, w.now)
    return slug


async def test_a_webhook_and_a_customer_of_a_deleted_service_get_nothing_of_other_services(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        csrf = await sign_in(w, http, w.mara)
        api = Api(http, await key_of(w.ctx.db, clock, w.mara))
        ledger = await _ledger(api)
        new = {"name": "Warehouse", "url": f"{w.sink.url}/x", "services": ["ledger"]}
        webhook = f"/webhooks/{(await api('POST', '/webhooks', new, status=201))['id']}"
        customer = (await api("POST", "/customers", {"name": "Nord", "service_ids": [ledger]}, status=201))[
            "id"
        ]
        await api("POST", f"/customers/{customer}/contacts", {"address": "ops@nord.example"}, status=201)
        hint = (await api("DELETE", "/services/ledger", status=409))["hint"]
        assert "webhook Warehouse" in hint
        assert "customer Nord" in hint

        slug = await _hide(w, ledger)
        shown = await api("GET", webhook)
        assert shown["services"] == [slug]
        same = {name: shown[name] for name in ("name", "url", "types", "teams", "services", "private")}
        assert (await api("PUT", webhook, {**same, "name": "Lake"}))["services"] == [slug]
        form = await http.get(f"/settings{webhook}")
        assert "Ledger (deleted)" in form.text
        fields = {"csrf": csrf, "name": "Pond", "url": new["url"], "which": "all", "services": str(ledger)}
        assert (await http.post(f"/settings{webhook}", data=fields)).status_code == 303
        assert (await api("GET", webhook))["services"] == [slug]
        # it can be kept, but not chosen
        await api("POST", "/webhooks", {**new, "name": "Other", "services": [slug]}, status=409)

        form = await http.get(f"/customers/{customer}")
        assert "Ledger (deleted)" in form.text
        saved = await http.post(
            f"/customers/{customer}", data={"csrf": csrf, "name": "Nordpost", "service_ids": str(ledger)}
        )
        assert saved.status_code == 303
        assert (await api("GET", f"/customers/{customer}"))["service_ids"] == [ledger]
        listed = (await http.get("/customers.csv")).text.removeprefix("\ufeff")
        [row] = csv.DictReader(io.StringIO(listed))
        assert row["services"] == slug
        await api("POST", "/customers/import", {"csv": listed})
        assert (await api("GET", f"/customers/{customer}"))["service_ids"] == [ledger]


async def test_a_component_is_given_no_deleted_service(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        ledger = await _ledger(api)
        page = {"slug": "kestrel", "name": "Kestrel", "tz": "UTC", "service_ids": [ledger]}
        [component] = (await api("POST", "/status-pages", page, status=201))["components"]
        await _hide(w, ledger)
        late = {"name": "Late", "service_ids": [ledger]}
        await api("POST", "/status-pages/kestrel/components", late, status=409)
        await api("POST", "/status-pages", {**page, "slug": "osprey"}, status=409)
        # it can be kept, but not chosen
        path = f"/status-pages/kestrel/components/{component['id']}"
        await api("PATCH", path, {"service_ids": [w.service, ledger]})
        await api("PATCH", path, {"service_ids": [w.service]})
        await api("PATCH", path, {"service_ids": [w.service, ledger]}, status=409)


async def test_a_service_is_not_deleted_while_something_waits_for_it(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        ledger = await _ledger(api)
        tomorrow = w.now + timedelta(days=1)
        page = {"slug": "kestrel", "name": "Kestrel", "tz": "UTC", "service_ids": [w.service]}
        [component] = (await api("POST", "/status-pages", page, status=201))["components"]
        window = {
            "name": "Upgrade",
            "component_ids": [component["id"]],
            "scheduled_for": tomorrow.isoformat(),
            "scheduled_until": (tomorrow + timedelta(hours=1)).isoformat(),
            "body": "We upgrade the database.",
            "muting": {"service_ids": [ledger], "matchers": ""},
        }
        await api("POST", "/status-pages/kestrel/maintenance", window, status=201)
        plan = {"scenario": "cache-stampede", "planned_for": tomorrow.isoformat(), "service_id": ledger}
        await api("POST", "/drills", plan, status=201)
        async with w.ctx.db.tx() as tx:
            await anomalies.enable(tx, await w.actor(w.mara), "ledger", "", w.now)
        hint = (await api("DELETE", "/services/ledger", status=409))["hint"]
        for use in ("maintenance window Upgrade", "1 anomaly detector", "drill "):
            assert use in hint, hint


async def test_a_refusal_shows_only_what_the_key_may_read(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        ledger = await _ledger(api)
        rule = {"name": "Merger", "service": "ledger", "severity": "SEV2", "pages": 2, "window_minutes": 10}
        await api("POST", "/declaration-rules", rule, status=201)
        async with w.ctx.db.tx() as tx:
            mara = await w.actor(w.mara)
            await incidents.declare(
                tx,
                mara,
                title="Theft",
                severity=1,
                service_ids=[ledger],
                incident_type=IncidentType.SECURITY,
                now=w.now,
            )
        hint = (await api("DELETE", "/services/ledger", status=409))["hint"]
        assert "1 open incident" in hint
        assert "Merger" in hint
        few = api.with_key(await key_of(w.ctx.db, clock, w.mara, ["oncall:write"]))
        hint = (await few("DELETE", "/services/ledger", status=409))["hint"]
        assert "declaration rules" in hint
        assert "Merger" not in hint
        assert "1 open incident" not in hint

        # who may not know of a private incident is not told by a refusal; the incident keeps its service
        jun = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        hint = (await jun("DELETE", "/services/ledger", status=409))["hint"]
        assert "incident" not in hint
        [rule] = await api("GET", "/declaration-rules")
        await api("DELETE", f"/declaration-rules/{rule['id']}", status=204)
        for each in await api("GET", "/pages", service="ledger"):
            await api("POST", f"/pages/{each['ref']}/resolve")
        await jun("DELETE", "/services/ledger")
        [incident] = await api("GET", "/incidents")
        assert incident["services"] == [f"ledger-deleted-{ledger}"]


async def test_undoing_a_deletion_brings_back_what_it_removed(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (_, api):
        await _ledger(api)
        await api("PUT", "/services/ledger/dependencies", {"depends_on": ["checkout"]})
        await api("DELETE", "/services/ledger")
        assert (await api("GET", "/services/checkout/dependencies"))["used_by"] == []
        await api("POST", "/undo/latest")
        [depends_on] = (await api("GET", "/services/ledger/dependencies"))["depends_on"]
        assert depends_on["slug"] == "checkout"

        # a service that was deleted does not keep others without their policy
        await api("DELETE", "/services/ledger")
        await api("DELETE", "/policies/payments")
        assert (await api("GET", "/services/checkout"))["policy_id"] is None
        await api("POST", "/undo/latest")
        assert (await api("GET", "/services/checkout"))["policy_id"] == 1


async def test_a_deleted_service_gets_no_key_back(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await sign_in(w, http, w.mara)
        api = Api(http, await key_of(w.ctx.db, clock, w.mara))
        ledger = await _ledger(api)
        key = await api("POST", "/services/ledger/integrations", {"name": "Grafana"}, status=201)
        revoked = await api("DELETE", f"/services/ledger/integrations/{key['id']}")
        await api("DELETE", "/services/ledger")
        await api("POST", f"/undo/{revoked['undo']['token']}", status=409)

        # home shows an unreadable message of a service that was deleted since
        async with w.ctx.db.tx() as tx:
            await tx.execute("update integration set revoked_at = null where service_id = $1", ledger)
        w.clock.advance(timedelta(seconds=6))
        await http.post(f"/api/v1/alertmanager/{key['key']}", content=b"{")
        await w.settle()
        assert (await http.get("/")).status_code == 200


async def test_a_deleted_service_is_found_by_its_earlier_address_and_in_lists(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await sign_in(w, http, w.mara)
        api = Api(http, await key_of(w.ctx.db, clock, w.mara))
        ledger = await _ledger(api)
        await api("PATCH", "/services/ledger", {"labels": {"region": "eu"}})
        deleted = await api("DELETE", "/services/ledger")
        slug = f"ledger-deleted-{ledger}"
        assert deleted["slug"] == slug
        assert (await api("GET", "/services/ledger"))["slug"] == slug
        assert "Restore service" in (await http.get("/services/ledger")).text
        assert [each["slug"] for each in await api("GET", "/services", health="deleted")] == [slug]
        assert [each["slug"] for each in await api("GET", "/services")] == ["checkout"]
        assert slug in (await http.get("/services?health=deleted")).text
        labeled = 'health=deleted&q=region="eu"'
        assert [each["slug"] for each in await api("GET", f"/services?{labeled}")] == [slug]
        assert slug in (await http.get(f"/services.csv?{labeled}")).text
        assert "Deleted" in (await http.get('/services?q=region="eu"')).text
        for filtered in (
            f"/post-mortems?q=x&service={slug}",
            f"/alerts?service={slug}",
            f"/pages?service={slug}",
            f"/incidents?service={slug}",
            f"/metrics?service={slug}",
        ):
            page = await http.get(filtered)
            assert (page.status_code, "was deleted" in page.text) == (200, False), filtered
        for path in ("/changes", "/alerts", "/pages", "/incidents"):
            assert await api("GET", path, service=slug) == []
        assert (await api("POST", "/services/ledger/restore"))["slug"] == "ledger"


async def test_a_file_is_refused_in_the_preview_if_the_import_would_be(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (_, api):
        await _ledger(api)

        async def problem(text: str, **more: Any) -> str:
            body = {"file": text, "dry_run": True, "create": True, **more}
            refused = await api("POST", "/service-import", body, status=422)
            return str(refused["errors"][0]["message"])

        taken = "services:\n  ledger:\n    name: Checkout\n"
        assert "Line 3: A service named Checkout" in await problem(taken)
        assert "Line 3: A service named Checkout" in await problem(taken, dry_run=False)
        twice = "services:\n  ledger: {name: Books}\n  checkout: {name: books}\n"
        assert "Line 2" in await problem(twice)
        await api("POST", "/service-import", {"file": twice.replace("books", "Shop")})
        swapped = "services:\n  ledger: {name: Shop}\n  checkout: {name: Books}\n"
        changes = (await api("POST", "/service-import", {"file": swapped}))["changes"]
        assert [(each["before"], each["after"]) for each in changes] == [("Books", "Shop"), ("Shop", "Books")]
        assert (await api("GET", "/services/ledger"))["earlier_names"] == ["ledger"]
        address = "services:\n  ledger: {name: Checkout}\n"
        assert "Line 2" in await problem(address)
        assert "slug" in await problem("services:\n  my.service: {team: payments}\n")
        assert "The team is empty." in await problem("services:\n  ledger: {team: }\n")

        titled = (
            "kind: Component\nmetadata: {name: search, title: Full-Text Search}\nspec: {owner: payments}\n"
        )
        created = await api("POST", "/service-import", {"file": titled, "create": True})
        assert created["created"] == ["search"]
        search = await api("GET", "/services/search")
        assert (search["name"], search["slug"]) == ("Full-Text Search", "search")
