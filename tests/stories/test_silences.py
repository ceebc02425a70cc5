"""Story: a silence keeps alerts from paging; what still fires at its end pages then, and nothing is lost."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from firebell.alerts import past_alert_store
from firebell.alerts.silences import actions
from firebell.alerts.silences.model import NewSilence
from firebell.kit.clock import FakeClock
from tests.api.api_clients import browser, organization, sign_in
from tests.lock_waits import until_blocked
from tests.world import World

PATH = "/silences"


async def _send(w: World, title: str, **more: Any) -> None:
    w.clock.advance(timedelta(seconds=6))
    await w.alert(title, **more)
    await w.settle()


async def _paged(w: World) -> list[str]:
    return sorted(page.title for page in await w.pages())


async def test_a_silenced_alert_pages_when_its_silence_ends(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:

        def fields(
            matchers: str, comment: str = "Reindexing", hours: float = 1, **more: Any
        ) -> dict[str, Any]:
            end = clock.now() + timedelta(hours=hours)
            return {"matchers": matchers, "comment": comment, "ends_at": end.isoformat(), **more}

        await _send(w, "queue long", labels={"job": "batch"})
        assert await _paged(w) == ["queue long"]
        for field, wrong in {
            "matchers": fields('job=~".*"'),
            "comment": fields("job=batch", " "),
            "ends_at": fields("job=batch", hours=721),
        }.items():
            refused = await api("POST", PATH, wrong, status=422)
            assert [each["field"] for each in refused["errors"]] == [field]
        preview = await api("POST", f"{PATH}/preview", {"matchers": "job=batch"})
        assert (preview["firing"], preview["matching"], preview["pages"]) == (1, 1, 1)

        # it is for all services; a later one for one service does not apply yet
        one = await api("POST", PATH, fields('job="batch"'), status=201)
        assert (one["state"], one["services"]) == ("active", [])
        assert one["author"].startswith("Mara")
        later = fields("job=web", starts_at=(clock.now() + timedelta(hours=5)).isoformat(), hours=6)
        upcoming = await api("POST", PATH, {**later, "services": ["checkout"]}, status=201)
        assert upcoming["state"] == "upcoming"
        await _send(w, "disk full", labels={"job": "batch"}, severity="critical")
        await _send(w, "FirebellDown", labels={"job": "batch", "alertname": "FirebellDown"})
        await _send(w, "slow", labels={"job": "web"})
        pages = await _paged(w)
        assert "disk full" not in pages
        [disk] = await api("GET", "/alerts", muted="true")
        assert (disk["title"], disk["page"], disk["mute"]["kind"]) == ("disk full", None, "silence")
        assert disk["mute"]["path"] == f"/silences/{one['id']}"
        assert (await api("GET", f"{PATH}/{one['id']}"))["firing"] == 1
        # of alerts that differ too much, a preview reads the newest ones
        for kinds, counts in ((1, (1, 1, True)), (20, (4, 1, False))):
            monkeypatch.setattr(past_alert_store, "MAX_KINDS", kinds)
            preview = await api("POST", f"{PATH}/preview", {"matchers": "job=web"})
            assert (preview["compared"], preview["matching"], preview["is_partial"]) == counts

        # its reason is seen wherever the alert is
        await sign_in(w, http, w.mara)
        screens = ("/", "/alerts", f"/alerts/{disk['id']}", "/services/checkout", "/silences")
        for path in (*screens, f"/silences/{one['id']}"):
            assert "Reindexing" in (await http.get(path)).text, path
        for path in ("/silences?state=upcoming", "/silences/new?alert=1", f"/silences/{one['id']}/edit"):
            assert (await http.get(path)).status_code == 200
        # an active and an upcoming silence, side by side in the week
        week = (await http.get("/silences")).text.partition('id="timeline"')[2].partition("</section>")[0]
        assert [week.count(f'class="sh win {state} ') for state in ("active", "upcoming", "expired")] == [
            1,
            1,
            0,
        ]
        empty = (await http.get("/silences", params={"week": "2026-10-05"})).text
        assert "sh win" not in empty
        assert (await http.get("/silences", params={"week": "soon"})).status_code == 422
        exported = (await http.get("/silences.csv")).text.splitlines()
        assert [line.split(",")[:2] for line in exported[1:]] == [
            [str(upcoming["id"]), "upcoming"],
            [str(one["id"]), "active"],
        ]

        # a change that still matches hides it without a page, also when there may be no more; one that does not pages
        with monkeypatch.context() as limited:
            limited.setattr(actions, "MAX_SILENCES", 2)
            await api("POST", PATH, fields("job=cron"), status=409)
            changed = await api("PUT", f"{PATH}/{one['id']}", fields('job=~"batch|web"'))
        assert changed["id"] != one["id"]
        await w.settle()
        assert await _paged(w) == pages
        assert (await api("GET", f"/alerts/{disk['id']}"))["mute"]["path"] == f"/silences/{changed['id']}"
        assert (await api("GET", f"{PATH}/{changed['id']}"))["firing"] == 1
        assert [each["id"] for each in await api("GET", PATH, state="expired")] == [one["id"]]
        await api("POST", f"{PATH}/{one['id']}/expire", status=409)
        longer = await api("PUT", f"{PATH}/{changed['id']}", fields('job=~"batch|web"', hours=3))
        assert longer["id"] == changed["id"]
        clock.advance(timedelta(hours=2))
        await w.settle()
        assert await _paged(w) == pages
        narrowed = await api("PUT", f"{PATH}/{changed['id']}", fields("job=web", hours=9))
        await w.settle()
        assert await _paged(w) == sorted([*pages, "disk full"])
        assert (await api("GET", f"/alerts/{disk['id']}"))["page"]

        # what fires again is silenced; one that resolves in time pages no one; the end pages once
        await _send(w, "slow", labels={"job": "web"}, status="resolved")
        await _send(w, "slow", labels={"job": "web"})
        await _send(w, "blip", labels={"job": "web"})
        await _send(w, "blip", labels={"job": "web"}, status="resolved")
        before = len(await w.pages())
        await api("POST", f"{PATH}/{narrowed['id']}/expire")
        await w.settle()
        assert len(await w.pages()) == before + 1
        clock.advance(timedelta(hours=130))
        states = {each["id"]: each["state"] for each in await api("GET", PATH)}
        assert states == {upcoming["id"]: "expired"}, "the others ended more than 120 hours ago"


async def test_a_silence_that_still_hides_alerts_is_listed_after_many_newer_ones(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        await sign_in(w, http, w.mara)
        monkeypatch.setattr(actions, "MAX_SILENCES", 2)
        end = (clock.now() + timedelta(hours=9)).isoformat()
        fields = {"matchers": "job=batch", "comment": "Reindexing", "ends_at": end}
        old = await api("POST", PATH, fields, status=201)
        for number in range(5):
            newer = {**fields, "matchers": f"job=deploy{number}", "comment": "Deployment"}
            short = await api("POST", PATH, newer, status=201)
            await api("POST", f"{PATH}/{short['id']}/expire")
        assert [each["id"] for each in await api("GET", PATH, state="active")] == [old["id"]]
        listed = (await http.get("/silences", params={"week": "2026-10-05"})).text
        assert "Reindexing" in listed
        assert [each["id"] for each in await api("GET", PATH)][-1] == old["id"]


async def test_matchers_with_a_character_that_cannot_be_stored_are_accepted(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api):
        text = r'"\u0000"="x", job="\x00"'
        await w.alert("Disk full")
        end = (clock.now() + timedelta(hours=1)).isoformat()
        for matchers in (text, 'a\x00b="x"'):
            taken = {"matchers": matchers, "comment": "Reindexing", "ends_at": end}
            await api("POST", PATH, taken, status=422 if "\x00" in matchers else 201)
        assert (await api("POST", f"{PATH}/preview", {"matchers": text}))["matching"] == 0
        rule = {"source_matchers": text, "target_matchers": "job=batch"}
        assert (await api("POST", "/inhibition-rules/preview", rule))["targets"] == 0
        await api("POST", "/inhibition-rules", {"name": "Odd", **rule}, status=201)
        draft = {"rules": [{"name": "Odd", "matchers": text}]}
        await api("POST", "/routing/preview", draft)
        await api("PUT", "/routing", {**draft, "based_on": 0})


async def test_extending_a_silence_keeps_what_someone_else_changes(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        csrf = await sign_in(w, http, w.mara)
        start, end = clock.now() + timedelta(hours=1), clock.now() + timedelta(hours=2)
        fields = {"matchers": "job=batch", "comment": "Reindexing", "ends_at": end.isoformat()}
        one = await api("POST", PATH, {**fields, "starts_at": start.isoformat()}, status=201)
        narrower = NewSilence('job="batch",env="test"', "Only in test", end, start)
        async with w.ctx.db.tx() as tx:
            await actions.update_silence(
                tx, await w.actor(w.jun), silence_id=one["id"], entered=narrower, now=w.now
            )
            data = {"csrf": csrf, "minutes": "60"}
            extending = asyncio.create_task(http.post(f"{PATH}/{one['id']}/extend", data=data))
            await until_blocked(w.ctx.db, extending)
        assert (await extending).status_code == 303
        stored = await api("GET", f"{PATH}/{one['id']}")
        assert (stored["comment"], stored["matchers"]) == ("Only in test", '{job="batch",env="test"}')
        assert datetime.fromisoformat(stored["ends_at"]) == end + timedelta(hours=1)
