"""Anomalies as a team lives them: counts, the back-test, low urgency, acceptance, and 90 days later."""

from datetime import datetime, timedelta

from firebell.alerts import actions as alerts
from firebell.anomalies import actions, count_store, store, timers
from firebell.anomalies.bins import QUARTER, BinSize, bin_of
from firebell.anomalies.model import ALERT_RULE, INTEGRATION_NAME
from firebell.kit.clock import FakeClock
from firebell.kit.db.database import Tx
from firebell.people.model import Role
from tests.api.api_clients import Api, browser, key_of, organization, sign_in
from tests.world import World

RULE = "CheckoutErrors"
CHECKOUT = "/anomalies/detectors/checkout"
SCREEN = "/metrics/anomalies/checkout"


async def _counts(w: World, ago: timedelta, *, quarters: int = 3, each: int = 12) -> None:
    """Add a storm to the counts of the past."""
    first = bin_of(w.now - ago, BinSize.QUARTER)
    async with w.ctx.db.tx() as tx:
        counts = dict.fromkeys(range(first, first + quarters), each)
        for rule in ("", RULE):
            await count_store.add_counts(tx, (w.service, rule), counts)


async def _alerts(w: World, count: int) -> None:
    for n in range(count):
        await w.alert(f"Error {w.now:%H%M} {n}", labels={"alertname": RULE})


async def _anomaly_alerts(tx: Tx) -> list[tuple[str, str, str]]:
    rows = await tx.fetch(
        "select status, severity, title from alert where labels ->> 'alertname' = $1 order by id", ALERT_RULE
    )
    return [tuple(row) for row in rows]


async def _quarters(w: World, count: int) -> None:
    """Let quarters of an hour pass, up to two minutes after the end of the last one."""
    minute = w.now.minute % 15
    wait = timedelta(minutes=(17 - minute) % 15 or 15, seconds=-w.now.second)
    await w.until(w.now + wait + (count - 1) * QUARTER, QUARTER)


