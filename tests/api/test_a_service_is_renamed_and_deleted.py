"""A renamed service keeps its alerts; a deleted one is gone only when nothing uses it, and loses no alert."""

from datetime import timedelta

from firebell.alerts import actions as alerts
from firebell.alerts.routing_rules.rules import Owner, RoutingRule
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import SYSTEM
from tests.api.api_clients import Api, browser, key_of, organization, sign_in
from tests.world import World, world

OWNED = RoutingRule("Owned", 'service=~".+"', owner=Owner.LABEL)


async def _route_by_label(w: World) -> None:
    async with w.ctx.db.tx() as tx:
        await alerts.save_routing(tx, SYSTEM, (OWNED,), based_on=0, now=w.now)
    w.clock.advance(timedelta(seconds=6))


async def _alert(w: World, api: Api, title: str, label: str) -> dict[str, object]:
    """Send an alert with a label `service`, and return it as it is stored."""
    w.clock.advance(timedelta(seconds=6))
    await w.alert(title, labels={"service": label})
    await w.settle()
    [alert] = await api("GET", "/alerts", q=f'title="{title}"')
    return dict(alert)


async def _token_of(w: World, name: str) -> str:
    """Return the token that undoes the newest rename of a service to this name."""
    async with w.ctx.db.tx() as tx:
        entry_id = await tx.value(
            """
            select max(id)
            from audit
            where action = 'service.changed'
                and detail ->> 'name' = $1
            """,
            name,
        )
    return w.ctx.signer.sign("undo", {"audit": entry_id}, w.now + timedelta(days=1))


