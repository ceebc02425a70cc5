"""The final facts of an incident, and the notification of people who wait until it can be closed."""

from datetime import timedelta

from firebell.kit.clock import FakeClock
from tests.api.api_clients import browser, key_of, organization, sign_in

FACTS = "/incidents/INC-1/final-facts"


async def test_final_facts_are_recorded_in_order_and_shown(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        await api("POST", "/incidents", {"title": "Cards fail", "severity": "SEV3"}, status=201)
        began = clock.now() - timedelta(minutes=12)
        early = {"impact_start": (began - timedelta(minutes=3)).isoformat(), "detected_at": began.isoformat()}
        shown = await api("PATCH", FACTS, {**early, "cause_category": "change"})
        assert (shown["impact_start"], shown["cause_category"]) == ("2026-11-24T02:59:00Z", "change")
        assert shown["detected_at"] == "2026-11-24T03:02:00Z"
        for wrong, field in (
            ({"detected_at": (clock.now() + timedelta(minutes=1)).isoformat()}, "detected_at"),
            ({"impact_start": (began + timedelta(minutes=1)).isoformat()}, "impact_start"),
            ({"impact_end": clock.now().isoformat()}, "impact_end"),
            ({"cause_category": "gremlins"}, "cause_category"),
        ):
            refused = await api("PATCH", FACTS, wrong, status=422)
            assert [e["field"] for e in refused["errors"]] == [field]
        await api(
            "POST", "/incidents/INC-1/entries", {"text": "Rolled back", "kind": "mitigation"}, status=201
        )
        clock.advance(timedelta(minutes=30))
        await api("POST", "/incidents/INC-1/phase", {"phase": "resolved"})
        clock.advance(timedelta(minutes=1))

        csrf = await sign_in(w, http, w.mara)
        page = (await http.get("/incidents/INC-1/close")).text
        assert 'name="impact_start" type="datetime-local" value="2026-11-24T03:59"' in page
        form = {
            "csrf": csrf,
            "impact_start": "2026-11-24T03:59",
            "detected_at": "2026-11-24T04:02",
            "impact_end": "2026-11-24T04:30",
            "affected": "18% of checkouts",
            "cause": "Pool size in build 4812",
            "cause_category": "capacity",
        }
        late = {**form, "impact_end": "2026-11-24T09:00"}
        assert (await http.post("/incidents/INC-1/close/facts", data=late)).status_code == 422
        entries = len(await api("GET", "/incidents/INC-1/timeline"))
        for _ in range(2):
            assert (await http.post("/incidents/INC-1/close/facts", data=form)).status_code == 303
        timeline = await api("GET", "/incidents/INC-1/timeline")
        assert [e["kind"] for e in timeline].count("facts") == 2
        assert len(timeline) == entries + 1
        shown = await api("GET", FACTS)
        assert (shown["impact_end"], shown["cause"]) == ("2026-11-24T03:30:00Z", "Pool size in build 4812")
        assert "18% of checkouts" in (await http.get("/incidents/INC-1/close")).text
        assert (await api("GET", "/audit", limit=1))[0]["action"] == "incident.final_facts"
        await api("PATCH", f"/people/{w.jun}", {"role": "viewer"})
        viewer = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        assert await viewer("GET", FACTS) == shown
        await viewer("PATCH", FACTS, {"cause": "x"}, status=403)


async def test_who_waits_is_notified_once_when_it_can_be_closed_and_when_it_is(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        await api("PATCH", f"/people/{w.jun}", {"role": "viewer"})
        jun = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        await api("POST", "/incidents", {"title": "Cards fail", "severity": "SEV3"}, status=201)
        watch = "/incidents/INC-1/closing/watch"
        assert (await jun("PUT", watch))["watching"] is True
        csrf = await sign_in(w, http, w.mara)
        form = {"csrf": csrf}
        assert (await http.post("/incidents/INC-1/close/watch", data=form)).status_code == 303
        assert (await api("GET", "/incidents/INC-1/closing"))["watching"] is True
        await api(
            "POST", "/incidents/INC-1/entries", {"text": "Rolled back", "kind": "mitigation"}, status=201
        )
        await api("POST", "/incidents/INC-1/phase", {"phase": "resolved"})
        await w.after(minutes=31)

        def notified() -> list[tuple[str, str]]:
            return [(m["person"].split()[0], m["title"]) for m in w.sink.got if m["event"] == "closing"]

        assert notified() == []
        await api("POST", "/incidents/INC-1/baseline", {"note": "0.4% errors"}, status=201)
        await w.after(minutes=5)
        assert sorted(notified()) == [("Jun", "INC-1 can be closed"), ("Mara", "INC-1 can be closed")]
        await http.post("/incidents/INC-1/close/watch", data={**form, "stop": "yes"})
        assert (await api("GET", "/incidents/INC-1/closing"))["watching"] is False
        await api("POST", "/incidents/INC-1/phase", {"phase": "closed"})
        await w.settle()
        assert notified()[2:] == [("Jun", "INC-1 was closed")]
        await jun("PUT", watch, status=409)


async def test_who_waits_for_an_incident_hears_of_its_end_after_a_merge_or_a_dismissal(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api):
        jun = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        titles = ("Cards fail", "Payments fail", "Keys leaked", "Search fails")
        for number, title in enumerate(titles, 1):
            body = {"title": title, "severity": "SEV3", "private": number == 3}
            await api("POST", "/incidents", body, status=201)
        for number in (1, 4):
            await jun("PUT", f"/incidents/INC-{number}/closing/watch")
        await api("POST", "/incidents/INC-1/merge", {"into": "INC-2"})
        assert (await jun("GET", "/incidents/INC-2/closing"))["watching"] is True
        await api("POST", "/incidents/INC-4/merge", {"into": "INC-3"})
        await api("POST", "/incidents/INC-2/phase", {"phase": "dismissed", "reason": "A test of the monitor"})
        await api("POST", "/incidents/INC-3/phase", {"phase": "dismissed", "reason": "A test of the monitor"})
        await w.settle()
        titles_sent = [m["title"] for m in w.sink.got if m["event"] == "closing"]
        # who may not read a private incident hears nothing of it
        assert titles_sent == ["INC-2 was dismissed"]
