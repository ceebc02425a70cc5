"""Services are set from a file after a preview, all of it or nothing, and exported as CSV and JSON."""

import csv
import io
import json

from firebell.kit.clock import FakeClock
from tests.api.api_clients import Api, browser, key_of, sign_in
from tests.world import world

FILE = """\
services:
  checkout:
    tier: 1
    labels: {region: eu-north}
"""


async def test_a_file_sets_only_what_it_lists_and_a_second_import_changes_nothing(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        csrf = await sign_in(w, http, w.mara)
        api = Api(http, await key_of(w.ctx.db, clock, w.mara))
        before = await api("GET", "/services/checkout")

        preview = await api("POST", "/service-import", {"file": FILE, "dry_run": True})
        changes = [(c["service"], c["field"], c["before"], c["after"]) for c in preview["changes"]]
        assert changes == [("checkout", "tier", "", "1"), ("checkout", "labels", "", "region=eu-north")]
        assert await api("GET", "/services/checkout") == before

        form = {"csrf": csrf, "text": FILE}
        shown = await http.post("/service-import", data=form)
        assert (shown.status_code, "region=eu-north" in shown.text) == (200, True)
        done = await http.post("/service-import", data={**form, "do": "import"})
        assert (done.status_code, done.headers["location"]) == (303, "/services")
        after = await api("GET", "/services/checkout")
        changed = {"tier": 1, "labels": {"region": "eu-north"}}
        assert after == {**before, **changed}
        assert (await api("POST", "/service-import", {"file": FILE}))["changes"] == []

        # one wrong line: nothing is changed
        wrong = FILE.replace("tier: 1", "tier: 2") + "  ledger: {team: nobody}\n"
        for create, line in (
            (False, "Line 5: There is no service ledger"),
            (True, "Line 5: There is no team nobody"),
        ):
            refused = await api("POST", "/service-import", {"file": wrong, "create": create}, status=422)
            assert line in refused["errors"][0]["message"]
        upload = {"file": ("services.yaml", wrong.encode(), "application/yaml")}
        page = await http.post("/service-import", data={"csrf": csrf}, files=upload)
        assert (page.status_code, "Line 5" in page.text) == (422, True)
        assert await api("GET", "/services/checkout") == after

        team = (await api("GET", "/teams"))[0]["slug"]
        new = f"kind: Component\nmetadata: {{name: ledger}}\nspec: {{owner: {team}}}\n"
        created = await api("POST", "/service-import", {"file": new, "create": True})
        assert (created["created"], created["changes"]) == (["ledger"], [])

        listed = (await http.get("/services.csv")).text
        rows = {row["slug"]: row for row in csv.DictReader(io.StringIO(listed))}
        assert (rows["checkout"]["tier"], rows["checkout"]["labels"]) == ("1", "region=eu-north")
        assert set(rows) == {"checkout", "ledger"}
        filtered = (await http.get("/services.csv", params={"tier": "1"})).text
        assert [row["slug"] for row in csv.DictReader(io.StringIO(filtered))] == ["checkout"]


async def test_an_exported_json_file_is_imported_again_and_sets_what_was_edited(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        csrf = await sign_in(w, http, w.mara)
        api = Api(http, await key_of(w.ctx.db, clock, w.mara))
        wiki = {"title": "Wiki", "url": "https://wiki.example.org/"}
        await api("PATCH", "/services/checkout", {"labels": {"region": "eu", "pci": "yes"}, "links": [wiki]})

        download = await http.get("/services.json")
        assert download.headers["content-type"] == "application/json"
        assert 'filename="services.json"' in download.headers["content-disposition"]
        exported = json.loads(download.text)
        assert exported == await api("GET", "/service-export")
        rows = {
            row["slug"]: row for row in csv.DictReader(io.StringIO((await http.get("/services.csv")).text))
        }
        [checkout] = exported["services"]
        assert list(checkout) == list(rows["checkout"])
        assert (checkout["labels"], checkout["links"]) == ({"pci": "yes", "region": "eu"}, [wiki])
        assert (await http.get("/services.json", params={"tier": "1"})).text == '{"services": []}\n'
        assert await api("GET", "/service-export?tier=1") == {"services": []}
        await api("GET", "/service-export?team=nobody", status=404)

        # the same file changes nothing, an edited one what was edited
        same = {"file": download.text, "format": "json"}
        assert (await api("POST", "/service-import", same))["changes"] == []
        edited = json.dumps(
            {"services": [{**checkout, "tier": 1, "labels": {"region": "us"}, "policy": None}]}
        )
        upload = {"file": ("services.json", edited.encode(), "application/octet-stream")}
        shown = await http.post("/service-import", data={"csrf": csrf}, files=upload)
        assert (shown.status_code, "region=us" in shown.text) == (200, True)
        assert '<option value="json" selected>' in shown.text
        assert await api("GET", "/service-export") == exported
        form = {"csrf": csrf, "text": edited, "format": "json", "do": "import"}
        done = await http.post("/service-import", data=form)
        assert (done.status_code, done.headers["location"]) == (303, "/services")
        [changed] = (await api("GET", "/service-export"))["services"]
        assert changed == {**checkout, "tier": 1, "labels": {"region": "us"}}

        # an import of one service is undone like any other change
        await api("POST", "/undo/latest")
        assert await api("GET", "/service-export") == exported

        # one wrong item: nothing is changed, on every face
        wrong = json.dumps(
            {"services": [{"slug": "checkout", "tier": 2}, {"slug": "ledger", "team": "nobody"}]}
        )
        body = {"file": wrong, "format": "json", "create": True}
        refused = await api("POST", "/service-import", body, status=422)
        assert "Item 2, team: There is no team nobody" in refused["errors"][0]["message"]
        page = await http.post(
            "/service-import", data={"csrf": csrf, "text": wrong, "format": "json", "create": "1"}
        )
        assert (page.status_code, "Item 2, team" in page.text) == (422, True)
        assert await api("GET", "/service-export") == exported
        await api("POST", "/service-import", {**same, "format": "csv"}, status=422)
        odd = await http.post("/service-import", data={"csrf": csrf, "text": wrong, "format": "csv"})
        assert odd.status_code == 422

        # only those who may change services import, and everyone who reads them exports
        reader = Api(http, await key_of(w.ctx.db, clock, w.mara, scopes=("pages:read",)))
        assert (await reader("GET", "/service-export"))["services"][0]["slug"] == "checkout"
        await reader("POST", "/service-import", same, status=403)


async def test_an_export_does_not_name_incidents_to_a_key_that_may_not_read_them(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        api = Api(http, await key_of(w.ctx.db, clock, w.mara))
        reader = Api(http, await key_of(w.ctx.db, clock, w.mara, scopes=("pages:read",)))
        declared = {"title": "Down", "severity": "SEV1", "services": ["checkout"]}
        ref = (await api("POST", "/incidents", declared, status=201))["ref"]
        [for_all] = (await api("GET", "/service-export"))["services"]
        assert (for_all["state"], for_all["because_of"]) == ("outage", ref)
        [for_reader] = (await reader("GET", "/service-export"))["services"]
        assert ref not in json.dumps(for_reader)
