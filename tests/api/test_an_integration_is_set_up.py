"""An integration is set up on its page, waits for its first event, says what arrived, and is tested."""

from datetime import timedelta

import pytest

from firebell.alerts import queries
from firebell.integration_setup.web import TileKind
from firebell.kit.clock import FakeClock
from firebell.people import actions as people
from firebell.people.model import Role
from tests.api.api_clients import TEST, browser, key_of, organization, sign_in


@pytest.mark.parametrize(
    ("text", "kind", "some", "none"),
    [
        ("", TileKind.ALL, "opsgenie", ""),
        ("ALERT manager", TileKind.ALL, "alertmanager", "grafana"),
        ("", TileKind.TOOLS, "grafana", "opsgenie"),
        ("pager", TileKind.DROP_IN, "pagerduty", "victorops"),
        ("no such tool", TileKind.ALL, "", "generic"),
    ],
)
def test_tiles_are_found_by_words(text: str, kind: TileKind, some: str, none: str) -> None:
    names = {source.name for source in queries.search_sources(text, is_drop_in=kind.is_drop_in)}
    assert some in names or not (some or names)
    assert none not in names


async def test_an_integration_waits_for_its_first_event_and_is_tested(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        csrf = {"csrf": await sign_in(w, http, w.mara)}
        new = "/services/checkout/integrations/new"
        assert 'name="service"' not in (await http.get(new, params={"q": "grafana"})).text
        assert "?kind=all&amp;source=grafana#name" in (await http.get(new)).text
        tiles = {"q": "graf", "kind": "tools"}
        form = {"name": "", "service": "checkout", "source": "grafana"}
        refused = await http.post(new, data={**csrf, **form, **tiles})
        assert (refused.status_code, 'aria-invalid="true"' in refused.text) == (422, True)
        # both forms keep which tiles were shown
        kept = {name: refused.text.count(f'name="{name}" value="{value}"') for name, value in tiles.items()}
        assert kept == {"q": 2, "kind": 2}
        added = await http.post(
            new, data={**csrf, "name": "Grafana eu", "service": "checkout", "source": "grafana"}
        )
        address = added.headers["location"]
        path, _, query = address.partition("?")
        assert (added.status_code, query) == (303, "source=grafana")
        api_path = path  # the same below /api/v1

        async with w.ctx.db.tx() as tx:
            key = await tx.value("select key from integration where name = 'Grafana eu'")
        assert key in (await http.get(address)).text
        # only the person who created it sees the whole key without revealing it
        async with browser(w) as colleague:
            await sign_in(w, colleague, w.jun)
            assert key not in (await colleague.get(address)).text
        assert (await api("GET", f"{api_path}/status"))["state"] == "waiting"
        # a test shows whom it would page, and pages only when it is sent; it is not a first event
        preview = await api("GET", f"{api_path}/test", severity="critical")
        assert (preview["people"], preview["service"]) == (["Mara Lindqvist"], "checkout")
        assert await w.pages() == []
        await http.post(f"{path}/test", data={**csrf, "severity": "critical"})
        status = await api("GET", f"{api_path}/status")
        assert (status["state"], status["alert_id"]) == ("waiting", None)
        sent = await api("POST", f"{api_path}/test", {"severity": "info"})
        assert (sent["alert_id"], sent["page"], sent["is_new"]) == (status["test_alert_id"], "PG-1", False)
        assert f'action="{path}/test/end"' in (await http.get(path)).text
        await http.post(f"{path}/test/end", data=csrf)
        await api("POST", f"{api_path}/test/end", status=404)
        sent = await api("POST", f"{api_path}/test", {"severity": "info"}, status=201)
        assert sent["is_new"]
        await api("POST", f"{api_path}/test/end")
        await api("POST", f"{api_path}/test", {"severity": "worst"}, status=422)
        assert (await http.post(f"{path}/test", data={**csrf, "severity": "worst"})).status_code == 422

        # an unreadable message says why, the next alert what it did; then the key is no longer shown
        assert (await http.post(f"/in/{key}/generic", content=b"{")).status_code == 202
        status = await api("GET", f"{api_path}/status")
        assert (status["state"], bool(status["error"])) == ("unreadable", True)
        clock.advance(timedelta(minutes=1))
        body = b'{"title": "Disk full", "severity": "critical"}'
        assert (await http.post(f"/in/{key}/generic", content=body)).status_code == 202
        status = await api("GET", f"{api_path}/status")
        assert (status["state"], status["title"]) == ("received", "Disk full")
        shown = (await http.get(address)).text
        assert key not in shown
        assert f'href="/alerts/{status["alert_id"]}"' in shown

        async with w.ctx.db.tx() as tx:
            await people.update_person(tx, TEST, w.jun, role=Role.VIEWER, now=w.now)
        jun = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        await jun("GET", f"{api_path}/status", status=403)
        await jun("POST", f"{api_path}/test", {}, status=403)
        assert (await http.get("/services/search/integrations/1")).status_code == 404