async def test_a_team_reads_a_back_test_and_is_paged_by_anomalies(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        await w.alert(RULE, labels={"alertname": RULE})
        await w.settle()
        empty = await api("GET", CHECKOUT)
        assert (empty["state"], empty["backtest"]) == ("off", None)
        await api("POST", f"{CHECKOUT}/accept", {}, status=409)
        assert [one["state"] for one in await api("GET", "/anomalies/detectors")] == ["off"]
        await _counts(w, timedelta(days=90), quarters=1, each=1)
        await _counts(w, timedelta(days=20))
        await _back_test(api)
        await _refusals(w, api)
        low = await api("POST", f"{CHECKOUT}/enable", {})
        assert (low["state"], low["accepted_by"]) == ("low", None)
        await api("POST", f"{CHECKOUT}/enable", {}, status=409)
        await _low_urgency(w, api)
        await _screens(w, api)
        await _high_urgency(w, api)
        await _maintenance(w)
        await _turned_off(w, api)


async def _back_test(api: Api) -> None:
    details = await api("GET", CHECKOUT, bins="true")
    replayed, totals = details["backtest"], details["backtest"]["totals"]
    assert (totals["pages"], totals["false_pages"], totals["anomalies"]) == (1, 1, 2)
    assert (replayed["can_be_accepted"], replayed["time_zone"]) == (True, "Europe/Stockholm")
    assert len(replayed["bins"]) == 30 * 24 * 5 - replayed["unjudged_bins"]
    assert sum(one["count"] for one in replayed["bins"] if one["bin_minutes"] == 15) == 36
    assert details["rules"] == [RULE]
    assert (await api("GET", CHECKOUT, rule=RULE))["backtest"]["totals"] == totals
    assert (await api("GET", CHECKOUT, rule="Never"))["backtest"] is None


async def _refusals(w: World, api: Api) -> None:
    async with w.ctx.db.tx() as tx:
        await tx.execute("update person set role = $1 where id = $2", Role.VIEWER, w.jun)
    jun = api.with_key(await key_of(w.ctx.db, w.clock, w.jun))
    await jun("GET", CHECKOUT)
    for verb in ("enable", "accept", "disable"):
        await jun("POST", f"{CHECKOUT}/{verb}", {}, status=403)
    await api("POST", f"{CHECKOUT}/disable", {}, status=409)
    await api("POST", f"{CHECKOUT}/enable", {"rule": "Never"}, status=404)
    await api("POST", "/anomalies/detectors/none/enable", {}, status=404)
    await api("GET", "/anomalies", status=404, service="none")
    for until in ("2026-11-20T00:00:00Z", "2027-11-20T00:00:00Z"):
        await api("POST", f"{CHECKOUT}/accept", {"until": until}, status=409)
    async with w.ctx.db.tx() as tx:
        await tx.execute("update person set role = $1 where id = $2", Role.RESPONDER, w.jun)


async def _low_urgency(w: World, api: Api) -> None:
    """Two unusual quarters fire; three calm ones clear."""
    await _quarters(w, 1)
    await _alerts(w, 8)
    await _quarters(w, 1)
    async with w.ctx.db.tx() as tx:
        assert await _anomaly_alerts(tx) == []
    await _alerts(w, 9)
    await _quarters(w, 1)
    async with w.ctx.db.tx() as tx:
        ((status, severity, title),) = await _anomaly_alerts(tx)
    assert (status, severity) == ("firing", "warning")
    assert title.startswith("9 alerts of Checkout in 15 min, usually 0")
    (running,) = await api("GET", "/anomalies", firing="true", service="checkout")
    assert (running["count"], running["is_urgent"], running["cleared_at"]) == (9, False, None)
    assert (await api("GET", "/anomalies/detectors"))[0]["is_firing"] is True
    await _quarters(w, 3)
    async with w.ctx.db.tx() as tx:
        assert [status for status, _, _ in await _anomaly_alerts(tx)] == ["resolved"]
        # each alert is counted once, wherever it was folded, and none of its own
        counts = await count_store.quarters(tx, (w.service, ""), w.now - timedelta(hours=3))
        assert sum(counts.values()) == 1 + 8 + 9
    (cleared,) = await api("GET", "/anomalies")
    assert cleared["cleared_at"] is not None


async def _screens(w: World, api: Api) -> None:
    async with browser(w) as http:
        csrf = await sign_in(w, http, w.mara)
        listed = (await http.get("/metrics/anomalies")).text
        assert SCREEN in listed
        for address in (SCREEN, f"{SCREEN}?size=60", f"{SCREEN}?rule={RULE}"):
            assert "<svg" in (await http.get(address)).text
        assert (await http.get("/metrics/anomalies/none")).status_code == 404
        assert (await http.get("/metrics/anomalies?before=1")).status_code == 200
        stale = {"csrf": csrf, "rule": "", "until": "2026-01-01T00:00:00+00:00"}
        assert (await http.post(f"{SCREEN}/accept", data=stale)).status_code == 409
        assert (await http.post(f"{SCREEN}/enable", data={"csrf": csrf})).status_code == 409
        accepted = await http.post(f"{SCREEN}/accept", data={"csrf": csrf, "until": w.now.isoformat()})
        assert accepted.status_code == 303
        assert "Mara Lindqvist" in (await http.get(SCREEN)).text
    assert (await api("GET", CHECKOUT))["state"] == "high"


async def _high_urgency(w: World, api: Api) -> None:
    """One extreme quarter fires at once, with high urgency, and is what happened since."""
    await _quarters(w, 4)
    await _alerts(w, 30)
    await _quarters(w, 1)
    async with w.ctx.db.tx() as tx:
        fired = [one for one in await _anomaly_alerts(tx) if one[0] == "firing"]
    assert {severity for _, severity, _ in fired} == {"error"}
    details = await api("GET", CHECKOUT)
    assert (details["actual"]["anomalies"], details["actual"]["pages"]) == (len(fired), 1)
    assert details["predicted"]["pages"] == 2


async def _maintenance(w: World) -> None:
    """Nothing is judged under maintenance: the anomaly does not clear."""
    async with w.ctx.db.tx() as tx:
        mute = await alerts.start_mute(
            *(tx, await w.actor(w.mara), "Upgrade", "/", [w.service], ""), w.now + timedelta(hours=4), w.now
        )
    async with w.ctx.db.tx() as tx:
        running = await tx.value("select count(*) from anomaly where cleared_at is null")
    await _quarters(w, 12)
    async with w.ctx.db.tx() as tx:
        assert await tx.value("select count(*) from anomaly where cleared_at is null") == running > 0
        await alerts.end_mute(tx, await w.actor(w.mara), mute, "Upgrade", w.now)


async def _turned_off(w: World, api: Api) -> None:
    """Turning it off resolves what fires."""
    await api("POST", f"{CHECKOUT}/enable", {"rule": RULE})
    off = await api("POST", f"{CHECKOUT}/disable", {})
    assert (off["state"], off["predicted"]) == ("off", None)
    async with w.ctx.db.tx() as tx:
        assert {status for status, _, _ in await _anomaly_alerts(tx)} == {"resolved"}
    await api("POST", f"{CHECKOUT}/disable", {"rule": RULE})
    async with w.ctx.db.tx() as tx:
        assert await timers.run_counts(tx, [], w.now) == []
        assert (await count_store.progress(tx)).judged_until is None
        verbs = await tx.fetch("select action from audit where action like 'anomaly.%' order by id")
    assert [row["action"] for row in verbs] == [
        *("anomaly.enabled", "anomaly.accepted", "anomaly.enabled", "anomaly.disabled", "anomaly.disabled")
    ]
    await w.settle()


async def test_no_one_can_use_reveal_or_revoke_the_integration_of_anomalies(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api):
        senders = await api("GET", "/services/checkout/integrations")
        for _ in range(2):
            await api("POST", f"{CHECKOUT}/enable", {})
            await api("POST", f"{CHECKOUT}/disable", {})
        await api("POST", f"{CHECKOUT}/enable", {})
        async with w.ctx.db.tx() as tx:
            (own,) = await tx.fetch("select id, key from integration where name = $1", INTEGRATION_NAME)
            assert await alerts.integration_of_key(tx, own["key"]) is None
            (detector,) = await store.detectors(tx, w.service)
        assert detector.integration_id == own["id"]
        assert await api("GET", "/services/checkout/integrations") == senders
        path = f"/services/checkout/integrations/{own['id']}"
        await api("POST", f"{path}/reveal", {}, status=404)
        await api("GET", f"{path}/mail", status=404)
        await api("DELETE", path, status=404)
        async with browser(w) as http:
            await sign_in(w, http, w.mara)
            assert INTEGRATION_NAME not in (await http.get("/services/checkout")).text
        assert (await api("GET", CHECKOUT))["state"] == "learning"


async def test_alerts_of_senders_never_join_the_integration_of_anomalies(dsn: str, clock: FakeClock) -> None:
    """A service without another integration accepts nothing over the API, and can have no heartbeat."""
    async with organization(dsn, clock) as (_, api):
        await api("POST", f"{CHECKOUT}/enable", {})
        for sender in await api("GET", "/services/checkout/integrations"):
            await api("DELETE", f"/services/checkout/integrations/{sender['id']}")
        await api("POST", "/alerts", {"service": "checkout", "title": "Down"}, status=409)
        await api(
            "POST", "/heartbeats", {"service": "checkout", "name": "Backup", "period_s": 3600}, status=409
        )


async def test_a_removed_time_zone_stops_no_detector(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        await w.alert(RULE, labels={"alertname": RULE})
        await w.settle()
        await _counts(w, timedelta(days=90), quarters=1, each=1)
        await _counts(w, timedelta(days=20))
        await api("POST", f"{CHECKOUT}/enable", {})
        async with w.ctx.db.tx() as tx:
            await tx.execute("update anomaly_detector set tz = 'Europe/Removed'")
        await _low_urgency(w, api)


async def test_after_90_days_a_back_test_is_compared_with_what_happened(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        await _counts(w, timedelta(days=30), quarters=1, each=1)
        await api("POST", f"{CHECKOUT}/accept", {})
        async with w.ctx.db.tx() as tx:
            # what was not judged in time has no counts
            await actions.judge_quarters(tx, w.now)
            later: datetime = w.now + timedelta(days=90)
            assert await actions.judge_quarters(tx, later)
            (gap,) = await count_store.gaps(tx, w.now)
            assert gap.end - gap.start > timedelta(days=89)
            for _ in range(2):
                await actions.report_comparisons(tx, later)
            notices = await tx.fetch("select person_id from notice where kind = $1", actions.NOTICE_KIND)
            assert [row["person_id"] for row in notices] == [w.mara]


async def test_many_alerts_are_folded_in_batches_and_counted_once(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, _):
        await _alerts(w, 7)
        async with w.ctx.db.tx() as tx:
            assert not await actions.count_alerts(tx, w.now)
            await _rewind(tx)
            assert await count_store.fold(tx, w.now - timedelta(days=1), 3)
            tail = await count_store.unfolded(tx, (await count_store.progress(tx)).settled_id)
            folded = await count_store.quarters(tx, (w.service, RULE), w.now - timedelta(days=1))
            assert sum(folded.values()) == 3
            assert sum(tail[w.service, RULE].values()) == 4
            assert await count_store.fold(tx, w.now - timedelta(days=1), 3)
            assert not await count_store.fold(tx, w.now - timedelta(days=1), 3)
            assert await count_store.totals(tx, w.now - timedelta(days=1)) == {w.service: 7}
            assert await count_store.unfolded(tx, (await count_store.progress(tx)).settled_id) == {}


async def _rewind(tx: Tx) -> None:
    await tx.execute("delete from anomaly_count")
    await tx.execute("update anomaly_progress set settled_id = 0")
