"""A declaration sets type and custom fields, and every list filters by both: JSON, web, CSV, CLI and saved views."""

import csv
import io

from firebell.kit.clock import FakeClock
from tests.api.api_clients import browser, organization, sign_in

REGION = {"name": "Region", "kind": "choice", "options": ["EU", "US"]}


async def test_a_declaration_sets_type_and_fields_and_every_list_filters_by_them(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        await api("POST", "/incident-fields", REGION, status=201)
        wrong = {"title": "Cards fail", "severity": "SEV3", "fields": {"region": "Mars"}}
        await api("POST", "/incidents", wrong, status=422)
        kinds = {"Cards fail": "vendor", "Keys stolen": "security", "Search is slow": "performance"}
        refs = {}
        for title, kind in kinds.items():
            body = {"title": title, "severity": "SEV3", "type": kind, "fields": {"region": "EU"}}
            refs[title] = (await api("POST", "/incidents", body, status=201))["ref"]
        await api("PUT", f"/incidents/{refs['Keys stolen']}/fields", {"values": {"region": "US"}})
        listed = await api("GET", "/incidents", type=["vendor", "security"])
        assert [i["ref"] for i in listed] == [refs["Keys stolen"], refs["Cards fail"]]
        assert [i["ref"] for i in await api("GET", "/incidents", field="region:US")] == [refs["Keys stolen"]]
        await api("GET", "/incidents", type="cosmic", status=422)

        await sign_in(w, http, w.mara)
        for query, titles in (
            ("type=vendor", ["Cards fail"]),
            ("field=region:US", ["Keys stolen"]),
            ("field=region:EU&type=performance", ["Search is slow"]),
        ):
            page = (await http.get(f"/incidents?{query}")).text
            assert [t for t in kinds if f'class="t" href="/incidents/{refs[t]}"' in page] == titles
            answer = await http.get(f"/incidents.csv?{query}")
            assert [row["title"] for row in csv.DictReader(io.StringIO(answer.text))] == titles
        view = {"list": "incidents", "name": "US", "query": "type=security&field=region:US&other=1"}
        saved = await api("POST", "/saved-views", view, status=201)
        assert saved["query"] == "state=open&type=security&field=region%3AUS"
