"""A status page that is not true is a finding in the room, in the list and over JSON, until it is fixed or waived."""

from datetime import timedelta
from typing import Any

from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from tests.api.api_clients import browser, organization, sign_in
from tests.api.test_timeline_entries import INC


def maintenance_of(page: dict[str, Any], clock: FakeClock) -> dict[str, Any]:
    """Return maintenance that starts in a day."""
    return {
        "name": "Database upgrade",
        "body": "Checkout may pause.",
        "scheduled_for": (clock.now() + timedelta(days=1)).isoformat(),
        "scheduled_until": (clock.now() + timedelta(days=1, hours=2)).isoformat(),
        "component_ids": [page["components"][0]["id"]],
    }


async def test_a_page_that_is_late_and_then_resolved_too_early_is_reported(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        page = await api(
            "POST",
            "/status-pages",
            {"slug": "kestrel", "name": "Kestrel", "tz": "UTC", "service_ids": [w.service]},
            status=201,
        )
        # maintenance at the same time is no incident
        await api("POST", "/status-pages/kestrel/maintenance", maintenance_of(page, clock), status=201)
        await w.alert()
        await w.settle()
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            await incidents.declare(
                tx,
                mara,
                title="Card payments fail",
                severity=1,
                page_id=1,
                service_ids=[w.service],
                now=w.now,
            )
        clock.advance(timedelta(minutes=30))
        assert not [f for f in (await api("GET", f"{INC}/checks"))["findings"] if f["code"][:2] == "T-"]
        clock.advance(timedelta(minutes=1))
        results = await api("GET", f"{INC}/checks")
        (late,) = [f for f in results["findings"] if f["code"][:2] == "T-"]
        assert (late["code"], late["level"], late["part_of"]) == ("T-FIRST", "error", "I-STATUS")
        timeline = {f"e-{e['id']}" for e in await api("GET", f"{INC}/timeline")}
        assert {e["id"] for e in late["evidence"]} <= timeline
        await sign_in(w, http, w.mara)
        room = (await http.get(INC)).text
        assert 'title="T-FIRST"' in room
        assert 'href="/status-pages/kestrel/incidents/new?incident=INC-1"' in room
        assert f'data-checks="{results["open"]}"' in (await http.get("/incidents")).text

        # resolved at once, although the alert fires and the component was never shown as affected
        over = {
            "name": "Payments",
            "incident": "INC-1",
            "stage": "resolved",
            "body": "This is over.",
            "components": {str(page["components"][0]["id"]): "operational"},
        }
        await api("POST", "/status-pages/kestrel/incidents", over, status=201)
        resolved_at = clock.now()
        clock.advance(timedelta(minutes=1))
        findings = {f["code"]: f for f in (await api("GET", f"{INC}/checks"))["findings"]}
        assert {"T-FIRST", "T-GREEN", "T-SEVERITY", "T-RESOLVED-FIRING"} <= set(findings)
        assert any(e["id"] == "PG-1" for e in findings["T-RESOLVED-FIRING"]["evidence"])
        body = {"finding": findings["T-RESOLVED-FIRING"]["id"], "reason": "The alert is about staging"}
        waived = await api("POST", f"{INC}/checks/waivers", body)
        assert {f["code"]: f["level"] for f in waived["findings"]}["T-RESOLVED-FIRING"] == "info"

        # a customer's report from after the impact counts like an alert, until it is answered
        clock.advance(timedelta(minutes=5))
        async with w.ctx.db.tx() as tx:
            await tx.execute("update incident set impact_end = $1 where id = 1", resolved_at)
            report = await incidents.record_report(tx, mara, 1, "Still fails", w.now)
            moment = [(1, resolved_at)]
            assert await incidents.reports_open_at(tx, moment) == {(1, resolved_at): "Still fails"}
            await incidents.answer_report(tx, mara, 1, report.id, w.now)
            assert await incidents.reports_open_at(tx, moment) == {}