async def test_alerts_that_carry_the_earlier_name_still_belong_to_a_renamed_service(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        csrf = await sign_in(w, http, w.mara)
        api = Api(http, await key_of(w.ctx.db, clock, w.mara))
        await _route_by_label(w)
        await api("POST", "/services", {"name": "Ledger Base", "team_id": 1}, status=201)
        renamed = await api("PATCH", "/services/ledger-base", {"name": "Accounts"})
        assert (renamed["slug"], renamed["earlier_names"]) == ("ledger-base", ["ledger base"])
        for number, label in enumerate(("Ledger Base", "ledger-base", "Accounts")):
            assert (await _alert(w, api, f"Full {number}", label))["service"] == "ledger-base"

        # no two services answer to one name
        for taken in ("Checkout", "checkout"):
            refused = await api("PATCH", "/services/ledger-base", {"name": taken}, status=409)
            assert refused["errors"][0]["field"] == "name"
        await api("POST", "/services", {"name": "accounts", "team_id": 1}, status=409)
        await api("PATCH", "/services/ledger-base", {"name": "  "}, status=422)
        # nor is one named like the address of another
        await api("POST", "/services", {"name": "Ledger base 2", "team_id": 1}, status=201)
        await api("PATCH", "/services/ledger-base-2", {"name": "Ledger Base"}, status=409)
        # the name that a service gave up belongs to the one that takes it
        await api("PATCH", "/services/ledger-base", {"name": "Money"})
        await api("PATCH", "/services/ledger-base", {"name": "Accounts "})
        assert (await _alert(w, api, "Money 1", "Money"))["service"] == "ledger-base"
        await api("PATCH", "/services/ledger-base-2", {"name": "Money"})
        await api("PATCH", "/services/ledger-base-2", {"name": "Ledger base 2"})
        assert (await _alert(w, api, "Money 2", "Money"))["service"] == "ledger-base-2"
        assert (await api("GET", "/services/ledger-base"))["earlier_names"] == ["ledger base"]

        form = await http.get("/services/ledger-base/edit")
        assert 'value="Accounts"' in form.text
        fields = {"csrf": csrf, "name": "Books", "was_name": "Accounts", "team": "1", "was_team": "1"}
        saved = await http.post("/services/ledger-base/edit", data=fields)
        assert (saved.status_code, saved.headers["location"]) == (303, "/services/ledger-base")
        shown = await api("GET", "/services/ledger-base")
        assert (shown["name"], shown["earlier_names"]) == ("Books", ["ledger base", "accounts"])
        await api("POST", "/undo/latest")
        shown = await api("GET", "/services/ledger-base")
        assert (shown["name"], shown["earlier_names"]) == ("Accounts", ["ledger base", "books"])


async def test_undoing_a_rename_gives_back_the_name_it_took_from_another_service(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api):
        await _route_by_label(w)
        for name in ("Ledger", "Vault", "Till"):
            await api("POST", "/services", {"name": name, "team_id": 1}, status=201)
        for name in ("Money", "Accounts"):
            await api("PATCH", "/services/ledger", {"name": name})

        async def earlier_names(slug: str) -> list[str]:
            return list((await api("GET", f"/services/{slug}"))["earlier_names"])

        await api("PATCH", "/services/vault", {"name": "Money"})
        assert await earlier_names("ledger") == ["ledger"]
        await api("POST", "/undo/latest")
        assert (await earlier_names("ledger"), await earlier_names("vault")) == (["ledger", "money"], [])
        assert (await _alert(w, api, "Money 1", "Money"))["service"] == "ledger"

        # a file renames a service, too
        await api("POST", "/service-import", {"file": "services:\n  vault: {name: Money}\n"})
        await api("POST", "/undo/latest")
        assert (await earlier_names("ledger"), await earlier_names("vault")) == (["ledger", "money"], [])

        # a service that has taken the name since then keeps it
        await api("PATCH", "/services/vault", {"name": "Money"})
        await api("PATCH", "/services/vault", {"name": "Safe"})
        await api("PATCH", "/services/till", {"name": "MONEY"})
        for name in ("Safe", "Money"):
            await api("POST", f"/undo/{await _token_of(w, name)}", status=409)
        assert (await earlier_names("ledger"), await earlier_names("vault")) == (["ledger"], ["vault"])
        assert (await _alert(w, api, "Money 2", "Money"))["service"] == "till"


async def test_undo_takes_back_no_part_of_an_import_and_changes_no_deleted_service(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api):
        await api("POST", "/services", {"name": "Ledger", "team_id": 1}, status=201)
        two = "services:\n  ledger: {tier: 1}\n  checkout: {tier: 1}\n"
        await api("POST", "/service-import", {"file": two})
        await api("POST", "/undo/latest", status=409)
        both = "services:\n  ledger: {tier: 3}\n  vault: {team: payments}\n"
        await api("POST", "/service-import", {"file": both, "create": True})
        await api("POST", "/undo/latest", status=409)
        one = "services:\n  ledger: {tier: 2}\n"
        await api("POST", "/service-import", {"file": one})
        await api("POST", "/undo/latest")
        assert (await api("GET", "/services/ledger"))["tier"] == 3

        renamed = await api("PATCH", "/services/ledger", {"name": "Books"})
        await api("DELETE", "/services/ledger")
        for name in ("Ledger", "Vault"):
            await api("PATCH", "/services/vault", {"name": name})
        await api("POST", f"/undo/{await _token_of(w, 'Books')}", status=409)
        assert (await api("GET", f"/services/ledger-deleted-{renamed['id']}"))["name"] == "Books"
        assert (await api("GET", "/services/vault"))["earlier_names"] == ["ledger"]


async def test_a_service_in_use_is_not_deleted_and_an_alert_for_a_deleted_one_pages_by_the_fallback_rule(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        csrf = await sign_in(w, http, w.mara)
        api = Api(http, await key_of(w.ctx.db, clock, w.mara))
        await _route_by_label(w)
        ledger = await api("POST", "/services", {"name": "Ledger", "team_id": 1}, status=201)
        await api("PUT", "/services/checkout/dependencies", {"depends_on": ["ledger"]})
        key = await api("POST", "/services/ledger/integrations", {"name": "Alertmanager"}, status=201)
        assert (await _alert(w, api, "Lag", "ledger"))["service"] == "ledger"

        refused = await api("DELETE", "/services/ledger", status=409)
        for reason in ("1 dependent service", "1 integration", "1 open page"):
            assert reason in refused["hint"]
        page = await http.post("/services/ledger/delete", data={"csrf": csrf})
        assert (page.status_code, "/pages?service=ledger" in page.text) == (409, True)

        await api("PUT", "/services/checkout/dependencies", {"depends_on": []})
        await api("DELETE", f"/services/ledger/integrations/{key['id']}")
        for each in await api("GET", "/pages", service="ledger"):
            await api("POST", f"/pages/{each['ref']}/resolve")
        await api(
            "POST",
            "/silences",
            {
                "matchers": 'a="b"',
                "services": ["ledger"],
                "comment": "x",
                "ends_at": (w.now + timedelta(hours=1)).isoformat(),
            },
            status=201,
        )
        assert "silence" in (await api("DELETE", "/services/ledger", status=409))["hint"]
        await api("POST", f"/silences/{(await api('GET', '/silences'))[0]['id']}/expire")

        deleted = await http.post("/services/ledger/delete", data={"csrf": csrf})
        assert (deleted.status_code, deleted.headers["location"]) == (303, "/services")
        await api("DELETE", "/services/ledger", status=404)
        assert [each["slug"] for each in await api("GET", "/services")] == ["checkout"]

        # nothing is lost: it belongs to the service of its key, pages, and says why
        lost = await _alert(w, api, "Lag again", "ledger")
        assert lost["service"] == "checkout"
        assert lost["page"]
        explained = await api("GET", f"/alerts/{lost['id']}/explain")
        assert "was deleted" in str(explained["stages"])

        # its history is found under the address that it has now
        address = f"ledger-deleted-{ledger['id']}"
        kept = await api("GET", f"/services/{address}")
        assert (kept["name"], kept["deleted_at"] is None) == ("Ledger", False)
        [earlier] = await api("GET", "/alerts", service=address)
        assert (earlier["title"], earlier["service"]) == ("Lag", address)
        for path in (
            f"/services/{address}",
            f"/alerts?service={address}",
            f"/pages?state=resolved&service={address}",
        ):
            assert (await http.get(path)).status_code == 200, path
        assert (await http.get(f"/alerts/{earlier['id']}")).status_code == 200
        await api("PATCH", f"/services/{address}", {"description": "x"}, status=404)
        await api("POST", f"/services/{address}/integrations", {"name": "x"}, status=404)

        # its name is free, and it is restored once it is free again
        again = await api("POST", "/services", {"name": "Ledger", "team_id": 1}, status=201)
        assert again["slug"] == "ledger"
        await api("POST", f"/services/{address}/restore", status=409)
        await api("PATCH", "/services/ledger", {"name": "Books"})
        await api("DELETE", "/services/ledger")
        restored = await http.post(f"/services/{address}/restore", data={"csrf": csrf})
        assert restored.headers["location"] == "/services/ledger"
        assert (await _alert(w, api, "Lag once more", "ledger"))["service"] == "ledger"
        actions = [each["action"] for each in await api("GET", "/audit")]
        assert {"service.deleted", "service.restored", "service.changed"} <= set(actions)
