"""Webhooks over JSON and on their screens: settings, the log, replays, and who sees what."""

from firebell.kit.clock import FakeClock
from tests.api.api_clients import browser, organization


async def test_a_webhook_is_created_tried_paused_and_replayed(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        url = f"{w.sink.url}/very-secret-path"
        new = {"name": "Warehouse", "url": url, "types": ["page.resolved"], "teams": ["payments"]}
        made = await api("POST", "/webhooks", new, status=201)
        path, secret = f"/webhooks/{made['id']}", made["secret"]
        assert (secret[:6], made["state"], made["teams"]) == ("whsec_", "active", ["payments"])
        await api("POST", "/webhooks", {**new, "name": "WAREHOUSE"}, status=409)
        for wrong in ({"types": ["page.gone"]}, {"url": "ftp://x"}, {"url": f"{url}#part"}):
            await api("POST", "/webhooks", {**new, "name": "Other", **wrong}, status=422)

        test = await api("POST", f"{path}/test", status=201)
        await w.settle()
        whole = await api("GET", f"{path}/deliveries/{test['id']}")
        assert (whole["state"], whole["status"], whole["attempt_log"][0]["error"]) == ("delivered", 200, "")
        assert whole["message_id"] == w.sink.headers[-1]["webhook-id"]
        assert whole["body"] == w.sink.raw[-1].decode()
        await api("POST", f"{path}/deliveries/{test['id']}/replay")
        await w.settle()
        assert [h["webhook-id"] for h in w.sink.headers[-2:]] == [whole["message_id"]] * 2
        assert len(await api("GET", f"{path}/deliveries", state="delivered")) == 1
        assert await api("GET", f"{path}/deliveries", state="failed") == []
        assert await api("POST", f"{path}/replay", {}) == {"deliveries": 0}
        await api(
            "POST", f"{path}/replay", {"since": w.now.isoformat(), "until": w.now.isoformat()}, status=422
        )
        await api("GET", f"{path}/deliveries/99999", status=404)

        assert (await api("POST", f"{path}/secret"))["secret"] != secret
        assert (await api("POST", f"{path}/pause"))["state"] == "paused"
        await api("POST", f"{path}/test", status=409)
        assert (await api("PUT", path, {**new, "types": [], "private": True}))["private"]
        assert (await api("POST", f"{path}/enable"))["types"] == []
        log = await api("GET", "/audit", limit=100)
        assert not any(text in str(log) for text in ("whsec_", "very-secret"))

        async with browser(w) as http:
            await http.post("/login", data={"email": "mara@example.org", "password": "a quiet night please"})
            page = (await http.get("/settings/webhooks/new")).text
            csrf = page.split('name="csrf" value="')[1].split('"')[0]
            form = {
                "csrf": csrf,
                "name": "Deploys",
                "url": url,
                "which": "some",
                "types": "incident.declared",
            }
            created = await http.post("/settings/webhooks", data=form)
            assert created.text.count("whsec_") == 1
            refused = await http.post("/settings/webhooks", data={**form, "name": "Third", "types": ""})
            assert refused.status_code == 422
            assert "Third" in refused.text
            own = f"/settings/webhooks/{made['id']}"
            for screen in (
                "/settings/webhooks",
                own,
                f"{own}?state=failed",
                f"{own}/deliveries/{test['id']}",
            ):
                shown = await http.get(screen)
                assert shown.status_code == 200, screen
                assert "whsec_" not in shown.text
            assert "very-secret" not in (await http.get("/settings/webhooks")).text
            ranged = {"csrf": csrf, "since": "2026-11-02T10:00", "until": "2026-11-01T10:00"}
            assert (await http.post(f"{own}/replay", data=ranged)).status_code == 422
        await api("DELETE", path, status=204)
        await api("GET", path, status=404)
