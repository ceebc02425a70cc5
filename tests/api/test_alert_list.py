"""The list of alerts: matchers, values of labels, and actions on many alerts, over JSON and on the web."""

import re
from datetime import timedelta
from itertools import chain
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from firebell.alerts import actions as alerts
from firebell.alerts.alert_list import filter_store as list_filter_store
from firebell.alerts.alert_list import listing
from firebell.kit import label_comparison
from firebell.kit.clock import FakeClock
from firebell.paging.model import PageState
from tests.api.api_clients import Api, browser, organization, sign_in
from tests.world import World


async def _send(w: World) -> None:
    for number in range(6):
        labels = {"env": "prod" if number % 2 else "test", "service": f"s{number}", "alertname": "Disk"}
        await w.alert(f"Disk {number} full", severity="critical" if number < 4 else "info", labels=labels)
    await w.settle()


async def test_alerts_are_compared_counted_and_changed_together(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        await _send(w)

        async def titles(q: str, **more: str) -> list[str]:
            listed = await api.answer("GET", "/alerts", q=q, **more)
            return [alert["title"][5] for alert in listed.json()]

        assert await titles('env="prod"') == ["5", "3", "1"]
        assert await titles('env=~"pr.*", severity!="info"') == ["3", "1"]
        assert await titles('env="test" disk 2') == ["2"]
        assert await titles('"Disk 3 full"') == ["3"]
        assert await titles('env="prod"', service="checkout", status="firing") == ["5", "3", "1"]
        assert await titles('missing="x"') == []
        refused = await api("GET", "/alerts", q="env=", status=422)
        assert refused["errors"][0]["field"] == "q"

        counted = await api("GET", "/alerts/facets", q='severity="critical"')
        assert (counted["counted"], counted["is_partial"]) == (4, False)
        values = {f["name"]: {v["value"]: v["alerts"] for v in f["values"]} for f in counted["facets"]}
        assert values == {"severity": {"critical": 4}, "env": {"prod": 2, "test": 2}}

        # the pages of the selected alerts, each once; then the alerts themselves
        ids = {alert["title"][5]: alert["id"] for alert in await api("GET", "/alerts")}
        change = {"action": "ack", "ids": [ids["0"], ids["1"], 999]}
        outcomes = await api("POST", "/alerts/bulk", change)
        assert [(o["is_done"], o["page"] is None) for o in outcomes] == [
            (True, False),
            (True, False),
            (False, True),
        ]
        assert [page.state for page in await w.pages()][:3] == [PageState.ACKED] * 2 + [PageState.TRIGGERED]
        w.clock.advance(timedelta(minutes=1))
        change = {"action": "resolve", "ids": [ids["2"], ids["4"]]}
        assert all(o["is_done"] for o in await api("POST", "/alerts/bulk", change))
        assert not any(o["is_done"] for o in await api("POST", "/alerts/bulk", change))
        await w.settle()
        assert (await w.pages())[2].state is PageState.RESOLVED
        assert await titles("disk", status="firing") == ["5", "3", "1", "0"]
        async with w.ctx.db.tx() as tx:
            assert (await alerts.alert(tx, ids["2"])).ended_by == "human"

        # the source still sees the problem: a new alert, and a new page
        await w.alert("Disk 2 full", labels={"service": "s2"})
        await w.settle()
        assert (await w.pages())[-1].state is PageState.TRIGGERED
        assert len(await w.pages()) == 7

        again = (await api("GET", "/alerts", q='"Disk 2 full"'))[0]["id"]
        around = await api("GET", f"/alerts/{again}/context")
        assert (around["earlier_count"], around["paged"], around["typical_s"]) == (1, 1, 60)
        assert [(each["id"], each["page"]) for each in around["earlier"]] == [(ids["2"], "PG-3")]

        async with browser(w) as http:
            csrf = await sign_in(w, http, w.mara)
            shown = (await http.get("/alerts", params={"q": 'env="prod"', "state": "firing"})).text
            assert "Disk 3 full" in shown
            assert "Disk 0 full" not in shown
            wrong = await http.get("/alerts", params={"q": "env="})
            assert (wrong.status_code, 'aria-invalid="true"' in wrong.text) == (422, True)
            page = (await http.get(f"/alerts/{again}")).text
            assert f'href="/alerts/{ids["2"]}"' in page.partition("Seen before")[2]
            form = {"csrf": csrf, "alert": [str(ids["1"]), str(ids["3"])]}
            silenced = await http.post("/alerts/bulk", data={**form, "do": "silence"})
            address = urlsplit(silenced.headers["location"])
            assert (address.path, parse_qs(address.query)["alert"]) == (
                "/silences/new",
                [f"{ids['1']} {ids['3']}"],
            )
            assert (
                "{alertname=&#34;Disk&#34;,env=&#34;prod&#34;}"
                in (await http.get(str(address.geturl()))).text
            )
            resolved = await http.post("/alerts/bulk", data={**form, "do": "resolve"})
            assert (resolved.status_code, resolved.headers["location"]) == (303, "/alerts")
            assert (await http.post("/alerts/bulk", data={"csrf": csrf, "do": "ack"})).status_code == 303
            assert (await http.post("/alerts/bulk", data={**form, "do": "page"})).status_code == 422
            w.clock.advance(timedelta(hours=2))
            hour = (
                await http.get("/alerts", params={"q": "disk", "range": "1h", "service": "checkout"})
            ).text
            assert "Disk 3 full" not in hour
            older = urlsplit(re.findall(r'href="(/alerts[^"]*range=7d[^"]*)"', hour)[0].replace("&amp;", "&"))
            assert parse_qs(older.query)["service"] == ["checkout"]
            assert "Disk 3 full" in (await http.get(str(older.geturl()))).text
            mistyped = await http.get("/alerts", params={"from": "yesterday"})
            assert (mistyped.status_code, 'value="yesterday"' in mistyped.text) == (422, True)
        assert await titles("disk", status="firing") == ["2", "5", "0"]

        now = w.now
        assert await titles(
            "", **{"from": (now - timedelta(hours=3)).isoformat(), "to": now.isoformat()}
        ) == [*"2543210"]
        assert await titles("disk", **{"from": now.isoformat()}) == []
        past: dict[str, Any] = {"to": (now - timedelta(hours=3)).isoformat()}
        assert await titles('env="prod"', service="checkout", **past) == []
        assert (await api("GET", "/alerts/facets", **past))["counted"] == 0
        swapped = await api("GET", "/alerts", **{"from": now.isoformat(), **past}, status=422)
        assert swapped["errors"][0]["field"] == "to"


async def test_a_search_for_a_character_that_no_alert_can_have_finds_nothing(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        await w.alert("Disk full", labels={"env": "prod"})
        await sign_in(w, http, w.mara)
        for query in (r'env="\u0000"', r'"\x00"="prod"', r'"\x00"=~"prod"', r'"\000"', r'env="\u0000" disk'):
            assert await api("GET", "/alerts", q=query) == [], query
            assert (await http.get("/alerts", params={"q": query})).status_code == 200, query
        assert len(await api("GET", "/alerts", q=r'env!="\u0000"')) == 1


async def test_alerts_are_counted_by_when_they_began(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with organization(dsn, clock) as (w, api):
        empty = await api("GET", "/alerts/histogram")
        assert empty == {"counted": 0, "is_partial": False, "bars": []}
        began = w.now
        await _send(w)
        w.clock.advance(timedelta(hours=2))
        await w.alert("Memory full", severity="warning", labels={"env": "prod"})
        await w.settle()

        async def counts(**query: str) -> list[tuple[int, int, int]]:
            shown = (await api.answer("GET", "/alerts/histogram", **query)).json()
            assert shown["counted"] == sum(bar["alerts"] for bar in shown["bars"])
            return [(b["alerts"], b["firing"], b["minor_firing"]) for b in shown["bars"] if b["alerts"]]

        assert await counts() == [(6, 6, 2), (1, 1, 1)]
        assert await counts(q='env="prod"') == [(3, 3, 1), (1, 1, 1)]
        assert await counts(q='env=~"p.*" memory') == [(1, 1, 1)]
        assert await counts(q="disk", service="checkout", status="firing") == [(6, 6, 2)]
        assert await counts(service="checkout") == await counts()
        assert await counts(muted="true") == await counts(muted="true", service="checkout") == []
        assert await counts(q='env="nowhere"') == []
        until = (began + timedelta(hours=1)).isoformat()
        limits: dict[str, Any] = {"from": (began - timedelta(days=1)).isoformat(), "to": until}
        day = await api("GET", "/alerts/histogram", **limits)
        assert day["bars"][-1]["end"] == until.replace("+00:00", "Z")
        assert sum(bar["severities"].get("critical", 0) for bar in day["bars"]) == 4
        wrong = await api("GET", "/alerts/histogram", tz="Nowhere", status=422)
        assert wrong["errors"][0]["field"] == "tz"

        async with browser(w) as http:
            await sign_in(w, http, w.mara)
            shown = (await http.get("/alerts", params={"q": 'env="prod"', "range": "24h"})).text
            bars = shown.partition("<tbody>")[2].partition("</tbody>")[0]
            first, second = (
                urlsplit(href.replace("&amp;", "&")) for href in re.findall('href="([^"]+)"', bars)
            )
            assert parse_qs(first.query)["q"] == ['env="prod"']
            narrowed = (await http.get(first.geturl())).text
            assert "Disk 5 full" in narrowed
            assert "Memory full" not in narrowed
            assert "Memory full" in (await http.get(second.geturl())).text

        # more alerts than one request counts: the bars begin at the oldest that is counted
        monkeypatch.setattr(listing, "COMPARED", 3)
        partial = await api("GET", "/alerts/histogram")
        assert (partial["counted"], partial["is_partial"]) == (3, True)
        assert sum(bar["alerts"] for bar in partial["bars"]) == 3
        assert partial["bars"][0]["alerts"] > 0


async def _pages(api: Api, query: str, at_most: int, **more: str) -> list[list[str]]:
    """Return the titles of the alerts that match, by answer; fail if there are more than `at_most` answers."""
    answers = [await api.answer("GET", "/alerts", q=query, **more)]
    while "link" in answers[-1].headers:
        assert len(answers) < at_most
        address, _, relation = answers[-1].headers["link"].partition(">; ")
        assert relation == 'rel="next"'
        answers.append(await api.answer("GET", address.removeprefix("</api/v1")))
    return [[alert["title"] for alert in answer.json()] for answer in answers]


async def test_few_matches_among_many_alerts_are_reached_step_by_step(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "COMPARED", 2)
    async with organization(dsn, clock) as (w, api):
        await _send(w)
        first, *following = await _pages(api, 'service="s1"', at_most=5)
        assert (first, [*chain(*following)]) == ([], ["Disk 1 full"])

        # a regular expression that takes too long continues from the last alert that it compared
        monkeypatch.setattr(listing, "COMPARED", 20)
        monkeypatch.setattr(label_comparison, "TIME_LIMIT_S", -1.0)
        for query in ('service=~"s[15]"', 'disk service=~"s[15]"'):
            assert [*chain(*await _pages(api, query, at_most=7))] == ["Disk 5 full", "Disk 1 full"], query


async def test_a_search_for_a_common_word_counts_the_newest_alerts_and_still_reaches_all(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with organization(dsn, clock) as (w, api):
        await w.alert("Memory full", key="disk", labels={"service": "m"})
        await _send(w)
        newest_first = [f"Disk {number} full" for number in range(5, -1, -1)]
        everything = [[title] for title in [*newest_first, "Memory full"]]
        assert await _pages(api, "disk", at_most=8, limit="1") == everything
        assert (await api("GET", "/alerts/facets", q="disk"))["is_partial"] is False

        monkeypatch.setattr(list_filter_store, "NEWEST_SEARCHED", 4)
        for constant in ("WORDS_COMPARED", "LEAST_COUNTED"):
            monkeypatch.setattr(listing, constant, 1)
        assert await _pages(api, "disk", at_most=8, limit="1") == everything
        with_matcher = await _pages(api, 'disk severity="critical"', at_most=8, limit="1")
        assert [*chain(*with_matcher)] == [*newest_first[2:], "Memory full"]
        counted = await api("GET", "/alerts/facets", q="disk")
        assert (counted["counted"], counted["is_partial"]) == (4, True)
