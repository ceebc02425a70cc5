"""Readers of a public incident that was merged, or that goes on in a new one, are led on."""

from datetime import timedelta

from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from tests.api.api_clients import browser, organization, sign_in
from tests.api.test_status_pages import INCIDENTS, read


async def test_merged_and_new_incidents_lead_readers_on(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        new_page = {"slug": "kestrel", "name": "K", "tz": "UTC", "service_ids": [w.service]}
        await api("POST", "/status-pages", new_page, status=201)
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            for title in ("Cards", "Payments", "Mails"):
                await incidents.declare(
                    tx, mara, title=title, severity=1, commander_id=w.mara, service_ids=[w.service], now=w.now
                )
        until = (clock.now() + timedelta(minutes=30)).isoformat()
        update = {"stage": "investigating", "body": "We are looking at it.", "next_update_at": until}
        over = {"stage": "resolved", "body": "It works again."}
        cards = await api("POST", INCIDENTS, {**update, "name": "Cards", "incident": "INC-1"}, status=201)
        both = await api("POST", INCIDENTS, {**update, "name": "Payments", "incident": "INC-2"}, status=201)
        assert cards["continued_at"] is None

        # a merge leads readers on at once, also if the second incident is published later
        async with w.ctx.db.tx() as tx:
            await incidents.merge(tx, mara, 1, 2, w.now)
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
        assert "is merged, but customers still read Investigating" in shown

        # a new incident continues one that is over, which goes on in one place
        again = {**update, "name": "Payments again", "incident": "INC-3"}
        for refused in (both["id"], "missing", cards["id"]):
            answer = await api("POST", INCIDENTS, {**again, "continues": refused}, status=409)
            assert [each["field"] for each in answer["errors"]] == ["continues"]
        await api("POST", f"{INCIDENTS}/{both['id']}/updates", over, status=201)
        assert f'<option value="{both["id"]}">Payments' in (await http.get(f"{INCIDENTS}/new")).text
        new = await api("POST", INCIDENTS, {**again, "continues": both["id"]}, status=201)
        assert [i["continued_at"] for i in await api("GET", INCIDENTS)] == [None, new["id"], both["id"]]
