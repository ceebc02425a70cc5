"""The lists of alerts, pages and incidents and the search over everything match the same words."""

from typing import Any

import pytest

from firebell.incidents import actions as incidents
from firebell.kit import search_terms
from firebell.kit.clock import FakeClock
from tests.api.api_clients import Api, organization
from tests.world import World

TITLES = ("Disk full on db-01.prod", "Café API: 5xx_rate above 5 %", "Timeout of checkout")


async def titled(w: World) -> None:
    """Let each title arrive as an alert, page someone, and become an incident."""
    mara = await w.actor(w.mara)
    for title in TITLES:
        await w.alert(title, service=title)
        await w.settle()
        async with w.ctx.db.tx() as tx:
            await incidents.declare(tx, mara, title=title, severity=3, now=w.now)


async def found(api: Api, q: str) -> dict[str, set[str]]:
    """Return the titles that each list finds."""
    everything = await api("GET", "/search", q=q)
    hits: list[dict[str, Any]] = [hit for group in everything["groups"] for hit in group["hits"]]
    hits += [everything["best"]] if everything["best"] else []
    return {
        "alerts": {alert["title"] for alert in await api("GET", "/alerts", q=q)},
        "pages": {page["title"] for page in await api("GET", "/pages", q=q)} & set(TITLES),
        "incidents": {incident["title"] for incident in await api("GET", "/incidents", q=q)},
        "search": {hit["title"] for hit in hits if hit["kind"] == "page"} & set(TITLES),
    }


MATCHES: dict[str, tuple[str, ...]] = {
    "disk": TITLES[:1],
    "FULL disk": TITLES[:1],
    "db-01.prod": TITLES[:1],
    "prod": TITLES[:1],
    "db-0": TITLES[:1],
    "cafe 5xx": TITLES[1:2],
    "CAFÉ": TITLES[1:2],
    "rate": TITLES[1:2],
    "time checkout": TITLES[2:],
    "out": (),
    "disk checkout": (),
}


async def test_every_list_searches_alike(dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    lists = ("alerts", "pages", "incidents", "search")
    expected = {q: {key: set(titles) for key in lists} for q, titles in MATCHES.items()}
    async with organization(dsn, clock) as (w, api):
        await titled(w)
        assert {q: await found(api, q) for q in MATCHES} == expected
        # nothing changes when the words are not in the newest rows
        for slice_ in (
            "alerts.alert_list.filter_store",
            "paging.page_list.store",
            "incidents.incident_list.store",
        ):
            monkeypatch.setattr(f"firebell.{slice_}.NEWEST_SEARCHED", 1)
        assert {q: await found(api, q) for q in MATCHES} == expected


async def test_a_whole_key_finds_its_alert_whatever_it_consists_of(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        for key in ("!!!", "db-01:9100/disk", "Key"):
            await w.alert(f"alert {len(key)}", key=key)
        for key in ("!!!", "db-01:9100/disk", "Key"):
            assert [alert["dedup_key"] for alert in await api("GET", "/alerts", q=key)] == [key]
        assert await api("GET", "/alerts", q="db-01:9100") == []
        assert await api("GET", "/alerts", q="%") == []


async def test_a_search_of_alerts_is_walked_like_the_list(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firebell.alerts.alert_list.filter_store.NEWEST_SEARCHED", 3)
    async with organization(dsn, clock) as (w, api):
        for number in range(12):
            await w.alert(f"{'disk' if number % 2 else 'memory'} {number}", status="firing")
        seen: list[int] = []
        query: dict[str, Any] = {"q": "disk", "limit": 4}
        while rows := await api("GET", "/alerts", **query):
            seen += [row["id"] for row in rows]
            query["before"] = seen[-1]
        assert seen == sorted({row["id"] for row in await api("GET", "/alerts", q="disk")}, reverse=True)
        assert len(seen) == 6
        firing = await api.answer("GET", "/alerts?q=disk&status=firing")
        assert [row["id"] for row in firing.json()] == seen
        assert [row["id"] for row in await api("GET", "/alerts", q="disk", service="checkout")] == seen


@pytest.mark.parametrize("text", ["%", "!!! ???", "---"])
async def test_a_search_without_a_word_says_so(dsn: str, clock: FakeClock, text: str) -> None:
    assert search_terms.parse(text).words == ()
    async with organization(dsn, clock) as (_, api):
        for path in ("/pages", "/incidents"):
            problem = await api("GET", path, q=text, status=422)
            assert "q" in str(problem)
