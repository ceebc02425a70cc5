"""Drafts over JSON and on the web: who sees them, the same fields everywhere, and the register of breaches."""

import csv
import io
import re
from typing import Any

from firebell.incidents import actions as incidents
from firebell.incidents.model import IncidentRole
from firebell.kit.clock import FakeClock
from firebell.people import actions as people
from firebell.regulatory import actions
from tests.api.api_clients import TEST, browser, key_of, organization, sign_in
from tests.api.test_regulatory_clocks import declare

SECRET = "Card numbers of about 900 customers"


async def test_a_draft_is_the_same_on_the_web_and_over_json(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        ref = await declare(w)
        await api("POST", f"/incidents/{ref}/facts", {"fact": "personal_data"}, status=201)
        drafts = f"/incidents/{ref}/clocks/drafts"
        csrf = await sign_in(w, http, w.mara)
        page = (await http.get(f"/incidents/{ref}/clocks")).text
        assert f'action="{drafts}"' in page
        answer = await http.post(drafts, data={"csrf": csrf, "obligation": "GDPR-33"})
        assert answer.status_code == 303
        path = answer.headers["location"]
        shown = (await http.get(path)).text
        draft = await api("GET", path)
        assert f'data-missing-fields="{len(draft["not_known"])}"' in shown
        assert set(re.findall(r'id="field-(\w+)"', shown)) == {one["id"] for one in draft["fields"]}
        assert "not legal advice" in shown

        stale = {"csrf": csrf, "version": str(draft["version"] - 1), "field-records": SECRET}
        refused = await http.post(f"{path}/fields", data=stale)
        assert refused.status_code == 409
        assert SECRET in refused.text
        saved = await http.post(f"{path}/fields", data={**stale, "version": str(draft["version"])})
        assert saved.status_code == 303
        draft = await api("GET", path)
        (records,) = [one for one in draft["fields"] if one["id"] == "records"]
        assert (records["text"], records["written"], records["source"]) == (SECRET, True, "Mara Lindqvist")
        refused = await http.post(f"{path}/review", data={"csrf": csrf})
        assert refused.status_code == 409
        await api("POST", f"{path}/review", status=409)

        async with w.ctx.db.tx() as tx:
            ewa = await people.create_person(
                tx, TEST, name="Ewa", email="ewa@example.org", role="manager", tz="UTC", now=w.now
            )
        manager = api.with_key(await key_of(w.ctx.db, clock, ewa.id))
        assert (await manager("POST", f"{path}/review"))["state"] == "reviewed"
        assert (await http.post(f"{path}/sign", data={"csrf": csrf})).status_code == 303
        form = {"csrf": csrf, "at": "2031-01-01T00:00", "channel": "Online form"}
        refused = await http.post(f"{path}/sent", data=form)
        assert refused.status_code == 422
        assert 'value="2031-01-01T00:00"' in refused.text
        sent = await http.post(f"{path}/sent", data={**form, "at": "", "receipt": "4711"})
        assert sent.status_code == 303
        draft = await api("GET", path)
        assert (draft["state"], draft["channel"], draft["receipt"]) == ("sent", "Online form", "4711")
        clocks = (await api("GET", f"/incidents/{ref}/clocks"))["clocks"]
        assert [c["state"] for c in clocks if c["obligation"] == "GDPR-33"] == ["met"]
        text = await http.get(f"{path}/text/md")
        assert draft["advice"] in text.text
        assert (await http.get(f"{path}/text/txt")).headers["content-type"].startswith("text/plain")
        assert (await http.get(f"{path}/text/pdf")).status_code == 404
        assert 'data-draft="sent"' in (await http.get(path)).text

        (breach,) = await api("GET", "/clocks/breaches")
        assert (breach["incident"], breach["notified"]) == (ref, "Online form, 4711")
        assert SECRET in breach["facts"]
        assert f'data-breach="{ref}"' in (await http.get("/clocks/breaches")).text
        rows = list(
            csv.DictReader(io.StringIO((await http.get("/clocks/breaches.csv")).text.lstrip("\ufeff")))
        )
        assert [row["incident"] for row in rows] == [ref]


async def test_only_those_responsible_see_a_draft_and_no_one_reads_its_text_elsewhere(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        ref = await declare(w)
        mara = await w.actor(w.mara)
        await api("POST", f"/incidents/{ref}/facts", {"fact": "personal_data"}, status=201)
        drafts = f"/incidents/{ref}/clocks/drafts"
        draft = await api("POST", drafts, {"obligation": "GDPR-33"}, status=201)
        path = f"{drafts}/{draft['id']}"
        await api("PATCH", path, {"fields": {"records": SECRET}})
        jun = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        for method, where, body in calls(drafts, path):
            await jun(method, where, body, status=404)
        assert await jun("GET", "/clocks/breaches") == []
        await sign_in(w, http, w.jun)
        for where in (
            f"/incidents/{ref}",
            f"/incidents/{ref}/clocks",
            "/incidents",
            "/clocks",
            "/clocks/breaches",
        ):
            page = await http.get(where)
            assert page.status_code == 200
            assert SECRET not in page.text
            assert path not in page.text
        assert (await http.get(path)).status_code == 404
        for listed in (f"/incidents/{ref}/timeline", f"/incidents/{ref}/checks"):
            assert SECRET not in str(await jun("GET", listed))
        assert SECRET not in str(await api("GET", "/audit", limit=50))

        async with w.ctx.db.tx() as tx:
            await actions.set_responsible(tx, mara, w.jun, w.now)
        assert SECRET in (await jun("GET", path))["text"]
        async with w.ctx.db.tx() as tx:
            await actions.set_responsible(tx, mara, None, w.now)
            await incidents.take_role(tx, mara, 1, IncidentRole.COMMANDER, w.jun, w.now)
        assert SECRET in (await jun("GET", path))["text"]
        await jun("GET", f"{drafts}/999", status=404)
        await jun("POST", drafts, {"obligation": "NOTHING"}, status=404)


def calls(drafts: str, path: str) -> list[tuple[str, str, Any]]:
    """Return every call about drafts."""
    return [
        ("GET", drafts, None),
        ("POST", drafts, {"obligation": "GDPR-33"}),
        ("GET", path, None),
        ("PATCH", path, {"fields": {"records": "x"}}),
        ("POST", f"{path}/review", None),
        ("POST", f"{path}/sign", None),
        ("POST", f"{path}/return", {"reason": "x"}),
        ("POST", f"{path}/sent", {"channel": "x"}),
    ]
