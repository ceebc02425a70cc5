"""Services are set from a YAML file after a preview, all of it or nothing, and listed as CSV."""

import csv
import io

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
