"""Managers see, import, change and erase the subscribers of a status page on its pages; no one else sees an address."""

import re

from firebell.kit.clock import FakeClock
from tests.api.api_clients import Api, browser, key_of, organization, sign_in
from tests.world import World

OWN = "/status-pages/kestrel/subscribers"
CSV = "address,components,language\r\nops@nordpost.example,\r\nit@alvik.example,Checkout,de\r\nnobody,\r\n"


async def test_a_manager_imports_finds_changes_and_erases_subscribers(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        page = {"slug": "kestrel", "name": "Kestrel", "tz": "UTC", "service_ids": [w.service]}
        await api("POST", "/status-pages", page, status=201)
        await api("PATCH", "/status-pages/kestrel/theme", {"locales": ["de"]})
        csrf = await sign_in(w, http, w.mara)
        file = {"file": ("customers.csv", CSV.encode(), "text/csv")}
        preview = await http.post(f"{OWN}/import", data={"csrf": csrf}, files=file)
        assert (preview.status_code, "Import 2" in preview.text, "Line 4" in preview.text) == (
            200,
            True,
            True,
        )
        assert (await api("GET", OWN)) == []
        done = await http.post(f"{OWN}/import", data={"csrf": csrf, "text": CSV})
        assert done.status_code == 303
        await w.settle()
        listed = {each["address"]: each for each in await api("GET", OWN)}
        assert {each["state"] for each in listed.values()} == {"pending"}
        assert (listed["it@alvik.example"]["component_ids"], listed["it@alvik.example"]["locale"]) == (
            [1],
            "de",
        )
        refused = await http.post(f"{OWN}/import", data={"csrf": csrf, "text": "mail\r\n"})
        assert refused.status_code == 422
        shown = await http.get(f"{OWN}?q=nordpost")
        assert ("ops@nordpost.example" in shown.text, "it@alvik.example" in shown.text) == (True, False)
        exported = (await http.get(f"{OWN}.csv?state=pending")).text
        assert (exported.count("@"), exported.count(",de,"), exported.count(",en,")) == (2, 1, 1)

        one = f"{OWN}/{listed['ops@nordpost.example']['id']}"
        assert (await http.get(one)).status_code == 200
        scope = {"follows": "some", "component": "1", "kind": "incident", "min_impact": "3", "csrf": csrf}
        assert (await http.post(one, data=scope)).status_code == 303
        changed = await api("GET", one)
        assert (changed["component_ids"], changed["kinds"], changed["min_impact"]) == ([1], ["incident"], 3)
        assert (await http.post(one, data={**scope, "component": "99"})).status_code == 422
        assert (await http.post(f"{one}/erase", data={"csrf": csrf, "confirm": "x"})).status_code == 422
        erase = {"csrf": csrf, "confirm": "ops@nordpost.example"}
        assert (await http.post(f"{one}/erase", data=erase)).status_code == 303
        assert (await api("GET", one))["state"] == "erased"
        assert (await http.get(one)).status_code == 200
        invitation = {"csrf": csrf, "address": "new@nordpost.example", "channel": "email"}
        assert (await http.post(OWN, data=invitation)).status_code == 303
        await _refuses_others(w, api)
        audited = [row["action"] for row in await _audit(w)]
        assert {"subscriber.imported", "subscriber.changed", "subscriber.erased"} <= set(audited)
        assert "nordpost" not in repr(await _audit(w))


async def _audit(w: World) -> list[dict[str, object]]:
    async with w.ctx.db.tx() as tx:
        rows = await tx.fetch(
            "select action, subject, detail from audit where action like 'subscriber.%' order by id"
        )
    return [dict(row) for row in rows]


async def _refuses_others(w: World, api: Api) -> None:
    jun = api.with_key(await key_of(w.ctx.db, w.clock, w.jun))
    await jun("GET", OWN, status=403)
    await jun("GET", "/status-pages/kestrel/broadcasts", status=403)
    async with browser(w) as other:
        await sign_in(w, other, w.jun)
        assert (await other.get(OWN)).status_code == 403
        assert not re.search(r"/subscribers\b", (await other.get("/status-pages/kestrel")).text)
